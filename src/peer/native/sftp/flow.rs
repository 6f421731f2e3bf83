//! Files by SFTP, without waiting for each: while one comes, the next are opened and read.
//!
//! A file takes three questions, of which the second needs the answer to the first. So several files are open, and
//! of each so much is asked for that the way there is never empty. They are taken in their order.

use std::collections::VecDeque;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::packet::{Field, Packet, Status, kind};
use super::server::{Handle, Server, Trouble, data, handle};
use crate::peer::PeerError;
use crate::peer::arrive::{Arrivals, Arriving, Resume};
use crate::peer::transport::{Entry, Job, Refused};

/// Bytes that are asked for and have not come.
const AHEAD: u64 = 8 << 20;
/// How a file is opened: to read.
const READ: u32 = 1;

/// Fetches files.
pub(super) struct Flow<'s, 'a> {
    pub(super) server: &'s mut Server,
    pub(super) dir: &'s Path,
    pub(super) job: &'s Job<'a>,
    /// What the server gives at once; less than it promised, with some.
    pub(super) most: u32,
    /// What a trouble in the talk means.
    pub(super) fault: &'s dyn Fn(Trouble) -> PeerError,
    /// Permissions, by name.
    pub(super) mode: &'s dyn Fn(&Entry) -> u32,
}

/// A file on its way.
struct Coming<'a> {
    entry: &'a Entry,
    opening: Opening,
    /// The first byte that is not asked for yet.
    next: u64,
    /// What is asked for, in the order of the bytes.
    reads: VecDeque<Read>,
}

enum Opening {
    /// By the question of that number.
    Asked(u32),
    Open(Handle),
    Failed(Status),
}

#[derive(Clone, Copy)]
struct Read {
    number: u32,
    at: u64,
    bytes: u32,
}

impl<'a> Flow<'_, 'a> {
    /// Fetches the files of `entries`.
    pub(super) fn fetch(
        &mut self,
        entries: &[&'a Entry],
        arrivals: &mut Arrivals<'a>,
        resume: Resume,
    ) -> Result<(), PeerError> {
        let mut waiting = entries.iter().copied();
        let mut coming: VecDeque<Coming<'a>> = VecDeque::new();
        loop {
            while coming.len() < self.server.most_open
                && let Some(entry) = waiting.next()
            {
                let from = match resume {
                    Resume::Yes => arrivals.there(entry)?,
                    Resume::No => 0,
                };
                coming.push_back(self.open(entry, from));
            }
            let Some(mut first) = coming.pop_front() else {
                return Ok(());
            };
            if let Opening::Asked(number) = first.opening {
                let packet = self.server.answer(number).map_err(self.fault)?;
                first.opening = opened(&packet).map_err(self.fault)?;
            }
            match &first.opening {
                Opening::Open(handle) => {
                    let handle = handle.clone();
                    let arriving = arrivals.begin(first.entry, resume)?;
                    self.take(first, &handle, arriving, &mut coming, arrivals)?;
                }
                Opening::Failed(status) if !status.is_absent() => {
                    let error = status.clone().into();
                    arrivals.refused(first.entry, Refused::Unreadable(error))?;
                }
                _ => return Err(PeerError::Changing(self.path(first.entry))),
            }
        }
    }

    fn open(&mut self, entry: &'a Entry, from: u64) -> Coming<'a> {
        let path = self.path(entry);
        let fields = [
            Field::Text(path.as_os_str().as_bytes()),
            Field::Number(READ),
            Field::Number(0),
        ];
        Coming {
            entry,
            opening: Opening::Asked(self.server.ask(kind::OPEN, &fields)),
            next: from,
            reads: VecDeque::new(),
        }
    }

    /// Takes the first file to its end, while more of the others is asked for.
    fn take(
        &mut self,
        mut first: Coming<'a>,
        handle: &Handle,
        mut arriving: Arriving,
        others: &mut VecDeque<Coming<'a>>,
        arrivals: &mut Arrivals<'a>,
    ) -> Result<(), PeerError> {
        let entry = first.entry;
        let changing = || PeerError::Changing(self.dir.join(&entry.name));
        let ended = loop {
            self.ask_ahead(&mut first, others).map_err(self.fault)?;
            let Some(read) = first.reads.pop_front() else {
                // A byte more than it is said to have was asked for, and came.
                return Err(changing());
            };
            let packet = self.server.answer(read.number).map_err(self.fault)?;
            let bytes = match data(&packet, read.bytes).map_err(self.fault)? {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break Ok(()),
                Err(status) => break Err(status),
            };
            if arriving.bytes + bytes.len() as u64 > entry.bytes {
                return Err(changing());
            }
            arriving.write(bytes)?;
            (self.job.progress)(bytes.len() as u64)?;
            let got = u32::try_from(bytes.len()).unwrap_or(read.bytes);
            if got < read.bytes {
                if arriving.bytes == entry.bytes {
                    // Of a plain file a server gives less than it was asked for at the end only.
                    break Ok(());
                }
                // Some give less at once.
                self.most = self.most.min(got.max(1024));
                let (at, bytes) = (read.at + u64::from(got), read.bytes - got);
                let number = self.server.ask_read(handle, at, bytes);
                first.reads.push_front(Read { number, at, bytes });
            }
        };
        for read in first.reads.drain(..) {
            self.server.forget(read.number);
        }
        self.server.close(handle);
        match ended {
            Ok(()) if arriving.bytes == entry.bytes => {
                arrivals.whole(entry, arriving, (self.mode)(entry))
            }
            Ok(()) => Err(changing()),
            Err(status) => {
                drop(arriving);
                arrivals.refused(entry, Refused::Unreadable(status.into()))
            }
        }
    }

    /// Asks for bytes of the first file, and of those after it that are open.
    fn ask_ahead(
        &mut self,
        first: &mut Coming<'a>,
        others: &mut VecDeque<Coming<'a>>,
    ) -> Result<(), Trouble> {
        let mut asked: u64 = 0;
        for coming in std::iter::once(first).chain(others.iter_mut()) {
            asked += coming
                .reads
                .iter()
                .map(|read| u64::from(read.bytes))
                .sum::<u64>();
            if let Opening::Asked(number) = coming.opening {
                let Some(packet) = self.server.early(number) else {
                    // In their order; those behind it are not open either.
                    break;
                };
                coming.opening = opened(&packet)?;
            }
            let Opening::Open(handle) = &coming.opening else {
                continue;
            };
            // One byte more than it says: a file that grows, or lies, shows.
            let end = coming.entry.bytes.saturating_add(1);
            while coming.next < end && asked < AHEAD {
                let left = u32::try_from(end - coming.next).unwrap_or(self.most);
                let bytes = left.min(self.most);
                let number = self.server.ask_read(handle, coming.next, bytes);
                let at = coming.next;
                coming.reads.push_back(Read { number, at, bytes });
                coming.next += u64::from(bytes);
                asked += u64::from(bytes);
            }
            if asked >= AHEAD {
                break;
            }
        }
        Ok(())
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.dir.join(&entry.name)
    }
}

fn opened(packet: &Packet) -> Result<Opening, Trouble> {
    Ok(match handle(packet)? {
        Ok(handle) => Opening::Open(handle),
        Err(status) => Opening::Failed(status),
    })
}
