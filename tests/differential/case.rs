//! One case: a tree, a configuration for each program that differs in nothing but where its own files are, and days.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cedar::{Cedar, libfaketime};
use crate::random::Random;
use crate::tree;

/// A call on one day.
#[derive(Debug, Clone)]
pub struct Run {
    pub day: &'static str,
    pub words: &'static str,
}

pub struct Case {
    pub seed: u64,
    pub random: Random,
    pub root: PathBuf,
    pub runs: Vec<Run>,
    /// The first of two alternatives in an exclusion pattern: it means more to Cedar Backup.
    pub alternation: Option<&'static str>,
    /// The sources: the stem of their archives, and when they are collected.
    pub modes: Vec<(String, &'static str)>,
}

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Theirs,
    Ours,
}

impl Who {
    fn dir(self) -> &'static str {
        match self {
            Self::Theirs => "theirs",
            Self::Ours => "ours",
        }
    }
}

impl Case {
    /// The case of that seed, in a new directory below `place`.
    pub fn new(place: &Path, seed: u64) -> Self {
        let root = place.join(format!("case-{seed}"));
        let mut random = Random::new(seed);
        for who in [Who::Theirs, Who::Ours] {
            for dir in ["collect", "work", "stage"] {
                fs::create_dir_all(root.join(who.dir()).join(dir)).unwrap();
            }
        }
        tree::plant(&root.join("tree"), &mut random);
        let mut case = Self {
            seed,
            runs: runs(&mut random),
            random,
            root,
            alternation: None,
            modes: Vec::new(),
        };
        case.configure();
        case
    }

    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    pub fn own(&self, who: Who, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(who.dir()).join(name)
    }

    /// The directory of the peer's files of that day.
    pub fn staged(&self, who: Who, day: &str) -> PathBuf {
        let day = day.replace('-', "/");
        self.own(who, "stage").join(day).join("ada")
    }

    fn configure(&mut self) {
        let collect = self.collect_section();
        for who in [Who::Theirs, Who::Ours] {
            let own = self.own(who, "");
            let text = CONFIGURATION
                .replace("OWN/", own.to_str().unwrap())
                .replace("<!-- collect -->", &collect);
            fs::write(self.own(who, "cback.conf"), text).unwrap();
        }
    }

    fn collect_section(&mut self) -> String {
        let modes = ["incr", "incr", "incr", "daily", "weekly"];
        let archives = ["tar", "targz", "targz", "tarbz2"];
        let mut text = String::new();
        let random = &mut self.random;
        let usual = *random.pick(&modes);
        let _ = writeln!(text, "<collect_mode>{usual}</collect_mode>");
        let _ = writeln!(
            text,
            "<archive_mode>{}</archive_mode>",
            random.pick(&archives)
        );
        let _ = writeln!(text, "<ignore_file>{}</ignore_file>", tree::IGNORE);
        text += &self.exclusions(None);
        let random = &mut self.random;
        let root = self.root.join("tree");
        if random.once_in(3) {
            let path = root.join(tree::SINGLE);
            let _ = write!(text, "<file><abs_path>{}</abs_path>", path.display());
            let mode = *random.pick(&modes);
            let _ = writeln!(text, "<collect_mode>{mode}</collect_mode></file>");
            self.modes.push((stem(&path), mode));
        }
        let count = 1 + random.below(3);
        for name in &tree::SOURCES[..count] {
            text += &self.dir(&root.join(name), usual);
        }
        text
    }

    fn dir(&mut self, path: &Path, usual: &'static str) -> String {
        let random = &mut self.random;
        let mut text = format!("<dir><abs_path>{}</abs_path>\n", path.display());
        let mut mode = usual;
        if random.once_in(3) {
            mode = *random.pick(&["daily", "weekly", "incr"]);
            let name = *random.pick(&["mode", "collect_mode"]);
            let _ = writeln!(text, "<{name}>{mode}</{name}>");
        }
        self.modes.push((stem(path), mode));
        if random.once_in(4) {
            text += "<archive_mode>tar</archive_mode>\n";
        }
        if random.once_in(3) {
            let depth = 1 + random.below(3);
            let _ = writeln!(text, "<link_depth>{depth}</link_depth>");
            if random.once_in(2) {
                text += "<dereference>Y</dereference>\n";
            }
        }
        if random.once_in(4) {
            let level = *random.pick(&["1", "2", "1", "-1"]);
            let _ = writeln!(text, "<recursion_level>{level}</recursion_level>");
        }
        if random.once_in(6) {
            text += "<ignore_file>core</ignore_file>\n";
        }
        text += &self.exclusions(Some(path));
        text + "</dir>\n"
    }

