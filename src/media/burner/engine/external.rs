//! The words of the external programs, for sites that insist: `cdrecord` (or `wodim`) for CDs, `growisofs` and
//! `dvd+rw-format` for the rest. Each is found in `PATH`, or where an override of the configuration says.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::Path;

use super::{Job, Purpose};
use crate::media::Thoroughness;
use crate::media::burner::way::Manner;
use crate::process::Command;

/// The words for a job; `None` if there are none.
pub(super) fn command(drive: &Path, job: &Job, speed: Option<NonZeroU32>) -> Option<Command> {
    if job.profile.is_cd() {
        cdrecord(drive, job, speed)
    } else {
        match job.purpose {
            Purpose::Blank(_) | Purpose::Format => dvd_rw_format(drive, job),
            // It closes a disc only by filling it with zeros: after `-M` with `-dvd-compat` it is open, as was seen on DVD-R,
            // DVD+R and BD-R.
            Purpose::Last if job.start > 0 => None,
            _ => Some(growisofs(drive, job, speed)),
        }
    }
}

/// What to do where the programs have no words for a job, as the rest of a sentence.
pub(super) fn lacking(job: &Job) -> String {
    let name = job.profile.name();
    if job.purpose == Purpose::Last {
        return format!(
            "holds a {name} with sessions, which growisofs cannot close without filling it; leave it open, as it can be read \
             all the same, or run `cback disc close` with <engine>cdrskin</engine> in the configuration"
        );
    }
    format!(
        "holds a {name}, for which the external burning programs have no such command; <engine>cdrskin</engine> has"
    )
}

fn cdrecord(drive: &Path, job: &Job, speed: Option<NonZeroU32>) -> Option<Command> {
    let mut device = OsString::from("dev=");
    device.push(drive);
    let mut command = Command::new("cdrecord")
        .arg("-v")
        .arg("gracetime=2") // the least that it takes
        .arg(device);
    if let Some(speed) = speed {
        command = command.arg(format!("speed={speed}"));
    }
    match job.purpose {
        Purpose::Blank(Thoroughness::Fast) => return Some(command.arg("blank=fast")),
        Purpose::Blank(Thoroughness::All) => return Some(command.arg("blank=all")),
        Purpose::Format => return None,
        Purpose::Session => command = command.arg("-multi"),
        Purpose::Last | Purpose::Head | Purpose::Erase => {}
    }
    Some(
        command
            .arg("-tao")
            .arg("-data")
            .arg(format!("padsize={}s", job.padding()))
            .arg(format!("tsize={}s", job.sectors))
            .arg("-"),
    )
}

/// `growisofs` takes an image from its standard input under the name `/dev/fd/0`. It would let the tray out and in by
/// itself, which is our business, and give a blank Blu-ray disc spare areas, which is nobody's unless asked for.
fn growisofs(drive: &Path, job: &Job, speed: Option<NonZeroU32>) -> Command {
    let mut command = Command::new("growisofs").arg("-use-the-force-luke=notray,tty,spare:none");
    if let Some(speed) = speed {
        command = command.arg(format!("-speed={speed}"));
    }
    if job.closes() {
        command = command.arg("-dvd-compat");
    }
    let mut target = drive.as_os_str().to_owned();
    target.push("=/dev/fd/0");
    command = match (job.manner, job.start) {
        (_, 0) => command.arg("-Z"),
        // Written at a place, whatever is there.
        (Manner::Placed, start) => command
            .arg(format!("-use-the-force-luke=seek:{start}"))
            .arg("-Z"),
        // The first number is not what mkisofs(8) says: it is where the session before has its descriptor.
        (_, start) => command
            .arg("-C")
            .arg(format!("{},{start}", job.after.unwrap_or(0) + 16))
            .arg("-M"),
    };
    command.arg(target)
}

fn dvd_rw_format(drive: &Path, job: &Job) -> Option<Command> {
    let how = match (job.purpose, job.profile.0) {
        (Purpose::Blank(Thoroughness::Fast), 0x14 | 0x17) => "-blank",
        (Purpose::Blank(Thoroughness::All), 0x14 | 0x17) => "-blank=full",
        (Purpose::Format, 0x12..=0x14 | 0x17 | 0x1a | 0x2a | 0x43) => "-force",
        // spare areas
        (Purpose::Format, 0x41) => "-ssa=default",
        _ => return None,
    };
    Some(Command::new("dvd+rw-format").arg(how).arg(drive))
}
