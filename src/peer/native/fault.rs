//! What libssh2 calls an error, in words for people.

use std::io;

use ssh2::ErrorCode;

use crate::peer::PeerError;
use crate::peer::limits::TimeIsUp;

/// The number of a call that took too long.
const TIMEOUT: i32 = -9;

/// Why the talk with `host`, which may be silent for `silence` seconds, failed.
pub(super) fn fault(error: &ssh2::Error, host: &str, silence: u64) -> PeerError {
    let host = host.to_owned();
    let reason = error.message().to_owned();
    match error.code() {
        ErrorCode::Session(TIMEOUT) => PeerError::Silent {
            host,
            seconds: silence,
        },
        // No banner: something listens that is no SSH server, or that is overloaded.
        ErrorCode::Session(-2 | -45) => PeerError::Unreachable {
            host,
            reason: format!("what answers there does not speak SSH ({reason})"),
        },
        ErrorCode::Session(-5 | -8) => PeerError::Refused {
            host,
            reason: format!("no common way to encrypt ({reason})"),
        },
        ErrorCode::Session(-21 | -22) => PeerError::Refused { host, reason },
        _ => PeerError::Broken { host, reason },
    }
}

/// The same for an error that came by way of `std::io`.
pub(super) fn io_fault(error: &io::Error, host: &str, silence: u64) -> PeerError {
    let inner = error.get_ref();
    if let Some(&over) = inner.and_then(|inner| inner.downcast_ref::<TimeIsUp>()) {
        return over.into();
    }
    let host = host.to_owned();
    match error.kind() {
        io::ErrorKind::TimedOut => PeerError::Silent {
            host,
            seconds: silence,
        },
        _ => PeerError::Broken {
            host,
            reason: error.to_string(),
        },
    }
}
