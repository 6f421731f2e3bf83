//! The collect directory of a machine that has only sshd: by SFTP.
//!
//! The third version of the protocol tells sizes and whole seconds. A file that was written while we read it shows
//! by a second look at the directory, or by the digest that the peer claims.

mod flow;
mod listing;
mod packet;
mod put;
mod server;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ssh2::ExtendedData;

use super::agent::Instead;
use super::connect::{Connected, PACKET, WINDOW};
use super::fault::{fault, io_fault};
use super::talk::Talk;
use crate::event::printable_path;
use crate::peer::arrive::{Arrivals, Resume};
use crate::peer::limits::{Deadline, Watched};
use crate::peer::transport::{
    Collected, Entry, Errand, Job, LONGEST_INDICATOR, Listing, PATIENCE, Refused, Transport,
};
use crate::peer::{COLLECTED, PeerError, Remote, STAGED};
use crate::units::{CommandLine, Ids};
use flow::Flow;
pub(in crate::peer) use listing::check_name;
use listing::{Mark, kind_of, mark, second};
use packet::{Attributes, Field, Status, kind};
use server::{Server, Trouble};

/// A connection to an SFTP server.
pub(in crate::peer) struct Sftp {
    // Before the session, which has to live longer. Started when it is needed: who is only asked to run an action
    // need not have one.
    server: Mutex<Option<Server>>,
    connected: Connected,
    instead: Instead,
    path: PathBuf,
    cback: Option<CommandLine>,
    indicator: Mutex<Option<Mark>>,
    marks: Mutex<HashMap<OsString, Mark>>,
    /// How much was in the directory; a second look is not to be endless either.
    listed: AtomicUsize,
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
            server: Mutex::default(),
            connected,
            instead,
            path: remote.collect_dir.to_path_buf(),
            cback: remote.cback_command.clone(),
            indicator: Mutex::default(),
            marks: Mutex::default(),
            listed: AtomicUsize::new(0),
        }
    }

    /// Does something with its SFTP server, which may take until `end`.
    fn with<T>(
        &self,
        end: Deadline,
        work: impl FnOnce(&mut Server) -> Result<T, PeerError>,
    ) -> Result<T, PeerError> {
        let mut server = locked(&self.server);
        if server.is_none() {
            *server = Some(self.start(end)?);
        }
        match &mut *server {
            Some(server) => {
                server.until(end);
                work(server)
            }
            None => Err(self.foul("it has no SFTP server".to_owned())),
        }
    }

    fn start(&self, end: Deadline) -> Result<Server, PeerError> {
        let connected = &self.connected;
        let none = |reason: String| PeerError::Refused {
            host: connected.name.clone(),
            reason: format!("it starts no SFTP server ({reason})"),
        };
        let started = || -> Result<ssh2::Channel, ssh2::Error> {
            let session = &connected.session;
            let mut channel = session.channel_open("session", WINDOW, PACKET, None)?;
            channel.handle_extended_data(ExtendedData::Ignore)?;
            channel.subsystem("sftp")?;
            Ok(channel)
        };
        let channel = connected.leash.within(end, started).map_err(|error| {
            match fault(&error, &connected.name, connected.silence) {
                PeerError::Broken { reason, .. } => none(reason),
                other => other,
            }
        })?;
        Server::greet(Talk::new(channel, end, connected)).map_err(|trouble| match trouble {
            Trouble::Way(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                none("it ended".to_owned())
            }
            trouble => self.fault(trouble),
        })
    }

    fn fault(&self, trouble: Trouble) -> PeerError {
        let host = self.connected.name.clone();
        match trouble {
            Trouble::Foul(reason) => PeerError::Foul { host, reason },
            Trouble::Noise(said) => PeerError::Noisy { host, said },
            Trouble::Way(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let reason = "its SFTP server ended".to_owned();
                PeerError::Broken { host, reason }
            }
            Trouble::Way(error) => io_fault(&error, &host, self.connected.silence),
        }
    }

    fn foul(&self, reason: String) -> PeerError {
        PeerError::Foul {
            host: self.connected.name.clone(),
            reason,
        }
    }

    fn no_directory(&self) -> PeerError {
        PeerError::NoDirectory {
            host: self.connected.name.clone(),
            path: self.path.clone(),
        }
    }

    fn stat(&self, server: &mut Server, name: &str) -> Result<Option<Attributes>, PeerError> {
        let path = self.path.join(name);
        let stat = server.stat(bytes(&path));
        match stat.map_err(|trouble| self.fault(trouble))? {
            Ok(stat) => Ok(Some(stat)),
            Err(status) if status.is_absent() => Ok(None),
            Err(status) => Err(unreadable(path, status)),
        }
    }

    /// The text of `cback.collect`.
    fn text(&self, server: &mut Server) -> Result<Vec<u8>, PeerError> {
        let fault = |trouble| self.fault(trouble);
        let path = self.path.join(COLLECTED);
        let fields = [
            Field::Text(bytes(&path)),
            Field::Number(1),
            Field::Number(0),
        ];
        let handle = match server.open(kind::OPEN, &fields).map_err(fault)? {
            Ok(handle) => handle,
            Err(status) => return Err(unreadable(path, status)),
        };
        let mut text = Vec::new();
        loop {
            match server.read(&handle, text.len() as u64).map_err(fault)? {
                Ok(Some(more)) => text.extend_from_slice(&more),
                Ok(None) => break,
                Err(status) => return Err(unreadable(path, status)),
            }
            if text.len() as u64 > LONGEST_INDICATOR {
                return Err(self.foul(format!("its {COLLECTED} is too long")));
            }
        }
        server.close(&handle);
        Ok(text)
    }

    /// What `cback.collect` says.
    fn indicated(&self, server: &mut Server) -> Result<Option<Collected>, PeerError> {
        let Some(stat) = self.stat(server, COLLECTED)? else {
            // Not there, or the whole directory is not.
            let dir = server.stat(bytes(&self.path));
            return match dir.map_err(|trouble| self.fault(trouble))? {
                Ok(_) => Ok(None),
                Err(status) if status.is_absent() => Err(self.no_directory()),
                Err(status) => Err(unreadable(self.path.clone(), status)),
            };
        };
        *locked(&self.indicator) = Some(mark(&stat));
        let staged = self
            .stat(server, STAGED)?
            .is_some_and(|staged| staged.mtime >= stat.mtime);
        let text = if kind_of(&stat).is_ok() {
            self.text(server)?
        } else {
            Vec::new()
        };
        Ok(Some(Collected { text, staged }))
    }

    /// Brings the job's files.
    fn get_all(&self, server: &mut Server, job: &Job<'_>) -> Result<(), PeerError> {
        let before = locked(&self.marks);
        let mode = |entry: &Entry| before.get(&entry.name).map_or(0o600, |mark| mark.mode);
        let mut arrivals = Arrivals::new(job)?;
        let mut flow = Flow {
            most: server.most_read,
            server,
            dir: &self.path,
            job,
            fault: &|trouble| self.fault(trouble),
            mode: &mode,
        };
        let all: Vec<&Entry> = job.entries.iter().collect();
        flow.fetch(&all, &mut arrivals, Resume::Yes)?;
        arrivals.settle()?;
        let again = arrivals.again();
        flow.fetch(&again, &mut arrivals, Resume::No)?;
        arrivals.settle()?;
        // The indicator is looked at again in any case.
        let vouched = |entry: &Entry| {
            entry.name == COLLECTED || job.claimed.get(entry.name.as_bytes()).is_some()
        };
        if job.entries.iter().all(vouched) {
            return Ok(());
        }
        // Nobody vouches for these: that they are the same as before shows that they were left alone.
        let server = flow.server;
        let listed = self.listed.load(Ordering::Relaxed);
        for (name, stat) in self.look(server, listed, &|| (job.progress)(0))? {
            if before
                .get(&name)
                .is_some_and(|before| *before != mark(&stat))
            {
                return Err(PeerError::Changing(self.path.join(name)));
            }
        }
        Ok(())
    }
}

