//! Cedar Backup 3 beside us: both programs on the same trees and configurations, several days long, give the same
//! archives with the same members and contents, the same staging, the same indicators. What is different on purpose is
//! known by name (`compare::Known`), has to be met, and is checked to be just that.
//!
//! The seeds are printed. `CBACK_DIFFERENTIAL_SEED=17 cargo test --test differential` runs a single one again and keeps its
//! directory; `=321..1000` runs others.

#![allow(clippy::unwrap_used)]

mod behind;
mod case;
mod cedar;
mod compare;
mod disc;
mod ended;
mod install;
mod naming;
mod random;
mod source;
mod takeover;
mod tree;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use case::{Case, Who};
use cedar::Cedar;
use compare::{Comparison, Known, Seen, Tally, look};

/// Cases at least.
const CASES: u64 = 320;
/// Cases with something that none of these has.
const RARE: [u64; 7] = [356, 409, 939, 1072, 1120, 1208, 1279];
/// Processes that run Cedar Backup.
const WORKERS: usize = 2;

/// A case on its way through its days.
struct Course {
    case: Case,
    /// What was there at the last collection that was staged, and at the last one.
    before: Option<Seen>,
    last: Option<Seen>,
    earlier: Vec<PathBuf>,
}

#[test]
fn both_programs_make_the_same_of_the_same() {
    let wish = std::env::var("CBACK_DIFFERENTIAL_SEED").ok();
    let seeds: Vec<u64> = match wish
        .as_deref()
        .map(|wish| wish.split_once("..").ok_or(wish))
    {
        None => (1..=CASES).chain(RARE).collect(),
        Some(Ok((first, last))) => (first.parse().unwrap()..=last.parse().unwrap()).collect(),
        Some(Err(one)) => vec![one.parse().unwrap()],
    };
    println!("seeds {} to {}", seeds[0], seeds[seeds.len() - 1]);
    // In memory, if there is such a place: nothing here is about the disk.
    let memory = Path::new("/dev/shm");
    let place = tempfile::Builder::new()
        .prefix("differential-")
        .tempdir_in(memory);
    let place = place
        .or_else(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")))
        .unwrap();
    let courses: Vec<Course> = seeds
        .iter()
        .map(|&seed| Course {
            case: Case::new(place.path(), seed),
            before: None,
            last: None,
            earlier: Vec::new(),
        })
        .collect();
    let mut shares: Vec<Vec<Course>> = (0..WORKERS).map(|_| Vec::new()).collect();
    for (at, course) in courses.into_iter().enumerate() {
        shares[at % WORKERS].push(course);
    }
    let done: Vec<(Tally, Vec<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || work(share)))
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join().unwrap();
        workers.into_iter().map(join).collect()
    });
    let mut tally = Tally::new();
    let mut failures = Vec::new();
    for (own, failed) in done {
        for (known, times) in own {
            *tally.entry(known).or_default() += times;
        }
        failures.extend(failed);
    }
    println!("{tally:#?}");
    if seeds.len() == 1 {
        println!("kept for you: {}", place.keep().display());
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases differ:\n{}",
        failures.len(),
        seeds.len(),
        failures.join("\n")
    );
    if wish.is_none() {
        // Every one of them is there to be seen.
        for known in Known::ALL {
            assert!(tally.contains_key(&known), "{known:?} was never met");
        }
    }
}

/// Takes all cases through their first day, then all through the second, and so on: what changes in between has to
/// get old once only.
fn work(mut courses: Vec<Course>) -> (Tally, Vec<String>) {
    let mut cedar = Cedar::start();
    let mut tally = Tally::new();
    let mut failures = Vec::new();
    for day in 0..3 {
        settle();
        courses.retain_mut(|course| {
            let seed = course.case.seed;
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                one_day(course, day, &mut cedar, &mut tally)
            }));
            let cause = match outcome {
                Ok(next) => return next == Next::GoesOn,
                Err(cause) => cause,
            };
            let text = cause
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string));
            let run = &course.case.runs[day];
            failures.push(format!(
                "seed {seed}, {run:?}: {}",
                text.unwrap_or_default()
            ));
            false
        });
    }
    (tally, failures)
}

/// What comes after a day.
#[derive(PartialEq, Eq)]
enum Next {
    GoesOn,
    /// Cedar Backup failed as it is known to: there is nothing to compare with any more.
    Ends,
}

fn one_day(course: &mut Course, day: usize, cedar: &mut Cedar, tally: &mut Tally) -> Next {
    let run = course.case.runs[day].clone();
    let now = look(&course.case.tree());
    let mut problems = None;
    let mut next = Next::GoesOn;
    for who in [Who::Theirs, Who::Ours] {
        let (status, said) = course.case.call(who, cedar, &run);
        if who == Who::Ours && status == 10 {
            problems = Some(said);
        } else if who == Who::Theirs && status == 6 {
            next = Next::Ends;
        } else {
            assert_eq!(status, 0, "{who:?}: {said}");
        }
    }
    if next == Next::Ends {
        assert_eq!(problems, None);
        *tally
            .entry(ended::by_a_backslash(&course.case, &run))
            .or_default() += 1;
        return next;
    }
    Comparison {
        case: &course.case,
        run: &run,
        before: course.before.as_ref(),
        last: course.last.as_ref(),
        now: &now,
        earlier: &course.earlier,
        problems: problems.as_deref(),
        tally,
    }
    .run(cedar);
    let is_staged = run.words.contains("stage");
    course.earlier.push(if is_staged {
        course.case.staged(Who::Theirs, run.day)
    } else {
        // What is purged later was there all the same.
        let collected = course.case.own(Who::Theirs, "collect");
        let kept = course.case.own(Who::Theirs, run.day).join("collect");
        fs::create_dir_all(&kept).unwrap();
        for file in fs::read_dir(collected).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), kept.join(file.file_name())).unwrap();
        }
        kept
    });
    if is_staged {
        course.before = Some(now.clone());
    }
    course.last = Some(now);
    let tree = course.case.tree();
    tree::change(&tree, &mut course.case.random);
    next
}

/// Waits until what was just changed is old enough for an incremental to trust it. Without it the test would pass as
/// well, but what changed shortly before a collection is archived twice, which hides smaller differences.
fn settle() {
    let changed = SystemTime::now();
    while changed
        .elapsed()
        .is_ok_and(|age| age < Duration::from_millis(2100))
    {
        std::thread::sleep(Duration::from_millis(100));
    }
}
