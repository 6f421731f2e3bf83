//! Any bytes as a medium: the sessions, the trees by all names, and what the files contain end with a result or a
//! typed error; a tree that could be read can be laid out again.

#![no_main]

use std::io::Read;

use cback::iso9660::{
    Image, Kind, Names, Options, Volume, readable_sessions, sessions, sessions_of_copy,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let medium = bytes.to_vec();
    let mut starts = vec![0];
    if let Ok(found) = sessions(&medium) {
        starts.extend(found.iter().map(|session| session.start));
    }
    starts.extend(readable_sessions(&medium).starts.last());
    if let Ok(copied) = sessions_of_copy(&medium) {
        assert!(copied.is_sorted_by(|a, b| a.start < b.start));
    }
    for start in starts {
        let Ok(volume) = Volume::open(&medium, start) else {
            continue;
        };
        if let Ok((tree, losses)) = volume.salvage() {
            assert!(!losses.is_empty() || volume.tree().is_ok());
            let listing = volume.listing().into_iter().flatten();
            assert_eq!(losses.is_empty(), listing.filter(Result::is_err).count() == 0);
            let _ = Image::new(tree, &Options::default());
        }
        for names in [Names::RockRidge, Names::Joliet, Names::Plain] {
            let Ok(tree) = volume.tree_of(names) else {
                continue;
            };
            for (_, node) in tree.walk() {
                if let Kind::File(content) = &node.kind {
                    let mut some = volume.file(content).take(1 << 16);
                    let _ = std::io::copy(&mut some, &mut std::io::sink());
                }
            }
            let _ = Image::new(tree, &Options::default());
        }
    }
});
