//! A disc that gives way keeps its bytes and gets the name of its label, never over another file.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::FileDrive;
use crate::fsx;
use crate::media::DriveError;

/// Gives the file at `target`, open as `old`, a second name made of `label`, and says which. The caller
/// then replaces the first name: the target is never without a disc. Where the file system has no hard
/// links, the file is renamed.
pub(super) fn keep(
    drive: &FileDrive,
    old: &File,
    target: &Path,
    label: &[u8],
) -> Result<PathBuf, DriveError> {
    let fault = drive.io("set aside");
    let ours = old.metadata().map_err(&fault)?;
    for number in 1..u32::MAX {
        let path = target.with_file_name(name(label, number));
        match std::fs::symlink_metadata(&path) {
            // An interrupted run has done it already.
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => return Ok(path),
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fault(error)),
        }
        match second_name(target, &path) {
            Ok(()) => {
                fsx::sync_dir(fsx::parent(&path)).map_err(&fault)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fault(error)),
        }
    }
    Err(fault(io::ErrorKind::AlreadyExists.into()))
}

/// Gives the file at `target` the name `path`, of which the caller has seen that it is free.
fn second_name(target: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match std::fs::hard_link(target, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
        linked => return linked,
    }
    match renameat_with(CWD, target, CWD, path, RenameFlags::NOREPLACE) {
        // Many file systems that are programs know no rename that replaces nothing.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => std::fs::rename(target, path),
        renamed => Ok(renamed?),
    }
}

/// `CEDAR BACKUP 21-NOV-2026.iso`, then `CEDAR BACKUP 21-NOV-2026-2.iso`. A stranger's label cannot lead
/// elsewhere, hide the file, or break a line.
fn name(label: &[u8], number: u32) -> OsString {
    let sound = |byte: u8| byte != b'/' && byte >= b' ' && byte != 127;
    let mut name: Vec<u8> = label
        .iter()
        .map(|&byte| if sound(byte) { byte } else { b'_' })
        .collect();
    if name.is_empty() {
        name = b"unlabelled".to_vec();
    }
    if name[0] == b'.' {
        name[0] = b'_';
    }
    if number > 1 {
        name.extend_from_slice(format!("-{number}").as_bytes());
    }
    name.extend_from_slice(b".iso");
    OsString::from_vec(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_becomes_a_name_that_leads_nowhere_else() {
        let ours = &b"CEDAR BACKUP 21-NOV-2026"[..];
        for (label, number, expected) in [
            (ours, 1, "CEDAR BACKUP 21-NOV-2026.iso"),
            (ours, 2, "CEDAR BACKUP 21-NOV-2026-2.iso"),
            (b"../../etc/passwd", 1, "_._.._etc_passwd.iso"),
            (b"a\nb", 1, "a_b.iso"),
            (b"", 3, "unlabelled-3.iso"),
        ] {
            assert_eq!(name(label, number), expected);
        }
    }
}
