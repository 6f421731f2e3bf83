//! `cback config init`: its switches.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{Packing, media_kind};
use crate::media::MediaKind;
use crate::units::{PeerName, Weekday};

/// `cback config init`.
#[derive(Debug, Args)]
pub struct ConfigInit {
    /// What the machine does [default: it is asked]
    #[arg(value_enum, value_name = "ROLE")]
    pub role: Option<MachineRole>,

    /// A directory to back up; several times [default: it is asked]
    #[arg(long = "dir", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dirs: Vec<PathBuf>,

    /// Where archives, state and a disc that is a file are kept [default: /var/lib/cback]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub base: Option<PathBuf>,

    /// A master's client, by its host name; several times
    #[arg(long = "client", value_name = "NAME")]
    pub clients: Vec<PeerName>,

    /// The day on which the backup week begins [default: sunday]
    #[arg(long, value_name = "DAY", value_parser = starting_day)]
    pub starting_day: Option<Weekday>,

    /// Who owns the backup's files [default: whoever runs this]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// The group of the backup's files [default: that of whoever runs this]
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,

    /// The drive that burns, such as /dev/sr0; `file`: the disc is a file [default: file]
    #[arg(long, value_name = "DEVICE", value_hint = ValueHint::FilePath)]
    pub device: Option<PathBuf>,

    /// Kind of disc: cdrw-74, dvd+r, dvd+rw, bd-r, … [default: dvd+r]
    #[arg(long, value_name = "KIND", value_parser = media_kind)]
    pub media: Option<MediaKind>,

    /// How archives are packed
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Packing::Targz)]
    pub archive: Packing,

    /// Print it instead of writing a file
    #[arg(long)]
    pub print: bool,
}

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MachineRole {
    /// It backs itself up, onto its own disc
    Single,
    /// It collects, and a master fetches that
    Client,
    /// It also fetches what its clients have collected
    Master,
}

impl MachineRole {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Client => "client",
            Self::Master => "master",
        }
    }
}

/// A day of the week by its English name.
pub fn starting_day(word: &str) -> Result<Weekday, String> {
    crate::config::day_of_week(word).ok_or_else(|| "write `monday` to `sunday`".to_owned())
}
