//! The catalog's promises.

#![allow(clippy::unwrap_used)]
use super::*;

fn day() -> Day {
    "2026-11-21".parse().unwrap()
}

fn file(name: &str, digest: u8) -> FileRow {
    FileRow {
        day: day(),
        name: name.as_bytes().to_vec(),
        bytes: 7,
        digest: [digest; 32],
    }
}

fn disc(id: &str) -> DiscRow {
    DiscRow {
        id: id.to_owned(),
        label: "CEDAR BACKUP 21-NOV-2026".to_owned(),
        kind: "dvd+r".to_owned(),
        place: "/srv/disc.iso".into(),
    }
}

fn session(number: u32) -> SessionRow {
    SessionRow {
        number,
        start: 32,
        end: 100,
        label: "CEDAR BACKUP 21-NOV-2026".to_owned(),
        burnt: i64::from(number),
    }
}

fn open(path: &Path) -> Catalog {
    Catalog::open(path).unwrap().0
}

#[test]
fn what_was_recorded_is_found_by_day_and_peer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let mut catalog = open(&path);
    let files = [
        file("alpha/etc.tar.gz", 1),
        file("alph/etc.tar.gz", 2),
        file("cback.stage", 3),
    ];
    catalog
        .record_session(&disc("a"), &session(1), &files)
        .unwrap();
    // A session that keeps the files does not move them.
    catalog
        .record_session(&disc("a"), &session(2), &files)
        .unwrap();
    drop(catalog);

    let catalog = open(&path);
    let alpha: PeerName = "alpha".parse().unwrap();
    let copies = catalog.copies(day(), Some(&alpha)).unwrap();
    let expected = CopyRow {
        file: files[0].clone(),
        disc: disc("a"),
        session: 1,
    };
    assert_eq!(copies, [expected]);
    assert_eq!(catalog.copies(day(), None).unwrap().len(), 3);
    assert_eq!(catalog.copies(day().pred(), None).unwrap(), []);
    assert_eq!(catalog.sessions("a").unwrap(), [session(1), session(2)]);
}

#[test]
fn a_disc_is_moved_and_forgotten_with_its_copies() {
    let dir = tempfile::tempdir().unwrap();
    let mut catalog = open(&dir.path().join(FILE_NAME));
    let files = [file("alpha/a", 1), file("alpha/b", 2)];
    catalog
        .record_session(&disc("a"), &session(1), &files)
        .unwrap();
    catalog
        .record_session(&disc("b"), &session(1), &files[..1])
        .unwrap();
    catalog.move_disc("a", Path::new("/shelf/1.iso")).unwrap();
    assert_eq!(catalog.discs().unwrap()[0].place, Path::new("/shelf/1.iso"));

    assert_eq!(
        catalog.disc_with_all(&files, "b").unwrap().as_deref(),
        Some("a")
    );
    assert_eq!(catalog.disc_with_all(&files, "a").unwrap(), None);
    assert_eq!(
        catalog.disc_with_all(&files[..1], "a").unwrap().as_deref(),
        Some("b")
    );

    catalog.forget_disc("a").unwrap();
    assert_eq!(catalog.discs().unwrap(), [disc("b")]);
    assert_eq!(catalog.copies(day(), None).unwrap().len(), 1);
    assert_eq!(catalog.sessions("a").unwrap(), []);
}

#[test]
fn staged_files_are_forgotten_by_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut catalog = open(&dir.path().join(FILE_NAME));
    assert!(!catalog.is_staged(day()).unwrap());
    catalog.record_staged(&[file("alpha/a", 1)]).unwrap();
    assert!(catalog.is_staged(day()).unwrap());
    catalog.forget_staged(day()).unwrap();
    assert!(!catalog.is_staged(day()).unwrap());
}

#[test]
fn a_catalog_is_to_be_filled_until_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    assert_eq!(Catalog::look(&path).unwrap().1, Found::Missing);
    assert_eq!(Catalog::open(&path).unwrap().1, Found::Missing);
    // The run that began it was killed before it had filled it.
    let (mut catalog, found) = Catalog::open(&path).unwrap();
    assert_eq!(found, Found::Unfilled);
    assert_eq!(Catalog::look(&path).unwrap().1, Found::Unfilled);
    catalog.filled().unwrap();
    drop(catalog);
    assert_eq!(Catalog::open(&path).unwrap().1, Found::Sound);
    assert_eq!(Catalog::look(&path).unwrap().1, Found::Sound);
}

#[test]
fn a_damaged_or_foreign_catalog_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    open(&path);

    // Damage in the middle of the file, on the page of the first table.
    let mut catalog = open(&path);
    catalog
        .record_session(&disc("a"), &session(1), &[file("alpha/a", 1)])
        .unwrap();
    drop(catalog);
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in &mut bytes[4096..3 * 4096] {
        *byte = !*byte;
    }
    std::fs::write(&path, bytes).unwrap();
    let (catalog, found) = Catalog::open(&path).unwrap();
    assert!(matches!(found, Found::PutAside { .. }), "{found:?}");
    assert_eq!(catalog.discs().unwrap(), []);
    drop(catalog);

    let text = "no database, but long enough to be taken for one".repeat(20);
    std::fs::write(&path, &text).unwrap();
    let (catalog, found) = Catalog::open(&path).unwrap();
    let Found::PutAside { aside, .. } = found else {
        panic!("{found:?}")
    };
    assert_eq!(std::fs::read_to_string(aside).unwrap(), text);
    assert_eq!(catalog.discs().unwrap(), []);
    drop(catalog);

    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let found = Catalog::open(&path).unwrap().1;
    assert!(matches!(found, Found::PutAside { .. }), "{found:?}");
}
