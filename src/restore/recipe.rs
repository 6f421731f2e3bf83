//! How to restore something: which copies, from where, in which order. Readable by a person, who may
//! follow it without this program, and by programs.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::archive::Compression;
use crate::archive::manifest::{Coverage, Stored};
use crate::event::{bytes, count, path_as_text, printable_path};
use crate::units::{Day, PeerName};

use super::Request;
use super::carry::Exists;
use super::extract::packing;
use super::find::{Copy, Found};
use super::scan::Scan;
use super::sealed;
use super::shelf::PARTS;
use super::target::Below;
use super::wanted::Wanted;

/// How to restore something.
#[derive(Debug, Clone, Serialize)]
pub struct Recipe {
    /// The directory to restore into.
    #[serde(serialize_with = "path_as_text")]
    pub into: PathBuf,
    /// The day whose state is restored; the latest if there is none.
    #[serde(serialize_with = "shown_day")]
    pub as_of: Option<Day>,
    /// What was collected, and on which day last.
    pub sources: Vec<Source>,
    /// The archives to read, in this order.
    pub steps: Vec<Step>,
    /// Files that are no archives of this program, to be copied as they are.
    pub files: Vec<PlainFile>,
    /// Archives that are needed and not to be had.
    pub missing: Vec<Missing>,
    /// Manifests that could not be read.
    pub troubles: Vec<String>,
    /// Regular files that will be restored.
    pub total_files: u64,
    /// Their bytes.
    pub total_bytes: u64,
    /// Whether several peers are restored, each into a directory of its own.
    pub several: bool,
    /// The wish that led to this.
    #[serde(skip)]
    pub(super) request: Request,
}

/// Something that was collected.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// Whose it is.
    #[serde(serialize_with = "shown")]
    pub peer: PeerName,
    /// What was collected.
    #[serde(serialize_with = "path_as_text")]
    pub path: PathBuf,
    /// The day of the state that is restored.
    #[serde(serialize_with = "shown")]
    pub day: Day,
    /// Whether that day's collection was a full one.
    pub full: bool,
    /// Where the manifest is that says so.
    #[serde(serialize_with = "path_as_text")]
    pub manifest: PathBuf,
    /// Regular files that are wanted of it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Wanted things that could not be saved on that day or since.
    pub unsaved: u64,
    /// Its turn among sources that lie within one another.
    #[serde(skip)]
    pub(super) overlaps: Option<usize>,
    #[serde(skip)]
    pub(super) found: Found,
    #[serde(skip)]
    pub(super) scan: Scan,
    #[serde(skip)]
    pub(super) wanted: Wanted,
    /// Where it goes below the target directory.
    #[serde(skip)]
    pub(super) prefix: Below,
}

/// An archive to read.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Whose it is.
    #[serde(serialize_with = "shown")]
    pub peer: PeerName,
    /// The day on which it was collected.
    #[serde(serialize_with = "shown")]
    pub day: Day,
    /// The archive.
    #[serde(serialize_with = "path_as_text")]
    pub archive: PathBuf,
    /// The staging directory or disc that it is on.
    pub on: String,
    /// Its length.
    pub archive_bytes: u64,
    /// Regular files that are wanted from it; `None` if nobody knows before it is read.
    pub files: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
    /// What it does for somebody without this program. Deletions, and what was not asked for, are left to
    /// that person.
    pub by_hand: String,
    #[serde(skip)]
    pub(super) stored: Option<Arc<Stored>>,
    #[serde(skip)]
    pub(super) copies: Vec<Copy>,
    #[serde(skip)]
    pub(super) rule: Rule,
}

/// Who says what is wanted from an archive.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// The manifest of this source, by number.
    Manifest(usize),
    /// The manifest of this source, by number; but the archives are Cedar Backup's.
    Cedars(usize),
    /// Nobody: all of it is wanted that a later archive has not brought yet.
    Everything(Everything),
}

