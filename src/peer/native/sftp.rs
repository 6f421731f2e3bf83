//! The collect directory of a machine that has only sshd: by SFTP.
//!
//! The third version of the protocol tells sizes and whole seconds. A file that was written while we read it shows
//! by a second look at the directory, or by the digest that the peer claims.

mod put;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use ssh2::{ErrorCode, FileStat};

use super::agent::Instead;
use super::connect::Connected;
use super::fault::{fault, io_fault, is_absent, is_answer};
use crate::event::printable_path;
use crate::peer::arrive::{Arrivals, Resume};
use crate::peer::limits::Watched;
use crate::peer::transport::{
    Collected, Entry, Errand, Job, LONGEST_INDICATOR, Listing, MOST_PASSED_BY, Refused, Transport,
    is_wanted,
};
use crate::peer::{COLLECTED, PeerError, Remote, STAGED};
use crate::units::{CommandLine, Ids};

/// A connection to an SFTP server.
pub(in crate::peer) struct Sftp {
    // Before the session, which has to live longer. Started when it is needed: who is only asked to run an action
    // need not have one.
    server: OnceLock<ssh2::Sftp>,
    connected: Connected,
    instead: Instead,
    path: PathBuf,
    cback: Option<CommandLine>,
    indicator: Mutex<Option<Mark>>,
    marks: Mutex<HashMap<OsString, Mark>>,
    /// How much was in the directory; a second look is not to be endless either.
    listed: AtomicUsize,
}

/// What must stay the same while a file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    bytes: u64,
    mtime: u64,
    mode: u32,
}

impl fmt::Debug for Sftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Sftp({}:{})",
            self.connected.name,
            printable_path(&self.path)
        )
    }
}

impl Sftp {
    /// A machine that has no agent, but what `instead` says.
    pub(super) fn new(connected: Connected, instead: Instead, remote: &Remote) -> Self {
        Self {
            server: OnceLock::new(),
            connected,
            instead,
            path: remote.collect_dir.to_path_buf(),
            cback: remote.cback_command.clone(),
            indicator: Mutex::default(),
            marks: Mutex::default(),
            listed: AtomicUsize::new(0),
        }
    }

    /// Its SFTP server.
    fn server(&self) -> Result<&ssh2::Sftp, PeerError> {
        if let Some(server) = self.server.get() {
            return Ok(server);
        }
        let server = self.connected.session.sftp();
        let server = server.map_err(|error| match self.fault(&error) {
            PeerError::Broken { host, reason } => PeerError::Refused {
                host,
                reason: format!("it starts no SFTP server ({reason})"),
            },
            other => other,
        })?;
        Ok(self.server.get_or_init(|| server))
    }

    fn fault(&self, error: &ssh2::Error) -> PeerError {
        fault(error, &self.connected.name, self.connected.silence)
    }

    fn io_fault(&self, error: &io::Error) -> PeerError {
        io_fault(error, &self.connected.name, self.connected.silence)
    }

    fn stat(&self, name: &str) -> Result<Option<FileStat>, PeerError> {
        let path = self.path.join(name);
        match self.server()?.stat(&path) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) if is_answer(&error) => Err(unreadable(path, &error)),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// What is in the directory, up to one more than `most`. `enough` is asked after each name.
    fn look(
        &self,
        most: usize,
        enough: &dyn Fn() -> Result<(), PeerError>,
    ) -> Result<Vec<(OsString, FileStat)>, PeerError> {
        let mut dir = match self.server()?.opendir(&self.path) {
            Ok(dir) => dir,
            Err(error) if is_absent(&error) => {
                return Err(PeerError::NoDirectory {
                    host: self.connected.name.clone(),
                    path: self.path.clone(),
                });
            }
            Err(error) if is_answer(&error) => return Err(unreadable(self.path.clone(), &error)),
            Err(error) => return Err(self.fault(&error)),
        };
        let mut found = Vec::new();
        let mut passed_by = 0;
        loop {
            enough()?;
            match dir.readdir() {
                Ok((name, stat)) => {
                    let name = name.into_os_string().into_vec();
                    check_name(&name).map_err(|reason| self.foul(reason))?;
                    let name = OsString::from_vec(name);
                    if is_wanted(&name) {
                        found.push((name, stat));
                    } else {
                        passed_by += 1;
                        if passed_by > MOST_PASSED_BY {
                            return Err(self.foul("its listing has no end".to_owned()));
                        }
                    }
                }
                // The end.
                Err(error) if error.code() == ErrorCode::Session(-16) => break,
                Err(error) => return Err(self.fault(&error)),
            }
            // One more shows that there are too many; all of them need not be borne.
            if found.len() > most {
                break;
            }
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if found.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(self.foul("it has two files of one name".to_owned()));
        }
        Ok(found)
    }

