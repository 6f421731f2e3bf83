//! Writing a manifest, entry by entry.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::vis::escape;
use super::{Coverage, Entry, Header, Place};
use crate::archive::{Kind, Member, Timestamp};

/// What `/set` said last.
#[derive(PartialEq, Eq, Clone)]
struct Defaults {
    uid: u32,
    gid: u32,
    user: OsString,
    group: OsString,
}

/// Writes a manifest's text to `W`, in the order in which entries come.
pub struct ManifestWriter<W: Write> {
    out: W,
    line: Vec<u8>,
    defaults: Option<Defaults>,
    /// The path of the entry before.
    last: Vec<u8>,
    entries: u64,
}

impl<W: Write> ManifestWriter<W> {
    /// Begins the manifest with `header`. What is written to `out` is plain text; pack it with gzip.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        let mut text = b"#mtree\n# cback-manifest 1\n".to_vec();
        let mut fact = |key: &str, value: &[u8]| {
            text.extend_from_slice(b"# ");
            text.extend_from_slice(key.as_bytes());
            text.push(b'=');
            escape(value, &mut text);
            text.push(b'\n');
        };
        fact("source", header.source.as_os_str().as_bytes());
        fact("name", header.name.as_bytes());
        fact("day", header.day.to_string().as_bytes());
        fact("created", stamp(header.created).as_bytes());
        fact(
            "coverage",
            match header.coverage {
                Coverage::Full => b"full",
                Coverage::Incremental => b"incremental",
            },
        );
        fact("archive", header.archive.as_bytes());
        if let Some(whole) = &header.whole {
            fact("whole", whole.as_bytes());
        }
        for part in &header.parts {
            fact("part", part.as_bytes());
        }
        out.write_all(&text)?;
        Ok(Self {
            out,
            line: Vec::new(),
            defaults: None,
            last: Vec::new(),
            entries: 0,
        })
    }

    /// Writes `entry`.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.line.clear();
        let member = &entry.member;
        self.lead_to(&member.path);
        self.set(member);
        let line = &mut self.line;
        name(&member.path, line);
        line.extend_from_slice(match member.kind {
            Kind::File | Kind::HardLink(_) => b"",
            Kind::Dir => b" type=dir",
            Kind::Symlink(_) => b" type=link",
            Kind::Fifo => b" type=fifo",
            Kind::CharDevice(..) => b" type=char",
            Kind::BlockDevice(..) => b" type=block",
        });
        write!(line, " mode={:04o}", member.mode)?;
        match &member.kind {
            Kind::File | Kind::HardLink(_) => write!(line, " size={}", member.size)?,
            Kind::Symlink(target) => {
                line.extend_from_slice(b" link=");
                escape(target.as_bytes(), line);
            }
            Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => {
                write!(line, " device=native,{major},{minor}")?;
            }
            Kind::Dir | Kind::Fifo => {}
        }
        write!(line, " time={} nlink={}", stamp(member.mtime), entry.links)?;
        if let Some(digest) = &entry.digest {
            line.extend_from_slice(b" sha256digest=");
            line.extend_from_slice(&digest.hex());
        }
        line.extend_from_slice(b" tags=");
        if let Kind::HardLink(first) = &member.kind {
            line.extend_from_slice(b"link:");
            escape(first.as_os_str().as_bytes(), line);
            line.push(b',');
        }
        match &entry.place {
            Place::Missing(reason) => {
                line.extend_from_slice(b"unsaved:");
                escape(reason.as_bytes(), line);
            }
            Place::Whole(stored) | Place::Torn(stored, _) => {
                write!(line, "in:{}/", stored.day)?;
                escape(stored.archive.as_bytes(), line);
                if let Place::Torn(_, reason) = &entry.place {
                    line.extend_from_slice(b",torn:");
                    escape(reason.as_bytes(), line);
                }
            }
        }
        line.push(b'\n');
        self.entries += 1;
        self.last.clear();
        self.last
            .extend_from_slice(member.path.as_os_str().as_bytes());
        self.out.write_all(&self.line)
    }

    /// Writes the last line and gives `out` back, not flushed.
    pub fn finish(mut self) -> io::Result<W> {
        writeln!(self.out, "# entries={}", self.entries)?;
        Ok(self.out)
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Writes a line for each directory above `path`, unless the entry before was led through the same
    /// ones: mtree(8) wants the way to every path.
    fn lead_to(&mut self, path: &Path) {
        let Some(parent) = path.parent() else { return };
        let (last, above) = (self.last.as_slice(), parent.as_os_str().as_bytes());
        let known = self.entries > 0
            && last.starts_with(above)
            && (above.is_empty() || matches!(last.get(above.len()), None | Some(b'/')));
        if known {
            return;
        }
        let mut dirs: Vec<&Path> = path.ancestors().skip(1).collect();
        dirs.reverse();
        for dir in dirs {
            name(dir, &mut self.line);
            self.line.extend_from_slice(b" type=dir tags=above\n");
        }
    }

    /// Writes `/set` when owner or group differ from what it said last.
    fn set(&mut self, member: &Member) {
        let same = self.defaults.as_ref().is_some_and(|last| {
            (last.uid, last.gid) == (member.uid, member.gid)
                && (&last.user, &last.group) == (&member.user, &member.group)
        });
        if same {
            return;
        }
        let line = &mut self.line;
        let owner = format!("/set type=file uid={} gid={}\n", member.uid, member.gid);
        line.extend_from_slice(owner.as_bytes());
        for (key, value) in [("uname", &member.user), ("gname", &member.group)] {
            if value.is_empty() {
                line.extend_from_slice(format!("/unset {key}\n").as_bytes());
            } else {
                line.extend_from_slice(format!("/set {key}=").as_bytes());
                escape(value.as_bytes(), line);
                line.push(b'\n');
            }
        }
        self.defaults = Some(Defaults {
            uid: member.uid,
            gid: member.gid,
            user: member.user.clone(),
            group: member.group.clone(),
        });
    }
}

/// `./etc/passwd`, escaped; the root is `.`.
fn name(path: &Path, line: &mut Vec<u8>) {
    line.push(b'.');
    let path = path.as_os_str();
    if !path.is_empty() && path != OsStr::new(".") {
        line.push(b'/');
        escape(path.as_bytes(), line);
    }
}

/// Seconds, a dot, nine digits.
fn stamp(time: Timestamp) -> String {
    format!("{}.{:09}", time.seconds, time.nanos)
}
