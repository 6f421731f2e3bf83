//! Manifests are read as they were written, and damage is named.

#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::archive::Kind;

fn header() -> Header {
    Header {
        source: PathBuf::from("/srv/a b"),
        name: "srv-a_b".into(),
        day: "2026-11-21".parse().unwrap(),
        created: Timestamp {
            seconds: 1_795_304_023,
            nanos: 7,
        },
        coverage: Coverage::Incremental,
        archive: "srv-a_b+2.tar.gz".into(),
        whole: Some("srv".into()),
        parts: vec![
            "srv-a_b-x".into(),
            OsString::from_vec(b"srv\n\xff".to_vec()),
        ],
    }
}

fn entry(path: &[u8], kind: Kind) -> Entry {
    Entry {
        member: Member {
            path: PathBuf::from(OsString::from_vec(path.to_vec())),
            size: match kind {
                Kind::File | Kind::HardLink(_) => 12,
                _ => 0,
            },
            kind,
            mode: 0o4755,
            uid: 7,
            gid: 8,
            user: "us er".into(),
            group: OsString::new(),
            mtime: Timestamp {
                seconds: -3,
                nanos: 999_999_999,
            },
            extended: Vec::new(),
        },
        links: 2,
        digest: None,
        place: Place::Whole(Arc::new(Stored {
            day: "2026-11-15".parse().unwrap(),
            archive: "srv, a=b.tar.gz".into(),
        })),
    }
}

fn entries() -> Vec<Entry> {
    let mut torn = entry(b"srv/a b/torn,=\\[*]\xff\n", Kind::File);
    torn.digest = Some(Digest([9; 32]));
    torn.member.group = "wheel".into();
    if let Place::Whole(stored) = &torn.place {
        torn.place = Place::Torn(Arc::clone(stored), "it shrank, to 3 bytes".to_owned());
    }
    let mut missing = entry(b"srv/a b/x", Kind::File);
    missing.place = Place::Missing("permission denied".to_owned());
    vec![
        entry(b"srv/a b", Kind::Dir),
        torn,
        missing,
        entry(
            b"srv/a b/y",
            Kind::HardLink(PathBuf::from("srv/a b/with, comma")),
        ),
        entry(b"srv/a b/z", Kind::Symlink("../a b\n".into())),
        entry(b"srv/a b/z1", Kind::Fifo),
        entry(b"srv/a b/z2", Kind::CharDevice(1, 3)),
        entry(b"srv/a b/z3", Kind::BlockDevice(259, 1_048_575)),
        entry(b"elsewhere/deep/target", Kind::Dir),
    ]
}

fn text(entries: &[Entry]) -> Vec<u8> {
    let mut writer = ManifestWriter::new(Vec::new(), &header()).unwrap();
    for entry in entries {
        writer.add(entry).unwrap();
    }
    writer.finish().unwrap()
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn read(packed: &[u8]) -> Result<(Header, Vec<Entry>), ManifestError> {
    let mut reader = ManifestReader::new(packed)?;
    let header = reader.header().clone();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    Ok((header, entries))
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    for entries in [entries(), vec![], vec![entry(b".", Kind::Dir)]] {
        let (header, read) = read(&pack(&text(&entries))).unwrap();
        assert_eq!(header, self::header());
        assert_eq!(read, entries);
    }
}

#[test]
fn the_way_to_the_source_is_named_once_and_is_no_entry() {
    let text = String::from_utf8(text(&entries())).unwrap();
    for (line, count) in [
        (". type=dir tags=above\n", 2), // for the source, and for what a link led to
        ("./srv type=dir tags=above\n", 1),
        ("./elsewhere/deep type=dir tags=above\n", 1),
        ("./srv/a\\040b type=dir tags=above\n", 0),
    ] {
        assert_eq!(text.matches(&format!("\n{line}")).count(), count, "{line}");
    }
}

#[test]
fn a_manifest_that_was_cut_short_is_noticed_wherever_it_was_cut() {
    let text = text(&entries());
    for end in 0..text.len() {
        assert!(read(&pack(&text[..end])).is_err(), "{end}");
    }
    let packed = pack(&text);
    for end in 0..packed.len() {
        assert!(read(&packed[..end]).is_err(), "{end}");
    }
}

#[test]
fn damage_is_named_with_its_line() {
    let sound = String::from_utf8(text(&entries())).unwrap();
    for (from, to) in [
        ("mode=4755", "mode=rwx"),
        ("./srv/a\\040b ", "../srv "),
        ("./srv/a\\040b ", "./srv/../../etc "),
        ("./srv/a\\040b ", "/etc "),
        ("type=fifo", "type=door"),
        ("entries=9", "entries=8"),
        ("2026-11-15/", "2026-13-15/"),
        (" link=", " lonk="),
        ("in:2026-11-15/srv", "in:2026-11-15/../srv"),
    ] {
        assert!(sound.contains(from), "{from}");
        let error = read(&pack(sound.replacen(from, to, 1).as_bytes())).unwrap_err();
        assert!(matches!(error, ManifestError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn what_packs_well_cannot_fill_the_memory() {
    let sound = String::from_utf8(text(&entries())).unwrap();
    let part = "# part=x\n";
    let long = sound.replacen("# part=", &(part.repeat(2_000_000) + "# part="), 1);
    let error = read(&pack(long.as_bytes())).unwrap_err();
    assert!(error.to_string().contains("header does not end"), "{error}");
    let name = "n".repeat(256);
    let long = sound.replacen("in:2026-11-15/srv", &format!("in:2026-11-15/{name}"), 1);
    let error = read(&pack(long.as_bytes())).unwrap_err();
    assert!(matches!(error, ManifestError::Corrupt { .. }), "{error}");
}

#[test]
fn what_nothing_has_is_not_believed() {
    let sound = String::from_utf8(text(&entries())).unwrap();
    let long =
        |bytes: usize| sound.replacen("./srv/a\\040b ", &format!("./{} ", "a".repeat(bytes)), 1);
    for (text, expected) in [(long(1 << 17), true), (long((1 << 17) + 1), false)] {
        assert_eq!(read(&pack(text.as_bytes())).is_ok(), expected);
    }
}

#[test]
fn a_manifest_mentions_what_it_has_and_what_holds_that() {
    let packed = pack(&text(&entries()));
    for (path, expected) in [
        ("srv/a b", true),
        ("srv", true),
        ("srv/a", false),
        ("srv/a b/z", true),
        ("srv/a b/z1", true),
        ("srv/a b/z9", false),
        ("srv/a b/with, comma", false), // only a link's other end
        ("elsewhere/deep", true),
        ("elsewhere/deep/target/x", false),
        ("", false),
    ] {
        assert_eq!(
            mentions(&packed[..], &[path.into()]).unwrap(),
            expected,
            "{path}"
        );
    }
    assert!(mentions(&packed[..], &["x".into(), "srv/a b/x".into()]).unwrap());
    assert!(mentions(&packed[..20], &["x".into()]).is_err());
}

#[test]
fn a_later_version_is_not_guessed() {
    let text = String::from_utf8(text(&[])).unwrap();
    let later = text.replace("cback-manifest 1", "cback-manifest 2");
    let error = read(&pack(later.as_bytes())).unwrap_err();
    assert!(matches!(error, ManifestError::Incompatible(_)), "{error}");
}
