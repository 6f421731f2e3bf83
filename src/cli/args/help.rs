//! `cback help`: its words.

use clap::Args;

/// `cback help`.
#[derive(Debug, Args)]
pub struct HelpWish {
    /// An action, a command, or the words of one [default: the whole command line]
    #[arg(value_name = "ACTION|COMMAND")]
    pub words: Vec<String>,
}
