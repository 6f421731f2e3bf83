//! Reading a manifest, entry by entry, without believing it.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::lines::Lines;
use super::vis::unescape;
use super::{Coverage, Entry, Header, ManifestError, Place, Stored};
use crate::archive::member::LONGEST_PATH;
use crate::archive::{Kind, Member, Timestamp};
use crate::units::{Day, Digest};

/// A longer header is damage: the names of a hundred thousand parts are well below.
const LONGEST_HEADER: usize = 8 << 20;
/// No file system has longer names.
const LONGEST_NAME: usize = 255;

/// Reads a packed manifest from `R`, entry by entry, in the order in which they were written.
pub struct ManifestReader<R: Read> {
    lines: Lines<R>,
    header: Header,
    /// The first line behind the header.
    pending: bool,
    defaults: Defaults,
    stored: Option<Arc<Stored>>,
    entries: u64,
    ended: bool,
}

/// What `/set` said last.
#[derive(Default)]
struct Defaults {
    uid: u32,
    gid: u32,
    user: OsString,
    group: OsString,
}

impl<R: Read> ManifestReader<R> {
    /// Begins to read the gzip'd manifest `packed`, up to the end of its header.
    pub fn new(packed: R) -> Result<Self, ManifestError> {
        let mut lines = Lines::new(packed);
        for expected in ["#mtree", "# cback-manifest 1"] {
            if !lines.next()? || lines.line != expected.as_bytes() {
                let text = format!("its first lines lack `{expected}`");
                return Err(ManifestError::Incompatible(text));
            }
        }
        let header = header(&mut lines)?;
        Ok(Self {
            lines,
            header,
            pending: true,
            defaults: Defaults::default(),
            stored: None,
            entries: 0,
            ended: false,
        })
    }

    /// What the manifest is about.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next entry; `None` after the last one of a manifest that is complete.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ManifestError> {
        while !self.ended {
            if !std::mem::take(&mut self.pending) && !self.lines.next()? {
                return Err(ManifestError::Truncated(self.lines.number));
            }
            if let Some(comment) = self.lines.line.strip_prefix(b"#") {
                if let Some(count) = comment.strip_prefix(b" entries=") {
                    if number::<u64>(count) != Some(self.entries) {
                        let text = format!("it does not count {} entries", self.entries);
                        return Err(self.lines.corrupt(text));
                    }
                    self.ended = true;
                    // The end of the packed stream holds the checksum of all.
                    if self.lines.next()? {
                        return Err(self.lines.corrupt("something follows its end".to_owned()));
                    }
                    break;
                }
                continue;
            }
            if self.lines.line.is_empty() {
                continue;
            }
            let entry = self.entry();
            match entry {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    self.entries += 1;
                    return Ok(Some(entry));
                }
                Err(reason) => return Err(self.lines.corrupt(reason)),
            }
        }
        Ok(None)
    }

    /// The entry of the current line, if it is one; what is wrong with it.
    fn entry(&mut self) -> Result<Option<Entry>, String> {
        let mut words = self.lines.line.split(|&byte| byte == b' ');
        let first = words.next().unwrap_or_default();
        if matches!(first, b"/set" | b"/unset") {
            for word in words {
                self.defaults.set(word)?;
            }
            return Ok(None);
        }
        let mut entry = Entry {
            member: Member {
                path: path(first)?,
                kind: Kind::File,
                mode: 0,
                uid: self.defaults.uid,
                gid: self.defaults.gid,
                user: self.defaults.user.clone(),
                group: self.defaults.group.clone(),
                mtime: Timestamp::default(),
                size: 0,
                extended: Vec::new(),
            },
            links: 1,
            digest: None,
            place: Place::Missing("its place is not known".to_owned()),
        };
        let mut kind: &[u8] = b"file";
        let (mut target, mut device) = (None, None);
        for word in words {
            let mut halves = word.splitn(2, |&byte| byte == b'=');
            let (key, value) = (
                halves.next().unwrap_or_default(),
                halves.next().unwrap_or_default(),
            );
            let fault = || format!("`{}` is not sound", word.escape_ascii());
            match key {
                b"type" => kind = value,
                b"mode" => {
                    let text = std::str::from_utf8(value).map_err(|_| fault())?;
                    entry.member.mode = u32::from_str_radix(text, 8).map_err(|_| fault())? & 0o7777;
                }
                b"size" => entry.member.size = number(value).ok_or_else(fault)?,
                b"time" => entry.member.mtime = stamp(value).ok_or_else(fault)?,
                b"nlink" => entry.links = number(value).ok_or_else(fault)?,
                b"link" => target = Some(OsString::from_vec(unescape(value).ok_or_else(fault)?)),
                b"device" => device = Some(numbers(value).ok_or_else(fault)?),
                b"sha256digest" => entry.digest = Some(Digest::from_hex(value).ok_or_else(fault)?),
                b"tags" if value == b"above" => return Ok(None),
                b"tags" => tags(value, &mut entry, &mut self.stored).ok_or_else(fault)?,
                _ => {}
            }
        }
        let fault = |what: &str| Err(format!("it has no {what}"));
        entry.member.kind = match (kind, target, device) {
            (b"file", ..) => std::mem::replace(&mut entry.member.kind, Kind::File),
            (b"dir", ..) => Kind::Dir,
            (b"fifo", ..) => Kind::Fifo,
            (b"link", Some(target), _) => Kind::Symlink(target),
            (b"link", ..) => return fault("link"),
            (b"char", _, Some((major, minor))) => Kind::CharDevice(major, minor),
            (b"block", _, Some((major, minor))) => Kind::BlockDevice(major, minor),
            (b"char" | b"block", ..) => return fault("device"),
            _ => return Err(format!("type `{}` is not known", kind.escape_ascii())),
        };
        if !matches!(entry.member.kind, Kind::File | Kind::HardLink(_)) {
            entry.member.size = 0;
        }
        Ok(Some(entry))
    }
}

