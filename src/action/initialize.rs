//! `initialize`: prepares a rewritable disc.

use super::store::{told, with_store};
use super::{ActionError, Context};

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    #[allow(clippy::redundant_closure_for_method_calls)]
    // the path is not general over the lifetime
    let stored = with_store(cx, |store| store.initialize())?;
    told(cx, &stored);
    Ok(())
}
