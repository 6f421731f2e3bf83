//! `cback config`: its words and their switches.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::ConfigInit;

/// `cback config`.
#[derive(Debug, Args)]
pub struct ConfigWish {
    /// What to do with the configuration.
    #[command(subcommand)]
    pub what: ConfigWord,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigWord {
    /// Say everything that is wrong in the file; nothing else is looked at
    #[command(after_help = "\
Ends with 0 if the file can be used, with warnings or without, and with 4 if not. `cback validate` looks at the world, too.")]
    Check(ConfigFile),

    /// List every value that holds, with the line, the section or the default it comes from
    #[command(
        after_help = "Passwords, and the arguments of a command that encrypts, are shown as stars."
    )]
    Show(ConfigFile),

    /// Write a commented configuration for this machine; what is not said is asked on the terminal
    #[command(after_help = "\
Examples:
  cback config init
  cback config init single --dir /etc --dir /home
  cback config init client --dir /etc --dir /home --user backup --group backup
  cback config init master --dir /etc --client web --client mail --device /dev/sr0 --media dvd+rw
  cback --config /tmp/try.conf config init single --dir /srv

The file is that of --config. One that is there is never replaced.")]
    Init(ConfigInit),

    /// Say what an element means, what its value is, and what holds where it is missing
    #[command(after_help = "\
Examples:
  cback config explain                       the sections
  cback config explain retain_days
  cback config explain collect/dir/exclude

What is told is what cback.conf(5) says.")]
    Explain {
        /// A name, or the path to it [default: an overview of the sections]
        #[arg(value_name = "ELEMENT")]
        elements: Vec<String>,
    },
}

/// The file in question.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The configuration [default: that of --config]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}
