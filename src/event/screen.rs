//! What a person sees: problems, and on a terminal one line that says how far the work has come.
//!
//! Without a terminal, silence means that all is well. Names of failed files are capped here and complete in the
//! log. Times come from the monotonic clock; a line is redrawn a few times a second, however often it is told.
//!
//! Work that begins while other work runs is part of it: the line tells of the first in full and of its parts in
//! short, `staging 12 peers  1.20 GB  85.10 MB/s  alpha 27 %  beta 80 %`.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};

use log::Level;
use unicode_width::UnicodeWidthChar as _;

use super::{Event, Monitor, Problem, Progress, bytes, count, journal, printable};

/// Problems that are shown if a log has all of them.
const SHOWN: u64 = 20;
/// Time between two redrawings.
const REDRAW: Duration = Duration::from_millis(200);
/// A rate means something after this time.
const SETTLED: Duration = Duration::from_secs(2);

/// How much a person wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// Problems.
    Normal,
    /// What happens, too.
    Verbose,
    /// Developers' lines, too.
    Debug,
}

/// What is behind the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file, a pipe, a mail.
    Plain,
    /// The journal of systemd, which wants to know what each line is.
    Journal,
    /// A terminal with this many columns.
    Terminal {
        /// Width in characters.
        columns: usize,
    },
}

/// Whether there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// There is.
    Yes,
    /// There is not: `NO_COLOR`, or no terminal.
    No,
}

/// The screen.
pub struct Screen {
    verbosity: Verbosity,
    /// Problems that are shown.
    shown: u64,
    /// How much a person has to want to see before warnings are shown.
    warns: Verbosity,
    kind: Kind,
    colour: Colour,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    kind: Kind,
    /// Time since some moment.
    clock: Box<dyn Fn() -> Duration + Send>,
    problems: u64,
    warnings: u64,
    /// In the order in which it began.
    running: Vec<Running>,
    /// When the progress line was last written.
    written: Duration,
    /// Whether a progress line stands there.
    drawn: bool,
}

/// Long work that is under way.
struct Running {
    task: String,
    began: Duration,
    done: u64,
    total: Option<u64>,
    files: Option<u64>,
    /// How full the buffers are, if it burns: ours and the drive's, in percent.
    fill: Option<(u8, Option<u8>)>,
}

