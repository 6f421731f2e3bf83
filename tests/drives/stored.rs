//! Cases of storing onto a drive.

use cback::event::Tally;
use cback::media::{Appendable, Asked, Burn, Drive, Renewal, Treatment, WrongDisc};
use cback::store::StoreError;

use crate::bench::{Bench, LABELS, SECTORS, burn, content};
use crate::burning::{burning, damage};
use crate::pool::{Pool, noise};

const DAYS: [&str; 2] = ["2026-11-17", "2026-11-18"];

fn stage(pool: &Pool, day: usize, bytes: usize) {
    let seed = day as u64 + 1;
    pool.stage(DAYS[day], &[("alpha/etc.tar.gz", &noise(seed, bytes))]);
}

fn store(pool: &Pool, drive: &dyn Drive, day: usize) -> Result<cback::store::Stored, StoreError> {
    pool.store_with(drive, DAYS[day], Asked::ByRule)
}

pub fn two_days(bench: &Bench) {
    let (pool, drive) = (bench.pool(), bench.drive());
    for day in [0, 1] {
        stage(&pool, day, 100_000);
        let stored = store(&pool, &*drive, day).unwrap();
        assert_eq!(stored.session, day + 1);
        assert_eq!(stored.label, LABELS[day]);
        assert!(stored.burnt > 50 && pool.is_stored(DAYS[day]));
        assert!(pool.heard.take().contains("was read back and is sound"));
    }
    // a run that was killed before it marked the day
    pool.staging
        .daily(crate::pool::day(DAYS[1]))
        .unmark_stored()
        .unwrap();
    let stored = store(&pool, &*drive, 1).unwrap();
    assert_eq!((stored.burnt, stored.session), (0, 2));
    assert!(pool.is_stored(DAYS[1]));
}

pub fn foreign(bench: &Bench) {
    let (pool, drive) = (bench.pool(), bench.drive());
    burn(&*drive, Burn::New, "HOLIDAYS", &noise(1, 300_000)).unwrap();
    let before = drive.inspect().unwrap().unwrap();
    stage(&pool, 1, 100_000);
    let error = store(&pool, &*drive, 1).unwrap_err();
    assert!(
        matches!(&error, StoreError::WrongDisc(WrongDisc::Foreign(label)) if label == b"HOLIDAYS"),
        "{error}"
    );
    assert!(error.wants_another_disc() && !pool.is_stored(DAYS[1]));
    assert_eq!(drive.inspect().unwrap().unwrap(), before);
    assert_eq!(content(&*drive, 0), noise(1, 300_000));
}

pub fn closed(bench: &Bench) {
    let (pool, drive) = (bench.pool(), bench.drive());
    stage(&pool, 0, 100_000);
    store(&pool, &*drive, 0).unwrap();
    if drive.treat(Treatment::Close, &Tally::default()).is_err() {
        return; // one that is written anywhere cannot be
    }
    let before = drive.inspect().unwrap().unwrap();
    assert_eq!(before.appendable, Appendable::Closed);
    stage(&pool, 1, 100_000);
    pool.heard.take();
    match (before.renewal, store(&pool, &*drive, 1)) {
        (Renewal::SetAside, Ok(stored)) => {
            assert_eq!((stored.session, stored.set_aside.is_some()), (1, true));
            assert!(pool.heard.take().contains("takes no other session"));
        }
        (Renewal::Insert | Renewal::Blank, Err(error)) => {
            assert!(error.to_string().contains("closed"), "{error}");
            assert!(!error.to_string().contains("full:"), "{error}");
            assert!(error.wants_another_disc() && !pool.is_stored(DAYS[1]));
            assert_eq!(drive.inspect().unwrap().unwrap(), before);
        }
        (renewal, result) => panic!("{renewal:?}: {result:?}"),
    }
}

pub fn full(bench: &Bench) {
    bench.fresh(SECTORS / 2);
    let (pool, drive) = (bench.pool(), bench.drive());
    // on a CD a first session costs more than a second one
    stage(&pool, 0, 11_000_000);
    store(&pool, &*drive, 0).unwrap();
    let before = drive.inspect().unwrap().unwrap();
    let left = usize::try_from(before.available(Burn::Append) * 2048).unwrap();
    // a file of zeros: nobody reads it
    stage(&pool, 1, 1000);
    let large = pool.staging.daily(crate::pool::day(DAYS[1]));
    let sparse = std::fs::File::create(large.path().join("alpha/large.tar")).unwrap();
    sparse.set_len(left as u64).unwrap();
    match (before.renewal, store(&pool, &*drive, 1)) {
        (Renewal::SetAside, Ok(stored)) => {
            assert_eq!((stored.session, stored.set_aside.is_some()), (1, true));
        }
        (Renewal::Insert | Renewal::Blank, Err(error)) => {
            assert!(matches!(error, StoreError::DiscFull { .. }), "{error}");
            assert!(error.wants_another_disc() && !pool.is_stored(DAYS[1]));
            assert_eq!(drive.inspect().unwrap().unwrap(), before);
        }
        (renewal, result) => panic!("{renewal:?}: {result:?}"),
    }
}

pub fn damaged(bench: &Bench) {
    let (pool, drive) = (bench.pool(), bench.drive());
    stage(&pool, 0, 100_000);
    store(&pool, &*drive, 0).unwrap();
    stage(&pool, 1, 100_000);
    let bytes = noise(2, 100_000);
    let damaging = burning(&*drive, |burn, payload, monitor| {
        let burnt = drive.burn(burn, payload, monitor)?;
        damage(&bench.medium(), &bytes[..64], 5000);
        Ok(burnt)
    });
    let error = store(&pool, &damaging, 1).unwrap_err();
    assert!(
        matches!(error, StoreError::CheckFailed { differences: 1 }),
        "{error}"
    );
    let told = pool.heard.take();
    assert!(told.contains("2026/11/18/alpha/etc.tar.gz: differs from what was written, in sector"));
    assert!(!pool.is_stored(DAYS[1]));
    // the next run writes again what is damaged
    let stored = store(&pool, &*drive, 1).unwrap();
    assert_eq!(stored.session, 3);
    assert!(stored.burnt > 40 && pool.is_stored(DAYS[1]));
    assert!(drive.inspect().unwrap().unwrap().used() < SECTORS);
}
