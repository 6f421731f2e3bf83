//! Reading a file to learn that it did not change.

use std::io;
use std::sync::Arc;

use super::Run;
use crate::collect::Compare;
use crate::collect::attributes::{identity, is_before};
use crate::collect::content::{Body, parts, whole};
use crate::collect::snapshot::Record;
use crate::collect::takeover::unchanged;
use crate::fsx::Fate;
use crate::select::{Found, Stat, Type};

impl Run<'_> {
    /// With `Compare::Content`: reads a file that looks unchanged and compares its digest.
    pub(super) fn has_same_content(&mut self, found: &Found, record: &Record) -> bool {
        let Some(digest) = record.digest else {
            return true;
        };
        if self.unit.compare == Compare::Metadata || record.first.is_some() {
            return true;
        }
        let Ok(file) = self.opener.open(found) else {
            return false; // storing it will say why
        };
        let Ok(stat) = Stat::of(&file) else {
            return false;
        };
        let all = whole(stat.size);
        let parts = parts(&file, stat.size, stat.blocks);
        let task = Arc::clone(&self.task);
        let tell = self.progress_within(&task);
        let mut body = Body::new(&file, parts.as_deref().unwrap_or(&all), stat.size, &tell);
        let read = io::copy(&mut body, &mut io::sink());
        let found = body.finish();
        self.done += stat.size;
        read.is_ok() && stat.kind() == Type::File && found == (digest, Fate::Whole)
    }

    /// What is known of a file that an archive of Cedar Backup's has as it is now; `None` if it has to be archived.
    pub(super) fn taken_over(&mut self, found: &Found) -> Option<Record> {
        let takeover = self.takeover.as_ref()?;
        let path = found.stored_path();
        let recorded = takeover.recorded(&path, &found.stat)?;
        let stored = Arc::clone(&takeover.stored);
        let file = self.opener.open(found).ok()?; // storing it will say why
        let stat = Stat::of(&file).ok()?;
        let same_file = identity(&stat) == identity(&found.stat);
        if !same_file || !is_before(stat.ctime, self.unit.granularity, self.began) {
            return None;
        }
        let task = Arc::clone(&self.task);
        let digest = unchanged(&file, &stat, recorded, &self.progress_within(&task));
        self.done += stat.size;
        self.report(0);
        Some(Record {
            round: found.round,
            path,
            identity: identity(&stat),
            digest: Some(digest?),
            first: None,
            stored,
        })
    }
}
