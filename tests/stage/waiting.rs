//! Peers that come late: waited for, as long as the request says.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use cback::clock::Clock;
use cback::stage::{Missed, Request, stage};

use super::pool::{Ear, Pool};

/// A clock that only sleep moves, and what happens while it sleeps.
struct Still<'a> {
    passed: Mutex<Duration>,
    meanwhile: &'a (dyn Fn(Duration) + Sync),
}

impl Clock for Still<'_> {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    fn sleep(&self, time: Duration) {
        let mut passed = self.passed.lock().unwrap();
        *passed += time;
        (self.meanwhile)(*passed);
    }
}

/// Stages alpha, who is ready, and late, who is after so many seconds; waits for so many. Gives who came, and how
/// many seconds it took.
fn wait(pool: &Pool, ready: u64, wait: u64, ear: &Ear<'_>) -> (Vec<String>, u64) {
    pool.collected("alpha", &[("a", "1")]);
    fs::create_dir(pool.collect_dir("late")).unwrap();
    let collect = |passed| {
        if passed >= Duration::from_secs(ready) {
            pool.collected("late", &[("a", "1")]);
        }
    };
    let clock = Still {
        passed: Mutex::default(),
        meanwhile: &collect,
    };
    let peers = pool.wanted(&["late", "alpha"]);
    let staging = pool.staging();
    let request = Request {
        parallel: 1,
        wait: Duration::from_secs(wait),
        clock: &clock,
        ..Pool::request(&staging, &peers)
    };
    let staged = stage(&request, ear).unwrap();
    let missed = staged
        .missing
        .iter()
        .all(|one| one.missed == Missed::Problem);
    assert!(missed);
    let came = staged.present.iter().map(|one| one.peer.to_string());
    (came.collect(), clock.elapsed().as_secs())
}

#[test]
fn a_peer_that_is_still_collecting_is_waited_for() {
    let ear = Ear::default();
    let pool = Pool::new();
    assert_eq!(
        wait(&pool, 100, 3600, &ear),
        (vec!["late".to_owned(), "alpha".to_owned()], 105),
        "asked after 15, 45 and 105 seconds"
    );
    assert_eq!(pool.heard(&ear), [""; 0]);
}

#[test]
fn a_peer_that_does_not_come_in_time_is_told_once() {
    let ear = Ear::default();
    let pool = Pool::new();
    assert_eq!(wait(&pool, 100, 60, &ear), (vec!["alpha".to_owned()], 60));
    assert_eq!(
        pool.heard(&ear),
        ["late: not ready: /late has no cback.collect"]
    );
}

#[test]
fn nobody_is_waited_for_unless_the_request_says_so() {
    let ear = Ear::default();
    let pool = Pool::new();
    assert_eq!(wait(&pool, 1, 0, &ear), (vec!["alpha".to_owned()], 0));
}
