//! Which host keys are known: `known_hosts(5)`, strictly.
//!
//! A key is trusted only if a line names the host and has exactly this key, and no line revokes it. Names may be
//! hashed. Certificates are not understood: a host that only a `@cert-authority` line vouches for is not trusted,
//! and that is said.

use std::io;
use std::path::{Path, PathBuf};

use ssh2::{CheckResult, KnownHostFileKind, Session};

use super::ssh_config::wildcard;

use crate::event::printable_path;

/// A kind of key, and the algorithms in which it is used.
type Row = (&'static str, &'static [&'static str]);

/// What the files say.
pub(super) struct KnownHosts {
    lines: Vec<Line>,
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
    /// The lines of `files` that name `host`, which is `[name]:port` unless the port is 22. Files that do not
    /// exist say nothing.
    pub(super) fn read(files: &[PathBuf], host: &str) -> io::Result<Self> {
        let mut lines = Vec::new();
        for file in files {
            let text = match std::fs::read(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            for (at, line) in String::from_utf8_lossy(&text).lines().enumerate() {
                let place = format!("{}:{}", printable_path(file), at + 1);
                lines.extend(named(line, host, place));
            }
        }
        let file = files.first().cloned().unwrap_or_default();
        Ok(Self { lines, file })
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
        let known = |name: &str| {
            let plain = |line: &&Line| line.marker.is_none();
            self.lines
                .iter()
                .filter(plain)
                .any(|line| line.algorithm == name)
        };
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
        if let Some(line) = marked("@revoked").find(|line| line.key == key) {
            return Err(Distrust::Revoked(line.place.clone()));
        }
        let plain = || self.lines.iter().filter(|line| line.marker.is_none());
        if plain().any(|line| line.key == key) {
            return Ok(());
        }
        if let Some(line) = plain().next() {
            return Err(Distrust::Changed(line.place.clone()));
        }
        match marked("@cert-authority").next() {
            Some(line) => Err(Distrust::Authority(line.place.clone())),
            None => Err(Distrust::Unknown),
        }
    }
}

/// The line, if it names `host`.
fn named(line: &str, host: &str, place: String) -> Option<Line> {
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
        hashed(names, host)
    } else {
        let mut found = false;
        for name in names.split(',') {
            match name.strip_prefix('!') {
                Some(not) if wildcard(not, host) => return None,
                Some(_) => {}
                None => found |= wildcard(name, host),
            }
        }
        found
    };
    fits.then(|| Line {
        marker,
        algorithm: algorithm.to_owned(),
        key: key.to_owned(),
        place,
    })
}

/// Whether `host` is behind the hashed name. libssh2 knows how; the key does not matter.
fn hashed(name: &str, host: &str) -> bool {
    const KEY: [u8; 51] = [0; 51];
    let look = || -> Result<CheckResult, ssh2::Error> {
        let mut known = Session::new()?.known_hosts()?;
        known.read_str(
            &format!("{name} ssh-ed25519 {}", base64(&KEY)),
            KnownHostFileKind::OpenSSH,
        )?;
        Ok(known.check(host, &KEY))
    };
    matches!(look(), Ok(CheckResult::Match))
}

/// `bytes` in base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        std::fs::write(&file, text).unwrap();
        let mut known = KnownHosts::read(&[file, dir.path().join("none")], host).unwrap();
        for line in &mut known.lines {
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
        }
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
