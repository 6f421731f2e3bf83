//! The real program on every kind of disc: a guest with the kernel's own CD-ROM driver, and our virtual burner behind it.
//!
//! What the virtual burner answers has its authority from the programs that others wrote: `foreign` shows that they work on it
//! as it is, and that the kernel reads what they wrote.

#![allow(clippy::unwrap_used, missing_docs)]

mod compared;
mod days;
mod faults;
mod foreign;
#[allow(dead_code)] // shared with other tests
#[path = "../guest/mod.rs"]
mod guest;
mod handling;
mod large;
mod scratched;
mod stopped;
mod two_drives;
mod view;
mod ways;
