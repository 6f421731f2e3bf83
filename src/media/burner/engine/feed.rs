//! A program that burns while it is fed: this thread fills a ring, one empties it into the program, one hears what it prints.

use std::io;
use std::thread;

use super::{Fill, Job, hear, task};
use crate::event::{Event, Fill as Fullness, Monitor, Progress};
use crate::media::SECTOR;
use crate::media::ring::{self, Filling};
use crate::process::Running;

/// What came of it.
pub(super) struct Fed {
    /// What came of filling the ring.
    pub filled: io::Result<()>,
    /// And of emptying it into the program.
    pub poured: io::Result<()>,
    /// How often the ring was empty meanwhile.
    pub times_empty: u64,
    /// What the program printed.
    pub told: Vec<String>,
    /// Where the program said that it begins.
    pub start: Option<u64>,
    /// The program, which is at its end or will be soon; `None` if it was ended, as the source had failed.
    pub running: Option<Running>,
}

/// Feeds the program with what `fill` gives.
pub(super) fn feed(
    mut running: Running,
    job: &Job,
    monitor: &dyn Monitor,
    fill: &mut Fill<'_>,
) -> Fed {
    let (mut filling, emptying) = ring::ring(ring::BYTES);
    let gauge = filling.gauge();
    let task = task(job.purpose);
    let total = job.sectors * SECTOR;
    let (stdin, stdout) = (running.stdin.take(), running.stdout.take());
    let mut running = Some(running);
    let heard = hear::Heard::default();
    let (filled, fed, told) = thread::scope(|scope| {
        let told_of = |done, percent| {
            monitor.observe(&Event::Fill(Fullness {
                task,
                ours: percent,
                drives: heard.buffer(),
            }));
            monitor.observe(&Event::Progress(Progress {
                task,
                done,
                total: Some(total),
                files: None,
            }));
        };
        // The pipe comes back: closing it is the end of the data for the program.
        let feeder = scope.spawn(move || {
            let mut stdin = stdin;
            let poured = match &mut stdin {
                Some(stdin) => ring::pour(emptying, stdin, &|done| told_of(done, gauge.percent())),
                None => Ok(()),
            };
            (poured, stdin, gauge)
        });
        let hear = &heard;
        let hearer =
            scope.spawn(move || stdout.map(|out| hear::listen(out, &mut |line| hear.line(line))));
        let filled = fill(&mut filling);
        finish(filling, &filled);
        let fed = feeder.join();
        if source_failed(&filled) {
            // Ends the program while its pipe is open: it must not take what it has for all there is.
            drop(running.take());
        }
        let fed = fed.map(|(poured, stdin, gauge)| {
            drop(stdin);
            (poured, gauge)
        });
        (filled, fed, hearer.join())
    });
    let (poured, gauge) = fed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let told = told.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Fed {
        filled,
        poured,
        times_empty: gauge.times_empty(),
        told: told.unwrap_or_default(),
        start: heard.start(),
        running,
    }
}

/// Whether it was not the program that went away.
fn source_failed(filled: &io::Result<()>) -> bool {
    filled
        .as_ref()
        .is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe)
}

/// An end that is not announced is none for who empties the ring.
fn finish(filling: Filling, filled: &io::Result<()>) {
    if filled.is_ok() {
        filling.end();
    }
}
