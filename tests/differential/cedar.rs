//! Cedar Backup 3 itself, from the Python package index, driven by one process for all calls.
//!
//! Hides the scratch environment below `target/`, the driver, and how it is made to believe in another day.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::install::python;

/// A member of an archive, as Python's tarfile sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Without a leading slash.
    pub path: PathBuf,
    /// The type in the tar header: `0` a file, `1` a hard link, `2` a symbolic link, `5` a directory.
    pub kind: char,
    pub link: PathBuf,
    pub mode: u64,
    /// Numbers and names of user and group.
    pub owner: String,
    /// Whole seconds.
    pub time: i64,
    /// SHA-1 of a file's bytes.
    pub content: String,
}

/// A process that runs Cedar Backup whenever it is asked to.
pub struct Cedar {
    child: Child,
    /// There until the process is to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _time: tempfile::TempDir,
}

impl Cedar {
    /// Starts it.
    pub fn start() -> Self {
        loop {
            let mut cedar = Self::attempt();
            // libfaketime's shared memory is named after the process; a killed one of that number may have left some.
            if cedar.answer(&json!({})).is_some() {
                return cedar;
            }
        }
    }

    fn attempt() -> Self {
        let time = tempfile::tempdir().unwrap();
        let file = time.path().join("time");
        fs::write(&file, "@2026-11-16 02:00:00\n").unwrap();
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/driver.py");
        let mut child = Command::new(python())
            .arg(driver)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", time.path())
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("LD_PRELOAD", libfaketime())
            .env("FAKETIME_TIMESTAMP_FILE", file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            _time: time,
        }
    }

    fn answer(&mut self, request: &Value) -> Option<Value> {
        writeln!(self.input.as_mut()?, "{request}").ok()?;
        let mut answer = String::new();
        self.output.read_line(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }

    fn ask(&mut self, request: &Value) -> Value {
        let answer = self.answer(request);
        answer.unwrap_or_else(|| panic!("{request}: no answer"))
    }

    /// Runs it in `dir` at that time; gives its exit status and what it said.
    pub fn run(&mut self, time: &str, dir: &Path, words: &[String]) -> (i64, String) {
        let answer = self.ask(&json!({ "time": time, "cwd": dir, "words": words }));
        let said = answer["said"].as_str().unwrap().to_owned();
        (answer["status"].as_i64().unwrap(), said)
    }

    /// What is in an archive, in its order.
    pub fn members(&mut self, archive: &Path) -> Vec<Member> {
        let answer = self.ask(&json!({ "archive": to_hex(archive) }));
        let members = answer["members"].as_array().unwrap().iter();
        let read = |member: &Value| Member {
            path: from_hex(&member["path"]),
            kind: member["kind"].as_str().unwrap().chars().next().unwrap(),
            link: from_hex(&member["link"]),
            mode: member["mode"].as_u64().unwrap(),
            owner: member["owner"].to_string(),
            time: member["time"].as_i64().unwrap(),
            content: member["content"].as_str().unwrap().to_owned(),
        };
        members.map(read).collect()
    }
}

impl Drop for Cedar {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

fn to_hex(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(value: &Value) -> PathBuf {
    let digits = value.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    std::ffi::OsString::from_vec(digits.chunks(2).map(byte).collect()).into()
}

/// The library that makes a program believe in another day.
pub fn libfaketime() -> PathBuf {
    fs::read_dir("/usr/lib")
        .unwrap()
        .map(|entry| entry.unwrap().path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
        .expect("libfaketime; tests/run installs it")
}
