//! A session: the tree that was on the disc, plus days, plus `README.txt`.
//!
//! Contents are numbered in the order in which they are read and laid out: the text for people, then each
//! day's files, then that day's `SHA256SUMS`. Its length is known beforehand, since a digest always has 64
//! digits; its bytes are made when it is asked for, from the digests of the files that were just read.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::kept::Kept;
use super::readme;
use super::staged::{StagedDay, What};
use crate::iso9660::{Content, Meta, Time, Tree, TreeError};
use crate::sums::{self, Digest, Hasher, Proof, Seeing, Seen, Sums};

/// A day to be stored and what of it is on the disc already.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub day: &'a StagedDay,
    pub kept: &'a Kept,
}

/// A tree to be laid out, and where its new contents come from.
pub(super) struct Session {
    /// The days, in the order of their index in [`Source`].
    pub days: Vec<Day>,
    /// By number.
    pub sources: Vec<Source>,
}

/// What a session knows about a day.
pub(super) struct Day {
    /// Digests that are known without reading: of files that stay where they are on the disc.
    known: Sums,
}

/// A new content.
pub(super) struct Source {
    /// Where it goes on the disc.
    pub on_disc: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Where its bytes come from.
    pub origin: Origin,
    /// What was seen of it, when it has been read.
    pub read: RefCell<Option<Seen>>,
}

/// Where bytes come from.
pub(super) enum Origin {
    /// A text.
    Text(Vec<u8>),
    /// A staged file.
    Staged {
        /// The index of its day.
        day: usize,
        /// Its path in the daily directory.
        name: Vec<u8>,
        /// The file.
        path: PathBuf,
        /// What staging noted.
        promised: Option<Proof>,
    },
    /// The list of digests of the day of that index.
    List(usize),
}

impl Origin {
    /// What staging noted.
    fn promised(&self) -> Option<Proof> {
        match self {
            Self::Staged { promised, .. } => *promised,
            Self::Text(_) | Self::List(_) => None,
        }
    }
}

/// Facts about what we make ourselves.
fn own(mode: u32, mtime: Time) -> Meta {
    Meta {
        mode,
        uid: 0,
        gid: 0,
        mtime,
    }
}

impl Session {
    /// Puts `parts` into `tree`, which is what was on the disc.
    pub fn compose(
        tree: &mut Tree,
        parts: &[Part<'_>],
        label: &str,
        now: Time,
    ) -> Result<Self, TreeError> {
        let mut session = Self {
            days: Vec::new(),
            sources: Vec::new(),
        };
        let days: Vec<_> = parts.iter().map(|part| part.day.day()).collect();
        let text = readme::text(label, &days).into_bytes();
        clear(tree, readme::NAME);
        let bytes = text.len() as u64;
        session.add(
            tree,
            readme::NAME.into(),
            own(0o444, now),
            bytes,
            Origin::Text(text),
        )?;
        for part in parts {
            session.add_day(tree, part, now)?;
        }
        Ok(session)
    }

    /// What tells the session from others of the same run, which may be as long, and are of the same time: made of the
    /// names, lengths and promised digests of its new contents.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Hasher::default();
        for source in &self.sources {
            hasher.update(source.on_disc.as_os_str().as_bytes());
            hasher.update(&[0]);
            hasher.update(&source.bytes.to_be_bytes());
            if let Origin::Staged {
                promised: Some(promised),
                ..
            } = &source.origin
            {
                hasher.update(promised.as_bytes());
            }
        }
        let mut text = hasher.finish().to_string().to_ascii_uppercase();
        text.truncate(32);
        text
    }

    fn add(
        &mut self,
        tree: &mut Tree,
        on_disc: PathBuf,
        meta: Meta,
        bytes: u64,
        origin: Origin,
    ) -> Result<(), TreeError> {
        let content = Content::New {
            source: self.sources.len(),
            bytes,
        };
        tree.add_file(&on_disc, meta, content)?;
        // An empty file is never opened.
        let read = (bytes == 0).then(|| Seeing::new(origin.promised()).finish());
        self.sources.push(Source {
            on_disc,
            bytes,
            origin,
            read: RefCell::new(read),
        });
        Ok(())
    }

