//! Whether a burner runs out of bytes: directories go through the writer and the ring before every burner into a sink
//! that takes them at a fixed rate, as a drive does.
//!
//! ```text
//! cargo bench --bench underrun -- [--rate MB/S] DIR…
//! ```
//!
//! Without directories: 20 000 files of 1.5 GB in all, made below `target/`. Run it on a machine that has just dropped its
//! caches (`sync; echo 3 >/proc/sys/vm/drop_caches`) to see what the disk does to it.

#![allow(clippy::unwrap_used)]

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use cback::disc::{Wish, burn};
use cback::event::{Event, Monitor};
use cback::iso9660::{Joliet, ReadAt, SpaceSize};
use cback::media::ring::{self, ring};
use cback::media::{
    Appendable, Burn, Burnt, Disc, Drive, DriveError, MediaKind, Original, Payload, Renewal,
    SECTOR, Session, Treatment,
};

/// Blu-ray at 16 times its base rate of 4.5 MB/s.
const RATE: f64 = 72.0;
/// What the sink takes at a time, as a drive does with each WRITE(10).
const STEP: usize = 64 << 10;

fn main() {
    let mut rate = RATE;
    let mut paths = Vec::new();
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        if word == "--rate" {
            rate = words.next().expect("a rate in MB/s").parse().unwrap();
        } else {
            paths.push(PathBuf::from(word));
        }
    }
    if paths.is_empty() {
        paths.push(tree());
    }
    let drive = Sink {
        rate: rate * 1e6,
        taken: Mutex::default(),
    };
    let wish = Wish {
        paths: &paths,
        volume_id: Some("UNDERRUN".to_owned()),
        joliet: Joliet::With,
        now: SystemTime::now(),
    };
    let made = burn(&wish, &drive, Burn::New, &Silence).unwrap();
    let taken = drive.taken.lock().unwrap();
    println!("| burnt | rate wanted | rate got | times empty | lowest fill |");
    println!("|---:|---:|---:|---:|---:|");
    #[allow(clippy::cast_precision_loss)] // for people
    let (burnt, got) = (
        (made.sectors * SECTOR) as f64 / 1e6,
        (made.sectors * SECTOR) as f64 / 1e6 / taken.time.as_secs_f64(),
    );
    println!(
        "| {burnt:.0} MB | {rate:.1} MB/s | {got:.1} MB/s | {} | {} % |",
        taken.empty, taken.lowest
    );
}

/// A tree to burn, made once.
fn tree() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = root.join("target/bench-underrun");
    if !tree.exists() {
        let words = [root.join("benches/tree.py"), tree.clone(), "home".into()];
        let made = std::process::Command::new("python3")
            .args(words)
            .args(["20000", "1500000000"])
            .status();
        assert!(made.unwrap().success(), "benches/tree.py failed");
    }
    tree
}

struct Silence;

impl Monitor for Silence {
    fn observe(&self, _: &Event<'_>) {}
}

/// A drive with a blank disc that takes everything at its own rate, and keeps nothing.
struct Sink {
    /// Bytes a second.
    rate: f64,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    time: Duration,
    empty: u64,
    lowest: u8,
}

impl Drive for Sink {
    fn place(&self) -> &Path {
        Path::new("the sink")
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        Ok(Some(Disc {
            kind: MediaKind::BdR,
            sessions: Vec::new(),
            next_writable: 0,
            first_writable: 0,
            capacity: MediaKind::BdR.sectors(),
            appendable: Appendable::Open,
            renewal: Renewal::Insert,
            space_size: SpaceSize::default(),
        }))
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        unreachable!("nothing is kept")
    }

    fn burn(
        &self,
        _: Burn,
        payload: &mut Payload<'_, '_>,
        _: &dyn Monitor,
    ) -> Result<Burnt, DriveError> {
        let image = payload.image;
        let (mut filling, mut emptying) = ring(ring::BYTES);
        let gauge = filling.gauge();
        let faults = std::thread::scope(|scope| {
            let sink = scope.spawn(|| {
                emptying.wait_until_full();
                let mut step = vec![0; STEP];
                let (begin, mut done, mut lowest) = (Instant::now(), 0, 100);
                let total = image.sectors() * SECTOR;
                loop {
                    // At its end the ring empties in order.
                    if total - done > ring::BYTES as u64 {
                        lowest = gauge.percent().min(lowest);
                    }
                    let count = emptying.read(&mut step)?;
                    if count == 0 {
                        break;
                    }
                    done += count as u64;
                    #[allow(clippy::cast_precision_loss)] // far below 2^52
                    let due = Duration::from_secs_f64(done as f64 / self.rate);
                    std::thread::sleep(due.saturating_sub(begin.elapsed()));
                }
                *self.taken.lock().unwrap() = Taken {
                    time: begin.elapsed(),
                    empty: gauge.times_empty(),
                    lowest,
                };
                Ok::<_, io::Error>(())
            });
            let written = image.write(&mut filling, payload.open);
            filling.end();
            sink.join().unwrap().unwrap();
            written.unwrap()
        });
        Ok(Burnt {
            session: Session {
                start: image.start(),
                end: image.end(),
                label: payload.label.as_bytes().to_vec(),
            },
            faults,
            set_aside: None,
        })
    }

    fn duplicate(
        &self,
        _: &mut Original<'_>,
        _: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        unreachable!("nothing is copied")
    }

    fn treat(&self, _: Treatment, _: &dyn Monitor) -> Result<(), DriveError> {
        Ok(())
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        Ok(Vec::new())
    }

    fn reload(&self) -> Result<(), DriveError> {
        Ok(())
    }
}
