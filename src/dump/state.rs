//! How far the dumps of repositories and mailboxes have come, in the working directory.
//!
//! `NAME.svnlast` and `NAME.mboxlast` are Cedar Backup's, in a form that its versions 2 and 3 read, so that going
//! back works. What else has to be known lies beside in `NAME.svnlast.cback`, a few lines of text, and counts only if
//! it speaks of the same revision or time: otherwise Cedar Backup was here in between. It is written first; killed
//! in between, the next dump goes back a bit further than it would have to.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike as _, Local, NaiveDateTime, Timelike as _};

use crate::event::printable_path;
use crate::fsx;
use crate::legacy::{self, LegacyError};
use crate::units::{ArchiveName, Day, Ids, Weekday};

/// First line of the file beside.
const HEAD: &str = "cback dump 1";
/// How times are written in it.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6f";

/// The day of the last dump of something, and that of the full one on which it builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Of the last one.
    pub day: Day,
    /// Of the full one.
    pub full: Day,
}

/// How far the dumps of a repository have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SvnState {
    /// When.
    pub state: State,
    /// The youngest revision that was dumped.
    pub last: u64,
    /// Which repository it was; `None` if Cedar Backup dumped it.
    pub uuid: Option<String>,
}

/// How far the dumps of a mailbox, or a directory of them, have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailState {
    /// When.
    pub state: State,
    /// The local time at which the last dump began.
    pub last: NaiveDateTime,
    /// The local time since which the last dump has everything; `None`: it is a full one. Another dump of the
    /// same day has to have all of that again, since it replaces the first.
    pub since: Option<NaiveDateTime>,
}

/// State that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read.
    #[error(transparent)]
    Legacy(#[from] LegacyError),
    /// It cannot be read or written.
    #[error("cannot use {}: {source}", printable_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where state is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) dir: &'a Path,
    pub(super) start: Weekday,
    pub(super) ids: Option<Ids>,
}

impl SvnState {
    /// How far the repository called `name` is; `None` if it was never dumped.
    pub(super) fn load(place: Place<'_>, name: &ArchiveName) -> Result<Option<Self>, StateError> {
        let path = path(place, name, "svnlast");
        let Some(last) = legacy::revision(&path)? else {
            return Ok(None);
        };
        let beside = beside(&path, &last.to_string())?;
        Ok(Some(Self {
            state: state(place, &path, beside.as_deref())?,
            last,
            uuid: beside
                .as_deref()
                .and_then(|text| line(text, "uuid"))
                .map(str::to_owned),
        }))
    }

    /// Takes note of it.
    pub(super) fn save(&self, place: Place<'_>, name: &ArchiveName) -> Result<(), StateError> {
        let mut extra = Vec::new();
        if let Some(uuid) = &self.uuid {
            extra.push(format!("uuid {uuid}"));
        }
        let pickled = format!("I{}\n.", self.last);
        let value = self.last.to_string();
        let path = path(place, name, "svnlast");
        save(place, &path, &value, self.state, &extra, pickled.as_bytes())
    }
}

impl MailState {
    /// How far the mailbox called `name` is; `None` if it was never dumped.
    pub(super) fn load(place: Place<'_>, name: &ArchiveName) -> Result<Option<Self>, StateError> {
        let path = path(place, name, "mboxlast");
        let Some(last) = legacy::dumped_until(&path)? else {
            return Ok(None);
        };
        let beside = beside(&path, &last.format(TIME).to_string())?;
        let since = match &beside {
            Some(text) => line(text, "since").and_then(time),
            // Nobody knows what Cedar Backup's dump had. A day more does no harm.
            None => last.checked_sub_days(chrono::Days::new(1)),
        };
        Ok(Some(Self {
            state: state(place, &path, beside.as_deref())?,
            last,
            since,
        }))
    }

    /// Takes note of it.
    pub(super) fn save(&self, place: Place<'_>, name: &ArchiveName) -> Result<(), StateError> {
        let mut extra = Vec::new();
        if let Some(since) = self.since {
            extra.push(format!("since {}", since.format(TIME)));
        }
        let value = self.last.format(TIME).to_string();
        let path = path(place, name, "mboxlast");
        let pickled = pickled_time(self.last);
        save(place, &path, &value, self.state, &extra, &pickled)
    }
}

fn path(place: Place<'_>, name: &ArchiveName, extension: &str) -> PathBuf {
    place.dir.join(name.with_extension(extension))
}

fn path_beside(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".cback");
    name.into()
}

/// The lines beside the state at `path`, if they are about `value`.
fn beside(path: &Path, value: &str) -> Result<Option<String>, StateError> {
    let beside = path_beside(path);
    match std::fs::read(&beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::Io {
            path: beside,
            source,
        }),
        Ok(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            let same = text.starts_with(HEAD) && line(&text, "value") == Some(value);
            Ok(same.then_some(text))
        }
    }
}

/// What follows `key` in its line.
fn line<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

fn time(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, TIME).ok()
}

