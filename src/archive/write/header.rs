//! The blocks before a member's content.
//!
//! A name goes into the ustar fields if it fits. A longer one is a PAX record if it is ASCII; else it is a
//! GNU long name (`L`, `K`), because a PAX path is UTF-8 by definition: readers convert it to their locale
//! and warn about what they cannot convert, while they take GNU's names byte for byte.

use std::io;
use std::os::unix::ffi::OsStrExt as _;

use crate::archive::pax::record;
use crate::archive::{Kind, Member, acl};

/// The largest number that seven octal digits hold.
const SEVEN_DIGITS: u64 = 0o777_7777;
/// The largest number that eleven octal digits hold.
const ELEVEN_DIGITS: u64 = 0o777_7777_7777;

/// The headers of `member`, of which `stored` bytes follow.
pub fn plain(member: &Member, stored: u64) -> io::Result<Vec<u8>> {
    let mut path = member.path.as_os_str().as_bytes().to_vec();
    if member.kind == Kind::Dir {
        path.push(b'/');
    }
    let mut headers = Headers::default();
    let name = headers.path(path);
    headers.finish(member, &name, stored)
}

/// The headers of a file with holes, of which `stored` bytes follow, the map included.
pub fn sparse(member: &Member, stored: u64) -> io::Result<Vec<u8>> {
    let mut headers = Headers::default();
    let path = member.path.as_os_str().as_bytes();
    record(b"GNU.sparse.major", b"1", &mut headers.pax);
    record(b"GNU.sparse.minor", b"0", &mut headers.pax);
    let size = member.size.to_string();
    record(b"GNU.sparse.realsize", size.as_bytes(), &mut headers.pax);
    // A reader that does not know sparse files should not take the map for the file; but a record may hold
    // only names that are safe in one.
    let name = if path.is_ascii() {
        record(b"GNU.sparse.name", path, &mut headers.pax);
        beside("GNUSparseFile.0", member)
    } else {
        headers.path(path.to_vec())
    };
    headers.finish(member, &name, stored)
}

/// What comes before the member's own block.
#[derive(Default)]
struct Headers {
    /// GNU long names, whole.
    long: Vec<u8>,
    /// PAX records.
    pax: Vec<u8>,
}

impl Headers {
    /// Finds a way to say `path`; gives the bytes for the member's own block, split by
    /// [`set_name`] if they are longer than its first field.
    fn path(&mut self, path: Vec<u8>) -> Vec<u8> {
        if split(&path).is_some() {
            return path;
        }
        if path.is_ascii() {
            record(b"path", &path, &mut self.pax);
        } else {
            long(b'L', &path, &mut self.long);
        }
        path[..100].to_vec()
    }

    fn finish(mut self, member: &Member, name: &[u8], stored: u64) -> io::Result<Vec<u8>> {
        let mut header = tar::Header::new_ustar();
        set_name(&mut header, name);
        header.set_entry_type(match member.kind {
            Kind::File => tar::EntryType::Regular,
            Kind::Dir => tar::EntryType::Directory,
            Kind::Symlink(_) => tar::EntryType::Symlink,
            Kind::HardLink(_) => tar::EntryType::Link,
            Kind::Fifo => tar::EntryType::Fifo,
            Kind::CharDevice(..) => tar::EntryType::Char,
            Kind::BlockDevice(..) => tar::EntryType::Block,
        });
        header.set_mode(member.mode);
        for (key, number) in [("uid", member.uid), ("gid", member.gid)] {
            if u64::from(number) > SEVEN_DIGITS {
                record(key.as_bytes(), number.to_string().as_bytes(), &mut self.pax);
            }
        }
        header.set_uid(u64::from(member.uid));
        header.set_gid(u64::from(member.gid));
        if stored > ELEVEN_DIGITS {
            record(b"size", stored.to_string().as_bytes(), &mut self.pax);
        }
        header.set_size(stored);
        self.time(member, &mut header);
        match &member.kind {
            Kind::Symlink(target) => self.link(target.as_bytes(), &mut header),
            Kind::HardLink(first) => self.link(first.as_os_str().as_bytes(), &mut header),
            Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => {
                header.set_device_major(*major)?;
                header.set_device_minor(*minor)?;
            }
            _ => {}
        }
        if let Some(ustar) = header.as_ustar_mut() {
            for (key, text, field) in [
                ("uname", &member.user, &mut ustar.uname),
                ("gname", &member.group, &mut ustar.gname),
            ] {
                let text = text.as_bytes();
                if text.len() < field.len() {
                    field[..text.len()].copy_from_slice(text);
                } else if text.is_ascii() {
                    record(key.as_bytes(), text, &mut self.pax);
                }
            }
        }
        self.extended(member);
        header.set_cksum();
        let mut blocks = Vec::with_capacity(2048);
        if !self.pax.is_empty() {
            let own = beside("PaxHeaders", member);
            auxiliary(b'x', &own, &self.pax, &mut blocks);
        }
        blocks.extend_from_slice(&self.long);
        blocks.extend_from_slice(header.as_bytes());
        Ok(blocks)
    }

