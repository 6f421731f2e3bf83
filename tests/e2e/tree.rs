//! Directory trees: making them from a few words, and comparing them down to the last attribute.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

/// Writes a file, with the directories above it.
pub fn file(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Makes a program of `text`, with the directories above it. Another process writes it: what we have open for writing
/// is open, too, in a child that another test starts at that moment, and the kernel runs nothing that somebody may
/// still write to (ETXTBSY).
pub fn program(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = writer.stdin.take().unwrap();
    stdin.write_all(text.as_ref()).unwrap();
    drop(stdin);
    assert!(writer.wait().unwrap().success(), "{}", path.display());
}

/// Bytes that no compression makes smaller, the same ones for the same `seed`.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A small home with one of everything that a file system can hold.
pub fn one_of_everything(root: &Path) {
    file(root.join("letter.txt"), "Dear Ada,\n");
    file(root.join("empty"), "");
    file(root.join("photos/2026/beach.jpg"), noise(1, 300_000));
    file(root.join("src/main.c"), "int main(void) { return 0; }\n");
    file(root.join("src/ä ö\nü/with newline"), "x");
    file(root.join(OsStr::from_bytes(b"not-utf8-\xff\xfe")), "bytes");
    file(root.join("back\\slash"), "b");
    file(root.join("n".repeat(250)), "a long name");
    file(
        root.join("d".repeat(120))
            .join("e".repeat(120))
            .join("f".repeat(120)),
        "a long path",
    );
    fs::create_dir(root.join("empty directory")).unwrap();
    fs::hard_link(root.join("letter.txt"), root.join("src/letter, linked")).unwrap();
    symlink("letter.txt", root.join("link")).unwrap();
    symlink("/nowhere/at/all", root.join("dangling")).unwrap();
    symlink("t".repeat(300), root.join("long link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o640),
        0,
    )
    .unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"here", 1 << 20).unwrap();
    sparse.set_len(3 << 20).unwrap();
    xattr::set(root.join("letter.txt"), "user.mood", b"cheerful").unwrap();
    xattr::set(root.join("photos"), "user.album", b"\x00\xff").unwrap();
    fs::set_permissions(root.join("src/main.c"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(
        root.join("empty directory"),
        fs::Permissions::from_mode(0o1777),
    )
    .unwrap();
    age(&root.join("src/main.c"), 946_684_800, 123_456_789);
    age(&root.join("photos/2026"), 1_000_000_000, 1);
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(root.join("back\\slash"), Some(4711), Some(815)).unwrap();
    }
}

/// Gives `path` those permissions.
pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives `path` that time of change.
pub fn age(path: &Path, seconds: i64, nanos: i64) {
    let time = rustix::fs::Timespec {
        tv_sec: seconds,
        tv_nsec: nanos,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, &path, &times, flags).unwrap();
}

/// Demands that both trees are the same: names, kinds, contents, modes, owners, times, links, attributes.
#[track_caller]
pub fn assert_same(expected: &Path, found: &Path) {
    assert_same_in(expected, found, "");
}

/// The same, with what the case was about.
#[track_caller]
pub fn assert_same_in(expected: &Path, found: &Path, case: &str) {
    let (expected, found) = (describe(expected), describe(found));
    let mut faults = Vec::new();
    for (name, entry) in &expected {
        match found.get(name) {
            None => faults.push(format!("{name:?} is missing")),
            Some(other) if other != entry => {
                faults.push(format!(
                    "{name:?} is\n    {other}\n    and should be\n    {entry}"
                ));
            }
            Some(_) => {}
        }
    }
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        faults.push(format!("{name:?} should not be there"));
    }
    faults.truncate(10);
    assert!(
        faults.is_empty(),
        "{case}: the trees differ:\n{}",
        faults.join("\n")
    );
}

/// Relative path to a line with everything about it.
fn describe(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut tree = BTreeMap::new();
    let mut links: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        let meta = path.symlink_metadata().unwrap();
        let kind = meta.file_type();
        let mut line = format!(
            "mode {:o} owner {}:{} time {}.{:09}",
            meta.mode(),
            meta.uid(),
            meta.gid(),
            meta.mtime(),
            meta.mtime_nsec()
        );
        if kind.is_file() {
            let digest = Sha256::digest(fs::read(&path).unwrap());
            line += &format!(" size {} digest {:x?}", meta.len(), &digest[..8]);
        } else if kind.is_symlink() {
            line += &format!(" to {:?}", fs::read_link(&path).unwrap());
        } else if kind.is_block_device() || kind.is_char_device() {
            line += &format!(" device {}", meta.rdev());
        }
        if !kind.is_dir() && meta.nlink() > 1 {
            let first = links
                .entry((meta.dev(), meta.ino()))
                .or_insert_with(|| name.clone());
            line += &format!(" linked with {first:?}");
        }
        if !kind.is_symlink() {
            let mut names: Vec<_> = xattr::list(&path).unwrap().collect();
            names.sort();
            for attribute in names {
                let value = xattr::get(&path, &attribute).unwrap();
                line += &format!(" {attribute:?}={value:x?}");
            }
        }
        tree.insert(name, line);
    }
    tree
}
