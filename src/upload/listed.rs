//! The list of digests that goes along: whoever takes the day out of a bucket in many years has `sha256sum`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use crate::event::{Monitor, Problem, Tell as _};
use crate::staging::Daily;
use crate::sums::{Digest, Seen};
use crate::units::Ids;

/// Lists by SHA-256 what `daily` lists otherwise: these files are read, all else is left alone. Gives how many are not what
/// was staged, or cannot be read; each is told as a problem and stays listed as it was.
pub(super) fn by_sha256(daily: &Daily, ids: Option<Ids>, monitor: &dyn Monitor) -> io::Result<u64> {
    let Some(list) = daily.sums().or_else(unknown)? else {
        return Ok(0);
    };
    let mut known: BTreeMap<&[u8], Digest> = BTreeMap::new();
    let mut damaged = 0;
    for (name, promised) in list.iter().filter(|(_, proof)| proof.sha256().is_none()) {
        let path = daily.backup_path(name);
        let seen =
            File::open(&path).and_then(|mut file| Seen::of_reader(&mut file, Some(promised)));
        let reason = match seen {
            Ok(seen) if seen.is(promised) => {
                known.insert(name, seen.digest);
                continue;
            }
            Ok(_) => "it is damaged: it is not what was staged".to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        };
        damaged += 1;
        monitor.problem(
            &Problem::with_file(&path, &reason)
                .advise("stage the day again if its machine still has it, or repair the file"),
        );
    }
    daily.list_by_sha256(&|name| known.get(name).copied(), ids)?;
    Ok(damaged)
}

/// A list that cannot be understood goes along as it is.
fn unknown<T>(error: io::Error) -> io::Result<Option<T>> {
    if error.kind() == io::ErrorKind::InvalidData {
        Ok(None)
    } else {
        Err(error)
    }
}
