//! Programs that tests make.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Makes a program of the shell's words in `text`. Another process writes it: what we have open for writing is open, too,
/// in a child that another test starts at that moment, and the kernel runs nothing that somebody may still write to
/// (ETXTBSY).
pub(crate) fn program(path: &Path, text: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = writer.stdin.take().unwrap();
    write!(stdin, "#!/bin/sh\n{text}\n").unwrap();
    drop(stdin);
    assert!(writer.wait().unwrap().success());
}
