//! Whether a manifest has a path: only the beginnings of its lines are looked at, which is less work than reading entries.

use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::ManifestError;
use super::lines::Lines;
use super::vis::escape;

/// Whether the packed manifest has an entry for one of `paths`, which have no leading slash, or for something below. What
/// else it says is not checked.
pub fn mentions(packed: impl Read, paths: &[PathBuf]) -> Result<bool, ManifestError> {
    let begins: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| {
            let mut name = b"./".to_vec();
            escape(path.as_os_str().as_bytes(), &mut name);
            name
        })
        .collect();
    let mut lines = Lines::new(packed);
    while lines.next()? {
        let line = lines.line.as_slice();
        let is_meant = |begin: &Vec<u8>| {
            let rest = line.strip_prefix(begin.as_slice());
            matches!(rest.and_then(<[u8]>::first), Some(b' ' | b'/'))
        };
        if begins.iter().any(is_meant) && !line.ends_with(b" tags=above") {
            return Ok(true);
        }
    }
    Ok(false)
}
