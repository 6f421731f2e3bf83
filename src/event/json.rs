//! Events for programs: one JSON object a line.
//!
//! Every object has `event` and `time` (RFC 3339, local with offset). The others by `event`:
//!
//! | `event` | fields |
//! |---|---|
//! | `begin`, `end` | `name`: the action or step |
//! | `note`, `warning` | `text` |
//! | `problem` | `subject`, `reason`, `advice` (or null) |
//! | `progress` | `task`, `done` (bytes), `total` (bytes or null), `files` (or null), `elapsed` (seconds), `buffer` and `drive_buffer` (percent or null); at most one a second for each task |
//! | `progress_end` | `task` |
//!
//! Names of files are texts as [`printable_path`] makes them: a path as it is can fail to be serialized. Fields may be added; none is ever renamed.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, SecondsFormat};
use serde::{Serialize, Serializer};

use super::{Event, Monitor, printable_path};

/// Time between two progress objects.
const PAUSE: Duration = Duration::from_secs(1);

/// A stream of JSON objects.
pub struct JsonLines {
    state: Mutex<State>,
    now: Box<dyn Fn() -> DateTime<Local> + Send + Sync>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// How long it has been since some moment.
    clock: Box<dyn Fn() -> Duration + Send>,
    /// The tasks that are under way.
    running: HashMap<String, Times>,
    /// How full the buffers of those are that burn: ours and the drive's.
    fills: HashMap<String, (u8, Option<u8>)>,
}

/// When a task began, and when it was last told of.
struct Times {
    began: Duration,
    told: Duration,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What<'a> {
    Begin {
        name: &'a str,
    },
    End {
        name: &'a str,
    },
    Note {
        text: &'a str,
    },
    Warning {
        text: &'a str,
    },
    Problem {
        subject: &'a str,
        reason: &'a str,
        advice: Option<&'a str>,
    },
    Progress {
        task: &'a str,
        done: u64,
        total: Option<u64>,
        files: Option<u64>,
        /// Whole seconds since the work began.
        elapsed: u64,
        /// How full our buffer is before a drive that burns, in percent.
        buffer: Option<u8>,
        /// How full the drive's is.
        drive_buffer: Option<u8>,
    },
    ProgressEnd {
        task: &'a str,
    },
}

/// Serializes a path as its text, whatever bytes are in it; for `serialize_with`.
///
/// # Errors
///
/// What the serializer says of a text.
pub fn path_as_text<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&printable_path(path))
}

/// [`path_as_text`] for a path that may be missing, which is null.
///
/// # Errors
///
/// What the serializer says of a text.
#[allow(clippy::ref_option)] // serde asks for this form
pub fn path_or_null<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => path_as_text(path, to),
        None => to.serialize_none(),
    }
}

impl JsonLines {
    /// Objects written to `out`.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self::at(out, Box::new(Local::now))
    }

    /// Objects written to `out`, with the time that `now` tells.
    pub fn at(
        out: Box<dyn Write + Send>,
        now: Box<dyn Fn() -> DateTime<Local> + Send + Sync>,
    ) -> Self {
        let began = Instant::now();
        Self {
            state: Mutex::new(State {
                out,
                clock: Box::new(move || began.elapsed()),
                running: HashMap::new(),
                fills: HashMap::new(),
            }),
            now,
        }
    }
}

impl State {
    /// Seconds since the work of that name was first heard of; `None` if it was told of a moment ago.
    fn elapsed(&mut self, task: &str) -> Option<u64> {
        let now = (self.clock)();
        match self.running.get_mut(task) {
            Some(times) if now.saturating_sub(times.told) < PAUSE => None,
            Some(times) => {
                times.told = now;
                Some(now.saturating_sub(times.began).as_secs())
            }
            None => {
                let times = Times {
                    began: now,
                    told: now,
                };
                self.running.insert(task.to_owned(), times);
                Some(0)
            }
        }
    }
}

