//! A machine in a temporary directory: a source, a configuration, a disc that is a file, and the program.
//!
//! Hides where everything is.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::call::{Call, Ended, quoted, said};
use crate::tree;

/// A machine with a configuration for `all`, everything below one temporary directory.
pub struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    /// A machine with an empty source directory and a configuration for `all` onto a DVD+R.
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("machine-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        let machine = Self { root };
        for dir in ["home", "source", "collect", "stage", "work", "discs"] {
            fs::create_dir(machine.path(dir)).unwrap();
        }
        machine.configure(|text| text);
        machine
    }

    /// Something on the machine.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes the configuration: the standard one, changed by `change`.
    pub fn configure(&self, change: impl FnOnce(String) -> String) {
        let text = STANDARD
            .replace("ROOT", self.root.path().to_str().unwrap())
            .replace("USER", &said("id", &["-un"]))
            .replace("GROUP", &said("id", &["-gn"]));
        fs::write(self.path("cback.conf"), change(text)).unwrap();
    }

    /// The program with switches, actions, commands: words separated by blanks.
    pub fn cback(&self, words: &str) -> Call<'_> {
        Call::new(self, words)
    }

    /// Waits until what was just changed is old enough to be trusted by an incremental. No test needs it to
    /// pass; it makes incrementals small, so that tests see what only small ones show.
    pub fn settle() {
        let changed = SystemTime::now();
        while changed
            .elapsed()
            .is_ok_and(|age| age < Duration::from_millis(2100))
        {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The whole backup on `day`, which must go well without a word.
    pub fn back_up(&self, day: &str) {
        self.cback("all").on(day).run().well_and_silent();
    }

    /// Restores into a fresh directory `into` and gives the directory where the source came back.
    pub fn restore(&self, into: &str, words: &str) -> PathBuf {
        let call = self
            .cback(&format!("restore {words} --into"))
            .arg(self.path(into));
        call.run().well();
        self.restored(into)
    }

    /// Where the source is below a directory that was restored into.
    pub fn restored(&self, into: &str) -> PathBuf {
        let source = self.path("source");
        self.path(into).join(source.strip_prefix("/").unwrap())
    }

    /// Restores with `words` and demands that the source comes back as `kept`.
    pub fn restores(&self, words: &str, kept: &Path) {
        let into = format!(
            "restored-{}",
            fs::read_dir(self.root.path()).unwrap().count()
        );
        let restored = self.restore(&into, words);
        tree::assert_same(kept, &restored);
        let forced = [OsStr::new("-rf"), self.path(&into).as_os_str()].map(OsStr::to_owned);
        assert!(Command::new("rm").args(forced).status().unwrap().success());
    }

    /// Puts a naive copy of the source aside and says where it is.
    pub fn keep(&self, name: &str) -> PathBuf {
        let kept = self.path("kept").join(name);
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        let copied = Command::new("cp")
            .arg("-a")
            .args([&self.path("source"), &kept])
            .status()
            .unwrap();
        assert!(copied.success());
        kept
    }

    /// Makes the call `first` with only `room` in the directory `dir`, and then, with room enough, `more`.
    pub fn with_little_room(
        &self,
        dir: &str,
        room: &str,
        first: &Call,
        more: &[Call],
    ) -> Vec<Ended> {
        let dir = quoted(self.path(dir).as_os_str());
        let mut script = format!("mount -t tmpfs -o size={room} none {dir}\n");
        for (at, call) in std::iter::once(first).chain(more).enumerate() {
            let words: Vec<String> = call.words().iter().map(|word| quoted(word)).collect();
            script += &format!(
                "{} >{at}.out 2>{at}.err && echo 0 >{at}.status || echo $? >{at}.status\n",
                words.join(" ")
            );
            script += &format!("mount -o remount,size=1g {dir}\n");
        }
        let mut unshare = vec!["--mount"];
        if said("id", &["-u"]) != "0" {
            unshare.extend(["--map-current-user", "--keep-caps"]);
        }
        let mut command = Command::new("unshare");
        command.args(unshare).args(["sh", "-ec", &script]);
        let output = self.at_home(&mut command).output().unwrap();
        assert!(output.status.success(), "{output:?}\n{script}");
        let read = |name: String| fs::read_to_string(self.path(name)).unwrap();
        (0..=more.len())
            .map(|at| Ended {
                call: script.lines().nth(1 + 2 * at).unwrap().to_owned(),
                status: read(format!("{at}.status")).trim().parse().unwrap(),
                stdout: read(format!("{at}.out")),
                stderr: read(format!("{at}.err")),
            })
            .collect()
    }

    /// Gives `command` this machine's surroundings and nothing else.
    pub fn at_home<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("TZ", "UTC")
            .current_dir(self.root.path())
            .stdin(Stdio::null())
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The disc that is in the drive.
    pub fn disc(&self) -> PathBuf {
        self.path("discs/disc.iso")
    }

    /// Every disc, the one in the drive last.
    pub fn discs(&self) -> Vec<PathBuf> {
        let mut discs: Vec<PathBuf> = fs::read_dir(self.path("discs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "iso"))
            .collect();
        discs.sort_by_key(|path| {
            (
                *path == self.disc(),
                path.metadata().unwrap().modified().unwrap(),
            )
        });
        discs
    }

    /// `--from DISC` for every disc.
    pub fn every_disc(&self) -> Vec<OsString> {
        let from = |disc: PathBuf| ["--from".into(), disc.into_os_string()];
        self.discs().into_iter().flat_map(from).collect()
    }
}

const STANDARD: &str = r#"<?xml version="1.0"?>
<cb_config>
  <reference>
    <author>tests</author>
  </reference>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>ROOT/work</working_dir>
    <backup_user>USER</backup_user>
    <backup_group>GROUP</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <peers>
    <peer>
      <name>ada</name>
      <type>local</type>
      <collect_dir>ROOT/collect</collect_dir>
    </peer>
  </peers>
  <collect>
    <collect_dir>ROOT/collect</collect_dir>
    <collect_mode>incr</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.cbignore</ignore_file>
    <dir>
      <abs_path>ROOT/source</abs_path>
    </dir>
  </collect>
  <stage>
    <staging_dir>ROOT/stage</staging_dir>
  </stage>
  <store>
    <source_dir>ROOT/stage</source_dir>
    <media_type>dvd+r</media_type>
    <device_type>file</device_type>
    <target_device>ROOT/discs/disc.iso</target_device>
    <check_data>Y</check_data>
  </store>
  <purge>
    <dir>
      <abs_path>ROOT/stage</abs_path>
      <retain_days>60</retain_days>
    </dir>
    <dir>
      <abs_path>ROOT/collect</abs_path>
      <retain_days>0</retain_days>
    </dir>
  </purge>
</cb_config>
"#;
