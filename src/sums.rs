//! Digests and the text that `sha256sum -c` accepts.
//!
//! One format for every list of digests: `SHA256SUMS` in a daily directory, on discs, and inside the
//! indicators that peers and master exchange. A line is `<64 hex digits>  <name>`. A name with a backslash,
//! a newline or a carriage return is written with these escaped, and the line then begins with a backslash;
//! that is how coreutils does it.
//!
//! A large file that is not on a disc yet is listed by its BLAKE3 instead: the same line behind `# blake3 `, which is a
//! comment to `sha256sum`, and what `b3sum -c` accepts without these nine characters. Lists on discs have none of these.

mod seen;

use std::collections::BTreeMap;

pub use crate::units::{Blake3, Digest, DigestError, Hasher, Proof, Prover};
pub use seen::{Seeing, Seen};

/// The name of the list in a daily directory.
pub const FILE_NAME: &str = "SHA256SUMS";

/// Begins the line of an acknowledgement that says in which day's directory the files were staged:
/// `# staged 2026-11-21`.
pub const STAGED_ON: &str = "# staged ";

/// Begins the line of a file that is listed by its BLAKE3.
const BLAKE3: &[u8] = b"# blake3 ";

/// Digests by name, in the order of the names' bytes. Names are paths relative to wherever the list lies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums(BTreeMap<Vec<u8>, Proof>);

/// A list with a line that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not of the form `<64 hex digits>  <name>`")]
pub struct SumsError {
    /// Counted from 1.
    pub line: usize,
}

impl Sums {
    /// A list without lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a list. Empty lines say nothing, and neither do lines that begin with `#` and are not known here. The last
    /// line for a name counts.
    pub fn parse(text: &[u8]) -> Result<Self, SumsError> {
        let mut sums = Self::new();
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let wrong = SumsError { line: at + 1 };
            if let Some(line) = line.strip_prefix(BLAKE3) {
                let (name, bytes) = read_line(line).ok_or(wrong)?;
                sums.0.insert(name, Proof::Blake3(Blake3(bytes)));
            } else if !line.is_empty() && !line.starts_with(b"#") {
                let (name, bytes) = read_line(line).ok_or(wrong)?;
                sums.0.insert(name, Proof::Sha256(Digest(bytes)));
            }
        }
        Ok(sums)
    }

    /// The list as text, one line each, sorted by name.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.0.len() * 96);
        for (name, proof) in &self.0 {
            write_line(&mut text, name, *proof);
        }
        text
    }

    /// The digest of the file `name`.
    pub fn get(&self, name: &[u8]) -> Option<Proof> {
        self.0.get(name).copied()
    }

    /// Sets the digest of the file `name`; gives the one it replaces.
    pub fn insert(&mut self, name: impl Into<Vec<u8>>, proof: impl Into<Proof>) -> Option<Proof> {
        self.0.insert(name.into(), proof.into())
    }

    /// Takes the file `name` off the list.
    pub fn remove(&mut self, name: &[u8]) -> Option<Proof> {
        self.0.remove(name)
    }

    /// Names and digests in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Proof)> {
        self.0
            .iter()
            .map(|(name, digest)| (name.as_slice(), *digest))
    }

    /// The names that begin with `prefix`, and their digests, in the order of the names.
    pub fn below<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a [u8], Proof)> {
        self.0
            .range(prefix.to_vec()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, digest)| (name.as_slice(), *digest))
    }

    /// Takes every name that begins with `prefix` off the list.
    pub fn remove_below(&mut self, prefix: &[u8]) {
        let names: Vec<Vec<u8>> = self.below(prefix).map(|(name, _)| name.to_vec()).collect();
        for name in names {
            self.0.remove(&name);
        }
    }

    /// Keeps the names that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Takes every file off the list that is not listed by its SHA-256: what is no list of a disc.
    pub fn keep_sha256(&mut self) {
        self.0.retain(|_, proof| proof.sha256().is_some());
    }

    /// How many files are on the list.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no file is on the list.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends the line for `name` to `text`.
pub fn write_line(text: &mut Vec<u8>, name: &[u8], proof: Proof) {
    let hex = match proof {
        Proof::Sha256(digest) => digest.to_string(),
        Proof::Blake3(blake3) => {
            text.extend_from_slice(BLAKE3);
            blake3.to_string()
        }
    };
    let escaped = name
        .iter()
        .any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'));
    if escaped {
        text.push(b'\\');
    }
    text.extend_from_slice(hex.as_bytes());
    text.extend_from_slice(b"  ");
    for &byte in name {
        match byte {
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            _ => text.push(byte),
        }
    }
    text.push(b'\n');
}

