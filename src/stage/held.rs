//! What is told about peers that are worked on at the same time, in the order of the request.
//!
//! A peer's problems and warnings are held until its turn has ended and everybody before it is through. Everything
//! else goes on at once. A hostile peer cannot fill the memory with them.

use std::sync::Mutex;

use super::locked;
use crate::event::{Event, Monitor, Problem, Tell as _};

/// So many problems and warnings of one peer are told; of the others only their number.
const MOST: usize = 1000;

/// Holds the problems and warnings of one turn.
pub(super) struct Held<'a> {
    monitor: &'a dyn Monitor,
    told: Mutex<Told>,
}

/// What was told in one turn.
#[derive(Debug, Default)]
pub(super) struct Told {
    words: Vec<Word>,
    left_out: u64,
}

#[derive(Debug)]
enum Word {
    Problem(Problem),
    Warning(String),
}

impl<'a> Held<'a> {
    pub(super) fn new(monitor: &'a dyn Monitor) -> Self {
        Self {
            monitor,
            told: Mutex::default(),
        }
    }

    /// What was held.
    pub(super) fn into_told(self) -> Told {
        self.told
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn hold(&self, word: Word) {
        let mut told = locked(&self.told);
        if told.words.len() < MOST {
            told.words.push(word);
        } else {
            told.left_out += 1;
        }
    }
}

impl Monitor for Held<'_> {
    fn observe(&self, event: &Event<'_>) {
        match *event {
            Event::Problem(problem) => self.hold(Word::Problem(problem.clone())),
            Event::Warning(text) => self.hold(Word::Warning(text.to_owned())),
            _ => self.monitor.observe(event),
        }
    }

    fn is_watched(&self) -> bool {
        self.monitor.is_watched()
    }
}

/// Passes what was held on, in order.
pub(super) struct InOrder<'a> {
    pub(super) monitor: &'a dyn Monitor,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whose words come next.
    next: usize,
    /// Those of peers behind it.
    early: std::collections::BTreeMap<usize, (String, Told)>,
}

impl<'a> InOrder<'a> {
    pub(super) fn new(monitor: &'a dyn Monitor) -> Self {
        Self {
            monitor,
            state: Mutex::default(),
        }
    }

    /// The turn of the peer with this index and name has ended, and that is what was told in it.
    pub(super) fn pass_on(&self, index: usize, name: &str, told: Told) {
        let mut state = locked(&self.state);
        state.early.insert(index, (name.to_owned(), told));
        loop {
            let next = state.next;
            let Some((name, told)) = state.early.remove(&next) else {
                break;
            };
            state.next += 1;
            self.tell(&name, &told);
        }
    }

    fn tell(&self, name: &str, told: &Told) {
        for word in &told.words {
            match word {
                Word::Problem(problem) => self.monitor.problem(problem),
                Word::Warning(text) => self.monitor.warn(text),
            }
        }
        if told.left_out > 0 {
            let text = format!("and {} more problems and warnings", told.left_out);
            self.monitor.problem(&Problem::new(name, &text));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Default)]
    struct Ear(Mutex<Vec<String>>);

    impl Monitor for Ear {
        fn observe(&self, event: &Event<'_>) {
            let word = match event {
                Event::Problem(problem) => format!("{}: {}", problem.subject, problem.reason),
                Event::Warning(text) | Event::Note(text) => (*text).to_owned(),
                _ => return,
            };
            self.0.lock().unwrap().push(word);
        }
    }

    #[test]
    fn words_come_in_the_order_of_the_peers_and_notes_at_once() {
        let ear = Ear::default();
        let order = InOrder::new(&ear);
        for index in [2, 0, 3, 1] {
            let held = Held::new(order.monitor);
            let words: &dyn Monitor = &held;
            words.problem(&Problem::new(index.to_string(), "gone"));
            words.note(format!("note {index}"));
            words.warn(format!("warning {index}"));
            order.pass_on(index, "name", held.into_told());
        }
        let heard = ear.0.into_inner().unwrap().join(", ");
        assert_eq!(
            heard,
            "note 2, note 0, 0: gone, warning 0, note 3, note 1, 1: gone, warning 1, 2: gone, warning 2, \
             3: gone, warning 3"
        );
    }

    #[test]
    fn a_peer_with_endless_problems_is_cut_short() {
        let ear = Ear::default();
        let order = InOrder::new(&ear);
        let held = Held::new(order.monitor);
        for _ in 0..MOST + 7 {
            (&held as &dyn Monitor).problem(&Problem::new("x", "odd"));
        }
        order.pass_on(0, "alpha", held.into_told());
        let heard = ear.0.into_inner().unwrap();
        assert_eq!(heard.len(), MOST + 1);
        assert_eq!(heard[MOST], "alpha: and 7 more problems and warnings");
    }
}
