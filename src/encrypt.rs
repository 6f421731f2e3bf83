//! Encrypt: staged files become files that only one recipient can read, `NAME.gpg`.
//!
//! Each result appears whole, beside its original; the list of digests then names it in place of the original, and
//! only after that the original goes. Killed anywhere, the next run encrypts the original again. What is encrypted
//! already is known by its name and its first byte, not by a mark, so nothing is encrypted twice, and what came after
//! the mark does not stay readable.

mod gpg;

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::PathBuf;

use crate::event::{Monitor, Problem, Tell as _, printable, printable_path};
use crate::fsx::{self, AtomicFile};
use crate::process::{Ended, RunError, Runner, Stdout};
use crate::staging::{BackupFile, Daily, ENCRYPTED, part_name, whole_name};
use crate::sums::Hasher;
use crate::units::Ids;

/// The end of an encrypted file's name.
pub const SUFFIX: &str = ".gpg";

/// Somebody who encrypts staged files for one recipient.
#[derive(Clone, Copy)]
pub struct Encrypter<'a> {
    /// Runs the programs.
    pub runner: &'a dyn Runner,
    /// The recipient's name, address or key.
    pub recipient: &'a str,
    /// To whom files are given.
    pub ids: Option<Ids>,
    /// Who is told.
    pub monitor: &'a dyn Monitor,
}

/// Why files cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// The recipient has no key that can be used.
    #[error("there is no public key for `{}`: {source}", printable(recipient))]
    NoKey {
        /// The recipient.
        recipient: String,
        /// What the program says.
        source: RunError,
    },
    /// The program cannot be run, or failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file or directory cannot be used.
    #[error("cannot use {}: {source}", printable_path(path))]
    Use {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The staged file is not what was staged.
    #[error("it is damaged: it is not what was staged, by SHA256SUMS")]
    Damaged,
    /// The program said that all is well, and what it wrote is not encrypted.
    #[error("what gpg wrote is not encrypted for a public key")]
    Odd,
}

/// The files of `daily` that are not encrypted yet.
pub fn candidates(daily: &Daily) -> io::Result<Vec<BackupFile>> {
    // Of a day that is marked, names are believed.
    let marked = daily.path().join(ENCRYPTED).try_exists()?;
    let mut open = Vec::new();
    for file in daily.backups()? {
        let done = match done_by_name(&file.name) {
            None => false,
            Some(_) if marked => true,
            Some(head) => is_encrypted(daily, &head)?,
        };
        if !done {
            open.push(file);
        }
    }
    Ok(open)
}

/// If `name` is that of an encrypted file, or of a part of one: where its beginning is.
fn done_by_name(name: &[u8]) -> Option<Vec<u8>> {
    let suffix = SUFFIX.as_bytes();
    if name.ends_with(suffix) {
        return Some(name.to_vec());
    }
    let (whole, _) = whole_name(name)?;
    whole.ends_with(suffix).then(|| part_name(whole, 0))
}

fn is_encrypted(daily: &Daily, name: &[u8]) -> io::Result<bool> {
    let mut first = Vec::new();
    match File::open(daily.backup_path(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?.take(1).read_to_end(&mut first)?,
    };
    Ok(first.first().is_some_and(|&byte| gpg::begins_message(byte)))
}

impl Encrypter<'_> {
    /// Whether the recipient has a key.
    pub fn check_key(&self) -> Result<(), EncryptError> {
        let command = gpg::key_command(self.recipient);
        let mut keys = Vec::new();
        let ended = self.runner.run(&command, Stdout::Keep(&mut keys))?;
        ended.ok(&command).map_err(|source| EncryptError::NoKey {
            recipient: self.recipient.to_owned(),
            source,
        })
    }

    /// Encrypts what is open in `daily` and gives how many files that were. A file that cannot be encrypted stays as
    /// it is and is a problem; without one, the day is marked.
    pub fn encrypt(&self, daily: &Daily) -> Result<u64, EncryptError> {
        let fault = |source| EncryptError::Use {
            path: daily.path().to_owned(),
            source,
        };
        let mut count = 0;
        let mut failed = false;
        for file in candidates(daily).map_err(fault)? {
            match self.one(daily, &file.name) {
                Ok(()) => count += 1,
                Err(EncryptError::Use { path, source }) if fsx::is_full(&source) => {
                    // The other files would find no room either.
                    return Err(EncryptError::Use { path, source });
                }
                Err(error) => {
                    failed = true;
                    let reason = format!("was not encrypted, and stays as it is: {error}");
                    let path = daily.backup_path(&file.name);
                    self.monitor.problem(&Problem::with_file(&path, &reason));
                }
            }
        }
        if !failed {
            daily.mark(ENCRYPTED, self.ids).map_err(fault)?;
        }
        Ok(count)
    }

    fn one(&self, daily: &Daily, name: &[u8]) -> Result<(), EncryptError> {
        let path = daily.backup_path(name);
        let at = |path: PathBuf| move |source| EncryptError::Use { path, source };
        // What is damaged stays, so that it is found.
        let promised = daily.sums().map_err(at(path.clone()))?;
        if let Some(promised) = promised.and_then(|sums| sums.get(name)) {
            let mut file = File::open(&path).map_err(at(path.clone()))?;
            if !promised.holds(&mut file).map_err(at(path.clone()))? {
                return Err(EncryptError::Damaged);
            }
        }
        let mut new = name.to_vec();
        new.extend_from_slice(SUFFIX.as_bytes());
        let target = daily.backup_path(&new);
        let mut hashed = Hashed::create(&target).map_err(at(target.clone()))?;
        let command = gpg::encrypt_command(self.recipient, &path);
        let ended = match self.runner.run(&command, Stdout::Bytes(&mut hashed)) {
            Err(RunError::Output { source, .. }) => {
                return Err(EncryptError::Use {
                    path: target,
                    source,
                });
            }
            ended => ended?,
        };
        Ended::ok(ended, &command)?;
        if !hashed.first.is_some_and(gpg::begins_message) {
            return Err(EncryptError::Odd);
        }
        let Hashed { file, hash, .. } = hashed;
        file.commit(self.ids).map_err(at(target.clone()))?;
        daily
            .give_way(name, &[(new, hash.finish())], self.ids)
            .map_err(at(path))
    }
}

