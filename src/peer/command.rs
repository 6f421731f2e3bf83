//! A collect directory on another machine, by the configured commands, as Cedar Backup runs them.
//!
//! Clients may be locked to the three lines that Cedar Backup's copies make of `scp`: one that fetches the
//! indicator, one that fetches everything, one that brings `cback.stage`. So exactly these are made, nothing is asked
//! besides, and a file cannot be fetched alone: a listing fetches all. What comes is treated as a stranger's: it is
//! weighed while it comes, nothing but regular files counts, and none is followed.

mod room;
mod said;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::OFlags;

use super::arrive::{Arrivals, unwritable};
use super::limits::{Deadline, Watched};
use super::native::Account;
use super::transport::{
    Collected, Errand, Job, LONGEST_INDICATOR, Listing, PATIENCE, Transport, said,
};
use super::{COLLECTED, Limits, PeerError, Remote};
use crate::event::{Event, Monitor, printable_path};
use crate::fsx;
use crate::process::{Command, Ended, Runner as _, Status, Stdout, System};
use crate::units::{CommandLine, Ids};
use said::{Far, closed};

/// What the commands are.
#[derive(Debug)]
pub(super) struct ByCommand {
    remote: Remote,
    rcp: CommandLine,
    rsh: Option<CommandLine>,
    account: Account,
    /// The text of `cback.collect` when it was fetched first.
    seen: std::sync::Mutex<Option<Vec<u8>>>,
}

impl ByCommand {
    pub(super) fn new(
        remote: &Remote,
        rcp: &CommandLine,
        rsh: Option<&CommandLine>,
    ) -> Result<Self, PeerError> {
        Ok(Self {
            remote: remote.clone(),
            rcp: rcp.clone(),
            rsh: rsh.cloned(),
            account: Account::of(&remote.owner)?,
            seen: std::sync::Mutex::default(),
        })
    }

    /// `user@host`.
    fn who(&self) -> String {
        format!("{}@{}", self.remote.user, self.remote.host)
    }

    /// `user@host:path`, blanks with a backslash before them, as the copy's far side wants them.
    fn far(&self, path: &Path) -> OsString {
        let mut far = OsString::from(format!("{}:", self.who()));
        for part in path
            .as_os_str()
            .as_bytes()
            .split_inclusive(|&byte| byte == b' ')
        {
            match part.strip_suffix(b" ") {
                Some(word) => {
                    far.push(OsStr::from_bytes(word));
                    far.push("\\ ");
                }
                None => far.push(OsStr::from_bytes(part)),
            }
        }
        far
    }

    /// A copy, by the backup user.
    fn copy(&self, from: OsString, to: OsString) -> Command {
        self.account
            .runs(Command::of_line(&self.rcp).arg(from).arg(to))
    }