impl Screen {
    /// The standard error stream, as it is: terminal or not, with colour or not.
    pub fn stderr(verbosity: Verbosity) -> Self {
        let stderr = io::stderr();
        // A dumb terminal cannot take a line away again.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let kind = if stderr.is_terminal() && !dumb {
            let columns = terminal_size().unwrap_or(80);
            Kind::Terminal { columns }
        } else if journal::reads(&stderr) {
            Kind::Journal
        } else {
            Kind::Plain
        };
        let colour = match anstream::AutoStream::choice(&stderr) {
            anstream::ColorChoice::Never => Colour::No,
            _ => Colour::Yes,
        };
        let began = Instant::now();
        Self::new(
            Box::new(stderr),
            kind,
            colour,
            verbosity,
            Box::new(move || began.elapsed()),
        )
    }

    /// A screen that is `out`, with `clock` for the time since some moment.
    pub fn new(
        out: Box<dyn Write + Send>,
        kind: Kind,
        colour: Colour,
        verbosity: Verbosity,
        clock: Box<dyn Fn() -> Duration + Send>,
    ) -> Self {
        Self {
            verbosity,
            shown: SHOWN,
            warns: Verbosity::Verbose,
            kind,
            colour,
            state: Mutex::new(State {
                out,
                kind,
                clock,
                problems: 0,
                warnings: 0,
                running: Vec::new(),
                written: Duration::ZERO,
                drawn: false,
            }),
        }
    }

    /// Every problem is shown: nobody else writes them down.
    #[must_use]
    pub fn with_all_problems(self) -> Self {
        Self {
            shown: u64::MAX,
            ..self
        }
    }

    /// Warnings are shown on a terminal: they help whoever sits there to decide.
    #[must_use]
    pub fn with_warnings(self) -> Self {
        let warns = match self.kind {
            Kind::Terminal { .. } => Verbosity::Normal,
            Kind::Plain | Kind::Journal => self.warns,
        };
        Self { warns, ..self }
    }

    /// The last words of a run: how many problems there were, and where the ones are that were not shown.
    /// Nothing if all went well.
    pub fn finish(&self, log: Option<&Path>) {
        let mut state = self.lock();
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        state.clear();
        let hidden = state.problems.saturating_sub(self.shown);
        if hidden > 0 {
            state.line(Level::Error, &format!("and {hidden} more"));
        }
        if state.problems > 0 {
            let mut text = count(state.problems, "problem");
            if state.warnings > 0 {
                text = format!("{text}, {}", count(state.warnings, "warning"));
            }
            if let Some(log) = log {
                let log = printable(&log.to_string_lossy());
                text = format!("{text}; everything is in {log}");
            }
            let text = self.painted(bold(), &text);
            state.line(Level::Error, &text);
        }
        let _ = state.out.flush();
    }

    /// Says on a terminal that all went well: nobody who waits for the end of a run should have to ask for its status.
    pub fn applaud(&self, text: &str) {
        if matches!(self.kind, Kind::Terminal { .. }) && self.verbosity == Verbosity::Normal {
            self.say(Level::Info, &printable(text));
        }
    }

    /// Says why a run fails, or what to do next: `word` is `error` or `next`. Lines in `text` stay lines.
    pub fn last_word(&self, word: &str, text: &str) {
        let head = self.painted(bold(), &format!("cback: {word}:"));
        self.say(Level::Error, &format!("{head} {text}"));
    }

    /// Shows something that was made for a terminal, lines and colours as they are.
    pub fn exhibit(&self, text: &str) {
        match self.colour {
            Colour::Yes => self.say(Level::Error, text),
            Colour::No => self.say(Level::Error, &strip_str(text).to_string()),
        }
    }

    /// Shows a developer's line, if everything is to be seen.
    pub(super) fn developers(&self, record: &log::Record<'_>) {
        if self.verbosity == Verbosity::Debug {
            self.say(record.level(), &printable(&record.args().to_string()));
        }
    }

    fn say(&self, level: Level, text: &str) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        let mut state = self.lock();
        state.clear();
        for line in text.lines() {
            state.line(level, line);
        }
    }

    fn problem(&self, problem: &Problem) {
        let mut state = self.lock();
        state.problems += 1;
        if self.verbosity == Verbosity::Quiet || state.problems > self.shown {
            return;
        }
        state.clear();
        let head = self.painted(bold().fg_color(Some(AnsiColor::Red.into())), "problem:");
        let subject = printable(&problem.subject);
        let reason = printable(&problem.reason);
        state.line(Level::Error, &format!("{head} {subject}: {reason}"));
        if let Some(advice) = &problem.advice {
            state.line(Level::Error, &format!("         {}", printable(advice)));
        }
    }

    fn progress(&self, progress: &Progress<'_>) {
        let Kind::Terminal { columns } = self.kind else {
            return;
        };
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        let mut state = self.lock();
        let now = (state.clock)();
        let first = state.running.is_empty();
        let place = state
            .running
            .iter()
            .position(|running| running.task == progress.task);
        let place = place.unwrap_or_else(|| {
            state.running.push(Running {
                task: progress.task.to_owned(),
                began: now,
                done: 0,
                total: None,
                files: None,
                fill: None,
            });
            state.running.len() - 1
        });
        let running = &mut state.running[place];
        running.done = progress.done;
        running.total = progress.total;
        running.files = progress.files;
        if !first && now < state.written + REDRAW {
            return;
        }
        state.written = now;
        let line = progress_line(&state.running, now);
        // One column stays free: a terminal that wraps would break the line.
        let line = narrow(line, columns.saturating_sub(1));
        // A broken terminal must not break a backup.
        let _ = write!(state.out, "\r\x1b[K{line}");
        let _ = state.out.flush();
        state.drawn = true;
    }

    fn painted(&self, style: Style, text: &str) -> String {
        match self.colour {
            Colour::Yes => format!("{style}{text}{style:#}"),
            Colour::No => text.to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor for Screen {
    fn is_watched(&self) -> bool {
        matches!(self.kind, Kind::Terminal { .. }) && self.verbosity != Verbosity::Quiet
    }

    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Problem(problem) => self.problem(problem),
            Event::Progress(progress) => self.progress(progress),
            Event::Fill(fill) => {
                let mut state = self.lock();
                let same = |running: &&mut Running| running.task == fill.task;
                if let Some(running) = state.running.iter_mut().find(same) {
                    running.fill = Some((fill.ours, fill.drives));
                }
            }
            Event::ProgressEnd(task) => {
                let mut state = self.lock();
                let before = state.running.len();
                state.running.retain(|running| running.task != *task);
                // The line of what goes on stays until it is drawn anew.
                if before > 0 && state.running.is_empty() {
                    state.clear();
                }
            }
            Event::Warning(text) => {
                self.lock().warnings += 1;
                if self.verbosity >= self.warns {
                    self.say(Level::Warn, &format!("warning: {}", printable(text)));
                }
            }
            Event::Begin(text) | Event::Note(text) if self.verbosity >= Verbosity::Verbose => {
                self.say(Level::Info, &printable(text));
            }
            Event::End(text) if self.verbosity >= Verbosity::Verbose => {
                self.say(Level::Info, &format!("{} done", printable(text)));
            }
            Event::Begin(_) | Event::Note(_) | Event::End(_) => {}
        }
    }
}

