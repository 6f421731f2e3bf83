//! Whatever members come, nothing but the target directory changes, and what is there is what was saved.

#![allow(clippy::unwrap_used)]
use super::*;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use crate::archive::Timestamp;
use crate::units::Digest;

const TIME: Timestamp = Timestamp {
    seconds: -86_400,
    nanos: 123_456_789,
};

fn member(path: &str, kind: Kind) -> Member {
    let me = rustix::process::getuid().as_raw();
    Member {
        path: path.into(),
        kind,
        mode: 0o750,
        uid: me,
        gid: rustix::process::getgid().as_raw(),
        user: OsString::new(),
        group: OsString::new(),
        mtime: TIME,
        size: 0,
        extended: Vec::new(),
    }
}

fn below(path: &str) -> Below {
    Below::new(Path::new(path)).unwrap()
}

/// A directory `into` beside other things.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/file"), "untouched").unwrap();
        Self(dir)
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("into")
    }

    fn outside(&self) -> PathBuf {
        self.0.path().join("outside")
    }

    fn target(&self, existing: Existing) -> Target {
        Target::open(&self.dir(), existing).unwrap()
    }

    fn is_untouched(&self) -> bool {
        let names = |path: &Path| -> Vec<_> {
            let entries = fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect()
        };
        let file = self.outside().join("file");
        fs::read(&file).unwrap() == b"untouched"
            && fs::metadata(&file).unwrap().nlink() == 1
            && names(&self.outside()) == ["file"]
            && names(self.0.path()).len() <= 2
    }
}

impl Target {
    fn put(&mut self, path: &str, kind: Kind, bytes: &[u8]) -> Result<(), WriteError> {
        let mut member = member(path, kind);
        member.size = bytes.len() as u64;
        let digest = Proof::Sha256(Digest::of(bytes));
        let at = Below::new(Path::new(path))?;
        match &member.kind {
            Kind::HardLink(first) => self.link(&at, &Below::new(first)?),
            _ => self.write(&at, &member, &mut &*bytes, Some(digest), OnDamage::Keep),
        }
    }
}

fn outside_link(place: &Place) -> Kind {
    Kind::Symlink(place.outside().into_os_string())
}

