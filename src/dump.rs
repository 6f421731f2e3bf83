//! Dump: what another program prints becomes a file of the collect directory.
//!
//! The output is packed on the way into a partial file, which gets its name when the program has ended well and every
//! byte is durable. A dump that fails leaves no file of its name: an older one there must not be staged as
//! today's. If that older one was never staged, it is the only copy, and is kept under a name with its day.

mod aside;
mod databases;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod mailbox;
mod mailboxes;
mod mysql;
mod postgresql;
mod state;
mod subversion;
mod system;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::{Compression, Packed, Packer};
use crate::claims::{COLLECTED, Place};
use crate::event::{self, Monitor, Tell as _, printable, printable_path};
use crate::fsx::AtomicFile;
use crate::process::{Command, Ended, RunError, Runner, Stdout};
use crate::units::{AbsPath, Day, Ids, Proof};

pub use databases::{Login, Server};
pub use mailboxes::{Mailboxes, Wanted};
pub use state::{MailState, State, StateError, SvnState};
pub use subversion::{Dumped, Range, Repository};
pub use system::Facts;

/// Somebody who fills a collect directory with dumps.
#[derive(Clone, Copy)]
pub struct Dumper<'a> {
    /// Runs the programs.
    pub runner: &'a dyn Runner,
    /// Where dumps go.
    pub collect_dir: &'a AbsPath,
    /// Where state and temporary files are.
    pub working_dir: &'a AbsPath,
    /// The day of the run.
    pub day: Day,
    /// To whom files are given.
    pub ids: Option<Ids>,
    /// Who is told.
    pub monitor: &'a dyn Monitor,
}

/// Why there is no dump.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The program failed, or could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", event::printable_path(path))]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", event::printable_path(path))]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program printed something else than it should.
    #[error("`{command}` printed `{}`, which is not {wanted}", printable(text))]
    Odd {
        /// The command.
        command: String,
        /// What it printed.
        text: String,
        /// What was expected.
        wanted: &'static str,
    },
    /// The state of the last dump cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Dumper<'_> {
    /// Dumps what `command` prints into `stem` and the suffix of `way`. `well` says whether a program that ended so
    /// did its work.
    fn dump(
        &self,
        command: &Command,
        stem: &OsStr,
        way: Compression,
        well: impl FnOnce(&Ended) -> bool,
    ) -> Result<Packed, DumpError> {
        self.write(stem, way.suffix(), way, |out| {
            let ended = self.runner.run(command, Stdout::Bytes(out))?;
            if well(&ended) {
                Ok(())
            } else {
                Ok(ended.ok(command)?)
            }
        })
    }

    /// Writes the file `stem` with `suffix`, packed in that way, from what `fill` writes.
    fn write(
        &self,
        stem: &OsStr,
        suffix: &str,
        way: Compression,
        fill: impl FnOnce(&mut Packer<AtomicFile>) -> Result<(), DumpError>,
    ) -> Result<Packed, DumpError> {
        self.write_file(stem, suffix, |file, path| {
            let mut packer = Packer::new(way, None, file);
            fill(&mut packer)?;
            packer.finish().map_err(|source| DumpError::Write {
                path: path.to_owned(),
                source,
            })
        })
    }

    /// Writes the file `stem` with `suffix`, from what `fill` makes of it; it is told the path for its errors.
    fn write_file(
        &self,
        stem: &OsStr,
        suffix: &str,
        fill: impl FnOnce(AtomicFile, &Path) -> Result<(AtomicFile, Packed), DumpError>,
    ) -> Result<Packed, DumpError> {
        let name = with_suffix(stem, suffix);
        let path = self.collect_dir.join(&name).as_path().to_owned();
        let fault = |source| DumpError::Write {
            path: path.clone(),
            source,
        };
        let write = || {
            self.withdraw(stem, &name)?;
            let partial = AtomicFile::create(&path).map_err(fault)?;
            let (whole, packed) = fill(partial, &path)?;
            whole.commit(self.ids).map_err(fault)?;
            Ok(packed)
        };
        let written = write();
        match written {
            Ok(packed) => {
                self.note(&name, packed.proof);
                self.put_aside(stem, Some(&name));
                self.monitor.note(format!(
                    "wrote {} ({})",
                    event::printable_path(path),
                    event::bytes(packed.bytes)
                ));
                Ok(packed)
            }
            Err(error) => {
                self.put_aside(stem, None);
                Err(error)
            }
        }
    }

    fn collecting(&self) -> Place<'_> {
        Place {
            collect_dir: self.collect_dir.as_path(),
            working_dir: self.working_dir.as_path(),
        }
    }

    /// The collect indicator says nothing of `name` and other files of `stem` any more: they change now.
    fn withdraw(&self, stem: &OsStr, name: &OsStr) -> Result<(), DumpError> {
        let names = aside::SUFFIXES.map(|suffix| with_suffix(stem, suffix));
        let mut names: Vec<&OsStr> = names.iter().map(OsString::as_os_str).collect();
        names.push(name);
        let withdrawn = self.collecting().withdraw(&names, self.ids);
        withdrawn.map_err(|source| DumpError::Write {
            path: self.collect_dir.join(COLLECTED).as_path().to_owned(),
            source,
        })
    }

    /// Notes what proves the file `name`, for collect to say so. Without that, nobody can check the file before it is staged.
    fn note(&self, name: &OsStr, proof: Proof) {
        if let Err(error) = self.collecting().note(self.day, name, proof, self.ids) {
            self.monitor.warn(format!(
                "the digest of {} cannot be noted in {}: {error}; it is staged without being checked",
                printable_path(name),
                printable(&self.working_dir.to_string())
            ));
        }
    }

    /// Clears away older files of `stem` in other packings, or all of them if there is no new one.
    fn put_aside(&self, stem: &OsStr, new: Option<&OsStr>) {
        for suffix in aside::SUFFIXES {
            let name = with_suffix(stem, suffix);
            if new == Some(name.as_os_str()) {
                continue;
            }
            let path = self.collect_dir.join(&name);
            match aside::put(&path) {
                Ok(None) => {}
                Ok(Some(kept)) => self.monitor.warn(format!(
                    "{} is of an earlier day and was never staged; it is kept as {}",
                    printable(&path.to_string()),
                    event::printable_path(kept)
                )),
                Err(error) => self.monitor.warn(format!(
                    "{} is of an earlier day and cannot be cleared away: {error}",
                    printable(&path.to_string())
                )),
            }
        }
    }

    /// What `command` prints, which is little and a text.
    fn ask(&self, command: &Command) -> Result<String, DumpError> {
        let mut text = Vec::new();
        let ended = self.runner.run(command, Stdout::Keep(&mut text))?;
        ended.ok(command)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// `stem` with `suffix` behind it.
fn with_suffix(stem: &OsStr, suffix: &str) -> OsString {
    let mut name = stem.to_owned();
    name.push(suffix);
    name
}

/// A name from outside, as a part of a file name: `/` and control characters are written as `%2F`.
fn as_file_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if c == '/' || c == '%' || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing into a string never fails.
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(c);
        }
    }
    text
}
