//! A disc that is a file, to which sessions are appended as its owner would do it.

use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use std::ffi::OsStr;

use cback::iso9660::{
    ALIGNMENT, Content, HEAD, Image, Meta, Options, SECTOR, SpaceSize, Time, Tree, Volume, sessions,
};

use crate::model::{Bytes, Item, Model, What};

pub struct Disc {
    pub directory: tempfile::TempDir,
    pub path: PathBuf,
    pub model: Model,
    pub space_size: SpaceSize,
}

pub fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

pub fn meta(item: &Item) -> Meta {
    Meta {
        mode: item.mode,
        uid: 0,
        gid: 0,
        mtime: Time::from_seconds(item.mtime),
    }
}

pub fn root_meta() -> Meta {
    Meta {
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: Time::from_seconds(1_700_000_000),
    }
}

/// Adds items to a tree; the sources are numbered from 0, and returned as seed and length.
pub fn add(tree: &mut Tree, items: &Model) -> Vec<(u64, u64)> {
    let mut sources = Vec::new();
    for (name, item) in items {
        match &item.what {
            What::Dir => tree.make_dir(path(name), meta(item)).unwrap(),
            What::Link(target) => {
                tree.add_symlink(path(name), meta(item), path(target))
                    .unwrap();
            }
            What::File { seed, bytes } => {
                let content = Content::New {
                    source: sources.len(),
                    bytes: *bytes,
                };
                sources.push((*seed, *bytes));
                tree.add_file(path(name), meta(item), content).unwrap();
            }
        }
    }
    sources
}

/// Writes an image whose sources are as [`add`] says, and checks that it keeps its promise.
pub fn write(image: &Image, sources: &[(u64, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    let faults = image
        .write(&mut out, &mut |source| {
            let (seed, bytes) = sources[source];
            Ok(Box::new(Bytes::new(seed, bytes)))
        })
        .unwrap();
    assert!(faults.is_empty());
    assert_eq!(out.len() as u64, image.sectors() * SECTOR);
    out
}

impl Disc {
    pub fn blank() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disc.iso");
        let disc = File::create(&path).unwrap();
        disc.set_len(u64::from(HEAD) * SECTOR).unwrap();
        Self {
            directory,
            path,
            model: Model::new(),
            space_size: SpaceSize::Length,
        }
    }

    pub fn open(&self) -> File {
        File::open(&self.path).unwrap()
    }

    /// Appends a session: what was on the disc, without `removed`, with `items`.
    pub fn append(&mut self, label: &str, items: &Model, removed: &[&str]) -> u32 {
        let medium = self.open();
        let all = sessions(&medium).unwrap();
        let (mut tree, start) = match all.last() {
            Some(last) => (
                Volume::open(&medium, last.start).unwrap().tree().unwrap(),
                last.end.next_multiple_of(ALIGNMENT),
            ),
            None => (Tree::new(root_meta()), HEAD),
        };
        for one in removed {
            assert!(tree.remove(one));
            let below = format!("{one}/").into_bytes();
            self.model
                .retain(|path, _| path != one.as_bytes() && !path.starts_with(&below));
        }
        let sources = add(&mut tree, items);
        self.model.extend(items.clone());
        let options = Options {
            start,
            volume_id: label.to_owned(),
            application: "A TEST".to_owned(),
            created: Time::from_seconds(1_700_000_000),
            space_size: self.space_size,
            ..Options::default()
        };
        let image = Image::new(tree, &options).unwrap();
        let mut disc = File::options().write(true).open(&self.path).unwrap();
        disc.set_len(u64::from(start) * SECTOR).unwrap();
        std::io::Seek::seek(&mut disc, std::io::SeekFrom::End(0)).unwrap();
        disc.write_all(&write(&image, &sources)).unwrap();
        disc.write_all_at(&image.head_descriptors(), 16 * SECTOR)
            .unwrap();
        start
    }
}
