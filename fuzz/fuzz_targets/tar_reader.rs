//! Any bytes as an archive: reading it ends with members or a typed error, whatever lengths it promises.

#![no_main]

use std::io::Read as _;

use cback::archive::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut input = bytes;
    let mut reader = Reader::new(&mut input);
    let mut buffer = [0; 4096];
    while let Ok(Some(member)) = reader.next_member() {
        // The beginning with its holes (a file of zeros may be as long as it likes), the rest without them.
        let mut start = Vec::new();
        let read = (&mut reader).take(1 << 16).read_to_end(&mut start);
        assert!(read.map_or(0, |read| read as u64) <= member.size);
        let mut last = 0;
        while let Ok(Some((at, count))) = reader.read_data(&mut buffer) {
            assert!(count > 0 && at >= last && at + count as u64 <= member.size);
            last = at + count as u64;
        }
    }
});
