//! Why a peer could not be had, and what to do about each.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::event;
use crate::process::RunError;
use crate::units::Day;

use super::transport::PATIENCE;

/// Whether a host was known under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It was not known at all.
    Nothing,
    /// It had another one, or this one is revoked.
    Another,
}

/// Why a peer could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its directory cannot be read.
    #[error("cannot read {}: {source}", event::printable_path(path))]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file changed while it was copied, and again when it was copied once more; or the directory did.
    #[error("{} changed while it was copied", event::printable_path(.0))]
    Changing(PathBuf),
    /// There is not a single file that could be staged.
    #[error("{} has no file that could be staged", event::printable_path(.0))]
    Nothing(PathBuf),
    /// The daily directory has the collection of another day under the same name.
    #[error(
        "{} of {coming} would replace that of {}, which is in the same daily directory; it stays where it \
         is, and what the peer collects next has everything that is in it",
        event::printable_path(name),
        there.map_or_else(|| "another collection".to_owned(), |day| day.to_string())
    )]
    OtherDay {
        /// The name of the manifest.
        name: OsString,
        /// The day of the collection that is there; `None` if it was encrypted.
        there: Option<Day>,
        /// The day of the one that was to be staged.
        coming: Day,
    },
    /// What was written reads back as something else: the disk or the memory of this machine is failing.
    #[error("the copy {} reads back differently than it was written", event::printable_path(.0))]
    Corrupted(PathBuf),
    /// The file system that the files are copied to is full.
    #[error("no room for {}", event::printable_path(path))]
    Full {
        /// The file that found no room.
        path: PathBuf,
        /// Bytes of all of the peer's files.
        needed: u64,
    },
    /// The copy cannot be written.
    #[error("cannot write {}: {source}", event::printable_path(path))]
    Unwritable {
        /// The copy, or the indicator in the collect directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing answers under its name, or the connection is not let through.
    #[error("{host} cannot be reached: {reason}", reason = event::printable(reason))]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why.
        reason: String,
    },
    /// It answers, and does not let us in or does not do what it is asked.
    #[error("{host} refused: {}", event::printable(reason))]
    Refused {
        /// User and host.
        host: String,
        /// What it was asked, and what it said.
        reason: String,
    },
    /// Its host key is not the one that is known.
    #[error("the host key of {host} is not to be trusted: {reason} ({key})")]
    HostKey {
        /// Host and port.
        host: String,
        /// Unknown, changed, revoked.
        reason: String,
        /// Whether another key was expected.
        expected: Expected,
        /// The kind of the key that it showed, and the fingerprint.
        key: String,
        /// The file that decided.
        known_hosts: PathBuf,
    },
    /// It has no such directory.
    #[error("{host} has no directory {}", event::printable_path(path))]
    NoDirectory {
        /// The host.
        host: String,
        /// The collect directory.
        path: PathBuf,
    },
    /// It accepted the connection and then said nothing any more.
    #[error("{host} said nothing for {seconds} seconds")]
    Silent {
        /// Host and port.
        host: String,
        /// How long that was borne.
        seconds: u64,
    },
    /// The connection ended in the middle.
    #[error("the connection to {host} broke: {}", event::printable(reason))]
    Broken {
        /// Host and port.
        host: String,
        /// What was noticed.
        reason: String,
    },
    /// It said something that no honest peer says.
    #[error("{host} does not keep to the rules: {}", event::printable(reason))]
    Foul {
        /// The host.
        host: String,
        /// What it did.
        reason: String,
    },
    /// Where a program should answer, something else talks: a shell that greets, or says that it lets nobody in.
    #[error("{host} prints `{said}` where its SFTP server should answer")]
    Noisy {
        /// User and host.
        host: String,
        /// How that begins; printable.
        said: String,
    },
    /// It brings more than one peer may.
    #[error("it has {0} for the master, which is over its limit")]
    TooMuch(String),
    /// It takes more time than one peer may.
    #[error("it took more than {} seconds, which is over its limit", .0.as_secs())]
    TooLong(Duration),
    /// What it was asked to do is not allowed there to whoever has our key.
    #[error("{host} does not allow {what}{}", said(reason))]
    Forbidden {
        /// User and host.
        host: String,
        /// What it was asked to do.
        what: String,
        /// What it said, if anything.
        reason: String,
    },
    /// What is needed to reach it is wrong on this machine: a key, a configuration file, a command.
    #[error("{0}")]
    Setup(String),
    /// The action that it was asked to do ended with a failure there.
    #[error("`{command}` ended there with {ending}{}", said(tail), command = event::printable(command))]
    Failed {
        /// The command as it was given.
        command: String,
        /// The exit status in words.
        ending: String,
        /// The last that it printed.
        tail: String,
    },
    /// A peer of this machine does its actions in the master's own run.
    #[error("a peer of this machine is not managed; {0} is done here by the master's own run")]
    Unmanaged(String),
}