impl<R: Read> Iterator for ManifestReader<R> {
    type Item = Result<Entry, ManifestError>;

    /// As [`ManifestReader::next_entry`]; after an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_entry().transpose();
        self.ended |= matches!(next, Some(Err(_)));
        next
    }
}

impl Defaults {
    /// Takes one word of `/set`, or a bare key of `/unset`.
    fn set(&mut self, word: &[u8]) -> Result<(), String> {
        let fault = || format!("`{}` is not sound", word.escape_ascii());
        let mut halves = word.splitn(2, |&byte| byte == b'=');
        let (key, value) = (
            halves.next().unwrap_or_default(),
            halves.next().unwrap_or_default(),
        );
        match key {
            b"uid" => self.uid = number(value).ok_or_else(fault)?,
            b"gid" => self.gid = number(value).ok_or_else(fault)?,
            b"uname" => self.user = OsString::from_vec(unescape(value).ok_or_else(fault)?),
            b"gname" => self.group = OsString::from_vec(unescape(value).ok_or_else(fault)?),
            _ => {}
        }
        Ok(())
    }
}

/// Reads `# key=value` lines and stops at the first line that is none, or is the last one.
fn header<R: Read>(lines: &mut Lines<R>) -> Result<Header, ManifestError> {
    let (mut source, mut name, mut day, mut created) = (None, None, None, None);
    let (mut coverage, mut archive, mut whole, mut parts) = (None, None, None, Vec::new());
    let mut length = 0;
    loop {
        if !lines.next()? {
            return Err(ManifestError::Truncated(lines.number));
        }
        length += lines.line.len();
        if length > LONGEST_HEADER {
            return Err(lines.corrupt("the header does not end".to_owned()));
        }
        let fact = lines.line.strip_prefix(b"# ");
        let Some(fact) = fact.filter(|fact| !fact.starts_with(b"entries=")) else {
            break;
        };
        let mut halves = fact.splitn(2, |&byte| byte == b'=');
        let key = halves.next().unwrap_or_default();
        let value = unescape(halves.next().unwrap_or_default());
        let fault = || lines.corrupt(format!("`{}` is not sound", lines.line.escape_ascii()));
        let value = value.ok_or_else(fault)?;
        match key {
            b"source" => source = Some(PathBuf::from(OsString::from_vec(value))),
            b"name" => name = Some(OsString::from_vec(value)),
            b"day" => day = Some(self::day(&value).ok_or_else(fault)?),
            b"created" => created = Some(stamp(&value).ok_or_else(fault)?),
            b"coverage" if value == b"full" => coverage = Some(Coverage::Full),
            b"coverage" if value == b"incremental" => coverage = Some(Coverage::Incremental),
            b"archive" => archive = Some(file_name(value).ok_or_else(fault)?),
            b"whole" => whole = Some(file_name(value).ok_or_else(fault)?),
            b"part" => parts.push(file_name(value).ok_or_else(fault)?),
            _ => {}
        }
    }
    let missing = |what: &str| lines.corrupt(format!("the header lacks `{what}`"));
    Ok(Header {
        source: source.ok_or_else(|| missing("source"))?,
        name: name.ok_or_else(|| missing("name"))?,
        day: day.ok_or_else(|| missing("day"))?,
        created: created.ok_or_else(|| missing("created"))?,
        coverage: coverage.ok_or_else(|| missing("coverage"))?,
        archive: archive.ok_or_else(|| missing("archive"))?,
        whole,
        parts,
    })
}

