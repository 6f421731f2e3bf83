//! Through a program that makes the connection: `ProxyCommand`. And what else a connection may hang on.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use super::account::Account;
use crate::event::{Event, Monitor, Problem};
use crate::peer::PeerError;
use crate::process::{Command, Running, System};

/// What carries a connection. When this is dropped, which is after the connection, it has ended.
pub(super) enum Carrier {
    /// Nobody but the kernel.
    Network,
    /// A program. Many do not end by themselves when nobody talks to them any more.
    Program { _running: Box<Running> },
    /// A thread that has the connection to another host.
    Host(Option<JoinHandle<()>>),
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if let Self::Host(thread) = self
            && let Some(thread) = thread.take()
        {
            // It ends when its other end has gone.
            let _ = thread.join();
        }
    }
}

/// The near end of a connection that the administrator's command makes.
pub(super) fn proxied(
    line: &str,
    account: &Account,
    shown: &str,
) -> Result<(OwnedFd, Carrier), PeerError> {
    let failed = |reason: String| PeerError::Unreachable {
        host: shown.to_owned(),
        reason: format!("through `{line}`: {reason}"),
    };
    let io_failed = |error: std::io::Error| failed(error.to_string());
    let (near, far) = UnixStream::pair().map_err(io_failed)?;
    let command = account.runs(Command::shell(format!("exec {line}")));
    let mut running = System::new(&Nobody)
        .spawn(&command)
        .map_err(|error| failed(error.to_string()))?;
    let (Some(mut input), Some(mut output)) = (running.stdin.take(), running.stdout.take()) else {
        return Err(failed("it has no pipes".to_owned()));
    };
    let mut from = far.try_clone().map_err(io_failed)?;
    let sends = move || pump(&mut from, &mut input);
    let takes = move || {
        pump(&mut output, &mut &far);
        // Nobody waits for what will not come.
        let _ = far.shutdown(Shutdown::Both);
    };
    let thread = || thread::Builder::new().name("proxy".to_owned());
    thread().spawn(sends).map_err(io_failed)?;
    thread().spawn(takes).map_err(io_failed)?;
    let carrier = Carrier::Program {
        _running: Box::new(running),
    };
    Ok((near.into(), carrier))
}

/// Carries bytes until there are no more.
fn pump(from: &mut dyn Read, to: &mut dyn Write) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(got) = from.read(&mut buffer) {
        if got == 0
            || to
                .write_all(&buffer[..got])
                .and_then(|()| to.flush())
                .is_err()
        {
            return;
        }
    }
}

/// A command that only makes a connection has nothing to tell but its own end.
struct Nobody;

impl Monitor for Nobody {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Problem(Problem { reason, .. }) = event {
            log::info!("{reason}");
        }
    }
}