impl Monitor for JsonLines {
    fn observe(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let what = match *event {
            Event::Begin(name) => What::Begin { name },
            Event::End(name) => What::End { name },
            Event::Note(text) => What::Note { text },
            Event::Warning(text) => What::Warning { text },
            Event::Problem(problem) => What::Problem {
                subject: &problem.subject,
                reason: &problem.reason,
                advice: problem.advice.as_deref(),
            },
            Event::Progress(progress) => {
                let Some(elapsed) = state.elapsed(progress.task) else {
                    return;
                };
                let fill = state.fills.get(progress.task).copied();
                What::Progress {
                    task: progress.task,
                    done: progress.done,
                    total: progress.total,
                    files: progress.files,
                    elapsed,
                    buffer: fill.map(|fill| fill.0),
                    drive_buffer: fill.and_then(|fill| fill.1),
                }
            }
            Event::Fill(fill) => {
                let now = (fill.ours, fill.drives);
                match state.fills.get_mut(fill.task) {
                    Some(known) => *known = now,
                    None => {
                        state.fills.insert(fill.task.to_owned(), now);
                    }
                }
                return;
            }
            Event::ProgressEnd(task) => {
                state.fills.remove(task);
                state.running.remove(task);
                What::ProgressEnd { task }
            }
        };
        let line = Line {
            time: (self.now)().to_rfc3339_opts(SecondsFormat::Secs, false),
            what,
        };
        // A reader that went away must not break a backup.
        if let Ok(mut text) = serde_json::to_vec(&line) {
            text.push(b'\n');
            let _ = state.out.write_all(&text);
            let _ = state.out.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::{Fill, Problem, Progress};
    use std::io::{Read as _, Seek as _};

    #[test]
    fn every_event_is_an_object_on_its_line() {
        let mut file = tempfile::tempfile().unwrap();
        let out = file.try_clone().unwrap();
        let json = JsonLines::at(Box::new(out), Box::new(DateTime::<Local>::default));
        // Three times of day that the progress has: it begins, a moment later, and when a second is over.
        let times = [0, 999, 1000, 1999, 1999, 1999].map(Duration::from_millis);
        let times = Mutex::new(times.into_iter());
        json.state.lock().unwrap().clock = Box::new(move || times.lock().unwrap().next().unwrap());
        let problem = Problem::new("a\nb", "gone");
        let progress = Event::Progress(Progress {
            task: "staging",
            done: 1,
            total: Some(2),
            files: None,
        });
        let buffers = Event::Fill(Fill {
            task: "staging",
            ours: 99,
            drives: Some(50),
        });
        for event in [
            Event::Begin("stage"),
            Event::Problem(&problem),
            progress,
            progress,
            progress,
            progress,
            Event::ProgressEnd("staging"),
            buffers,
            progress,
            Event::ProgressEnd("staging"),
            progress,
            Event::Note("n"),
            Event::Warning("w"),
            Event::End("stage"),
        ] {
            json.observe(&event);
        }
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        let time = DateTime::<Local>::default().to_rfc3339_opts(SecondsFormat::Secs, false);
        let text = text.replace(&format!("\"time\":\"{time}\","), "");
        let expected = [
            r#"{"event":"begin","name":"stage"}"#,
            r#"{"event":"problem","subject":"a\nb","reason":"gone","advice":null}"#,
            r#"{"event":"progress","task":"staging","done":1,"total":2,"files":null,"elapsed":0,"buffer":null,"drive_buffer":null}"#,
            r#"{"event":"progress","task":"staging","done":1,"total":2,"files":null,"elapsed":1,"buffer":null,"drive_buffer":null}"#,
            r#"{"event":"progress_end","task":"staging"}"#,
            r#"{"event":"progress","task":"staging","done":1,"total":2,"files":null,"elapsed":0,"buffer":99,"drive_buffer":50}"#,
            r#"{"event":"progress_end","task":"staging"}"#,
            r#"{"event":"progress","task":"staging","done":1,"total":2,"files":null,"elapsed":0,"buffer":null,"drive_buffer":null}"#,
            r#"{"event":"note","text":"n"}"#,
            r#"{"event":"warning","text":"w"}"#,
            r#"{"event":"end","name":"stage"}"#,
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