    fn foul(&self, reason: String) -> PeerError {
        PeerError::Foul {
            host: self.connected.name.clone(),
            reason,
        }
    }

    /// Fetches one file.
    fn get_one<'a>(
        &self,
        entry: &'a Entry,
        arrivals: &mut Arrivals<'a>,
        job: &Job<'_>,
        resume: Resume,
    ) -> Result<(), PeerError> {
        let path = self.path.join(&entry.name);
        let mut file = match self.server()?.open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Err(PeerError::Changing(path)),
            Err(error) if is_answer(&error) => {
                let error = io::Error::from(error);
                return arrivals.refused(entry, Refused::Unreadable(error));
            }
            Err(error) => return Err(self.fault(&error)),
        };
        let mut arriving = arrivals.begin(entry, resume)?;
        if arriving.bytes > 0 {
            use std::io::{Seek as _, SeekFrom};
            file.seek(SeekFrom::Start(arriving.bytes))
                .map_err(|error| self.io_fault(&error))?;
        }
        let mut buffer = vec![0; 1 << 20];
        // One byte more than it says: a file that grows, or lies, shows.
        let mut left = entry.bytes.saturating_add(1) - arriving.bytes;
        while left > 0 {
            let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            match file.read(&mut buffer[..most]) {
                Ok(0) => break,
                Ok(got) if got as u64 == left => return Err(PeerError::Changing(path)),
                Ok(got) => {
                    arriving.write(&buffer[..got])?;
                    (job.progress)(got as u64)?;
                    left -= got as u64;
                }
                Err(error) => return Err(self.io_fault(&error)),
            }
        }
        if arriving.bytes != entry.bytes {
            return Err(PeerError::Changing(path));
        }
        let mode = locked(&self.marks)
            .get(&entry.name)
            .map_or(0o600, |mark| mark.mode);
        arrivals.whole(entry, arriving, mode)
    }
}

