//! `cback changer`: its commands and their switches.

use clap::{Args, Subcommand};

/// `cback changer`.
#[derive(Debug, Args)]
pub struct ChangerWish {
    /// What to do.
    #[command(subcommand)]
    pub command: ChangerCommand,
}

/// `cback changer …`.
#[derive(Debug, Subcommand)]
pub enum ChangerCommand {
    /// Say which disc is in which slot and drive, and what it is good for; nothing is moved
    #[command(visible_alias = "inventory")]
    Status,

    /// Carry a disc into a drive, and look at it
    Load {
        /// Into the drive of that number [default: one that is empty]
        #[arg(long, value_name = "N")]
        drive: Option<u32>,

        /// Say what would be moved, and move nothing
        #[arg(short = 'n', long)]
        dry_run: bool,

        /// Its slot, its label, or its barcode
        #[arg(value_name = "DISC")]
        disc: String,
    },

    /// Carry discs from drives back to their slots
    Unload {
        /// Into the slot of that number [default: its own, or one that is empty]
        #[arg(long, value_name = "N", requires = "drive")]
        slot: Option<u32>,

        /// Say what would be moved, and move nothing
        #[arg(short = 'n', long)]
        dry_run: bool,

        /// The drive [default: every drive with a disc in it]
        #[arg(value_name = "DRIVE")]
        drive: Option<u32>,
    },

    /// Load every disc that is not known yet, and read its label
    Scan {
        /// Every disc, known or not
        #[arg(long, conflicts_with = "slots")]
        all: bool,

        /// Say which discs would be looked at, and move nothing
        #[arg(short = 'n', long)]
        dry_run: bool,

        /// The discs in these slots, afresh: what was remembered of them, that they are bad, too, is forgotten
        #[arg(value_name = "SLOT")]
        slots: Vec<u32>,
    },
}
