//! Waiting for the right disc: said to the log, on the terminal, and by a hook; looked for without wearing out the drive.

use std::path::Path;
use std::time::Duration;

use super::Context;
use crate::event::{Event, Progress, Tell as _, printable_path};
use crate::media::{Drive, Glance};
use crate::process::{Command, Runner as _, Stdout};
use crate::store::StoreError;

/// Time between two glances at a drive.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// Glances that find nothing new, after which the disc is looked at all the same: drives miss things.
const SILENT: u32 = 15;
/// A hook that takes longer is ended.
const HOOK: Duration = Duration::from_mins(5);

/// Waits until something else is in the drive than what was not right.
pub(super) fn for_disc(cx: &Context<'_>, drive: &dyn Drive, error: &StoreError) {
    let reason = error.to_string();
    cx.monitor
        .warn(format!("{reason}; waiting for another disc"));
    call(cx, drive.place(), &reason);
    let task = format!(
        "waiting for another disc in {}: {reason}",
        printable_path(drive.place())
    );
    let wrong = drive.inspect();
    let mut watch = Watch::new(matches!(wrong, Ok(None)));
    loop {
        cx.monitor.observe(&Event::Progress(Progress {
            task: &task,
            done: 0,
            total: None,
            files: None,
        }));
        cx.clock.sleep(PAUSE);
        if watch.sees(drive.glance()) == Next::Wait {
            continue;
        }
        // A drive that cannot say what it has is getting ready, or has a disc that it cannot use.
        let Ok(now) = drive.inspect() else { continue };
        watch = Watch::new(now.is_none());
        let changed = wrong.as_ref().map_or(true, |wrong| *wrong != now);
        if changed && now.is_some() {
            break;
        }
    }
    cx.monitor.observe(&Event::ProgressEnd(&task));
    cx.monitor.note("there is another disc in the drive");
}

/// Runs the hook that calls somebody to `place`, the drive or the changer.
pub(super) fn call(cx: &Context<'_>, place: &Path, reason: &str) {
    let section = cx.config.store.as_ref();
    let Some(hook) = section.and_then(|section| section.wait_hook.as_ref()) else {
        return;
    };
    let command = Command::shell(hook)
        .env("CBACK_DRIVE", place)
        .env("CBACK_REASON", reason)
        .time_limit(HOOK);
    cx.monitor.note(format!("running the hook: {command}"));
    let ended = cx.programs.run(&command, Stdout::Lines);
    if let Err(error) = ended.and_then(|ended| ended.ok(&command)) {
        cx.monitor
            .warn(format!("the hook that calls for a disc failed: {error}"));
    }
}

/// What to do after a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Wait,
    Look,
}

/// Remembers what the glances showed.
struct Watch {
    /// Whether the wrong disc has gone.
    gone: bool,
    silent: u32,
}

impl Watch {
    fn new(empty: bool) -> Self {
        Self {
            gone: empty,
            silent: 0,
        }
    }

    fn sees(&mut self, glance: Glance) -> Next {
        match glance {
            Glance::Unknown | Glance::New => Next::Look,
            Glance::Empty => {
                self.gone = true;
                Next::Wait
            }
            Glance::Held if self.gone => Next::Look,
            Glance::Held => {
                self.silent += 1;
                if self.silent.is_multiple_of(SILENT) {
                    Next::Look
                } else {
                    Next::Wait
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disc_is_looked_at_when_something_may_have_changed() {
        use Glance::{Empty, Held, New, Unknown};
        for (empty, glances, looks) in [
            (false, &[Held, Held, Held][..], "..."),
            (false, &[Held, Empty, Empty, Held], "...L"),
            (true, &[Empty, Held], ".L"),
            (true, &[Held], "L"),
            (false, &[Held, New], ".L"),
            (false, &[Unknown, Unknown], "LL"),
            (false, &[Held; 16], "..............L."),
        ] {
            let mut watch = Watch::new(empty);
            let found: String = glances
                .iter()
                .map(|glance| match watch.sees(*glance) {
                    Next::Wait => '.',
                    Next::Look => 'L',
                })
                .collect();
            assert_eq!(found, looks, "{glances:?}");
        }
    }
}
