//! Extensions: actions with a configuration section of their own. Cedar Backup's nine are built in.
//!
//! Each has a `run`, a `check` that looks whether the world is as the configuration says, and a `preview` of what a run
//! would do. The work itself is in modules below; here the configuration meets them.

mod amazons3;
mod capacity;
mod databases;
mod due;
mod encrypt;
mod error;
mod mbox;
mod programs;
mod split;
mod staged;
mod subversion;
mod sysinfo;

use crate::action::{Context, Finding};
use crate::dump::Server;

pub use error::ExtendError;

/// What a module's function is called in every configuration.
const FUNCTION: &str = "executeAction";
/// Where Cedar Backup has its own extensions, version 2 and 3.
const PLACES: [&str; 2] = ["CedarBackup2.extend.", "CedarBackup3.extend."];

/// An extension that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// What is installed and how the disks are laid out, to the collect directory.
    Sysinfo,
    /// Whether the disc is nearly full.
    Capacity,
    /// Databases of a `mysql` server, to the collect directory.
    Mysql,
    /// Databases of a `postgresql` server, to the collect directory.
    Postgresql,
    /// Subversion repositories, to the collect directory.
    Subversion,
    /// Mailboxes, to the collect directory.
    Mbox,
    /// Staged files that are too large, into parts.
    Split,
    /// Staged files, for the eyes of one recipient.
    Encrypt,
    /// Daily directories, to a bucket.
    AmazonS3,
}

impl Extension {
    /// Every extension.
    pub const ALL: [Self; 9] = [
        Self::Sysinfo,
        Self::Capacity,
        Self::Mysql,
        Self::Postgresql,
        Self::Subversion,
        Self::Mbox,
        Self::Split,
        Self::Encrypt,
        Self::AmazonS3,
    ];

    /// The extension that a configuration means by `module` and `function`: `CedarBackup3.extend.mysql` or
    /// `CedarBackup2.extend.mysql`, and `executeAction`. `None`: not one of ours.
    pub fn named(module: &str, function: &str) -> Option<Self> {
        let mut words = PLACES.iter().filter_map(|place| module.strip_prefix(place));
        let word = words.next().filter(|_| function == FUNCTION)?;
        Self::ALL
            .into_iter()
            .find(|extension| extension.word() == word)
    }

    /// The last word of its module, which is also that of its configuration section.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sysinfo => "sysinfo",
            Self::Capacity => "capacity",
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
            Self::Subversion => "subversion",
            Self::Mbox => "mbox",
            Self::Split => "split",
            Self::Encrypt => "encrypt",
            Self::AmazonS3 => "amazons3",
        }
    }

    /// What is not as the configuration says. Looks only.
    pub fn check(self, cx: &Context<'_>) -> Vec<Finding> {
        match self {
            Self::Sysinfo => sysinfo::check(cx),
            Self::Capacity => capacity::check(cx),
            Self::Mysql => databases::check(cx, Server::Mysql),
            Self::Postgresql => databases::check(cx, Server::Postgresql),
            Self::Subversion => subversion::check(cx),
            Self::Mbox => mbox::check(cx),
            Self::Split => split::check(cx),
            Self::Encrypt => encrypt::check(cx),
            Self::AmazonS3 => amazons3::check(cx),
        }
    }

    /// What a run would do, a sentence each without a full stop. Changes nothing.
    pub fn preview(self, cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
        match self {
            Self::Sysinfo => sysinfo::preview(cx),
            Self::Capacity => capacity::preview(cx),
            Self::Mysql => databases::preview(cx, Server::Mysql),
            Self::Postgresql => databases::preview(cx, Server::Postgresql),
            Self::Subversion => subversion::preview(cx),
            Self::Mbox => mbox::preview(cx),
            Self::Split => split::preview(cx),
            Self::Encrypt => encrypt::preview(cx),
            Self::AmazonS3 => amazons3::preview(cx),
        }
    }

    /// Carries the extension out. Trouble with single files, databases and the like is told to the context's
    /// monitor; an error means that the extension could not do its work.
    pub fn run(self, cx: &Context<'_>) -> Result<(), ExtendError> {
        match self {
            Self::Sysinfo => sysinfo::run(cx),
            Self::Capacity => capacity::run(cx),
            Self::Mysql => databases::run(cx, Server::Mysql),
            Self::Postgresql => databases::run(cx, Server::Postgresql),
            Self::Subversion => subversion::run(cx),
            Self::Mbox => mbox::run(cx),
            Self::Split => split::run(cx),
            Self::Encrypt => encrypt::run(cx),
            Self::AmazonS3 => amazons3::run(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_known_by_either_version_of_its_module() {
        for extension in Extension::ALL {
            for place in PLACES {
                let module = format!("{place}{}", extension.word());
                assert_eq!(Extension::named(&module, FUNCTION), Some(extension));
                assert_eq!(Extension::named(&module, "main"), None);
            }
        }
        for module in ["CedarBackup3.extend.oracle", "extend.mysql", "mysql", ""] {
            assert_eq!(Extension::named(module, FUNCTION), None, "{module}");
        }
    }
}
