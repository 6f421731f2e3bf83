//! Any text as a manifest: reading it ends with entries or a typed error; what could be read is written again and
//! then read as the same.

#![no_main]

use std::io::Write as _;

use cback::archive::manifest::{Entry, Header, ManifestError, ManifestReader, ManifestWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Packed or not: mutations of packed bytes seldom get past the checksum.
    let _ = read(bytes);
    if let Ok((header, entries)) = read(&pack(bytes)) {
        let mut writer = ManifestWriter::new(Vec::new(), &header).expect("memory takes everything");
        for entry in &entries {
            writer.add(entry).expect("memory takes everything");
        }
        let text = writer.finish().expect("memory takes everything");
        let again = read(&pack(&text)).expect("what we write we read");
        assert_eq!(again, (header, entries));
    }
});

fn pack(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text).expect("memory takes everything");
    packer.finish().expect("memory takes everything")
}

fn read(packed: &[u8]) -> Result<(Header, Vec<Entry>), ManifestError> {
    let mut reader = ManifestReader::new(packed)?;
    let header = reader.header().clone();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    Ok((header, entries))
}
