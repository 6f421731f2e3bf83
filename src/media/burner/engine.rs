//! `cdrskin` (libburn): its words, what it prints, and how it is fed.
//!
//! The image goes from our writer through a ring of bytes into its standard input; there is no file in between. If the
//! source fails, the program is ended before it could take zeros for data.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::thread;

use super::Handling;
use crate::event::{Event, Monitor, OUTPUT, Progress, Tell as _, printable};
use crate::media::ring::{self, Emptying, Filling, Gauge};
use crate::media::{DriveError, SECTOR, Thoroughness};
use crate::process::{Command, RunError, System};

/// Some drives cannot read the last sectors of a CD's track, and a track has at least four seconds (MMC-6 4.2.3).
const CD_PADDING: u64 = 150;
const CD_SHORTEST: u64 = 300;
/// Lines of the program that are kept for the message if it fails.
const TAIL: usize = 6;

/// What the program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A session after which others can follow.
    Session,
    /// A session, and the disc is closed.
    Last,
    /// Blanking.
    Blank(Thoroughness),
    /// Making a disc ready for writing anywhere.
    Format,
    /// Closing the disc.
    Close,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub purpose: Purpose,
    /// Where the session begins.
    pub start: u32,
    /// Its length.
    pub sectors: u64,
    /// Whether the disc is written anywhere, so that the place has to be said.
    pub placed: bool,
    /// Whether it is a CD.
    pub cd: bool,
}

impl Job {
    /// A job without bytes.
    pub fn of(purpose: Purpose) -> Self {
        Self {
            purpose,
            start: 0,
            sectors: 0,
            placed: false,
            cd: false,
        }
    }
}

/// The program for one drive.
pub(super) struct Engine<'a> {
    drive: &'a Path,
    handling: &'a Handling,
}

/// Fills the ring.
type Fill<'a> = dyn FnMut(&mut (dyn Write + Send)) -> io::Result<()> + 'a;

impl<'a> Engine<'a> {
    pub fn new(drive: &'a Path, handling: &'a Handling) -> Self {
        Self { drive, handling }
    }

    /// Does `job`; `fill` gives the bytes of its session, if it has some.
    pub fn run(
        &self,
        job: &Job,
        monitor: &dyn Monitor,
        fill: &mut Fill<'_>,
    ) -> Result<(), DriveError> {
        let command = command(self.drive, job, self.handling);
        let mut system = System::new(monitor);
        for (name, path) in &self.handling.programs {
            system = system.overriding(name.clone(), path.clone());
        }
        let task = task(job.purpose);
        let result = if job.sectors > 0 {
            self.feed(&system, &command, job, monitor, fill)
        } else {
            self.plain(&system, &command)
        };
        monitor.observe(&Event::ProgressEnd(task));
        result
    }

    fn failed(&self, error: impl Into<String>) -> DriveError {
        DriveError::Engine {
            path: self.drive.to_owned(),
            why: error.into(),
        }
    }

