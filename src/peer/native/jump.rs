//! Through other hosts: `ProxyJump`.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use ssh2::{BlockDirections, Channel};

use super::connect::{Connected, Target, connect, with_port};
use super::fault::fault;
use super::proxy::Carrier;
use crate::peer::PeerError;

/// A connection to `host` by way of `jumps`: `[user@]host[:port]`, several with commas, the first one first.
pub(super) fn through(
    target: &Target<'_>,
    jumps: &str,
    host: &str,
    port: u16,
    hops: usize,
) -> Result<(OwnedFd, Carrier), PeerError> {
    let Some(hops) = hops.checked_sub(1) else {
        return Err(PeerError::Setup(format!(
            "the way to {} leads through too many hosts, or in a circle",
            target.host
        )));
    };
    // The last one is reached through those before it, whatever its own ssh_config says.
    let (before, last) = match jumps.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, jumps),
    };
    let last = last.trim();
    let last = last.strip_prefix("ssh://").unwrap_or(last);
    let (user, address) = match last.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, last),
    };
    let wrong = || PeerError::Setup(format!("`ProxyJump {jumps}`: `{last}` is no host"));
    let (name, jump_port) = match address.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
            let port = digits.trim_end_matches('/').parse();
            (
                name.trim_matches(['[', ']']),
                Some(port.map_err(|_| wrong())?),
            )
        }
        _ => (address.trim_matches(['[', ']']).trim_end_matches('/'), None),
    };
    if name.is_empty() {
        return Err(wrong());
    }
    let jump = Target {
        host: name,
        user,
        port: jump_port,
        jumps: before,
        ..target.clone()
    };
    let connected = connect(&jump, hops)?;
    let channel = connected
        .session
        .channel_direct_tcpip(host, port, None)
        .map_err(
            |error| match fault(&error, &connected.name, connected.silence) {
                PeerError::Refused { reason, .. } => PeerError::Unreachable {
                    host: with_port(host, port),
                    reason: format!("through {}: {reason}", connected.name),
                },
                other => other,
            },
        )?;
    let setup = |error: io::Error| PeerError::Setup(format!("the way through {name}: {error}"));
    let (near, far) = UnixStream::pair().map_err(setup)?;
    far.set_nonblocking(true).map_err(setup)?;
    let carry = move || {
        // When it ends, for whatever reason, both ends notice.
        let _ = carry(&connected, channel, &far);
    };
    let thread = std::thread::Builder::new().name("jump".to_owned());
    let thread = thread.spawn(carry).map_err(setup)?;
    Ok((near.into(), Carrier::Host(Some(thread))))
}

/// Carries bytes both ways until one side ends.
fn carry(connected: &Connected, mut channel: Channel, far: &UnixStream) -> io::Result<()> {
    connected.session.set_blocking(false);
    let (mut up, mut down) = (Buffer::default(), Buffer::default());
    loop {
        let mut busy = up.fill(&mut &*far)?;
        busy |= up.drain(&mut channel)?;
        busy |= down.fill(&mut channel)?;
        busy |= down.drain(&mut &*far)?;
        if (down.ended && down.is_empty()) || (up.ended && up.is_empty()) {
            return Ok(());
        }
        if busy {
            continue;
        }
        let mut of_socket = PollFlags::IN;
        if matches!(
            connected.session.block_directions(),
            BlockDirections::Outbound | BlockDirections::Both
        ) {
            of_socket |= PollFlags::OUT;
        }
        let mut of_far = PollFlags::empty();
        of_far.set(PollFlags::IN, up.is_empty());
        of_far.set(PollFlags::OUT, !down.is_empty());
        let mut both = [
            PollFd::from_borrowed_fd(connected.leash.socket(), of_socket),
            PollFd::from_borrowed_fd(far.as_fd(), of_far),
        ];
        poll(&mut both, None)?;
        // Nobody is there any more for what is still on its way; and it would be told again and again.
        if both[1].revents().contains(PollFlags::HUP) {
            return Ok(());
        }
    }
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    sent: usize,
    ended: bool,
}

impl Buffer {
    fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Takes what there is, if there is room. Gives whether something came.
    fn fill(&mut self, from: &mut dyn Read) -> io::Result<bool> {
        if self.ended || !self.is_empty() {
            return Ok(false);
        }
        self.bytes.resize(1 << 16, 0);
        let got = or_later(from.read(&mut self.bytes));
        self.sent = 0;
        self.bytes
            .truncate(*got.as_ref().unwrap_or(&None).as_ref().unwrap_or(&0));
        match got? {
            Some(0) => self.ended = true,
            Some(_) => return Ok(true),
            None => {}
        }
        Ok(false)
    }

    /// Gives away what can be given. Gives whether something went.
    fn drain(&mut self, to: &mut dyn Write) -> io::Result<bool> {
        if self.is_empty() {
            return Ok(false);
        }
        let gone = or_later(to.write(&self.bytes[self.sent..]))?;
        self.sent += gone.unwrap_or(0);
        Ok(gone.is_some())
    }
}

/// `None` if it has to be tried again later.
fn or_later(moved: io::Result<usize>) -> io::Result<Option<usize>> {
    match moved {
        Ok(count) => Ok(Some(count)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