/// What is wanted from an archive that no manifest tells about.
#[derive(Debug, Clone)]
pub(super) struct Everything {
    pub wanted: Box<Wanted>,
    pub prefix: Below,
    pub exists: Exists,
    pub turn: Turn,
}

/// When an archive that no manifest tells about has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before all manifests: it is later than that of its source.
    First,
    /// When everything else is there.
    Last,
}

/// A file to copy as it is.
#[derive(Debug, Clone, Serialize)]
pub struct PlainFile {
    /// Where it is.
    #[serde(serialize_with = "path_as_text")]
    pub file: PathBuf,
    /// The staging directory or disc that it is on.
    pub on: String,
    /// Where it goes below the target directory.
    #[serde(serialize_with = "path_as_text")]
    pub to: PathBuf,
    /// Its length.
    pub bytes: u64,
    #[serde(skip)]
    pub(super) copy: Copy,
    #[serde(skip)]
    pub(super) at: Below,
}

/// An archive that is needed and not to be had.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Missing {
    /// Whose it is.
    #[serde(serialize_with = "shown")]
    pub peer: PeerName,
    /// The day on which it was collected.
    #[serde(serialize_with = "shown")]
    pub day: Day,
    /// Its file name.
    #[serde(serialize_with = "path_as_text")]
    pub archive: PathBuf,
    /// Labels of the discs that it is on, as far as anybody knows.
    pub discs: Vec<String>,
    /// Regular files that cannot be restored without it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Some of them.
    #[serde(serialize_with = "shown_paths")]
    pub examples: Vec<PathBuf>,
}

impl Source {
    pub(super) fn coverage(&self) -> &'static str {
        match self.found.header.coverage {
            Coverage::Full => "full",
            Coverage::Incremental => "incremental",
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = self.as_of.map_or("the latest state".to_owned(), |day| {
            format!("the state of {day}")
        });
        writeln!(f, "Restore {when} into {}", path(&self.into))?;
        if !self.sources.is_empty() {
            writeln!(f, "\nWhat is restored:")?;
        }
        for source in &self.sources {
            write!(
                f,
                "  {}:{}  as of {} ({}), {}, {}",
                source.peer,
                path(&source.path),
                source.day,
                source.coverage(),
                count(source.files, "file"),
                bytes(source.bytes)
            )?;
            if source.unsaved > 0 {
                write!(
                    f,
                    "; {} could not be saved then",
                    count(source.unsaved, "thing")
                )?;
            }
            writeln!(f)?;
        }
        if !self.steps.is_empty() {
            writeln!(f, "\nArchives, in this order:")?;
        }
        for (number, step) in (1..).zip(&self.steps) {
            write!(
                f,
                "  {number}. {} ({})",
                path(&step.archive),
                bytes(step.archive_bytes)
            )?;
            match (step.files, step.bytes) {
                (Some(files), Some(amount)) => {
                    write!(f, ": {}, {}", count(files, "file"), bytes(amount))?;
                }
                _ => write!(
                    f,
                    ": has no manifest, so nobody knows what was deleted since"
                )?,
            }
            writeln!(f, "\n     by hand: {}", step.by_hand)?;
        }
        if !self.files.is_empty() {
            writeln!(f, "\nFiles that are copied as they are:")?;
        }
        for file in &self.files {
            writeln!(
                f,
                "  {} to {} ({})",
                path(&file.file),
                path(&file.to),
                bytes(file.bytes)
            )?;
        }
        if let Some((files, advice)) = sealed::next(self) {
            writeln!(f, "\nEncrypted: {}; {advice}", count(files, "file"))?;
        }
        if !self.missing.is_empty() {
            writeln!(f, "\nMissing:")?;
        }
        for missing in &self.missing {
            writeln!(f, "  {missing}")?;
        }
        if !self.troubles.is_empty() {
            writeln!(
                f,
                "\nNot readable, so that something older takes its place:"
            )?;
        }
        for trouble in &self.troubles {
            writeln!(f, "  {trouble}")?;
        }
        write!(
            f,
            "\nIn all {}, {}",
            count(self.total_files, "file"),
            bytes(self.total_bytes)
        )
    }
}

