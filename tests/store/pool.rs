//! A staging directory, a disc and somebody who listens.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use cback::catalog::Catalog;
use cback::event::{Event, Monitor};
use cback::media::{Asked, Blanking, CheckMedia, Drive, FileDrive, MediaKind};
use cback::staging::{Daily, Scope, Staging, choose};
use cback::store::{CheckData, Discs, Store, StoreError, Stored};
use cback::sums::{Digest, Sums};
use cback::units::{AbsPath, Day, Weekday};

pub struct Pool {
    pub dir: PathBuf,
    /// Removes it in the end.
    #[allow(dead_code)] // held
    temporary: Option<tempfile::TempDir>,
    pub staging: Staging,
    pub kind: MediaKind,
    pub sectors: u64,
    pub blanking: Option<Blanking>,
    pub check_media: CheckMedia,
    pub heard: Heard,
}

/// What was told.
#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

impl Monitor for Heard {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Problem(problem) => format!("problem: {}: {}", problem.subject, problem.reason),
            Event::Warning(text) => format!("warning: {text}"),
            Event::Note(text) => format!("note: {text}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Heard {
    /// Everything that was told since the last time.
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join("\n")
    }
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// `length` bytes that do not repeat and depend on `seed`.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

impl Pool {
    /// A pool whose disc is a DVD+R in a file.
    pub fn new() -> Self {
        Self::of(MediaKind::DvdPlusR, MediaKind::DvdPlusR.sectors())
    }

    /// A pool with a disc of that kind and that many sectors.
    pub fn of(kind: MediaKind, sectors: u64) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut pool = Self::at(temporary.path(), kind, sectors);
        pool.temporary = Some(temporary);
        pool
    }

    /// A pool in an existing directory.
    pub fn at(dir: &Path, kind: MediaKind, sectors: u64) -> Self {
        std::fs::create_dir_all(dir.join("staging")).unwrap();
        std::fs::create_dir_all(dir.join("discs")).unwrap();
        Self {
            dir: dir.to_owned(),
            temporary: None,
            staging: Staging::new(AbsPath::new(dir.join("staging")).unwrap()),
            kind,
            sectors,
            blanking: None,
            check_media: CheckMedia::No,
            heard: Heard::default(),
        }
    }

    pub fn target(&self) -> PathBuf {
        self.dir.join("discs/disc.iso")
    }

    pub fn drive(&self) -> FileDrive {
        let path = AbsPath::new(self.target()).unwrap();
        FileDrive::with_capacity(path, self.kind, self.sectors, None)
    }

    pub fn catalog(&self) -> Catalog {
        Catalog::open(&self.dir.join("catalog.sqlite3")).unwrap().0
    }

    /// Stages files `PEER/NAME` for a day, as staging does.
    pub fn stage(&self, date: &str, files: &[(&str, &[u8])]) -> Daily {
        let daily = self.staging.make(day(date), None).unwrap();
        let mut sums = daily.sums().unwrap().unwrap_or_default();
        for (name, bytes) in files {
            let path = daily.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
            sums.insert(*name, Digest::of(bytes));
        }
        daily.unmark_stored().unwrap();
        daily.write_sums(&sums, None).unwrap();
        daily.mark_staged("", None).unwrap();
        daily
    }

    /// Stores what waits on a day, as `cback store` does. Weeks begin on Monday.
    pub fn store(&self, today: &str) -> Result<Stored, StoreError> {
        self.store_with(&self.drive(), today, Asked::ByRule)
    }

    pub fn store_full(&self, today: &str) -> Result<Stored, StoreError> {
        self.store_with(&self.drive(), today, Asked::Full)
    }

    pub fn store_with(
        &self,
        drive: &dyn Drive,
        today: &str,
        asked: Asked,
    ) -> Result<Stored, StoreError> {
        let scope = match asked {
            Asked::Full => Scope::Full,
            Asked::ByRule => Scope::Pending,
        };
        let choice = choose(day(today), scope, &self.staging.states().unwrap()).unwrap();
        let days: Vec<Daily> = choice
            .days()
            .into_iter()
            .map(|day| self.staging.daily(day))
            .collect();
        self.job(drive, today, |job| job.store(&days, choice.day, asked))
    }

    pub fn job<T>(
        &self,
        drive: &dyn Drive,
        today: &str,
        work: impl FnOnce(&mut Store<'_>) -> T,
    ) -> T {
        let mut catalog = self.catalog();
        let today = day(today);
        let date = u64::try_from(today.days_since(day("1970-01-01"))).unwrap();
        work(&mut Store {
            drive,
            staging: &self.staging,
            catalog: &mut catalog,
            ids: None,
            today,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(date * 86_400),
            starting_day: Weekday::Mon,
            blanking: self.blanking,
            check_media: self.check_media,
            check_data: CheckData::Yes,
            discs: Discs::One,
            monitor: &self.heard,
        })
    }

    pub fn is_stored(&self, date: &str) -> bool {
        self.staging.daily(day(date)).is_stored().unwrap()
    }

    /// The files of a day as they are staged, without what does not go onto a disc.
    pub fn staged_sums(&self, date: &str) -> Sums {
        self.staging.daily(day(date)).sums().unwrap().unwrap()
    }
}

/// Runs a program that must succeed; gives what it printed.
pub fn run(program: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new(program)
        .env("LC_ALL", "C")
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{printed}\n{complained}",
        output.status
    );
    printed + &complained
}

/// Extracts the newest session with bsdtar, and every session with xorriso: directories of `into`, named
/// `newest` and by the number of the session.
pub fn extract(disc: &Path, sessions: usize, into: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let newest = into.join("newest");
    std::fs::create_dir(&newest).unwrap();
    run(
        "bsdtar",
        &[
            "-xf".as_ref(),
            disc.as_ref(),
            "-C".as_ref(),
            newest.as_ref(),
        ],
    );
    places.push(newest);
    for number in 1..=sessions {
        let place = into.join(number.to_string());
        let device = format!("stdio:{}", disc.display());
        run(
            "xorriso",
            &[
                "-abort_on".as_ref(),
                "SORRY".as_ref(),
                "-osirrox".as_ref(),
                "on".as_ref(),
                "-load".as_ref(),
                "session".as_ref(),
                number.to_string().as_ref(),
                "-indev".as_ref(),
                device.as_ref(),
                "-extract".as_ref(),
                "/".as_ref(),
                place.as_ref(),
            ],
        );
        run("chmod", &["-R".as_ref(), "u+w".as_ref(), place.as_ref()]);
        places.push(place);
    }
    run(
        "chmod",
        &["-R".as_ref(), "u+w".as_ref(), places[0].as_ref()],
    );
    places
}

/// `sha256sum -c` in every directory of `root` that has a list; says how many there are.
pub fn sha256sum(root: &Path) -> usize {
    let mut lists = 0;
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        if entry.file_name() == "SHA256SUMS" {
            let output = Command::new("sha256sum")
                .current_dir(entry.path().parent().unwrap())
                .args(["--strict", "--quiet", "-c", "SHA256SUMS"])
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            lists += 1;
        }
    }
    lists
}