/// What a peer said, as the end of a sentence.
fn said(reason: &str) -> String {
    if reason.is_empty() {
        return String::new();
    }
    format!(": {}", event::printable(reason))
}

impl From<RunError> for PeerError {
    /// A command that cannot be run is wrong on this machine.
    fn from(error: RunError) -> Self {
        Self::Setup(error.to_string())
    }
}

impl PeerError {
    /// What to do next.
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } => {
                "see whether the machine is on, its sshd runs, and the name and port are right".to_owned()
            }
            Self::Refused { .. } => {
                "see whether the peer's authorized_keys has the backup user's key; `cback validate` tries it"
                    .to_owned()
            }
            Self::HostKey {
                expected: Expected::Nothing,
                known_hosts,
                ..
            } => format!(
                "compare the fingerprint with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the peer itself; if \
                 it is the same, add the key to {} (`ssh PEER true` as the backup user asks, and does it)",
                event::printable(&known_hosts.to_string_lossy())
            ),
            Self::HostKey {
                host, known_hosts, ..
            } => format!(
                "somebody may be in between: compare the fingerprint with `ssh-keygen -lf \
                 /etc/ssh/ssh_host_ed25519_key.pub` on the peer itself; if the machine really has a new key, run \
                 `ssh-keygen -R '{host}' -f '{file}'` and add the new key to {file}",
                file = event::printable_path(known_hosts)
            ),
            Self::NoDirectory { .. } => {
                "see whether `<collect_dir>` is the one that the peer itself has, and collect ran there".to_owned()
            }
            Self::Silent { .. } | Self::Broken { .. } => {
                "run `cback stage` again; what came is not lost, and the rest is fetched then".to_owned()
            }
            Self::Foul { .. } => {
                "look at that machine: it may be broken into; nothing of it was staged".to_owned()
            }
            Self::Noisy { .. } => {
                "see what that user's shell does there without a terminal (~/.bashrc and its like): it must print nothing, and \
                 let the user in"
                    .to_owned()
            }
            Self::TooMuch(_) => {
                "if that is right, raise `<max_files>` or `<max_bytes>` in `<stage>`; if not, look at \
                 that machine; nothing of it was staged"
                    .to_owned()
            }
            // To say how far it is takes a moment, whatever `<max_time>` says.
            Self::TooLong(limit) if *limit == PATIENCE => {
                "look at that machine: what it was asked takes a moment elsewhere".to_owned()
            }
            Self::TooLong(_) => {
                "if that is right, raise `<max_time>` in `<stage>`; if not, look at that machine".to_owned()
            }
            Self::Forbidden { .. } => {
                "the key was let in, and is kept to other things: if the master may ask for that, print a new line \
                 for the peer's authorized_keys there (`cback agent --allow ACTION --print-key-line KEY.pub`)"
                    .to_owned()
            }
            Self::Failed { ending, .. } if ending.starts_with("status 127") => {
                "say with `<cback_command>` what cback is called there".to_owned()
            }
            Self::Failed { .. } => "see the peer's own log".to_owned(),
            Self::Changing(_) => "run `cback stage` again when the peer's collect is over".to_owned(),
            Self::Nothing(_)
            | Self::OtherDay { .. }
            | Self::Unreadable { .. }
            | Self::Corrupted(_)
            | Self::Full { .. }
            | Self::Unwritable { .. }
            | Self::Setup(_)
            | Self::Unmanaged(_) => return None,
        })
    }
}
