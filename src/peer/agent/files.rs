//! Files on their way to the master.
//!
//! Most of a long file goes from the page cache into the pipe to sshd as pages, not as copies (`splice`). sshd may read
//! such a page a while later, and would see what is written to the file until then. So the end of a file is copied, more
//! of it than the pipe holds: once that is in the pipe, sshd has read everything before, and a look at the file tells
//! whether it stayed the same all that time.
//!
//! sshd reads little at a time, and would wake us up after each read for as little as it took. So when the pipe is full,
//! we look again when about half of it should have been read.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
};

use super::Directory;
use super::directory::mark;
use crate::peer::wire::{Head, PIECE, send};

/// Bytes that a pipe shall hold.
const PIPE: usize = 1 << 20;
/// Pauses: shorter ones are not worth it, and longer ones would be felt when the reader becomes faster.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(4);
/// At least so much of a file must be left for pages to be worth the system calls.
const WORTH: u64 = 64 << 10;

/// Sends files.
pub(super) struct Files<'p> {
    buffer: Vec<u8>,
    pages: Option<Pages<'p>>,
}

impl<'p> Files<'p> {
    /// To wherever answers go; `pipe` is that if it is a pipe.
    pub(super) fn new(pipe: Option<BorrowedFd<'p>>) -> Self {
        Self {
            buffer: Vec::new(),
            pages: pipe.and_then(|pipe| Pages::new(pipe).ok()),
        }
    }

    /// Sends the file `name` of `dir` from the byte `from` on. The outer error is that of the way to the master.
    pub(super) fn send(
        &mut self,
        dir: &Directory,
        name: &OsStr,
        from: u64,
        output: &mut dyn Write,
    ) -> io::Result<io::Result<()>> {
        let (file, stat) = match dir.file(name) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        let (before, bytes) = (mark(&stat), u64::try_from(stat.st_size).unwrap_or(0));
        let mut at = from;
        while at < bytes {
            match self.piece(&file, at, bytes, output)? {
                Ok(0) => break,
                Ok(sent) => at += sent,
                Err(error) => return Ok(Err(error)),
            }
        }
        match fstat(&file) {
            Ok(stat) if mark(&stat) == before => send(output, b'.', &[]).map(Ok),
            // A kind of its own, which no file system reports here.
            Ok(_) => Ok(Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "it changed",
            ))),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// Sends some bytes of `file`, which has `end` of them, from `at` on; how many. None are left if there are none.
    fn piece(
        &mut self,
        file: &File,
        at: u64,
        end: u64,
        output: &mut dyn Write,
    ) -> io::Result<io::Result<u64>> {
        let left = end - at;
        let letter = b'D';
        if let Some(pages) = &mut self.pages
            && left >= pages.copied + WORTH
        {
            let most = usize::try_from(left - pages.copied).unwrap_or(PIPE);
            match pages.take(file, at, most) {
                Ok(0) => return Ok(Ok(0)),
                Ok(length) => {
                    Head { letter, length }.send(output)?;
                    output.flush()?;
                    pages.give(length)?;
                    return Ok(Ok(length as u64));
                }
                // A file system that has no pages to give.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.pages = None,
                Err(error) => return Ok(Err(error.into())),
            }
        }
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        if self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
        match file.read_at(&mut self.buffer[..most], at) {
            Ok(0) => Ok(Ok(0)),
            Ok(got) => send(output, letter, &[&self.buffer[..got]]).map(|()| Ok(got as u64)),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// The way for pages: through a pipe of our own, so that what is announced is there, into the one to the master.
struct Pages<'p> {
    from: OwnedFd,
    to: OwnedFd,
    out: BorrowedFd<'p>,
    /// Bytes that `out` holds.
    holds: usize,
    /// So many bytes at the end of a file are copied.
    copied: u64,
    /// When `out` was full.
    full: Option<Instant>,
    /// In what time it is emptied.
    emptied_in: Duration,
}

impl<'p> Pages<'p> {
    fn new(out: BorrowedFd<'p>) -> Result<Self, Errno> {
        let holds = enlarge(out)?;
        let (from, to) = pipe_with(PipeFlags::CLOEXEC)?;
        enlarge(to.as_fd())?;
        Ok(Self {
            from,
            to,
            out,
            holds,
            full: None,
            emptied_in: Duration::MAX,
            // Of what is copied, no page of the pipe takes more than it has room for.
            copied: holds as u64 + 4096,
        })
    }

    /// Takes pages of `file` from `at` on, `most` bytes at most; how many bytes.
    fn take(&self, file: &File, at: u64, most: usize) -> Result<usize, Errno> {
        let (mut at, most) = (at, most.min(PIPE));
        rustix::io::retry_on_intr(|| {
            let from = Some(&mut at);
            splice(file, from, &self.to, None, most, SpliceFlags::MOVE)
        })
    }

    /// Gives what was taken to the master.
    fn give(&mut self, bytes: usize) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            // Waits while there is no room at all.
            let given = rustix::io::retry_on_intr(|| {
                splice(&self.from, None, self.out, None, left, SpliceFlags::MOVE)
            })?;
            if given == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            left -= given;
            if left > 0 {
                let now = Instant::now();
                if let Some(full) = self.full {
                    let elapsed = now.duration_since(full);
                    self.emptied_in = emptied_in(self.emptied_in, elapsed, given, self.holds);
                    thread::sleep(pause(self.emptied_in));
                }
                self.full = Some(now);
            }
        }
        Ok(())
    }
}

