//! Where `/proc` is not mounted: extended attributes that cannot be read or set are told of, once in a run, with what to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::call::Call;
use crate::machine::Machine;

/// Days of one week, so that the second has an increment.
const FIRST: &str = "2026-11-24";
const SECOND: &str = "2026-11-25";

/// The call where `/proc` is an empty directory.
fn without_proc(call: Call<'_>) -> Call<'_> {
    let script = "mount -t tmpfs none /proc && exec \"$@\"";
    call.under(["unshare", "--mount", "sh", "-c", script, "sh"])
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    xattr::get(path, name).unwrap()
}

fn machine() -> Machine {
    let machine = Machine::new();
    let source = machine.path("source");
    fs::create_dir(source.join("dir")).unwrap();
    xattr::set(source.join("dir"), "user.album", b"dir").unwrap();
    fs::write(source.join("file"), "file").unwrap();
    xattr::set(source.join("file"), "user.mood", b"file").unwrap();
    for name in ["link", "other", "third"] {
        symlink("file", source.join(name)).unwrap();
        xattr::set(source.join(name), "trusted.note", b"link").unwrap();
    }
    Machine::settle();
    machine
}

#[test]
fn what_collect_cannot_ask_for_is_told_once_and_saved_the_next_time() {
    let machine = machine();
    let ended = without_proc(machine.cback("all").on(FIRST)).run();
    let ended = ended.with_status(10).says(&["/proc", "mount -t proc"]);
    let told = ended.stderr.matches("without /proc").count();
    assert_eq!(told, 1, "{}", ended.stderr);
    // What can be had is had: a directory and a file are opened. The rest is told of to who restores it.
    let into = machine.path("first");
    let restored = machine.cback("restore --into").arg(&into).run();
    let screen = restored.with_status(10).says(&["without /proc"]).stderr;
    for (name, is_whole) in [
        ("link", false),
        ("other", false),
        ("third", false),
        ("dir", true),
    ] {
        let is_named = screen.contains(&format!("source/{name}:"));
        assert_eq!(is_named, !is_whole, "{name}: {screen}");
    }
    let first = machine.restored("first");
    assert_eq!(attribute(&first.join("dir"), "user.album").unwrap(), b"dir");
    assert_eq!(
        attribute(&first.join("file"), "user.mood").unwrap(),
        b"file"
    );
    assert_eq!(attribute(&first.join("link"), "trusted.note"), None);
    // Nothing of them has changed since, and they are saved all the same.
    machine.back_up(SECOND);
    let second = machine.restore("second", "");
    for name in ["link", "other", "third"] {
        let note = attribute(&second.join(name), "trusted.note");
        assert_eq!(note.unwrap(), b"link", "{name}");
    }
}

#[test]
fn what_restore_cannot_set_is_told_once_with_what_to_do() {
    let machine = machine();
    machine.back_up(FIRST);
    let into = machine.path("lame");
    let call = machine.cback("restore --into").arg(&into);
    let ended = without_proc(call).run();
    let ended = ended.with_status(10).says(&[
        "lacks extended attributes",
        "2 others",
        "mount -t proc proc /proc",
        "--existing replace",
    ]);
    let told = ended.stderr.matches("lacks extended attributes").count();
    assert_eq!(told, 1, "{}", ended.stderr);
    let lame = machine.restored("lame");
    assert_eq!(attribute(&lame.join("dir"), "user.album").unwrap(), b"dir");
    assert_eq!(attribute(&lame.join("link"), "trusted.note"), None);
    let call = machine
        .cback("restore --existing replace --into")
        .arg(&into);
    call.run().well();
    for name in ["link", "other", "third"] {
        let note = attribute(&lame.join(name), "trusted.note");
        assert_eq!(note.unwrap(), b"link", "{name}");
    }
}
