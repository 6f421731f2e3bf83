//! A burn whose process is killed in the middle.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cback::event::Tally;
use cback::media::{Burn, Drive, Payload, ring};
use cback::store::StoreError;

use crate::bench::{Bench, Kind, LABELS, Place, SECTORS, burn, content, image};
use crate::pool::noise;

/// Set for the process that is killed: the disc's kind and, if it is one, its file.
const KIND: &str = "CBACK_TEST_KILLED_KIND";
const FILE: &str = "CBACK_TEST_KILLED_FILE";
/// A file that says how far it has come.
const REACHED: &str = "CBACK_TEST_KILLED_REACHED";

/// More than the ring holds, so that some of it is on the disc.
const BYTES: u64 = ring::BYTES as u64 + (24 << 20);
const STOP: u64 = ring::BYTES as u64 + (12 << 20);

/// Burns what never ends, if this is the process that is to be killed.
pub fn burns_for_ever() -> bool {
    let Some(word) = std::env::var_os(KIND) else {
        return false;
    };
    let Kind(kind, _) = crate::kinds().find(|kind| word == kind.1).unwrap();
    let drive = Bench::drive_at(std::env::var_os(FILE).map(PathBuf::from), kind, SECTORS);
    let image = image(&*drive, Burn::Append, LABELS[1], BYTES, 0);
    let mut payload = Payload {
        image: &image,
        label: LABELS[1],
        open: &mut |_| Ok(Box::new(Endless(0))),
    };
    drive
        .burn(Burn::Append, &mut payload, &Tally::default())
        .unwrap();
    true
}

/// Bytes that stop coming.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 > STOP {
            std::fs::write(std::env::var_os(REACHED).unwrap(), "")?;
            loop {
                std::thread::park();
            }
        }
        buffer.fill(0x5a);
        self.0 += buffer.len() as u64;
        Ok(buffer.len())
    }
}

fn kill_in_the_middle(bench: &Bench) {
    let reached = bench.path("reached");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &bench.test])
        .env(KIND, bench.kind.1)
        .env(REACHED, &reached);
    if bench.place == Place::File {
        command.env(FILE, bench.medium());
    }
    let mut child = command.spawn().unwrap();
    while !reached.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // the burning program is still busy with what it has
    while Path::new("/dev/sr0").exists() && is_running("cdrskin") {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_running(program: &str) -> bool {
    let found = Command::new("pgrep").args(["-x", program]).output();
    found.unwrap().status.success()
}

/// What was on the disc is there, nothing of what was broken off is taken for a session, and the next run stores its day or
/// says that it needs another disc.
pub fn killed(bench: &Bench) {
    let drive = bench.drive();
    let old = noise(1, 300_000);
    burn(&*drive, Burn::New, LABELS[0], &old).unwrap();
    let before = drive.inspect().unwrap().unwrap();
    kill_in_the_middle(bench);

    let after = drive.inspect().unwrap().unwrap();
    assert_eq!(after.sessions[0], before.sessions[0]);
    assert_eq!(content(&*drive, 0), old);
    assert_ne!(after.label(), Some(LABELS[1].as_bytes()), "{after:?}");

    let pool = bench.pool();
    pool.stage("2026-11-19", &[("alpha/etc.tar.gz", &noise(3, 100_000))]);
    let next =
        |drive: &dyn Drive| pool.store_with(drive, "2026-11-19", cback::media::Asked::ByRule);
    match next(&*drive) {
        Ok(stored) => assert_eq!(stored.marked.len(), 1),
        Err(error) => {
            assert!(error.wants_another_disc(), "{error}");
            assert!(matches!(error, StoreError::WrongDisc(_)), "{error}");
            assert!(!pool.is_stored("2026-11-19"));
            bench.fresh(SECTORS);
            next(&*bench.drive()).unwrap();
        }
    }
    assert!(pool.is_stored("2026-11-19"));
}
