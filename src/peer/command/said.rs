//! What `ssh` and `scp` say when the way to a host is closed, as the kind of trouble that it is.

use std::path::PathBuf;

use crate::peer::PeerError;
use crate::peer::error::Expected;

/// Whom a command could not reach.
pub(super) struct Far {
    /// The host's name.
    pub(super) host: String,
    /// `user@host`.
    pub(super) who: String,
    /// The command, as it is configured.
    pub(super) command: String,
    /// Where the backup user's known hosts are.
    pub(super) known_hosts: PathBuf,
}

/// Why the way is closed; `None` if `said` is not about that.
pub(super) fn closed(said: &str, far: Far) -> Option<PeerError> {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&[
        "Host key verification failed",
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
    ]) {
        return Some(PeerError::HostKey {
            expected: if has(&["has changed", "HAS CHANGED", "Offending ", "revoked"]) {
                Expected::Another
            } else {
                Expected::Nothing
            },
            host: far.host,
            reason: format!("`{}` does not accept it", far.command),
            key: crate::event::printable(said),
            known_hosts: far.known_hosts,
        });
    }
    let (host, reason) = (far.who, said.to_owned());
    // Not "closed by" the host, nor on the way: `scp` and `sftp` were let in, and the file transfer of today's OpenSSH
    // ended before it began. What the peer says of that is thrown away by its sshd.
    if said.trim_end().ends_with("Connection closed") && !has(&["Connection closed by", "kex_"]) {
        return Some(PeerError::Forbidden {
            host,
            what: format!("`{}` to copy over SFTP", far.command),
            reason,
        });
    }
    if has(&["Permission denied (", "Too many authentication failures"]) {
        return Some(PeerError::Refused { host, reason });
    }
    has(&[
        "Connection refused",
        "Connection timed out",
        "Could not resolve hostname",
        "No route to host",
        "Network is unreachable",
        "Connection reset",
        "Connection closed",
        "kex_exchange_identification",
    ])
    .then_some(PeerError::Unreachable { host, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is the right kind.
    type IsRight = fn(Option<PeerError>) -> bool;

    #[test]
    fn what_openssh_says_is_known_by_its_kind() {
        let kinds: [(&str, IsRight); 8] = [
            (
                "No ED25519 host key is known for ada and you have requested strict checking. / Host key verification failed.",
                |kind| {
                    matches!(
                        kind,
                        Some(PeerError::HostKey {
                            expected: Expected::Nothing,
                            ..
                        })
                    )
                },
            ),
            (
                "Offending ED25519 key in /k:1 / Host key for x has changed and you have requested strict checking. / Host key verification failed.",
                |kind| {
                    matches!(
                        kind,
                        Some(PeerError::HostKey {
                            expected: Expected::Another,
                            ..
                        })
                    )
                },
            ),
            ("ada@x: Permission denied (publickey).", |kind| {
                matches!(kind, Some(PeerError::Refused { .. }))
            }),
            (
                "ssh: connect to host x port 22: Connection refused",
                |kind| matches!(kind, Some(PeerError::Unreachable { .. })),
            ),
            ("Connection closed by 10.0.0.7 port 22", |kind| {
                matches!(kind, Some(PeerError::Unreachable { .. }))
            }),
            ("scp: Connection closed", |kind| {
                matches!(kind, Some(PeerError::Forbidden { .. }))
            }),
            ("scp: /x: Permission denied", |kind| kind.is_none()),
            ("", |kind| kind.is_none()),
        ];
        for (said, is_right) in kinds {
            let far = Far {
                host: "x".to_owned(),
                who: "ada@x".to_owned(),
                command: "scp".to_owned(),
                known_hosts: PathBuf::new(),
            };
            assert!(is_right(closed(said, far)), "{said}");
        }
    }
}
