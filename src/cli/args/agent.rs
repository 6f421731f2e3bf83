//! `cback agent`: its switches.

use std::path::PathBuf;

use clap::Args;

use crate::units::ActionName;

/// `cback agent`.
#[derive(Debug, Args)]
pub struct AgentWish {
    /// The directory that the master may read; without it, that of the configuration
    #[arg(long, value_name = "DIR")]
    pub collect_dir: Option<PathBuf>,

    /// An action that the master may run; without it, that of the configuration's managed actions
    #[arg(long, value_name = "ACTION")]
    pub allow: Vec<ActionName>,

    /// Print the line for `authorized_keys` that lets the master with this public key do that and nothing else
    #[arg(long, value_name = "KEY.pub")]
    pub print_key_line: Option<PathBuf>,
}
