//! Blanking, formatting, closing and ejecting.
//!
//! A disc without sessions of its own cannot be blanked; what makes it blank is zeros where a reader looks first, or
//! everywhere.

use std::io::Write;

use super::engine::{End, Job, Purpose};
use super::way::Manner;
use super::{Burner, Drive as _, close, tray, write};
use crate::event::{Monitor, Tell as _};
use crate::iso9660;
use crate::media::mmc::{Medium, Profile, Status};
use crate::media::{DriveError, Thoroughness, Treatment};

/// Sectors of the head, and of what begins the first session.
const BEGINNING: u64 = 2 * iso9660::HEAD as u64;

pub(super) fn treat(
    burner: &Burner,
    treatment: Treatment,
    monitor: &dyn Monitor,
) -> Result<(), DriveError> {
    if treatment == Treatment::Eject {
        tray::check_unmounted(&burner.path)?;
        return tray::open(burner, &burner.open_drive()?);
    }
    let medium = burner.to_treat()?;
    match deed(&medium, treatment) {
        Ok(Deed::Nothing(why)) => {
            monitor.note(why);
            Ok(())
        }
        Ok(Deed::Erase(how)) => {
            let sectors = match how {
                Thoroughness::Fast => BEGINNING.min(medium.capacity),
                Thoroughness::All => medium.capacity,
            };
            let job = Job {
                sectors,
                manner: Manner::Placed,
                ..Job::of(Purpose::Erase, medium.profile)
            };
            run(burner, &job, monitor, &mut |out| write::zeros(out, sectors))
        }
        Ok(Deed::Close) => close::close(burner, monitor),
        Ok(Deed::Ask(purpose, said)) => {
            if let Some(said) = said {
                monitor.warn(said);
            }
            run(
                burner,
                &Job::of(purpose, medium.profile),
                monitor,
                &mut |_| Ok(()),
            )
        }
        Err(why) => Err(burner.cannot(why)),
    }
}

fn run(
    burner: &Burner,
    job: &Job,
    monitor: &dyn Monitor,
    fill: &mut dyn FnMut(&mut (dyn Write + Send)) -> std::io::Result<()>,
) -> Result<(), DriveError> {
    match burner.engine().run(job, monitor, fill)? {
        End::Well => burner.reload(),
        End::Complained(complaint) => Err(burner.engine().complained(complaint)),
    }
}

