//! POSIX access control lists: the kernel's bytes (`system.posix_acl_access`) and the text that tar headers
//! carry (`SCHILY.acl.access`), with users and groups by number so that every reader understands it.
//!
//! The bytes: version 2 as a little-endian u32, then per entry tag u16, permissions u16, id u32
//! (`linux/posix_acl_xattr.h`). The text: `user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::r--`.

const VERSION: u32 = 2;

/// Tags of the kernel and how the text calls them; whether an id belongs to them.
const TAGS: [(u16, &str, bool); 6] = [
    (0x01, "user", false),
    (0x02, "user", true),
    (0x04, "group", false),
    (0x08, "group", true),
    (0x10, "mask", false),
    (0x20, "other", false),
];

/// What the kernel writes for "no id".
const NO_ID: u32 = u32::MAX;

/// The text for the kernel's bytes; `None` if they are not understood.
pub fn to_text(bytes: &[u8]) -> Option<String> {
    let (version, entries) = bytes.split_at_checked(4)?;
    if u32::from_le_bytes(version.try_into().ok()?) != VERSION || entries.len() % 8 != 0 {
        return None;
    }
    let mut text = String::new();
    for entry in entries.chunks_exact(8) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        let permissions = u16::from_le_bytes([entry[2], entry[3]]);
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        let &(_, word, named) = TAGS.iter().find(|known| known.0 == tag)?;
        if permissions > 7 {
            return None;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(word);
        text.push(':');
        if named {
            text.push_str(&id.to_string());
        }
        text.push(':');
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if permissions & bit == 0 { '-' } else { letter });
        }
    }
    Some(text)
}

/// The kernel's bytes for `text`; `None` if it is not understood, which names of users are not, unless
/// their number follows as a fourth field.
pub fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut entries = Vec::new();
    for entry in text.split([',', '\n']).map(str::trim) {
        if entry.is_empty() || entry.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = entry.split(':').collect();
        let [word, name, letters, rest @ ..] = &fields[..] else {
            return None;
        };
        let word = match *word {
            "u" => "user",
            "g" => "group",
            "m" => "mask",
            "o" => "other",
            word => word,
        };
        let &(tag, _, named) = TAGS
            .iter()
            .find(|known| known.1 == word && known.2 != name.is_empty())?;
        let id = if named {
            let number = name.parse().ok();
            number.or_else(|| rest.first()?.parse().ok())?
        } else {
            NO_ID
        };
        let mut permissions = 0u16;
        for letter in letters.bytes() {
            permissions |= match letter {
                b'r' => 4,
                b'w' => 2,
                b'x' => 1,
                b'-' => 0,
                _ => return None,
            };
        }
        entries.push((tag, id, permissions));
    }
    entries.sort_unstable(); // the kernel's order
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, id, permissions) in entries {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&permissions.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_survives_as_text() {
        let text = "user::rwx,user:1000:r-x,group::r--,group:5:-w-,mask::rwx,other::---";
        let bytes = from_text(text.as_bytes()).unwrap();
        assert_eq!(to_text(&bytes).unwrap(), text);
        assert_eq!(bytes.len(), 4 + 6 * 8);
    }

    #[test]
    fn texts_of_other_writers_are_read() {
        let ours = from_text(b"user::rwx,user:7:r-x,group::r--,mask::rwx,other::---");
        for theirs in [
            "user::rwx\nuser:joe:r-x:7\ngroup::r--\nmask::rwx\nother::---\n",
            "u::rwx,g::r--,u:7:r-x,m::rwx,o::",
        ] {
            assert_eq!(from_text(theirs.as_bytes()), ours, "{theirs}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["user:joe:r-x", "nobody::r", "user", "user::q", "mask:3:rwx"] {
            assert_eq!(from_text(text.as_bytes()), None, "{text}");
        }
        for bytes in [&b""[..], b"\x01\0\0\0", b"\x02\0\0\0\x01\0\x07"] {
            assert_eq!(to_text(bytes), None, "{bytes:?}");
        }
    }
}
