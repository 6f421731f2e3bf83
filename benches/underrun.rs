//! Whether a burner runs out of bytes: directories go through the writer of images, as a backup does, into a sink that
//! takes them at a fixed rate, as a drive does.
//!
//! ```text
//! cargo bench --bench underrun -- [--rate MB/S] DIR…
//! ```
//!
//! Without directories: 20 000 files of 1.5 GB in all, made below `target/`. The sink is at the end of a pipe, where the
//! burning program is; it has a buffer as a drive has (4 MB), which empties at the rate from the moment it was full, whatever
//! arrives. Each tree goes with the ring of bytes that is before every burner, and with the pipe alone: while its files are
//! in the page cache, after they were dropped from it (their directories stay), and while every 4000th file takes 0.3 s
//! longer to open.

#![allow(clippy::unwrap_used)]
#![allow(clippy::cast_precision_loss)] // bytes and rates for people, far below 2^52

use std::io::{self, PipeReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use cback::disc::{Wish, burn};
use cback::event::{Event, Monitor};
use cback::iso9660::{Joliet, ReadAt, SpaceSize};
use cback::media::ring::{self, ring};
use cback::media::{
    Appendable, Burn, Burnt, Disc, Drive, DriveError, MediaKind, Original, Payload, Renewal,
    SECTOR, Session, Treatment,
};
use cback::sums::Hasher;

/// Blu-ray at 16 times its base rate of 4.5 MB/s.
const RATE: f64 = 72.0;
/// A drive's own buffer.
const BUFFER: f64 = (4 << 20) as f64;

/// Of so many files one is held up.
const RARELY: usize = 4000;

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
    println!(
        "| source | before the burner | burnt | rate wanted | rate got | drive empty | without bytes | ring empty | its lowest fill |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for (files, warm, stall) in [
        ("in the page cache", true, Duration::ZERO),
        ("on the disk", false, Duration::ZERO),
        ("held up at times", true, Duration::from_millis(300)),
    ] {
        for (name, buffering) in [("ring", Buffering::Ring), ("pipe", Buffering::Pipe)] {
            for path in &paths {
                touch(path, warm);
            }
            let drive = Sink {
                rate: rate * 1e6,
                buffering,
                stall,
                taken: Mutex::default(),
            };
            let wish = Wish {
                paths: &paths,
                volume_id: Some("UNDERRUN".to_owned()),
                joliet: Joliet::With,
                now: SystemTime::now(),
            };
            burn(&wish, &drive, Burn::New, &Silence).unwrap();
            let taken = drive.taken.lock().unwrap();
            let megabytes = taken.bytes as f64 / 1e6;
            let (empty, lowest) = taken
                .ring
                .map_or((String::new(), String::new()), |(empty, lowest)| {
                    (format!("{empty} times"), format!("{lowest} %"))
                });
            println!(
                "| {files} | {name} | {megabytes:.0} MB | {rate:.1} MB/s | {:.1} MB/s | {} times | {:.2} s | {empty} | {lowest} |",
                megabytes / taken.time.as_secs_f64(),
                taken.empty,
                taken.starved.as_secs_f64(),
            );
        }
    }
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

/// Puts the files of a tree into the page cache, or drops them from it.
fn touch(path: &Path, warm: bool) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            touch(&entry.unwrap().path(), warm);
        }
    } else if path.is_file() {
        let mut file = std::fs::File::open(path).unwrap();
        if warm {
            io::copy(&mut file, &mut io::sink()).unwrap();
        } else {
            let _ = rustix::fs::fsync(&file); // what was not written cannot be dropped
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        }
    }
}

struct Silence;

impl Monitor for Silence {
    fn observe(&self, _: &Event<'_>) {}
}

/// What is between the image and the burning program.
#[derive(Clone, Copy)]
enum Buffering {
    /// What is there in every backup.
    Ring,
    /// Nothing but the program's standard input.
    Pipe,
}

/// A drive with a blank disc that takes everything at its own rate, and keeps nothing.
struct Sink {
    /// Bytes a second.
    rate: f64,
    buffering: Buffering,
    /// How long every [`RARELY`]th file is held up.
    stall: Duration,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    bytes: u64,
    time: Duration,
    /// How often the drive had to write and had no bytes, and for how long.
    empty: u64,
    starved: Duration,
    /// How often our ring was empty, and how low it was at most, before its end was in it.
    ring: Option<(u64, u8)>,
}

impl Sink {
    /// Burns what comes through the pipe.
    fn take(&self, mut pipe: PipeReader) -> io::Result<Taken> {
        let mut taken = Taken::default();
        let mut step = vec![0; 64 << 10];
        let mut fill = 0.0;
        let mut burning: Option<Instant> = None; // the fill is that of this moment
        let mut begun = Instant::now();
        loop {
            let too_much = fill + step.len() as f64 - BUFFER;
            if too_much > 0.0 {
                if burning.is_none() {
                    begun = Instant::now();
                    burning = Some(begun);
                }
                std::thread::sleep(Duration::from_secs_f64(too_much / self.rate));
            }
            let count = pipe.read(&mut step)?;
            if let Some(then) = burning {
                let now = Instant::now();
                let due = (now - then).as_secs_f64() * self.rate;
                if due > fill && count > 0 {
                    taken.empty += 1;
                    taken.starved += Duration::from_secs_f64((due - fill) / self.rate);
                }
                fill = (fill - due).max(0.0);
                burning = Some(now);
            }
            if count == 0 {
                taken.time = begun.elapsed() + Duration::from_secs_f64(fill / self.rate);
                return Ok(taken);
            }
            fill += count as f64;
            taken.bytes += count as u64;
        }
    }
}

/// Computes a digest of what goes through, as before every burner.
struct Hashed<W> {
    out: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
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
        let (burner, stdin) = io::pipe().unwrap();
        let mut opened = 0_usize;
        let mut open = |number| {
            opened += 1;
            if opened.is_multiple_of(RARELY) {
                std::thread::sleep(self.stall);
            }
            (payload.open)(number)
        };
        let lowest = AtomicU8::new(100);
        let (faults, taken) = std::thread::scope(|scope| {
            let sink = scope.spawn(move || self.take(burner));
            let hashed = |out| Hashed {
                out,
                hasher: Hasher::default(),
            };
            let (faults, seen) = match self.buffering {
                Buffering::Pipe => (image.write(&mut hashed(stdin), &mut open), None),
                Buffering::Ring => {
                    let (filling, emptying) = ring(ring::BYTES);
                    let gauge = filling.gauge();
                    // At its end it empties in order.
                    let end = (image.sectors() * SECTOR).saturating_sub(2 * ring::BYTES as u64);
                    let (seen, lowest) = (filling.gauge(), &lowest);
                    let feeder = scope.spawn(move || {
                        let told = |done| {
                            if done < end {
                                lowest.fetch_min(seen.percent(), Relaxed);
                            }
                        };
                        ring::pour(emptying, &mut { stdin }, &told).unwrap();
                    });
                    let mut hashed = Hashed {
                        out: filling,
                        hasher: Hasher::default(),
                    };
                    let faults = image.write(&mut hashed, &mut open);
                    hashed.out.end();
                    feeder.join().unwrap();
                    (faults, Some((gauge.times_empty(), lowest.load(Relaxed))))
                }
            };
            let mut taken = sink.join().unwrap().unwrap();
            taken.ring = seen;
            (faults.unwrap(), taken)
        });
        *self.taken.lock().unwrap() = taken;
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
