//! What extended headers say about the member that follows.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use crate::archive::member::LONGEST_PATH;
use crate::archive::pax::records;
use crate::archive::{Extended, Timestamp, acl};

/// The most extended attributes of one member that are believed; the kernel lists names in 64 KiB.
const MOST_EXTENDED: usize = 10_000;

/// Facts that overrule the header's fields. `None`: the field holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub user: Option<Vec<u8>>,
    pub group: Option<Vec<u8>>,
    pub mtime: Option<Timestamp>,
    pub extended: Extended,
    /// GNU's sparse format 1.0.
    pub sparse: bool,
    pub sparse_name: Option<Vec<u8>>,
    pub real_size: Option<u64>,
}

impl Attributes {
    /// Takes the records of `text`; says what is wrong with them.
    pub fn merge(&mut self, text: &[u8]) -> Result<(), String> {
        for record in records(text) {
            let (key, value) = record.ok_or("an extended header that is not sound")?;
            self.take(key, value).ok_or_else(|| {
                format!(
                    "extended header `{}` with `{}`",
                    key.escape_ascii(),
                    value[..value.len().min(80)].escape_ascii()
                )
            })?;
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"path" => self.path = Some(sound(value)?),
            b"linkpath" => self.link = Some(sound(value)?),
            b"size" => self.size = Some(number(value)?),
            b"uid" => self.uid = Some(number(value)?),
            b"gid" => self.gid = Some(number(value)?),
            b"uname" => self.user = Some(sound(value)?),
            b"gname" => self.group = Some(sound(value)?),
            b"mtime" => self.mtime = Some(time(value)?),
            b"GNU.sparse.major" => match value {
                b"1" => self.sparse = true,
                _ => return None,
            },
            b"GNU.sparse.minor" if value != b"0" => return None,
            b"GNU.sparse.name" => self.sparse_name = Some(sound(value)?),
            b"GNU.sparse.realsize" => self.real_size = Some(number(value)?),
            b"GNU.sparse.map" | b"GNU.sparse.numblocks" => return None, // formats 0.0 and 0.1
            b"SCHILY.acl.access" => self.acl(b"system.posix_acl_access", value)?,
            b"SCHILY.acl.default" => self.acl(b"system.posix_acl_default", value)?,
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.extend(decode(name), value.to_vec())?;
                }
            }
        }
        Some(())
    }

    /// A list that cannot be understood is left out: the mode holds.
    fn acl(&mut self, name: &[u8], text: &[u8]) -> Option<()> {
        if let Some(bytes) = acl::from_text(text) {
            return self.extend(name.to_vec(), bytes);
        }
        log::warn!(
            "an access control list is not understood: {}",
            text.escape_ascii()
        );
        Some(())
    }

    /// `None` if there are too many.
    fn extend(&mut self, name: Vec<u8>, value: Vec<u8>) -> Option<()> {
        let name = OsString::from_vec(name);
        self.extended.retain(|(known, _)| *known != name);
        if self.extended.len() >= MOST_EXTENDED {
            return None;
        }
        self.extended.push((name, value));
        Some(())
    }
}

/// GNU tar writes `%` and `=` in the name of an attribute as `%25` and `%3D`.
fn decode(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        let (decoded, after) = match rest.get(..3) {
            Some(b"%3D" | b"%3d") => (b'=', &rest[3..]),
            Some(b"%25") => (b'%', &rest[3..]),
            _ => (byte, after),
        };
        out.push(decoded);
        rest = after;
    }
    out
}

/// A name without NUL that is not too long.
fn sound(value: &[u8]) -> Option<Vec<u8>> {
    (value.len() <= LONGEST_PATH && !value.contains(&0)).then(|| value.to_vec())
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Decimal seconds, negative before 1970, with a fraction.
fn time(value: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let nanos: u32 = digits.parse().ok()?;
    let seconds: i64 = whole.parse().ok()?;
    Some(if whole.starts_with('-') && nanos > 0 {
        // -0.25 s is a quarter before 1970: floor and what lies behind it.
        Timestamp {
            seconds: seconds.checked_sub(1)?,
            nanos: 1_000_000_000 - nanos,
        }
    } else {
        Timestamp { seconds, nanos }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_floor_and_a_fraction() {
        for (text, expected) in [
            ("12", Some((12, 0))),
            ("12.5", Some((12, 500_000_000))),
            ("12.0000000019", Some((12, 1))),
            ("-0.25", Some((-1, 750_000_000))),
            ("-2", Some((-2, 0))),
            ("x", None),
            ("1.-5", None),
            ("-9223372036854775808.5", None),
        ] {
            let read = time(text.as_bytes()).map(|time| (time.seconds, time.nanos));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_nothing_has_is_not_believed() {
        let record = |key: &str, value: &[u8]| {
            let mut text = Vec::new();
            crate::archive::pax::record(key.as_bytes(), value, &mut text);
            text
        };
        let path = |length: usize| record("path", &vec![b'a'; length]);
        let many = |count: usize| {
            let names = (0..count).map(|number| format!("SCHILY.xattr.user.{number}"));
            names
                .flat_map(|name| record(&name, b"1"))
                .collect::<Vec<u8>>()
        };
        for (text, sound) in [
            (path(LONGEST_PATH), true),
            (path(LONGEST_PATH + 1), false),
            (many(MOST_EXTENDED), true),
            (many(MOST_EXTENDED + 1), false),
            (record("linkpath", b"a\0b"), false),
        ] {
            assert_eq!(Attributes::default().merge(&text).is_ok(), sound);
        }
    }

    #[test]
    fn attribute_names_lose_their_escapes() {
        assert_eq!(decode(b"user.a%3Db%25c%zz"), b"user.a=b%c%zz");
    }
}
