//! From a host's name to a session that is allowed in: the way there, the host's key, our key.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ssh2::{HashType, MethodType, Session};

use super::account::Account;
use super::fault::fault;
use super::jump;
use super::known_hosts::{self, Distrust, KnownHosts, base64};
use super::leash::Leash;
use super::login::{self, Keys};
use super::proxy::{Carrier, proxied};
use super::ssh_config::{Asked, HostConfig, Tokens};
use crate::peer::PeerError;
use crate::peer::error::Expected;
use crate::peer::limits::Deadline;
use crate::peer::transport::PATIENCE;

/// How long the way to a host may take, and the talk until we are in.
const CONNECT: u64 = 30;
/// How long a host may say nothing.
const SILENCE: u64 = 60;
/// What a host may send before we have taken it; as much as OpenSSH lets it. With four times as much, sshd takes a
/// third more of a processor for its queue.
pub(super) const WINDOW: u32 = 2 << 20;
/// The longest packet, which every host has to be able to send.
pub(super) const PACKET: u32 = 32_768;
/// Ciphers in the order of their speed; the rest is for old servers.
const CIPHERS: &str = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes128-ctr,aes192-ctr,aes256-ctr";

/// Whom to reach, as the configuration says it.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    /// `None` leaves it to `ssh_config`.
    pub(super) user: Option<&'a str>,
    /// `None` leaves it to `ssh_config`.
    pub(super) port: Option<u16>,
    /// The hosts in between, with commas, whatever `ssh_config` says; `None` leaves it to `ssh_config`.
    pub(super) jumps: Option<&'a str>,
    pub(super) account: &'a Account,
    pub(super) passphrase: Option<&'a Path>,
}

/// A session that is allowed in.
pub(super) struct Connected {
    pub(super) session: Session,
    /// `user@host`, or `user@[host]:port`, for messages.
    pub(super) name: String,
    pub(super) silence: u64,
    /// Cuts it when its time is over. After the session.
    pub(super) leash: Arc<Leash>,
    /// What carries it. Last, when nobody needs it any more.
    _carrier: Carrier,
}

impl Drop for Connected {
    /// Whatever carries it ends when this does, and nobody waits for answers from the other end.
    fn drop(&mut self) {
        self.leash.cut();
    }
}

/// Connects to `target`; `hops` hosts may still stand in between.
pub(super) fn connect(target: &Target<'_>, hops: usize) -> Result<Connected, PeerError> {
    let account = target.account;
    let setup =
        |reason: String| PeerError::Setup(format!("the ssh_config of {}: {reason}", account.name));
    let files = [account.ssh_file("config"), "/etc/ssh/ssh_config".into()];
    let asked = Asked {
        host: target.host,
        user: target.user,
        port: target.port,
        account,
    };
    let config = HostConfig::read(&files, asked).map_err(setup)?;
    let host = config.real_name(target.host).map_err(setup)?;
    let port = target.port.or(config.port).unwrap_or(22);
    let user = target
        .user
        .or(config.user.as_deref())
        .unwrap_or(&account.name);
    let alias = config.host_key_alias.as_deref();
    let shown = with_port(&host, port);
    let limit = Duration::from_secs(config.connect_timeout.unwrap_or(CONNECT).max(1));
    let silence = config.silence.unwrap_or(SILENCE).max(1);
    let tokens = Tokens {
        host: &host,
        original: target.host,
        alias,
        port,
        user,
        account,
    };
    let paths = |texts: &[String]| -> Result<Vec<PathBuf>, PeerError> {
        let paths = texts.iter().map(|text| tokens.path(text));
        paths.collect::<Result<_, _>>().map_err(setup)
    };

    let mut session = Session::new().map_err(|error| fault(&error, &shown, silence))?;
    let (way, carrier) = way(&config, target, &tokens, (limit, silence), hops)?;
    let socket = way
        .try_clone()
        .map_err(|error| PeerError::Setup(error.to_string()))?;
    let leash = Arc::new(Leash::new(socket)?);
    session.set_tcp_stream(way);

    let name = alias.map_or_else(|| shown.clone(), str::to_owned);
    let known_files = known_hosts::files(
        &account.home,
        paths(&config.user_known_hosts)?,
        paths(&config.global_known_hosts)?,
    );
    let plain = (alias.is_none() && port != 22).then_some(host.as_str());
    let known = account.with_rights(|| KnownHosts::read(&known_files, &name, plain));
    let known = known.map_err(|error| {
        PeerError::Setup(format!(
            "the known hosts of {} cannot be read: {error}",
            account.name
        ))
    })?;
    let ask = |kind, list: &str| {
        session
            .method_pref(kind, list)
            .map_err(|error| fault(&error, &shown, silence))
    };
    ask(MethodType::HostKey, &known.algorithms().join(","))?;
    ask(MethodType::CryptCs, CIPHERS)?;
    ask(MethodType::CryptSc, CIPHERS)?;
    greet(&mut session, &leash, limit, &shown)?;
    trust(&session, &known, &shown, &name)?;

    let files = config.identity_files.iter();
    let files: Vec<String> = files.filter(|file| *file != "none").cloned().collect();
    let name = format!("{user}@{shown}");
    let keys = Keys {
        files: paths(&files)?,
        socket: login::socket(config.identity_agent.as_deref(), &tokens).map_err(setup)?,
        only_files: config.identities_only,
        passphrase: target.passphrase,
    };
    let end = Deadline::after(PATIENCE);
    let let_in = leash.within(end, || login::log_in(&session, user, &name, account, &keys));
    let_in.map_err(|error| unless_endless(end, &shown, error))?;
    session.set_timeout(millis(Duration::from_secs(silence)));
    Ok(Connected {
        session,
        name,
        silence,
        leash,
        _carrier: carrier,
    })
}

