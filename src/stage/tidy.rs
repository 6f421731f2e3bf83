//! What killed runs left: cleared away, and finished where the peers were told that they are safe.

use std::io;

use super::{Request, report};
use crate::event::{self, Monitor, Problem, Tell as _};
use crate::staging::Daily;
use crate::sums::Sums;
use crate::units::{Ids, PeerName};

/// Clears away what killed runs left, and marks the days that they did not come to mark. What was gathered today of
/// the peers that are asked again stays. A day that cannot be tidied is a problem.
pub(super) fn tidy(request: &Request<'_>, monitor: &dyn Monitor) -> io::Result<()> {
    let asked: Vec<&PeerName> = request.peers.iter().map(|one| one.peer.name()).collect();
    for daily in request.staging.days()? {
        // What is wrong with one day must not keep the peers from being staged.
        if let Err(error) = tidy_day(&daily, request, &asked, monitor) {
            let reason = format!("what an interrupted run left is still there: {error}");
            monitor.problem(
                &Problem::with_file(daily.path(), &reason)
                    .advise("remove it by hand, as the user to whom it belongs or as root"),
            );
        }
    }
    Ok(())
}

fn tidy_day(
    daily: &Daily,
    request: &Request<'_>,
    asked: &[&PeerName],
    monitor: &dyn Monitor,
) -> io::Result<()> {
    let today = daily.day() == request.day;
    let swept = daily.sweep(if today { asked } else { &[] })?;
    if !swept.is_empty() {
        monitor.note(format!(
            "swept what an interrupted run left in {}",
            event::printable_path(daily.path())
        ));
    }
    let staged = daily.is_staged()?;
    // Only our own staging writes a list before the mark; Cedar Backup's half done days stay unmarked.
    let waits = if staged {
        !daily.is_settled()?
    } else {
        daily.is_listed()?
    };
    if today || !waits {
        return Ok(());
    }
    let inside = daily.peers()?;
    if inside.is_empty() {
        return Ok(());
    }
    repair_sums(daily, request.ids, monitor)?;
    let known = daily.sums()?.unwrap_or_default();
    daily.complete_sums(&known, request.ids)?;
    if staged {
        // Its last staging was a further one.
        return Ok(());
    }
    daily.mark_staged(&report::text(daily.day(), &inside, &[], &[]), request.ids)?;
    monitor.warn(format!(
        "the staging of {} was interrupted; what it had staged ({}) will be stored",
        daily.day(),
        report::names(&inside)
    ));
    Ok(())
}

/// Makes a new list of digests from the files if the day's list cannot be understood.
pub(super) fn repair_sums(
    daily: &Daily,
    ids: Option<Ids>,
    monitor: &dyn Monitor,
) -> io::Result<()> {
    match daily.sums() {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            monitor.warn(format!(
                "the list of digests in {} is damaged ({error}); it is made anew from the files as they are now",
                event::printable_path(daily.path())
            ));
            daily.complete_sums(&Sums::new(), ids)
        }
        sums => sums.map(drop),
    }
}
