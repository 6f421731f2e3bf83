//! The files of a source in the collect directory: `etc.tar.gz`, `etc.mtree.gz`, and with a number what was
//! collected again on a day whose first archive was staged already: `etc+2.tar.gz`.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::CollectError;
use super::acknowledge::read_dir;
use crate::archive::{Compression, manifest};
use crate::fsx;

/// Stems that are taken: nobody else may use them.
#[derive(Debug, Default)]
pub(super) struct Stems(HashSet<OsString>);

impl Stems {
    /// Reserves `name` or, if it is taken, the first of `name~2`, `name~3`, … that is free.
    pub fn take(&mut self, name: &OsStr) -> OsString {
        let mut free = name.to_owned();
        let mut number = 1;
        while !self.0.insert(free.clone()) {
            number += 1;
            name.clone_into(&mut free);
            free.push(format!("~{number}"));
        }
        free
    }

    /// The stem for outputs number `number` (from 1) of `stem`; `None` if another source has it.
    pub fn numbered(&self, stem: &OsStr, number: u32) -> Option<OsString> {
        if number <= 1 {
            return Some(stem.to_owned());
        }
        let mut numbered = stem.to_owned();
        numbered.push(format!("+{number}"));
        (!self.0.contains(&numbered)).then_some(numbered)
    }

    /// The number of the output `file_name` of `stem`; `None` if it is none.
    pub fn number_of(&self, stem: &OsStr, file_name: &OsStr) -> Option<u32> {
        let rest = file_name.as_bytes().strip_prefix(stem.as_bytes())?;
        let dot = rest.iter().position(|&byte| byte == b'.')?;
        let (number, extension) = rest.split_at(dot);
        let known = Compression::ALL.map(Compression::extension);
        let extension = std::str::from_utf8(&extension[1..]).ok()?;
        if extension != manifest::EXTENSION && !known.contains(&extension) {
            return None;
        }
        if number.is_empty() {
            return Some(1);
        }
        let number = std::str::from_utf8(number.strip_prefix(b"+")?).ok()?;
        let number = number.parse().ok().filter(|&number: &u32| number > 1)?;
        self.numbered(stem, number).map(|_| number)
    }

    /// Removes the outputs of `stem` from `dir`, but for those of which `keep` is true.
    pub fn remove(
        &self,
        dir: &Path,
        stem: &OsStr,
        keep: impl Fn(&OsStr) -> bool,
    ) -> Result<(), CollectError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |source| CollectError::Write { path, source }
        };
        let mut removed = false;
        for name in read_dir(dir)? {
            if self.number_of(stem, &name).is_some() && !keep(&name) {
                let path = dir.join(&name);
                // Perhaps a purge was faster.
                fsx::remove_if_there(&path).map_err(fault(&path))?;
                removed = true;
            }
        }
        if removed {
            fsx::sync_dir(dir).map_err(fault(dir))
        } else {
            Ok(())
        }
    }

    /// Whether nobody has the stem `name`.
    pub fn is_free(&self, name: &OsStr) -> bool {
        !self.0.contains(name)
    }
}

/// `stem.extension`.
pub(super) fn with_extension(stem: &OsStr, extension: &str) -> OsString {
    let mut name = stem.to_owned();
    name.push(".");
    name.push(extension);
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_files_of_a_source_are_known_by_their_names() {
        let mut stems = Stems::default();
        for stem in ["etc", "etc+3"] {
            stems.take(OsStr::new(stem));
        }
        for (name, number) in [
            ("etc.tar.gz", Some(1)),
            ("etc.mtree.gz", Some(1)),
            ("etc+2.tar", Some(2)),
            ("etc+3.tar", None), // another source's
            ("etc+1.tar", None),
            ("etc+x.tar", None),
            ("etc-x.tar.gz", None),
            ("etc.txt", None),
            ("etc", None),
            ("cback.collect", None),
        ] {
            let found = stems.number_of(OsStr::new("etc"), OsStr::new(name));
            assert_eq!(found, number, "{name}");
        }
        assert_eq!(stems.numbered(OsStr::new("etc"), 3), None);
    }

    #[test]
    fn what_cannot_be_removed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etc.tar");
        std::fs::create_dir(&path).unwrap();
        let stem = OsStr::new("etc");
        let removed = Stems::default().remove(dir.path(), stem, |_| false);
        let named = |error: &CollectError| matches!(error, CollectError::Write { path: at, .. } if *at == path);
        assert!(removed.as_ref().is_err_and(named), "{removed:?}");
        assert!(Stems::default().remove(dir.path(), stem, |_| true).is_ok());
    }

    #[test]
    fn a_stem_that_is_taken_gets_another() {
        let mut stems = Stems::default();
        assert_eq!(stems.take(OsStr::new("a")), "a");
        assert_eq!(stems.take(OsStr::new("a")), "a~2");
        assert_eq!(stems.take(OsStr::new("a")), "a~3");
    }
}