impl Transport for Sftp {
    fn collected(&self, limits: &Watched) -> Result<Option<Collected>, PeerError> {
        self.with(limits.end(), |server| self.indicated(server))
    }

    fn list(&self, _into: &Path, limits: &Watched) -> Result<Listing, PeerError> {
        let mut listing = Listing::default();
        let mut marks = locked(&self.marks);
        marks.clear();
        let found = self.with(limits.end(), |server| {
            self.look(server, limits.most_files(), &|| limits.bytes(0))
        })?;
        self.listed.store(found.len(), Ordering::Relaxed);
        for (name, stat) in found {
            match kind_of(&stat) {
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
        self.with(job.limits.end(), |server| self.get_all(server, job))
    }

    fn unchanged(&self) -> Result<(), PeerError> {
        let now = self.with(Deadline::after(PATIENCE), |server| {
            self.stat(server, COLLECTED)
        })?;
        let now = now.map(|stat| mark(&stat));
        if now == *locked(&self.indicator) {
            Ok(())
        } else {
            Err(PeerError::Changing(self.path.clone()))
        }
    }

    fn put(&self, name: &str, text: &[u8], _ids: Option<Ids>) -> Result<(), PeerError> {
        let path = self.path.join(name);
        self.with(Deadline::after(PATIENCE), |server| {
            self.write(server, &path, text)
        })
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

fn unreadable(path: PathBuf, status: Status) -> PeerError {
    PeerError::Unreadable {
        path,
        source: status.into(),
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
