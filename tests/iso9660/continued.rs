//! Discs that other programs began: read, and continued.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cback::iso9660::{Image, Names, Options, SpaceSize, Volume, sessions};

use crate::disc::{Disc, add, write};
use crate::foreign::{Shown, Which, isoinfo_paths, run, xorriso_extract};
use crate::model::{
    Found, Listing, Model, assert_same, dir, expected, file, read_directory, read_tree,
};

fn make(root: &Path, paths: &[&str]) {
    for path in paths {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("this is {}", path.display())).unwrap();
    }
}

fn genisoimage(options: &[&str], output: &Path, source: &Path) {
    let mut all: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
    all.extend(["-quiet".as_ref(), "-o".as_ref(), output.as_os_str()]);
    all.push(source.as_os_str());
    run("genisoimage", &all);
}

fn xorriso(arguments: &[&str]) {
    let all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    run("xorriso", &all);
}

/// Only names, kinds and bytes: owners and times are as those programs like them.
fn bare(listing: Listing) -> Listing {
    listing
        .into_iter()
        .map(|(path, found)| {
            let found = Found {
                mode: 0,
                mtime: 0,
                ..found
            };
            (path, found)
        })
        .collect()
}

fn ours(image: &Path, start: u32) -> Listing {
    let medium = File::open(image).unwrap();
    let tree = Volume::open(&medium, start).unwrap().tree().unwrap();
    bare(read_tree(&medium, &tree))
}

struct Place {
    directory: tempfile::TempDir,
    source: PathBuf,
    image: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    let image = directory.path().join("disc.iso");
    Place {
        directory,
        source,
        image,
    }
}

const LONG: &str = "a name of some length that needs a continuation area in the volumes of others, because \
    their identifiers take more room than those that are short, and 200 bytes are really a lot.tar.gz";

#[test]
fn volumes_of_genisoimage_are_read_by_each_kind_of_names() {
    let Place { source, image, .. } = &place();
    make(source, &["dir/file.tar.gz", "README", "x.txt", LONG]);
    symlink("dir/file.tar.gz", source.join("link")).unwrap();
    let wanted = bare(read_directory(source));
    for (options, names) in [
        (&["-R", "-J", "-joliet-long"][..], Names::RockRidge),
        (&["-r"], Names::RockRidge),
        (&["-J", "-joliet-long"], Names::Joliet),
        (&[], Names::Plain),
    ] {
        genisoimage(options, image, source);
        let medium = File::open(image).unwrap();
        let volume = Volume::open(&medium, 0).unwrap();
        assert_eq!(volume.names(), names);
        let found = bare(read_tree(&medium, &volume.tree().unwrap()));
        match names {
            Names::RockRidge => assert_same("ours", &found, &wanted),
            Names::Joliet => {
                assert_eq!(found[&b"README"[..]], wanted[&b"README"[..]]);
                assert_eq!(
                    found[&b"dir/file.tar.gz"[..]],
                    wanted[&b"dir/file.tar.gz"[..]]
                );
            }
            Names::Plain => {
                assert_eq!(found[&b"README"[..]], wanted[&b"README"[..]]);
                assert_eq!(found[&b"X.TXT"[..]], wanted[&b"x.txt"[..]]);
            }
        }
    }
}

#[test]
fn directories_that_genisoimage_relocated_are_shown_where_they_came_from() {
    let Place { source, image, .. } = &place();
    let deep = "1/2/3/4/5/6/7/8/9/10/11/12/file";
    make(source, &[deep, "1/2/3/4/5/6/7/8b/x/file", "top"]);
    genisoimage(&["-R"], image, source);
    let mut found = ours(image, 0);
    let moved = found.remove(&b"rr_moved"[..]).unwrap();
    assert_eq!(moved.what, "dir");
    assert_same("ours", &found, &bare(read_directory(source)));
}

