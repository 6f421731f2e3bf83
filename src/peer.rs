//! A peer: somebody's collect directory, from which the master fetches archives.
//!
//! A peer says with `cback.collect` that its directory is complete; if the indicator has a text, that text lists
//! the digests of what was collected. The master fetches every regular file there, verifies each, and says with
//! `cback.stage`, which lists what was staged, that the peer may forget or build on it.
//!
//! How the files are reached is private: today a directory of this machine.

mod agent;
mod arrive;
mod begun;
mod command;
mod copy;
mod earlier;
mod error;
mod fetch;
mod ignore;
mod limits;
mod local;
mod native;
mod transport;
mod wire;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use native::fuzzing;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::event::{self, Monitor};
use crate::sums::{self, Sums};
use crate::units::{AbsPath, ActionName, CommandLine, Day, Ids, Owner, PeerName};

pub use agent::{Allowed, Served, serve};
use command::ByCommand;
pub use error::PeerError;
pub use ignore::{Ignore, Occasion};
pub use limits::Limits;
use limits::{Deadline, Watched};
use local::Local;
use transport::{Errand, PATIENCE, Transport};

pub use crate::claims::COLLECTED;
/// Indicator in a collect directory: the peer was staged.
pub const STAGED: &str = "cback.stage";

/// Somebody's collect directory.
#[derive(Debug)]
pub struct Peer {
    name: PeerName,
    place: Place,
    /// The connection to another machine, once there is one.
    line: Mutex<Option<Box<dyn Transport>>>,
}

/// Where the collect directory is.
#[derive(Debug, Clone)]
enum Place {
    Local(AbsPath),
    Remote(Box<Remote>),
}

/// A collect directory on another machine, and how it is reached.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The user there.
    pub user: String,
    /// The host's name or address.
    pub host: String,
    /// The directory there.
    pub collect_dir: AbsPath,
    /// How it is reached.
    pub way: Way,
    /// What cback is called there.
    pub cback_command: Option<CommandLine>,
    /// The backup user of this machine, whose keys and known hosts are used, and as whom commands run.
    pub owner: Owner,
    /// The file with the passphrase of the keys.
    pub passphrase_file: Option<AbsPath>,
    /// Where small files may lie for a moment; the backup user must be able to write there.
    pub working_dir: AbsPath,
}

/// How another machine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By the SSH that is built in.
    Native,
    /// By the configured commands, as Cedar Backup runs them.
    Command {
        /// Copies files.
        rcp_command: CommandLine,
        /// Runs a command there; only managed actions need it.
        rsh_command: Option<CommandLine>,
    },
}

/// What a managed action is to back up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// As the peer's configuration says.
    Configured,
    /// Everything: `--full`.
    Full,
}

/// What came of asking what a managed action would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// The peer said it.
    Done,
    /// The peer was not asked: it may not understand `--dry-run`, and do it.
    NotAsked,
}

/// Lines that are logged of an action, or kept of a rehearsal: whoever prints without an end fills no disk.
const MOST_LINES: usize = 10_000;

/// Of what an action printed that failed, so many lines are told with it.
const LAST_LINES: usize = 3;

/// How far a peer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Its directory is complete and was not staged yet.
    Ready,
    /// Its directory is complete, and nothing was collected since it was staged.
    Staged,
    /// It has no `cback.collect`.
    NotReady,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Digests of the files that are there now, by name.
    pub sums: Sums,
    /// Their bytes in all.
    pub bytes: u64,
}

/// Where a peer's files are to come.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The directory. It is empty, or has what an interrupted fetch left.
    pub into: &'a Path,
    /// A directory with files of an earlier fetch. What the peer still has unchanged is linked from there.
    pub earlier: Option<&'a Path>,
    /// To whom the files are given.
    pub ids: Option<Ids>,
    /// How much the peer may bring.
    pub limits: Limits,
}

impl Peer {
    /// The peer `name` whose collect directory is on this machine.
    pub fn local(name: PeerName, collect_dir: AbsPath) -> Self {
        Self {
            name,
            place: Place::Local(collect_dir),
            line: Mutex::default(),
        }
    }

