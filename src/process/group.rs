//! The groups of processes that we have started: which are alive, and how they are ended.
//!
//! A program's process group has its own number. The number is taken from the list before it can be given to
//! somebody else; only while a group is being ended may its leader be gone already, and then its number is free only
//! when nobody is left in it.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Time between asking a program to end and making it.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// The groups that are alive.
static ALIVE: Mutex<Alive> = Mutex::new(Alive {
    groups: BTreeSet::new(),
    closing: false,
});
static CHANGED: Condvar = Condvar::new();

struct Alive {
    groups: BTreeSet<i32>,
    /// Set when we are about to end. Nothing is started from then on.
    closing: bool,
}

/// The process group of a program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group(Pid);

/// Starts `command`, which makes itself leader of a group.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Group)> {
    let mut alive = lock();
    if alive.closing {
        drop(alive);
        wait_for_the_end();
    }
    let child = command.spawn()?;
    // A process number is positive and fits.
    let number = i32::try_from(child.id()).map_err(io::Error::other)?;
    alive.groups.insert(number);
    Ok((child, Group(Pid::from_raw(number))))
}

impl Group {
    /// Asks everybody in the group to end.
    pub(super) fn ask(self) {
        // Who is gone need not be asked.
        let _ = killpg(self.0, Signal::SIGTERM);
    }

    /// Ends everybody in the group.
    pub(super) fn kill(self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }

    /// Whether nobody is left. The leader has to be waited for before.
    pub(super) fn is_empty(self) -> bool {
        killpg(self.0, None) == Err(Errno::ESRCH)
    }

    /// The group is no business of ours any more. If we are about to end, whoever started it does not go on.
    pub(super) fn forget(self) {
        let mut alive = lock();
        alive.groups.remove(&self.0.as_raw());
        CHANGED.notify_all();
        if alive.closing {
            drop(alive);
            wait_for_the_end();
        }
    }
}

/// Ends every program that is running, for a process that has been told to end: asks them, waits up to five seconds
/// for those who tend them, and makes them. Nothing is started from then on, and threads that wait for a program
/// never come back: the caller has to end the process.
pub fn end_all() {
    let mut alive = lock();
    alive.closing = true;
    for &number in &alive.groups {
        Group(Pid::from_raw(number)).ask();
    }
    let alive = wait_until_empty(alive);
    for &number in &alive.groups {
        Group(Pid::from_raw(number)).kill();
    }
    // Dying takes a moment.
    drop(wait_until_empty(alive));
}

fn wait_until_empty(alive: MutexGuard<'static, Alive>) -> MutexGuard<'static, Alive> {
    let (alive, _) = CHANGED
        .wait_timeout_while(alive, GRACE, |alive| !alive.groups.is_empty())
        .unwrap_or_else(PoisonError::into_inner);
    alive
}

/// Whether we are about to end.
pub(super) fn closing() -> bool {
    lock().closing
}

fn lock() -> MutexGuard<'static, Alive> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}
