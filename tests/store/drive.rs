//! A drive whose calls fail, and one that somebody else holds. What every drive must do is in `tests/drives`.

use std::cell::Cell;
use std::io;

use cback::event::Tally;
use cback::iso9660::{Content, Image, Meta, Options, SpaceSize, Tree};
use cback::media::{Asked, Burn, Burnt, Drive, DriveError, FileDrive, MediaKind, Payload};
use cback::units::AbsPath;

use crate::burning::Otherwise;
use crate::pool::{Pool, noise};

/// A drive whose call number `failing` fails; `calls` counts them.
fn flaky<'d>(inner: &'d dyn Drive, calls: &'d Cell<u32>, failing: u32) -> Otherwise<'d> {
    let before = move || {
        calls.set(calls.get() + 1);
        if calls.get() == failing {
            return Err(DriveError::Io {
                path: inner.place().to_owned(),
                doing: "reach",
                source: io::Error::other("the cable is out"),
            });
        }
        Ok(())
    };
    Otherwise {
        inner,
        before: Box::new(before),
        burns: None,
    }
}

const LABELS: [&str; 2] = ["CEDAR BACKUP 17-NOV-2026", "CEDAR BACKUP 18-NOV-2026"];

fn image(start: u32, label: &str, bytes: u64) -> Image {
    let mut tree = Tree::new(Meta::default());
    let content = Content::New { source: 0, bytes };
    tree.add_file("file", Meta::default(), content).unwrap();
    let options = Options {
        start,
        volume_id: label.to_owned(),
        space_size: SpaceSize::Length,
        ..Options::default()
    };
    Image::new(tree, &options).unwrap()
}

fn burn(drive: &dyn Drive, burn: Burn, label: &str, bytes: &[u8]) -> Result<Burnt, DriveError> {
    let disc = drive.inspect()?.unwrap();
    let image = image(disc.start(burn), label, bytes.len() as u64);
    let mut payload = Payload {
        image: &image,
        label,
        open: &mut |_| Ok(Box::new(bytes)),
    };
    drive.burn(burn, &mut payload, &Tally::default())
}

#[test]
fn a_second_process_is_kept_off_the_disc() {
    let dir = tempfile::tempdir().unwrap();
    let path = AbsPath::new(dir.path().join("disc.iso")).unwrap();
    let drive = FileDrive::new(path.clone(), MediaKind::DvdPlusR, None);
    burn(&drive, Burn::New, LABELS[0], b"first").unwrap();
    let held = std::fs::File::open(path.as_path()).unwrap();
    held.lock().unwrap();
    let refused = burn(&drive, Burn::Append, LABELS[1], b"second");
    assert!(matches!(refused, Err(DriveError::Busy(_))), "{refused:?}");
    drop(held);
    burn(&drive, Burn::Append, LABELS[1], b"second").unwrap();
}

#[test]
fn whichever_call_fails_the_next_run_completes_the_work() {
    let mut failed = 0;
    for failing in 1.. {
        let pool = Pool::new();
        pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 100_000))]);
        pool.store("2026-11-17").unwrap();
        let before = std::fs::read(pool.target()).unwrap();
        pool.stage("2026-11-18", &[("alpha/etc.tar.gz", &noise(2, 100_000))]);
        let (own, calls) = (pool.drive(), Cell::new(0));
        let drive = flaky(&own, &calls, failing);
        let result = pool.store_with(&drive, "2026-11-18", Asked::ByRule);
        if calls.get() < failing {
            assert!(result.is_ok());
            break;
        }
        // The catalog alone is no reason not to mark a day.
        if result.is_err() {
            failed += 1;
            assert!(!pool.is_stored("2026-11-18"), "call {failing}");
        }
        let after = std::fs::read(pool.target()).unwrap();
        assert!(
            after[32 * 2048..].starts_with(&before[32 * 2048..]),
            "call {failing}"
        );
        if result.is_err() {
            let stored = pool.store("2026-11-18").unwrap();
            assert_eq!(stored.session, 2, "call {failing}");
        }
        assert!(pool.is_stored("2026-11-18"));
    }
    assert!(failed >= 5, "{failed}");
}
