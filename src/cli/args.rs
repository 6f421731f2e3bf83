//! The command line. Help, man pages and completions come from these definitions.
//!
//! `cback [switches] action…` is Cedar Backup's grammar. What is new is a word of its own with switches of
//! its own: `cback restore …`. Each of those has a file, named like the word, that holds its switches.

mod agent;
mod amazons3_sync;
mod changer;
mod common;
mod config;
mod config_init;
mod disc;
mod help;
mod quickstart;
mod restore;
mod span;
mod status;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::media::MediaKind;

pub use agent::AgentWish;
pub use amazons3_sync::AmazonS3Sync;
pub use changer::{ChangerCommand, ChangerWish};
pub use common::{Common, word};
pub use config::{ConfigFile, ConfigWish, ConfigWord};
pub use config_init::{ConfigInit, MachineRole, starting_day};
pub use disc::{Consent, Disc, DiscCommand, On, Volume, Which};
pub use help::HelpWish;
pub use quickstart::{Packing, Quickstart};
pub use restore::Restore;
pub use span::Span;
pub use status::StatusWish;

const ABOUT: &str = "Backups onto write-once discs that anyone can still read in fifty years";

const LONG_ABOUT: &str = "\
Collects directories into tar archives, stages them in a directory for each day, stores the day as a session on a \
disc and reads it back, purges what has grown old; and brings any file of any day back.

