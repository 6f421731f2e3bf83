//! From staged days to verified sessions on a disc that is a file, judged by foreign programs.

#![allow(clippy::unwrap_used)]
#![allow(clippy::redundant_closure_for_method_calls)] // a method is not general enough

mod burning;
mod chain;
mod drive;
mod faults;
mod kill;
mod pool;
mod rules;
mod sessions;
