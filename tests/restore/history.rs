//! Random histories: whatever happens to a tree day by day, every day comes back as it was. Once with the plain
//! collector of these tests, which skips whatever did not change at all; once with the real actions.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cback::archive::Compression;
use cback::archive::manifest::Coverage;
use cback::clock::SystemClock;
use cback::collect::{self, Compare, Full, Mode, Shape, Source};
use cback::peer::{Ignore, Limits, Occasion, Peer};
use cback::restore::{Request, Shelf};
use cback::select::Rules;
use cback::stage;
use cback::staging::Staging;
use cback::units::{AbsPath, ArchiveName, Naming, Weekday};
use proptest::prelude::*;

use super::pool::{self, Heard, Pool, picture, picture_in_parts, restore_from};

const NAMES: [&str; 6] = ["a", "a.b", "a-", "b", "b/c", "b/d"];

/// Something that happens to a tree; it may fail, as it would on a real machine.
#[derive(Debug, Clone)]
enum Change {
    Write(&'static str, u8, usize),
    Dir(&'static str),
    Link(&'static str, &'static str),
    HardLink(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Delete(&'static str),
    Mode(&'static str, u32),
    Attribute(&'static str, u8),
    Time(&'static str, i64),
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

fn change() -> impl Strategy<Value = Change> {
    let size = prop::sample::select(vec![0, 1, 511, 512, 5000, 300_000]);
    prop_oneof![
        4 => (name(), 0..4u8, size).prop_map(|(name, byte, size)| Change::Write(name, byte, size)),
        2 => name().prop_map(Change::Dir),
        1 => (name(), name()).prop_map(|(name, to)| Change::Link(name, to)),
        2 => (name(), name()).prop_map(|(name, to)| Change::HardLink(name, to)),
        2 => (name(), name()).prop_map(|(name, to)| Change::Rename(name, to)),
        2 => name().prop_map(Change::Delete),
        1 => (name(), prop::sample::select(vec![0o600, 0o755, 0o1777, 0o6711, 0o000]))
            .prop_map(|(name, mode)| Change::Mode(name, mode)),
        1 => (name(), 0..3u8).prop_map(|(name, byte)| Change::Attribute(name, byte)),
        1 => (name(), -5..2_000_000_000i64).prop_map(|(name, time)| Change::Time(name, time)),
    ]
}

fn apply(root: &Path, change: &Change) {
    let at = |name: &str| root.join(name);
    let remove = |name: &str| {
        let path = at(name);
        let _ = fs::remove_dir_all(&path);
        let _ = fs::remove_file(&path);
    };
    let _ = match change {
        Change::Write(name, byte, size) => fs::write(at(name), vec![*byte; *size]),
        Change::Dir(name) => fs::create_dir(at(name)),
        Change::Link(name, to) => symlink(to, at(name)),
        Change::HardLink(name, to) => fs::hard_link(at(name), at(to)),
        Change::Rename(name, to) => fs::rename(at(name), at(to)),
        Change::Delete(name) => {
            remove(name);
            Ok(())
        }
        Change::Mode(name, mode) => match fs::symlink_metadata(at(name)) {
            Ok(meta) if !meta.is_symlink() => {
                fs::set_permissions(at(name), fs::Permissions::from_mode(*mode))
            }
            _ => Ok(()),
        },
        Change::Attribute(name, byte) => match fs::symlink_metadata(at(name)) {
            Ok(meta) if !meta.is_symlink() => xattr::set(at(name), "user.a", &[*byte]),
            _ => Ok(()),
        },
        Change::Time(name, time) => {
            let time = rustix::fs::Timespec {
                tv_sec: *time,
                tv_nsec: 987_654_321,
            };
            let times = rustix::fs::Timestamps {
                last_access: time,
                last_modification: time,
            };
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(rustix::fs::CWD, at(name), &times, flags).map_err(Into::into)
        }
    };
}

/// A machine that collects and stages itself.
struct Road {
    dir: tempfile::TempDir,
    source: Source,
}

impl Road {
    fn new(compression: Compression) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["source", "collect", "work", "staging"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let path = AbsPath::new(dir.path().join("source")).unwrap();
        // A source that is suddenly empty is a problem.
        fs::write(path.join("stays"), "").unwrap();
        let source = Source {
            name: ArchiveName::of(&path, Naming::V3),
            path,
            shape: Shape::Dir {
                rules: Rules::default(),
                recursion_level: 0,
            },
            mode: Mode::Incr,
            compression,
            level: None,
            compare: Compare::Metadata,
        };
        Self { dir, source }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn collect(&self, day: u32, full: Full) {
        let heard = Heard::default();
        let request = collect::Request {
            sources: std::slice::from_ref(&self.source),
            collect_dir: &self.at("collect"),
            working_dir: &self.at("work"),
            day: pool::day(day),
            start: Weekday::Mon,
            full,
            ids: None,
            now: SystemTime::now(),
        };
        collect::run(&request, &heard).unwrap();
        assert_eq!(heard.0.into_inner().unwrap(), [""; 0]);
    }

    fn stage(&self, day: u32) {
        let heard = Heard::default();
        let collect_dir = AbsPath::new(self.at("collect")).unwrap();
        let wanted = stage::Wanted {
            peer: Peer::local("alpha".parse().unwrap(), collect_dir),
            ignore: Ignore::None,
        };
        let request = stage::Request {
            staging: &Staging::new(AbsPath::new(self.at("staging")).unwrap()),
            day: pool::day(day),
            peers: &[wanted],
            ids: None,
            occasion: Occasion::Ordinary,
            parallel: 1,
            limits: Limits::default(),
            wait: Duration::ZERO,
            clock: &SystemClock,
        };
        stage::stage(&request, &heard).unwrap();
        assert_eq!(heard.0.into_inner().unwrap(), [""; 0]);
    }

    /// What the source was like at the end of `day`.
    fn restored(&self, day: u32) -> String {
        self.restored_in_parts(day, 0)
    }

    fn restored_in_parts(&self, day: u32, levels: usize) -> String {
        let request = Request {
            as_of: Some(pool::day(day)),
            into: self.at(&format!("into-{day}")),
            ..Request::default()
        };
        let staging = Shelf::open(&self.at("staging")).unwrap();
        let (summary, told) = restore_from(&request, &[staging]);
        summary.unwrap();
        assert_eq!(told, [""; 0]);
        let into = request.into.join(pool::relative(&self.source.path));
        picture_in_parts(&into, levels)
    }
}

#[test]
fn a_directory_with_an_archive_of_its_own_that_is_gone_does_not_come_back() {
    let mut road = Road::new(Compression::Gzip);
    road.source.shape = Shape::Dir {
        rules: Rules::default(),
        recursion_level: 1,
    };
    for name in ["ada", "bob"] {
        fs::create_dir(road.source.path.join(name)).unwrap();
        fs::write(road.source.path.join(name).join("file"), name).unwrap();
    }
    let mut pictures = Vec::new();
    for day in [17, 18] {
        road.collect(day, Full::No);
        road.stage(day);
        pictures.push(picture(&road.source.path));
        let _ = fs::remove_dir_all(road.source.path.join("bob"));
    }
    assert_eq!(road.restored(17), pictures[0]);
    assert_eq!(road.restored(18), pictures[1]);
}

/// How a day goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Night {
    Usual,
    /// The master does not come.
    NotStaged,
    /// Everything is done once more.
    Twice,
    Full,
}

#[test]
fn a_source_in_parts_comes_back_without_the_parts_that_were_deleted() {
    let mut road = Road::new(Compression::Gzip);
    road.source.shape = Shape::Dir {
        rules: Rules::default(),
        recursion_level: 2,
    };
    let at = |name: &str| road.source.path.join(name);
    for name in ["kept", "deleted"] {
        fs::create_dir_all(at(name).join("deep")).unwrap();
        fs::write(at(name).join("file"), name).unwrap();
        fs::write(at(name).join("deep/file"), name).unwrap();
    }
    fs::write(at("loose"), "x").unwrap();
    let mut pictures = vec![picture(&road.source.path)];
    road.collect(2, Full::No);
    road.stage(2);
    fs::remove_dir_all(at("deleted")).unwrap();
    fs::write(at("kept/second"), "2").unwrap();
    pictures.push(picture(&road.source.path));
    road.collect(3, Full::No);
    road.stage(3);
    for (day, expected) in (2..).zip(&pictures) {
        assert_eq!(road.restored(day), *expected, "day {day}");
    }
}

#[test]
fn of_sources_within_one_another_the_latest_wins() {
    let mut road = Road::new(Compression::Gzip);
    let outer = road.source.path.clone();
    let whole = road.source.clone();
    fs::create_dir(outer.join("etc")).unwrap();
    fs::write(outer.join("etc/file"), "old").unwrap();
    fs::write(outer.join("other"), "x").unwrap();
    road.collect(2, Full::No);
    road.stage(2);
    fs::write(outer.join("etc/file"), "new").unwrap();
    let expected = picture(&outer);
    let inner = AbsPath::new(outer.join("etc")).unwrap();
    road.source = Source {
        name: ArchiveName::of(&inner, Naming::V3),
        path: inner,
        ..whole.clone()
    };
    road.collect(3, Full::No);
    road.stage(3);
    road.source = whole;
    assert_eq!(road.restored(3), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_day_of_a_history_comes_back(
        days in prop::collection::vec((prop::collection::vec(change(), 0..10), 0..4u8), 2..6),
        compression in prop::sample::select(Compression::ALL.to_vec()),
    ) {
        let mut pool = Pool::new();
        pool.compression = compression;
        let mut pictures = Vec::new();
        for (number, (changes, full)) in (1..).zip(&days) {
            for change in changes {
                apply(&pool.source(), change);
            }
            let full = number == 1 || *full == 0;
            pool.collect(number, if full { Coverage::Full } else { Coverage::Incremental });
            pictures.push(picture(&pool.source()));
        }
        for (number, expected) in (1..).zip(&pictures) {
            let restored = pool.restore_day(number, &format!("into-{number}"));
            prop_assert_eq!(&picture(&restored), expected, "day {}", number);
        }
    }

    #[test]
    fn every_day_that_was_staged_comes_back_from_the_real_actions(
        days in prop::collection::vec(
            (
                prop::collection::vec(change(), 0..6),
                prop::sample::select(vec![
                    Night::Usual, Night::Usual, Night::NotStaged, Night::Twice, Night::Full,
                ]),
            ),
            2..6,
        ),
        // The master comes before or after midnight.
        late in 0..2u32,
        compression in prop::sample::select(Compression::ALL.to_vec()),
        level in 0..3i64,
    ) {
        let mut road = Road::new(compression);
        road.source.shape = Shape::Dir { rules: Rules::default(), recursion_level: level };
        let mut pictures: Vec<(u32, String)> = Vec::new();
        let levels = usize::try_from(level).unwrap();
        // The week begins on the 9th.
        for (day, (changes, night)) in (6..).zip(&days) {
            for change in changes {
                apply(&road.source.path, change);
            }
            let full = if *night == Night::Full { Full::Yes } else { Full::No };
            road.collect(day, full);
            if *night != Night::NotStaged {
                road.stage(day + late);
            }
            if *night == Night::Twice {
                apply(&road.source.path, &Change::Write("twice", 7, 70));
                road.collect(day, full);
                road.stage(day + late);
            }
            if *night != Night::NotStaged {
                pictures.push((day, picture_in_parts(&road.source.path, levels)));
            }
        }
        for (day, expected) in &pictures {
            prop_assert_eq!(&road.restored_in_parts(*day, levels), expected, "day {}", day);
        }
    }
}