    fn run_error(&self, error: &RunError) -> DriveError {
        if let RunError::Missing { program } = error {
            return DriveError::Cannot {
                path: self.drive.to_owned(),
                why: format!(
                    "cannot be written, since there is no program {program}; install it (Debian: cdrskin)"
                ),
            };
        }
        let cause = std::error::Error::source(error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        self.failed(format!("{error}{cause}"))
    }

    fn plain(&self, system: &System<'_>, command: &Command) -> Result<(), DriveError> {
        let mut running = system
            .spawn(command)
            .map_err(|error| self.run_error(&error))?;
        drop(running.stdin.take());
        let told = running.stdout.take().map(|out| listen(out, &mut |_| {}));
        self.ended(running.wait(), told.unwrap_or_default())
    }

    fn ended(
        &self,
        ended: Result<crate::process::Ended, RunError>,
        told: Vec<String>,
    ) -> Result<(), DriveError> {
        let ended = ended.map_err(|error| self.run_error(&error))?;
        if ended.success() {
            return Ok(());
        }
        let mut tail = ended.tail;
        tail.extend(told);
        let tail: Vec<String> = tail
            .into_iter()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let shown = &tail[tail.len().saturating_sub(TAIL)..];
        Err(self.failed(format!("cdrskin {}: {}", ended.status, shown.join("; "))))
    }

    /// Runs the program with a ring before it. This thread fills the ring, one empties it, one hears what is printed.
    fn feed(
        &self,
        system: &System<'_>,
        command: &Command,
        job: &Job,
        monitor: &dyn Monitor,
        fill: &mut Fill<'_>,
    ) -> Result<(), DriveError> {
        let (mut filling, emptying) = ring::ring(ring::BYTES);
        let gauge = filling.gauge();
        let task = task(job.purpose);
        let mut running = system
            .spawn(command)
            .map_err(|error| self.run_error(&error))?;
        let (stdin, stdout) = (running.stdin.take(), running.stdout.take());
        let total = job.sectors * SECTOR;
        let moved = std::sync::Mutex::new(None);
        let (filled, fed, told) = thread::scope(|scope| {
            let feeder = scope.spawn(|| match stdin {
                Some(mut stdin) => pour(emptying, &mut stdin, &gauge, &|done, percent| {
                    monitor.observe(&Event::Progress(Progress {
                        task,
                        done,
                        total: Some(total),
                        files: None,
                    }));
                    log::trace!("ring {percent} %");
                }),
                None => Ok(()),
            });
            let moved = &moved;
            let hearer = scope.spawn(move || {
                stdout.map(|out| {
                    listen(out, &mut |line| {
                        if let Some(at) = track_start(line)
                            && at != u64::from(job.start)
                            && let Ok(mut moved) = moved.lock()
                        {
                            *moved = Some(at);
                        }
                    })
                })
            });
            let filled = fill(&mut filling);
            finish(filling, filled.is_ok());
            (filled, feeder.join(), hearer.join())
        });
        let fed = fed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let told = told
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .unwrap_or_default();
        match gauge.times_empty() {
            0 => log::debug!("the buffer was never empty while burning"),
            times => monitor.note(format!(
                "the buffer was empty {times} times while burning: the source is slower than the drive, and a lower \
                 <drive_speed> may spare the disc"
            )),
        }
        let source_failed = filled
            .as_ref()
            .err()
            .is_some_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
        if source_failed {
            // Dropping `running` ends the program.
            drop(running);
            let why = filled.err().map(|error| error.to_string());
            return Err(self.failed(format!(
                "the source failed, and the session was given up: {}",
                why.unwrap_or_default()
            )));
        }
        self.ended(running.wait(), told)?;
        if let Ok(Some(at)) = moved.lock().map(|moved| *moved) {
            return Err(DriveError::Moved {
                image: job.start,
                disc: u32::try_from(at).unwrap_or(u32::MAX),
            });
        }
        filled
            .and(fed)
            .map_err(|error| self.failed(error.to_string()))
    }
}

fn finish(filling: Filling, whole: bool) {
    if whole {
        filling.end();
    }
}

/// From the ring into the program. What a program does not take because it ends is told by how it ended.
fn pour(
    mut ring: Emptying,
    out: &mut dyn Write,
    gauge: &Gauge,
    progress: &dyn Fn(u64, u8),
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    ring.wait_until_full();
    loop {
        let count = ring.read(&mut buffer)?;
        if count == 0 {
            return out.flush();
        }
        out.write_all(&buffer[..count])?;
        done += count as u64;
        progress(done, gauge.percent());
    }
}

/// Reads what the program prints, into the log, and gives the last lines. A line ends with a newline, a carriage return or
/// a backspace.
fn listen(out: impl Read, hear: &mut dyn FnMut(&str)) -> Vec<String> {
    let mut last = std::collections::VecDeque::new();
    for chunk in BufReader::new(out).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&chunk).into_owned();
        for line in text.split(['\r', '\u{8}']) {
            let line = printable(line.trim());
            if line.is_empty() {
                continue;
            }
            hear(&line);
            log::info!(target: OUTPUT, "{line}");
            if last.len() == TAIL {
                last.pop_front();
            }
            last.push_back(line);
        }
    }
    last.into()
}

/// `Starting new track at sector: 0`: where the program begins to write.
fn track_start(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("Starting new track at sector: ")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn task(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Session | Purpose::Last => "burning",
        Purpose::Blank(_) => "blanking",
        Purpose::Format => "formatting",
        Purpose::Close => "closing",
    }
}

/// The words for a job. Track at once, always: it is what can be continued, and the only thing that every drive does.
fn command(drive: &Path, job: &Job, handling: &Handling) -> Command {
    let mut device = OsString::from("dev=");
    device.push(drive);
    let mut command = Command::new("cdrskin")
        .arg("-v")
        .arg(device)
        .arg("gracetime=0");
    if let Some(speed) = handling.speed {
        command = command.arg(format!("speed={speed}"));
    }
    match job.purpose {
        Purpose::Blank(Thoroughness::Fast) => return command.arg("blank=fast"),
        Purpose::Blank(Thoroughness::All) => return command.arg("blank=all"),
        Purpose::Format => return command.arg("blank=format_if_needed"),
        Purpose::Close => return command.arg("-fix"),
        Purpose::Session => command = command.arg("-multi"),
        Purpose::Last => {}
    }
    // Our own ring is before it; a second one would only hide how full that is.
    command = command.arg("fs=0").arg("-tao").arg("-data");
    if job.placed {
        command = command.arg(format!("write_start_address={}s", job.start));
    }
    if job.cd {
        let padding = CD_PADDING.max(CD_SHORTEST.saturating_sub(job.sectors));
        command = command.arg(format!("padsize={padding}s"));
    }
    command.arg(format!("tsize={}s", job.sectors)).arg("-")
}

#[cfg(test)]
mod tests;
