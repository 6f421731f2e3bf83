//! Any bytes as a mailbox: copying what is newer copies nothing that is not there, and all of it if everything is newer.

#![no_main]

use cback::dump::fuzzing::mailbox;
use chrono::{NaiveDate, NaiveDateTime};
use libfuzzer_sys::fuzz_target;

fn day(year: i32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(year, 1, 1).expect("a day");
    day.and_hms_opt(0, 0, 0).expect("midnight")
}

fuzz_target!(|bytes: &[u8]| {
    let mut newer = Vec::new();
    let (all, copied) = mailbox(bytes, day(2026), &mut newer).expect("memory takes everything");
    assert!(copied <= all && newer.len() <= bytes.len());
    let (_, again) = mailbox(&newer, day(2026), &mut Vec::new()).expect("memory takes everything");
    assert!(again <= copied);
});
