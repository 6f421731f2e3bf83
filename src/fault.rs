//! A mistake of the program itself, kept from costing more than it must.
//!
//! A panic ends the process (`cli` says how); but where many are served one after the other, what one of them brings
//! to light must not cost the others their backup.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// The work of [`contain`] panicked; what it said has been told by the panic hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an internal error, which is told above")]
pub struct Panicked;

/// Does `work`, whose panic ends nothing but itself. What `work` changes must be of no use to anybody after a panic, or
/// whole at every moment. Threads that `work` begins are not contained.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CONTAINED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    outcome.map_err(|_| Panicked)
}

/// Whether a panic of this thread, now, ends in [`contain`]. For the panic hook.
pub fn is_contained() -> bool {
    CONTAINED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_where_it_is_contained() {
        assert_eq!(contain(|| 1), Ok(1));
        let within = contain(|| {
            assert_eq!(contain(|| panic!("of a test")), Err::<(), _>(Panicked));
            is_contained()
        });
        assert_eq!(within, Ok(true));
        assert!(!is_contained());
    }
}