Name the actions to run: collect, stage, store, purge, or all for these four in this order. They run in the right \
order however they are written. Alone: rebuild (this week's days onto a fresh disc), validate (is the configuration \
sound, and the world as it says?), initialize (prepare a rewritable disc).";

const AFTER_HELP: &str = "\
Examples:
  cback quickstart ~/Documents           the first backup, onto a disc that is a file
  cback all                              tonight's backup, as /etc/cback.conf says
  cback --dry-run all                    what that would do, and what it would erase
  cback --full store                     today's day onto a fresh disc
  cback --managed all                    tonight's backup, here and on managed peers
  cback restore --into /tmp/r etc/fstab  the latest state of one file
  cback restore --as-of 2026-11-20 --from disc.iso --into /tmp/r

Exit status:
   0  all is well                        6  an action failed
   2  arguments                         10  finished, but with problems
   3  the log cannot be written         11  another run is at work
   4  the configuration                 12  a disc is needed, or the wrong one is in
   5  interrupted                       13  damage found (14: that cannot be repaired)
                                        15  too old (status --max-age)";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "cback",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    infer_long_args = true,
    args_override_self = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands with switches of their own",
    override_usage = "cback [SWITCHES] ACTION...\n       cback COMMAND [SWITCHES]",
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[allow(clippy::struct_excessive_bools)] // switches
pub struct Arguments {
    /// Switches that every command takes.
    #[command(flatten)]
    pub common: Common,

    /// Back up in full, whatever the configuration says; store begins a new disc
    #[arg(short, long)]
    pub full: bool,

    /// Also ask managed peers to run the actions that are theirs
    #[arg(short = 'M', long, conflicts_with = "managed_only")]
    pub managed: bool,

    /// Only ask managed peers; nothing is run on this machine
    #[arg(short = 'N', long)]
    pub managed_only: bool,

    /// If another disc is needed, wait until it is in the drive
    #[arg(long)]
    pub wait_for_disc: bool,

    /// When store or rebuild has written its session, close the disc: no session can follow
    #[arg(long)]
    pub close: bool,

    /// Say what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Print version, platform, and which programs and drives there are, and do nothing
    #[arg(short = 'D', long)]
    pub diagnostics: bool,

    /// Accepted for Cedar Backup 2; means nothing
    #[arg(short = 'u', long = "unsupported", hide = true)]
    pub unsupported: bool,

    /// What to do: collect, stage, store, purge, all; or alone rebuild, validate, initialize; or an extension
    #[arg(value_name = "ACTION")]
    pub actions: Vec<String>,

    /// One of the commands with switches of their own.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is new: words of their own.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Back up directories onto a disc that is a file, with nothing configured yet
    #[command(after_help = "\
Examples:
  cback quickstart ~/Documents ~/Pictures
  cback quickstart --into /mnt/usb/cback --media bd-r /home

The first call writes a configuration, collects, stages, stores and reads the disc back. Every later call goes on where \
the one before ended: what differs is appended as a new session. Without DIR the later call takes the directories of the first.")]
    Quickstart(Quickstart),

    /// Bring files back as they were on a day
    #[command(after_help = "\
Examples:
  cback restore --into /tmp/r                           everything, as it was last staged
  cback restore --as-of 2026-11-20 --into /tmp/r home/ada
  cback restore --from disc.iso --from older.iso --into /tmp/r
  cback restore --dry-run --into /tmp/r home/ada        what would be read from where

Nothing is ever written outside the directory of --into, and nothing that is there is replaced unless --existing says so. With --from no configuration is \
needed: a disc tells everything by itself.")]
    Restore(Restore),

    /// Say who was staged when, what waits to be stored, and how full the disc is
    #[command(after_help = "\
Examples:
  cback status
  cback status --max-age 2     for a monitor: ends with 15 if something is older

A peer is missing since the first staged day that it is not in. Nothing is changed, and a run that is at work is not disturbed.")]
    Status(StatusWish),

    /// On a client: do for the master what its key is allowed, and nothing else
    #[command(after_help = "\
Examples:
  cback agent --print-key-line master.pub >> ~backup/.ssh/authorized_keys

It is the forced command of the master's key: it shows the collect directory, writes the indicator cback.stage there, and runs the \
actions that are allowed. Nothing that the master sends is given to a shell. Masters that run Cedar Backup are served, too.")]
    Agent(AgentWish),

    /// Check, show, explain the configuration, or write a new one
    #[command(name = "config", arg_required_else_help = true)]
    Config(ConfigWish),
    /// See what a changer holds, and move its discs
    #[command(after_help = "\
Examples:
  cback changer status        which disc is in which slot and drive, and what it is good for
  cback changer scan          load every disc that is not known yet, and read its label
  cback changer scan 5        the disc in slot 5 was exchanged: look at it afresh
  cback changer load 5        into a drive, for `cback disc info` and the like
  cback changer unload        back to its slot

Storing needs none of these: `cback store` loads the disc in use or the next blank one, and puts it back.")]
    Changer(ChangerWish),

    /// Look at discs, burn, copy and compare them, take files off them
    #[command(after_help = "\
Examples:
  cback disc info                                   what is in the configured drive
  cback disc image ~/Documents -o documents.iso
  cback disc burn --disc /dev/sr0 ~/Documents       a new disc; with --append another session
  cback disc copy --verify /dev/sr0 /mnt/usb/disc.iso
  cback disc compare /dev/sr0 disc.iso              exit status 0 only if they are the same
  cback disc get --disc disc.iso --into /tmp/r 2026/11/20/ada

A disc is a drive (/dev/sr0) or a file. Nothing that is on a disc is lost without --yes.")]
    Disc(Disc),

    /// Explain an action or a command
    #[command(after_help = "\
Examples:
  cback help store
  cback help disc burn       the same as `cback disc burn --help`")]
    Help(HelpWish),

    /// Print the shell's completions
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },

    /// Write the man pages into a directory
    #[command(hide = true)]
    Man {
        /// The directory
        into: PathBuf,
    },
}

/// A kind of disc by its word.
pub fn media_kind(word: &str) -> Result<MediaKind, String> {
    word.parse().map_err(|()| {
        let words: Vec<_> = MediaKind::words().collect();
        format!("it is one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_sound() {
        Arguments::command().debug_assert();
    }

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn new_commands_have_switches_of_their_own() {
        let arguments =
            parse("cback restore --as-of 2026-11-20 -c /x --into /r etc/fstab").unwrap();
        assert_eq!(arguments.common.config, PathBuf::from("/x"));
        let Some(Command::Restore(restore)) = arguments.command else {
            panic!("not a restore");
        };
        assert_eq!(restore.as_of, Some("2026-11-20".parse().unwrap()));
        assert_eq!(restore.paths, [PathBuf::from("etc/fstab")]);
    }

    #[test]
    fn the_configuration_knows_every_command() {
        let command = Arguments::command();
        let mut names: Vec<_> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            crate::config::COMMANDS,
            "an extension of that name would be hidden"
        );
    }
}
