//! Which host keys are known: `known_hosts(5)`, strictly.
//!
//! A key is trusted only if a line names the host and has exactly this key, and no line revokes it. Names may be
//! hashed. Certificates are not understood: a host that only a `@cert-authority` line vouches for is not trusted,
//! and that is said.

use std::io;
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};

use super::ssh_config::wildcard;

use crate::event::printable_path;

/// A kind of key, and the algorithms in which it is used.
type Row = (&'static str, &'static [&'static str]);

/// What the files say.
pub(super) struct KnownHosts {
    lines: Vec<Line>,
    /// Those that name it without its port. They may vouch for it, and no more: another port may be another machine's.
    by_name: Vec<Line>,
    /// Where a new key would be written.
    pub(super) file: PathBuf,
}

/// A line that names the host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    marker: Option<String>,
    algorithm: String,
    /// The key in base64.
    key: String,
    place: String,
}

/// Why a key is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Distrust {
    /// No line names the host.
    Unknown,
    /// The line at this place has another key.
    Changed(String),
    /// The line at this place revokes the key.
    Revoked(String),
    /// Only the line at this place vouches for it, by a certificate.
    Authority(String),
}

impl std::fmt::Display for Distrust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("it is not known"),
            Self::Changed(place) => write!(f, "it is not the one at {place}: it has changed"),
            Self::Revoked(place) => write!(f, "it is revoked at {place}"),
            Self::Authority(place) => write!(
                f,
                "only a certificate authority at {place} vouches for it, and certificates of hosts are not \
                 understood; add the host's own key"
            ),
        }
    }
}

impl KnownHosts {
    /// The lines of `files` that name `host`, which is `[name]:port` unless the port is 22. A host of which no line with
    /// its port has a key is looked for by its name alone, if it is `plain`, as OpenSSH does. Files that do not exist
    /// say nothing.
    pub(super) fn read(files: &[PathBuf], host: &str, plain: Option<&str>) -> io::Result<Self> {
        let hosts = [Some(Name::new(host)), plain.map(Name::new)];
        let mut found = [Vec::new(), Vec::new()];
        for file in files {
            let text = match std::fs::read(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            for (at, line) in String::from_utf8_lossy(&text).lines().enumerate() {
                let place = || format!("{}:{}", printable_path(file), at + 1);
                for (host, lines) in hosts.iter().zip(&mut found) {
                    lines.extend(host.as_ref().and_then(|host| named(line, host, place)));
                }
            }
        }
        let file = files.first().cloned().unwrap_or_default();
        let [lines, by_name] = found;
        Ok(Self {
            lines,
            by_name,
            file,
        })
    }

    /// The algorithms to ask the host for: those of the keys that are known, so that a host with several keys
    /// shows one that we can compare.
    pub(super) fn algorithms(&self) -> Vec<&'static str> {
        const ALL: [Row; 5] = [
            ("ssh-ed25519", &["ssh-ed25519"]),
            ("ecdsa-sha2-nistp256", &["ecdsa-sha2-nistp256"]),
            ("ecdsa-sha2-nistp384", &["ecdsa-sha2-nistp384"]),
            ("ecdsa-sha2-nistp521", &["ecdsa-sha2-nistp521"]),
            ("ssh-rsa", &["rsa-sha2-512", "rsa-sha2-256"]),
        ];
        let lines = self.lines.iter().chain(&self.by_name);
        let plain: Vec<&Line> = lines.filter(|line| line.marker.is_none()).collect();
        let known = |name: &str| plain.iter().any(|line| line.algorithm == name);
        let (first, last): (Vec<Row>, Vec<Row>) =
            ALL.into_iter().partition(|(name, _)| known(name));
        let names = |rows: Vec<Row>| rows.into_iter().flat_map(|row| row.1);
        names(first).chain(names(last)).copied().collect()
    }

