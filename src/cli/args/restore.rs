//! `cback restore`: its switches.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::restore::Existing;
use crate::units::{Day, PeerName};

/// `cback restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The state of this day [default: the latest]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<Day>,

    /// This peer only [default: all]
    #[arg(long, value_name = "NAME")]
    pub peer: Option<PeerName>,

    /// Directory to restore into; made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,

    /// A disc: its file, its drive, or a directory with what was on it; `changer` for the discs in the changer; several times
    /// [default: the staging directory and the discs that the configuration knows]
    #[arg(long, value_name = "DISC", value_hint = ValueHint::AnyPath)]
    pub from: Vec<PathBuf>,

    /// Say what would be read from where, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Restore what can be had, although archives are missing
    #[arg(long)]
    pub incomplete: bool,

    /// What to do about files that are in DIR already: `keep` them and say so, or `replace` them
    /// [default: DIR has to be empty]
    #[arg(long, value_name = "keep|replace", value_parser = existing)]
    pub existing: Option<Existing>,

    /// Files and directories to restore, with all below them [default: everything]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
}

fn existing(text: &str) -> Result<Existing, String> {
    match text {
        "keep" => Ok(Existing::Keep),
        "replace" => Ok(Existing::Replace),
        _ => Err("it is `keep` or `replace`".to_owned()),
    }
}
