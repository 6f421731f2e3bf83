//! Cases of the drive itself.

use cback::event::Tally;
use cback::iso9660::{SpaceSize, Volume};
use cback::media::{
    Appendable, Burn, DriveError, Original, Renewal, SECTOR, Thoroughness, Treatment, is_ours,
};

use crate::bench::{Bench, LABELS, Place, SECTORS, burn, content, image, refused};
use crate::pool::noise;

pub fn blank(bench: &Bench) {
    let disc = bench.drive().inspect().unwrap().unwrap();
    assert!(disc.is_blank());
    assert_eq!((disc.label(), disc.used()), (None, 0));
    assert_eq!(disc.appendable, Appendable::Open);
    let room = disc.available(Burn::New);
    assert!(
        room > SECTORS - 12_000 && room <= SECTORS,
        "{room}: {disc:?}"
    );
}

pub fn first(bench: &Bench) {
    let drive = bench.drive();
    let bytes = noise(1, 300_000);
    let burnt = burn(&*drive, Burn::New, LABELS[0], &bytes).unwrap();
    assert!(burnt.faults.is_empty() && burnt.set_aside.is_none());
    let disc = drive.inspect().unwrap().unwrap();
    assert_eq!(disc.sessions, [burnt.session]);
    assert!(is_ours(disc.label().unwrap()));
    assert_eq!(disc.written().unwrap().to_string(), "2026-11-17");
    assert_eq!(content(&*drive, 0), bytes);
}

pub fn appended(bench: &Bench) {
    let drive = bench.drive();
    let (one, two) = (noise(1, 300_000), noise(2, 200_000));
    burn(&*drive, Burn::New, LABELS[0], &one).unwrap();
    let before = drive.inspect().unwrap().unwrap();
    let burnt = burn(&*drive, Burn::Append, LABELS[1], &two).unwrap();
    let disc = drive.inspect().unwrap().unwrap();
    assert_eq!(
        disc.sessions,
        [before.sessions[0].clone(), burnt.session],
        "{disc:?}"
    );
    assert_eq!(disc.label(), Some(LABELS[1].as_bytes()));
    assert!(disc.sessions[0].end <= disc.sessions[1].start);
    assert!(disc.used() > before.used());
    assert!(disc.available(Burn::Append) < before.available(Burn::Append));
    assert!(disc.available(Burn::Append) <= disc.capacity - disc.used());
    assert_eq!(content(&*drive, 0), one);
    assert_eq!(content(&*drive, 1), two);
}

pub fn too_large(bench: &Bench) {
    let drive = bench.drive();
    let room = drive.inspect().unwrap().unwrap().available(Burn::New);
    let large = image(&*drive, Burn::New, LABELS[1], (room + 1) * SECTOR, 0);
    let error = refused(&*drive, Burn::New, &large);
    assert!(
        matches!(error, DriveError::TooLarge { free, .. } if free == room),
        "{error}"
    );
    assert!(drive.inspect().unwrap().unwrap().is_blank());

    burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
    let disc = drive.inspect().unwrap().unwrap();
    let room = disc.available(Burn::Append);
    let large = image(&*drive, Burn::Append, LABELS[1], (room + 1) * SECTOR, 0);
    let error = refused(&*drive, Burn::Append, &large);
    assert!(matches!(error, DriveError::TooLarge { .. }), "{error}");
    assert_eq!(drive.inspect().unwrap().unwrap(), disc);
    assert_eq!(content(&*drive, 0), noise(1, 300_000));
}

pub fn astray(bench: &Bench) {
    let drive = bench.drive();
    burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
    let disc = drive.inspect().unwrap().unwrap();
    let astray = image(&*drive, Burn::Append, LABELS[1], 10, 32);
    let error = refused(&*drive, Burn::Append, &astray);
    assert!(matches!(error, DriveError::Moved { .. }), "{error}");
    assert_eq!(drive.inspect().unwrap().unwrap(), disc);
    assert_eq!(content(&*drive, 0), noise(1, 300_000));
}

pub fn renewed(bench: &Bench) {
    let drive = bench.drive();
    let (one, two) = (noise(1, 300_000), noise(2, 200_000));
    burn(&*drive, Burn::New, LABELS[0], &one).unwrap();
    let disc = drive.inspect().unwrap().unwrap();
    if disc.renewal == Renewal::Insert {
        let anew = image(&*drive, Burn::New, LABELS[1], 10, 0);
        let error = refused(&*drive, Burn::New, &anew);
        assert!(matches!(error, DriveError::NotBlank), "{error}");
        assert_eq!(drive.inspect().unwrap().unwrap(), disc);
        return;
    }
    let burnt = burn(&*drive, Burn::New, LABELS[1], &two).unwrap();
    let kept = burnt.set_aside.is_some_and(|path| path.is_file());
    assert_eq!(kept, disc.renewal == Renewal::SetAside);
    assert_eq!(drive.inspect().unwrap().unwrap().sessions, [burnt.session]);
    assert_eq!(content(&*drive, 0), two);
}