    /// The field holds whole seconds since 1970; anything else needs a record.
    fn time(&mut self, member: &Member, header: &mut tar::Header) {
        let time = member.mtime;
        let field = u64::try_from(time.seconds).unwrap_or(0).min(ELEVEN_DIGITS);
        header.set_mtime(field);
        let fits = i64::try_from(field).is_ok_and(|field| field == time.seconds);
        if fits && time.nanos == 0 {
            return;
        }
        // As a signed decimal: a quarter before 1970 is -0.25, not -1.75.
        let before = time.seconds < 0 && time.nanos > 0;
        let (sign, whole, nanos) = if before {
            let whole = (time.seconds + 1).unsigned_abs();
            ("-", whole, 1_000_000_000 - time.nanos)
        } else {
            let sign = if time.seconds < 0 { "-" } else { "" };
            (sign, time.seconds.unsigned_abs(), time.nanos)
        };
        let fraction = format!("{nanos:09}");
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        let text = format!("{sign}{whole}{dot}{fraction}");
        record(b"mtime", text.as_bytes(), &mut self.pax);
    }

    fn link(&mut self, target: &[u8], header: &mut tar::Header) {
        let Some(ustar) = header.as_ustar_mut() else {
            return;
        };
        let count = target.len().min(ustar.linkname.len());
        ustar.linkname[..count].copy_from_slice(&target[..count]);
        if count == target.len() {
            return;
        }
        if target.is_ascii() {
            record(b"linkpath", target, &mut self.pax);
        } else {
            long(b'K', target, &mut self.long);
        }
    }

    /// Access control lists as text, everything else as it is.
    fn extended(&mut self, member: &Member) {
        for (name, value) in &member.extended {
            let name = name.as_bytes();
            let list = match name {
                b"system.posix_acl_access" => Some("SCHILY.acl.access"),
                b"system.posix_acl_default" => Some("SCHILY.acl.default"),
                _ => None,
            };
            if let (Some(key), Some(text)) = (list, acl::to_text(value)) {
                record(key.as_bytes(), text.as_bytes(), &mut self.pax);
                continue;
            }
            // GNU tar's escapes; the name ends at the first `=`.
            let mut key = b"SCHILY.xattr.".to_vec();
            for &byte in name {
                match byte {
                    b'=' => key.extend_from_slice(b"%3D"),
                    b'%' => key.extend_from_slice(b"%25"),
                    _ => key.push(byte),
                }
            }
            record(&key, value, &mut self.pax);
        }
    }
}

/// Puts a name into the ustar fields.
fn set_name(header: &mut tar::Header, name: &[u8]) {
    let Some(ustar) = header.as_ustar_mut() else {
        return;
    };
    let (prefix, name) = split(name).unwrap_or((b"", &name[..name.len().min(100)]));
    ustar.prefix[..prefix.len()].copy_from_slice(prefix);
    ustar.name[..name.len()].copy_from_slice(name);
}

/// Prefix and name for the ustar fields: cut at a slash, at most 155 and 100 bytes. `None` if there is
/// no such cut.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    let slash = path.iter().enumerate().position(|(at, &byte)| {
        byte == b'/' && at > 0 && (1..=100).contains(&(path.len() - at - 1))
    })?;
    (slash <= 155).then(|| (&path[..slash], &path[slash + 1..]))
}

/// A name for a block that only readers without PAX extract: `FOLDER/` and the member's own name.
fn beside(folder: &str, member: &Member) -> Vec<u8> {
    let mut name = format!("{folder}/").into_bytes();
    let own = member.path.file_name().unwrap_or_default().as_bytes();
    let plain = |byte: &u8| if byte.is_ascii_graphic() { *byte } else { b'_' };
    name.extend(own.iter().take(99 - name.len()).map(plain));
    name
}

/// A GNU long name.
fn long(kind: u8, name: &[u8], out: &mut Vec<u8>) {
    let mut text = name.to_vec();
    text.push(0);
    auxiliary(kind, b"././@LongLink", &text, out);
}

/// A block with `text` behind it that says something about the next member.
fn auxiliary(kind: u8, name: &[u8], text: &[u8], out: &mut Vec<u8>) {
    let mut header = tar::Header::new_ustar();
    set_name(&mut header, name);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(text.len() as u64);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(text);
    out.resize(out.len().next_multiple_of(512), 0);
}
