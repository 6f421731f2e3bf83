//! Switches that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Where the configuration is looked for.
const DEFAULT_CONFIG: &str = "/etc/cback.conf";
/// Where the log is written.
const DEFAULT_LOG: &str = "/var/log/cback.log";

/// Switches that every command takes.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools)] // switches
pub struct Common {
    /// Configuration file
    #[arg(short, long, global = true, value_name = "PATH", default_value = DEFAULT_CONFIG,
          value_hint = ValueHint::FilePath, value_parser = clap::builder::PathBufValueParser::new())]
    pub config: PathBuf,

    /// Log file
    #[arg(short, long, global = true, value_name = "PATH", default_value = DEFAULT_LOG,
          value_hint = ValueHint::FilePath, value_parser = clap::builder::PathBufValueParser::new())]
    pub logfile: PathBuf,

    /// Owner of a log file that is made
    #[arg(short, long, global = true, value_name = "USER:GROUP", default_value = "root:adm", value_parser = owner)]
    pub owner: (String, String),

    /// Mode of a log file that is made, in octal
    #[arg(short, long, global = true, value_name = "MODE", default_value = "640", value_parser = mode)]
    pub mode: u32,

    /// Say on the screen what the log says
    #[arg(short = 'b', long, global = true)]
    pub verbose: bool,

    /// Say nothing on the screen
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Put what sub-commands print into the log
    #[arg(short = 'O', long, global = true)]
    pub output: bool,

    /// Put details for developers into the log
    #[arg(short, long, global = true)]
    pub debug: bool,

    /// Accepted; the whole chain of an error's causes is always shown
    #[arg(short, long, global = true)]
    pub stack: bool,

    /// One JSON object a line on standard output instead of text
    #[arg(long, global = true)]
    pub json: bool,
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
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err("write it in octal, for instance 640".to_owned()),
    }
}