    /// Whether the key in base64 is the host's.
    pub(super) fn check(&self, key: &str) -> Result<(), Distrust> {
        let marked = |marker: &'static str| {
            let lines = self.lines.iter();
            lines.filter(move |line| line.marker.as_deref() == Some(marker))
        };
        let has_key = |line: &&Line| line.key == key;
        let of_name = |marker: Option<&'static str>| {
            let lines = self.by_name.iter();
            lines.filter(move |line| line.marker.as_deref() == marker)
        };
        let mut revoked = marked("@revoked").chain(of_name(Some("@revoked")));
        if let Some(line) = revoked.find(has_key) {
            return Err(Distrust::Revoked(line.place.clone()));
        }
        let plain = || self.lines.iter().filter(|line| line.marker.is_none());
        if plain().any(|line| has_key(&line)) {
            return Ok(());
        }
        if let Some(line) = plain().next() {
            return Err(Distrust::Changed(line.place.clone()));
        }
        if of_name(None).any(|line| has_key(&line)) {
            return Ok(());
        }
        match marked("@cert-authority").next() {
            Some(line) => Err(Distrust::Authority(line.place.clone())),
            None => Err(Distrust::Unknown),
        }
    }
}

/// A name that is looked for.
struct Name {
    /// In lower case, as names are written when they are hashed.
    text: String,
}

impl Name {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_ascii_lowercase(),
        }
    }

    /// Whether it is behind the hashed name `|1|salt|hash`: an HMAC with SHA-1, both in base64.
    fn is_hashed_as(&self, hashed: &str) -> bool {
        let mut parts = hashed.split('|').skip(1);
        let (Some("1"), Some(salt), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        from_base64(salt).is_some_and(|salt| base64(&hmac(&salt, self.text.as_bytes())) == hash)
    }
}

/// The line, if it names `host`.
fn named(line: &str, host: &Name, place: impl Fn() -> String) -> Option<Line> {
    let mut words = line.split_ascii_whitespace();
    let mut names = words.next()?;
    let mut marker = None;
    if names.starts_with('@') {
        marker = Some(names.to_ascii_lowercase());
        names = words.next()?;
    }
    if names.starts_with('#') {
        return None;
    }
    let (algorithm, key) = (words.next()?, words.next()?);
    let fits = if names.starts_with('|') {
        host.is_hashed_as(names)
    } else {
        let mut found = false;
        for name in names.split(',') {
            match name.strip_prefix('!') {
                Some(not) if wildcard(not, &host.text) => return None,
                Some(_) => {}
                None => found |= wildcard(name, &host.text),
            }
        }
        found
    };
    fits.then(|| Line {
        marker,
        algorithm: algorithm.to_owned(),
        key: key.to_owned(),
        place: place(),
    })
}

/// The keyed digest of RFC 2104 with SHA-1. A longer key than a block of the digest is nobody's salt.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 20] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        Sha1::new_with_prefix(block)
    };
    let inner = pad(0x36).chain_update(text).finalize();
    pad(0x5c).chain_update(inner).finalize().into()
}

/// What `text` in base64 with padding stands for; `None` if it is no such text.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut word, mut bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|&other| other == digit)?;
        word = word << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `bytes` in base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, at| {
            word << 8 | usize::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            text.push(if at <= group.len() {
                char::from(DIGITS[word >> (18 - 6 * at) & 63])
            } else {
                '='
            });
        }
    }
    text
}

