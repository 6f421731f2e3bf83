//! What a child does between fork and exec: leave our session and our rights.
//!
//! The one place with `unsafe`. Between fork and exec only async-signal-safe calls are allowed: what happens there is
//! four system calls on numbers that were looked up before, without an allocation. The standard library can set user
//! and group, but then takes all supplementary groups away.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::unistd::{Uid, setgid, setgroups, setsid, setuid};

use super::run_as::RunAs;

/// Lets the child have a session of its own, and if we are root the rights of `user`. Whether `user` counts.
pub(super) fn detach(command: &mut Command, user: Option<&RunAs>) -> Option<()> {
    let user = user.filter(|_| Uid::effective().is_root()).cloned();
    let counts = user.as_ref().map(|_| ());
    let between = move || {
        setsid()?;
        if let Some(user) = &user {
            // Groups first: once we are somebody else we may not.
            setgroups(&user.groups)?;
            setgid(user.gid)?;
            setuid(user.uid)?;
        }
        Ok(())
    };
    // SAFETY: the closure only makes system calls that are async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(between) };
    counts
}
