//! `cback disc`: its commands and their switches.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::media_kind;
use crate::media::MediaKind;

/// `cback disc`.
#[derive(Debug, Args)]
pub struct Disc {
    /// What to do.
    #[command(subcommand)]
    pub command: DiscCommand,
}

/// Which disc.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// The drive, or the file that is the disc [default: the one that the configuration names]
    #[arg(value_name = "DISC", value_hint = ValueHint::AnyPath)]
    pub disc: Option<PathBuf>,

    /// Kind of a disc that is a file: dvd+r, dvd+rw, bd-r, … [default: what the configuration says, or dvd+r]
    #[arg(long, value_name = "KIND", value_parser = media_kind)]
    pub media: Option<MediaKind>,
}

/// Which disc, for commands that take other arguments.
#[derive(Debug, Clone, Args)]
pub struct On {
    /// The drive, or the file that is the disc [default: the one that the configuration names]
    #[arg(long = "disc", value_name = "DISC", value_hint = ValueHint::AnyPath)]
    pub disc: Option<PathBuf>,

    /// Kind of a disc that is a file: dvd+r, dvd+rw, bd-r, … [default: what the configuration says, or dvd+r]
    #[arg(long, value_name = "KIND", value_parser = media_kind)]
    pub media: Option<MediaKind>,
}

impl From<Which> for On {
    fn from(which: Which) -> Self {
        Self {
            disc: which.disc,
            media: which.media,
        }
    }
}

/// The volume that is made.
#[derive(Debug, Clone, Args)]
pub struct Volume {
    /// Volume identifier, up to 32 characters [default: the name of the first DIR]
    #[arg(long, value_name = "LABEL")]
    pub volume_id: Option<String>,

    /// Write names for Windows (Joliet), too
    #[arg(long)]
    pub joliet: bool,
}

/// The consent to a loss.
#[derive(Debug, Clone, Copy, Args)]
pub struct Consent {
    /// Do it although what is on the disc is lost
    #[arg(long)]
    pub yes: bool,
}

/// `cback disc …`.
#[derive(Debug, Subcommand)]
pub enum DiscCommand {
    /// Say what is in the drive: sessions, labels, dates, room
    Info(Which),

    /// Make an ISO 9660 image of directories
    Image {
        /// The new file
        #[arg(short = 'o', long = "into", value_name = "FILE", value_hint = ValueHint::FilePath)]
        into: PathBuf,

        /// How the volume is made.
        #[command(flatten)]
        volume: Volume,

        /// Directories and files; what is in a single directory comes to the root of the image
        #[arg(required = true, value_name = "DIR", value_hint = ValueHint::AnyPath)]
        dirs: Vec<PathBuf>,
    },

    /// Burn directories and files, or an image, onto a disc
    Burn {
        /// Which disc.
        #[command(flatten)]
        on: On,

        /// Add a session that has all that is on the disc and what is named; otherwise a new disc is begun
        #[arg(long)]
        append: bool,

        /// Then close the disc: no session can follow
        #[arg(long)]
        close: bool,

        /// How the volume is made.
        #[command(flatten)]
        volume: Volume,

        /// How many times single speed [default: as the drive likes]
        #[arg(long, value_name = "N")]
        speed: Option<NonZeroU32>,

        /// Whether a loss is accepted.
        #[command(flatten)]
        consent: Consent,

        /// Directories and files; a single ISO 9660 image is burnt as it is
        #[arg(required = true, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
    },

    /// Make a rewritable disc blank
    Blank {
        /// Which disc.
        #[command(flatten)]
        which: Which,

        /// Write over everything, not only what is needed to write again
        #[arg(long)]
        all: bool,

        /// Whether a loss is accepted.
        #[command(flatten)]
        consent: Consent,
    },

    /// Make a rewritable disc ready for writing anywhere, or give a blank BD-R spare areas
    #[command(after_help = "\
A BD-R is used without a format. With spare areas the drive puts what falls on a bad place elsewhere; for that it reads back what it \
writes, and writes at half its speed, and some of the room is gone. A disc that was written cannot get them any more.")]
    Format {
        /// Which disc.
        #[command(flatten)]
        which: Which,

        /// Whether a loss is accepted.
        #[command(flatten)]
        consent: Consent,
    },

    /// Close a disc: no session can follow
    Close(Which),

    /// Copy a disc, drive or file, onto another one
    Copy {
        /// How many times single speed the target is written [default: as the drive likes]
        #[arg(long, value_name = "N")]
        speed: Option<NonZeroU32>,

        /// Read the copy back and compare
        #[arg(long)]
        verify: bool,

        /// Whether a loss is accepted.
        #[command(flatten)]
        consent: Consent,

        /// Kind of a target that is a file [default: dvd+r, or larger if need be]
        #[arg(long, value_name = "KIND", value_parser = media_kind)]
        media: Option<MediaKind>,

        /// The drive, or the file that is the disc
        #[arg(value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
        source: PathBuf,

        /// The drive with a blank disc, or the file that shall be the disc
        #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
        target: PathBuf,
    },

    /// Compare two discs, drives or files, block by block
    Compare {
        /// The first disc
        #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
        first: PathBuf,

        /// The second disc
        #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
        second: PathBuf,
    },

    /// List what is on a disc
    Ls {
        /// Which disc.
        #[command(flatten)]
        on: On,

        /// The session of that number, counted from 1 [default: the newest]
        #[arg(long, value_name = "N")]
        session: Option<usize>,

        /// Everything below, too
        #[arg(short = 'R', long)]
        recursive: bool,

        /// A file or directory on the disc [default: all]
        #[arg(value_name = "PATH")]
        path: Option<PathBuf>,
    },

    /// Take files and directories off a disc, checked against the disc's own digests
    Get {
        /// Which disc.
        #[command(flatten)]
        on: On,

        /// The session of that number, counted from 1 [default: the newest]
        #[arg(long, value_name = "N")]
        session: Option<usize>,

        /// Directory to put them into; nothing in it is replaced
        #[arg(long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
        into: PathBuf,

        /// Files and directories on the disc [default: all]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },

    /// Try a drive: write, append, read back, blank an empty rewritable disc, and print a report
    ///
    /// Writes about 20 MB, reads them back, adds a session, reads both back, and blanks the disc. What went how, how fast, and
    /// what the drive says of itself is printed, to be read and to be sent in. Only an empty disc that can be blanked is
    /// used, unless --yes is said.
    Doctor {
        /// Which disc.
        #[command(flatten)]
        which: Which,

        /// Use the disc although what is on it is lost, or it is written once and then used up
        #[arg(long)]
        yes: bool,
    },

    /// Open the tray
    Eject(Which),
}
