//! Whether what is on a disc may be lost: nothing is, unless somebody said so.

use crate::cli::args::Consent;
use crate::cli::exit::Exit;
use crate::cli::session::Failure;
use crate::event::printable_path;
use crate::media::{Burn, Drive, Renewal};

/// Before a new disc is begun: whether what is on the disc that is in may be lost, if it would be.
pub(super) fn consented(drive: &dyn Drive, how: Burn, consent: Consent) -> Result<(), Failure> {
    if how == Burn::Append {
        return Ok(());
    }
    match drive
        .inspect()
        .map_err(|error| super::failure(error.into()))?
    {
        Some(disc) if disc.renewal == Renewal::Blank => loses(drive, consent),
        _ => Ok(()),
    }
}

/// Refuses to lose what is on a disc without consent.
pub(super) fn loses(drive: &dyn Drive, consent: Consent) -> Result<(), Failure> {
    if consent.yes {
        return Ok(());
    }
    // A disc that cannot be understood may hold anything.
    let held = match drive.inspect() {
        Ok(None) => return Ok(()),
        // One that is written once loses nothing: it is refused.
        Ok(Some(disc)) if disc.is_blank() || !disc.kind.is_rewritable() => return Ok(()),
        Ok(Some(disc)) => format!(
            "{} sessions, the newest one labelled `{}`",
            disc.sessions.len(),
            disc.label().unwrap_or_default().escape_ascii()
        ),
        Err(error) => format!("something that cannot be understood ({error})"),
    };
    Err(Failure::new(
        Exit::Disc,
        format!(
            "{} holds {held}; it would be lost",
            printable_path(drive.place())
        ),
    )
    .advise("put another disc in, or say --yes if it may be lost"))
}
