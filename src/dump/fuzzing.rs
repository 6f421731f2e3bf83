//! A way in for the fuzz targets: mailboxes.

use std::io;

use chrono::NaiveDateTime;

use super::mailbox::copy_newer;

/// Copies what is newer than `since` in a mailbox; how many messages there are, and how many were copied.
pub fn mailbox(mut bytes: &[u8], since: NaiveDateTime, to: &mut Vec<u8>) -> io::Result<(u64, u64)> {
    let messages = copy_newer(&mut bytes, since, to)?;
    Ok((messages.all, messages.copied))
}
