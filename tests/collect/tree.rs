//! A tree with everything that archives have trouble with.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// Makes the tree in the empty directory `top`.
pub fn make(top: &Path) {
    let at = |name: &[u8]| top.join(OsStr::from_bytes(name));
    fs::write(at(b"plain"), "text\n").unwrap();
    fs::write(at(b"empty"), "").unwrap();
    fs::write(at(b"large"), vec![0xa5; 3_000_001]).unwrap();
    for name in [
        &b"back\\slash"[..],
        b"new\nline",
        b"sp ace",
        b"no\xff\xfeutf8",
        "umlaut \u{e4}\u{f6}".as_bytes(),
        b"#hash=*?[a]",
        b"-dash",
        b"\\040",
    ] {
        fs::write(at(name), name).unwrap();
    }
    fs::create_dir_all(at(b"dir/empty")).unwrap();
    fs::set_permissions(at(b"dir/empty"), fs::Permissions::from_mode(0o1770)).unwrap();
    links(top);
    long_names(top);
    special(top);
    attributes(top);
    times(top);
}

fn links(top: &Path) {
    fs::write(top.join("linked"), "three names").unwrap();
    fs::hard_link(top.join("linked"), top.join("dir/again")).unwrap();
    fs::hard_link(top.join("linked"), top.join("zlast")).unwrap();
    symlink("plain", top.join("to-file")).unwrap();
    symlink("dir", top.join("to-dir")).unwrap();
    symlink("no such thing", top.join("dangling")).unwrap();
    symlink(OsStr::from_bytes(b"odd\xff\ntarget"), top.join("odd")).unwrap();
    symlink("t/".repeat(1000), top.join("far")).unwrap();
    symlink(
        OsStr::from_bytes(&b"\xc0".repeat(200)),
        top.join("far-no-utf8"),
    )
    .unwrap();
}

/// Names at the limit, and paths beyond what one system call takes.
fn long_names(top: &Path) {
    fs::write(top.join("n".repeat(255)), "long").unwrap();
    let raw = top.join(OsStr::from_bytes(&b"\xe4".repeat(255)));
    fs::write(raw, "long and no UTF-8").unwrap();
    fs::write(top.join("\u{f6}".repeat(120)), "long and UTF-8").unwrap();
    for byte in [b'd', 0xfc] {
        deep(top, byte, 20);
    }
    let mut path = top.to_owned();
    for _ in 0..3 {
        path.push("m".repeat(100));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("middling"), "x").unwrap();
    }
}

/// Directories within directories, 4000 bytes and more.
fn deep(top: &Path, byte: u8, levels: usize) {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let name = OsStr::from_bytes(&[byte; 200]).to_owned();
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut dir = openat(CWD, top, flags, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&dir, &name, Mode::from_raw_mode(0o755)).unwrap();
        dir = openat(&dir, &name, flags, Mode::empty()).unwrap();
    }
    let flags = OFlags::CREATE | OFlags::WRONLY;
    let file = openat(&dir, "bottom", flags, Mode::from_raw_mode(0o640)).unwrap();
    File::from(file).write_all_at(b"deep down", 0).unwrap();
}

fn special(top: &Path) {
    for (name, kind) in [("fifo", "p"), ("null", "c 1 3"), ("block", "b 259 70000")] {
        let mut arguments = vec![name];
        arguments.extend(kind.split(' '));
        run("mknod", &arguments, top);
    }
    std::os::unix::net::UnixListener::bind(top.join("socket")).unwrap();
    let sparse = File::create(top.join("sparse")).unwrap();
    sparse.set_len(50 << 20).unwrap();
    sparse.write_all_at(b"beginning", 0).unwrap();
    sparse.write_all_at(&vec![7; 70_000], 20 << 20).unwrap();
    let hole = File::create(top.join("hole")).unwrap();
    hole.set_len((10 << 20) + 1).unwrap();
    let name = OsStr::from_bytes(b"sparse\xff\xf1");
    let odd = File::create(top.join(name)).unwrap();
    odd.set_len(5 << 20).unwrap();
    odd.write_all_at(b"end", (5 << 20) - 3).unwrap();
}

fn attributes(top: &Path) {
    for name in ["plain", "dir", "sparse"] {
        xattr::set(top.join(name), "user.note", b"any\0\xff bytes\n=").unwrap();
    }
    xattr::set(top.join("plain"), "user.large", &[b'x'; 3000]).unwrap();
    // What cannot be opened to be read may have attributes, too: those of root and of security modules.
    for name in ["to-file", "dangling", "fifo", "null"] {
        xattr::set(top.join(name), "trusted.note", name.as_bytes()).unwrap();
    }
    let acl = "u:1234:rw,g:77:r,m::rwx";
    run("setfacl", &["-m", acl, "empty"], top);
    run("setfacl", &["-m", acl, "-d", "-m", "u:99:rwx", "dir"], top);
    fs::write(top.join("capable"), "").unwrap();
    run("setcap", &["cap_net_bind_service=ep", "capable"], top);
    let program = top.join("setuid");
    fs::write(&program, "").unwrap();
    std::os::unix::fs::chown(&program, Some(4_000_000_000), Some(3_000_000)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).unwrap();
}

fn times(top: &Path) {
    fs::write(top.join("far-away"), "").unwrap();
    for (name, time) in [
        ("plain", "1969-12-31 23:59:58 UTC"),
        ("empty", "2026-02-03 04:05:06.123456789 UTC"),
        ("far-away", "2200-01-01 00:00:00.5 UTC"),
    ] {
        run("touch", &["-h", "-d", time, name], top);
    }
}

fn run(program: &str, arguments: &[&str], dir: &Path) {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}
