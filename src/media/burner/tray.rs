//! The tray, and a drive that is not ready yet.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Burner, TrayUse, view};
use crate::media::DriveError;
use crate::media::mmc::{self, AskError, Capabilities, Command, SgIo, Tray};

/// How long a drive may take to get ready after a disc was put in.
const READY: Duration = Duration::from_mins(1);
/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// A tray is slow.
const TRAY: Duration = Duration::from_mins(1);

/// Asks, and asks again if the drive only wants to tell that something has happened, or is still getting ready.
pub(super) fn ask(
    drive: &SgIo,
    command: &Command,
    patience: Duration,
) -> Result<Vec<u8>, AskError> {
    let began = Instant::now();
    let mut attentions = 0;
    loop {
        match drive.ask(command, patience) {
            Err(error) if error.is_attention() && attentions < 8 => attentions += 1,
            Err(error) if error.is_becoming_ready() && began.elapsed() < READY => {
                thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Asks without listening to what else the drive has to tell.
fn ask_once(drive: &SgIo, command: &Command) -> Result<Vec<u8>, AskError> {
    match drive.ask(command, TRAY) {
        Err(error) if error.is_attention() => drive.ask(command, TRAY),
        answer => answer,
    }
}

/// Opens the tray.
pub(super) fn open(burner: &Burner, drive: &SgIo) -> Result<(), DriveError> {
    if burner.handling.tray == TrayUse::Forbidden {
        return Err(burner.cannot("may not be opened, as the configuration says (<no_eject>)"));
    }
    let opened = ask(drive, &mmc::tray(Tray::Open), TRAY).or_else(|_| {
        // Somebody has locked it, and is gone.
        ask(drive, &mmc::unlock(), TRAY)?;
        ask(drive, &mmc::tray(Tray::Open), TRAY)
    });
    opened.map_err(burner.fault())?;
    thread::sleep(burner.handling.eject_delay);
    Ok(())
}

/// Whether the tray goes out and in by itself, and may.
fn cycles(burner: &Burner, drive: &SgIo) -> bool {
    let moves = || {
        ask(drive, &Capabilities::command(), TRAY)
            .ok()
            .and_then(|bytes| mmc::capabilities(&bytes).ok())
            // A drive that does not say what it has is asked to do it.
            .is_none_or(|found| found.has_tray && found.ejects)
    };
    burner.handling.tray == TrayUse::Allowed && moves()
}

/// Lets the tray out and in, so that drive and kernel look at the disc anew; without a tray that closes by itself, or if
/// that may not be, the kernel is told so, as far as it takes that from us.
pub(super) fn reload(burner: &Burner, drive: &SgIo) -> Result<(), DriveError> {
    let cycles = cycles(burner, drive);
    if cycles {
        open(burner, drive)?;
        // The kernel goes on with the old size of the disc until it has seen the tray open, and then heard of a new disc;
        // and of that a drive tells only once. So it is let in before us, both times. What it says is no matter.
        drop(fs::File::open(&burner.path));
        ask_once(drive, &mmc::tray(Tray::Close)).map_err(burner.fault())?;
        drop(fs::File::open(&burner.path));
    }
    let _ = ask(drive, &mmc::unlock(), TRAY);
    thread::sleep(burner.handling.refresh_delay);
    match ask(drive, &mmc::test_unit_ready(), TRAY) {
        Err(error) if !error.is_no_medium() => return Err(burner.fault()(error)),
        _ => {}
    }
    drop(fs::File::open(&burner.path));
    if (!cycles || view::is_short(&burner.path, drive))
        && let Err(error) = view::refresh(&burner.path)
    {
        // Who burns tells the person; we read by the drive's own commands.
        log::info!("the kernel does not look at the disc anew: {error}");
    }
    Ok(())
}

/// What a person can do if the kernel goes on showing the disc as it was before.
pub(super) fn unseen(burner: &Burner, drive: &SgIo) -> Option<String> {
    if cycles(burner, drive) {
        return None;
    }
    let error = view::can_refresh(&burner.path).err()?;
    Some(format!(
        "the system may go on showing the disc as it was before, since the tray stays shut ({error}); before it is mounted, \
         take it out and put it in again, or as root: {}",
        view::by_hand(&burner.path)
    ))
}

/// Refuses a drive whose disc is mounted.
pub(super) fn check_unmounted(path: &Path) -> Result<(), DriveError> {
    match mounted_at(path) {
        None => Ok(()),
        Some(at) => Err(DriveError::Mounted {
            path: path.to_owned(),
            at,
        }),
    }
}

/// Where the disc is mounted.
pub(super) fn mounted_at(path: &Path) -> Option<String> {
    let device = fs::metadata(path).ok()?.rdev();
    let wanted = format!(
        "{}:{}",
        nix::sys::stat::major(device),
        nix::sys::stat::minor(device)
    );
    // proc(5): the third field is the device, the fifth the place.
    let table = fs::File::open("/proc/self/mountinfo").ok()?;
    for line in BufReader::new(table).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split(' ');
        if words.nth(2) == Some(wanted.as_str()) {
            return Some(words.nth(1).unwrap_or_default().to_owned());
        }
    }
    None
}
