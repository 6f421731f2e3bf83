//! Files from an agent: asked for ahead, taken in their order.

use std::io::{self, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;

use super::{Agent, locked};
use crate::peer::PeerError;
use crate::peer::arrive::{Arrivals, Arriving, Resume};
use crate::peer::native::talk::Talk;
use crate::peer::transport::{Entry, Job, Refused};
use crate::peer::wire::{send, trouble};

/// Files that are asked for before the first of them is there. The questions are together far smaller than what the
/// way there takes in, so that both sides never wait for each other.
const AHEAD: usize = 256;

impl Agent {
    /// Brings the job's files.
    pub(super) fn get_all(
        &self,
        talk: &mut BufReader<Talk>,
        job: &Job<'_>,
    ) -> Result<(), PeerError> {
        talk.get_mut().end = job.limits.end();
        let mut arrivals = Arrivals::new(job)?;
        let mut asked = 0;
        for (at, entry) in job.entries.iter().enumerate() {
            if asked < job.entries.len() && asked <= at + AHEAD / 2 {
                let next = &job.entries[asked..job.entries.len().min(at + AHEAD)];
                self.ask_for(talk, next, |entry| arrivals.there(entry))?;
                asked += next.len();
            }
            self.take_file(talk, entry, &mut arrivals, job, Resume::Yes)?;
        }
        arrivals.settle()?;
        for entry in arrivals.again() {
            self.ask_for(talk, std::slice::from_ref(entry), |_| Ok(0))?;
            self.take_file(talk, entry, &mut arrivals, job, Resume::No)?;
        }
        arrivals.settle()
    }

    /// Asks for the files of `entries` at once, each from where it is to be continued.
    fn ask_for<'a>(
        &self,
        talk: &mut BufReader<Talk>,
        entries: &'a [Entry],
        from: impl Fn(&'a Entry) -> Result<u64, PeerError>,
    ) -> Result<(), PeerError> {
        let mut questions = Vec::new();
        for entry in entries {
            let from = from(entry)?.to_be_bytes();
            send(&mut questions, b'G', &[&from, entry.name.as_bytes()])
                .map_err(|error| self.io_fault(&error))?;
        }
        talk.get_mut()
            .write_all(&questions)
            .map_err(|error| self.io_fault(&error))
    }

    /// Takes the file that was asked for.
    fn take_file<'a>(
        &self,
        talk: &mut BufReader<Talk>,
        entry: &'a Entry,
        arrivals: &mut Arrivals<'a>,
        job: &Job<'_>,
        resume: Resume,
    ) -> Result<(), PeerError> {
        let changing = || PeerError::Changing(self.path.join(&entry.name));
        let mut arriving = arrivals.begin(entry, resume)?;
        let mut payload = Vec::new();
        loop {
            let head = self.head(talk)?;
            if head.letter == b'D' {
                if arriving.bytes + head.length as u64 > entry.bytes {
                    return Err(changing());
                }
                self.take_bytes(talk, head.length, &mut arriving, job)?;
                continue;
            }
            match self.rest(talk, head, &mut payload)? {
                Ok(b'.') if arriving.bytes == entry.bytes => {
                    let mode = locked(&self.modes).get(&entry.name).copied();
                    return arrivals.whole(entry, arriving, mode.unwrap_or(0o600));
                }
                Ok(b'.') | Err((trouble::CHANGED | trouble::ABSENT, _)) => return Err(changing()),
                Ok(_) => return Err(self.foul("an answer to another question")),
                Err((_, text)) => {
                    drop(arriving);
                    let error = io::Error::other(text);
                    return arrivals.refused(entry, Refused::Unreadable(error));
                }
            }
        }
    }

    /// Takes so many bytes of a file.
    fn take_bytes(
        &self,
        talk: &mut BufReader<Talk>,
        length: usize,
        arriving: &mut Arriving,
        job: &Job<'_>,
    ) -> Result<(), PeerError> {
        let mut left = length;
        while left > 0 {
            match arriving.read(talk, left)? {
                Ok(0) => return Err(self.ended()),
                Ok(got) => {
                    left -= got;
                    (job.progress)(got as u64)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io_fault(&error)),
            }
        }
        Ok(())
    }
}
