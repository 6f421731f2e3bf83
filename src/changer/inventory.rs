//! What is remembered of the discs: a file of JSON, written whole, durably.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ChangerError;
use crate::fsx::AtomicFile;
use crate::units::{Day, Ids};

/// The name of the inventory in the working directory.
pub const FILE_NAME: &str = "changer.json";

/// Raised with every change of the form. There is no migration: discs are looked at again.
const VERSION: u32 = 1;

/// No inventory is longer.
const LONGEST: u64 = 16 << 20;

/// What a disc is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has looked at it.
    Unknown,
    /// Nothing is on it.
    Blank,
    /// One of ours, to which sessions are appended.
    InUse,
    /// One of ours, on which nothing more is written.
    Full,
    /// It could not be written or read; nothing is written on it. What is on it may still be read.
    Bad,
    /// Somebody else's.
    Foreign,
}

impl State {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Blank => "blank",
            Self::InUse => "in use",
            Self::Full => "full",
            Self::Bad => "bad",
            Self::Foreign => "foreign",
        }
    }
}

/// Where a disc is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In its slot.
    Slot,
    /// In the drive of that number.
    Drive(u32),
    /// Not in the changer.
    Out,
}

/// A disc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The slot that is its own; where it was last if it is out. `None`: nobody knows.
    pub slot: Option<u32>,
    /// Where it is.
    pub place: Place,
    /// What is written on it for the robot.
    pub barcode: Option<String>,
    /// What it is good for.
    pub state: State,
    /// Its label, escaped.
    pub label: Option<String>,
    /// What tells it from other discs: the catalog's identifier.
    pub disc: Option<String>,
    /// The number of the copy that it is a disc of, from 1.
    pub copy: Option<u32>,
    /// Bytes that it still takes.
    pub free: Option<u64>,
    /// The day on which it was last written.
    #[serde(with = "maybe_day")]
    pub written: Option<Day>,
    /// The day on which it was last looked at.
    #[serde(with = "maybe_day")]
    pub seen: Option<Day>,
    /// Why it is bad.
    pub why: Option<String>,
}

impl Entry {
    /// A disc that nobody has looked at.
    pub fn unknown(slot: Option<u32>, place: Place, barcode: Option<String>) -> Self {
        Self {
            slot,
            place,
            barcode,
            state: State::Unknown,
            label: None,
            disc: None,
            copy: None,
            free: None,
            written: None,
            seen: None,
            why: None,
        }
    }

    /// Whether it is in the changer.
    pub fn is_here(&self) -> bool {
        self.place != Place::Out
    }

    /// What people call it: label, barcode, place.
    pub fn name(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.label.as_ref().map(|label| format!("`{label}`")));
        words.extend(self.barcode.as_ref().map(|code| format!("[{code}]")));
        words.extend(self.slot.map(|slot| format!("of slot {slot}")));
        if words.is_empty() {
            words.push("without a name".to_owned());
        }
        words.join(" ")
    }

    /// Whether it is worth remembering although it is out.
    fn is_worth_remembering(&self) -> bool {
        self.is_here()
            || self.label.is_some()
            || (self.state == State::Bad && self.barcode.is_some())
    }
}

/// All discs that are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// In no order that counts; an index stays the same while the program runs.
    pub discs: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    /// So that somebody who finds the file knows whose it is.
    what: String,
    version: u32,
    discs: Vec<Entry>,
}

const WHAT: &str = "the discs of a changer, as cback remembers them";

impl Inventory {
    /// Reads the file at `path`. No file is an empty inventory. One that is damaged, or of another version, is put aside,
    /// and where it is and what was wrong is given, too.
    pub fn read(path: &Path) -> Result<(Self, Option<(PathBuf, String)>), ChangerError> {
        match Self::look(path)? {
            Ok(inventory) => Ok((inventory, None)),
            Err(reason) => {
                let aside = path.with_extension("json.old");
                crate::fsx::rename_durably(path, &aside).map_err(fault(path, "put aside"))?;
                Ok((Self::default(), Some((aside, reason))))
            }
        }
    }

    /// The same without changing anything: the inner error is what is wrong with the file.
    pub fn look(path: &Path) -> Result<Result<Self, String>, ChangerError> {
        let bytes = match fs::metadata(path).and_then(|facts| match facts.len() {
            0..=LONGEST => fs::read(path),
            _ => Ok(Vec::new()),
        }) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Ok(Self::default()));
            }
            Err(error) => return Err(fault(path, "read")(error)),
        };
        Ok(match serde_json::from_slice::<Written>(&bytes) {
            Ok(written) if written.version == VERSION => Ok(Self {
                discs: written.discs,
            }),
            Ok(written) => Err(format!(
                "it is of version {}, and this program writes version {VERSION}",
                written.version
            )),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Writes it to `path`: whole and durable, or not at all. Discs that are out and of which nothing is known are
    /// left out.
    pub fn save(&self, path: &Path, ids: Option<Ids>) -> Result<(), ChangerError> {
        let discs = self.discs.iter().filter(|disc| disc.is_worth_remembering());
        let written = Written {
            what: WHAT.to_owned(),
            version: VERSION,
            discs: discs.cloned().collect(),
        };
        let save = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(&written)?;
            text.push(b'\n');
            let mut file = AtomicFile::create(path)?;
            file.write_all(&text)?;
            file.commit(ids)
        };
        save().map_err(fault(path, "write"))
    }
}

fn fault(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> ChangerError {
    let path = path.to_owned();
    move |source| ChangerError::Inventory {
        path: path.clone(),
        doing,
        source,
    }
}

/// Days as text.
mod maybe_day {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::units::Day;

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // what serde asks for
    pub(super) fn serialize<S: Serializer>(day: &Option<Day>, to: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => to.collect_str(day),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Day>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        assert_eq!(
            Inventory::read(&path).unwrap(),
            (Inventory::default(), None)
        );
        let known = Entry {
            state: State::InUse,
            label: Some("CEDAR BACKUP 21-NOV-2026".to_owned()),
            written: Some("2026-11-21".parse().unwrap()),
            ..Entry::unknown(Some(3), Place::Drive(1), Some("A1".to_owned()))
        };
        let out = Entry::unknown(Some(4), Place::Out, None);
        let inventory = Inventory {
            discs: vec![known.clone(), out],
        };
        inventory.save(&path, None).unwrap();
        let (read, aside) = Inventory::read(&path).unwrap();
        assert_eq!((read.discs, aside), (vec![known], None));
    }

    #[test]
    fn a_damaged_one_is_put_aside_and_never_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        for text in ["", "{", r#"{"what":"","version":2,"discs":[]}"#, "[]"] {
            fs::write(&path, text).unwrap();
            let (read, aside) = Inventory::read(&path).unwrap();
            let (aside, _) = aside.unwrap();
            assert_eq!(read, Inventory::default());
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
            assert!(!path.exists());
        }
        assert!(Inventory::read(dir.path()).is_err(), "a directory");
    }
}