impl State {
    /// Takes the progress line away.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(self.out, "\r\x1b[K");
            let _ = self.out.flush();
        }
    }

    fn line(&mut self, level: Level, text: &str) {
        let prefix = match self.kind {
            Kind::Journal => journal::prefix(level),
            Kind::Plain | Kind::Terminal { .. } => "",
        };
        let _ = writeln!(self.out, "{prefix}{text}");
    }
}

/// As much of `line` as has room in so many columns: some letters take two, and some none.
fn narrow(mut line: String, columns: usize) -> String {
    let mut width = 0;
    let end = line.char_indices().find_map(|(at, c)| {
        width += c.width().unwrap_or(0);
        (width > columns).then_some(at)
    });
    line.truncate(end.unwrap_or(line.len()));
    line
}

/// `0:14  staging alpha  1.20 GB of 4.40 GB  27 %  85.10 MB/s  0:38 left`, how full the buffers are of a drive that burns, and
/// the parts in short.
fn progress_line(running: &[Running], now: Duration) -> String {
    let Some((whole, parts)) = running.split_first() else {
        return String::new();
    };
    let mut words = whole.in_full(now.saturating_sub(whole.began));
    let verb = whole.task.split(' ').next().unwrap_or_default();
    words.extend(parts.iter().map(|part| part.in_short(verb)));
    words.join("  ")
}

impl Running {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // shown to people
    fn in_full(&self, time: Duration) -> Vec<String> {
        let mut words = vec![clock_face(time.as_secs()), printable(&self.task)];
        match self.total {
            Some(total) => words.push(format!("{} of {}", bytes(self.done), bytes(total))),
            None if self.done > 0 => words.push(bytes(self.done)),
            None => {}
        }
        words.extend(self.percent());
        if let Some(files) = self.files {
            words.push(count(files, "file"));
        }
        if time >= SETTLED && self.done > 0 {
            let rate = self.done as f64 / time.as_secs_f64();
            words.push(format!("{}/s", bytes(rate as u64)));
            if let Some(left) = self.total.and_then(|total| total.checked_sub(self.done)) {
                let seconds = (left as f64 / rate).ceil() as u64;
                words.push(format!("{} left", clock_face(seconds)));
            }
        }
        words.extend(self.fill.map(|fill| match fill {
            (ours, Some(drives)) => format!("buffers {ours}/{drives} %"),
            (ours, None) => format!("buffer {ours} %"),
        }));
        words
    }

    /// `alpha 27 %`; `verb` is what the whole already says.
    fn in_short(&self, verb: &str) -> String {
        let name = self.task.strip_prefix(verb).unwrap_or(&self.task);
        let name = printable(name.trim_start());
        match self.percent() {
            Some(percent) => format!("{name} {percent}"),
            None if self.done > 0 => format!("{name} {}", bytes(self.done)),
            None => name,
        }
    }

    #[allow(clippy::cast_precision_loss)] // shown to people
    fn percent(&self) -> Option<String> {
        let total = self.total.filter(|&total| total > 0)?;
        let percent = (self.done as f64 / total as f64 * 100.0).min(100.0);
        Some(format!("{percent:.0} %"))
    }
}

/// `0:38`, `12:05`, `3:00:00`.
fn clock_face(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

fn bold() -> Style {
    Style::new().bold()
}

fn terminal_size() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(test)]
mod tests;