/// In what time the reader empties a pipe that holds so many bytes, if it had taken `given` of them `elapsed` after the
/// pipe was full. What it did of late counts for a while: it reads in bursts, and must not wait for us in the next one.
fn emptied_in(last: Duration, elapsed: Duration, given: usize, holds: usize) -> Duration {
    let nanos = elapsed.as_nanos() * holds as u128 / given.max(1) as u128;
    let now = u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos);
    now.min(last.max(SHORTEST).saturating_add(last / 8))
}

/// How long to leave a full pipe alone that is emptied in that time.
fn pause(emptied_in: Duration) -> Duration {
    let pause = (emptied_in / 5 * 2).min(LONGEST);
    if pause < SHORTEST {
        Duration::ZERO
    } else {
        pause
    }
}

/// Lets a pipe hold more, if that is allowed; gives what it holds.
fn enlarge(pipe: BorrowedFd<'_>) -> Result<usize, Errno> {
    let _ = fcntl_setpipe_size(pipe, PIPE);
    fcntl_getpipe_size(pipe)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read as _;

    use super::*;
    use crate::peer::wire::{take, trouble};
    use crate::units::AbsPath;

    /// What the master gets of a file with that content: its bytes, and the letter of the last frame with what it
    /// has. `meanwhile` is called when so many bytes are there; if the pipe can hold the others, when it does.
    fn sent(
        content: &[u8],
        from: u64,
        (there, meanwhile): (usize, impl FnOnce(&std::path::Path)),
    ) -> (Vec<u8>, u8, Vec<u8>) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.tar");
        std::fs::write(&path, content).unwrap();
        // So long ago that every later change has another time.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        let dir = Directory::open(&AbsPath::new(place.path()).unwrap()).unwrap();
        let (mut master, agent) = io::pipe().unwrap();
        let sending = thread::spawn(move || {
            let mut output = io::BufWriter::new(&agent);
            let mut files = Files::new(Some(agent.as_fd()));
            assert!(files.pages.is_some());
            let outcome = files.send(&dir, OsStr::new("a.tar"), from, &mut output);
            if let Err(error) = outcome.unwrap() {
                assert_eq!(error.kind(), io::ErrorKind::Interrupted);
                send(&mut output, b'!', &[&[trouble::CHANGED]]).unwrap();
            }
            output.flush().unwrap();
        });
        let mut came = Vec::new();
        let mut payload = Vec::new();
        let (mut sending, mut meanwhile) = (Some(sending), Some(meanwhile));
        let mut end = || {
            if let Some(sending) = sending.take() {
                sending.join().unwrap();
            }
        };
        loop {
            let letter = take(&mut master, &mut payload).unwrap().unwrap();
            if letter != b'D' {
                end();
                let mut rest = Vec::new();
                master.read_to_end(&mut rest).unwrap();
                assert!(rest.is_empty());
                return (came, letter, payload);
            }
            came.extend_from_slice(&payload);
            if came.len() >= there
                && let Some(meanwhile) = meanwhile.take()
            {
                if content.len() - came.len() <= PIPE / 2 {
                    end();
                }
                meanwhile(&path);
            }
        }
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let number = |at: usize| u32::try_from(at).unwrap().wrapping_mul(0x9e37_79b9);
        (0..bytes).map(|at| number(at).to_be_bytes()[0]).collect()
    }

    #[test]
    fn every_byte_gets_to_the_master_whatever_the_length() {
        let most = PIPE + 4096 + 65_536;
        for bytes in [0, 1, 4095, PIECE, most - 1, most, most + 1, 5 * PIPE + 777] {
            for from in [0, bytes / 3, bytes] {
                let content = noise(bytes);
                let (came, letter, _) = sent(&content, from as u64, (bytes, |_| {}));
                assert!(came == content[from..], "{bytes} from {from}");
                assert_eq!(letter, b'.');
            }
        }
    }

    #[test]
    fn a_reader_in_a_hurry_is_not_made_to_wait() {
        let micros = Duration::from_micros;
        // What was known, time since the pipe was full, taken of 1000; the time for all, and the pause.
        for (last, elapsed, given, all, then) in [
            (u64::MAX, 400, 400, 1000, 400),
            // as before
            (1000, 400, 400, 1000, 400),
            // faster, at once
            (1000, 400, 1000, 400, 160),
            (400, 160, 1000, 160, 64),
            (160, 64, 1000, 64, 0),
            (64, 0, 1000, 0, 0),
            // slower, little by little: it may only have held its breath
            (0, 5000, 32, 50, 0),
            (64, 5000, 32, 72, 0),
            (800, 5000, 32, 900, 360),
            (80_000, 40_000, 500, 80_000, 4000),
        ] {
            let time = emptied_in(micros(last), micros(elapsed), given, 1000);
            assert_eq!(
                (time, pause(time)),
                (micros(all), micros(then)),
                "{last} {elapsed} {given}"
            );
        }
    }

    #[test]
    fn a_file_that_changes_while_its_pages_are_on_their_way_is_told_of() {
        let content = noise(6 * PIPE);
        // One byte that is in the pipe, or soon will be.
        let change = |at: usize| {
            move |path: &std::path::Path| {
                let file = File::options().write(true).open(path).unwrap();
                file.write_all_at(b"?", at as u64).unwrap();
            }
        };
        let (came, letter, kind) = sent(&content, 0, (1, change(PIPE + PIPE / 2)));
        assert_eq!((letter, kind.as_slice()), (b'!', &[trouble::CHANGED][..]));
        assert_eq!(came.len(), content.len());
        // What is cut off was announced in no frame.
        let cut = |path: &std::path::Path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(3 * PIPE as u64).unwrap();
        };
        let (came, letter, kind) = sent(&content, 0, (1, cut));
        assert_eq!((letter, kind.as_slice()), (b'!', &[trouble::CHANGED][..]));
        assert!(came.len() >= 3 * PIPE, "{}", came.len());
        // What was found unchanged at the end is what the master reads, however late it does.
        let content = &content[..5 * PIPE + PIPE / 2];
        let late = change(content.len() - PIPE / 4);
        let (came, letter, _) = sent(content, 0, (5 * PIPE, late));
        assert_eq!(letter, b'.');
        assert!(came == content);
    }
}
