//! From a source's path to the name of its archive.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use super::digest::Digest;

/// Whose rules turn paths into names; archives of a running pool keep theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Naming {
    /// As Cedar Backup 2: `/` is `-`, colons stay, and white space is that of ASCII.
    V2,
    /// As Cedar Backup 3: `/` is `_`, a colon becomes `_`, `c:/x` becomes `c-x`, and white space is that of Unicode.
    #[default]
    V3,
}

/// The stem of an archive's file name: `/var/log` gives `var-log`. Bytes that are no UTF-8 stay.
///
/// Not injective: `/a-b` and `/a/b` share a name, which the configuration refuses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveName {
    name: OsString,
    naming: Naming,
}

/// Longest name. With number and extension it stays below 157 bytes: beyond them a name on a disc needs a
/// continuation area, and bsdtar gives up on discs where an earlier session has one.
const LONGEST: usize = 128;
/// Digits of the path's digest at the end of a name that was cut.
const DIGITS: usize = 12;

/// Cuts a name that is too long, at a character's boundary; a digest of all of it tells it from others.
fn shorten(name: &mut Vec<u8>) {
    if name.len() <= LONGEST {
        return;
    }
    let digest = Digest::of(name).hex();
    let mut end = LONGEST - DIGITS - 1;
    while end > 0 && name[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    name.truncate(end);
    name.push(b'~');
    name.extend_from_slice(&digest[..DIGITS]);
}

/// What Python calls white space: in version 2 without a word of Unicode, in version 3 with the separators of ASCII.
fn is_blank(letter: char, naming: Naming) -> bool {
    match naming {
        Naming::V2 => matches!(letter, ' ' | '\t'..='\r'),
        Naming::V3 => letter.is_whitespace() || matches!(letter, '\x1c'..='\x1f'),
    }
}

impl ArchiveName {
    /// The name for the source at `path`. Never empty, never contains `/`, never starts with a dot, at most 128
    /// bytes.
    pub fn of(path: &Path, naming: Naming) -> Self {
        let mut rest = path.as_os_str().as_bytes();
        if matches!(rest, b"" | b"/" | b"\\") {
            let name = OsString::from(match naming {
                Naming::V2 => "-",
                Naming::V3 => "_",
            });
            return Self { name, naming };
        }
        let mut name = Vec::with_capacity(rest.len());
        if naming == Naming::V3
            && rest.len() > 2
            && rest[0].is_ascii_alphabetic()
            && rest[1] == b':'
            && matches!(rest[2], b'/' | b'\\')
        {
            name.extend_from_slice(&[rest[0], b'-']);
            rest = &rest[3..];
        }
        rest = rest.strip_prefix(b"/").unwrap_or(rest);
        rest = rest.strip_prefix(b"\\").unwrap_or(rest);
        if name.is_empty()
            && let Some(hidden) = rest.strip_prefix(b".")
        {
            name.push(b'_');
            rest = hidden;
        }
        for chunk in rest.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '/' | '\\' => name.push(b'-'),
                    ':' if naming == Naming::V3 => name.push(b'_'),
                    blank if is_blank(blank, naming) => name.push(b'_'),
                    other => {
                        let mut bytes = [0; 4];
                        name.extend_from_slice(other.encode_utf8(&mut bytes).as_bytes());
                    }
                }
            }
            name.extend_from_slice(chunk.invalid());
        }
        if name.is_empty() {
            // `/\\` has nothing else in it.
            name.push(b'-');
        }
        shorten(&mut name);
        let name = OsString::from_vec(name);
        Self { name, naming }
    }

    /// The name with `.extension` behind it.
    pub fn with_extension(&self, extension: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(".");
        name.push(extension);
        name
    }

    /// The name.
    pub fn as_os_str(&self) -> &OsStr {
        &self.name
    }

    /// Whose rules made it.
    pub fn naming(&self) -> Naming {
        self.naming
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.display().fmt(f)
    }
}

impl fmt::Debug for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v3(path: &str) -> String {
        ArchiveName::of(Path::new(path), Naming::V3).to_string()
    }

    #[test]
    fn names_are_those_that_the_pool_already_has() {
        for (path, name) in [
            (".", "_"),
            ("..", "_."),
            ("..........", "_........."),
            ("/", "_"),
            ("\\", "_"),
            ("/.", "_"),
            ("\\..", "_."),
            ("/...", "_.."),
            ("/var/log/apache/httpd.log.1", "var-log-apache-httpd.log.1"),
            ("var/log\\apache/httpd.log.1", "var-log-apache-httpd.log.1"),
            (
                "/Big Nasty/space s/file.  log   .2 .",
                "Big_Nasty-space_s-file.__log___.2_.",
            ),
            ("c:/Users/pronovic/repos", "c-Users-pronovic-repos"),
            ("/path/to/whatever/key:value", "path-to-whatever-key_value"),
            ("/tmp/t2/", "tmp-t2-"),
            ("/\\", "-"),
        ] {
            assert_eq!(v3(path), name, "{path}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let path = |last: &str| format!("/{}{last}", "ä/".repeat(100));
        let (one, other) = (v3(&path("one")), v3(&path("other")));
        assert!(one.len() <= LONGEST && one.starts_with("ä-ä-"), "{one}");
        assert!(other.len() <= LONGEST);
        assert_ne!(one, other);
        assert_eq!(one, v3(&path("one")));
        assert_eq!(v3(&"x".repeat(128)), "x".repeat(128));
    }

    #[test]
    fn version_2_keeps_colons_and_calls_the_root_a_hyphen() {
        assert_eq!(ArchiveName::of(Path::new("/"), Naming::V2).to_string(), "-");
        for (path, v2, v3) in [
            ("/a:b", "a:b", "a_b"),
            ("c:/Users", "c:-Users", "c-Users"),
            ("/.hidden/x", "_hidden-x", "_hidden-x"),
            ("/a b\tc\nd\r\u{b}\u{c}", "a_b_c_d___", "a_b_c_d___"),
            (
                "/no\u{a0}break\u{2003}\u{85}",
                "no\u{a0}break\u{2003}\u{85}",
                "no_break__",
            ),
            ("/unit\x1fseparator", "unit\x1fseparator", "unit_separator"),
            (
                "/zero\u{200b}width",
                "zero\u{200b}width",
                "zero\u{200b}width",
            ),
            ("\\var\\log", "var-log", "var-log"),
        ] {
            for (naming, name) in [(Naming::V2, v2), (Naming::V3, v3)] {
                assert_eq!(ArchiveName::of(Path::new(path), naming).to_string(), name);
            }
        }
        let odd = Path::new(OsStr::from_bytes(b"/no\xffutf8\xc2"));
        let name = ArchiveName::of(odd, Naming::V3);
        assert_eq!(name.as_os_str().as_bytes(), b"no\xffutf8\xc2");
    }
}