/// How many bytes [`write_line`] appends for `name` and its SHA-256.
pub fn line_len(name: &[u8]) -> usize {
    let escapes = name
        .iter()
        .filter(|byte| matches!(byte, b'\\' | b'\n' | b'\r'))
        .count();
    64 + 2 + name.len() + escapes + usize::from(escapes > 0) + 1
}

/// Name and digest of a line without its newline.
fn read_line(line: &[u8]) -> Option<(Vec<u8>, [u8; 32])> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (hex, rest) = line.split_at_checked(64)?;
    let Digest(digest) = Digest::from_hex(hex)?;
    // Two blanks, or a blank and an asterisk for what sha256sum calls binary mode.
    let name = rest
        .strip_prefix(b"  ")
        .or_else(|| rest.strip_prefix(b" *"))?;
    if name.is_empty() {
        return None;
    }
    if !escaped {
        return Some((name.to_vec(), digest));
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            _ => byte,
        });
    }
    Some((plain, digest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    const NAMES: [&[u8]; 10] = [
        b"etc.tar.gz",
        b"a b",
        b" leading",
        b"*star",
        b"back\\slash",
        b"new\nline",
        b"carriage\r",
        b"\\n",
        b"latin \xe4",
        b"#comment",
    ];

    #[test]
    fn every_name_comes_back() {
        let mut sums = Sums::new();
        let mut length = 0;
        for name in NAMES {
            sums.insert(name, Digest::of(name));
            length += line_len(name);
        }
        let text = sums.to_text();
        assert_eq!(text.len(), length);
        assert_eq!(Sums::parse(&text).unwrap(), sums);
        let whole = sums.clone();
        for name in NAMES.iter().step_by(2) {
            sums.insert(*name, Proof::Blake3(Blake3::of(name)));
        }
        assert_eq!(Sums::parse(&sums.to_text()).unwrap(), sums);
        assert_ne!(sums, whole);
        sums.keep_sha256();
        assert_eq!(sums.len(), NAMES.len() / 2);
    }

    #[test]
    fn sha256sum_accepts_our_list_and_we_read_its_list() {
        let dir = tempfile::tempdir().unwrap();
        let mut sums = Sums::new();
        for name in NAMES {
            std::fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
            sums.insert(name, Digest::of(name));
        }
        let list = dir.path().join("list");
        std::fs::write(&list, sums.to_text()).unwrap();
        let check = |arguments: &[&str]| {
            let mut command = Command::new("sha256sum");
            command.current_dir(dir.path()).args(arguments);
            command
        };
        let ours = check(&["-c", "--strict", "list"]).output().unwrap();
        assert!(ours.status.success(), "{ours:?}");
        // What it does not know does not hinder it.
        let mut some = sums.clone();
        some.insert(NAMES[3], Proof::Blake3(Blake3::of(b"whatever")));
        std::fs::write(&list, some.to_text()).unwrap();
        let ours = check(&["-c", "--strict", "list"]).output().unwrap();
        assert!(ours.status.success(), "{ours:?}");
        let theirs = check(&["--"])
            .args(NAMES.map(OsStr::from_bytes))
            .output()
            .unwrap();
        assert_eq!(Sums::parse(&theirs.stdout).unwrap(), sums);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let hex = "0".repeat(64);
        for (text, line) in [
            ("x".to_owned(), 1),
            (format!("{hex}  a\n{hex} b\n"), 2),
            (format!("{hex}  a\n\n{hex}  \n"), 3),
            (format!("\\{hex}  a\\x\n"), 1),
            (format!("\\{hex}  a\\\n"), 1),
            (format!("{}g  a\n", &hex[1..]), 1),
            (format!("# blake3 {hex} a\n"), 1),
            (format!("{hex}  a\n# blake3 {}\n", &hex[1..]), 2),
        ] {
            assert_eq!(Sums::parse(text.as_bytes()), Err(SumsError { line }));
        }
        for nothing in ["", "# blake3\n", "#\n# blake3s and others\n"] {
            assert!(Sums::parse(nothing.as_bytes()).unwrap().is_empty());
        }
    }
}
