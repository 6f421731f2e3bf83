//! How far all peers have come together.
//!
//! Each peer's own progress goes on as it is; beside it there is one task for the whole pool. How much there is to
//! do in all is known when the last peer has been listed.

use std::sync::Mutex;

use super::locked;
use crate::event::{Event, Monitor, Progress};
use crate::stage::Wanted;

/// The pool's progress.
pub(super) struct Total<'a> {
    monitor: &'a dyn Monitor,
    /// `None` if there is only one peer, which is its own total.
    task: Option<String>,
    sum: Mutex<Sum>,
}

#[derive(Default)]
struct Sum {
    done: u64,
    expected: u64,
    /// Peers that are not listed yet.
    unknown: usize,
}

/// One peer's share, for one turn. Passes everything on, and adds to the total what it hears of progress.
pub(super) struct Share<'t, 'a> {
    total: &'t Total<'a>,
    monitor: &'t dyn Monitor,
    so_far: Mutex<(u64, Option<u64>)>,
}

impl<'a> Total<'a> {
    pub(super) fn new(peers: &[Wanted], monitor: &'a dyn Monitor) -> Self {
        let total = Self {
            monitor,
            task: (peers.len() > 1).then(|| format!("staging {} peers", peers.len())),
            sum: Mutex::new(Sum {
                unknown: peers.len(),
                ..Sum::default()
            }),
        };
        total.tell();
        total
    }

    /// The share of a peer whose other events go to `monitor`.
    pub(super) fn share<'t>(&'t self, monitor: &'t dyn Monitor) -> Share<'t, 'a> {
        Share {
            total: self,
            monitor,
            so_far: Mutex::default(),
        }
    }

    /// All are through.
    pub(super) fn end(&self) {
        if let Some(task) = &self.task {
            self.monitor.observe(&Event::ProgressEnd(task));
        }
    }

    fn tell(&self) {
        let Some(task) = &self.task else { return };
        let sum = locked(&self.sum);
        let progress = Progress {
            task,
            done: sum.done,
            total: (sum.unknown == 0).then_some(sum.expected),
            files: None,
        };
        // In the sum's order, so that nobody sees the total go back.
        self.monitor.observe(&Event::Progress(progress));
    }
}

impl Share<'_, '_> {
    fn add(&self, done: u64, expected: Option<u64>) {
        let mut so_far = locked(&self.so_far);
        let mut sum = locked(&self.total.sum);
        // Threads tell out of order; the furthest counts.
        let done = done.max(so_far.0);
        sum.done += done - so_far.0;
        if let Some(expected) = expected {
            match so_far.1 {
                None => {
                    sum.unknown = sum.unknown.saturating_sub(1);
                    sum.expected += expected;
                }
                Some(before) => sum.expected = sum.expected - before + expected,
            }
        }
        *so_far = (done, expected.or(so_far.1));
        drop((so_far, sum));
        self.total.tell();
    }

    /// The peer has no other turn.
    pub(super) fn end(&self) {
        let (done, expected) = *locked(&self.so_far);
        // What did not come, or came from elsewhere, is not waited for.
        self.add(done, Some(expected.map_or(0, |_| done)));
    }

    /// The peer has another turn, and begins anew.
    pub(super) fn again(&self) {
        let mut so_far = locked(&self.so_far);
        let mut sum = locked(&self.total.sum);
        sum.done -= so_far.0;
        if let Some(expected) = so_far.1 {
            sum.expected -= expected;
            sum.unknown += 1;
        }
        *so_far = (0, None);
    }
}

impl Monitor for Share<'_, '_> {
    fn observe(&self, event: &Event<'_>) {
        self.monitor.observe(event);
        if let Event::Progress(progress) = event
            && self.total.task.is_some()
        {
            self.add(progress.done, progress.total);
        }
    }

    fn is_watched(&self) -> bool {
        self.monitor.is_watched()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::peer::{Ignore, Peer};
    use crate::units::AbsPath;

    #[derive(Default)]
    struct Ear(Mutex<Vec<(u64, Option<u64>)>>);

    impl Monitor for Ear {
        fn observe(&self, event: &Event<'_>) {
            if let Event::Progress(progress) = event
                && progress.task == "staging 2 peers"
            {
                let mut heard = self.0.lock().unwrap();
                heard.push((progress.done, progress.total));
            }
        }
    }

    fn peers() -> Vec<Wanted> {
        ["alpha", "beta"]
            .map(|name| Wanted {
                peer: Peer::local(name.parse().unwrap(), AbsPath::new("/x").unwrap()),
                ignore: Ignore::None,
            })
            .into()
    }

    fn progress(done: u64, total: u64) -> Event<'static> {
        Event::Progress(Progress {
            task: "staging alpha",
            done,
            total: Some(total),
            files: None,
        })
    }

    #[test]
    fn shares_add_up_and_the_end_is_known_when_all_are_listed() {
        let ear = Ear::default();
        let total = Total::new(&peers(), &ear);
        let alpha = total.share(&ear);
        let beta = total.share(&ear);
        alpha.observe(&progress(10, 100));
        beta.observe(&progress(5, 50));
        alpha.observe(&progress(100, 100));
        alpha.observe(&progress(90, 100)); // of a slower thread
        alpha.end();
        beta.again();
        alpha.end();
        beta.observe(&progress(40, 60));
        beta.end();
        assert_eq!(
            ear.0.into_inner().unwrap(),
            [
                (0, None),
                (10, None),
                (15, Some(150)),
                (105, Some(150)),
                (105, Some(150)),
                (105, Some(150)),
                (100, None),
                (140, Some(160)),
                (140, Some(140)),
            ]
        );
    }

    #[test]
    fn a_peer_that_never_came_is_not_waited_for() {
        let ear = Ear::default();
        let total = Total::new(&peers(), &ear);
        total.share(&ear).end();
        total.share(&ear).observe(&progress(1, 10));
        assert_eq!(
            ear.0.into_inner().unwrap(),
            [(0, None), (0, None), (1, Some(10))]
        );
    }
}
