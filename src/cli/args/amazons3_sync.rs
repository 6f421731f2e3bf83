//! `cback-amazons3-sync`: its switches.

use std::path::PathBuf;

use clap::{Parser, ValueHint};

use super::Common;

const ABOUT: &str = "Mirrors a directory to a bucket, and compares what is there";

/// The command line of `cback-amazons3-sync`.
#[derive(Debug, Parser)]
#[command(
    name = "cback-amazons3-sync",
    version,
    about = ABOUT,
    infer_long_args = true,
    args_override_self = true,
    max_term_width = 100
)]
#[allow(clippy::struct_excessive_bools)] // switches
pub struct AmazonS3Sync {
    /// Switches that every command takes.
    #[command(flatten)]
    pub common: Common,

    /// Print version, platform, and which programs and drives there are, and do nothing
    #[arg(short = 'D', long)]
    pub diagnostics: bool,

    /// Only compare; nothing is transferred
    #[arg(short = 'v', long = "verifyOnly")]
    pub verify_only: bool,

    /// Only add and replace; what is no longer in the directory stays in the bucket
    #[arg(short = 'u', long = "uploadOnly")]
    pub upload_only: bool,

    /// Go on although names have odd characters
    #[arg(short = 'w', long = "ignoreWarnings")]
    pub ignore_warnings: bool,

    /// The directory
    #[arg(value_name = "SOURCE", value_hint = ValueHint::DirPath, required_unless_present = "diagnostics")]
    pub source: Option<PathBuf>,

    /// Where it goes, written as `s3://bucket/path`
    #[arg(value_name = "URL", required_unless_present = "diagnostics")]
    pub url: Option<String>,
}
