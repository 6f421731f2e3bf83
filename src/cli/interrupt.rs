//! SIGINT, SIGTERM and SIGHUP end a run at once.
//!
//! Nothing has to be cleaned up: every step is either not done or done, and what lies about under partial
//! names is swept by the next run. So the signal only has to be told, the programs that we started have to end with us,
//! and the exit status has to be right.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit::Exit;
use crate::process;

/// From now on a signal to end calls `tell` once and ends the process with [`Exit::Interrupted`].
pub fn watch(tell: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if signals.forever().next().is_some() {
                tell();
                process::end_all();
                std::process::exit(Exit::Interrupted.number().into());
            }
        })?;
    Ok(())
}
