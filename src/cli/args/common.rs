//! Switches that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::program::SECOND;
use crate::units::Naming;

/// Switches that every command takes.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools)] // switches
pub struct Common {
    /// Configuration file
    // `--c` meant it before there was `--close`.
    #[arg(short, long, alias = "c", global = true, value_name = "PATH", default_value = SECOND.config, help_heading = FILES,
          value_hint = ValueHint::FilePath, allow_hyphen_values = true,
          value_parser = clap::builder::PathBufValueParser::new())]
    pub config: PathBuf,

    /// Log file
    #[arg(short, long, global = true, value_name = "PATH", default_value = SECOND.logfile, help_heading = FILES,
          value_hint = ValueHint::FilePath, allow_hyphen_values = true,
          value_parser = clap::builder::PathBufValueParser::new())]
    pub logfile: PathBuf,

    // Not global: `cback disc image -o FILE` has another `-o`, and commands with switches of their own rarely make a log.
    /// Owner of a log file that is made
    #[arg(short, long, value_name = "USER:GROUP", default_value = "root:adm", help_heading = FILES,
          allow_hyphen_values = true, value_parser = owner)]
    pub owner: (String, String),

    /// Mode of a log file that is made, in octal
    #[arg(short, long, global = true, value_name = "MODE", default_value = "640", help_heading = FILES,
          allow_hyphen_values = true, value_parser = mode)]
    pub mode: u32,

    /// Whose rules name archives where they differ: `v2` (Cedar Backup 2) or `v3`
    #[arg(long, global = true, value_name = "v2|v3", default_value = "v2", help_heading = FILES, value_parser = naming)]
    pub naming: Naming,

    /// Say on the screen what the log says
    #[arg(short = 'b', long, global = true, help_heading = WORDS)]
    pub verbose: bool,

    /// Say nothing on the screen
    #[arg(short, long, global = true, help_heading = WORDS)]
    pub quiet: bool,

    /// Put what sub-commands print into the log
    #[arg(short = 'O', long, global = true, help_heading = WORDS)]
    pub output: bool,

    /// Put details for developers into the log, and what sub-commands print
    #[arg(short, long, global = true, help_heading = WORDS)]
    pub debug: bool,

    /// Show each cause of a failure on a line of its own, and where in the program it was met
    #[arg(short, long, global = true, help_heading = WORDS)]
    pub stack: bool,

    /// One JSON object a line on standard output instead of text
    #[arg(long, global = true, help_heading = WORDS)]
    pub json: bool,
}

const FILES: &str = "Files";
const WORDS: &str = "What is told";

/// The word for `naming` on the command line.
pub fn word(naming: Naming) -> &'static str {
    match naming {
        Naming::V2 => "v2",
        Naming::V3 => "v3",
    }
}

fn naming(text: &str) -> Result<Naming, String> {
    [Naming::V2, Naming::V3]
        .into_iter()
        .find(|naming| word(*naming) == text)
        .ok_or_else(|| "it is `v2` or `v3`".to_owned())
}

fn owner(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((user, group)) if !user.is_empty() && !group.is_empty() => {
            Ok((user.to_owned(), group.to_owned()))
        }
        _ => Err("write it as USER:GROUP, for instance root:adm".to_owned()),
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix("0O"));
    match u32::from_str_radix(digits.unwrap_or(text), 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err("write it in octal, for instance 640".to_owned()),
    }
}
