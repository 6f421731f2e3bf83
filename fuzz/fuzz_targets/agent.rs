//! Whatever a master says, the agent on a client shows its collect directory and writes `cback.stage` into it, nothing else.
//!
//! Input: which of the protocols (one byte), then what the master says.

#![no_main]

use std::fs;

use cback::peer::{Allowed, serve};
use cback::units::AbsPath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, said)) = bytes.split_first() else {
        return;
    };
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path().join("collect");
    fs::create_dir(&dir).expect("a directory");
    fs::write(place.path().join("secret"), "a secret").expect("a file");
    fs::write(dir.join("a.tar"), "an archive").expect("a file");
    fs::write(dir.join("cback.collect"), "").expect("a file");
    std::os::unix::fs::symlink("../secret", dir.join("link")).expect("a link");
    let allowed = Allowed {
        collect_dir: AbsPath::new(&dir).expect("absolute"),
        actions: Vec::new(),
        cback: vec!["/nonexistent".into()],
    };
    let path = dir.display();
    let words;
    let asked = match which % 5 {
        0 => "cback agent".to_owned(),
        1 => format!("scp -f {path}/cback.collect"),
        2 => format!("scp -f {path}/*"),
        3 => format!("scp -t {path}/cback.stage"),
        _ => {
            words = String::from_utf8_lossy(said);
            words.into_owned()
        }
    };
    // A master of ours says hello first: not every input has to find that out.
    let mut input = if which % 5 == 0 {
        [b"\0\0\0\x05\x01\0\0\0\x03", said].concat()
    } else {
        said.to_vec()
    };
    input.truncate(1 << 20);
    let mut output = Vec::new();
    serve(&allowed, &asked, &mut input.as_slice(), &mut output, None);
    let has = |words: &[u8]| output.windows(words.len()).any(|some| some == words);
    assert!(!has(b"a secret"));
    assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 2);
    for name in fs::read_dir(&dir).expect("readable") {
        let name = name.expect("an entry").file_name();
        let known = ["a.tar", "cback.collect", "link", "cback.stage"];
        assert!(known.iter().any(|known| *known == name), "{name:?}");
    }
    assert_eq!(fs::read(dir.join("a.tar")).expect("there"), b"an archive");
});
