//! The end of a collection: its files appear.

use super::{Collected, Run};
use crate::collect::snapshot::{Head, Output};
use crate::collect::{CollectError, Request};
use crate::units::Day;

impl Run<'_> {
    /// Makes archive, manifest and snapshot appear, in this order.
    pub(super) fn commit(
        self,
        request: &Request<'_>,
        full: Day,
    ) -> Result<Collected, CollectError> {
        let ids = request.ids;
        let mut outputs = Vec::new();
        let path = &self.archive_path;
        let archive = match self.archive {
            Some(archive) => {
                let commit = || {
                    let (file, packed) = archive.finish()?;
                    file.commit(ids)?;
                    Ok(packed)
                };
                let packed = commit().map_err(|source| CollectError::Write {
                    path: path.clone(),
                    source,
                })?;
                self.summary.bytes += packed.bytes;
                Some(Output {
                    name: self.today.archive.clone(),
                    proof: packed.proof,
                })
            }
            None => None,
        };
        let (manifest, path) = self.manifest;
        let commit = || {
            let (file, packed) = manifest.finish()?.finish()?;
            file.commit(ids)?;
            Ok(packed.proof)
        };
        let manifest = Output {
            name: path.file_name().unwrap_or_default().to_owned(),
            proof: commit().map_err(|source| CollectError::Write {
                path: path.clone(),
                source,
            })?,
        };
        outputs.extend(archive.clone());
        outputs.push(manifest.clone());
        let head = Head {
            day: request.day,
            full,
            created: self.unit.created,
            staged: None,
            manifest,
            archive,
            body: crate::units::Digest([0; 32]).into(),
        };
        self.snapshot.commit(head, ids)?;
        self.summary.entries += self.entries;
        self.summary.read += self.done;
        Ok(Collected::Outputs(outputs))
    }
}
