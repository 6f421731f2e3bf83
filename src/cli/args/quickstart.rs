//! `cback quickstart`: its switches.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::media_kind;
use crate::media::MediaKind;

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