impl Transport for Sftp {
    fn collected(&self, limits: &Watched) -> Result<Option<Collected>, PeerError> {
        let Some(stat) = self.stat(COLLECTED)? else {
            // Not there, or the whole directory is not.
            self.server()?.stat(&self.path).map_err(|error| {
                if is_absent(&error) {
                    PeerError::NoDirectory {
                        host: self.connected.name.clone(),
                        path: self.path.clone(),
                    }
                } else if is_answer(&error) {
                    unreadable(self.path.clone(), &error)
                } else {
                    self.fault(&error)
                }
            })?;
            return Ok(None);
        };
        *locked(&self.indicator) = Some(mark(&stat));
        let staged = self
            .stat(STAGED)?
            .is_some_and(|staged| staged.mtime >= stat.mtime);
        let mut text = Vec::new();
        if stat.is_file() {
            let path = self.path.join(COLLECTED);
            let mut file = match self.server()?.open(&path) {
                Ok(file) => file,
                Err(error) if is_answer(&error) => return Err(unreadable(path, &error)),
                Err(error) => return Err(self.fault(&error)),
            };
            let mut buffer = vec![0; 1 << 15];
            loop {
                limits.bytes(0)?;
                match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(got) => text.extend_from_slice(&buffer[..got]),
                    Err(error) => return Err(self.io_fault(&error)),
                }
                if text.len() as u64 > LONGEST_INDICATOR {
                    return Err(self.foul(format!("its {COLLECTED} is too long")));
                }
            }
        }
        Ok(Some(Collected { text, staged }))
    }

    fn list(&self, _into: &Path, limits: &Watched) -> Result<Listing, PeerError> {
        let mut listing = Listing::default();
        let mut marks = locked(&self.marks);
        marks.clear();
        let found = self.look(limits.most_files(), &|| limits.bytes(0))?;
        self.listed.store(found.len(), Ordering::Relaxed);
        for (name, stat) in found {
            match kind(&stat) {
                Ok(()) => {
                    marks.insert(name.clone(), mark(&stat));
                    let bytes = stat.size.unwrap_or(0);
                    listing.entries.push(Entry {
                        name,
                        bytes,
                        mark: stat.mtime.map(second),
                    });
                }
                Err(what) => listing.refused.push((name, Refused::NotRegular(what))),
            }
        }
        Ok(listing)
    }

    fn get(&self, job: &Job<'_>) -> Result<(), PeerError> {
        let mut arrivals = Arrivals::new(job);
        for entry in job.entries {
            self.get_one(entry, &mut arrivals, job, Resume::Yes)?;
        }
        arrivals.settle()?;
        for entry in arrivals.again() {
            self.get_one(entry, &mut arrivals, job, Resume::No)?;
        }
        arrivals.settle()?;
        if job
            .entries
            .iter()
            .all(|entry| job.claimed.get(entry.name.as_bytes()).is_some())
        {
            return Ok(());
        }
        // Nobody vouches for these: that they are the same as before shows that they were left alone.
        let before = locked(&self.marks);
        let listed = self.listed.load(Ordering::Relaxed);
        for (name, stat) in self.look(listed, &|| (job.progress)(0))? {
            if before
                .get(&name)
                .is_some_and(|before| *before != mark(&stat))
            {
                return Err(PeerError::Changing(self.path.join(name)));
            }
        }
        Ok(())
    }

    fn unchanged(&self) -> Result<(), PeerError> {
        let now = self.stat(COLLECTED)?.map(|stat| mark(&stat));
        if now == *locked(&self.indicator) {
            Ok(())
        } else {
            Err(PeerError::Changing(self.path.clone()))
        }
    }

    fn put(&self, name: &str, text: &[u8], _ids: Option<Ids>) -> Result<(), PeerError> {
        self.write(&self.path.join(name), text)
    }

    fn exec(&self, errand: &Errand<'_>, output: &mut dyn FnMut(&[u8])) -> Result<(), PeerError> {
        if self.instead == Instead::OnlySftp {
            // It would start its SFTP server once more, which ends well whatever was asked for.
            return Err(PeerError::Forbidden {
                host: self.connected.name.clone(),
                what: format!("`cback {}`", errand.words.join(" ")),
                reason: "the key is kept to the SFTP server".to_owned(),
            });
        }
        super::exec(&self.connected, self.cback.as_ref(), errand, output)
    }
}

/// Whether a name can be that of a file here; else what is wrong with it.
pub(in crate::peer) fn check_name(name: &[u8]) -> Result<(), String> {
    if name.is_empty() || name.len() > 255 || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        let shown = crate::event::printable_bytes(&name[..name.len().min(300)]);
        return Err(format!("`{shown}` is no name of a file"));
    }
    Ok(())
}

/// Whether it is a regular file; else what it is.
fn kind(stat: &FileStat) -> Result<(), &'static str> {
    match stat.perm.map(|mode| mode & 0o170_000) {
        Some(0o100_000) => Ok(()),
        Some(0o040_000) => Err("a directory"),
        Some(0o120_000) => Err("a symbolic link"),
        Some(0o010_000) => Err("a FIFO"),
        Some(0o140_000) => Err("a socket"),
        Some(_) => Err("a device"),
        None => Err("a thing whose kind the server does not tell"),
    }
}

fn mark(stat: &FileStat) -> Mark {
    Mark {
        bytes: stat.size.unwrap_or(0),
        mtime: stat.mtime.unwrap_or(0),
        mode: stat.perm.unwrap_or(0o600),
    }
}

/// The time in which a file was last changed, as a mark: more is not told.
fn second(mtime: u64) -> [u8; 36] {
    let mut mark = [0; 36];
    mark[..8].copy_from_slice(&mtime.to_be_bytes());
    mark
}

fn unreadable(path: PathBuf, error: &ssh2::Error) -> PeerError {
    PeerError::Unreadable {
        path,
        source: io::Error::other(error.message().to_owned()),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
