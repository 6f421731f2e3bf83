//! The file behind the log: whole lines, appended; opened anew when it was rotated away; trouble is kept for whoever asks.
//!
//! Before each line its name is looked up: one cheap call, and nobody has to send a signal, nor know to whom. SIGHUP is
//! what a run gets when its terminal goes away; it ends the run.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{
    FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, Timespec};
use rustix::io::Errno;

use crate::units::Owner;

/// How long somebody who reads the log from a FIFO may not read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the log is, and what it is like if it has to be made.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    pub(super) owner: Owner,
}

/// Trouble with writing, seen from both sides.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    any: bool,
    first: Option<io::Error>,
}

/// The file behind the log. Writing to it never fails; what went wrong is in its [`Trouble`].
pub(super) struct Sink {
    place: Place,
    file: File,
    line: Vec<u8>,
    /// Whether a line in the file lacks its end.
    torn: bool,
    trouble: Trouble,
}

impl Trouble {
    /// The first thing that went wrong, once.
    pub(super) fn take(&self) -> Option<io::Error> {
        self.lock().first.take()
    }

    /// Whether anything went wrong.
    pub(super) fn is_any(&self) -> bool {
        self.lock().any
    }

    fn keep(&self, error: io::Error) {
        let mut told = self.lock();
        if !told.any {
            told.any = true;
            told.first = Some(error);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    /// Opens the file for appending, and makes it if there is none. The directory must exist.
    pub(super) fn open(place: Place, trouble: Trouble) -> io::Result<Self> {
        let file = place.open()?;
        let torn = place.lacks_its_end();
        Ok(Self {
            place,
            file,
            line: Vec::new(),
            torn,
            trouble,
        })
    }

    /// Follows the name if another file has it now, or none.
    fn follow(&mut self) -> io::Result<()> {
        let there = match self.place.path.metadata() {
            Ok(there) => Some((there.dev(), there.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let own = self.file.metadata()?;
        if there != Some((own.dev(), own.ino())) {
            self.file = self.place.open()?;
            self.torn = self.place.lacks_its_end();
        }
        Ok(())
    }

    fn write_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if self.torn {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = &line[..];
        // At once, so that lines of several processes stay apart.
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) => return Err(error),
            }
            self.torn = !rest.is_empty();
        }
        Ok(())
    }

    /// Waits until whoever reads the other end has read something: a backup does not stand still for ever because of its log.
    fn wait(&self) -> io::Result<()> {
        let patience = Timespec::try_from(PATIENCE).unwrap_or_default();
        let mut ready = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut ready, Some(&patience)) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "whoever reads it does not go on reading",
            )),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            // Whoever holds the old file can still be written to.
            if let Err(error) = self.follow() {
                self.trouble.keep(error);
            }
            if let Err(error) = self.write_line() {
                self.trouble.keep(error);
            }
        }
        Ok(())
    }
}

impl Place {
    /// Whether the last line in the file was cut, by a full disk perhaps. No, if that cannot be found out.
    fn lacks_its_end(&self) -> bool {
        let last = || -> io::Result<u8> {
            let stat = self.path.metadata()?;
            if !stat.is_file() || stat.len() == 0 {
                return Ok(b'\n');
            }
            let mut last = [0];
            File::open(&self.path)?.read_exact_at(&mut last, stat.len() - 1)?;
            Ok(last[0])
        };
        last().is_ok_and(|last| last != b'\n')
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        // A FIFO would be waited for until somebody reads it.
        let patient = OFlags::NONBLOCK.bits().cast_signed();
        options.append(true).mode(self.mode).custom_flags(patient);
        match options.clone().create_new(true).open(&self.path) {
            Ok(file) => {
                // The umask may have taken something away.
                file.set_permissions(Permissions::from_mode(self.mode))?;
                if let Ok(ids) = self.owner.lookup() {
                    // Only root can, and only on some file systems.
                    let _ = fchown(&file, Some(ids.uid), Some(ids.gid));
                }
                Ok(file)
            }
            // A dangling link says so too; it is followed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let opened = options.create(true).open(&self.path);
                opened.map_err(|error| match Errno::from_io_error(&error) {
                    Some(Errno::NXIO) => io::Error::other("it is a FIFO that nobody reads"),
                    _ => error,
                })
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn sink(path: PathBuf) -> (Sink, Trouble) {
        let place = Place {
            path,
            mode: 0o600,
            owner: Owner {
                user: "no-such-user".to_owned(),
                group: "no-such-group".to_owned(),
            },
        };
        let trouble = Trouble::default();
        (Sink::open(place, trouble.clone()).unwrap(), trouble)
    }

    fn say(sink: &mut Sink, text: &str) {
        write!(sink, "{text}").unwrap();
        writeln!(sink).unwrap();
        sink.flush().unwrap();
    }

    #[test]
    fn a_log_that_was_moved_or_removed_begins_anew_under_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("log"), dir.path().join("log.1"));
        let (mut sink, trouble) = sink(path.clone());
        say(&mut sink, "one");
        fs::rename(&path, &old).unwrap();
        say(&mut sink, "two");
        assert_eq!(fs::read_to_string(&old).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
        fs::remove_file(&path).unwrap();
        // Somebody else makes it first: its mode stays.
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        say(&mut sink, "three");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o644);
        // Copied and emptied.
        File::create(&path).unwrap();
        say(&mut sink, "four");
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
        assert!(!trouble.is_any());
    }

    #[test]
    fn trouble_is_told_once_and_the_old_file_still_takes_lines() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("dir");
        fs::create_dir(&dir).unwrap();
        let (mut sink, trouble) = sink(dir.join("log"));
        let moved = home.path().join("moved");
        fs::rename(&dir, &moved).unwrap();
        say(&mut sink, "one");
        say(&mut sink, "two");
        assert_eq!(fs::read_to_string(moved.join("log")).unwrap(), "one\ntwo\n");
        assert_eq!(trouble.take().unwrap().kind(), io::ErrorKind::NotFound);
        assert!(trouble.take().is_none() && trouble.is_any());
    }
}
