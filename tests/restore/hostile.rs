//! Archives by somebody who means harm, and manifests that go along.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cback::restore::Summary;

use super::pool::{Pool, day};

/// A place with something outside of the directory that is restored into.
struct Scene {
    pool: Pool,
    tar: tar::Builder<Vec<u8>>,
}

impl Scene {
    fn new() -> Self {
        let pool = Pool::new();
        fs::write(pool.dir.path().join("outside"), "untouched").unwrap();
        Self {
            pool,
            tar: tar::Builder::new(Vec::new()),
        }
    }

    /// A member with a name that the tar crate would refuse.
    fn add(&mut self, kind: tar::EntryType, name: &[u8], link: &[u8], content: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o4755);
        header.set_size(content.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name);
        gnu.linkname[..link.len()].copy_from_slice(link);
        if kind.is_character_special() || kind.is_block_special() {
            gnu.set_device_major(1);
            gnu.set_device_minor(3);
        }
        header.set_cksum();
        self.tar.append(&header, content).unwrap();
    }

    fn file(&mut self, name: &[u8]) {
        self.add(tar::EntryType::Regular, name, b"", b"evil");
    }

    fn restore(self) -> (Summary, Vec<String>, Pool) {
        let bytes = self.tar.into_inner().unwrap();
        let peer = self.pool.peer(1, "alpha");
        fs::write(peer.join("evil.tar"), bytes).unwrap();
        let (summary, told) = self.pool.restore(&self.pool.request("into"));
        let outside = self.pool.dir.path().join("outside");
        assert_eq!(fs::read(&outside).unwrap(), b"untouched");
        assert_eq!(fs::metadata(&outside).unwrap().nlink(), 1);
        let mut names: Vec<_> = fs::read_dir(self.pool.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["into", "outside", "source", "staging"]);
        (summary.unwrap(), told, self.pool)
    }
}

#[test]
fn names_that_climb_are_refused_and_told() {
    let mut scene = Scene::new();
    for name in [&b"../outside"[..], b"a/../../outside", b"..", b"a/.."] {
        scene.file(name);
    }
    scene.file(b"good");
    let (summary, told, pool) = scene.restore();
    assert_eq!((summary.files, summary.failed), (1, 4), "{told:?}");
    assert!(
        told.iter().all(|text| text.contains("contains `..`")),
        "{told:?}"
    );
    assert_eq!(fs::read(pool.target("into").join("good")).unwrap(), b"evil");
}

#[test]
fn absolute_names_lose_their_slash() {
    let mut scene = Scene::new();
    let outside = scene.pool.dir.path().join("outside");
    scene.file(outside.as_os_str().as_encoded_bytes());
    let (summary, _, pool) = scene.restore();
    assert_eq!(summary.files, 1);
    assert!(
        pool.target("into")
            .join(super::pool::relative(&outside))
            .exists()
    );
}

