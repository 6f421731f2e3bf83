//! The screen as it would look.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::event::Fill;

/// A stream that can be looked at while it is written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    /// What was written since the last look, with escapes visible.
    fn seen(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.replace('\x1b', "<ESC>").replace('\r', "<CR>")
    }
}

struct Set {
    screen: Screen,
    paper: Paper,
    seconds: Arc<AtomicU64>,
}

fn set(kind: Kind, colour: Colour, verbosity: Verbosity) -> Set {
    let paper = Paper::default();
    let seconds = Arc::new(AtomicU64::new(0));
    let own = seconds.clone();
    let clock = move || Duration::from_secs(own.load(Ordering::Relaxed));
    let screen = Screen::new(
        Box::new(paper.clone()),
        kind,
        colour,
        verbosity,
        Box::new(clock),
    );
    Set {
        screen,
        paper,
        seconds,
    }
}

fn progress(done: u64) -> Event<'static> {
    Event::Progress(Progress {
        task: "staging alpha",
        done,
        total: Some(100 << 20),
        files: None,
    })
}

#[test]
fn without_a_terminal_there_are_problems_and_their_summary_only() {
    let set = set(Kind::Plain, Colour::No, Verbosity::Normal);
    set.screen.observe(&Event::Begin("stage"));
    set.screen.observe(&progress(1));
    set.screen.observe(&Event::Note("note"));
    set.screen.observe(&Event::Warning("odd"));
    set.screen.observe(&Event::ProgressEnd("staging alpha"));
    set.screen.observe(&Event::End("stage"));
    set.screen.finish(None);
    assert_eq!(set.paper.seen(), "");
    let problem = Problem::new("a\nb", "gone").advise("look for it");
    set.screen.observe(&Event::Problem(&problem));
    set.screen.finish(Some(Path::new("/var/log/cback.log")));
    assert_eq!(
        set.paper.seen(),
        "problem: a\\nb: gone\n         look for it\n\
         1 problem, 1 warning; everything is in /var/log/cback.log\n"
    );
}

#[test]
fn a_terminal_has_one_line_with_rate_and_time_left_below_the_problems() {
    let kind = Kind::Terminal { columns: 80 };
    let set = set(kind, Colour::Yes, Verbosity::Normal);
    set.screen.observe(&progress(0));
    set.screen.observe(&progress(1 << 20));
    assert_eq!(
        set.paper.seen(),
        "<CR><ESC>[K0:00  staging alpha  0 bytes of 100.00 MB  0 %"
    );
    set.seconds.store(10, Ordering::Relaxed);
    set.screen.observe(&progress(20 << 20));
    assert_eq!(
        set.paper.seen(),
        "<CR><ESC>[K0:10  staging alpha  20.00 MB of 100.00 MB  20 %  2.00 MB/s  0:40 left"
    );
    let problem = Problem::new("b", "gone");
    set.screen.observe(&Event::Problem(&problem));
    assert_eq!(
        set.paper.seen(),
        "<CR><ESC>[K<ESC>[1m<ESC>[31mproblem:<ESC>[0m b: gone\n"
    );
    set.seconds.store(11, Ordering::Relaxed);
    set.screen.observe(&progress(30 << 20));
    set.screen.observe(&Event::ProgressEnd("staging alpha"));
    assert!(set.paper.seen().ends_with("left<CR><ESC>[K"));
}

#[test]
fn work_that_burns_says_how_full_the_buffers_are() {
    let kind = Kind::Terminal { columns: 90 };
    let set = set(kind, Colour::No, Verbosity::Normal);
    let fill = |ours, drives| {
        Event::Fill(Fill {
            task: "staging alpha",
            ours,
            drives,
        })
    };
    set.screen.observe(&fill(1, None));
    set.screen.observe(&progress(0));
    for (seconds, fill, expected) in [
        (5, fill(100, None), "0:20 left  buffer 100 %"),
        (6, fill(98, Some(50)), "0:24 left  buffers 98/50 %"),
    ] {
        set.seconds.store(seconds, Ordering::Relaxed);
        set.screen.observe(&fill);
        set.screen.observe(&progress(20 << 20));
        let seen = set.paper.seen();
        assert!(seen.ends_with(expected), "{seen}");
    }
}

#[test]
fn only_a_person_at_a_terminal_is_told_that_all_is_well() {
    for (kind, verbosity, told) in [
        (Kind::Terminal { columns: 80 }, Verbosity::Normal, "well\n"),
        (Kind::Terminal { columns: 80 }, Verbosity::Quiet, ""),
        // The log's lines say it.
        (Kind::Terminal { columns: 80 }, Verbosity::Verbose, ""),
        (Kind::Plain, Verbosity::Normal, ""),
        (Kind::Journal, Verbosity::Normal, ""),
    ] {
        let set = set(kind, Colour::No, verbosity);
        set.screen.applaud("well");
        assert_eq!(set.paper.seen(), told, "{kind:?} {verbosity:?}");
    }
}

#[test]
fn a_narrow_terminal_is_not_wrapped() {
    let kind = Kind::Terminal { columns: 12 };
    let set = set(kind, Colour::No, Verbosity::Normal);
    set.screen.observe(&progress(0));
    assert_eq!(set.paper.seen(), "<CR><ESC>[K0:00  stagi");
}

