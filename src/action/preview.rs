//! What an action would do: `--dry-run`. Finding it out changes nothing.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::event::{bytes, printable, printable_path};
use crate::units::Day;

/// What an action would do, as things are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[allow(missing_docs)] // the words say it
pub enum Preview {
    Collect(Collecting),
    Stage(Staging),
    Store(Storing),
    Rebuild(Storing),
    Initialize(Initializing),
    Purge(Purging),
    Validate(Validating),
}

/// What `collect` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collecting {
    /// Where archives would go.
    pub into: String,
    /// One for each archive.
    pub sources: Vec<Source>,
}

/// What would become of a source, or of a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The directory or file.
    pub path: String,
    /// The archive without number and extension.
    pub archive: String,
    /// `full`, `incremental` or `not_today`.
    pub mode: &'static str,
    /// The day of the last collection that was staged.
    pub last: Option<String>,
    /// Things in it; 0 if it is not due.
    pub entries: u64,
    /// Files that would be read into an archive, as far as sizes and times tell.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What `stage` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Staging {
    /// The daily directory.
    pub into: String,
    /// In this order.
    pub peers: Vec<Peer>,
}

/// A peer that would be staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// `ready`, `not_ready`, `staged` (and nothing was collected since), or `unreachable`.
    pub state: &'static str,
    /// What is the matter, if it is not ready.
    pub reason: Option<String>,
}

/// What `store` or `rebuild` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Storing {
    /// The device, or the file that is the disc.
    pub drive: String,
    /// The label of the disc that is in the drive; none if it is blank.
    pub label: Option<String>,
    /// Why a new disc would be begun; none if a session is appended.
    pub new_disc: Option<String>,
    /// What then becomes of the disc in the drive: `erased`, `set_aside`, `replaced`; none if nothing.
    pub old_disc: Option<&'static str>,
    /// Days that would be burnt.
    pub days: Vec<String>,
    /// Days that are on the disc already and would only be marked.
    pub on_disc: Vec<String>,
    /// Days that would not fit, or that cannot be read.
    pub left: Vec<String>,
    /// Bytes of the session.
    pub bytes: u64,
    /// Bytes that the disc has room for.
    pub free: u64,
    /// Whether all days that are due fit.
    pub fits: bool,
    /// Whether the disc would be closed then.
    pub closes: bool,
    /// Whether it should be, and cannot.
    pub stays_open: bool,
}

/// What `initialize` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Initializing {
    /// The device, or the file that is the disc.
    pub drive: String,
    /// The label of the disc that would be erased; none if it is blank.
    pub label: Option<String>,
    /// Its sessions, all of which would be lost.
    pub sessions: usize,
}

/// What `purge` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purging {
    /// One for each configured directory.
    pub directories: Vec<Purged>,
}

/// What would go from a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// The directory.
    pub path: String,
    /// What is at least that old goes.
    pub retain_days: u64,
    /// Files that would go.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Directories that would go.
    pub directories: u64,
    /// Files that are old enough and would stay, because they are the only copy.
    pub kept: u64,
}

/// What `validate` would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validating {
    /// What is not as the configuration says.
    pub findings: Vec<String>,
}

/// A path as text.
pub(super) fn shown(path: &Path) -> String {
    printable_path(path)
}

/// Days as text.
pub(super) fn dates(days: &[Day]) -> Vec<String> {
    days.iter().map(ToString::to_string).collect()
}

impl fmt::Display for Preview {
    /// Lines without an end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = match self {
            Self::Collect(one) => one.lines(),
            Self::Stage(one) => one.lines(),
            Self::Store(one) | Self::Rebuild(one) => one.lines(),
            Self::Initialize(one) => one.lines(),
            Self::Purge(one) => one.lines(),
            Self::Validate(one) => one.lines(),
        };
        f.write_str(&lines.join("\n"))
    }
}