/// Agrees with the host on how to talk.
fn greet(
    session: &mut Session,
    leash: &Leash,
    limit: Duration,
    shown: &str,
) -> Result<(), PeerError> {
    session.set_timeout(millis(limit));
    // Twice as long as it may be silent.
    let end = Deadline::after(limit * 2);
    let greeted = leash.within(end, || session.handshake());
    greeted.map_err(|error| {
        let error = match fault(&error, shown, limit.as_secs()) {
            PeerError::Broken { host, reason } => PeerError::Unreachable {
                host,
                reason: format!("it ended the connection before it was made ({reason})"),
            },
            other => other,
        };
        unless_endless(end, shown, error)
    })
}

/// The error, unless the connection was cut because the time was over.
fn unless_endless(end: Deadline, shown: &str, error: PeerError) -> PeerError {
    match end.left() {
        Ok(_) => error,
        Err(_) => PeerError::Unreachable {
            host: shown.to_owned(),
            reason: "what answers there talks and talks, and no connection comes of it".to_owned(),
        },
    }
}

/// A connection to where the host's sshd listens.
fn way(
    config: &HostConfig,
    target: &Target<'_>,
    tokens: &Tokens<'_>,
    (limit, silence): (Duration, u64),
    hops: usize,
) -> Result<(OwnedFd, Carrier), PeerError> {
    let named = |line: &&str| *line != "none";
    let (host, port) = (tokens.host, tokens.port);
    let setup = |reason| PeerError::Setup(format!("the way to {host}: {reason}"));
    if let Some(jumps) = target.jumps {
        return jump::through(target, jumps, host, port, hops);
    }
    if let Some(jumps) = config.proxy_jump.as_deref().filter(named) {
        let jumps = tokens.expand(jumps).map_err(setup)?;
        return jump::through(target, &jumps, host, port, hops);
    }
    if let Some(line) = config.proxy_command.as_deref().filter(named) {
        let (line, shown) = (tokens.expand(line).map_err(setup)?, with_port(host, port));
        return proxied(&line, tokens.account, &shown);
    }
    Ok((dial(host, port, limit, silence)?.into(), Carrier::Network))
}

/// Refuses a host whose key is not known.
fn trust(session: &Session, known: &KnownHosts, shown: &str, name: &str) -> Result<(), PeerError> {
    let kind = session
        .methods(MethodType::HostKey)
        .unwrap_or("a key")
        .to_owned();
    let (key, _) = session.host_key().ok_or_else(|| PeerError::Foul {
        host: shown.to_owned(),
        reason: "it showed no host key".to_owned(),
    })?;
    known.check(&base64(key)).map_err(|distrust| {
        let hash = session.host_key_hash(HashType::Sha256).unwrap_or_default();
        PeerError::HostKey {
            expected: match &distrust {
                Distrust::Unknown | Distrust::Authority(_) => Expected::Nothing,
                Distrust::Changed(_) | Distrust::Revoked(_) => Expected::Another,
            },
            host: name.to_owned(),
            reason: distrust.to_string(),
            key: format!("{kind} SHA256:{}", base64(hash).trim_end_matches('=')),
            known_hosts: known.file.clone(),
        }
    })
}

/// A connection to `host`, at any of its addresses.
fn dial(host: &str, port: u16, limit: Duration, silence: u64) -> Result<TcpStream, PeerError> {
    let unreachable = |reason: String| PeerError::Unreachable {
        host: with_port(host, port),
        reason,
    };
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|error| unreachable(error.to_string()))?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    let stream = first_that_answers(&addresses, limit).map_err(unreachable)?;
    prepare(&stream, silence).map_err(|error| unreachable(error.to_string()))?;
    Ok(stream)
}

/// A connection to the first of `addresses` that answers. One that does not takes no more than its share of the time:
/// where a name has an address that leads nowhere, mostly one of IPv6, the others are still reached.
fn first_that_answers(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, String> {
    let end = Instant::now() + limit;
    let mut last = "it has no address".to_owned();
    for (at, address) in addresses.iter().enumerate() {
        let waiting = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / waiting;
        // A share of nothing is an error of its own.
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// A host that is gone is noticed although we wait for it without a word of our own.
fn prepare(stream: &TcpStream, silence: u64) -> std::io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    let silence = Duration::from_secs(silence);
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, silence)?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10))?;
    sockopt::set_tcp_user_timeout(stream, millis(silence))?;
    Ok(())
}

/// As `known_hosts` writes it.
pub(super) fn with_port(host: &str, port: u16) -> String {
    if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    }
}

pub(super) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_address_that_leads_nowhere_leaves_time_for_the_next_one() {
        // Whose queue is full does not answer.
        let silent = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::STREAM,
            None,
        )
        .unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        rustix::net::bind(&silent, &any).unwrap();
        rustix::net::listen(&silent, 0).unwrap();
        let silent = TcpListener::from(silent);
        let nowhere = silent.local_addr().unwrap();
        let short = Duration::from_millis(100);
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&nowhere, short) {
            queue.push(stream);
        }
        let listener = TcpListener::bind(any).unwrap();
        let there = listener.local_addr().unwrap();
        let limit = Duration::from_secs(2);
        let stream = first_that_answers(&[nowhere, there], limit).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there);
        assert!(first_that_answers(&[nowhere, nowhere], short).is_err());
        assert!(first_that_answers(&[], short).is_err());
    }
}
