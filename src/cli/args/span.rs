//! `cback-span`: the switches of `cback`, most of which mean nothing here and are taken all the same.

use clap::Parser;

use super::Common;

const ABOUT: &str = "Spreads staged days that were not stored yet over several discs";

const LONG_ABOUT: &str = "\
Asks everything that it needs to know: how much of each disc is kept free, and how files are chosen for a disc. Then it asks for \
one disc after the other, writes it, and checks it if the configuration says so. The days count as stored when all discs are \
written.";

/// The command line of `cback-span`.
#[derive(Debug, Parser)]
#[command(
    name = "cback-span",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    infer_long_args = true,
    args_override_self = true,
    max_term_width = 100
)]
#[allow(clippy::struct_excessive_bools)] // switches
pub struct Span {
    /// Switches that every command takes.
    #[command(flatten)]
    pub common: Common,

    /// Print version, platform, and which programs and drives there are, and do nothing
    #[arg(short = 'D', long)]
    pub diagnostics: bool,

    /// Taken from `cback`; means nothing here
    #[arg(short, long, hide = true)]
    pub full: bool,

    /// Taken from `cback`; means nothing here
    #[arg(short = 'M', long, hide = true)]
    pub managed: bool,

    /// Taken from `cback`; means nothing here
    #[arg(short = 'N', long, hide = true)]
    pub managed_only: bool,

    /// Taken from `cback`; means nothing here
    #[arg(short = 'u', long = "unsupported", hide = true)]
    pub unsupported: bool,

    /// Taken from `cback`; means nothing here
    #[arg(value_name = "ACTION", hide = true)]
    pub actions: Vec<String>,
}
