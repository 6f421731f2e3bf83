//! Collect directories of several peers, a staging directory, and somebody who listens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use cback::clock::SystemClock;
use cback::event::{Event, Monitor};
use cback::peer::{Ignore, Limits, Occasion, Peer};
use cback::stage::{Request, StageError, Staged, Wanted, stage};
use cback::staging::{Daily, Staging};
use cback::units::{AbsPath, Day};

/// Keeps what was told, and does something at the first reports of progress.
#[derive(Default)]
pub struct Ear<'a> {
    pub told: Mutex<Vec<String>>,
    pub disturb: Option<&'a (dyn Fn() + Sync)>,
}

impl Monitor for Ear<'_> {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Problem(problem) => format!("{}: {}", problem.subject, problem.reason),
            Event::Warning(text) => format!("warning: {text}"),
            Event::Progress(_) => {
                if let Some(disturb) = self.disturb {
                    disturb();
                }
                return;
            }
            _ => return,
        };
        self.told.lock().unwrap().push(line);
    }
}

/// Collect directories of several peers, and a staging directory.
pub struct Pool {
    pub root: PathBuf,
    pub _dir: Option<tempfile::TempDir>,
}

impl Pool {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        fs::create_dir(root.join("staging")).unwrap();
        Self {
            root,
            _dir: Some(dir),
        }
    }

    pub fn collect_dir(&self, peer: &str) -> PathBuf {
        self.root.join(peer)
    }

    /// A peer that has collected these files.
    pub fn collected(&self, peer: &str, files: &[(&str, &str)]) {
        let dir = self.collect_dir(peer);
        fs::create_dir_all(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        let indicator = fs::File::create(dir.join("cback.collect")).unwrap();
        // The file system's clock ticks slowly; a collection takes longer than that.
        if let Ok(staged) = fs::metadata(dir.join("cback.stage")) {
            let later = staged.modified().unwrap() + Duration::from_nanos(1);
            indicator.set_modified(later).unwrap();
        }
    }

    pub fn wanted(&self, peers: &[&str]) -> Vec<Wanted> {
        peers
            .iter()
            .map(|name| Wanted {
                peer: Peer::local(
                    name.parse().unwrap(),
                    AbsPath::new(self.collect_dir(name)).unwrap(),
                ),
                ignore: Ignore::None,
            })
            .collect()
    }

    pub fn staging(&self) -> Staging {
        Staging::new(AbsPath::new(self.root.join("staging")).unwrap())
    }

    pub fn daily(&self) -> Daily {
        self.staging().daily(day())
    }

    pub fn stage(&self, peers: &[&str], ear: &Ear<'_>) -> Result<Staged, StageError> {
        self.stage_on(day(), &self.wanted(peers), ear)
    }

    pub fn stage_on(
        &self,
        day: Day,
        peers: &[Wanted],
        ear: &Ear<'_>,
    ) -> Result<Staged, StageError> {
        let staging = self.staging();
        let request = Request {
            day,
            ..Self::request(&staging, peers)
        };
        stage(&request, ear)
    }

    /// An ordinary request for [`day`].
    pub fn request<'a>(staging: &'a Staging, peers: &'a [Wanted]) -> Request<'a> {
        Request {
            staging,
            day: day(),
            peers,
            ids: None,
            occasion: Occasion::Ordinary,
            parallel: 3,
            limits: Limits::default(),
            wait: Duration::ZERO,
            clock: &SystemClock,
        }
    }

    /// Stages, and gives what was told with this pool's own path taken out.
    pub fn told(&self, peers: &[&str]) -> Vec<String> {
        let ear = Ear::default();
        let _ = self.stage(peers, &ear);
        self.heard(&ear)
    }

    pub fn heard(&self, ear: &Ear<'_>) -> Vec<String> {
        let root = self.root.to_str().unwrap();
        let told = ear.told.lock().unwrap();
        told.iter().map(|line| line.replace(root, "")).collect()
    }

    /// Every file below the daily directory with its text.
    pub fn tree(&self) -> Vec<String> {
        let root = self.daily().path().to_owned();
        let mut files: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let name = entry.path().strip_prefix(&root).unwrap().display();
                format!("{name}={}", fs::read_to_string(entry.path()).unwrap())
            })
            .filter(|line| !line.starts_with("SHA256SUMS="))
            .collect();
        files.sort_unstable();
        files
    }

    pub fn assert_sums_hold(&self) {
        assert_sha256sum_agrees(self.daily().path());
        let listed = self.daily().sums().unwrap().unwrap().len();
        let there: usize = self
            .daily()
            .peers()
            .unwrap()
            .iter()
            .map(|peer| self.daily().files(peer).unwrap().len())
            .sum();
        assert_eq!(listed, there);
    }
}

pub fn day() -> Day {
    "2026-11-21".parse().unwrap()
}

fn assert_sha256sum_agrees(dir: &Path) {
    let judge = Command::new("sha256sum")
        .current_dir(dir)
        .args(["-c", "--strict", "--quiet", "SHA256SUMS"])
        .output()
        .unwrap();
    assert!(judge.status.success(), "{judge:?}");
}
