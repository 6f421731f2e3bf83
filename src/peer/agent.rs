//! `cback agent`: the only thing that a master's key is allowed to do on a client.
//!
//! `authorized_keys` names it as the forced command. It looks at what the master asked for
//! (`SSH_ORIGINAL_COMMAND`) and never gives any of it to a shell: it shows the collect directory, writes the
//! indicator `cback.stage` there, and runs the actions that are allowed, as `cback` itself. It understands a master
//! of ours ([`wire`](super::wire)), and the lines that Cedar Backup's copies and managed actions make.

mod directory;
mod files;
mod legacy;
mod talk;

use std::io::{BufReader, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use crate::units::{AbsPath, ActionName};
pub(super) use directory::Directory;

/// What a master may do here.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The directory that it may read.
    pub collect_dir: AbsPath,
    /// The actions that it may run.
    pub actions: Vec<ActionName>,
    /// The program that runs them, and the switches that come first.
    pub cback: Vec<PathBuf>,
}

/// How it ended, for the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// What was asked for was done.
    Yes,
    /// It is not allowed; nothing was done.
    Refused,
    /// It failed; the master was told.
    Failed,
    /// The action that was asked for ended with this status.
    Status(i32),
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    /// A master of ours wants to talk.
    Talk,
    /// `scp` of the indicator.
    Indicator,
    /// `scp` of everything.
    Everything,
    /// `scp` of `cback.stage` to here.
    Stage,
    /// An action, with the switches before it.
    Action(Vec<&'a str>),
    /// Something else.
    Other,
}

/// Serves one session: does what `asked`, the session's original command, wants if it is allowed. Where `output` is
/// a pipe, which is then given as `pipe` too, files go into it without a copy.
pub fn serve(
    allowed: &Allowed,
    asked: &str,
    input: &mut dyn Read,
    output: &mut dyn Write,
    pipe: Option<BorrowedFd<'_>>,
) -> Served {
    let asked = understand(asked, allowed);
    let mut input = BufReader::new(input);
    let served = match asked {
        Asked::Talk => talk::talk(allowed, &mut input, output, pipe),
        Asked::Indicator => legacy::send(allowed, Some(super::COLLECTED), &mut input, output),
        Asked::Everything => legacy::send(allowed, None, &mut input, output),
        Asked::Stage => legacy::receive(allowed, &mut input, output),
        Asked::Action(words) => {
            let status = talk::run(allowed, &words, &mut |bytes| output.write_all(bytes));
            return status.map_or(Served::Failed, Served::Status);
        }
        Asked::Other => {
            // Whoever asked sees it, whatever protocol it speaks.
            log::info!("refused");
            return Served::Refused;
        }
    };
    match served {
        Ok(served) => served,
        // The master has gone.
        Err(_) => Served::Failed,
    }
}

fn understand<'a>(line: &'a str, allowed: &Allowed) -> Asked<'a> {
    let dir = allowed.collect_dir.display().to_string();
    // Blanks come with a backslash before them, or as they are.
    let scp = |switch: &str, name: &str| {
        let path = format!("{dir}/{name}");
        let asked = line
            .strip_prefix("scp ")
            .and_then(|rest| rest.strip_prefix(switch));
        asked
            .and_then(|rest| rest.strip_prefix(' '))
            .is_some_and(|rest| rest == path || rest == path.replace(' ', "\\ "))
    };
    if scp("-f", super::COLLECTED) {
        return Asked::Indicator;
    }
    if scp("-f", "*") {
        return Asked::Everything;
    }
    if scp("-t", super::STAGED) {
        return Asked::Stage;
    }
    // Whatever cback is called there, with its own switches.
    if line.ends_with(&format!(" {}", super::wire::CALL)) {
        return Asked::Talk;
    }
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    match words.split_last() {
        None | Some((&"agent", [] | [_])) => Asked::Talk,
        Some((action, before)) if allowed.actions.iter().any(|own| own.as_str() == *action) => {
            // What cback is called here is our business; of the switches only these two are obeyed.
            let switches = before.iter().filter(|word| word.starts_with('-'));
            let mut kept = Vec::new();
            for switch in switches {
                if !matches!(*switch, "--full" | "--dry-run") {
                    return Asked::Other;
                }
                kept.push(*switch);
            }
            kept.push(action);
            Asked::Action(kept)
        }
        Some(_) => Asked::Other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_allowed_is_understood() {
        let allowed = Allowed {
            collect_dir: AbsPath::new("/var/c d").unwrap(),
            actions: vec!["collect".parse().unwrap(), "purge".parse().unwrap()],
            cback: vec!["/usr/bin/cback".into()],
        };
        for (line, asked) in [
            ("", Asked::Talk),
            ("cback agent", Asked::Talk),
            ("cback -c x --naming v2 agent", Asked::Talk),
            ("/usr/bin/cback3 agent", Asked::Talk),
            ("scp -f /var/c d/cback.collect", Asked::Indicator),
            ("scp -f /var/c\\ d/cback.collect", Asked::Indicator),
            ("scp -f /var/c d/*", Asked::Everything),
            ("scp -t /var/c d/cback.stage", Asked::Stage),
            ("/usr/bin/cback3 collect", Asked::Action(vec!["collect"])),
            ("cback --full purge", Asked::Action(vec!["--full", "purge"])),
            ("cback store", Asked::Other),
            ("cback --config /tmp/x collect", Asked::Other),
            ("sh -c agent", Asked::Other),
            ("scp -f /var/c d/../../etc/shadow", Asked::Other),
            ("scp -f /var/c d/cback.collect; id", Asked::Other),
            ("scp -t /var/c d/cback.collect", Asked::Other),
            ("scp -t /var/c d/", Asked::Other),
            ("/usr/lib/openssh/sftp-server", Asked::Other),
            ("internal-sftp", Asked::Other),
            ("id", Asked::Other),
        ] {
            assert_eq!(understand(line, &allowed), asked, "{line}");
        }
    }
}
