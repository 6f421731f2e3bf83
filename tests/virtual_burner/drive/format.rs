//! FORMAT UNIT (MMC-6 6.4) and BLANK (MMC-6 6.2).

use super::Drive;
use crate::answer::capacity::default_spare;
use crate::bytes::{get24, get32};
use crate::disc::{Format, Kind};
use crate::sense::{self, Sense};

impl Drive {
    /// FORMAT UNIT: a header of four bytes, and what is wanted in eight.
    pub(super) fn format_unit(&mut self, out: &[u8]) -> Result<(), Sense> {
        self.medium()?;
        self.ready()?;
        let immediate = out.get(1).copied().unwrap_or(0) & 2 != 0;
        let wanted = out.get(4..12).ok_or(sense::INVALID_PARAMETER)?;
        let (sectors, kind, parameter) = (get32(wanted, 0), wanted[4] >> 2, get24(wanted, 5));
        let disc = self.medium_mut()?;
        let spare = default_spare(disc);
        match (disc.kind, kind) {
            (Kind::DvdPlusRw, 0x26) => {
                // the parameter's first bit: go on with what was begun before
                if parameter & 1 == 0 || disc.format == Format::None {
                    disc.format = Format::Until(0);
                }
            }
            (Kind::DvdRw, 0x00 | 0x10 | 0x15) => {
                disc.erase().map_err(|_| sense::WRITE_ERROR)?;
                disc.restricted = true;
                disc.format = if kind == 0x15 {
                    Format::Until(0)
                } else {
                    Format::Whole
                };
            }
            (Kind::DvdRw, 0x13) if disc.restricted => disc.format = Format::Whole,
            (Kind::DvdRam, 0x00 | 0x01) => disc.format = Format::Whole,
            (Kind::BdR, 0x00 | 0x32) if disc.tracks.is_empty() && disc.format == Format::None => {
                disc.spare = spare_of(disc.sectors, sectors, spare)?;
                disc.format = Format::Whole;
            }
            (Kind::BdRe, 0x00 | 0x30 | 0x31) => {
                disc.spare = 0;
                if kind != 0x31 {
                    disc.spare = spare_of(disc.sectors, sectors, spare)?;
                }
                disc.format = Format::Whole;
            }
            (Kind::CdRw, 0x10) => return Err(sense::CANNOT_FORMAT),
            _ => return Err(sense::INVALID_PARAMETER),
        }
        self.save()?;
        self.take_time(sense::FORMAT_IN_PROGRESS, immediate);
        Ok(())
    }

    /// BLANK: 0 everything, 1 what says what is on it.
    pub(super) fn blank(&mut self, how: u8, immediate: bool) -> Result<(), Sense> {
        self.medium()?;
        self.ready()?;
        let disc = self.medium_mut()?;
        if !matches!(disc.kind, Kind::CdRw | Kind::DvdRw) {
            return Err(sense::CANNOT_WRITE_INCOMPATIBLE);
        }
        if how > 1 {
            return Err(sense::INVALID_FIELD);
        }
        disc.erase().map_err(|_| sense::WRITE_ERROR)?;
        disc.once_only = how == 1 && disc.kind == Kind::DvdRw;
        self.save()?;
        self.take_time(sense::OPERATION_IN_PROGRESS, immediate);
        Ok(())
    }
}

/// Sectors that are left over for bad ones.
fn spare_of(all: u32, wanted: u32, default: u32) -> Result<u32, Sense> {
    match wanted {
        0 | u32::MAX => Ok(default),
        wanted if wanted <= all => Ok(all - wanted),
        _ => Err(sense::INVALID_PARAMETER),
    }
}