impl Missing {
    /// What is missing, for people.
    pub(super) fn what(&self) -> String {
        let stored = Stored {
            day: self.day,
            archive: self.archive.clone().into(),
        };
        match stored.cedars() {
            Some(stem) => format!("archives `{}` by Cedar Backup", path(Path::new(stem))),
            None => path(&self.archive),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {}, collected on {}",
            self.what(),
            self.peer,
            self.day
        )?;
        match &self.discs[..] {
            [] => {}
            discs => write!(f, ", on disc `{}`", discs.join("` or `"))?,
        }
        let things = count(self.files, "file");
        write!(f, ": {things}, {}", bytes(self.bytes))?;
        let examples: Vec<String> = self.examples.iter().map(|example| path(example)).collect();
        if !examples.is_empty() {
            write!(f, ", for example {}", examples.join(", "))?;
        }
        Ok(())
    }
}

/// A path as people may see it.
pub(super) fn path(path: &Path) -> String {
    printable_path(path)
}

/// The tar command for an archive: as somebody would type it.
pub(super) fn by_hand(archive: &Path, into: &Path) -> String {
    // A file that was cut into parts.
    let parts = archive.as_os_str().as_bytes();
    if let Some(whole) = parts.strip_suffix(PARTS.as_bytes()) {
        let whole = Path::new(OsStr::from_bytes(whole));
        let packing = match packing(whole.file_name().unwrap_or_default()) {
            Compression::None => "",
            Compression::Gzip => "--gzip ",
            Compression::Bzip2 => "--bzip2 ",
            Compression::Zstd => "--zstd ",
        };
        return format!(
            "cat {}{PARTS} | tar {packing}-xpf - -C {}",
            quoted(whole.as_os_str()),
            quoted(into.as_os_str())
        );
    }
    format!(
        "tar -xpf {} -C {}",
        quoted(archive.as_os_str()),
        quoted(into.as_os_str())
    )
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return word.to_string_lossy().into_owned();
    }
    let ordinary = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    if bytes.iter().all(ordinary) {
        return format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"));
    }
    let escaped: String = bytes.iter().map(|&byte| escape(byte)).collect();
    format!("$'{escaped}'")
}

/// A byte within `$'…'`.
fn escape(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

fn shown<T: fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // serde asks for this form
fn shown_day<S: Serializer>(day: &Option<Day>, to: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => to.collect_str(day),
        None => to.serialize_none(),
    }
}

fn shown_paths<S: Serializer>(values: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(values.iter().map(|value| path(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_survive_a_shell() {
        for (word, expected) in [
            (
                "/staging/2026/11/21/etc.tar.gz",
                "/staging/2026/11/21/etc.tar.gz",
            ),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("a\nb'", r"$'a\x0ab\''"),
            ("", "''"),
            ("~x", "'~x'"),
        ] {
            assert_eq!(quoted(OsStr::new(word)), expected);
        }
    }

    #[test]
    fn a_missing_archive_says_where_it_is_and_what_it_costs() {
        let missing = Missing {
            peer: "alpha".parse().unwrap_or_else(|_| unreachable!()),
            day: "2026-11-15".parse().unwrap_or_else(|_| unreachable!()),
            archive: "etc.tar.gz".into(),
            discs: vec!["CEDAR BACKUP 15-NOV-2026".to_owned()],
            files: 1,
            bytes: 5,
            examples: vec!["etc/motd".into()],
        };
        assert_eq!(
            missing.to_string(),
            "etc.tar.gz of alpha, collected on 2026-11-15, on disc `CEDAR BACKUP 15-NOV-2026`: \
             1 file, 5 bytes, for example etc/motd"
        );
    }
}