    /// The copy of an indicator takes a moment; what takes much longer hangs, or is over its own time.
    fn in_time(&self, ended: &Ended, end: Deadline) -> Result<(), PeerError> {
        match ended.status {
            Status::TimedOut => {
                end.left()?;
                Err(PeerError::Silent {
                    host: self.who(),
                    seconds: PATIENCE.as_secs(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Fetches `cback.collect` into `scratch`; `None` if the peer has none.
    fn indicator(&self, scratch: &Scratch, end: Deadline) -> Result<Option<Vec<u8>>, PeerError> {
        let target = scratch.path(COLLECTED);
        fsx::remove_if_there(&target).map_err(|error| unwritable(&target, error))?;
        let from = self.far(&self.remote.collect_dir.join(COLLECTED));
        let time = end.left()?.min(PATIENCE);
        let copy = self.copy(from, target.clone().into()).time_limit(time);
        let limits = Watched::new(Limits {
            // A program may write under another name first.
            files: 10,
            bytes: LONGEST_INDICATOR,
            time: Duration::MAX,
        });
        let ended = bring(&copy, &scratch.0, &limits);
        let ended = ended.map_err(|error| match error {
            PeerError::TooMuch(what) => PeerError::Foul {
                host: self.who(),
                reason: format!("its {COLLECTED} has {what}"),
            },
            error => error,
        })?;
        self.in_time(&ended, end)?;
        let read = || -> io::Result<Vec<u8>> {
            use std::io::Read as _;
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let file = File::options()
                .read(true)
                .custom_flags(flags.bits().cast_signed())
                .open(&target)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::other("it is no regular file"));
            }
            let mut text = Vec::new();
            file.take(LONGEST_INDICATOR).read_to_end(&mut text)?;
            Ok(text)
        };
        match read() {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.absent(&ended),
            Err(error) => Err(unwritable(&target, error)),
        }
    }

    /// What it means that a copy brought nothing: nothing is there, or the way is closed.
    fn absent<T>(&self, ended: &Ended) -> Result<Option<T>, PeerError> {
        let host = self.who();
        let said = ended.tail.join(" / ");
        if let Some(error) = closed(&said, self.far_end(&self.rcp)) {
            return Err(error);
        }
        if said.contains("No such file or directory") || ended.success() {
            return Ok(None);
        }
        Err(PeerError::Refused {
            host,
            reason: if said.is_empty() {
                format!(
                    "`{}` ended with {}",
                    self.rcp.as_str(),
                    ending(ended.status)
                )
            } else {
                said
            },
        })
    }

    fn far_end(&self, command: &CommandLine) -> Far {
        Far {
            host: self.remote.host.clone(),
            who: self.who(),
            command: command.as_str().to_owned(),
            known_hosts: self.account.ssh_file("known_hosts"),
        }
    }

    fn scratch(&self) -> Result<Scratch, PeerError> {
        Scratch::new(&self.remote, &self.account)
    }
}

impl Transport for ByCommand {
    fn collected(&self, limits: &Watched) -> Result<Option<Collected>, PeerError> {
        let scratch = self.scratch()?;
        let text = self.indicator(&scratch, limits.end())?;
        locked(&self.seen).clone_from(&text);
        // When it was written, and whether there is a `cback.stage`, no line tells that every client allows.
        Ok(text.map(|text| Collected {
            text,
            staged: false,
        }))
    }

    fn list(&self, into: &Path, limits: &Watched) -> Result<Listing, PeerError> {
        let fault = |error| unwritable(into, error);
        // What an interrupted fetch left cannot be continued, and may be gone from the peer since.
        room::sweep(into).map_err(fault)?;
        self.account.own(into).map_err(fault)?;
        let mut from = OsString::from(format!("{}:", self.who()));
        from.push(self.remote.collect_dir.as_os_str());
        from.push("/*");
        let copy = self.copy(from, into.as_os_str().to_owned());
        let came = bring(&copy, into, limits).and_then(|ended| {
            if ended.success() {
                return room::sort(into).map_err(fault);
            }
            // Whatever the program says of it, and in whatever words.
            if room::is_full(into).map_err(fault)? {
                let path = into.to_owned();
                return Err(PeerError::Full { path, needed: 0 });
            }
            self.absent::<()>(&ended)?;
            let reason = ended.tail.join(" / ");
            // The words may be the peer's. That the disk is full they cannot claim: it would be all peers' concern.
            if let source = said(reason.clone())
                && fsx::is_full(&source)
            {
                let path = into.to_owned();
                return Err(PeerError::Unwritable { path, source });
            }
            Err(PeerError::Broken {
                host: self.who(),
                reason,
            })
        });
        if came.is_err()
            && let Err(error) = room::sweep(into)
        {
            // The next run tries again; why nothing came is what matters now.
            log::info!("{} cannot be emptied: {error}", printable_path(into));
        }
        came
    }

    fn get(&self, job: &Job<'_>) -> Result<(), PeerError> {
        let mut arrivals = Arrivals::new(job)?;
        for entry in job.entries {
            arrivals.came(entry)?;
            (job.progress)(entry.bytes)?;
        }
        arrivals.settle()
    }

    fn unchanged(&self) -> Result<(), PeerError> {
        let scratch = self.scratch()?;
        let now = self.indicator(&scratch, Deadline::after(Duration::MAX))?;
        if now == *locked(&self.seen) {
            Ok(())
        } else {
            Err(PeerError::Changing(self.remote.collect_dir.to_path_buf()))
        }
    }

    fn put(&self, name: &str, text: &[u8], _ids: Option<Ids>) -> Result<(), PeerError> {
        let scratch = self.scratch()?;
        let from = scratch.path(name);
        let written = fs::write(&from, text).and_then(|()| self.account.own(&from));
        written.map_err(|error| unwritable(&from, error))?;
        let path = self.remote.collect_dir.join(name);
        let copy = self.copy(from.into(), self.far(&path));
        let ended = System::new(&Nobody).run(&copy.time_limit(PATIENCE), Stdout::Lines)?;
        self.in_time(&ended, Deadline::after(Duration::MAX))?;
        if ended.success() {
            return Ok(());
        }
        Err(PeerError::Unwritable {
            path: path.to_path_buf(),
            source: said(ended.tail.join(" / ")),
        })
    }

    fn exec(&self, errand: &Errand<'_>, _output: &mut dyn FnMut(&[u8])) -> Result<(), PeerError> {
        let rsh = self.rsh.as_ref().ok_or_else(|| {
            PeerError::Setup(format!(
                "there is no `<rsh_command>` for {}",
                self.remote.host
            ))
        })?;
        let cback = self
            .remote
            .cback_command
            .as_ref()
            .map_or("cback", CommandLine::as_str);
        let text = format!("{cback} {}", errand.words.join(" "));
        let command = Command::of_line(rsh)
            .arg(self.who())
            .arg(text.clone())
            .speaks_for(&self.remote.host)
            .time_limit(errand.end.left()?);
        let command = self.account.runs(command);
        let ended = System::new(&Nobody).run(&command, Stdout::Lines)?;
        let said = ended.tail.join(" / ");
        let failed = |status| PeerError::Failed {
            command: text.clone(),
            ending: ending(status),
            tail: said.clone(),
        };
        match ended.status {
            Status::Exited(0) => Ok(()),
            Status::TimedOut => {
                errand.end.left()?;
                Err(failed(ended.status))
            }
            Status::Exited(126) => Err(PeerError::Forbidden {
                host: self.who(),
                what: format!("`{text}`"),
                reason: said,
            }),
            Status::Exited(255) => {
                let unreachable = PeerError::Unreachable {
                    host: self.who(),
                    reason: said.clone(),
                };
                Err(closed(&said, self.far_end(rsh)).unwrap_or(unreachable))
            }
            status => Err(failed(status)),
        }
    }
}

/// Runs a copy that brings something into `room`, and ends it when that is more than the limits allow.
fn bring(copy: &Command, room: &Path, limits: &Watched) -> Result<Ended, PeerError> {
    System::new(&Nobody).run_watched(copy, Stdout::Lines, || {
        let weight =
            room::weigh(room, limits.most_files()).map_err(|error| unwritable(room, error))?;
        limits.files(weight.files)?;
        limits.bytes(weight.bytes)
    })
}

/// A directory for a moment, in which the backup user may write.
struct Scratch(PathBuf);

impl Scratch {
    fn new(remote: &Remote, account: &Account) -> Result<Self, PeerError> {
        // Several peers may be users of one host.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = format!(".{}.{process}.{next}.partial", remote.host);
        let path = remote.working_dir.join(name).to_path_buf();
        let make = || -> io::Result<()> {
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::create_dir(&path)?;
            account.own(&path)
        };
        make().map_err(|error| unwritable(&path, error))?;
        Ok(Self(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn ending(status: Status) -> String {
    match status {
        Status::Exited(127) => "status 127: it is not found there".to_owned(),
        Status::Exited(status) => format!("status {status}"),
        Status::Signalled(signal) => format!("signal {signal}"),
        Status::TimedOut => "its time limit".to_owned(),
    }
}

fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What the commands print goes to the log by itself.
struct Nobody;

impl Monitor for Nobody {
    fn observe(&self, _event: &Event<'_>) {}
}
