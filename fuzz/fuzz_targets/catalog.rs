//! Any bytes as the catalog's file: it is opened or set aside as unusable, and whatever it says is answered with rows or a
//! typed error. It is only a cache: nothing of it is believed without the digests of the files themselves.

#![no_main]

use cback::catalog::Catalog;
use cback::units::Day;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("catalog.sqlite3");
    std::fs::write(&path, bytes).expect("a file");
    let Ok((mut catalog, _)) = Catalog::open(&path) else {
        return;
    };
    let day = Day::new(2026, 11, 21).expect("a day");
    for disc in catalog.discs().unwrap_or_default() {
        let _ = catalog.sessions(&disc.id);
    }
    let _ = catalog.copies(day, None);
    let _ = catalog.is_staged(day);
    let _ = catalog.forget_staged(day);
});
