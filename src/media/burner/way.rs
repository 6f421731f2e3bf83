//! How a session gets onto a disc of each kind; pure, one table.
//!
//! | disc | first | then |
//! |---|---|---|
//! | CD-R | | track at once; open |
//! | CD-RW | blanked quickly, if it was written | track at once; open |
//! | DVD-R | | incrementally; open |
//! | DVD-R DL (whatever the drive says), and DVD-R on drives that cannot write incrementally | | in one go; closed |
//! | DVD-RW, sequential | blanked everywhere, if it was written or only blanked quickly: only then is it written incrementally | open |
//! | DVD+R, DVD+R DL, BD-R (with spare areas or without) | | open |
//! | DVD+RW | (formats itself) | at a place |
//! | DVD-RW, restricted overwrite | | at a place; what is formatted grows |
//! | DVD-RAM, BD-RE | formatted, if it is not | at a place |
//!
//! Names of kinds and of ways of writing are those of MMC-6.

use crate::media::mmc::{Medium, Profile, Status};
use crate::media::{Burn, Thoroughness};

/// What has to be done to the disc before it takes the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// Nothing.
    Nothing,
    /// It is blanked.
    Blank(Thoroughness),
    /// It is formatted.
    Format,
}

/// How the session is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// After what is there; others can follow.
    Open,
    /// At its place, on a disc that has no sessions of its own.
    Placed,
    /// All at once; the disc is closed by it.
    AtOnce,
}

/// How a session gets onto the disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub first: First,
    pub manner: Manner,
}

/// The way for `medium`; `None` if it takes no session that is burnt so.
pub(super) fn way(medium: &Medium, burn: Burn) -> Option<Way> {
    let profile = medium.profile;
    let placed = |first| {
        Some(Way {
            first,
            manner: Manner::Placed,
        })
    };
    if profile.is_overwritable() {
        let ready = medium.formatted || profile.is_formatted_by_use();
        return placed(if ready { First::Nothing } else { First::Format });
    }
    let blank = medium.status == Status::Empty;
    let first = match burn {
        Burn::New if blank => First::Nothing,
        Burn::New if profile == Profile::CD_RW => First::Blank(Thoroughness::Fast),
        Burn::New if profile.is_rewritable() => First::Blank(Thoroughness::All),
        Burn::Append if medium.status == Status::Open => First::Nothing,
        Burn::New | Burn::Append => return None,
    };
    Some(match (takes_sessions(medium), first) {
        (true, first) => Way {
            first,
            manner: Manner::Open,
        },
        // Blanked everywhere, it will be written incrementally.
        (false, first) if burn == Burn::New && profile.is_rewritable() => Way {
            first: match first {
                First::Nothing => First::Blank(Thoroughness::All),
                first => first,
            },
            manner: Manner::Open,
        },
        (false, First::Nothing) if burn == Burn::New => Way {
            first: First::Nothing,
            manner: Manner::AtOnce,
        },
        (false, _) => return None,
    })
}

/// Whether others can follow a session: on a DVD-R or DVD-RW only if it is written incrementally, which the drive has to be
/// able to do with this disc; and of a DVD-R DL no program is known that does.
fn takes_sessions(medium: &Medium) -> bool {
    match medium.profile.0 {
        0x15 | 0x16 => false,
        0x11 | 0x14 | 0x17 => medium.incremental,
        _ => true,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A disc in that state.
    pub fn medium(profile: u16, status: Status) -> Medium {
        Medium {
            profile: Profile(profile),
            status,
            sessions: Vec::new(),
            unfinished: None,
            next_writable: Some(0),
            free: 1000,
            capacity: 1000,
            readable: 0,
            formatted: true,
            incremental: true,
            spare_blocks: None,
            media_id: None,
            speeds: Vec::new(),
            capabilities: None,
        }
    }

    #[test]
    fn each_kind_of_disc_is_written_in_its_way() {
        use Burn::{Append, New};
        use First::{Blank, Format, Nothing};
        use Manner::{AtOnce, Open, Placed};
        use Status::{Complete, Empty, Other};
        use Thoroughness::{All, Fast};
        let open = Status::Open;
        // profile, state, incremental, formatted, burn, expected
        for (profile, status, incremental, formatted, burn, expected) in [
            (0x09, Empty, true, true, New, Some((Nothing, Open))),
            (0x09, Empty, false, true, New, Some((Nothing, Open))),
            (0x09, open, true, true, Append, Some((Nothing, Open))),
            (0x09, open, true, true, New, None),
            (0x09, Complete, true, true, Append, None),
            (0x0a, Empty, true, true, New, Some((Nothing, Open))),
            (0x0a, open, true, true, New, Some((Blank(Fast), Open))),
            (0x0a, Complete, true, true, New, Some((Blank(Fast), Open))),
            (0x0a, open, true, true, Append, Some((Nothing, Open))),
            (0x11, Empty, true, true, New, Some((Nothing, Open))),
            (0x11, Empty, false, true, New, Some((Nothing, AtOnce))),
            (0x11, open, true, true, Append, Some((Nothing, Open))),
            (0x15, Empty, true, true, New, Some((Nothing, AtOnce))),
            (0x16, Empty, false, true, New, Some((Nothing, AtOnce))),
            (0x15, Complete, false, true, New, None),
            (0x14, Empty, true, true, New, Some((Nothing, Open))),
            (0x14, Empty, false, true, New, Some((Blank(All), Open))),
            (0x14, Complete, false, true, New, Some((Blank(All), Open))),
            (0x14, open, true, true, New, Some((Blank(All), Open))),
            (0x14, open, true, true, Append, Some((Nothing, Open))),
            (0x14, Complete, true, true, Append, None),
            (0x13, Other, true, true, New, Some((Nothing, Placed))),
            (0x13, Other, true, true, Append, Some((Nothing, Placed))),
            (0x12, Other, true, false, New, Some((Format, Placed))),
            (0x1a, Other, true, false, New, Some((Nothing, Placed))),
            (0x1a, Other, true, true, Append, Some((Nothing, Placed))),
            (0x1b, Empty, false, true, New, Some((Nothing, Open))),
            (0x1b, Complete, false, true, New, None),
            (0x2b, open, false, true, Append, Some((Nothing, Open))),
            (0x41, Empty, false, true, New, Some((Nothing, Open))),
            (0x41, open, false, true, Append, Some((Nothing, Open))),
            (0x43, Other, true, false, New, Some((Format, Placed))),
            (0x43, Other, true, true, Append, Some((Nothing, Placed))),
            (0x10, Complete, true, true, New, None),
        ] {
            let medium = Medium {
                formatted,
                incremental,
                ..medium(profile, status)
            };
            let found = way(&medium, burn).map(|way| (way.first, way.manner));
            assert_eq!(found, expected, "{profile:#04x} {status:?} {burn:?}");
        }
    }
}