    /// The peer `name` on another machine. Nothing is connected yet.
    pub fn remote(name: PeerName, remote: Remote) -> Self {
        Self {
            name,
            place: Place::Remote(Box::new(remote)),
            line: Mutex::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &PeerName {
        &self.name
    }

    /// Its collect directory, on whatever machine that is.
    pub fn collect_dir(&self) -> &Path {
        match &self.place {
            Place::Local(path) => path,
            Place::Remote(remote) => &remote.collect_dir,
        }
    }

    /// Whether its files may be fetched. It has some minutes to say so, or as long as `limits` say if that is less.
    pub fn readiness(&self, limits: Limits) -> Result<Readiness, PeerError> {
        let limits = Watched::new(limits.within(PATIENCE));
        Ok(match self.talk(|transport| transport.collected(&limits))? {
            None => Readiness::NotReady,
            Some(collected) if collected.staged => Readiness::Staged,
            Some(_) => Readiness::Ready,
        })
    }

    /// Copies every regular file of the collect directory to `target` and makes them durable. What an interrupted
    /// fetch left there is continued where it can be proved, by the digests in `cback.collect`, and fetched anew
    /// where not.
    ///
    /// What is guaranteed of each file that is on the returned list: it is durable, and its digest is that of the
    /// source's bytes, which is the one that the peer wrote into `cback.collect`, where it did. The source had the same
    /// size, times and inode before and after.
    ///
    /// On this machine, the copy is read back after it was written out (from the device, where the file system lets go
    /// of its cache), and where no digest is claimed, the source is read for it. A copy that shares the source's blocks
    /// (reflink) is read once for both. From another machine, the digest is taken of the bytes as they arrive, and they
    /// are not read back, but for a file that goes on where an interrupted fetch ended: that is read once as a whole.
    ///
    /// Anything that is no regular file, and a file that is not what the peer says it collected, is a problem and
    /// left out. Partial names and an old `cback.stage` are passed by. Permission bits stay as they are, except
    /// set-user and set-group, which must not come into the backup user's hands, and that the owner may always read and
    /// write.
    pub fn fetch(&self, target: &Target<'_>, monitor: &dyn Monitor) -> Result<Fetched, PeerError> {
        let order = fetch::Order {
            name: &self.name,
            collect_dir: self.collect_dir(),
            target,
        };
        self.talk(|transport| fetch::fetch(&order, transport, monitor))
    }

    /// Says to the peer, with `cback.stage` in its collect directory, that what is on the list is safe on the
    /// master, in the directory of `day`. To be called when it is.
    pub fn acknowledge(&self, day: Day, sums: &Sums, ids: Option<Ids>) -> Result<(), PeerError> {
        let mut text = format!("{}{day}\n", sums::STAGED_ON).into_bytes();
        text.extend_from_slice(&sums.to_text());
        self.talk(|transport| transport.put(STAGED, &text, ids))
    }

    /// Lets the peer's own cback carry out `action`, which may take the `time` that a peer has. What it prints goes
    /// line by line to the log, with the peer's name before each, up to some thousand lines. An action that fails
    /// there is an error.
    pub fn exec(
        &self,
        action: &ActionName,
        extent: Extent,
        time: Duration,
    ) -> Result<(), PeerError> {
        let words = words(extent, &[], action);
        let mut told = 0;
        let mut tail = VecDeque::new();
        let mut output = |line: &[u8]| {
            let line = event::printable_bytes(line);
            told += 1;
            if told <= MOST_LINES {
                log::info!(target: event::OUTPUT, "{}: {line}", self.name);
            }
            if tail.len() == LAST_LINES {
                tail.pop_front();
            }
            tail.push_back(line.trim().to_owned());
        };
        let errand = Errand {
            words: &words,
            end: Deadline::after(time),
        };
        let outcome = self.talk(|transport| transport.exec(&errand, &mut output));
        if told > MOST_LINES {
            let more = told - MOST_LINES;
            log::info!(target: event::OUTPUT, "{}: and {more} lines more", self.name);
        }
        outcome.map_err(|error| match error {
            PeerError::Failed {
                command,
                ending,
                tail: none,
            } if none.is_empty() => PeerError::Failed {
                command,
                ending,
                tail: Vec::from(tail).join(" / "),
            },
            error => error,
        })
    }

    /// Lets the peer's own cback say what `action` would do, if it is surely one that can; each line goes to `says`.
    pub fn rehearse(
        &self,
        action: &ActionName,
        extent: Extent,
        time: Duration,
        says: &mut Vec<String>,
    ) -> Result<Rehearsal, PeerError> {
        if let Place::Remote(remote) = &self.place
            && remote.way != Way::Native
        {
            return Ok(Rehearsal::NotAsked);
        }
        let words = words(extent, &["--dry-run"], action);
        let mut output = |line: &[u8]| {
            if says.len() < MOST_LINES {
                says.push(event::printable_bytes(line));
            }
        };
        self.talk(|transport| {
            if !transport.is_ours() {
                return Ok(Rehearsal::NotAsked);
            }
            let errand = Errand {
                words: &words,
                end: Deadline::after(time),
            };
            transport.exec(&errand, &mut output)?;
            Ok(Rehearsal::Done)
        })
    }

    /// Ends the connection, if there is one. The next call makes a new one.
    pub fn hang_up(&self) {
        self.line().take();
    }

    /// Does something over the connection, which is made if there is none. After an error it is not used again.
    fn talk<T>(
        &self,
        talk: impl FnOnce(&dyn Transport) -> Result<T, PeerError>,
    ) -> Result<T, PeerError> {
        let line = self.line().take();
        let line = match (line, &self.place) {
            (Some(line), _) => line,
            (None, Place::Local(path)) => Box::new(Local::open(path)?),
            (None, Place::Remote(remote)) => match &remote.way {
                Way::Native => native::open(remote)?,
                Way::Command {
                    rcp_command,
                    rsh_command,
                } => Box::new(ByCommand::new(remote, rcp_command, rsh_command.as_ref())?),
            },
        };
        let said = talk(&*line)?;
        if matches!(self.place, Place::Remote(_)) {
            *self.line() = Some(line);
        }
        Ok(said)
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn Transport>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said to a peer's cback.
fn words<'a>(extent: Extent, more: &[&'a str], action: &'a ActionName) -> Vec<&'a str> {
    let full = (extent == Extent::Full).then_some("--full");
    let switches = full.into_iter().chain(more.iter().copied());
    switches.chain([action.as_str()]).collect()
}

impl Clone for Peer {
    /// The same peer, without the connection.
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            place: self.place.clone(),
            line: Mutex::default(),
        }
    }
}
