//! What the kernel believes to be in the drive.
//!
//! Linux asks a drive for the size and the sessions of its disc when it hears that another disc was put in, and keeps that, and
//! sectors that it has read, until it hears so again. Moving the tray does that; after a burn most drives say nothing. Where
//! the tray stays shut, the drive is declared offline for a moment (the `state` of a SCSI device in sysfs): the kernel, made
//! to look, finds no disc; a moment later it finds one, and asks it everything. The drive itself gets no command by that,
//! nothing that is open is closed, and its name stays. It takes root's rights.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::tray;
use crate::media::SECTOR;
use crate::media::mmc::{self, SgIo};

/// The unit of the size that sysfs tells, whatever a device's sectors are.
const SYSFS_SECTOR: u64 = 512;

/// Makes the kernel ask the drive anew what is in it.
pub(super) fn refresh(path: &Path) -> io::Result<()> {
    if tray::mounted_at(path).is_some() {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let away = Away::begin(state(path)?)?;
    look(path);
    drop(away);
    look(path);
    Ok(())
}

/// Whether [`refresh`] can do something here; why not, if not.
pub(super) fn can_refresh(path: &Path) -> io::Result<()> {
    // Opening changes nothing.
    OpenOptions::new().write(true).open(state(path)?).map(drop)
}

/// Whether the kernel believes the disc to be shorter than it is.
pub(super) fn is_short(path: &Path, drive: &SgIo) -> bool {
    let known = device(path)
        .and_then(|dir| fs::read_to_string(dir.join("size")))
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    let real = tray::ask(drive, &mmc::read_capacity(), super::PATIENCE)
        .ok()
        .and_then(|answer| mmc::capacity(&answer).ok());
    matches!((known, real), (Some(known), Some(real)) if known * SYSFS_SECTOR < real * SECTOR)
}

/// What a person with root's rights can type in its place.
pub(super) fn by_hand(path: &Path) -> String {
    let device = crate::event::printable_path(path);
    let state = state(path).map_or_else(
        |_| "/sys/block/sr0/device/state".to_owned(),
        |path| crate::event::printable_path(&path),
    );
    format!("echo offline >{state}; : <{device}; echo running >{state}")
}

/// The directory of a block device in sysfs.
fn device(path: &Path) -> io::Result<PathBuf> {
    let number = fs::metadata(path)?.rdev();
    let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
    Ok(PathBuf::from(format!("/sys/dev/block/{major}:{minor}")))
}

fn state(path: &Path) -> io::Result<PathBuf> {
    Ok(device(path)?.join("device/state"))
}

/// Opening is when the kernel looks; what comes of that here is no matter.
fn look(path: &Path) {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    drop(
        OpenOptions::new()
            .read(true)
            .custom_flags(nonblock)
            .open(path),
    );
}

/// A drive that is offline as long as this lives.
struct Away(PathBuf);

impl Away {
    fn begin(state: PathBuf) -> io::Result<Self> {
        put(&state, "offline")?;
        Ok(Self(state))
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if let Err(error) = put(&self.0, "running") {
            let state = crate::event::printable_path(&self.0);
            log::error!("the drive stays offline: cannot write `running` to {state}: {error}");
        }
    }
}

fn put(state: &Path, word: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(state)?;
    // In one piece: the kernel takes a word with its newline only.
    file.write_all(format!("{word}\n").as_bytes())
}
