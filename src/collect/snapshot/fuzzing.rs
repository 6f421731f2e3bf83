//! A way in for the fuzz targets: the head and the records of a snapshot, without the digest that keeps them from strangers.

use super::head::Head;
use super::record::{Decoder, Encoder};

/// Reads `bytes` as a head.
pub fn head(bytes: &[u8]) {
    if let Ok(head) = Head::parse(bytes)
        && let Ok(text) = head.text()
    {
        assert_eq!(Head::parse(&text).as_ref(), Ok(&head));
    }
}

/// Reads `bytes` as records; what could be read is written again and then read as the same.
pub fn records(mut bytes: &[u8]) {
    let mut decoder = Decoder::new(&mut bytes);
    let mut records = Vec::new();
    while let Ok(Some(record)) = decoder.next_record() {
        records.push(record);
    }
    let mut encoder = Encoder::default();
    let mut again = Vec::new();
    for record in &records {
        again.extend_from_slice(encoder.encode(record));
    }
    let mut again = again.as_slice();
    let mut decoder = Decoder::new(&mut again);
    for record in &records {
        assert!(matches!(decoder.next_record(), Ok(Some(same)) if same == *record));
    }
}
