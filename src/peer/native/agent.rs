//! The collect directory of a machine that has `cback agent`: one stream, questions ahead of answers.
//!
//! Small files need not wait for one another: while one arrives, the next ones are already asked for.

mod entry;
mod files;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use self::entry::{read_entry, what};
use super::connect::{Connected, PACKET, WINDOW};
use super::fault::{fault, io_fault};
use super::sftp::check_name;
use super::talk::{Silence, Talk};
use crate::event::printable_path;
use crate::peer::limits::{Deadline, Watched};
use crate::peer::transport::{
    Collected, Entry, Errand, Job, Listing, MOST_PASSED_BY, PATIENCE, Refused, Transport,
    is_wanted, said,
};
use crate::peer::wire::{GREETING, HELLO, Head, Mark, send, trouble};
use crate::peer::{PeerError, Remote, STAGED};
use crate::units::Ids;

/// Bytes that are taken at once of what is small. What is asked to go elsewhere goes there, if it is more than this.
const BUFFER: usize = 32 << 10;

/// A session with an agent.
pub(in crate::peer) struct Agent {
    // Before the session, which has to live longer.
    talk: Mutex<BufReader<Talk>>,
    connected: Connected,
    path: PathBuf,
    indicator: Mutex<Option<Mark>>,
    modes: Mutex<HashMap<OsString, u32>>,
}

/// What a machine has that has no agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// An SFTP server, whatever is asked for: the key is locked to it.
    OnlySftp,
    /// A shell that knows no agent, or something else that says no.
    Other,
}

/// How sshd begins to say that a key is kept to its own SFTP server.
const SFTP_ONLY: &[u8; 14] = b"This service a";

/// An answer, or the trouble that came instead.
type Answer = Result<u8, (u8, String)>;

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Agent({}:{})",
            self.connected.name,
            printable_path(&self.path)
        )
    }
}

