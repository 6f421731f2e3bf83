//! The journal of systemd: lines on standard error begin with their priority, if the journal reads them.
//!
//! sd-daemon(3) has the prefixes, systemd.exec(5) the variable that says whose stream it is.

use std::os::fd::AsFd;

use log::Level;

/// Whether the journal reads `stream`.
pub(super) fn reads(stream: impl AsFd) -> bool {
    let Some(text) = std::env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(stream)
        .is_ok_and(|stat| text.to_str() == Some(&format!("{}:{}", stat.st_dev, stat.st_ino)))
}

/// What a line of that level begins with.
pub(super) fn prefix(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}
