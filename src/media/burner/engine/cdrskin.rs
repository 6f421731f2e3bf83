//! The words of `cdrskin`, libburn's own program.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::Path;

use super::{Chunk, Job, Purpose};
use crate::media::Thoroughness;
use crate::media::burner::way::Manner;
use crate::media::mmc::Profile;
use crate::process::Command;

/// The words for a job. Track at once wherever it can be: it is what can be continued, and what every drive does.
pub(super) fn command(drive: &Path, job: &Job, speed: Option<NonZeroU32>) -> Command {
    let mut device = OsString::from("dev=");
    device.push(drive);
    let mut command = Command::new("cdrskin")
        .arg("-v")
        .arg(device)
        .arg("gracetime=0");
    if let Some(speed) = speed {
        command = command.arg(format!("speed={speed}"));
    }
    match job.purpose {
        Purpose::Blank(how) => return command.arg(blank(job.profile, how)),
        Purpose::Format => return command.arg(format(job.profile)),
        Purpose::Session | Purpose::Last | Purpose::Head | Purpose::Erase => {}
    }
    // A disc without sessions of its own has no end that could be marked, and `-multi` is refused.
    if !job.closes() && job.manner == Manner::Open {
        command = command.arg("-multi");
    }
    // Our own ring is before it; a second one would only hide how full that is.
    command = command.arg("fs=0");
    command = command.arg(if job.manner == Manner::AtOnce {
        "-sao"
    } else {
        "-tao"
    });
    if job.chunk == Chunk::Double {
        command = command.arg("dvd_obs=64k");
    }
    command = command.arg("-data");
    if job.manner == Manner::Placed {
        command = command.arg(format!("write_start_address={}s", job.start));
    }
    if job.padding() > 0 {
        command = command.arg(format!("padsize={}s", job.padding()));
    }
    command.arg(format!("tsize={}s", job.sectors)).arg("-")
}

/// A DVD-RW is told from a CD-RW: it can be blanked although it seems blank, which is what one needs that was blanked in a
/// hurry.
fn blank(profile: Profile, how: Thoroughness) -> &'static str {
    match (profile.is_cd(), how) {
        (true, Thoroughness::Fast) => "blank=fast",
        (true, Thoroughness::All) => "blank=all",
        (false, Thoroughness::Fast) => "blank=deformat_sequential_quickest",
        (false, Thoroughness::All) => "blank=deformat_sequential",
    }
}

fn format(profile: Profile) -> &'static str {
    match profile.0 {
        0x13 | 0x14 | 0x17 => "blank=format_overwrite",
        // spare areas of the default size
        0x41..=0x43 | 0x12 => "blank=format_defectmgt",
        0x1a | 0x2a => "blank=format_overwrite_full",
        _ => "blank=format_if_needed",
    }
}
