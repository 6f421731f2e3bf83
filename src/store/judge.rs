//! After a burn: what was not as it should be, in staging and on the disc, told file by file.

use std::collections::BTreeSet;

use super::layout::Laid;
use super::session::{Origin, Session};
use super::{Store, StoreError, verify};
use crate::event::{Problem, Tell as _};
use crate::iso9660::{Cause, Fault, Volume};
use crate::media::Burnt;

/// Tells of every staged file that was not what staging noted or could not be read: the numbers of those that
/// are incomplete on the disc, and the days that must not be marked.
pub(super) fn staged_files(
    job: &Store<'_>,
    session: &Session,
    burnt: &Burnt,
) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let mut days = BTreeSet::new();
    let advice = "the day is not marked as stored; stage it again, or repair the file";
    for fault in &burnt.faults {
        if let Origin::Staged { day, path, .. } = &session.sources[fault.source].origin {
            days.insert(*day);
            let problem = Problem::with_file(path, &explain(fault)).advise(advice);
            job.monitor.problem(&problem);
        }
    }
    let faulty: BTreeSet<usize> = burnt.faults.iter().map(|fault| fault.source).collect();
    for (number, source) in session.sources.iter().enumerate() {
        if let Origin::Staged {
            day,
            path,
            promised: Some(promised),
            ..
        } = &source.origin
            && !faulty.contains(&number)
            && !source.read.borrow().is_some_and(|seen| seen.is(*promised))
        {
            days.insert(*day);
            let reason = "the staged file is damaged: it is not what was staged";
            job.monitor
                .problem(&Problem::with_file(path, reason).advise(advice));
        }
    }
    (faulty, days)
}

fn explain(fault: &Fault) -> String {
    match &fault.cause {
        Cause::Short => format!("it shrank to {} bytes while it was burnt", fault.delivered),
        Cause::Long => "it grew while it was burnt".to_owned(),
        Cause::Failed(error) => format!("cannot be read: {error}"),
    }
}

/// The consistency check.
pub(super) fn disc(
    job: &Store<'_>,
    laid: &Laid,
    faulty: &BTreeSet<usize>,
) -> Result<(), StoreError> {
    let medium = job.drive.open()?;
    let compared = Volume::open(&*medium, laid.image.start())
        .and_then(|volume| verify::compare_trees(&laid.image, &volume));
    let mut differences = match compared {
        Ok(differences) => differences,
        Err(source) => {
            job.monitor.problem(&Problem::with_file(
                job.drive.place(),
                &format!("the session cannot be read back: {source}"),
            ));
            return Err(StoreError::CheckFailed { differences: 1 });
        }
    };
    differences.extend(verify::compare_bytes(
        &*medium,
        &laid.image,
        &laid.session,
        faulty,
        job.monitor,
    ));
    for difference in &differences {
        let subject = job.drive.place().join(&difference.path);
        job.monitor
            .problem(&Problem::with_file(&subject, &difference.how));
    }
    if differences.is_empty() {
        job.monitor.note("the session was read back and is sound");
        return Ok(());
    }
    Err(StoreError::CheckFailed {
        differences: differences.len(),
    })
}
