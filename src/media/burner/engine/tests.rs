//! The words of the burning programs, and how a program that fails is told from one that complains.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::Tally;
use crate::process::made;
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

const CD_R: u16 = 0x09;
const CD_RW: u16 = 0x0a;
const DVD_R: u16 = 0x11;
const DVD_RW: u16 = 0x14;
const DVD_PLUS_RW: u16 = 0x1a;
const DVD_PLUS_R: u16 = 0x1b;
const BD_R: u16 = 0x41;
const BD_RE: u16 = 0x43;

fn job(purpose: Purpose, profile: u16, manner: Manner, start: u32, sectors: u64) -> Job {
    Job {
        start,
        sectors,
        manner,
        ..Job::of(purpose, Profile(profile))
    }
}

fn words(engine: EngineKind, job: &Job, speed: Option<u32>) -> String {
    let handling = Handling {
        speed: speed.and_then(NonZeroU32::new),
        engine,
        ..Handling::default()
    };
    let engine = Engine::new(Path::new("/dev/sr0"), &handling);
    match engine.command(job) {
        Ok(command) => command.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn each_job_has_its_words() {
    use Manner::{AtOnce, Open, Placed};
    use Purpose::{Blank, Format, Head, Last, Session};
    use Thoroughness::{All, Fast};
    let none = |profile, purpose| job(purpose, profile, Open, 0, 0);
    for (job, speed, own, external) in [
        (
            Job {
                after: Some(32),
                chunk: Chunk::Double,
                ..job(Session, DVD_PLUS_R, Open, 1600, 4000)
            },
            Some(8),
            "-v dev=/dev/sr0 gracetime=0 speed=8 -multi fs=0 -tao dvd_obs=64k -data tsize=4000s -",
            "growisofs '-use-the-force-luke=notray,tty,spare:none' '-speed=8' -C 48,1600 -M '/dev/sr0=/dev/fd/0'",
        ),
        (
            job(Session, DVD_PLUS_RW, Placed, 1600, 4000),
            None,
            "-v dev=/dev/sr0 gracetime=0 fs=0 -tao -data write_start_address=1600s tsize=4000s -",
            "growisofs '-use-the-force-luke=notray,tty,spare:none' '-use-the-force-luke=seek:1600' -Z '/dev/sr0=/dev/fd/0'",
        ),
        (
            job(Head, BD_RE, Placed, 0, 32),
            None,
            "-v dev=/dev/sr0 gracetime=0 fs=0 -tao -data write_start_address=0s tsize=32s -",
            "growisofs '-use-the-force-luke=notray,tty,spare:none' -Z '/dev/sr0=/dev/fd/0'",
        ),
        (
            job(Session, DVD_R, AtOnce, 0, 4000),
            None,
            "-v dev=/dev/sr0 gracetime=0 fs=0 -sao -data tsize=4000s -",
            "growisofs '-use-the-force-luke=notray,tty,spare:none' -dvd-compat -Z '/dev/sr0=/dev/fd/0'",
        ),
        (
            job(Last, BD_R, Open, 0, 4000),
            None,
            "-v dev=/dev/sr0 gracetime=0 fs=0 -tao -data tsize=4000s -",
            "growisofs '-use-the-force-luke=notray,tty,spare:none' -dvd-compat -Z '/dev/sr0=/dev/fd/0'",
        ),
        (
            job(Session, CD_R, Open, 11_702, 40),
            Some(4),
            "-v dev=/dev/sr0 gracetime=0 speed=4 -multi fs=0 -tao -data padsize=260s tsize=40s -",
            "cdrecord -v gracetime=2 dev=/dev/sr0 speed=4 -multi -tao -data padsize=260s tsize=40s -",
        ),
        (
            job(Last, CD_RW, Open, 0, 4000),
            None,
            "-v dev=/dev/sr0 gracetime=0 fs=0 -tao -data padsize=150s tsize=4000s -",
            "cdrecord -v gracetime=2 dev=/dev/sr0 -tao -data padsize=150s tsize=4000s -",
        ),
        (
            none(CD_RW, Blank(All)),
            None,
            "-v dev=/dev/sr0 gracetime=0 blank=all",
            "cdrecord -v gracetime=2 dev=/dev/sr0 blank=all",
        ),
        (
            none(DVD_RW, Blank(Fast)),
            None,
            "-v dev=/dev/sr0 gracetime=0 blank=deformat_sequential_quickest",
            "dvd+rw-format -blank /dev/sr0",
        ),
        (
            none(DVD_RW, Blank(All)),
            None,
            "-v dev=/dev/sr0 gracetime=0 blank=deformat_sequential",
            "dvd+rw-format '-blank=full' /dev/sr0",
        ),
        (
            none(DVD_RW, Format),
            None,
            "-v dev=/dev/sr0 gracetime=0 blank=format_overwrite",
            "dvd+rw-format -force /dev/sr0",
        ),
        (
            none(BD_RE, Format),
            None,
            "-v dev=/dev/sr0 gracetime=0 blank=format_defectmgt",
            "dvd+rw-format -force /dev/sr0",
        ),
        (
            job(Last, DVD_PLUS_R, Open, 1600, 20),
            None,
            "-v dev=/dev/sr0 gracetime=0 fs=0 -tao -data tsize=20s -",
            "/dev/sr0 holds a DVD+R with sessions, which growisofs cannot close without filling it; leave it open, as \
             it can be read all the same, or run `cback disc close` with <engine>cdrskin</engine> in the configuration",
        ),
        (
            none(CD_RW, Format),
            None,
            "-v dev=/dev/sr0 gracetime=0 blank=format_if_needed",
            "/dev/sr0 holds a CD-RW, for which the external burning programs have no such command; \
             <engine>cdrskin</engine> has",
        ),
    ] {
        let plain = |text: String| text.replace('\'', "");
        let found = plain(words(EngineKind::Cdrskin, &job, speed));
        assert_eq!(found, format!("cdrskin {own}"), "{job:?}");
        let found = plain(words(EngineKind::External, &job, speed));
        assert_eq!(found, plain(external.to_owned()), "{job:?}");
    }
}

/// A burning program that is a script.
fn program(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("program");
    made::program(&path, text);
    path
}

fn burnt(text: &str, engine: EngineKind, source: &[u8]) -> (Result<End, DriveError>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let path = program(dir.path(), &text.replace("OUT", &out.to_string_lossy()));
    let nobody = dir.path().join("nobody");
    let handling = Handling {
        engine,
        programs: [
            ("cdrskin", path.clone()),
            ("growisofs", path),
            ("systemd-inhibit", nobody),
        ]
        .map(|(name, path)| (name.to_owned(), path))
        .to_vec(),
        ..Handling::default()
    };
    let engine = Engine::new(Path::new("/dev/sr0"), &handling);
    let job = job(Purpose::Session, DVD_PLUS_R, Manner::Open, 0, 100);
    let result = engine.run(&job, &Tally::default(), &mut |ring| {
        ring.write_all(source)?;
        if source.len() < 100 * 2048 {
            return Err(io::Error::other("the source is gone"));
        }
        Ok(())
    });
    (result, fs::read(out).unwrap_or_default())
}

#[test]
fn what_is_burnt_is_what_was_given_and_each_way_to_fail_is_told() {
    let bytes: Vec<u8> = (0..100 * 2048_u32).map(|at| (at % 251) as u8).collect();
    for engine in [EngineKind::Cdrskin, EngineKind::External] {
        let (result, out) = burnt("cat >OUT", engine, &bytes);
        assert_eq!(result.unwrap(), End::Well);
        assert!(out == bytes);

        // It had all, and then it complained: that has to be looked into.
        let (result, out) = burnt("cat >OUT; echo 'close failed'; exit 5", engine, &bytes);
        let Ok(End::Complained(Complaint { why, .. })) = result else {
            panic!("{result:?}")
        };
        assert!(why.contains("status 5: close failed"), "{why}");
        assert!(out == bytes);

        // It gave up early.
        let (result, _) = burnt(
            "head -c 2048 >OUT; echo 'write error' >&2; exit 5",
            engine,
            &bytes.repeat(100),
        );
        let error = result.unwrap_err();
        assert!(matches!(error, DriveError::Engine { .. }), "{error}");
        assert!(error.to_string().contains("write error"), "{error}");
    }
    // It began elsewhere than it was told.
    let text = "echo 'Starting new track at sector: 32'; cat >OUT";
    let (result, _) = burnt(text, EngineKind::Cdrskin, &bytes);
    assert!(matches!(
        result,
        Err(DriveError::Moved { image: 0, disc: 32 })
    ));
    // The source failed: the program is ended before it could take the end of the pipe for the end of the data.
    let (result, out) = burnt(
        "cat >OUT; echo more >>OUT",
        EngineKind::Cdrskin,
        &bytes[..5],
    );
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains("the source is gone")
    );
    assert!(out.len() <= 5, "{}", out.len());
}