#[test]
fn a_disc_that_genisoimage_began_goes_on_with_our_session() {
    let Place {
        directory,
        source,
        image,
    } = &place();
    make(source, &["2026/11/19/a.tar.gz", "first", LONG]);
    genisoimage(&["-R", "-V", "FIRST"], image, source);
    let first = fs::metadata(image).unwrap().len() / 2048;
    let second = directory.path().join("second");
    make(&second, &["2026/11/20/b.tar.gz"]);
    let session = directory.path().join("second.iso");
    let next = first.next_multiple_of(32);
    File::options()
        .write(true)
        .open(image)
        .unwrap()
        .set_len(next * 2048)
        .unwrap();
    let msinfo = format!("0,{next}");
    let previous = image.to_str().unwrap();
    genisoimage(
        &["-R", "-V", "SECOND", "-C", &msinfo, "-M", previous],
        &session,
        &second,
    );
    let mut disc = fs::read(image).unwrap();
    disc.extend(fs::read(&session).unwrap());
    fs::write(image, &disc).unwrap();
    let mut wanted = bare(read_directory(source));
    wanted.extend(bare(read_directory(&second)));
    let start = u32::try_from(next).unwrap();
    assert_same("two sessions of genisoimage", &ours(image, start), &wanted);

    let volume = Volume::open(&disc, start).unwrap();
    assert_eq!(volume.volume_id(), b"SECOND");
    let end = volume.end();
    assert_eq!(u64::from(end), disc.len() as u64 / 2048);
    let mut tree = volume.tree().unwrap();
    let added = Model::from([
        (b"2026/11/21".to_vec(), dir()),
        (b"2026/11/21/c.tar.gz".to_vec(), file(1, 70_000)),
    ]);
    let sources = add(&mut tree, &added);
    let options = Options {
        start: end.next_multiple_of(32),
        volume_id: "THIRD".to_owned(),
        space_size: SpaceSize::End,
        ..Options::default()
    };
    let third = Image::new(tree, &options).unwrap();
    disc.resize(options.start as usize * 2048, 0);
    disc.extend(write(&third, &sources));
    fs::write(image, &disc).unwrap();
    wanted.extend(bare(expected(&added)));
    assert_same("ours", &ours(image, options.start), &wanted);
    let to = directory.path().join("extracted");
    xorriso_extract(image, Which::Sector(options.start), &to);
    assert_same("xorriso", &bare(read_directory(&to)), &wanted);
    assert_eq!(
        isoinfo_paths(image, Shown::RockRidge, options.start),
        wanted.keys().cloned().collect()
    );
}

#[test]
fn a_disc_that_xorriso_began_goes_on_with_our_session() {
    let Place {
        directory,
        source,
        image,
    } = &place();
    make(source, &["2026/11/19/a.tar.gz", LONG]);
    symlink("x/".repeat(150) + "y", source.join("link")).unwrap();
    let device = format!("stdio:{}", image.display());
    let source_text = source.to_str().unwrap();
    for (label, to) in [("V1", "/one"), ("V2", "/two"), ("V3", "/three")] {
        xorriso(&[
            "-dev",
            &device,
            "-volid",
            label,
            "-map",
            source_text,
            to,
            "-commit",
        ]);
    }
    let medium = File::open(image).unwrap();
    let found = sessions(&medium).unwrap();
    let labels: Vec<_> = found.iter().map(|one| one.volume_id.clone()).collect();
    assert_eq!(labels, [b"V1", b"V2", b"V3"]);
    let mut disc = Disc::blank();
    disc.path.clone_from(image);
    let added = Model::from([(b"four".to_vec(), file(1, 70_000))]);
    disc.append("V4", &added, &[]);
    let labels: Vec<_> = sessions(&medium)
        .unwrap()
        .iter()
        .map(|one| one.volume_id.clone())
        .collect();
    assert_eq!(labels, [b"V1", b"V2", b"V3", b"V4"]);
    let mut wanted = bare(expected(&added));
    for top in ["one", "two", "three"] {
        wanted.extend(bare(expected(&Model::from([(
            top.as_bytes().to_vec(),
            dir(),
        )]))));
        for (path, found) in bare(read_directory(source)) {
            wanted.insert([top.as_bytes(), b"/", &path].concat(), found);
        }
    }
    assert_same("ours", &ours(image, 0), &wanted);
    let to = directory.path().join("extracted");
    xorriso_extract(image, Which::Newest, &to);
    assert_same("xorriso", &bare(read_directory(&to)), &wanted);
}
