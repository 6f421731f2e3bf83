//! The collect directory, held open: names are looked up in it and nowhere else, and no link is followed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, renameat,
    statat, unlinkat,
};
use rustix::io::Errno;

use crate::fsx;
use crate::peer::wire::Mark;

/// A directory.
pub(in crate::peer) struct Directory(File);

impl Directory {
    /// Opens the directory at `path`.
    pub(in crate::peer) fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = File::options();
        let flags = OFlags::DIRECTORY.bits().cast_signed();
        options.read(true).custom_flags(flags).open(path).map(Self)
    }

    /// The regular file `name`, and what is known of it. Never waits for a FIFO.
    pub(in crate::peer) fn file(&self, name: &OsStr) -> io::Result<(File, Stat)> {
        let file = self.look_up(name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            Ok((file, stat))
        } else {
            Err(io::Error::other("it is no regular file"))
        }
    }

    fn look_up(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if name.as_bytes().contains(&b'/') || name == ".." || name == "." || name.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.0, name, flags, mode, resolve) {
            // An old kernel. Without a slash in the name there is nothing that could lead out.
            Err(Errno::NOSYS) => Ok(openat(&self.0, name, flags, mode)?.into()),
            file => Ok(file?.into()),
        }
    }

    /// What is known of `name`, which may be a link; `None` if it is not there.
    pub(in crate::peer) fn stat(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Every name.
    pub(in crate::peer) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Writes the file `name` durably. Of one that cannot be written nothing stays: it would take room on a disk that may
    /// have none.
    pub(in crate::peer) fn write(&self, name: &OsStr, text: &[u8]) -> io::Result<()> {
        let partial = fsx::partial_path(Path::new(name)).into_os_string();
        // What is there under the partial name may be anything; it is neither opened nor written to.
        self.remove(&partial)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = self.look_up(&partial, flags, Mode::from_raw_mode(0o644))?;
        let written = file.write_all(text).and_then(|()| file.sync_all());
        let named = written.and_then(|()| Ok(renameat(&self.0, &partial, &self.0, name)?));
        if let Err(error) = named {
            // Why it could not be written matters more.
            let _ = self.remove(&partial);
            return Err(error);
        }
        fsx::sync_opened_dir(&self.0)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What changes when the file does.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)] // types differ between machines
pub(super) fn mark(stat: &Stat) -> Mark {
    let mut mark = [0; 36];
    mark[..8].copy_from_slice(&(stat.st_ino as u64).to_be_bytes());
    mark[8..16].copy_from_slice(&(stat.st_size as u64).to_be_bytes());
    let time = |seconds: i64, nanos: u64| {
        (seconds as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(nanos)
    };
    mark[16..24]
        .copy_from_slice(&time(stat.st_mtime as i64, stat.st_mtime_nsec as u64).to_be_bytes());
    mark[24..32]
        .copy_from_slice(&time(stat.st_ctime as i64, stat.st_ctime_nsec as u64).to_be_bytes());
    mark
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn what_has_the_partial_name_is_not_written_to_and_nothing_stays_after_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let opened = Directory::open(dir.path()).unwrap();
        fs::write(path("other"), "another's").unwrap();
        fs::hard_link(path("other"), path(".x.partial")).unwrap();
        opened.write(OsStr::new("x"), b"text").unwrap();
        assert_eq!(fs::read(path("other")).unwrap(), b"another's");
        // Whoever opened it would wait for a reader.
        let fifo = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
        nix::unistd::mkfifo(&path(".x.partial"), fifo).unwrap();
        opened.write(OsStr::new("x"), b"text").unwrap();
        assert_eq!(fs::read(path("x")).unwrap(), b"text");
        fs::create_dir(path("taken")).unwrap();
        opened.write(OsStr::new("taken"), b"text").unwrap_err();
        assert!(!path(".taken.partial").exists());
    }
}
