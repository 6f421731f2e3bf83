//! Under which name the program was called, and what follows from it.
//!
//! Cedar Backup 2 is called `cback` and Cedar Backup 3 `cback3`; their configurations, logs and a few names of archives differ.
//! One program takes the place of either, and of the two tools beside each.

use std::ffi::OsStr;
use std::path::Path;

use crate::units::Naming;

/// What the program behaves as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `cback`.
    Main,
    /// `cback-span`: one staging directory over several discs.
    Span,
    /// `cback-amazons3-sync`: a directory to a bucket.
    AmazonS3Sync,
}

/// What is used unless a switch says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// The configuration.
    pub config: &'static str,
    /// The log.
    pub logfile: &'static str,
    /// Whose rules name archives.
    pub naming: Naming,
}

/// Those of Cedar Backup 2.
pub const SECOND: Defaults = Defaults {
    config: "/etc/cback.conf",
    logfile: "/var/log/cback.log",
    naming: Naming::V2,
};

/// Those of Cedar Backup 3.
pub const THIRD: Defaults = Defaults {
    config: "/etc/cback3.conf",
    logfile: "/var/log/cback3.log",
    naming: Naming::V3,
};

/// The tool that `called` names, the first word of the command line, and its defaults.
///
/// A name that begins with `cback3` stands for version 3, every other one for version 2; but where only the
/// configuration of version 3 `exists`, the machine is one of version 3 whatever the program is called.
pub fn named(called: &OsStr, exists: impl Fn(&Path) -> bool) -> (Tool, Defaults) {
    let name = Path::new(called).file_name().unwrap_or_default();
    let name = name.to_str().unwrap_or_default();
    let (third, rest) = match name.strip_prefix("cback3") {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix("cback").unwrap_or_default()),
    };
    let tool = match rest {
        "-span" => Tool::Span,
        "-amazons3-sync" => Tool::AmazonS3Sync,
        _ => Tool::Main,
    };
    let third = third || (!exists(Path::new(SECOND.config)) && exists(Path::new(THIRD.config)));
    (tool, if third { THIRD } else { SECOND })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let (old, new, none) = (vec![SECOND.config], vec![THIRD.config], Vec::new());
        let both = vec![SECOND.config, THIRD.config];
        for (called, there, tool, defaults) in [
            ("cback", &none, Tool::Main, SECOND),
            ("cback", &old, Tool::Main, SECOND),
            ("cback", &both, Tool::Main, SECOND),
            ("cback", &new, Tool::Main, THIRD),
            ("/usr/bin/cback3", &none, Tool::Main, THIRD),
            ("/usr/bin/cback3", &old, Tool::Main, THIRD),
            ("/usr/bin/cback3", &both, Tool::Main, THIRD),
            ("cback-span", &none, Tool::Span, SECOND),
            ("./cback-span", &new, Tool::Span, THIRD),
            ("/usr/bin/cback3-span", &both, Tool::Span, THIRD),
            ("cback-amazons3-sync", &none, Tool::AmazonS3Sync, SECOND),
            ("cback3-amazons3-sync", &none, Tool::AmazonS3Sync, THIRD),
            ("backup", &none, Tool::Main, SECOND),
            ("/cback3/backup", &none, Tool::Main, SECOND),
            ("", &none, Tool::Main, SECOND),
        ] {
            let exists = |path: &Path| there.iter().any(|one| Path::new(one) == path);
            let found = named(OsStr::new(called), exists);
            assert_eq!(found, (tool, defaults), "{called} {there:?}");
        }
    }
}
