//! Any bytes as a file that Cedar Backup left: reading it ends with what it says or a typed error, in little memory.

#![no_main]

use cback::legacy::{Digests, LegacyError, dumped_until, revision};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a directory for temporary files");
    std::fs::write(file.path(), bytes).expect("room for a few bytes");
    let errors = [
        Digests::load(file.path()).err(),
        revision(file.path()).err(),
        dumped_until(file.path()).err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(matches!(error, LegacyError::Unsound { .. }), "{error}");
    }
});