#[test]
fn things_are_restored_as_they_were() {
    let place = Place::new();
    let mut target = place.target(Existing::Refuse);
    let mut file = member("d/file", Kind::File);
    file.size = 3;
    file.mode = 0o4751;
    file.extended = vec![("user.note".into(), b"\0x".to_vec())];
    let mut dir = member("d", Kind::Dir);
    dir.mode = 0o1555;
    dir.extended = vec![("user.dir".into(), b"1".to_vec())];
    target
        .write(&below("d"), &dir, &mut io::empty(), None, OnDamage::Keep)
        .unwrap();
    target
        .write(
            &below("d/file"),
            &file,
            &mut &b"abc"[..],
            None,
            OnDamage::Keep,
        )
        .unwrap();
    target
        .put("d/link", Kind::Symlink("no where".into()), b"")
        .unwrap();
    target.put("d/pipe", Kind::Fifo, b"").unwrap();
    target
        .put("d/name", Kind::HardLink("d/file".into()), b"")
        .unwrap();
    assert_eq!(target.finish().unwrap(), Shortfalls::default());

    let at = |path: &str| place.dir().join(path);
    for (path, mode) in [
        ("d", 0o1555),
        ("d/file", 0o4751),
        ("d/pipe", 0o750),
        ("d/link", 0o777),
    ] {
        let meta = fs::symlink_metadata(at(path)).unwrap();
        assert_eq!(meta.mode() & 0o7777, mode, "{path}");
        assert_eq!(
            (meta.mtime(), meta.mtime_nsec()),
            (-86_400, 123_456_789),
            "{path}"
        );
    }
    assert_eq!(fs::read(at("d/file")).unwrap(), b"abc");
    assert_eq!(
        fs::metadata(at("d/name")).unwrap().ino(),
        fs::metadata(at("d/file")).unwrap().ino()
    );
    assert_eq!(fs::read_link(at("d/link")).unwrap(), Path::new("no where"));
    assert_eq!(
        xattr::get(at("d/file"), "user.note").unwrap().unwrap(),
        b"\0x"
    );
    assert_eq!(xattr::get(at("d"), "user.dir").unwrap().unwrap(), b"1");
    assert_eq!(fs::metadata(place.dir()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn links_that_the_archive_made_are_never_followed() {
    for existing in [Existing::Refuse, Existing::Keep, Existing::Replace] {
        let place = Place::new();
        let mut target = place.target(existing);
        target.put("link", outside_link(&place), b"").unwrap();
        target.put("up", Kind::Symlink("..".into()), b"").unwrap();
        for path in [
            "link/file",
            "link/new",
            "link/a/b",
            "up/outside/file",
            "up/new",
        ] {
            for kind in [
                Kind::File,
                Kind::Dir,
                Kind::Fifo,
                Kind::HardLink("link/file".into()),
            ] {
                assert!(target.put(path, kind, b"x").is_err(), "{path}");
            }
        }
        assert!(
            target
                .put("hard", Kind::HardLink("link/file".into()), b"")
                .is_err()
        );
        target.finish().unwrap();
        assert!(place.is_untouched());
    }
}

#[test]
fn a_directory_that_becomes_a_link_is_a_link_and_its_mode_is_not_set_through_it() {
    let place = Place::new();
    fs::set_permissions(place.outside(), fs::Permissions::from_mode(0o711)).unwrap();
    let mut target = place.target(Existing::Replace);
    target.put("d", Kind::Dir, b"").unwrap();
    target.put("d", outside_link(&place), b"").unwrap();
    assert!(target.put("d/file", Kind::File, b"x").is_err());
    let shortfalls = target.finish().unwrap();
    assert_eq!(shortfalls.modes.times, 1);
    assert_eq!(fs::metadata(place.outside()).unwrap().mode() & 0o777, 0o711);
    assert!(place.is_untouched());
}

#[test]
fn a_link_in_place_of_a_directory_gives_way_only_if_replacing_was_asked_for() {
    for (existing, replaced) in [(Existing::Keep, false), (Existing::Replace, true)] {
        let place = Place::new();
        fs::create_dir(place.dir()).unwrap();
        symlink(place.outside(), place.dir().join("d")).unwrap();
        let mut target = place.target(existing);
        assert_eq!(target.put("d", Kind::Dir, b"").is_ok(), replaced);
        assert_eq!(target.put("d/file", Kind::File, b"x").is_ok(), replaced);
        target.finish().unwrap();
        assert!(place.is_untouched());
    }
}

#[test]
fn what_is_there_already_is_refused_kept_or_replaced() {
    let place = Place::new();
    fs::create_dir_all(place.dir().join("dir/inner")).unwrap();
    fs::write(place.dir().join("file"), "old").unwrap();
    fs::set_permissions(place.dir().join("dir"), fs::Permissions::from_mode(0o711)).unwrap();
    let content = |path: &str| fs::read_to_string(place.dir().join(path)).unwrap();
    let mode = |path: &str| fs::metadata(place.dir().join(path)).unwrap().mode() & 0o777;

    let refused = Target::open(&place.dir(), Existing::Refuse);
    assert!(matches!(refused, Err(TargetError::NotEmpty(_))));

    let mut target = place.target(Existing::Keep);
    assert!(matches!(
        target.put("file", Kind::File, b"new"),
        Err(WriteError::Exists)
    ));
    target.put("dir", Kind::Dir, b"").unwrap();
    target.put("more/file", Kind::File, b"new").unwrap();
    target.put("more", Kind::Dir, b"").unwrap();
    target.finish().unwrap();
    assert_eq!(
        (content("file"), mode("dir"), mode("more")),
        ("old".into(), 0o711, 0o750)
    );

    let mut target = place.target(Existing::Replace);
    target.put("file", Kind::File, b"new").unwrap();
    target.put("dir", Kind::Dir, b"").unwrap();
    assert!(matches!(
        target.put("dir", Kind::File, b"x"),
        Err(WriteError::Occupied)
    ));
    target
        .put("dir/inner", Kind::Symlink("x".into()), b"")
        .unwrap();
    target
        .put("name", Kind::HardLink("file".into()), b"")
        .unwrap();
    target
        .put("name", Kind::HardLink("file".into()), b"")
        .unwrap();
    target.finish().unwrap();
    assert_eq!((content("file"), mode("dir")), ("new".into(), 0o750));
    let partial = walkdir::WalkDir::new(place.dir())
        .into_iter()
        .any(|entry| crate::fsx::is_partial(entry.unwrap().file_name()));
    assert!(!partial);
}

#[test]
fn a_fresh_file_system_counts_as_empty() {
    let place = Place::new();
    fs::create_dir_all(place.dir().join("lost+found")).unwrap();
    assert!(Target::open(&place.dir(), Existing::Refuse).is_ok());
}

#[test]
fn a_damaged_file_is_kept_under_a_name_that_says_so() {
    let place = Place::new();
    let mut target = place.target(Existing::Refuse);
    let mut file = member("dir/file", Kind::File);
    file.size = 3;
    let wrong = Some(Proof::Sha256(Digest([0; 32])));
    let error = target
        .write(
            &below("dir/file"),
            &file,
            &mut &b"abc"[..],
            wrong,
            OnDamage::Keep,
        )
        .unwrap_err();
    let kept = place.dir().join("dir/file.damaged");
    assert!(matches!(&error, WriteError::Damaged { kept: Some(path), .. } if *path == kept));
    assert!(error.to_string().contains("file.damaged"), "{error}");
    assert_eq!(fs::read(&kept).unwrap(), b"abc");
    // The archive ends in the middle.
    let error = target
        .write(
            &below("dir/file"),
            &file,
            &mut &b"ab"[..],
            None,
            OnDamage::Keep,
        )
        .unwrap_err();
    assert!(error.to_string().contains("only 2 of 3 bytes"), "{error}");
    assert_eq!(
        fs::read(place.dir().join("dir/file.2.damaged")).unwrap(),
        b"ab"
    );
    assert!(!place.dir().join("dir/file").exists());

    let long = "x".repeat(255);
    let error = target
        .write(&below(&long), &file, &mut &b"ab"[..], None, OnDamage::Keep)
        .unwrap_err();
    assert!(matches!(error, WriteError::Damaged { kept: Some(_), .. }));
    target.finish().unwrap();
}

#[test]
fn another_name_of_a_file_that_was_not_restored_is_not_made() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    fs::write(place.dir().join("a"), "something else").unwrap();
    let mut target = place.target(Existing::Keep);
    assert!(target.put("a", Kind::File, b"x").is_err());
    for first in ["a", "missing", "missing/too"] {
        let linked = target.put("b", Kind::HardLink(first.into()), b"");
        assert!(linked.is_err(), "{first}");
    }
    assert!(!place.dir().join("b").exists());
}

#[test]
fn long_names_and_deep_trees_are_no_trouble() {
    let place = Place::new();
    let mut target = place.target(Existing::Refuse);
    target.put(&"x".repeat(255), Kind::File, b"x").unwrap();
    let mut path = "d".to_owned();
    for _ in 0..1500 {
        path.push_str("/long name");
    }
    target.put(&path, Kind::Dir, b"").unwrap();
    target
        .put(&format!("{path}/file"), Kind::File, b"x")
        .unwrap();
    target.put("d/long name/file", Kind::File, b"x").unwrap();
    assert_eq!(target.finish().unwrap(), Shortfalls::default());
    assert!(place.dir().join("d/long name/file").exists());
    let removed = std::process::Command::new("rm")
        .arg("-rf")
        .arg(place.dir())
        .status();
    assert!(removed.unwrap().success());
}

#[test]
fn nothing_is_inherited_from_the_target_directory() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    // u::rwx, u:1:rwx, g::r-x, m::rwx, o::---
    let mut acl = vec![2, 0, 0, 0];
    for (tag, perm, id) in [
        (1u16, 7u16, u32::MAX),
        (2, 7, 1),
        (4, 5, u32::MAX),
        (16, 7, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        acl.extend(tag.to_le_bytes());
        acl.extend(perm.to_le_bytes());
        acl.extend(id.to_le_bytes());
    }
    xattr::set(place.dir(), attributes::DEFAULT_ACL, &acl).unwrap();
    let mut target = place.target(Existing::Refuse);
    target.put("file", Kind::File, b"x").unwrap();
    target.put("dir", Kind::Dir, b"").unwrap();
    target.put("pipe", Kind::Fifo, b"").unwrap();
    target.put("dir/file", Kind::File, b"x").unwrap();
    let mut with = member("with", Kind::Dir);
    with.extended = vec![(attributes::DEFAULT_ACL.into(), acl.clone())];
    target
        .write(
            &below("with"),
            &with,
            &mut io::empty(),
            None,
            OnDamage::Keep,
        )
        .unwrap();
    target.put("with/file", Kind::File, b"x").unwrap();
    target.finish().unwrap();
    for path in ["file", "dir", "pipe", "dir/file", "with/file"] {
        let path = place.dir().join(path);
        assert_eq!(xattr::list(&path).unwrap().count(), 0, "{}", path.display());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o750);
    }
    let kept = xattr::get(place.dir().join("with"), attributes::DEFAULT_ACL).unwrap();
    assert_eq!(kept.unwrap(), acl);
}

#[test]
fn set_id_bits_are_dropped_with_the_owner_that_they_lend() {
    let owned = |user, group| attributes::Owned { user, group }.mode(0o6755).as_raw_mode();
    assert_eq!(owned(true, true), 0o6755);
    assert_eq!(owned(false, true), 0o2755);
    assert_eq!(owned(true, false), 0o4755);
    assert_eq!(owned(false, false), 0o755);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_sequence_of_members_writes_outside(
        members in proptest::collection::vec(
            (
                proptest::collection::vec(
                    prop::sample::select(vec!["a", "b", "..", ".", "", "out", "/", "a\0", "file", "a\nb"]),
                    0..4,
                ),
                0..6,
                prop::sample::select(vec!["a", "../outside/file", "/etc/passwd", "out/file", "b", ".."]),
            ),
            1..12,
        ),
        existing in prop::sample::select(vec![Existing::Refuse, Existing::Keep, Existing::Replace]),
    ) {
        let place = Place::new();
        let mut target = place.target(existing);
        target.put("out", outside_link(&place), b"").unwrap();
        for (names, kind, text) in members {
            let kind = match kind {
                0 | 1 => Kind::File,
                2 => Kind::Dir,
                3 => Kind::Symlink(text.into()),
                4 => Kind::HardLink(text.into()),
                _ => Kind::Fifo,
            };
            let _ = target.put(&names.join("/"), kind, b"evil");
        }
        target.finish().unwrap();
        prop_assert!(place.is_untouched());
    }
}

#[test]
fn a_directory_that_is_there_stays_open_to_those_who_use_it_meanwhile() {
    let place = Place::new();
    for (name, there, saved, meanwhile) in [
        ("kept", Some(0o755), 0o755, 0o755),
        ("closed", Some(0o755), 0o700, 0o700),
        ("opened", Some(0o711), 0o755, 0o711),
        ("odd", Some(0o055), 0o777, 0o755),
        ("new", None, 0o755, 0o700),
    ] {
        let path = place.dir().join(name);
        if let Some(mode) = there {
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut target = place.target(Existing::Replace);
        let member = Member {
            mode: saved,
            ..member(name, Kind::Dir)
        };
        let nothing = &mut io::empty();
        target
            .write(&below(name), &member, nothing, None, OnDamage::Keep)
            .unwrap();
        let mode = || fs::metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!(mode(), meanwhile, "{name}");
        target.finish().unwrap();
        assert_eq!(mode(), saved, "{name}");
    }
}

#[test]
fn what_could_not_be_restored_gets_no_further_names() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    fs::write(place.dir().join("first"), "somebody else's").unwrap();
    let mut target = place.target(Existing::Replace);
    target.lack(&below("first"));
    let linked = target.link(&below("second"), &below("first"));
    assert!(matches!(linked, Err(WriteError::Unlinked(_))), "{linked:?}");
    target.put("first", Kind::File, b"the saved one").unwrap();
    target.link(&below("second"), &below("first")).unwrap();
    let second = fs::read(place.dir().join("second")).unwrap();
    assert_eq!(second, b"the saved one");
}
