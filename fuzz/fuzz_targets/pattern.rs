//! Any text as an exclusion pattern, and any bytes as a path: an answer, in bounded time.
//!
//! Input: the pattern, a zero byte, the path.

#![no_main]

use cback::units::Pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let at = bytes.iter().position(|byte| *byte == 0);
    let (pattern, path) = bytes.split_at(at.unwrap_or(bytes.len()));
    let Ok(text) = std::str::from_utf8(pattern) else {
        return;
    };
    match text.parse::<Pattern>() {
        Ok(pattern) => {
            assert_eq!(pattern.as_str(), text);
            let _ = pattern.matches_bytes(path.get(1..).unwrap_or_default());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
