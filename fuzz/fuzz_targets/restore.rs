//! Whatever an archive and the manifest beside it are made of, restoring them ends and writes nothing outside of the
//! directory that was named.
//!
//! Input: the length of the manifest's text in two bytes, low one first; the text; the archive.

#![no_main]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use cback::event::{Event, Monitor};
use cback::restore::{self, IfMissing, Request, Shelf};
use libfuzzer_sys::fuzz_target;

struct Deaf;

impl Monitor for Deaf {
    fn observe(&self, _: &Event<'_>) {}
}

fn names(dir: &Path) -> usize {
    fs::read_dir(dir).expect("readable").count()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (manifest, archive) = rest.split_at(length);

    let place = tempfile::tempdir().expect("a directory");
    let peer = place.path().join("staging/2026/11/01/alpha");
    fs::create_dir_all(&peer).expect("a directory");
    fs::write(place.path().join("outside"), "untouched").expect("a file");
    fs::write(peer.join("s.tar"), archive).expect("a file");
    if !manifest.is_empty() {
        let file = File::create(peer.join("s.mtree.gz")).expect("a file");
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packed.write_all(manifest).expect("written");
        packed.finish().expect("written");
    }

    let request = Request {
        into: place.path().join("into"),
        missing: IfMissing::GoOn,
        ..Request::default()
    };
    let shelves = [Shelf::open(&place.path().join("staging")).expect("a shelf")];
    if let Ok(recipe) = restore::plan(&request, &shelves, &|_, _, _| Vec::new()) {
        assert!(!recipe.to_string().is_empty());
        let _ = restore::carry_out(&recipe, &shelves, &Deaf);
    }
    let outside = fs::read(place.path().join("outside")).expect("still there");
    assert_eq!(outside, b"untouched");
    assert!(names(place.path()) <= 3);
    assert_eq!(names(&peer), if manifest.is_empty() { 1 } else { 2 });
});
