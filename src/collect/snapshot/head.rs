//! The head of a snapshot: lines `key=value`, a digest of them, and newlines up to a fixed length.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::archive::Timestamp;
use crate::archive::manifest::{escape, unescape};
use crate::units::{Day, Digest, Proof};

/// Bytes of a head.
pub(super) const HEAD: usize = 4096;

/// A file that a collection put into the collect directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: OsString,
    /// Digest of its bytes.
    pub proof: Proof,
}

/// What a snapshot is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The day of the collection.
    pub day: Day,
    /// The day of the full collection on which it builds.
    pub full: Day,
    /// When it began; later than every collection of the same day before it.
    pub created: Timestamp,
    /// In which day's directory the master staged it, if it was staged and the master said so.
    pub staged: Option<Day>,
    /// Its manifest.
    pub manifest: Output,
    /// Its archive, if something had to be stored.
    pub archive: Option<Output>,
    /// Digest of the packed records.
    pub body: Proof,
}

impl Head {
    /// The head as bytes, [`HEAD`] of them.
    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        let created = self.created;
        let mut text = format!(
            "cback-snapshot 1\nday={}\nfull={}\ncreated={}.{:09}\nbody={}\n",
            self.day, self.full, created.seconds, created.nanos, self.body
        )
        .into_bytes();
        if let Some(staged) = self.staged {
            text.extend_from_slice(format!("staged={staged}\n").as_bytes());
        }
        for (key, output) in [
            ("manifest", Some(&self.manifest)),
            ("archive", self.archive.as_ref()),
        ] {
            if let Some(output) = output {
                text.extend_from_slice(format!("{key}={} ", output.proof).as_bytes());
                escape(output.name.as_bytes(), &mut text);
                text.push(b'\n');
            }
        }
        let sum = Digest::of(&text);
        text.extend_from_slice(format!("sum={sum}\n").as_bytes());
        if text.len() > HEAD {
            return Err(io::Error::other("names too long for a snapshot"));
        }
        text.resize(HEAD, b'\n');
        Ok(text)
    }

    /// Reads a head; says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let damaged = || "damaged: its head is not sound".to_owned();
        if text.len() != HEAD {
            return Err("cut short".to_owned());
        }
        if !text.starts_with(b"cback-snapshot 1\n") {
            return Err("not of a version that is known".to_owned());
        }
        let end = text.windows(5).position(|five| five == b"\nsum=");
        let end = end.ok_or_else(damaged)? + 1;
        let sum = text.get(end + 4..end + 68).and_then(Digest::from_hex);
        if sum != Some(Digest::of(&text[..end])) {
            return Err(damaged());
        }
        let lines = || text[..end].split(|&byte| byte == b'\n');
        let value = |key: &[u8]| {
            lines().find_map(|line| {
                line.strip_prefix(key)
                    .and_then(|rest| rest.strip_prefix(b"="))
            })
        };
        let words = |key: &[u8]| std::str::from_utf8(value(key)?).ok();
        let output = |key: &[u8]| {
            let value = value(key)?;
            let (proof, name) = value.split_at(value.iter().position(|&byte| byte == b' ')?);
            Some(Output {
                name: OsString::from_vec(unescape(&name[1..])?),
                proof: std::str::from_utf8(proof).ok()?.parse().ok()?,
            })
        };
        let read = || {
            let (seconds, nanos) = words(b"created")?.split_once('.')?;
            Some(Self {
                day: words(b"day")?.parse().ok()?,
                full: words(b"full")?.parse().ok()?,
                created: Timestamp {
                    seconds: seconds.parse().ok()?,
                    nanos: nanos.parse().ok()?,
                },
                staged: match words(b"staged") {
                    Some(day) => Some(day.parse().ok()?),
                    None => None,
                },
                manifest: output(b"manifest")?,
                archive: output(b"archive"),
                body: words(b"body")?.parse().ok()?,
            })
        };
        read().ok_or_else(damaged)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::Blake3;

    fn head() -> Head {
        let output = |name: &[u8], proof| Output {
            name: OsString::from_vec(name.to_vec()),
            proof,
        };
        Head {
            day: "2026-11-21".parse().unwrap(),
            full: "2026-11-16".parse().unwrap(),
            created: Timestamp {
                seconds: 5,
                nanos: 7,
            },
            staged: Some("2026-11-22".parse().unwrap()),
            manifest: output(b"a \n\xff.mtree.gz", Digest::of(b"a").into()),
            archive: Some(output(&[0xff; 255], Proof::Blake3(Blake3::of(b"b")))),
            body: Digest::of(b"body").into(),
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_written_and_no_flipped_bit_is_believed() {
        let text = head().text().unwrap();
        assert_eq!(Head::parse(&text).unwrap(), head());
        let end = text.iter().rposition(|&byte| byte != b'\n').unwrap();
        for at in 0..end {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            assert!(Head::parse(&damaged).is_err(), "{at}");
        }
        assert!(Head::parse(&text[..end]).is_err());
    }
}
