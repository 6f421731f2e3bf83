//! A connection that is cut when its time is over, whatever its other end does.
//!
//! libssh2 looks at the time only when there is nothing to read: a host that talks without a pause (lines before its
//! banner, packets that say nothing) would keep us for ever.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::net::{Shutdown, shutdown};

use crate::peer::PeerError;
use crate::peer::limits::Deadline;

/// Watches over one connection, by a thread of its own. When this is dropped, the connection is cut.
pub(super) struct Leash {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// The socket below.
    socket: OwnedFd,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// When it is cut.
    end: Option<Instant>,
    /// Until when the thread sleeps; `None` if somebody has to wake it up.
    sleeps: Option<Instant>,
    /// Nobody needs it any more.
    gone: bool,
}

impl Leash {
    /// For the connection over `socket`, without an end yet.
    pub(super) fn new(socket: OwnedFd) -> Result<Self, PeerError> {
        let shared = Arc::new(Shared {
            socket,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("leash".to_owned())
            .spawn(move || watched.watch())
            .map_err(|error| PeerError::Setup(format!("no thread can be begun: {error}")))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// The socket below, to wait for it.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.shared.socket.as_fd()
    }

    /// Does `work` over the connection, which is cut if that is not done by the `end`.
    pub(super) fn within<T>(&self, end: Deadline, work: impl FnOnce() -> T) -> T {
        if let Some(end) = end.moment() {
            let mut state = self.shared.lock();
            state.end = Some(end);
            // It is not worth to be woken up for each of many reads with one end.
            if state.sleeps.is_none_or(|sleeps| sleeps > end) {
                self.shared.changed.notify_all();
            }
        }
        let done = work();
        self.shared.lock().end = None;
        done
    }

    /// Cuts the connection now: nothing more is expected of the other end, and nothing is waited for.
    pub(super) fn cut(&self) {
        self.shared.cut();
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.cut();
        self.shared.lock().gone = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn watch(&self) {
        let mut state = self.lock();
        while !state.gone {
            state.sleeps = state.end;
            let left = state
                .end
                .map(|end| end.saturating_duration_since(Instant::now()));
            state = match left {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    self.cut();
                    state.end = None;
                    state
                }
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn cut(&self) {
        // Of a socket that is closed already there is nothing to cut.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// A connection, its other end, and its leash.
    fn leashed() -> (UnixStream, UnixStream, Leash) {
        let (near, far) = UnixStream::pair().unwrap();
        let leash = Leash::new(near.try_clone().unwrap().into()).unwrap();
        (near, far, leash)
    }

    #[test]
    fn who_talks_without_an_end_is_cut_off_when_the_time_is_over() {
        let (mut near, mut far, leash) = leashed();
        let hour = Deadline::after(Duration::from_hours(1));
        assert_eq!(leash.within(hour, || 1), 1);
        let talks = thread::spawn(move || while far.write_all(&[0; 4096]).is_ok() {});
        let mut buffer = [0; 4096];
        leash.within(Deadline::after(Duration::from_millis(20)), || {
            while near.read(&mut buffer).unwrap() > 0 {}
        });
        talks.join().unwrap();
    }

    #[test]
    fn what_is_done_in_time_is_not_cut_later() {
        let (mut near, mut far, leash) = leashed();
        leash.within(Deadline::after(Duration::from_millis(1)), || {});
        // The thread looks when its time is over, at the latest.
        while leash.shared.lock().sleeps.is_some() {
            thread::yield_now();
        }
        far.write_all(b"x").unwrap();
        assert_eq!(near.read(&mut [0]).unwrap(), 1);
    }

    #[test]
    fn a_leash_that_goes_takes_the_connection_with_it() {
        let (near, mut far, leash) = leashed();
        leash.within(Deadline::after(Duration::MAX), || {});
        drop(leash);
        assert_eq!(far.read(&mut [0]).unwrap(), 0);
        drop(near);
    }
}
