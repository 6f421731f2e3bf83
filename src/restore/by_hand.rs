//! What somebody types who restores without this program: tar commands that a shell takes, whatever the names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::extract::packing;
use super::shelf::PARTS;
use crate::archive::Compression;

/// The tar command for an archive: as somebody would type it.
pub(super) fn command(archive: &Path, into: &Path) -> String {
    // A file that was cut into parts.
    let parts = archive.as_os_str().as_bytes();
    if let Some(whole) = parts.strip_suffix(PARTS.as_bytes()) {
        let whole = Path::new(OsStr::from_bytes(whole));
        let packing = match packing(whole.file_name().unwrap_or_default()) {
            Compression::None => "",
            Compression::Gzip => "--gzip ",
            Compression::Bzip2 => "--bzip2 ",
            Compression::Zstd => "--zstd ",
        };
        return format!(
            "cat {}{PARTS} | tar {packing}-xpf - -C {}",
            quoted(whole.as_os_str()),
            quoted(into.as_os_str())
        );
    }
    format!(
        "tar -xpf {} -C {}",
        quoted(archive.as_os_str()),
        quoted(into.as_os_str())
    )
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return word.to_string_lossy().into_owned();
    }
    let ordinary = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    if bytes.iter().all(ordinary) {
        return format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"));
    }
    let escaped: String = bytes.iter().map(|&byte| escape(byte)).collect();
    format!("$'{escaped}'")
}

/// A byte within `$'…'`.
fn escape(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_survive_a_shell() {
        for (word, expected) in [
            (
                "/staging/2026/11/21/etc.tar.gz",
                "/staging/2026/11/21/etc.tar.gz",
            ),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("a\nb'", r"$'a\x0ab\''"),
            ("", "''"),
            ("~x", "'~x'"),
        ] {
            assert_eq!(quoted(OsStr::new(word)), expected);
        }
    }
}
