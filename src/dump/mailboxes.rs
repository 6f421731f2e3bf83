//! Dumping mailboxes: single ones, and directories of them.
//!
//! A full dump is the mailbox as it is, whatever is in it. An incremental has the messages that came since the last
//! dump of an earlier day, so that a second dump of a day replaces the first and loses nothing.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use rustix::fs::OFlags;

use super::mailbox::copy_newer;
use super::state::{MailState, State};
use super::{DumpError, Dumper};
use crate::archive::{Compression, Kind, Member, Timestamp, Writer};
use crate::event::{Problem, Tell as _, printable};
use crate::fsx::{self, Exact, Fate};
use crate::units::{AbsPath, ArchiveName, Weekday};

/// A mailbox, or a directory of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailboxes {
    /// Where it is.
    pub path: AbsPath,
    /// What its files are called.
    pub name: ArchiveName,
    /// How the dump is packed.
    pub compression: Compression,
}

/// Whether everything is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything.
    Full,
    /// What came since this.
    Since(MailState),
}

impl Wanted {
    /// The time since which a dump of `today` has to have everything.
    fn since(&self, today: crate::units::Day) -> Option<NaiveDateTime> {
        match self {
            Self::Full => None,
            Self::Since(known) if known.state.day == today => known.since,
            Self::Since(known) => Some(known.last),
        }
    }
}

impl Dumper<'_> {
    /// How far the dumps of `mailboxes` have come. State that cannot be read is told and counts as none: then
    /// everything is dumped.
    pub fn mail_state(&self, mailboxes: &Mailboxes, start: Weekday) -> Option<MailState> {
        MailState::load(self.place(start), &mailboxes.name).unwrap_or_else(|error| {
            self.monitor
                .warn(format!("{error}; everything is dumped instead"));
            None
        })
    }

    /// Dumps one mailbox. `now` is the local time before anything was read.
    pub fn mailbox(
        &self,
        mailbox: &Mailboxes,
        wanted: &Wanted,
        now: NaiveDateTime,
        start: Weekday,
    ) -> Result<(), DumpError> {
        let way = mailbox.compression;
        let since = wanted.since(self.day);
        let path = mailbox.path.as_path();
        let fault = |source| DumpError::Read {
            path: path.to_owned(),
            source,
        };
        let file = open(path).map_err(fault)?;
        let mut shrunk = None;
        let stem = self.mail_stem(&mailbox.name);
        let target = self
            .collect_dir
            .join(super::with_suffix(&stem, way.suffix()));
        self.write(&stem, way.suffix(), way, |out| {
            shrunk = copy(file, since, out).map_err(|source| {
                // Nobody who reads lacks room.
                if fsx::is_full(&source) {
                    DumpError::Write {
                        path: target.as_path().to_owned(),
                        source,
                    }
                } else {
                    fault(source)
                }
            })?;
            Ok(())
        })?;
        if let Some(bytes) = shrunk {
            let reason = format!("shrank to {bytes} bytes while it was dumped");
            self.monitor.problem(&Problem::with_file(path, &reason));
            // What is lost today has to be in the next incremental.
            return Ok(());
        }
        self.noted(mailbox, wanted, since, now, start)
    }

    /// Dumps the mailboxes at `files`, which are in the directory, into one archive. One that cannot be read is a
    /// problem, and the others go on.
    pub fn mailboxes(
        &self,
        dir: &Mailboxes,
        files: &[PathBuf],
        wanted: &Wanted,
        now: NaiveDateTime,
        start: Weekday,
    ) -> Result<(), DumpError> {
        let way = dir.compression;
        let since = wanted.since(self.day);
        let mut suffix = OsString::from(".");
        suffix.push(way.extension());
        let suffix = suffix.to_string_lossy().into_owned();
        let mut lost = false;
        self.write_file(&self.mail_stem(&dir.name), &suffix, |out, target| {
            let mut archive = Writer::new(way, None, out);
            for path in files {
                match self.member(path, since) {
                    Ok((member, mut content)) => {
                        let appended = archive.append_file(&member, &mut content);
                        appended.map_err(|source| DumpError::Write {
                            path: target.to_owned(),
                            source,
                        })?;
                        if let Some(reason) = trouble(content.finish()) {
                            lost = true;
                            self.monitor.problem(&Problem::with_file(path, &reason));
                        }
                    }
                    Err(error) => {
                        lost = true;
                        let reason = format!("this mailbox was not dumped: {error}");
                        self.monitor.problem(&Problem::with_file(path, &reason));
                    }
                }
            }
            archive.finish().map_err(|source| DumpError::Write {
                path: target.to_owned(),
                source,
            })
        })?;
        if lost {
            // What is lost today has to be in the next incremental.
            return Ok(());
        }
        self.noted(dir, wanted, since, now, start)
    }

    fn noted(
        &self,
        mailboxes: &Mailboxes,
        wanted: &Wanted,
        since: Option<NaiveDateTime>,
        now: NaiveDateTime,
        start: Weekday,
    ) -> Result<(), DumpError> {
        let full = match (wanted, since) {
            (Wanted::Since(known), Some(_)) => known.state.full,
            _ => self.day,
        };
        let state = MailState {
            state: State {
                day: self.day,
                full,
            },
            last: now,
            since,
        };
        state.save(self.place(start), &mailboxes.name)?;
        Ok(())
    }

    /// `mbox-20261121-home-me-mail`.
    fn mail_stem(&self, name: &ArchiveName) -> OsString {
        let (year, month, day) = self.day.ymd();
        let mut stem = OsString::from(format!("mbox-{year:04}{month:02}{day:02}-"));
        stem.push(name.as_os_str());
        stem
    }

    /// The member for the mailbox at `path`, under its last name only, as Cedar Backup has it.
    fn member(
        &self,
        path: &Path,
        since: Option<NaiveDateTime>,
    ) -> io::Result<(Member, Exact<File>)> {
        let file = open(path)?;
        let stat = file.metadata()?;
        let content = match since {
            None => file,
            Some(since) => {
                let mut spool = spool(self.working_dir)?;
                let mut out = io::BufWriter::new(&spool);
                if let Some(bytes) = copy(file, Some(since), &mut out)? {
                    let reason = format!("it shrank to {bytes} bytes while it was read");
                    return Err(io::Error::other(reason));
                }
                out.flush()?;
                drop(out);
                spool.rewind()?;
                spool
            }
        };
        let size = content.metadata()?.len();
        let member = Member {
            path: PathBuf::from(path.file_name().unwrap_or(OsStr::new("mailbox"))),
            kind: Kind::File,
            mode: stat.mode() & 0o7777,
            uid: stat.uid(),
            gid: stat.gid(),
            user: OsString::new(),
            group: OsString::new(),
            mtime: Timestamp {
                seconds: stat.mtime(),
                nanos: u32::try_from(stat.mtime_nsec()).unwrap_or(0),
            },
            size,
            extended: Vec::new(),
        };
        Ok((member, Exact::new(content, size)))
    }
}

