//! A tree of all kinds of things, and what happens to it from day to day.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::random::Random;

/// The directories that may be sources; `outside` only has what links lead to.
pub const SOURCES: [&str; 3] = ["one", "two", "three"];
/// A file that may be a source.
pub const SINGLE: &str = "single.conf";

/// Names, none of which becomes another one in the name of an archive.
const NAMES: [&[u8]; 16] = [
    b"a",
    b"b",
    b"c d",
    b"\xc3\xa4",
    b"notes.txt",
    b"old.txt",
    b".hidden",
    b"x:y",
    b"new\nline",
    b"no\xffutf8",
    b"it's \"q\"",
    b"-dash",
    b"UPPER",
    b"log.1",
    b"core",
    b"\xf0\x9f\x8c\xb2",
];
/// A name that Cedar Backup 3 never archives.
const BACKSLASH: &[u8] = b"back\\slash";
pub const IGNORE: &str = ".cbignore";

/// Fills the directory `root`.
pub fn plant(root: &Path, random: &mut Random) {
    for name in SOURCES.iter().chain(&["outside"]) {
        let dir = root.join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("keep"), name).unwrap();
        let mut left = 4 + random.below(14);
        grow(&dir, random, 0, &mut left);
    }
    fs::write(root.join(SINGLE), "setting=1\n").unwrap();
    for _ in 0..random.below(7) {
        link(root, random);
    }
    if random.once_in(4) {
        let dir = pick_dir(root, random);
        if dir.strip_prefix(root).unwrap().components().count() > 1 || random.once_in(6) {
            fs::write(dir.join(IGNORE), "").unwrap();
        }
    }
}

fn grow(dir: &Path, random: &mut Random, depth: usize, left: &mut usize) {
    let wanted = 1 + random.below(6);
    for _ in 0..wanted {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let path = dir.join(name(random));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match random.below(12) {
            6..10 if depth < 4 => {
                fs::create_dir(&path).unwrap();
                grow(&path, random, depth + 1, left);
            }
            10 => fs::create_dir(&path).unwrap(),
            11 => {
                let made = rustix::fs::mknodat(
                    rustix::fs::CWD,
                    &path,
                    rustix::fs::FileType::Fifo,
                    0o600.into(),
                    0,
                );
                made.unwrap();
            }
            _ => file(&path, random),
        }
    }
}

fn name(random: &mut Random) -> &'static OsStr {
    OsStr::from_bytes(if random.once_in(60) {
        BACKSLASH
    } else {
        NAMES[random.below(NAMES.len())]
    })
}

fn file(path: &Path, random: &mut Random) {
    let size = *random.pick(&[0, 1, 10, 511, 512, 513, 5000]);
    let content: Vec<u8> = (0..size)
        .map(|_| u8::try_from(random.below(256)).unwrap())
        .collect();
    fs::write(path, content).unwrap();
    let mode = *random.pick(&[0o644, 0o600, 0o755, 0o4711, 0o444]);
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    if random.once_in(3) {
        touch(
            path,
            1_000_000_000 + i64::try_from(random.below(700_000_000)).unwrap(),
        );
    }
}

fn touch(path: &Path, seconds: i64) {
    let time = rustix::fs::Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(
        rustix::fs::CWD,
        path,
        &times,
        rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
    )
    .unwrap();
}

/// A symbolic link to a file or a directory, dangling, or a further name of a file.
fn link(root: &Path, random: &mut Random) {
    let path = pick_dir(root, random).join(name(random));
    if path.symlink_metadata().is_ok() {
        return;
    }
    let is_dir = random.once_in(2);
    let everything = all(root);
    let targets: Vec<&PathBuf> = everything
        .iter()
        .filter(|path| path.is_dir() == is_dir && *path != root)
        .filter(|path| path.symlink_metadata().unwrap().is_symlink() == random.once_in(5))
        .collect();
    if targets.is_empty() {
        return;
    }
    let target = targets[random.below(targets.len())];
    match random.below(10) {
        0 => symlink("nowhere/at all", &path).unwrap(),
        1 | 2 if target.symlink_metadata().unwrap().is_file() => {
            fs::hard_link(target, &path).unwrap();
        }
        3..=6 => symlink(target, &path).unwrap(),
        _ => symlink(relative(path.parent().unwrap(), target), &path).unwrap(),
    }
}

/// The way from the directory `from` to `to`.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(shared).map(|_| "..");
    let mut way: PathBuf = up.collect();
    way.extend(to.components().skip(shared));
    if way.as_os_str().is_empty() {
        way.push(".");
    }
    way
}

/// Everything below `root`, links not followed, in order.
pub fn all(root: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root).sort_by_file_name();
    walk.into_iter()
        .map(|entry| entry.unwrap().into_path())
        .collect()
}

fn pick_dir(root: &Path, random: &mut Random) -> PathBuf {
    let dirs: Vec<PathBuf> = all(root)
        .into_iter()
        .filter(|path| path.symlink_metadata().unwrap().is_dir() && path != root)
        .collect();
    random.pick(&dirs).clone()
}

/// What happens in a day.
pub fn change(root: &Path, random: &mut Random) {
    for _ in 0..=random.below(7) {
        let files: Vec<PathBuf> = all(root)
            .into_iter()
            .filter(|path| path.symlink_metadata().unwrap().is_file())
            .filter(|path| path.file_name() != Some(OsStr::new("keep")))
            .collect();
        let path = random.pick(&files).clone();
        let is_single = path.parent() == Some(root);
        match random.below(12) {
            0..3 => {
                // With the same size and time, sometimes: only the content differs.
                let before = path.metadata().unwrap();
                let mut content = fs::read(&path).unwrap();
                if content.is_empty() || random.once_in(3) {
                    content.push(b'+');
                } else {
                    content[0] = content[0].wrapping_add(1);
                }
                fs::write(&path, content).unwrap();
                if random.once_in(3) {
                    use std::os::unix::fs::MetadataExt as _;
                    touch(&path, before.mtime());
                }
            }
            3 => fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap(),
            4 => touch(&path, 1_234_567_890),
            5 | 6 if !is_single => fs::remove_file(&path).unwrap(),
            7 if !is_single => {
                let to = path.with_file_name(name(random));
                if to.symlink_metadata().is_err() {
                    fs::rename(&path, to).unwrap();
                }
            }
            8 if !is_single => {
                fs::remove_file(&path).unwrap();
                fs::create_dir(&path).unwrap();
                file(&path.join("inside"), random);
            }
            9 => link(root, random),
            _ => {
                let path = pick_dir(root, random).join(name(random));
                if path.symlink_metadata().is_err() {
                    file(&path, random);
                }
            }
        }
    }
}
