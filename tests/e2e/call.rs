//! One call of the program: on which day, with which rights, and how it ended.
//!
//! Hides how the day is chosen (libfaketime) and how other programs are called.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::machine::Machine;

/// How a call of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// What was called, for messages.
    pub call: String,
    /// The exit status; killed by a signal is -1.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// How far a call's rights go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Those of the test.
    Own,
    /// Not even root reads what its mode forbids.
    Ordinary,
}

/// A call of the program that has not been made yet.
pub struct Call<'a> {
    machine: &'a Machine,
    args: Vec<OsString>,
    day: Option<String>,
    rights: Rights,
    configured: bool,
    wrapper: Vec<OsString>,
}

impl<'a> Call<'a> {
    /// A call on `machine` with those words, today, with the rights of the test.
    pub fn new(machine: &'a Machine, words: &str) -> Self {
        Self {
            machine,
            args: words.split_whitespace().map(OsString::from).collect(),
            day: None,
            rights: Rights::Own,
            configured: true,
            wrapper: Vec::new(),
        }
    }

    /// One more argument, as it is.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments, as they are.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// At 02:00 UTC of that day, or at another time that follows it.
    pub fn on(mut self, day: &str) -> Self {
        let time = if day.contains(' ') { "" } else { " 02:00:00" };
        self.day = Some(format!("{day}{time}"));
        self
    }

    /// With that much power.
    pub fn with(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// Without `--config` and `--logfile`.
    pub fn unconfigured(mut self) -> Self {
        self.configured = false;
        self
    }

    /// As the last arguments of another program.
    pub fn under(mut self, wrapper: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.wrapper = wrapper
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .collect();
        self
    }

    /// The words of the call, the program's first.
    pub fn words(&self) -> Vec<OsString> {
        let mut words = vec!["env".into()];
        if let Some(day) = &self.day {
            words.push(format!("LD_PRELOAD={}", libfaketime().display()).into());
            words.push(format!("FAKETIME=@{day}").into());
            words.push("FAKETIME_DONT_FAKE_MONOTONIC=1".into());
            words.push("NO_FAKE_STAT=1".into());
        }
        words.push(env!("CARGO_BIN_EXE_cback").into());
        if self.configured {
            for (switch, name) in [("--config", "cback.conf"), ("--logfile", "log")] {
                words.push(switch.into());
                words.push(self.machine.path(name).into());
            }
        }
        words.extend(self.args.iter().cloned());
        words
    }

    /// The call as a command that has not been started.
    pub fn command(&self) -> Command {
        let mut words = self.wrapper.clone();
        if self.rights == Rights::Ordinary && said("id", &["-u"]) == "0" {
            words.extend(
                ["setpriv", "--bounding-set=-dac_override,-dac_read_search"].map(Into::into),
            );
        }
        words.extend(self.words());
        let mut command = Command::new(&words[0]);
        self.machine.at_home(command.args(&words[1..]));
        command
    }

    /// Makes the call.
    pub fn run(&self) -> Ended {
        let mut command = self.command();
        let ended = Ended::of(&command.output().unwrap(), format!("{:?}", self.args));
        let mut switches = self.args.iter().take_while(|word| *word != "--");
        if switches.any(|word| word == "--json") {
            crate::json::documented(&ended.stdout);
        }
        ended
    }
}

impl Ended {
    /// What became of `call`.
    pub fn of(output: &Output, call: String) -> Self {
        Self {
            call,
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything that a person would have seen.
    pub fn screen(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Demands exit status 0.
    #[track_caller]
    pub fn well(self) -> Self {
        self.with_status(0)
    }

    /// Demands exit status 0 and no word.
    #[track_caller]
    pub fn well_and_silent(self) -> Self {
        let ended = self.well();
        assert_eq!(ended.screen(), "", "{} was not silent", ended.call);
        ended
    }

    /// Demands that exit status.
    #[track_caller]
    pub fn with_status(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            status,
            "{} said:\n{}",
            self.call,
            self.screen()
        );
        self
    }

    /// Demands that each of `texts` was on the screen.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.screen().contains(text),
                "{} did not say {text:?} but:\n{}",
                self.call,
                self.screen()
            );
        }
        self
    }
}

/// What a program prints, without the line's end.
pub fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A word that the shell takes as it is.
pub fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"))
}

/// Runs a foreign program in `dir`, which must go well, and gives what it printed.
#[track_caller]
pub fn foreign(dir: &Path, program: &str, args: &[&OsStr]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error} (tests/run installs it)"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {args:?}: {text}{complaint}"
    );
    text
}

/// The library that makes a program believe in another day. It leaves shared memory named by process behind where
/// one was killed, and fails where a later process gets that number: what dead processes left is removed.
fn libfaketime() -> PathBuf {
    for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let process = name.rsplit('_').next().unwrap_or_default();
        let alive = Path::new("/proc").join(process).exists();
        if name.contains("faketime_") && !alive {
            let _ = fs::remove_file(entry.path());
        }
    }
    fs::read_dir("/usr/lib")
        .unwrap()
        .map(|entry| entry.unwrap().path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
        .expect("libfaketime; tests/run installs it")
}