pub fn blanked(bench: &Bench) {
    let drive = bench.drive();
    for how in [Thoroughness::Fast, Thoroughness::All] {
        burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
        let disc = drive.inspect().unwrap().unwrap();
        let done = drive.treat(Treatment::Blank(how), &Tally::default());
        if !bench.kind.0.is_rewritable() {
            let error = done.unwrap_err();
            assert!(error.to_string().contains("written once"), "{error}");
            assert_eq!(drive.inspect().unwrap().unwrap(), disc);
            return;
        }
        done.unwrap();
        assert!(drive.inspect().unwrap().unwrap().is_blank());
    }
    burn(&*drive, Burn::New, LABELS[1], &noise(2, 200_000)).unwrap();
    assert_eq!(content(&*drive, 0), noise(2, 200_000));
}

pub fn closed(bench: &Bench) {
    let drive = bench.drive();
    let nothing = drive.treat(Treatment::Close, &Tally::default());
    assert!(matches!(nothing, Err(DriveError::Cannot { .. })));
    burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
    let open = drive.inspect().unwrap().unwrap();
    if let Err(error) = drive.treat(Treatment::Close, &Tally::default()) {
        // one that is written anywhere has no end that could be marked
        assert_eq!(open.space_size, SpaceSize::Length);
        assert!(error.to_string().contains("no sessions"), "{error}");
        assert_eq!(drive.inspect().unwrap().unwrap(), open);
        return;
    }
    let disc = drive.inspect().unwrap().unwrap();
    assert_eq!(disc.appendable, Appendable::Closed);
    assert_eq!(disc.available(Burn::Append), 0);
    assert_eq!(disc.label(), Some(LABELS[0].as_bytes()));
    let more = image(&*drive, Burn::Append, LABELS[1], 10, 0);
    let error = refused(&*drive, Burn::Append, &more);
    assert!(matches!(error, DriveError::Closed(_)), "{error}");
    let newest = disc.sessions.len() - 1;
    for session in [0, newest] {
        assert_eq!(content(&*drive, session), noise(1, 300_000));
    }
    // once more is no harm
    drive.treat(Treatment::Close, &Tally::default()).unwrap();
    assert_eq!(drive.inspect().unwrap().unwrap(), disc);
}

pub fn taken_out(bench: &Bench) {
    let drive = bench.drive();
    burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
    let next = image(&*drive, Burn::Append, LABELS[1], 10, 0);
    bench.take_out();
    let there = drive.inspect().unwrap();
    if bench.place == Place::File {
        // where there is no file a blank disc is
        assert!(there.unwrap().is_blank());
        let error = drive.treat(Treatment::Eject, &Tally::default());
        assert!(error.unwrap_err().to_string().contains("no tray"));
    } else {
        assert_eq!(there, None);
        let error = drive.treat(Treatment::Close, &Tally::default());
        assert!(matches!(error, Err(DriveError::NoDisc(_))), "{error:?}");
        assert!(matches!(
            refused(&*drive, Burn::Append, &next),
            DriveError::NoDisc(_)
        ));
        assert!(matches!(drive.open().err(), Some(DriveError::NoDisc(_))));
    }
}

pub fn copied(bench: &Bench) {
    let drive = bench.drive();
    burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
    burn(&*drive, Burn::Append, LABELS[1], &noise(2, 200_000)).unwrap();
    let disc = drive.inspect().unwrap().unwrap();
    let sectors = u64::from(disc.newest().unwrap().end);
    let mut bytes = vec![0; usize::try_from(sectors * SECTOR).unwrap()];
    let medium = drive.open().unwrap();
    let mut at = 0;
    while at < bytes.len() {
        match medium.read_at(&mut bytes[at..], at as u64).unwrap() {
            0 => break,
            count => at += count,
        }
    }
    drop(medium);
    bench.fresh(SECTORS);
    let drive = bench.drive();
    let mut original = Original {
        sectors,
        bytes: &mut &bytes[..],
        label: LABELS[1].as_bytes(),
    };
    let aside = drive.duplicate(&mut original, &Tally::default()).unwrap();
    assert_eq!(aside, None);
    drive.reload().unwrap();
    let medium = drive.open().unwrap();
    for (session, expected) in disc
        .sessions
        .iter()
        .zip([noise(1, 300_000), noise(2, 200_000)])
    {
        let volume = Volume::open(&*medium, session.start).unwrap();
        let tree = volume.tree().unwrap();
        let cback::iso9660::Kind::File(content) = &tree.lookup("file").unwrap().kind else {
            panic!("no file")
        };
        let mut there = Vec::new();
        std::io::Read::read_to_end(&mut volume.file(content), &mut there).unwrap();
        assert_eq!(there, expected, "{session:?}");
    }
}

pub fn newest(bench: &Bench) {
    let drive = bench.drive();
    burn(&*drive, Burn::New, LABELS[0], &noise(1, 300_000)).unwrap();
    burn(&*drive, Burn::Append, LABELS[1], &noise(2, 200_000)).unwrap();
    let disc = drive.inspect().unwrap().unwrap();
    let medium = drive.open().unwrap();
    // one that is written anywhere shows the newest where every reader looks
    if disc.space_size == SpaceSize::Length {
        let head = Volume::open(&*medium, 0).unwrap();
        assert_eq!(head.volume_id(), LABELS[1].as_bytes());
    }
    let newest = Volume::open(&*medium, disc.newest().unwrap().start).unwrap();
    assert_eq!(newest.volume_id(), LABELS[1].as_bytes());
    assert!(disc.identity(&*medium).is_some());
}
