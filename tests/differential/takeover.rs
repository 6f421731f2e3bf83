//! Ours takes over a machine from Cedar Backup in the middle of its week, and hands it back: nothing is lost, and what
//! Cedar Backup has is not archived again.
//!
//! Digests are dated by their file's time, so the days here follow the real one; the week starts today.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{Days, NaiveDate, Utc};

use crate::cedar::{Cedar, libfaketime};

/// A machine that has run Cedar Backup.
struct Machine {
    dir: tempfile::TempDir,
    cedar: Cedar,
    first: NaiveDate,
    settled: std::cell::OnceCell<()>,
}

/// Everything below a directory: kind, mode, time in seconds, and content or target.
type Picture = BTreeMap<PathBuf, (u32, i64, Vec<u8>)>;

/// What our program did.
struct Ended {
    status: i32,
    said: String,
}

const ALL: &str = "collect stage purge";
const KEEP: &str = "collect stage";

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for name in ["source/dir/empty", "collect", "work", "stage", "discs"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let machine = Self {
            dir,
            cedar: Cedar::start(),
            first: Utc::now().date_naive(),
            settled: std::cell::OnceCell::new(),
        };
        let start = machine.first.format("%A").to_string().to_lowercase();
        let text = CONFIGURATION
            .replace("DIR/", machine.at("").to_str().unwrap())
            .replace("START", &start);
        fs::write(machine.at("cback.conf"), text).unwrap();
        for (name, content) in [
            ("stays", "as it was"),
            ("dir/stays", "as it was, too"),
            ("changes", "first"),
            ("goes", "soon gone"),
            ("no\u{e9}l \\ it's", "an odd name"),
            ("mode", "of which only the mode changes"),
            ("twice", "a file with two names"),
            ("labelled", "with an extended attribute"),
        ] {
            fs::write(machine.src(name), content).unwrap();
        }
        fs::hard_link(machine.src("twice"), machine.src("dir/second")).unwrap();
        symlink("stays", machine.src("link")).unwrap();
        xattr::set(machine.src("labelled"), "user.note", b"mine").unwrap();
        machine
    }

    fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    fn src(&self, name: impl AsRef<Path>) -> PathBuf {
        self.at("source").join(name)
    }

    /// Day number `day` of the week, from 0.
    fn day(&self, day: u64) -> String {
        (self.first + Days::new(day)).to_string()
    }

    fn stem(&self) -> String {
        let path = self.src("");
        let path = path.to_str().unwrap().trim_matches('/');
        path.replace(['/', '\\'], "-")
    }

    fn cedar(&mut self, day: u64, words: &str) {
        let time = format!("{} 02:00:00", self.day(day));
        let words = format!("--config cback.conf --logfile log {words}");
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let dir = self.at("");
        let (status, said) = self.cedar.run(&time, &dir, &words);
        assert_eq!((status, said.as_str()), (0, ""));
    }

    fn ours(&self, day: u64, words: &str) -> Ended {
        // What changed just before the first run would be archived again, whatever the digests say.
        self.settled.get_or_init(crate::settle);
        let mut command = Command::new(env!("CARGO_BIN_EXE_cback"));
        command
            .args([
                "--naming",
                "v3",
                "--config",
                "cback.conf",
                "--logfile",
                "log",
            ])
            .args(words.split_whitespace())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.at(""))
            .env("TZ", "UTC")
            .env("LD_PRELOAD", libfaketime())
            .env("FAKETIME", format!("@{} 02:00:00", self.day(day)))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .current_dir(self.at(""))
            .stdin(Stdio::null());
        let output = crate::case::output(&mut command);
        let said = [output.stdout, output.stderr].concat();
        Ended {
            status: output.status.code().unwrap(),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    /// Our program, which must go well.
    #[track_caller]
    fn well(&self, day: u64, words: &str) {
        let ended = self.ours(day, words);
        assert_eq!((ended.status, ended.said.as_str()), (0, ""));
    }

    /// What our program brings back.
    #[track_caller]
    fn restored(&self, words: &str) -> Picture {
        let number = fs::read_dir(self.at("")).unwrap().count();
        let into = self.at(format!("restored-{number}"));
        let ended = self.ours(9, &format!("restore {words} --into {}", into.display()));
        assert_eq!(ended.status, 0, "{}", ended.said);
        picture(&into.join(self.src("").strip_prefix("/").unwrap()))
    }

    /// Paths below the source in the archive of the source that was staged on `day`, and its number.
    fn staged(&mut self, day: u64) -> (Vec<String>, String) {
        let dir = self
            .at("stage")
            .join(self.day(day).replace('-', "/"))
            .join("ada");
        let stem = self.stem();
        let names = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        let mut archives: Vec<String> = names
            .filter(|name| name.ends_with(".tar.gz") && name.starts_with(&stem))
            .collect();
        assert_eq!(archives.len(), 1, "{archives:?}");
        let archive = archives.remove(0);
        let source = self.src("");
        let source = source.strip_prefix("/").unwrap();
        let members = self.cedar.members(&dir.join(&archive)).into_iter();
        let mut paths: Vec<String> = members
            .filter(|member| member.kind != '5')
            .map(|member| {
                member
                    .path
                    .strip_prefix(source)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        paths.sort();
        (paths, archive[stem.len()..].to_owned())
    }
}

fn picture(root: &Path) -> Picture {
    let walk = walkdir::WalkDir::new(root).min_depth(1);
    let look = |path: &Path| {
        let stat = path.symlink_metadata().unwrap();
        let content = if stat.is_file() {
            fs::read(path).unwrap()
        } else if stat.is_symlink() {
            fs::read_link(path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else {
            Vec::new()
        };
        (stat.mode(), stat.mtime(), content)
    };
    let entries = walk.into_iter().map(Result::unwrap);
    let named = entries.map(|entry| {
        let name = entry.path().strip_prefix(root).unwrap().to_owned();
        (name, look(entry.path()))
    });
    named.collect()
}

/// The regular files and their contents: what Cedar Backup can give back.
fn contents(picture: &Picture) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = picture
        .iter()
        .filter(|(_, look)| look.0 & 0o170_000 == 0o100_000);
    files
        .map(|(path, look)| (path.clone(), look.2.clone()))
        .collect()
}

/// What happens to the source between Cedar Backup's second run and our first.
fn change(machine: &Machine) {
    fs::write(machine.src("changes"), "second").unwrap();
    fs::remove_file(machine.src("goes")).unwrap();
    fs::write(machine.src("new"), "new").unwrap();
    fs::set_permissions(machine.src("mode"), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_cedar_backup_has_is_not_archived_again_and_comes_back_from_its_archives() {
    for (words, number) in [(ALL, "+2.tar.gz"), (KEEP, ".tar.gz")] {
        let mut machine = Machine::new();
        machine.cedar(0, words);
        fs::write(machine.src("dir/tuesday"), "of the second day").unwrap();
        let second = picture(&machine.src(""));
        machine.cedar(1, words);
        let digests = fs::read(machine.at(format!("work/{}.sha", machine.stem()))).unwrap();
        change(&machine);
        let third = picture(&machine.src(""));

        machine.well(2, words);
        let (archived, name) = machine.staged(2);
        // Names with a backslash Cedar Backup never saved; what it cannot describe is archived once more.
        let expected = [
            "changes",
            "dir/second",
            "labelled",
            "link",
            "mode",
            "new",
            "no\u{e9}l \\ it's",
            "twice",
        ];
        assert_eq!(archived, expected);
        // Nobody told on which day the last archive of Cedar Backup was staged if its indicator was purged.
        assert_eq!(name, number);

        fs::write(machine.src("dir/thursday"), "of the fourth day").unwrap();
        let fourth = picture(&machine.src(""));
        machine.well(3, words);

        assert_eq!(machine.restored(""), fourth);
        assert_eq!(
            machine.restored(&format!("--as-of {}", machine.day(2))),
            third
        );
        let mut restored = contents(&machine.restored(&format!("--as-of {}", machine.day(1))));
        let mut expected = contents(&second);
        expected.remove(Path::new("no\u{e9}l \\ it's"));
        restored.retain(|path, _| path != Path::new("no\u{e9}l \\ it's"));
        assert_eq!(restored, expected);
        let path = machine.src("dir/stays");
        let one = machine.restored(path.to_str().unwrap());
        let wanted = |path: &PathBuf| path.starts_with("dir/stays") || path == Path::new("dir");
        assert!(one.keys().all(wanted) && one.len() == 2, "{one:?}");

        // Its digests stay as they were, so that it can take over again; a new week begins with a full archive.
        let now = fs::read(machine.at(format!("work/{}.sha", machine.stem()))).unwrap();
        assert_eq!(now, digests);
        machine.well(7, words);
        assert_eq!(machine.staged(7).0.len(), contents(&fourth).len() + 1);
        assert_eq!(machine.restored(""), picture(&machine.src("")));
    }
}

#[test]
fn storing_knows_the_archives_of_cedar_backup_that_an_increment_builds_on() {
    for thrown_away in [false, true] {
        let mut machine = Machine::new();
        machine.cedar(0, KEEP);
        machine.cedar(1, KEEP);
        change(&machine);
        let text = fs::read_to_string(machine.at("cback.conf")).unwrap();
        let store = STORE.replace("DIR/", machine.at("").to_str().unwrap());
        fs::write(
            machine.at("cback.conf"),
            text.replace("  <purge>", &format!("{store}  <purge>")),
        )
        .unwrap();
        if !thrown_away {
            machine.well(2, "collect stage store");
            // On the disc they are as good as staged.
            for day in 0..2 {
                let staged = machine.day(day).replace('-', "/");
                fs::remove_dir_all(machine.at("stage").join(staged)).unwrap();
            }
            machine.well(3, "collect stage store");
            continue;
        }
        fs::remove_dir_all(machine.at("stage")).unwrap();
        fs::create_dir(machine.at("stage")).unwrap();
        let ended = machine.ours(2, "collect stage store");
        assert_eq!(ended.status, 10, "{}", ended.said);
        assert!(ended.said.contains("no copy is known"), "{}", ended.said);
    }
}

#[test]
fn a_collection_that_nobody_staged_is_not_built_upon() {
    let mut machine = Machine::new();
    machine.cedar(0, ALL);
    fs::write(machine.src("changes"), "never staged").unwrap();
    machine.cedar(1, "collect");
    let whole = picture(&machine.src(""));
    machine.well(2, "collect");
    let log = fs::read_to_string(machine.at("log")).unwrap();
    assert!(
        log.contains("was not staged; everything is collected again"),
        "{log}"
    );
    // And that night, too, staging fails: the doubt stays.
    machine.well(3, ALL);
    assert_eq!(machine.staged(3).0.len(), contents(&whole).len() + 1);
    assert_eq!(machine.restored(""), whole);
}

#[test]
fn a_night_on_which_nobody_stages_does_not_end_the_takeover() {
    let mut machine = Machine::new();
    machine.cedar(0, KEEP);
    change(&machine);
    machine.well(1, "collect");
    fs::write(machine.src("later"), "later").unwrap();
    machine.well(2, KEEP);
    let (archived, _) = machine.staged(2);
    for name in ["changes", "later", "new"] {
        assert!(archived.iter().any(|path| path == name), "{archived:?}");
    }
    assert!(!archived.iter().any(|path| path == "stays"), "{archived:?}");
    assert_eq!(machine.restored(""), picture(&machine.src("")));
}

#[test]
fn digests_that_cannot_be_read_or_are_of_last_week_mean_a_full_archive() {
    for damage in [true, false] {
        let mut machine = Machine::new();
        machine.cedar(0, ALL);
        if damage {
            let path = machine.at(format!("work/{}.sha", machine.stem()));
            let mut text = fs::read(&path).unwrap();
            text.pop();
            fs::write(path, text).unwrap();
        }
        let day = if damage { 1 } else { 7 };
        machine.well(day, ALL);
        let whole = picture(&machine.src(""));
        assert_eq!(machine.staged(day).0.len(), contents(&whole).len() + 1);
        let log = fs::read_to_string(machine.at("log")).unwrap();
        assert_eq!(
            log.contains("is not as Cedar Backup writes it"),
            damage,
            "{log}"
        );
        assert_eq!(machine.restored(""), whole);
    }
}

#[test]
fn digests_of_version_2_are_taken_over_as_well() {
    let mut machine = Machine::new();
    machine.cedar(0, KEEP);
    // As version 2 writes them: byte strings in Python's notation.
    let path = machine.at(format!("work/{}.sha", machine.stem()));
    let text = fs::read_to_string(&path).unwrap();
    let notation = |line: &str| match line.strip_prefix('V').or(line.strip_prefix("sV")) {
        Some(text) => {
            let start = if line.starts_with('s') { "s" } else { "" };
            format!("{start}S'{text}'")
        }
        None => line.to_owned(),
    };
    let text: Vec<String> = text.lines().map(notation).collect();
    assert!(text.iter().any(|line| line.starts_with("S'/")));
    let stat = fs::metadata(&path).unwrap();
    fs::write(&path, text.join("\n")).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(stat.modified().unwrap()).unwrap();

    machine.well(1, KEEP);
    let (archived, _) = machine.staged(1);
    assert!(!archived.iter().any(|path| path == "stays"), "{archived:?}");
    assert_eq!(machine.restored(""), picture(&machine.src("")));
}

#[test]
fn files_that_no_archive_has_any_more_are_named() {
    let mut machine = Machine::new();
    machine.cedar(0, ALL);
    machine.well(1, ALL);
    fs::remove_dir_all(machine.at("stage").join(machine.day(0).replace('-', "/"))).unwrap();
    let into = machine.at("into");
    let words = format!("restore --into {}", into.display());
    let ended = machine.ours(2, &words);
    assert_ne!(ended.status, 0);
    let what = format!("archives `{}` by Cedar Backup", machine.stem());
    assert!(ended.said.contains(&what), "{}", ended.said);
    // An archive of that week that lacks them does not do either.
    let dir = machine
        .at("stage")
        .join(machine.day(0).replace('-', "/"))
        .join("ada");
    fs::create_dir_all(&dir).unwrap();
    let empty = machine.at("nothing");
    fs::create_dir(&empty).unwrap();
    let archive = dir.join(format!("{}.tar.gz", machine.stem()));
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(archive).arg("-C").arg(empty).arg(".");
    assert!(tar.status().unwrap().success());
    let ended = machine.ours(2, &words);
    assert_eq!(ended.status, 10, "{}", ended.said);
    assert!(ended.said.contains("/stays"), "{}", ended.said);
}

#[test]
fn cedar_backup_takes_over_again_and_saves_at_least_what_changed_since_it_left() {
    for full in [false, true] {
        let mut machine = Machine::new();
        machine.cedar(0, ALL);
        change(&machine);
        machine.well(1, ALL);
        fs::write(machine.src("dir/wednesday"), "ours").unwrap();
        machine.well(2, ALL);
        fs::write(machine.src("dir/thursday"), "theirs").unwrap();
        fs::write(machine.src("changes"), "third").unwrap();
        let now = picture(&machine.src(""));
        machine.cedar(
            3,
            if full {
                "--full collect stage purge"
            } else {
                ALL
            },
        );
        let (archived, _) = machine.staged(3);
        let expected: &[&str] = if full {
            &[
                "changes",
                "dir/second",
                "dir/stays",
                "dir/thursday",
                "dir/wednesday",
                "labelled",
                "link",
                "mode",
                "new",
                "stays",
                "twice",
            ]
        } else {
            // Relative to its own last run: what we saved meanwhile is saved again.
            &["changes", "dir/thursday", "dir/wednesday", "link", "new"]
        };
        assert_eq!(archived, expected);
        // The latest state is that of its archive on top of our last manifest.
        let mut restored = contents(&machine.restored(""));
        assert_eq!(restored.remove(Path::new("changes")).unwrap(), b"third");
        let mut expected = contents(&now);
        expected.remove(Path::new("changes"));
        assert_eq!(restored, expected);
        let before = machine.restored(&format!("--as-of {}", machine.day(2)));
        assert!(!before.contains_key(Path::new("dir/thursday")));
        assert_eq!(before[Path::new("changes")].2, b"second");
        // In the next week it begins anew, and nothing of ours counts.
        fs::remove_file(machine.src("dir/wednesday")).unwrap();
        machine.cedar(7, ALL);
        let mut now = contents(&picture(&machine.src("")));
        now.remove(Path::new("no\u{e9}l \\ it's"));
        assert_eq!(contents(&machine.restored("")), now);
    }
}

#[test]
fn a_python_client_is_served_by_our_master() {
    let mut machine = Machine::new();
    let mut pictures = Vec::new();
    for day in 0..3 {
        fs::write(machine.src("diary"), format!("day {day}")).unwrap();
        pictures.push(contents(&picture(&machine.src(""))));
        machine.cedar(day, "collect");
        machine.well(day, "stage");
        machine.cedar(day, "purge");
    }
    for (day, mut picture) in (0..).zip(pictures) {
        picture.remove(Path::new("no\u{e9}l \\ it's"));
        let restored = machine.restored(&format!("--as-of {}", machine.day(day)));
        assert_eq!(contents(&restored), picture, "{day}");
    }
}

#[test]
fn our_client_is_served_by_a_python_master() {
    let mut machine = Machine::new();
    let mut pictures = Vec::new();
    for day in 0..3 {
        fs::write(machine.src("diary"), format!("day {day}")).unwrap();
        pictures.push(picture(&machine.src("")));
        machine.well(day, "collect");
        machine.cedar(day, "stage");
        // Everything that we collected is there, as it is.
        let staged = machine
            .at("stage")
            .join(machine.day(day).replace('-', "/"))
            .join("ada");
        for entry in fs::read_dir(machine.at("collect")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() != "cback.stage" {
                let copy = staged.join(path.file_name().unwrap());
                assert_eq!(fs::read(&path).unwrap(), fs::read(copy).unwrap());
            }
        }
        machine.well(day, "purge");
    }
    for (day, picture) in (0..).zip(pictures) {
        let restored = machine.restored(&format!("--as-of {}", machine.day(day)));
        assert_eq!(restored, picture, "{day}");
    }
}

const CONFIGURATION: &str = r#"<?xml version="1.0"?>
<cb_config>
  <reference><author>tests</author></reference>
  <options>
    <starting_day>START</starting_day>
    <working_dir>DIR/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <peers>
    <peer><name>ada</name><type>local</type><collect_dir>DIR/collect</collect_dir></peer>
  </peers>
  <collect>
    <collect_dir>DIR/collect</collect_dir>
    <collect_mode>incr</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.cbignore</ignore_file>
    <dir><abs_path>DIR/source</abs_path></dir>
  </collect>
  <stage><staging_dir>DIR/stage</staging_dir></stage>
  <purge>
    <dir><abs_path>DIR/collect</abs_path><retain_days>0</retain_days></dir>
  </purge>
</cb_config>
"#;

const STORE: &str = "  <store>
    <source_dir>DIR/stage</source_dir>
    <media_type>dvd+r</media_type>
    <device_type>file</device_type>
    <target_device>DIR/discs/disc.iso</target_device>
  </store>
";
