//! What other programs and the system tell: lists of `aws`, compiled time zones. Anything ends with an answer.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cback::event::fuzz_zone(bytes);
    let bucket = "bucket/some/place".parse().expect("a place");
    cback::upload::fuzz_listing(bytes, &bucket);
});
