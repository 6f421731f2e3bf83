//! Any directory to a bucket, and whether everything arrived: what `cback-amazons3-sync` does.

use std::io;
use std::path::Path;

use super::{Sizes, UploadError, Uploaded, Uploader, aws};
use crate::event::Tell as _;
use crate::upload::Bucket;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// Upload, and delete what is in the bucket and not in the directory; then verify.
    Mirror,
    /// Upload, delete nothing; then verify.
    Upload,
    /// Only verify.
    Verify,
}

/// What about names that the program would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// They are told, and nothing is done.
    Check,
    /// They are let be.
    Ignore,
}

impl Uploader<'_> {
    /// Brings the directory `source` to `to`, and compares names and sizes. What differs is told.
    pub fn mirror(
        &self,
        source: &Path,
        to: &Bucket,
        transfer: Transfer,
        names: Names,
    ) -> Result<Uploaded, UploadError> {
        let mut here = Sizes::new();
        let mut odd = 0;
        self.walk(source, "", names, &mut here, &mut odd)?;
        if odd > 0 {
            return Err(UploadError::Names(odd));
        }
        match transfer {
            Transfer::Mirror => self.done(aws::sync_command(source, to, Some("--delete")))?,
            Transfer::Upload => self.done(aws::sync_command(source, to, None))?,
            Transfer::Verify => {}
        }
        let there = self.listing(to)?;
        let different = self.compare(&here, &there, to);
        if different > 0 {
            return Err(UploadError::Different(different));
        }
        self.monitor.note(format!(
            "{} files are in {} as they are here",
            here.len(),
            to.url()
        ));
        Ok(Uploaded {
            files: here.len() as u64,
            bytes: here.values().sum(),
            deleted: 0,
        })
    }

    /// Adds the files below `dir`, whose name is `prefix`; a link to a file counts as the file, one to a directory is
    /// not followed.
    fn walk(
        &self,
        dir: &Path,
        prefix: &str,
        names: Names,
        here: &mut Sizes,
        odd: &mut u64,
    ) -> Result<(), UploadError> {
        let at = |source| UploadError::Use {
            path: dir.to_owned(),
            source,
        };
        for entry in std::fs::read_dir(dir).map_err(at)? {
            let entry = entry.map_err(at)?;
            let path = entry.path();
            let name = match (entry.file_name().into_string(), names) {
                (Ok(name), _) => format!("{prefix}{name}"),
                (Err(_), Names::Check) => {
                    *odd += 1;
                    self.odd_name(&path);
                    continue;
                }
                (Err(name), Names::Ignore) => format!("{prefix}{}", name.to_string_lossy()),
            };
            let kind = entry.file_type().map_err(at)?;
            if kind.is_dir() {
                self.walk(&path, &format!("{name}/"), names, here, odd)?;
                continue;
            }
            match path.metadata() {
                Ok(stat) if stat.is_file() => drop(here.insert(name, stat.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound && kind.is_symlink() => {}
                Ok(_) => {}
                Err(source) => return Err(UploadError::Use { path, source }),
            }
        }
        Ok(())
    }
}
