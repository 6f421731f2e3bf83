//! Keeping the machine awake while it burns: a drive that is suspended in the middle of a session spoils the disc.
//!
//! `systemd-inhibit` asks logind, and holds the lock as long as the program runs that it is given. That program is `cat` on
//! a pipe of ours: when we let go of the pipe, or die in whatever way, it sees the end and the lock is gone. Talking to the
//! bus ourselves would be a protocol and the passing of descriptors for the same lock. Where there is no logind, or it
//! refuses, burning goes on without a word: that was so before there was logind.

use crate::process::{Command, Running, System};

/// A lock that ends when this is dropped; `None` if there is nobody to ask.
pub(super) fn awake(system: &System<'_>, task: &str) -> Option<Running> {
    system.find("systemd-inhibit")?;
    let mut running = system.spawn(&command(task)).ok()?;
    // Nothing is ever said there.
    drop(running.stdout.take());
    Some(running)
}

fn command(task: &str) -> Command {
    Command::new("systemd-inhibit")
        .arg("--what=sleep:shutdown:idle")
        .arg("--mode=block")
        .arg("--who=cback")
        .arg(format!("--why={task} a disc"))
        .arg("cat")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::process::made;
    use std::fs;

    #[test]
    fn the_lock_is_held_until_it_is_dropped_and_nobody_to_ask_is_no_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let (program, told) = (dir.path().join("inhibit"), dir.path().join("told"));
        // It says that it has begun, does what it is given, and says that it has ended; a signal to its group ends `cat`
        // and the shell together, so the end is told by `trap`.
        let text = format!(
            "printf '%s\\n' \"$@\" >{0}\nmkfifo {0}.fifo\necho ready >{0}.fifo\nshift 4\n\"$@\"\necho ended >>{0}",
            told.display()
        );
        made::program(&program, &text);
        let tally = Tally::default();
        let system = System::new(&tally).overriding("systemd-inhibit", &program);
        let lock = awake(&system, "burning").unwrap();
        let fifo = dir.path().join("told.fifo");
        while !fifo.exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(fs::read_to_string(&fifo).unwrap(), "ready\n");
        let words =
            "--what=sleep:shutdown:idle\n--mode=block\n--who=cback\n--why=burning a disc\ncat\n";
        assert_eq!(fs::read_to_string(&told).unwrap(), words);
        // As the death of this process would: the pipe ends, and with it what holds the lock.
        assert!(lock.wait().unwrap().success());
        assert_eq!(
            fs::read_to_string(&told).unwrap(),
            format!("{words}ended\n")
        );

        let system = System::new(&tally).overriding("systemd-inhibit", dir.path().join("nothing"));
        assert!(awake(&system, "burning").is_none());
    }
}
