//! Any text as each of the small values that configurations, file names and command lines have: a value that can be
//! shown and is read as the same again, or a typed error.

#![no_main]

use std::ffi::OsStr;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::str::FromStr;

use cback::media::ScsiId;
use cback::staging::whole_name;
use cback::sums::Sums;
use cback::units::{
    AbsPath, ActionName, ArchiveName, ByteSize, CommandLine, Day, Digest, Naming, PeerName, Proof,
};
use libfuzzer_sys::fuzz_target;

fn read<T: FromStr<Err: Display> + Display + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => assert!(
            value
                .to_string()
                .parse::<T>()
                .is_ok_and(|same| same == value)
        ),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    for naming in [Naming::V2, Naming::V3] {
        let name = ArchiveName::of(Path::new(OsStr::from_bytes(bytes)), naming);
        let name = name.as_os_str().as_bytes();
        assert!(!name.contains(&b'/') && name.len() <= 255);
    }
    let _ = AbsPath::new(OsStr::from_bytes(bytes));
    let _ = whole_name(bytes);
    let _ = Digest::from_hex(bytes);
    if let Ok(sums) = Sums::parse(bytes) {
        assert_eq!(Sums::parse(&sums.to_text()), Ok(sums));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    read::<Day>(text);
    read::<Proof>(text);
    read::<PeerName>(text);
    read::<ActionName>(text);
    let _ = text.parse::<ByteSize>();
    let _ = text.parse::<ScsiId>();
    if let Ok(line) = text.parse::<CommandLine>() {
        assert!(!line.words().is_empty());
    }
});
