//! The command line. Help, man pages and completions come from these definitions.
//!
//! `cback [switches] action…` is Cedar Backup's grammar. What is new is a word of its own with switches of
//! its own: `cback restore …`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::media::MediaKind;
use crate::restore::Existing;
use crate::units::{Day, PeerName};

/// Where the configuration is looked for.
pub const DEFAULT_CONFIG: &str = "/etc/cback.conf";
/// Where the log is written.
pub const DEFAULT_LOG: &str = "/var/log/cback.log";

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
  cback --full store                     today's day onto a fresh disc
  cback restore --into /tmp/r etc/fstab  the latest state of one file
  cback restore --as-of 2026-11-20 --from disc.iso --into /tmp/r

Exit status:
   0  all is well                        6  an action failed
   2  arguments                         10  finished, but with problems
   3  the log cannot be written         11  another run is at work
   4  the configuration                 12  a disc is needed, or the wrong one is in
   5  interrupted                       13  damage found (14: that cannot be repaired)";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "cback",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    infer_long_args = true,
    subcommand_negates_reqs = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands with switches of their own",
    override_usage = "cback [SWITCHES] ACTION...\n       cback COMMAND [SWITCHES]",
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// Switches that every command takes.
    #[command(flatten)]
    pub common: Common,

    /// Back up in full, whatever the configuration says; store begins a new disc
    #[arg(short, long)]
    pub full: bool,

    /// Accepted for Cedar Backup 2; means nothing
    #[arg(short = 'u', long = "unsupported", hide = true)]
    pub unsupported: bool,

    /// What to do: collect, stage, store, purge, all; or alone rebuild, validate, initialize
    #[arg(required = true, value_name = "ACTION")]
    pub actions: Vec<String>,

    /// One of the commands with switches of their own.
    #[command(subcommand)]
    pub command: Option<Command>,
}

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

Nothing is ever written outside the directory of --into, and nothing that is there is replaced. With --from no configuration is \
needed: a disc tells everything by itself.")]
    Restore(Restore),

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

/// `cback quickstart`.
#[derive(Debug, Args)]
pub struct Quickstart {
    /// Directories to back up
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dirs: Vec<PathBuf>,

    /// Where configuration, archives and disc are kept [default: cback in the XDG data directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub into: Option<PathBuf>,

    /// Kind of disc: cdr-80, dvd+r, dvd+r-dl, bd-r, dvd+rw, …
    #[arg(long, value_name = "KIND", default_value = "dvd+r", value_parser = media_kind)]
    pub media: MediaKind,

    /// How archives are packed
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Packing::Targz)]
    pub archive: Packing,
}

/// The configuration's `archive_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // the words say it
pub enum Packing {
    Tar,
    Targz,
    Tarbz2,
    Tarzst,
}

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

    /// A disc: its file, its drive, or a directory with what was on it; several times
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

fn media_kind(word: &str) -> Result<MediaKind, String> {
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
    fn what_worked_with_cedar_backup_works() {
        for line in [
            "cback all",
            "cback -c /etc/x.conf -b --full collect stage",
            "cback -c/etc/x.conf -bd -l /tmp/l -o root:adm -m 0640 purge",
            "cback --verb --conf /x store",
            "cback -u -O -s rebuild",
            "cback --full --quiet --mode=644 collect purge store",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
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
    fn wrong_arguments_are_told() {
        for line in [
            "cback",
            "cback --owner root all",
            "cback --mode 9 all",
            "cback --ver all",
            "cback --nonsense all",
            "cback --config= all",
            "cback restore",
            "cback restore --into /r --as-of yesterday",
            "cback quickstart --media floppy /home",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
