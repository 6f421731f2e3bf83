//! `cback status`: its switches.

use clap::Args;

/// `cback status`.
#[derive(Debug, Args)]
pub struct StatusWish {
    /// End with status 15 if a peer was not staged, or nothing stored, for more than so many days
    #[arg(long, value_name = "DAYS")]
    pub max_age: Option<u32>,
}
