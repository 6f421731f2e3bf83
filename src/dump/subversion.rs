//! Dumping Subversion repositories by ranges of revisions, with `svnlook` and `svnadmin`.

use std::ffi::OsString;
use std::path::Path;

use super::state::{Place, State, SvnState};
use super::{DumpError, Dumper};
use crate::archive::Compression;
use crate::event::{Tell as _, printable};
use crate::process::{Command, Ended};
use crate::units::{AbsPath, ArchiveName, Weekday};

/// A repository to be dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where it is.
    pub path: AbsPath,
    /// What its files are called.
    pub name: ArchiveName,
    /// How the dump is packed.
    pub compression: Compression,
}

/// How much of a repository is dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// Every revision.
    Full,
    /// Those after what this knows of.
    Since(SvnState),
}

/// What became of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dumped {
    /// These revisions were dumped.
    Revisions(u64, u64),
    /// There are none that were not dumped before.
    NothingNew,
}

fn uuid_command(path: &Path) -> Command {
    Command::new("svnlook").arg("uuid").arg(path)
}

fn youngest_command(path: &Path) -> Command {
    Command::new("svnlook").arg("youngest").arg(path)
}

fn dump_command(path: &Path, first: u64, last: u64) -> Command {
    Command::new("svnadmin")
        .args(["dump", "--quiet"])
        .arg(format!("-r{first}:{last}"))
        .arg("--incremental")
        .arg(path)
}

/// The one line that svnlook prints.
fn parse_line(text: &str) -> Option<&str> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    (!line.is_empty() && !line.contains('\n')).then_some(line)
}

fn parse_youngest(text: &str) -> Option<u64> {
    parse_line(text)?.trim().parse().ok()
}

/// The first revision to dump, and why it is not the one that was expected.
fn first(range: &Range, youngest: u64, uuid: &str) -> (u64, Option<String>) {
    let Range::Since(known) = range else {
        return (0, None);
    };
    if known.uuid.as_deref().is_some_and(|known| known != uuid) {
        return (
            0,
            Some("it is another repository than the one that was dumped before".to_owned()),
        );
    }
    if known.last > youngest {
        let reason = format!(
            "its youngest revision is {youngest}, and revision {} was dumped before: it was made anew",
            known.last
        );
        return (0, Some(reason));
    }
    (known.last + 1, None)
}

/// `svndump-0:42-srv-repo.txt`.
fn stem(name: &ArchiveName, first: u64, last: u64) -> OsString {
    let mut stem = OsString::from(format!("svndump-{first}:{last}-"));
    stem.push(name.as_os_str());
    stem.push(".txt");
    stem
}

impl Dumper<'_> {
    /// How far the dumps of `repository` have come. State that cannot be read is told and counts as none: then
    /// everything is dumped.
    pub fn svn_state(&self, repository: &Repository, start: Weekday) -> Option<SvnState> {
        SvnState::load(self.place(start), &repository.name).unwrap_or_else(|error| {
            self.monitor
                .warn(format!("{error}; every revision is dumped instead"));
            None
        })
    }

    pub(super) fn place(&self, start: Weekday) -> Place<'_> {
        Place {
            dir: self.working_dir,
            start,
            ids: self.ids,
        }
    }

    /// Dumps the revisions of `repository` in `range`, and takes note of how far that went.
    pub fn repository(
        &self,
        repository: &Repository,
        range: &Range,
        start: Weekday,
    ) -> Result<Dumped, DumpError> {
        let path = &repository.path;
        let command = youngest_command(path);
        let text = self.ask(&command)?;
        let youngest =
            parse_youngest(&text).ok_or_else(|| odd(&command, text, "the number of a revision"))?;
        let command = uuid_command(path);
        let text = self.ask(&command)?;
        let uuid = match parse_line(&text) {
            Some(uuid) => uuid.to_owned(),
            None => return Err(odd(&command, text, "the name of a repository")),
        };
        let (first, surprise) = first(range, youngest, &uuid);
        if let Some(reason) = surprise {
            self.monitor.warn(format!(
                "{}: {reason}; every revision is dumped",
                printable(&path.to_string())
            ));
        }
        if first > youngest {
            return Ok(Dumped::NothingNew);
        }
        let command = dump_command(path, first, youngest);
        let stem = stem(&repository.name, first, youngest);
        self.dump(&command, &stem, repository.compression, Ended::success)?;
        let full = match range {
            Range::Since(known) if first > 0 => known.state.full,
            _ => self.day,
        };
        let state = State {
            day: self.day,
            full,
        };
        let known = SvnState {
            state,
            last: youngest,
            uuid: Some(uuid),
        };
        known.save(self.place(start), &repository.name)?;
        Ok(Dumped::Revisions(first, youngest))
    }
}

fn odd(command: &Command, text: String, wanted: &'static str) -> DumpError {
    DumpError::Odd {
        command: command.to_string(),
        text,
        wanted,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::Naming;

    #[test]
    fn the_commands_are_cedar_backups() {
        let path = Path::new("/srv/my repo");
        for (command, text) in [
            (youngest_command(path), "svnlook youngest '/srv/my repo'"),
            (uuid_command(path), "svnlook uuid '/srv/my repo'"),
            (
                dump_command(path, 3, 42),
                "svnadmin dump --quiet -r3:42 --incremental '/srv/my repo'",
            ),
        ] {
            assert_eq!(command.to_string(), text);
        }
        let name = ArchiveName::of(path, Naming::V3);
        assert_eq!(stem(&name, 3, 42), "svndump-3:42-srv-my_repo.txt");
    }

    #[test]
    fn what_svnlook_prints_is_a_number_or_it_is_not_understood() {
        for (text, youngest) in [
            ("42\n", Some(42)),
            ("0\n", Some(0)),
            ("", None),
            ("42\n43\n", None),
            ("svnlook: E000002", None),
            ("-1\n", None),
        ] {
            assert_eq!(parse_youngest(text), youngest, "{text:?}");
        }
    }

    #[test]
    fn an_incremental_goes_on_unless_the_repository_is_another_one() {
        let day = "2026-11-18".parse().unwrap();
        let known = |last, uuid: Option<&str>| {
            Range::Since(SvnState {
                state: State { day, full: day },
                last,
                uuid: uuid.map(str::to_owned),
            })
        };
        for (range, youngest, begins, warns) in [
            (Range::Full, 7, 0, false),
            (known(5, Some("u")), 7, 6, false),
            (known(5, None), 7, 6, false),
            (known(7, Some("u")), 7, 8, false),
            (known(8, Some("u")), 7, 0, true),
            (known(5, Some("v")), 7, 0, true),
        ] {
            let (first, surprise) = first(&range, youngest, "u");
            assert_eq!((first, surprise.is_some()), (begins, warns), "{range:?}");
        }
    }
}
