//! Any bytes as `known_hosts` and as a configuration of SSH: an answer, and no key is trusted that is not in there.
//!
//! Input: `known_hosts`, a zero byte, the configuration.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJ9m0kOQm2kQyLzq3c2Ww1f1q8w3c0m6o0h4p5m4o3n2";

fuzz_target!(|bytes: &[u8]| {
    let at = bytes.iter().position(|byte| *byte == 0);
    let (known, config) = bytes.split_at(at.unwrap_or(bytes.len()));
    // What it includes would be files of this machine.
    let config = config.get(1..).unwrap_or_default();
    let words = config.to_ascii_lowercase();
    if words.windows(7).any(|word| word == b"include") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let (hosts, file) = (
        place.path().join("known_hosts"),
        place.path().join("config"),
    );
    fs::write(&hosts, known).expect("a file");
    fs::write(&file, config).expect("a file");
    if let Ok(trusted) = cback::peer::fuzzing::ssh_files(&hosts, &file, "ada", KEY) {
        let there = known.windows(KEY.len()).any(|some| some == KEY.as_bytes());
        assert!(!trusted || there);
    }
});