    /// The day's directory keeps what it has on the disc and staging no longer has: an earlier session of
    /// the same day may be the only place where that is.
    fn add_day(&mut self, tree: &mut Tree, part: &Part<'_>, now: Time) -> Result<(), TreeError> {
        let Part { day, kept } = part;
        let at = self.days.len();
        let root = day.day().path();
        let mut above = PathBuf::new();
        for component in root.components() {
            above.push(component);
            if tree.lookup(&above).is_none_or(|node| !node.is_directory()) {
                clear(tree, &above);
                tree.make_dir(&above, own(0o555, now))?;
            }
        }
        tree.make_dir(&root, day.meta)?;
        let mut known = still_listed(day, kept);
        let mut list_bytes: usize = known.iter().map(|(name, _)| sums::line_len(name)).sum();
        for entry in &day.entries {
            let on_disc = day.on_disc(&entry.name);
            let there = tree.lookup(&on_disc).map(|node| node.is_directory());
            if there.is_some_and(|directory| directory != matches!(entry.what, What::Directory)) {
                tree.remove(&on_disc);
            }
            match &entry.what {
                What::Directory => tree.make_dir(&on_disc, entry.meta)?,
                What::Link(target) => {
                    tree.add_symlink(&on_disc, entry.meta, target)?;
                }
                What::File { bytes, promised } => {
                    if known.remove(&entry.name).is_none() {
                        list_bytes += sums::line_len(&entry.name);
                    }
                    if let Some((extents, digest)) = kept.files.get(&entry.name) {
                        known.insert(entry.name.clone(), *digest);
                        tree.add_file(&on_disc, entry.meta, Content::Old(extents.clone()))?;
                        continue;
                    }
                    let origin = Origin::Staged {
                        day: at,
                        name: entry.name.clone(),
                        path: day.path(entry),
                        promised: *promised,
                    };
                    self.add(tree, on_disc, entry.meta, *bytes, origin)?;
                }
            }
        }
        let list = root.join(sums::FILE_NAME);
        clear(tree, &list);
        self.days.push(Day { known });
        self.add(
            tree,
            list,
            own(0o444, now),
            list_bytes as u64,
            Origin::List(at),
        )
    }

    /// The list of digests of a day, from what has been read. `sha256sum -c` must not call a file sound that is not what
    /// staging noted: it is listed with the SHA-256 that staging noted, or with one that no file has.
    pub fn list(&self, day: usize) -> Sums {
        let mut list = self.days[day].known.clone();
        for source in &self.sources {
            if let Origin::Staged {
                day: of,
                name,
                promised,
                ..
            } = &source.origin
                && *of == day
            {
                let digest = listed(*promised, *source.read.borrow());
                list.insert(name.clone(), digest);
            }
        }
        list
    }

    /// Opens a content to be burnt; its digest is noted while it is read.
    pub fn open(&self, number: usize) -> io::Result<Box<dyn Read + '_>> {
        let source = &self.sources[number];
        let inner: Box<dyn Read> = match &source.origin {
            Origin::Staged { path, .. } => {
                let file = File::open(path)?;
                let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
                Box::new(file)
            }
            _ => self.reopen(number)?,
        };
        Ok(Box::new(Digesting {
            inner,
            left: source.bytes,
            seeing: Some(Seeing::new(source.origin.promised())),
            noted: &source.read,
        }))
    }

    /// Opens a content once more, to compare.
    pub fn reopen(&self, number: usize) -> io::Result<Box<dyn Read>> {
        Ok(match &self.sources[number].origin {
            Origin::Text(text) => Box::new(Cursor::new(text.clone())),
            Origin::Staged { path, .. } => Box::new(File::open(path)?),
            Origin::List(day) => Box::new(Cursor::new(self.list(*day).to_text())),
        })
    }
}

/// The SHA-256 with which a file is listed of which that was promised and that was seen.
fn listed(promised: Option<Proof>, seen: Option<Seen>) -> Digest {
    // One that could not even be opened has no digest; all zeros are nobody's.
    let nobodys = Digest::from([0; 32]);
    match (promised, seen) {
        (Some(Proof::Sha256(digest)), _) => digest,
        (Some(promised), Some(seen)) if !seen.is(promised) => nobodys,
        (_, Some(seen)) => seen.digest,
        (_, None) => nobodys,
    }
}

/// What the disc's list says of the day, without what gives way to something of another kind.
fn still_listed(day: &StagedDay, kept: &Kept) -> Sums {
    let mut known = kept.others.clone();
    for entry in &day.entries {
        if !matches!(entry.what, What::File { .. }) {
            known.remove(&entry.name);
        }
        if !matches!(entry.what, What::Directory) {
            known.remove_below(&[&entry.name[..], b"/"].concat());
        }
    }
    known
}

/// Removes whatever is at `path`.
fn clear(tree: &mut Tree, path: impl AsRef<std::path::Path>) {
    tree.remove(path);
}

/// Notes the digest of the promised bytes of a reader; whatever follows them is not counted.
struct Digesting<'a> {
    inner: Box<dyn Read>,
    left: u64,
    seeing: Option<Seeing>,
    noted: &'a RefCell<Option<Seen>>,
}

impl Read for Digesting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let counted = usize::try_from(self.left).map_or(got, |left| left.min(got));
        self.left -= counted as u64;
        if let Some(seeing) = &mut self.seeing {
            seeing.update(&buffer[..counted]);
        }
        Ok(got)
    }
}

impl Drop for Digesting<'_> {
    fn drop(&mut self) {
        if self.left == 0
            && let Some(seeing) = self.seeing.take()
        {
            *self.noted.borrow_mut() = Some(seeing.finish());
        }
    }
}