/// Opens a mailbox, which is a regular file: nobody is waited for who would write into a FIFO.
fn open(path: &Path) -> io::Result<File> {
    let patient = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(patient)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// A file without a name, for messages whose number is not known yet.
fn spool(dir: &Path) -> io::Result<File> {
    let path = fsx::partial_path(&dir.join("mbox.messages"));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.mode(0o600);
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Copies what the mailbox has now, or of it what came since a time. What is delivered meanwhile waits. Gives how many
/// bytes it had, if those were fewer than it said.
fn copy(file: File, since: Option<NaiveDateTime>, out: &mut dyn Write) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let mut from = BufReader::with_capacity(1 << 18, file.take(length));
    match since {
        None => {
            io::copy(&mut from, out)?;
        }
        Some(since) => {
            let messages = copy_newer(&mut from, since, out)?;
            log::debug!("{} of {} messages are new", messages.copied, messages.all);
        }
    }
    let missing = from.into_inner().limit();
    Ok((missing > 0).then_some(length - missing))
}

/// What is wrong with a mailbox that changed while it was read. One that grew got mail, which waits.
fn trouble(fate: Fate) -> Option<String> {
    match fate {
        Fate::Whole | Fate::Long => None,
        Fate::Short(bytes) => Some(format!(
            "shrank to {bytes} bytes while it was dumped; zeros stand for the rest"
        )),
        Fate::Failed(bytes, reason) => Some(format!(
            "cannot be read after {bytes} bytes: {}; zeros stand for the rest",
            printable(&reason)
        )),
    }
}