    /// Exclusions for a directory, or for all.
    fn exclusions(&mut self, dir: Option<&Path>) -> String {
        let tree = self.tree();
        let random = &mut self.random;
        if !random.once_in(3) {
            return String::new();
        }
        let mut text = "<exclude>\n".to_owned();
        let plain = |path: &PathBuf| {
            path.to_str()
                .is_some_and(|path| !path.contains(['\n', '\\']))
        };
        let below = |top: &Path| -> Vec<PathBuf> {
            let all = tree::all(top);
            let own = all
                .into_iter()
                .filter(|path| plain(path) && path.as_path() != top);
            own.collect()
        };
        if random.once_in(2) {
            let paths = below(&tree);
            let path = random.pick(&paths).to_str().unwrap().to_owned();
            // Compared as it is written: this excludes nothing.
            let slash = if random.once_in(8) { "/" } else { "" };
            let _ = writeln!(text, "<abs_path>{}{slash}</abs_path>", escape(&path));
        }
        if let Some(dir) = dir
            && random.once_in(2)
        {
            let paths = below(dir);
            let path = random.pick(&paths).strip_prefix(dir).unwrap();
            let path = escape(path.to_str().unwrap());
            let _ = writeln!(text, "<rel_path>{path}</rel_path>");
        }
        if random.once_in(2) {
            let pattern = *random.pick(&[
                r".*\.txt",
                r".*/core",
                r".*/[ab]",
                r".*/(?!keep)[^/]*\.1",
                r".*/(?P<n>a)/.*",
                r".*/\.[^/]+",
                r"a",
                r".*/no|.*/b",
                r".*[^\x00-\x7f].*",
                r".*/new$",
                r".*/new\nline",
            ]);
            if let Some((first, _)) = pattern.split_once('|') {
                self.alternation = Some(first);
            }
            let _ = writeln!(text, "<pattern>{}</pattern>", escape(pattern));
        }
        text + "</exclude>\n"
    }

    /// Calls a program; gives its exit status and what it said.
    pub fn call(&self, who: Who, cedar: &mut Cedar, run: &Run) -> (i64, String) {
        let time = format!("{} 02:00:00", run.day);
        let dir = self.own(who, "");
        let words = format!("--config cback.conf --logfile log {}", run.words);
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        if who == Who::Theirs {
            return cedar.run(&time, &dir, &words);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_cback"));
        command
            .args(["--naming", "v3"])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.root)
            .env("TZ", "UTC")
            .env("LD_PRELOAD", libfaketime())
            .env("FAKETIME", format!("@{time}"))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .current_dir(dir)
            .stdin(Stdio::null());
        let output = output(&mut command);
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said += &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1).into(), said)
    }
}

/// What becomes of `command`, which runs under libfaketime. Its shared memory is named after the process; if a killed
/// one of that number left some, another number is needed.
pub fn output(command: &mut Command) -> Output {
    loop {
        let output = command.output().unwrap();
        if !String::from_utf8_lossy(&output.stderr).contains("ft_shm_create") {
            return output;
        }
    }
}

/// What the archives of the source at `path` are called.
fn stem(path: &Path) -> String {
    path.to_str().unwrap()[1..].replace('/', "-")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Three days, of which the second or third may be without staging, in the next week, or full.
fn runs(random: &mut Random) -> Vec<Run> {
    const ALL: &str = "collect stage purge";
    const KEEP: &str = "collect stage";
    let words = if random.once_in(4) { KEEP } else { ALL };
    let run = |day, words| Run { day, words };
    match random.below(6) {
        // The starting day was missed.
        0 => vec![
            run("2026-11-18", words),
            run("2026-11-19", words),
            run("2026-11-23", words),
        ],
        1 => vec![
            run("2026-11-16", words),
            run("2026-11-17", words),
            run("2026-11-23", words),
        ],
        // A night on which nobody staged.
        2 => vec![
            run("2026-11-16", words),
            run("2026-11-17", "collect"),
            run("2026-11-18", words),
        ],
        3 => vec![
            run("2026-11-16", words),
            run("2026-11-18", "--full collect stage purge"),
            run("2026-11-19", words),
        ],
        _ => vec![
            run("2026-11-16", words),
            run("2026-11-17", words),
            run("2026-11-18", words),
        ],
    }
}

const CONFIGURATION: &str = r#"<?xml version="1.0"?>
<cb_config>
  <reference><author>tests</author></reference>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>OWN/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <peers>
    <peer><name>ada</name><type>local</type><collect_dir>OWN/collect</collect_dir></peer>
  </peers>
  <collect>
    <collect_dir>OWN/collect</collect_dir>
<!-- collect -->
  </collect>
  <stage><staging_dir>OWN/stage</staging_dir></stage>
  <purge>
    <dir><abs_path>OWN/collect</abs_path><retain_days>0</retain_days></dir>
  </purge>
</cb_config>
"#;
