//! Configurations as files: whole ones that are accepted, broken ones with what is said about them.
//!
//! Each `tests/config/bad/NAME.xml` has its findings beside it in `NAME.txt`, and likewise
//! `tests/config/odd` for files that are accepted with warnings. `SNAPSHOTS=overwrite` writes them anew.

#![allow(clippy::unwrap_used)] // tests

use std::path::{Path, PathBuf};

use cback::config::{Colour, Config, ConfigError, Report, Severity};
use cback::units::Naming;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "xml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn parse(path: &Path) -> Result<(Config, Report), ConfigError> {
    let bytes = std::fs::read(path).unwrap();
    Config::parse(&bytes, Path::new("cback.conf"), Naming::V3)
}

fn compare(path: &Path, report: &Report) {
    let mut shown = report.render(Colour::Plain);
    shown.push('\n');
    for line in report.lines() {
        shown.push_str(&line);
        shown.push('\n');
    }
    let expected = snapbox::Data::read_from(&path.with_extension("txt"), None);
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(shown, expected);
}

#[test]
fn sound_files_are_accepted_without_a_word() {
    for path in files("good") {
        match parse(&path) {
            Ok((_, report)) => assert!(report.is_empty(), "{}:\n{report}", path.display()),
            Err(ConfigError::Problems(report)) => panic!("{}:\n{report}", path.display()),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

#[test]
fn broken_files_are_refused_with_every_reason() {
    for path in files("bad") {
        let Err(ConfigError::Problems(report)) = parse(&path) else {
            panic!("{} is accepted", path.display());
        };
        assert!(report.count(Severity::Error) > 0);
        compare(&path, &report);
    }
}

#[test]
fn odd_files_are_accepted_with_warnings() {
    for path in files("odd") {
        match parse(&path) {
            Ok((_, report)) => {
                assert!(report.count(Severity::Warning) > 0, "{}", path.display());
                compare(&path, &report);
            }
            Err(error) => panic!("{}: {error:?}", path.display()),
        }
    }
}