impl Agent {
    /// Talks to the agent; if there is none, gives the connection back, with what there is instead.
    pub(super) fn open(
        connected: Connected,
        command: &str,
        remote: &Remote,
    ) -> Result<Result<Self, (Connected, Instead)>, PeerError> {
        let failed = |error: ssh2::Error| fault(&error, &connected.name, connected.silence);
        let end = Deadline::after(PATIENCE);
        let session = &connected.session;
        let open = || session.channel_open("session", WINDOW, PACKET, None);
        let mut channel = connected.leash.within(end, open).map_err(failed)?;
        let started = connected.leash.within(end, || channel.exec(command));
        if started.is_err() {
            return Ok(Err((connected, Instead::Other)));
        }
        // Whoever does not want to hear it has ended, and the answer shows it.
        let _ = connected.leash.within(end, || channel.write_all(HELLO));
        let mut greeting = vec![0; GREETING.len()];
        let mut got = 0;
        let mut talk = Talk::new(channel, end, &connected);
        while got < greeting.len() {
            match talk.read(&mut greeting[got..]) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) => return Err(io_fault(&error, &connected.name, connected.silence)),
            }
            if greeting[..got] != GREETING[..got] {
                break;
            }
        }
        if greeting != GREETING {
            // The length of an SFTP server's first word begins with a zero byte, and no text does. The server that is
            // built into sshd is never started by a command, and says so.
            let greeting = &greeting[..got];
            let instead = if greeting.first() == Some(&0) || greeting == &SFTP_ONLY[..got.max(4)] {
                Instead::OnlySftp
            } else {
                Instead::Other
            };
            return Ok(Err((connected, instead)));
        }
        Ok(Ok(Self {
            talk: Mutex::new(BufReader::with_capacity(BUFFER, talk)),
            connected,
            path: remote.collect_dir.to_path_buf(),
            indicator: Mutex::default(),
            modes: Mutex::default(),
        }))
    }

    fn io_fault(&self, error: &io::Error) -> PeerError {
        if error.kind() == io::ErrorKind::InvalidData {
            return self.foul(error.to_string());
        }
        io_fault(error, &self.connected.name, self.connected.silence)
    }

    fn foul(&self, reason: impl Into<String>) -> PeerError {
        PeerError::Foul {
            host: self.connected.name.clone(),
            reason: reason.into(),
        }
    }

    fn ask(
        &self,
        talk: &mut BufReader<Talk>,
        letter: u8,
        parts: &[&[u8]],
    ) -> Result<(), PeerError> {
        let mut bytes = Vec::new();
        send(&mut bytes, letter, parts)
            .and_then(|()| talk.get_mut().write_all(&bytes))
            .map_err(|error| self.io_fault(&error))
    }

    fn answer(
        &self,
        talk: &mut BufReader<Talk>,
        payload: &mut Vec<u8>,
    ) -> Result<Answer, PeerError> {
        let head = self.head(talk)?;
        self.rest(talk, head, payload)
    }

    /// How the next answer begins.
    fn head(&self, talk: &mut BufReader<Talk>) -> Result<Head, PeerError> {
        let head = Head::take(talk).map_err(|error| self.io_fault(&error))?;
        head.ok_or_else(|| self.ended())
    }

    /// What follows `head`.
    fn rest(
        &self,
        talk: &mut BufReader<Talk>,
        head: Head,
        payload: &mut Vec<u8>,
    ) -> Result<Answer, PeerError> {
        let taken = head.rest(talk, payload);
        taken.map_err(|error| self.io_fault(&error))?;
        if head.letter != b'!' {
            return Ok(Ok(head.letter));
        }
        let (kind, text) = payload.split_first().unwrap_or((&trouble::FAILED, &[]));
        let text = crate::event::printable_bytes(&text[..text.len().min(1000)]);
        Ok(Err((*kind, text)))
    }

    fn ended(&self) -> PeerError {
        PeerError::Broken {
            host: self.connected.name.clone(),
            reason: "its agent ended".to_owned(),
        }
    }

    /// What a trouble means that is about the whole directory.
    fn whole(&self, (kind, text): (u8, String)) -> PeerError {
        match kind {
            trouble::ABSENT => PeerError::NoDirectory {
                host: self.connected.name.clone(),
                path: self.path.clone(),
            },
            trouble::FORBIDDEN => PeerError::Forbidden {
                host: self.connected.name.clone(),
                what: format!("reading {}", printable_path(&self.path)),
                reason: text,
            },
            _ => PeerError::Unreadable {
                path: self.path.clone(),
                source: io::Error::other(text),
            },
        }
    }

    fn look(&self, end: Deadline) -> Result<Option<(bool, Mark, Vec<u8>)>, PeerError> {
        let talk = &mut *locked(&self.talk);
        talk.get_mut().end = end;
        let mut payload = Vec::new();
        self.ask(talk, b'I', &[self.path.as_os_str().as_bytes()])?;
        match self.answer(talk, &mut payload)? {
            Ok(b'N') => Ok(None),
            Ok(b'I') => {
                let (staged, rest) = payload
                    .split_first()
                    .ok_or_else(|| self.foul("half an answer"))?;
                let (mark, text) = rest
                    .split_first_chunk::<36>()
                    .ok_or_else(|| self.foul("half an answer"))?;
                Ok(Some((*staged == 1, *mark, text.to_vec())))
            }
            Ok(_) => Err(self.foul("an answer to another question")),
            Err(trouble) => Err(self.whole(trouble)),
        }
    }
}

impl Transport for Agent {
    fn collected(&self, limits: &Watched) -> Result<Option<Collected>, PeerError> {
        let Some((staged, mark, text)) = self.look(limits.end())? else {
            *locked(&self.indicator) = None;
            return Ok(None);
        };
        *locked(&self.indicator) = Some(mark);
        Ok(Some(Collected { text, staged }))
    }