/// A file whose digest is made while it is written.
struct Hashed {
    file: AtomicFile,
    hash: Hasher,
    first: Option<u8>,
}

impl Hashed {
    fn create(path: &std::path::Path) -> io::Result<Self> {
        Ok(Self {
            file: AtomicFile::create(path)?,
            hash: Hasher::default(),
            first: None,
        })
    }
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.first = self.first.or(buffer[..count].first().copied());
        self.hash.update(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::process::{Answer, Command, Scripted};
    use crate::sums::{Blake3, Digest, Proof, Sums};

    fn day(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Daily) {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
        std::fs::create_dir(dir.path().join("ada")).unwrap();
        let mut sums = Sums::new();
        for (at, (name, bytes)) in files.iter().enumerate() {
            std::fs::write(dir.path().join("ada").join(name), bytes).unwrap();
            // All but the first as large files are listed.
            let proof = match at {
                0 => Proof::Sha256(Digest::of(bytes)),
                _ => Proof::Blake3(Blake3::of(bytes)),
            };
            sums.insert(format!("ada/{name}"), proof);
        }
        daily.write_sums(&sums, None).unwrap();
        (dir, daily)
    }

    fn names(files: Vec<BackupFile>) -> Vec<String> {
        let names = files.into_iter().map(|file| file.name);
        names.map(|name| String::from_utf8(name).unwrap()).collect()
    }

    const SEALED: &[u8] = b"\x85\x01sealed";

    #[test]
    fn what_is_encrypted_is_known_by_name_and_first_byte() {
        let (_dir, daily) = day(&[
            ("etc.tar.gz", b"plain"),
            ("done.gpg", SEALED),
            ("parts.gpg_00000", SEALED),
            ("parts.gpg_00001", b"rest"),
            ("named.gpg", b"plain"),
            ("symmetric.gpg", b"\x8c\x0d"),
            ("plain_00000", SEALED),
        ]);
        let open = [
            "ada/etc.tar.gz",
            "ada/named.gpg",
            "ada/plain_00000",
            "ada/symmetric.gpg",
        ];
        assert_eq!(names(candidates(&daily).unwrap()), open);
        daily.mark(ENCRYPTED, None).unwrap();
        let open = ["ada/etc.tar.gz", "ada/plain_00000"];
        assert_eq!(names(candidates(&daily).unwrap()), open);
    }

    fn command(daily: &Daily, name: &str) -> Command {
        gpg::encrypt_command("me", &daily.backup_path(name.as_bytes()))
    }

    #[test]
    fn one_that_fails_stays_and_the_others_go_on() {
        let (_dir, daily) = day(&[("a", b"1"), ("b", b"2"), ("c", b"3"), ("d", b"4")]);
        std::fs::write(daily.backup_path(b"ada/c"), "damaged").unwrap();
        let script = Scripted::new()
            .expect(
                command(&daily, "ada/a"),
                Answer::failing(2, "no room in the moon"),
            )
            .expect(command(&daily, "ada/b"), Answer::well(SEALED))
            .expect(command(&daily, "ada/d"), Answer::well("4"));
        let tally = Tally::default();
        let encrypter = Encrypter {
            runner: &script,
            recipient: "me",
            ids: None,
            monitor: &tally,
        };
        assert_eq!(encrypter.encrypt(&daily).unwrap(), 1);
        assert_eq!((tally.problems(), script.left().len()), (3, 0));
        assert_eq!(
            names(daily.backups().unwrap()),
            ["ada/a", "ada/b.gpg", "ada/c", "ada/d"]
        );
        let sums = daily.sums().unwrap().unwrap();
        assert_eq!(sums.get(b"ada/b.gpg"), Some(Digest::of(SEALED).into()));
        assert_eq!((sums.get(b"ada/b"), sums.len()), (None, 4));
        assert!(!daily.path().join(ENCRYPTED).exists());
    }
}