#[test]
fn links_are_not_written_through() {
    let mut scene = Scene::new();
    let outside = scene.pool.dir.path().to_owned();
    let outside = outside.as_os_str().as_encoded_bytes();
    scene.add(tar::EntryType::Symlink, b"link", outside, b"");
    scene.add(tar::EntryType::Symlink, b"up", b"..", b"");
    scene.add(tar::EntryType::Symlink, b"file", b"../outside", b"");
    for name in [
        &b"link/outside"[..],
        b"link/new",
        b"up/outside",
        b"up/new/x",
        b"link/into/y",
    ] {
        scene.file(name);
    }
    scene.add(tar::EntryType::Directory, b"link/dir", b"", b"");
    let (summary, told, pool) = scene.restore();
    assert_eq!((summary.files, summary.failed), (0, 6), "{told:?}");
    assert!(
        told.iter()
            .all(|text| text.contains("on its way is not a directory")),
        "{told:?}"
    );
    assert!(
        fs::symlink_metadata(pool.target("into").join("file"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn hard_links_lead_to_nothing_outside() {
    let mut scene = Scene::new();
    let outside = scene.pool.dir.path().join("outside");
    let outside = outside.as_os_str().as_encoded_bytes().to_owned();
    scene.add(tar::EntryType::Symlink, b"link", b"..", b"");
    for target in [
        &outside[..],
        b"../outside",
        b"link/outside",
        b"/etc/passwd",
        b"missing",
    ] {
        scene.add(tar::EntryType::Link, b"hard", target, b"");
    }
    let (summary, told, pool) = scene.restore();
    assert_eq!(summary.failed, 5, "{told:?}");
    assert!(!pool.target("into").join("hard").exists());
}

#[test]
fn a_directory_replaced_by_a_link_leads_nowhere() {
    let mut scene = Scene::new();
    scene.add(tar::EntryType::Directory, b"dir", b"", b"");
    scene.add(tar::EntryType::Symlink, b"dir", b"..", b"");
    scene.file(b"dir/outside");
    let (_, _, pool) = scene.restore();
    assert_eq!(
        fs::read(pool.target("into").join("dir/outside")).unwrap(),
        b"evil"
    );
}

#[test]
fn the_first_of_several_members_of_one_name_stays_and_the_others_are_told() {
    let mut scene = Scene::new();
    scene.add(tar::EntryType::Regular, b"file", b"", b"first");
    scene.file(b"file");
    let (_, _, pool) = scene.restore();
    assert_eq!(
        fs::read(pool.target("into").join("file")).unwrap(),
        b"first"
    );
}

#[test]
fn names_of_any_bytes_are_restored_and_cannot_steer_the_screen() {
    let mut scene = Scene::new();
    let name = b"a\n\x1b[2J\xff";
    scene.file(name);
    scene.file(b"../\x1b[2J\n");
    let (_, told, pool) = scene.restore();
    let name = OsString::from_vec(name.to_vec());
    assert!(pool.target("into").join(name).exists());
    assert_eq!(told.len(), 1);
}

#[test]
fn extended_headers_cannot_lead_outside_either() {
    let mut scene = Scene::new();
    for record in [
        "path=../outside",
        "path=a/../../outside",
        "linkpath=../outside",
    ] {
        let text = format!("{} {record}\n", record.len() + 4);
        scene.add(tar::EntryType::XHeader, b"x", b"", text.as_bytes());
        let link = record.starts_with("link");
        let kind = if link {
            tar::EntryType::Link
        } else {
            tar::EntryType::Regular
        };
        scene.add(kind, b"plain", b"x", if link { b"" } else { b"evil" });
    }
    let (summary, told, pool) = scene.restore();
    assert_eq!((summary.files, summary.failed), (0, 3), "{told:?}");
    assert!(!pool.target("into").join("plain").exists());
}

#[test]
fn sizes_that_cannot_be_true_are_damage() {
    for size in [u64::MAX, 1 << 60, 1 << 40] {
        let mut scene = Scene::new();
        scene.file(b"good");
        let mut header = tar::Header::new_gnu();
        header.set_path("huge").unwrap();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        scene.tar.append(&header, &b"short"[..]).unwrap();
        let (summary, told, pool) = scene.restore();
        assert_eq!(summary.files, 1);
        assert!(!told.is_empty());
        assert!(!pool.target("into").join("huge").exists());
        let written: u64 = walkdir::WalkDir::new(pool.target("into"))
            .into_iter()
            .map(|entry| entry.unwrap().metadata().unwrap().blocks())
            .sum();
        assert!(written < 1000, "{written}");
    }
}

#[test]
fn devices_are_made_for_root_and_told_to_others() {
    let mut scene = Scene::new();
    scene.add(tar::EntryType::Char, b"null", b"", b"");
    scene.add(tar::EntryType::Fifo, b"pipe", b"", b"");
    let (_, told, pool) = scene.restore();
    let made = fs::symlink_metadata(pool.target("into").join("null"));
    // Root in a container may not, either.
    match made {
        Ok(made) => assert_eq!(made.rdev(), rustix::fs::makedev(1, 3)),
        Err(_) => assert!(told.iter().any(|text| text.contains("device")), "{told:?}"),
    }
    assert!(pool.target("into").join("pipe").exists());
}

#[test]
fn a_manifest_that_lies_leads_nowhere() {
    let mut scene = Scene::new();
    scene.add(tar::EntryType::Symlink, b"link", b"..", b"");
    scene.add(tar::EntryType::Regular, b"link/outside", b"", b"evil");
    let lines = "./link type=link mode=0777 time=0.0 nlink=1 link=.. tags=in:2026-11-01/evil.tar\n\
        ./link/outside mode=0644 size=4 time=0.0 nlink=1 tags=in:2026-11-01/evil.tar\n\
        ./other mode=0644 size=4 time=0.0 nlink=1 tags=in:2026-11-01/evil.tar\n\
        ./name mode=0644 size=4 time=0.0 nlink=1 tags=link:link/outside,in:2026-11-01/evil.tar\n";
    let text = format!(
        "#mtree\n# cback-manifest 1\n# source=/\n# name=evil\n# day={}\n# created=1.0\n# coverage=full\n\
         # archive=evil.tar\n{lines}# entries=4\n",
        day(1)
    );
    let manifest = scene.pool.peer(1, "alpha").join("evil.mtree.gz");
    super::pool::gzip(&manifest, text.as_bytes());
    let (summary, told, pool) = scene.restore();
    assert_eq!((summary.files, summary.failed), (0, 3), "{told:?}");
    let there: Vec<PathBuf> = fs::read_dir(pool.target("into"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(there, [pool.target("into").join(Path::new("link"))]);
    let _ = File::open(manifest).unwrap();
}
