//! A collect directory on another machine, by the SSH that is built in.
//!
//! One connection. Where the peer has `cback agent`, that is talked to; else its SFTP server, which every sshd has.
//! Hides libssh2, keys and host keys.

mod account;
mod agent;
mod connect;
mod fault;
#[cfg(fuzzing)]
pub mod fuzzing;
mod jump;
mod known_hosts;
mod leash;
mod login;
mod proxy;
mod sftp;
mod ssh_config;
mod talk;

use std::io::Read as _;

use ssh2::{Channel, ExtendedData};

pub(super) use account::Account;
use agent::Agent;
use connect::{Connected, Target, connect};
use fault::{fault, io_fault};
use sftp::Sftp;
use talk::{Silence, Talk};

use super::transport::{Errand, Transport};
use super::wire::CALL;
use super::{PeerError, Remote};
use crate::units::CommandLine;

/// How many hosts may stand in between.
const HOPS: usize = 8;

/// Connects to where `remote` is, and says how its files are reached.
pub(super) fn open(remote: &Remote) -> Result<Box<dyn Transport>, PeerError> {
    let account = Account::of(&remote.owner)?;
    let target = Target {
        host: &remote.host,
        user: Some(&remote.user),
        port: None,
        jumps: None,
        account: &account,
        passphrase: remote.passphrase_file.as_deref(),
    };
    let connected = connect(&target, HOPS)?;
    let cback = remote
        .cback_command
        .as_ref()
        .map_or("cback", CommandLine::as_str);
    match Agent::open(connected, &format!("{cback} {CALL}"), remote)? {
        Ok(agent) => Ok(Box::new(agent)),
        Err((connected, instead)) => Ok(Box::new(Sftp::new(connected, instead, remote))),
    }
}

/// Lets the peer's cback do `errand` and waits for its end, as long as that may take.
fn exec(
    connected: &Connected,
    cback: Option<&CommandLine>,
    errand: &Errand<'_>,
    output: &mut dyn FnMut(&[u8]),
) -> Result<(), PeerError> {
    let cback = cback.map_or("cback", CommandLine::as_str);
    let command = format!("{cback} {}", errand.words.join(" "));
    let failed = |error: ssh2::Error| fault(&error, &connected.name, connected.silence);
    let begun = || -> Result<Channel, ssh2::Error> {
        let mut channel = connected.session.channel_session()?;
        channel.handle_extended_data(ExtendedData::Merge)?;
        channel.exec(&command)?;
        channel.send_eof()?;
        Ok(channel)
    };
    let channel = connected.leash.within(errand.end, begun).map_err(failed)?;
    let mut buffer = vec![0; 1 << 14];
    let mut lines = Lines::default();
    let mut talk = Talk::new(channel, errand.end, connected);
    // An action may work for hours without a word.
    talk.bear(Silence::Working);
    loop {
        match talk.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => lines.take(&buffer[..got], output),
            Err(error) => return Err(io_fault(&error, &connected.name, connected.silence)),
        }
    }
    lines.end(output);
    talk.bear(Silence::Stalled);
    let channel = talk.channel();
    let ended = || -> Result<(), ssh2::Error> {
        channel.wait_eof()?;
        channel.close()?;
        channel.wait_close()
    };
    connected.leash.within(errand.end, ended).map_err(failed)?;
    let channel = talk.channel();
    let signal = channel.exit_signal().map_err(failed)?.exit_signal;
    let status = channel.exit_status().map_err(failed)?;
    let ending = match (signal, status) {
        (None, 0) => return Ok(()),
        (Some(signal), _) => format!("signal {signal}"),
        (None, 126) => {
            return Err(PeerError::Forbidden {
                host: connected.name.clone(),
                what: format!("`{command}`"),
                reason: String::new(),
            });
        }
        (None, 127) => "status 127: it is not found there".to_owned(),
        (None, status) => format!("status {status}"),
    };
    Err(PeerError::Failed {
        command,
        ending,
        tail: String::new(),
    })
}

/// Bytes that become lines. One that never ends is cut.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    const LONGEST: usize = 4096;

    pub(super) fn take(&mut self, bytes: &[u8], output: &mut dyn FnMut(&[u8])) {
        for &byte in bytes {
            if byte == b'\n' || self.0.len() == Self::LONGEST {
                output(&self.0);
                self.0.clear();
            }
            if byte != b'\n' {
                self.0.push(byte);
            }
        }
    }

    pub(super) fn end(&mut self, output: &mut dyn FnMut(&[u8])) {
        if !self.0.is_empty() {
            output(&self.0);
            self.0.clear();
        }
    }
}
