//! Further names of files whose first name was not restored, because something later is there in its place, which another
//! source brought. The bytes are in the archive of the first name: they are restored under the first of the others.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::Kind;
use crate::archive::manifest::{ManifestError, ManifestReader, Stored};

use super::RestoreError;
use super::carry::{Exists, Linked, Work};
use super::extract;
use super::recipe::{Rule, Source};
use super::scan::{self, Scan};
use super::target::WriteError;

/// By the first name, as the manifest has them.
pub(super) type Orphans = BTreeMap<PathBuf, Vec<PathBuf>>;

/// Restores `orphans` of `source`; tells of those that cannot be.
pub(super) fn adopt(
    work: &mut Work<'_>,
    source: &Source,
    orphans: &Orphans,
) -> Result<(), RestoreError> {
    let eldest = |others: &Vec<PathBuf>| others.first().cloned();
    let stand_ins = orphans
        .iter()
        .filter_map(|(first, others)| Some((first.clone(), eldest(others)?)));
    let adopted = Source {
        scan: Scan {
            stand_ins: stand_ins.collect(),
            ..Scan::default()
        },
        ..source.clone()
    };
    let mut found = BTreeMap::new();
    // What a damaged archive did not give, it will not give again.
    if source.exists() == Exists::Later {
        // It was read a moment ago; what is not found now is told below.
        let _ = find(work, source, orphans, &mut found);
    }
    let mut given = Vec::new();
    for (stored, firsts) in found {
        let of = |number: &usize| work.recipe.sources[*number].found.copy == source.found.copy;
        let step = work.recipe.steps.iter().find(|step| {
            step.stored.as_ref() == Some(&stored)
                && matches!(&step.rule, Rule::Manifest(number) if of(number))
        });
        if let Some(step) = step {
            let numbers = firsts.iter().map(|(number, _)| *number).collect();
            extract::by_numbers(work, step, &adopted, numbers)?;
            given.extend(firsts.into_iter().map(|(_, first)| first));
        }
    }
    for (first, others) in orphans {
        let is_given = given.contains(first);
        let eldest = adopted.place(adopted.scan.place_of(first))?;
        for other in others.iter().skip(usize::from(is_given)) {
            let at = source.place(other)?;
            if !is_given
                || work.link(&source.peer, other, &at, &eldest, Exists::Later)? == Linked::NotYet
            {
                let error = WriteError::Unlinked(first.clone());
                work.refuse(&source.peer, other, error)?;
            }
        }
    }
    Ok(())
}

/// Numbers of entries, and their paths, by archive.
type Firsts = BTreeMap<Arc<Stored>, Vec<(u64, PathBuf)>>;

/// Looks in the manifest where the bytes of the first names are.
fn find(
    work: &Work<'_>,
    source: &Source,
    orphans: &Orphans,
    found: &mut Firsts,
) -> Result<(), ManifestError> {
    let copy = &source.found.copy;
    let reader = ManifestReader::new(work.shelf(copy).read(&copy.item)?)?;
    for (number, entry) in (0..).zip(reader) {
        let entry = entry?;
        let path = &entry.member.path;
        if entry.member.kind == Kind::File
            && orphans.contains_key(path)
            && let Some(stored) = scan::stored(&entry.place)
        {
            let of_archive = found.entry(Arc::clone(stored)).or_default();
            of_archive.push((number, path.clone()));
        }
    }
    Ok(())
}