/// Takes the tags of an entry. `stored` is the archive of the entry before, which is often the same.
fn tags(value: &[u8], entry: &mut Entry, stored: &mut Option<Arc<Stored>>) -> Option<()> {
    let mut torn = None;
    for tag in value.split(|&byte| byte == b',') {
        let mut halves = tag.splitn(2, |&byte| byte == b':');
        let (key, value) = (halves.next()?, halves.next().unwrap_or_default());
        let text = || unescape(value).map(|text| String::from_utf8_lossy(&text).into_owned());
        match key {
            b"in" => {
                let day = day(value.get(..10)?)?;
                let archive = file_name(unescape(value.get(10..)?.strip_prefix(b"/")?)?)?;
                let here = Stored { day, archive };
                if stored.as_deref() != Some(&here) {
                    *stored = Some(Arc::new(here));
                }
                entry.place = Place::Whole(Arc::clone(stored.as_ref()?));
            }
            b"link" => {
                let first = PathBuf::from(OsString::from_vec(unescape(value)?));
                entry.member.kind = Kind::HardLink(sound(first)?);
            }
            b"torn" => torn = Some(text()?),
            b"unsaved" => entry.place = Place::Missing(text()?),
            _ => {}
        }
    }
    if let (Some(reason), Place::Whole(stored)) = (torn, &entry.place) {
        entry.place = Place::Torn(Arc::clone(stored), reason);
    }
    Some(())
}

/// The path that `./etc/passwd` stands for.
fn path(name: &[u8]) -> Result<PathBuf, String> {
    let fault = || format!("`{}` is not a path below the root", name.escape_ascii());
    if name == b"." {
        return Ok(PathBuf::from("."));
    }
    let bytes = name.strip_prefix(b"./").and_then(unescape);
    let path = PathBuf::from(OsString::from_vec(bytes.ok_or_else(fault)?));
    sound(path).ok_or_else(fault)
}

/// A path that is not empty or too long, has no empty component, no `.` or `..` and no NUL.
fn sound(path: PathBuf) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = path.as_os_str().as_bytes();
    let fine = bytes.len() <= LONGEST_PATH
        && !bytes.contains(&0)
        && bytes
            .split(|&byte| byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b".."));
    fine.then_some(path)
}

/// A name without a slash that leads nowhere else.
fn file_name(bytes: Vec<u8>) -> Option<OsString> {
    let fine = bytes.len() <= LONGEST_NAME && !bytes.contains(&b'/') && !bytes.contains(&0);
    (fine && !matches!(&bytes[..], b"" | b"." | b"..")).then(|| OsString::from_vec(bytes))
}

fn day(bytes: &[u8]) -> Option<Day> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// `native,MAJOR,MINOR`.
fn numbers(bytes: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (major, minor) = text.strip_prefix("native,")?.split_once(',')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Seconds, a dot, nine digits.
fn stamp(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (seconds, nanos) = text.split_once('.').unwrap_or((text, "0"));
    let nanos: u32 = nanos.parse().ok()?;
    (nanos < 1_000_000_000).then_some(Timestamp {
        seconds: seconds.parse().ok()?,
        nanos,
    })
}