    fn list(&self, _into: &Path, limits: &Watched) -> Result<Listing, PeerError> {
        let talk = &mut *locked(&self.talk);
        talk.get_mut().end = limits.end();
        let mut modes = locked(&self.modes);
        modes.clear();
        let mut listing = Listing::default();
        let mut payload = Vec::new();
        let mut passed_by = 0;
        self.ask(talk, b'L', &[])?;
        loop {
            match self.answer(talk, &mut payload)? {
                Ok(b'E') => {}
                Ok(b'.') => break,
                Ok(_) => return Err(self.foul("an answer to another question")),
                Err(trouble) => return Err(self.whole(trouble)),
            }
            let entry = read_entry(&payload).ok_or_else(|| self.foul("half an answer"))?;
            check_name(entry.name).map_err(|reason| self.foul(reason))?;
            let name = OsStr::from_bytes(entry.name).to_owned();
            limits.bytes(0)?;
            if !is_wanted(&name) {
                passed_by += 1;
                if passed_by > MOST_PASSED_BY {
                    return Err(self.foul("its listing has no end"));
                }
                continue;
            }
            match entry.kind {
                b'f' => {
                    if modes.insert(name.clone(), entry.mode).is_some() {
                        return Err(self.foul("it has two files of one name"));
                    }
                    let bytes = entry.bytes;
                    listing.entries.push(Entry {
                        name,
                        bytes,
                        mark: Some(entry.mark),
                    });
                }
                kind => listing
                    .refused
                    .push((name, Refused::NotRegular(what(kind)))),
            }
            // One more shows that there are too many; the connection is not used any more then.
            if listing.entries.len() + listing.refused.len() > limits.most_files() {
                break;
            }
        }
        listing.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    fn get(&self, job: &Job<'_>) -> Result<(), PeerError> {
        self.get_all(&mut locked(&self.talk), job)
    }

    fn unchanged(&self) -> Result<(), PeerError> {
        let end = Deadline::after(PATIENCE);
        let now = self.look(end)?.map(|(_, mark, _)| mark);
        if now == *locked(&self.indicator) {
            Ok(())
        } else {
            Err(PeerError::Changing(self.path.clone()))
        }
    }

    fn put(&self, name: &str, text: &[u8], _ids: Option<Ids>) -> Result<(), PeerError> {
        debug_assert_eq!(name, STAGED);
        let talk = &mut *locked(&self.talk);
        talk.get_mut().end = Deadline::after(PATIENCE);
        self.ask(talk, b'P', &[text])?;
        match self.answer(talk, &mut Vec::new())? {
            Ok(_) => Ok(()),
            Err((_, text)) => Err(PeerError::Unwritable {
                path: self.path.join(name),
                source: said(text),
            }),
        }
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn exec(&self, errand: &Errand<'_>, output: &mut dyn FnMut(&[u8])) -> Result<(), PeerError> {
        let talk = &mut *locked(&self.talk);
        let words = errand.words.join(" ");
        self.ask(talk, b'X', &[words.as_bytes()])?;
        let mut lines = super::Lines::default();
        let mut payload = Vec::new();
        talk.get_mut().end = errand.end;
        // An action may work for hours without a word.
        talk.get_mut().bear(Silence::Working);
        let status = loop {
            match self.answer(talk, &mut payload)? {
                Ok(b'O') => lines.take(&payload, output),
                Ok(b'S') => break payload.as_slice().try_into().map_or(-1, i32::from_be_bytes),
                Ok(_) => return Err(self.foul("an answer to another question")),
                Err((kind, reason)) => {
                    let host = self.connected.name.clone();
                    let what = format!("`cback {words}`");
                    return Err(match kind {
                        trouble::FORBIDDEN => PeerError::Forbidden {
                            host,
                            what,
                            reason: String::new(),
                        },
                        _ => PeerError::Failed {
                            command: format!("cback {words}"),
                            ending: reason,
                            tail: String::new(),
                        },
                    });
                }
            }
        };
        lines.end(output);
        talk.get_mut().bear(Silence::Stalled);
        if status == 0 {
            return Ok(());
        }
        Err(PeerError::Failed {
            command: format!("cback {words}"),
            ending: format!("status {status}"),
            tail: String::new(),
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
