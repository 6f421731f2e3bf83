//! The text inside a day's `cback.stage`: who is in the day and who is missing. For people.

use super::{Missing, Present};
use crate::event::{bytes, printable};
use crate::units::{Day, PeerName};

/// The text of the day's indicator. `inside` are all peers of the day, `present` those that came in this run.
pub(super) fn text(
    day: Day,
    inside: &[PeerName],
    present: &[Present],
    missing: &[Missing],
) -> String {
    let mut lines = vec![format!("day {day}")];
    lines.extend(
        inside
            .iter()
            .map(|peer| match present.iter().find(|one| one.peer == *peer) {
                Some(one) => format!("in {peer}: {} files, {}", one.files, bytes(one.bytes)),
                None => format!("in {peer}: staged by an earlier run"),
            }),
    );
    lines.extend(
        missing
            .iter()
            .map(|one| printable(&format!("missing {}: {}", one.peer, one.reason))),
    );
    lines.push(String::new());
    lines.join("\n")
}

/// The names, for a sentence.
pub(super) fn names(peers: &[PeerName]) -> String {
    let names: Vec<&str> = peers.iter().map(PeerName::as_str).collect();
    names.join(", ")
}