/// The files that are looked at: those that `ssh_config` names for the user and for the system, or the usual ones.
pub(super) fn files(home: &Path, own: Vec<PathBuf>, system: Vec<PathBuf>) -> Vec<PathBuf> {
    let or = |named: Vec<PathBuf>, dir: &Path, usual: [&str; 2]| {
        if named.is_empty() {
            usual.iter().map(|name| dir.join(name)).collect()
        } else {
            named
        }
    };
    let mut files = or(own, &home.join(".ssh"), ["known_hosts", "known_hosts2"]);
    let usual = ["ssh_known_hosts", "ssh_known_hosts2"];
    files.extend(or(system, Path::new("/etc/ssh"), usual));
    files.retain(|file| file != Path::new("none"));
    files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::process::Command;

    const A: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIKtS1BOTiVpVVQqZUbTCBqzXzhJyiQSjdaKzfTHzd7zc";
    const B: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIO+8ye3KuxnPCYcNkYoKWO4bGCgQ8dtn9oPRSvyUM8mS";

    fn known(text: &str, host: &str) -> KnownHosts {
        known_also(text, host, None)
    }

    fn known_also(text: &str, host: &str, plain: Option<&str>) -> KnownHosts {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        std::fs::write(&file, text).unwrap();
        let mut known = KnownHosts::read(&[file, dir.path().join("none")], host, plain).unwrap();
        for line in known.lines.iter_mut().chain(&mut known.by_name) {
            line.place = line.place.rsplit(':').next().unwrap().to_owned();
        }
        known
    }

    #[test]
    fn only_the_key_of_a_line_that_names_the_host_is_trusted() {
        let line = |names: &str, key: &str| format!("{names} ssh-ed25519 {key} comment\n");
        let changed = || Err(Distrust::Changed("1".to_owned()));
        for (text, outcome) in [
            (line("ada", A), Ok(())),
            (line("bob,*.org,ada", A), Ok(())),
            (line("*,!ada", A), Err(Distrust::Unknown)),
            (line("[ada]:2222", A), Err(Distrust::Unknown)),
            (line("#ada", A), Err(Distrust::Unknown)),
            (String::new(), Err(Distrust::Unknown)),
            (line("ada", B), changed()),
            (line("ada", B) + &line("ada", A), Ok(())),
            (
                line("ada", A) + &line("@revoked *", A),
                Err(Distrust::Revoked("2".to_owned())),
            ),
            (line("ada", A) + &line("@revoked *", B), Ok(())),
            (
                line("@cert-authority *", A),
                Err(Distrust::Authority("1".to_owned())),
            ),
        ] {
            assert_eq!(known(&text, "ada").check(A), outcome, "{text}");
        }
        assert_eq!(known(&line("[ada]:2222", A), "[ada]:2222").check(A), Ok(()));
    }

    #[test]
    fn names_that_ssh_keygen_has_hashed_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        for host in ["ada", "[ada]:2222"] {
            std::fs::write(&file, format!("{host} ssh-ed25519 {A}\n")).unwrap();
            let mut hash = Command::new("ssh-keygen");
            assert!(
                hash.arg("-qHf")
                    .arg(&file)
                    .output()
                    .unwrap()
                    .status
                    .success()
            );
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("|1|"), "{text}");
            assert_eq!(known(&text, host).check(A), Ok(()));
            assert_eq!(known(&text, "bob").check(A), Err(Distrust::Unknown));
            // As somebody writes it in a configuration.
            let shouted = host.to_uppercase();
            assert_eq!(known(&text, &shouted).check(A), Ok(()));
        }
        for nonsense in ["|1|", "|2|a|b", "|1|?|b", "|1|a|b|c", "|"] {
            let text = format!("{nonsense} ssh-ed25519 {A}\n");
            assert_eq!(known(&text, "ada").check(A), Err(Distrust::Unknown));
        }
    }

    #[test]
    fn a_host_with_a_port_of_its_own_may_be_known_by_its_name_alone() {
        let line = |names: &str, key: &str| format!("{names} ssh-ed25519 {key}\n");
        let check = |text: &str| known_also(text, "[ada]:2222", Some("ada")).check(A);
        assert_eq!(check(&line("ada", A)), Ok(()));
        assert_eq!(check(&line("[bob]:2222", A)), Err(Distrust::Unknown));
        // Another machine behind one name.
        assert_eq!(check(&line("ada", B)), Err(Distrust::Unknown));
        // What is known of the port counts alone.
        let both = line("ada", A) + &line("[ada]:2222", B);
        assert_eq!(check(&both), Err(Distrust::Changed("2".to_owned())));
        let revoked = line("ada", A) + &line("@revoked ada", A);
        assert_eq!(check(&revoked), Err(Distrust::Revoked("2".to_owned())));
        // With an alias there is no other name.
        let alias = known_also(&line("ada", A), "[ada]:2222", None);
        assert_eq!(alias.check(A), Err(Distrust::Unknown));
    }

    #[test]
    fn the_kinds_of_key_that_are_known_are_asked_for_first() {
        let text = format!("ada ssh-rsa {A}\n@revoked ada ssh-ed25519 {B}\n");
        let algorithms = known(&text, "ada").algorithms();
        assert_eq!(
            algorithms[..3],
            ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]
        );
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