/// When the last dumps were: as the lines beside say, or, after Cedar Backup, by the time of its file. It makes full
/// dumps on the starting day.
fn state(place: Place<'_>, path: &Path, beside: Option<&str>) -> Result<State, StateError> {
    let day = |key| beside.and_then(|text| line(text, key)?.parse().ok());
    if let (Some(day), Some(full)) = (day("day"), day("full")) {
        return Ok(State { day, full });
    }
    let modified = path.metadata().and_then(|stat| stat.modified());
    let modified = modified.map_err(|source| StateError::Io {
        path: path.to_owned(),
        source,
    })?;
    let day = Day::from(DateTime::<Local>::from(modified).date_naive());
    let full = day.latest(place.start);
    Ok(State { day, full })
}

fn save(
    place: Place<'_>,
    path: &Path,
    value: &str,
    state: State,
    extra: &[String],
    pickled: &[u8],
) -> Result<(), StateError> {
    let mut text = format!(
        "{HEAD}\nvalue {value}\nday {}\nfull {}\n",
        state.day, state.full
    );
    for line in extra {
        text += line;
        text.push('\n');
    }
    let beside = path_beside(path);
    for (path, bytes) in [(beside.as_path(), text.as_bytes()), (path, pickled)] {
        fsx::write_indicator(path, bytes, place.ids).map_err(|source| StateError::Io {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// `datetime.datetime` as Python 3 pickles it in protocol 0, which Python 2 reads, too.
fn pickled_time(time: NaiveDateTime) -> Vec<u8> {
    let [.., high, low] = time.year().to_be_bytes();
    let micros = (time.nanosecond() / 1000 % 1_000_000).to_be_bytes();
    let small = |number: u32| u8::try_from(number).unwrap_or(0);
    let fields = [
        high,
        low,
        small(time.month()),
        small(time.day()),
        small(time.hour()),
        small(time.minute()),
        small(time.second()),
        micros[1],
        micros[2],
        micros[3],
    ];
    let mut pickled = b"cdatetime\ndatetime\np0\n(c_codecs\nencode\np1\n(V".to_vec();
    for byte in fields {
        match byte {
            // What Python escapes in such a text.
            0 | b'\n' | b'\r' | 0x1a | b'\\' => {
                pickled.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            }
            _ => pickled.push(byte),
        }
    }
    pickled.extend_from_slice(b"\np2\nVlatin1\np3\ntp4\nRp5\ntp6\nRp7\n.");
    pickled
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::Naming;

    fn name() -> ArchiveName {
        ArchiveName::of(Path::new("/srv/repo"), Naming::V3)
    }

    fn place(dir: &Path) -> Place<'_> {
        Place {
            dir,
            start: Weekday::Mon,
            ids: None,
        }
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn at(text: &str) -> NaiveDateTime {
        time(text).unwrap()
    }

    #[test]
    fn what_was_noted_is_known_again() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        let state = State {
            day: day("2026-11-18"),
            full: day("2026-11-16"),
        };
        assert_eq!(SvnState::load(place, &name()).unwrap(), None);
        let svn = SvnState {
            state,
            last: 42,
            uuid: Some("c2d3".to_owned()),
        };
        svn.save(place, &name()).unwrap();
        assert_eq!(SvnState::load(place, &name()).unwrap(), Some(svn));
        let plain = std::fs::read(dir.path().join("srv-repo.svnlast")).unwrap();
        assert_eq!(plain, b"I42\n.");
        for since in [None, Some(at("2026-11-17T02:00:00.000001"))] {
            let mail = MailState {
                state,
                last: at("2026-11-10T13:26:00.855552"),
                since,
            };
            mail.save(place, &name()).unwrap();
            assert_eq!(MailState::load(place, &name()).unwrap(), Some(mail));
        }
    }

    #[test]
    fn lines_beside_count_only_for_what_they_were_written_for() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path());
        let state = State {
            day: day("2001-01-01"),
            full: day("2001-01-01"),
        };
        let svn = SvnState {
            state,
            last: 42,
            uuid: Some("c2d3".to_owned()),
        };
        svn.save(place, &name()).unwrap();
        // Cedar Backup was here.
        std::fs::write(dir.path().join("srv-repo.svnlast"), "I43\n.").unwrap();
        let found = SvnState::load(place, &name()).unwrap().unwrap();
        assert_eq!((found.last, found.uuid), (43, None));
        let today = Day::from(Local::now().date_naive());
        assert!(found.state.day == today || found.state.day == today.pred());
        assert_eq!(found.state.full, found.state.day.latest(Weekday::Mon));
    }

    #[test]
    fn python_reads_what_we_write() {
        let time = at("2026-11-10T13:26:00.855552");
        let script = "import pickle,sys; print(pickle.load(sys.stdin.buffer))";
        let mut python = std::process::Command::new("python3")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        io::Write::write_all(&mut python.stdin.take().unwrap(), &pickled_time(time)).unwrap();
        let said = python.wait_with_output().unwrap().stdout;
        assert_eq!(said, b"2026-11-10 13:26:00.855552\n");
    }
}