impl Collecting {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("into {}", self.into)];
        lines.extend(self.sources.iter().map(|source| {
            let what = match (source.mode, &source.last) {
                ("not_today", Some(last)) => {
                    return format!("{}: not today; staged last on {last}", source.path);
                }
                ("incremental", Some(last)) => format!("what differs since {last}"),
                _ => "everything".to_owned(),
            };
            format!(
                "{}: {what}: about {} of {} entries, {}; archive {}",
                source.path,
                source.files,
                source.entries,
                bytes(source.bytes),
                source.archive
            )
        }));
        lines
    }
}

impl Staging {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("into {}", self.into)];
        lines.extend(self.peers.iter().map(|peer| {
            let state = match peer.state {
                "ready" => "ready",
                "staged" => "nothing was collected there since it was last staged",
                "not_ready" => "not ready",
                _ => "cannot be had",
            };
            match &peer.reason {
                Some(reason) => format!("{}: {state}: {reason}", peer.name),
                None => format!("{}: {state}", peer.name),
            }
        }));
        lines
    }
}

impl Storing {
    fn lines(&self) -> Vec<String> {
        let disc = match &self.label {
            Some(label) => format!("the disc `{label}` in {}", self.drive),
            None => format!("a blank disc in {}", self.drive),
        };
        let mut lines = Vec::new();
        if !self.on_disc.is_empty() {
            lines.push(format!(
                "{} is on {disc} already and is only marked",
                self.on_disc.join(", ")
            ));
        }
        if !self.days.is_empty() {
            match (&self.new_disc, self.old_disc) {
                (None, _) => lines.push(format!("a session is appended to {disc}")),
                (Some(because), old) => {
                    lines.push(format!("a new disc is begun: {because}"));
                    lines.extend(match old {
                        Some("erased") => Some(format!("{disc} is ERASED")),
                        Some("set_aside") => Some(format!("{disc} is set aside, and kept")),
                        Some(_) => Some(format!("another disc is needed in the place of {disc}")),
                        None => None,
                    });
                }
            }
            lines.push(format!(
                "with {}: {}, and there is room for {}",
                self.days.join(", "),
                bytes(self.bytes),
                bytes(self.free)
            ));
        }
        if !self.left.is_empty() {
            lines.push(format!(
                "NOT stored, it does not fit or cannot be read: {}",
                self.left.join(", ")
            ));
        }
        if self.closes {
            let then = if lines.is_empty() {
                format!("nothing is to be stored; {disc}, which has what was stored last,")
            } else {
                "then the disc".to_owned()
            };
            lines.push(format!("{then} is CLOSED: no session can follow"));
        }
        if self.stays_open {
            lines.push(
                "the disc cannot be CLOSED: its kind has no sessions that could be".to_owned(),
            );
        }
        if lines.is_empty() {
            lines.push(format!(
                "no staged day waits to be stored; {disc} stays as it is"
            ));
        }
        lines
    }
}

impl Initializing {
    fn lines(&self) -> Vec<String> {
        vec![match &self.label {
            Some(label) => format!(
                "the disc `{label}` in {} is ERASED with its {} sessions, and gets an empty one",
                self.drive, self.sessions
            ),
            None => format!("the blank disc in {} gets an empty session", self.drive),
        }]
    }
}

impl Purging {
    fn lines(&self) -> Vec<String> {
        let lines = self.directories.iter().map(|one| {
            let kept = if one.kept > 0 {
                format!("; {} files stay, because they are the only copy", one.kept)
            } else {
                String::new()
            };
            format!(
                "from {}, what is {} days old: {} files ({}) and {} directories{kept}",
                one.path,
                one.retain_days,
                one.files,
                bytes(one.bytes),
                one.directories
            )
        });
        lines.collect()
    }
}

impl Validating {
    fn lines(&self) -> Vec<String> {
        if self.findings.is_empty() {
            return vec!["the world is as the configuration says".to_owned()];
        }
        self.findings
            .iter()
            .map(|finding| printable(finding))
            .collect()
    }
}
