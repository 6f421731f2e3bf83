//! Any bytes as a snapshot of a collection, its head and its records: they end with what they say or an error, and what
//! could be read is written again and then read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cback::collect::fuzzing::head(bytes);
    cback::collect::fuzzing::records(bytes);
});