/// What a treatment comes to.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    /// It is so already.
    Nothing(&'static str),
    /// Zeros are written, at the beginning or everywhere.
    Erase(Thoroughness),
    /// One last session.
    Close,
    /// The burning program does it; something is said before.
    Ask(Purpose, Option<&'static str>),
}

/// What `treatment` means for such a disc; or why it cannot be, as the rest of a sentence.
fn deed(medium: &Medium, treatment: Treatment) -> Result<Deed, String> {
    let profile = medium.profile;
    let ready = medium.formatted && profile.is_overwritable();
    let once = || Err(format!("holds a {}, which is written once", profile.name()));
    match treatment {
        Treatment::Blank(_) if profile.is_overwritable() && !medium.formatted => {
            Ok(Deed::Nothing("the disc was never written"))
        }
        Treatment::Blank(how) if ready => Ok(Deed::Erase(how)),
        Treatment::Blank(_) if !profile.is_rewritable() => once(),
        Treatment::Blank(Thoroughness::Fast) if !profile.is_cd() => Ok(Deed::Ask(
            Purpose::Blank(Thoroughness::Fast),
            Some(
                "a DVD-RW that is blanked quickly takes one session only; it is blanked everywhere before others can follow, \
                 or now with --all",
            ),
        )),
        Treatment::Blank(how) => Ok(Deed::Ask(Purpose::Blank(how), None)),
        Treatment::Format if ready => Ok(Deed::Erase(Thoroughness::Fast)),
        Treatment::Format if profile.is_formatted_by_use() => Ok(Deed::Nothing(
            "a DVD+RW formats itself when it is written for the first time",
        )),
        Treatment::Format if profile == Profile(0x41) && medium.status == Status::Empty => {
            Ok(Deed::Ask(
                Purpose::Format,
                Some(
                    "a BD-R that is formatted has spare areas for bad places; the drive then reads back what it writes, and \
                     writes at half its speed",
                ),
            ))
        }
        Treatment::Format if profile.is_cd() && profile.is_rewritable() => Err(format!(
            "holds a {}, which is written in sessions and needs no format; `cback disc blank` makes it blank",
            profile.name()
        )),
        Treatment::Format if !profile.is_rewritable() => once(),
        Treatment::Format => Ok(Deed::Ask(Purpose::Format, None)),
        Treatment::Close if profile.is_overwritable() => Err(format!(
            "holds a {}, which has no sessions that could be closed",
            profile.name()
        )),
        Treatment::Close if medium.status == Status::Empty => {
            Err("holds a blank disc, so there is nothing to close".to_owned())
        }
        Treatment::Close if medium.status == Status::Complete => {
            Ok(Deed::Nothing("the disc is closed already"))
        }
        Treatment::Close | Treatment::Eject => Ok(Deed::Close),
    }
}

#[cfg(test)]
mod tests {
    use super::super::way::tests::medium;
    use super::*;

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn each_kind_of_disc_is_treated_in_its_way() {
        use Thoroughness::{All, Fast};
        use Treatment::{Blank, Close, Format};
        let ask = |purpose| format!("{:?}", Deed::Ask(purpose, None));
        let erase = |how| format!("{:?}", Deed::Erase(how));
        // profile, state, formatted, treatment, expected beginning
        for (profile, status, formatted, treatment, expected) in [
            (
                0x0a,
                Status::Open,
                true,
                Blank(Fast),
                ask(Purpose::Blank(Fast)),
            ),
            (
                0x0a,
                Status::Open,
                true,
                Blank(All),
                ask(Purpose::Blank(All)),
            ),
            (
                0x14,
                Status::Complete,
                true,
                Blank(All),
                ask(Purpose::Blank(All)),
            ),
            (
                0x14,
                Status::Complete,
                true,
                Blank(Fast),
                "Ask(Blank(Fast), Some(\"a DVD-RW that".to_owned(),
            ),
            (0x14, Status::Complete, true, Format, ask(Purpose::Format)),
            (0x13, Status::Other, true, Blank(Fast), erase(Fast)),
            (0x13, Status::Other, true, Format, erase(Fast)),
            (0x1a, Status::Other, true, Blank(All), erase(All)),
            (
                0x1a,
                Status::Empty,
                false,
                Blank(All),
                "Nothing(\"the disc was never".to_owned(),
            ),
            (
                0x1a,
                Status::Empty,
                false,
                Format,
                "Nothing(\"a DVD+RW formats".to_owned(),
            ),
            (0x43, Status::Empty, false, Format, ask(Purpose::Format)),
            (0x12, Status::Other, false, Format, ask(Purpose::Format)),
            (
                0x41,
                Status::Empty,
                true,
                Format,
                "Ask(Format, Some(\"a BD-R that".to_owned(),
            ),
            (0x41, Status::Open, true, Format, "written once".to_owned()),
            (
                0x41,
                Status::Empty,
                true,
                Blank(Fast),
                "written once".to_owned(),
            ),
            (
                0x09,
                Status::Open,
                true,
                Blank(Fast),
                "written once".to_owned(),
            ),
            (
                0x0a,
                Status::Open,
                true,
                Format,
                "needs no format".to_owned(),
            ),
            (0x09, Status::Open, true, Close, "Close".to_owned()),
            (
                0x09,
                Status::Empty,
                true,
                Close,
                "nothing to close".to_owned(),
            ),
            (
                0x10,
                Status::Complete,
                true,
                Close,
                "Nothing(\"the disc is closed".to_owned(),
            ),
            (0x1a, Status::Other, true, Close, "no sessions".to_owned()),
        ] {
            let medium = Medium {
                formatted,
                ..medium(profile, status)
            };
            let found = match deed(&medium, treatment) {
                Ok(deed) => format!("{deed:?}"),
                Err(why) => why,
            };
            assert!(
                found.contains(&expected),
                "{profile:#04x} {status:?} {treatment:?}: {found}"
            );
        }
    }
}
