//! Questions on the terminal. Without one every question has its default, or is an error that names the switch.

use std::fmt::Display;
use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;

use crate::cli::args::{MachineRole, media_kind, starting_day};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::event::printable_path;
use crate::media::MediaKind;
use crate::units::{CommandLine, PeerName, Weekday};

/// Who asks, and whether there is anybody to answer.
pub(super) struct Asker {
    terminal: bool,
}

impl Asker {
    pub(super) fn new(terminal: bool) -> Self {
        Self { terminal }
    }

    pub(super) fn role(&mut self) -> Result<MachineRole, Failure> {
        if !self.terminal {
            return Err(Failure::new(
                Exit::Arguments,
                "it was not said what the machine does, and there is no terminal to ask on",
            )
            .advise("write `cback config init single`, `client` or `master`"));
        }
        let question = "What does this machine do? It backs itself up alone (single), a master fetches its \
            archives (client), or it fetches those of others (master)";
        self.ask(question, "single", |text| {
            let all = [
                MachineRole::Single,
                MachineRole::Client,
                MachineRole::Master,
            ];
            let mut all = all.into_iter();
            all.find(|role| role.word() == text)
                .ok_or("it is `single`, `client` or `master`")
        })
    }

    pub(super) fn dirs(&mut self) -> Result<Vec<PathBuf>, Failure> {
        if !self.terminal {
            return Err(Failure::new(
                Exit::Arguments,
                "it was not said what is to be backed up, and there is no terminal to ask on",
            )
            .advise("name directories with --dir DIR"));
        }
        let question = "Which directories are backed up? (blanks between them; \"…\" around one with blanks in it)";
        self.ask(question, "/etc /home", |text| {
            let dirs: Vec<PathBuf> = directories(text);
            match dirs.iter().find(|dir| !dir.is_dir()) {
                Some(dir) => Err(format!("{} is no directory", printable_path(dir))),
                None => Ok(dirs),
            }
        })
    }

    pub(super) fn clients(&mut self) -> Result<Vec<PeerName>, Failure> {
        let question = "Which machines are its clients? (host names, blanks between them)";
        self.ask(question, "", |text| {
            text.split_whitespace()
                .map(|name| {
                    name.parse()
                        .map_err(|_| format!("`{name}` cannot name a machine"))
                })
                .collect()
        })
    }

    pub(super) fn base(&mut self) -> Result<PathBuf, Failure> {
        let question = "Where are archives kept?";
        self.ask(question, "/var/lib/cback", |text| {
            if text.starts_with('/') {
                Ok(PathBuf::from(text))
            } else {
                Err("a path that begins with `/`")
            }
        })
    }

    pub(super) fn day(&mut self) -> Result<Weekday, Failure> {
        let question = "On which day does the week begin, with a full backup? (the same on all machines of a pool)";
        self.ask(question, "sunday", starting_day)
    }

    pub(super) fn device(&mut self) -> Result<Option<PathBuf>, Failure> {
        let question = "Which drive burns the discs? (its device, such as /dev/sr0; or `file`: the disc is a file)";
        self.ask(question, "file", |text| match text {
            "file" => Ok(None),
            device if device.starts_with('/') => Ok(Some(PathBuf::from(device))),
            _ => Err("a path that begins with `/`, or `file`"),
        })
    }

    pub(super) fn media(&mut self) -> Result<MediaKind, Failure> {
        self.ask("Which kind of disc?", "dvd+r", media_kind)
    }

    /// Asks until the answer can be used. An empty answer is the default.
    fn ask<T, E: Display>(
        &mut self,
        question: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let useless = |error: E| {
            Failure::new(
                Exit::Arguments,
                format!("`{default}` cannot be used: {error}"),
            )
        };
        if !self.terminal {
            return parse(default).map_err(useless);
        }
        loop {
            // Not locked while it waits: a signal has something to say there.
            let mut screen = io::stderr();
            let shown = if default.is_empty() { "none" } else { default };
            // A screen that has gone away is told by the answer that does not come.
            let _ = write!(screen, "{question} [{shown}]: ");
            let _ = screen.flush();
            let mut answer = String::new();
            let read = io::stdin().lock().read_line(&mut answer);
            match read {
                Ok(0) | Err(_) => {
                    let _ = writeln!(screen);
                    return Err(Failure::new(
                        Exit::Arguments,
                        "nobody answers; nothing was written",
                    ));
                }
                Ok(_) => {}
            }
            let answer = match answer.trim() {
                "" => default,
                answer => answer,
            };
            match parse(answer) {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let _ = writeln!(screen, "  {error}");
                }
            }
        }
    }
}

/// The directories that `text` names, as a shell would: blanks between them or within `"`, and `~/` is the home.
fn directories(text: &str) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let words = text.parse::<CommandLine>().map(|line| line.words());
    let words = words.unwrap_or_default().into_iter();
    words
        .map(|word| match (&home, word.strip_prefix("~/")) {
            (Some(home), Some(below)) => home.join(below),
            _ => PathBuf::from(word),
        })
        .collect()
}