#[test]
fn many_problems_are_capped() {
    let set = set(Kind::Plain, Colour::No, Verbosity::Normal);
    for number in 0..234 {
        let problem = Problem::new(format!("file {number}"), "unreadable");
        set.screen.observe(&Event::Problem(&problem));
    }
    set.screen.finish(None);
    let seen = set.paper.seen();
    assert_eq!(seen.lines().count(), 22);
    assert!(
        seen.ends_with("file 19: unreadable\nand 214 more\n234 problems\n"),
        "{seen}"
    );
}

#[test]
fn verbosity_decides_what_is_seen() {
    for (verbosity, expected) in [
        (Verbosity::Quiet, ""),
        (Verbosity::Normal, "problem: x: y\n1 problem, 1 warning\n"),
        (
            Verbosity::Verbose,
            "stage\nnote\nwarning: odd\nproblem: x: y\nstage done\n1 problem, 1 warning\n",
        ),
        (
            Verbosity::Debug,
            "stage\nnote\nwarning: odd\nproblem: x: y\nstage done\nbits\n1 problem, 1 warning\n",
        ),
    ] {
        let set = set(Kind::Plain, Colour::No, verbosity);
        let problem = Problem::new("x", "y");
        for event in [
            Event::Begin("stage"),
            Event::Note("note"),
            Event::Warning("odd"),
            Event::Problem(&problem),
            Event::End("stage"),
        ] {
            set.screen.observe(&event);
        }
        let record = log::Record::builder().args(format_args!("bits")).build();
        set.screen.developers(&record);
        set.screen.finish(None);
        assert_eq!(set.paper.seen(), expected, "{verbosity:?}");
    }
}

#[test]
fn times_look_like_a_clock() {
    for (seconds, shown) in [
        (0, "0:00"),
        (38, "0:38"),
        (725, "12:05"),
        (10_800, "3:00:00"),
    ] {
        assert_eq!(clock_face(seconds), shown);
    }
}

#[test]
fn parts_stand_in_short_behind_the_whole() {
    let set = set(
        Kind::Terminal { columns: 200 },
        Colour::No,
        Verbosity::Normal,
    );
    let tell = |task: &str, done: u64, total: Option<u64>| {
        set.screen.observe(&Event::Progress(Progress {
            task,
            done: done << 20,
            total: total.map(|total| total << 20),
            files: None,
        }));
    };
    tell("staging 3 peers", 0, None);
    assert_eq!(set.paper.seen(), "<CR><ESC>[K0:00  staging 3 peers");
    tell("staging alpha", 27, Some(100));
    tell("staging beta", 8, None);
    tell("waiting for gamma", 0, None);
    assert_eq!(set.paper.seen(), "", "too soon");
    set.seconds.store(5, Ordering::Relaxed);
    tell("staging 3 peers", 35, None);
    assert_eq!(
        set.paper.seen(),
        "<CR><ESC>[K0:05  staging 3 peers  35.00 MB  7.00 MB/s  alpha 27 %  beta 8.00 MB  waiting for gamma"
    );
    set.screen.observe(&Event::ProgressEnd("staging alpha"));
    set.screen.observe(&Event::ProgressEnd("unknown"));
    assert_eq!(set.paper.seen(), "", "the whole goes on");
    set.seconds.store(10, Ordering::Relaxed);
    tell("staging 3 peers", 50, Some(100));
    assert_eq!(
        set.paper.seen(),
        "<CR><ESC>[K0:10  staging 3 peers  50.00 MB of 100.00 MB  50 %  5.00 MB/s  0:10 left  beta 8.00 MB  \
         waiting for gamma"
    );
    for task in ["staging beta", "waiting for gamma", "staging 3 peers"] {
        set.screen.observe(&Event::ProgressEnd(task));
    }
    assert_eq!(set.paper.seen(), "<CR><ESC>[K");
}

#[test]
fn the_line_is_as_wide_as_the_terminal_whatever_its_letters_are() {
    for (line, columns, shown) in [
        ("abcdef", 4, "abcd"),
        ("abc", 4, "abc"),
        ("\u{65e5}\u{672c}\u{8a9e}", 5, "\u{65e5}\u{672c}"),
        ("e\u{301}e\u{301}e", 2, "e\u{301}e\u{301}"),
        ("", 4, ""),
        ("abc", 0, ""),
    ] {
        assert_eq!(narrow(line.to_owned(), columns), shown, "{line}");
    }
}

#[test]
fn where_nobody_writes_them_down_all_problems_are_shown_and_on_a_terminal_warnings() {
    let terminal = Kind::Terminal { columns: 80 };
    for (kind, warned) in [(Kind::Plain, false), (terminal, true)] {
        let Set { screen, paper, .. } = set(kind, Colour::No, Verbosity::Normal);
        let screen = screen.with_all_problems().with_warnings();
        screen.observe(&Event::Warning("odd"));
        for number in 0..100 {
            screen.observe(&Event::Problem(&Problem::new(
                format!("file-{number}"),
                "x",
            )));
        }
        screen.finish(None);
        let seen = paper.seen();
        assert_eq!(seen.contains("warning: odd"), warned, "{seen}");
        assert!(
            seen.contains("file-99: x") && !seen.contains("more"),
            "{seen}"
        );
    }
}
