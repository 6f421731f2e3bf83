//! `<store>`: what is burnt onto which disc, and how.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::changer::Setup;
use crate::media::{Blanking, DeviceType, EngineKind, MediaKind, ScsiId};
use crate::units::AbsPath;

use super::changer;
use super::finding::Finding;
use super::read::{Cursor, Parser, Read, Wrong};
use super::schema::{Rule, Wins, list, one, part};
use super::value::{self, FLAG, PATH};

const BLANK_MODE: &str = "one of `daily`, `weekly`";
const FACTOR: &str = "a number, 0 or more";
const SECONDS: &str = "a number of seconds, 0 or more";

const BLANKING: &[Rule] = &[
    one("mode", BLANK_MODE)
        .means("Whether this is weighed every day or only on the starting day.")
        .required()
        .example("weekly"),
    one("factor", FACTOR)
        .means("A new disc is begun if the room left is at most so many times what is needed.")
        .required()
        .example("1.3"),
    one("blank_mode", BLANK_MODE)
        .means("The spelling of Cedar Backup's manual, which that program never read.")
        .spells("mode", Wins::Name),
    one("blank_factor", FACTOR)
        .means("The spelling of Cedar Backup's manual, which that program never read.")
        .spells("factor", Wins::Name),
];

pub(super) const RULES: &[Rule] = &[
    one("source_dir", PATH)
        .means("The directory of the daily directories; usually the <staging_dir>.")
        .required()
        .example("/var/lib/cback/stage"),
    one("media_type", "a kind of disc, such as `dvd+r`")
        .means(
            "The kind of disc: `cdr-74`, `cdrw-74`, `cdr-80`, `cdrw-80`, `dvd+r`, `dvd+rw`; and, which Cedar Backup does \
             not know, `dvd-r`, `dvd-rw`, `dvd+r-dl`, `dvd-r-dl`, `bd-r`, `bd-re`, `bd-r-dl`, `bd-re-dl`, `bd-r-tl`, \
             `bd-re-tl`, `bd-r-ql`.",
        )
        .required()
        .example("dvd+rw"),
    one("device_type", "one of `cdwriter`, `dvdwriter`, `file`")
        .means(
            "What burns. A `dvdwriter` also writes Blu-ray discs. `file`, which Cedar Backup does not know: the disc is a \
             file that has the size of the medium; a write-once one that is full is set aside under its label.",
        )
        .otherwise("cdwriter"),
    one("target_device", PATH)
        .means("The drive's device, or the file that is the disc.")
        .required()
        .example("/dev/sr0"),
    one("target_scsi_id", "a SCSI address, such as `0,0,0`")
        .means("The address of the drive, if it is not found by its device.")
        .example("ATA:1,0,0"),
    one("drive_speed", "a whole number, 1 or more")
        .means("How many times single speed. Without it: as the drive likes.")
        .example("4"),
    one("engine", "one of `cdrskin`, `external`")
        .means(
            "Which programs write to a real drive. `cdrskin` is libburn\'s and knows every kind of disc. `external`: `cdrecord` \
             for CDs, `growisofs` and `dvd+rw-format` for the rest, in `PATH` or where an <override> says.",
        )
        .otherwise("cdrskin")
        .ours(),
    one("check_data", FLAG)
        .means("Whether what was written is read back and compared.")
        .otherwise("N"),
    one("check_media", FLAG)
        .means("Whether the disc's label is looked at first.")
        .otherwise("N"),
    one("warn_midnite", FLAG)
        .means("Whether it is told when the day that is stored is not today.")
        .otherwise("N"),
    one("no_eject", FLAG)
        .means("Whether the tray stays closed.")
        .otherwise("N"),
    one("refresh_media_delay", SECONDS)
        .means("How long to wait after the disc was loaded again.")
        .otherwise("0"),
    one("eject_delay", SECONDS)
        .means("How long to wait after the tray was opened.")
        .otherwise("0"),
    one("wait_hook", "a shell command")
        .means(
            "What `/bin/sh` is given when a run with `--wait-for-disc` begins to wait, such as a command that sends a mail. Its \
             environment has the drive in `CBACK_DRIVE` and what is wrong in `CBACK_REASON`. Whether it fails does not matter.",
        )
        .example("echo \"$CBACK_REASON\" | mail -s \"insert a disc\" root")
        .ours(),
    part("blank_behavior", BLANKING).means(
        "When a new disc is begun because the old one is nearly full. Without it every week begins with a new disc.",
    ),
    part("changer", super::changer::RULES).means(
        "The drives are in a changer, which brings the discs. With it a new disc is always a blank one of the changer: nothing \
         is erased.",
    ).ours(),
];

/// What is burnt onto which disc, and how.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // switches of the file
pub struct Store {
    /// The directory of the daily directories; usually the staging directory.
    pub source_dir: AbsPath,
    /// The kind of disc; the device type takes it.
    pub kind: MediaKind,
    /// What burns.
    pub device_type: DeviceType,
    /// The drive's device node, or the file that is the disc.
    pub target: AbsPath,
    /// The drive's address, if it is not found by its node.
    pub scsi_id: Option<ScsiId>,
    /// How many times single speed; `None`: as the drive likes.
    pub drive_speed: Option<NonZeroU32>,
    /// Which programs write to a real drive.
    pub engine: EngineKind,
    /// Whether what was burnt is read back and compared.
    pub check_data: bool,
    /// Whether the disc's label is checked first.
    pub check_media: bool,
    /// Whether it is told when the day stored is not today.
    pub warn_midnite: bool,
    /// Whether the tray stays closed.
    pub no_eject: bool,
    /// How long to wait after the disc was loaded again.
    pub refresh_media_delay: Duration,
    /// How long to wait after the tray was opened.
    pub eject_delay: Duration,
    /// What a shell is given when a run begins to wait for a disc.
    pub wait_hook: Option<String>,
    /// When a new disc is begun because the old one is nearly full.
    pub blanking: Option<Blanking>,
    /// The changer that the drives are in.
    pub changer: Option<Setup>,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Store> {
    let source_dir = at.required("source_dir", value::path);
    let kind = at.required("media_type", value::media_kind);
    let device_type = at.optional("device_type", value::device_type);
    let target = at.required("target_device", value::path);
    let scsi_id = at.optional("target_scsi_id", scsi_id);
    let drive_speed = at.optional("drive_speed", value::positive);
    let engine = at.optional("engine", value::engine);
    let wait_hook = at.optional("wait_hook", value::text);
    let check_data = at.optional("check_data", value::flag);
    let check_media = at.optional("check_media", value::flag);
    let warn_midnite = at.optional("warn_midnite", value::flag);
    let no_eject = at.optional("no_eject", value::flag);
    let refresh_media_delay = at.optional("refresh_media_delay", value::seconds);
    let eject_delay = at.optional("eject_delay", value::seconds);
    let blanking = at.part("blank_behavior").map(blanking).transpose();
    let changer = at
        .part("changer")
        .map(|at| changer::read(at, target.as_ref().ok()))
        .transpose();
    let device_type = device_type.map(Option::unwrap_or_default);
    if let (Ok(kind), Ok(device)) = (kind, device_type) {
        fits(at, kind, device)?;
        if let Ok(Some(_)) = blanking
            && !kind.is_rewritable()
        {
            blanks_nothing(at, kind);
        }
    }
    Ok(Store {
        source_dir: source_dir?,
        kind: kind?,
        device_type: device_type?,
        target: target?,
        scsi_id: scsi_id?,
        drive_speed: drive_speed?.and_then(NonZeroU32::new),
        engine: engine?.unwrap_or_default(),
        wait_hook: wait_hook?,
        check_data: check_data?.unwrap_or(false),
        check_media: check_media?.unwrap_or(false),
        warn_midnite: warn_midnite?.unwrap_or(false),
        no_eject: no_eject?.unwrap_or(false),
        refresh_media_delay: refresh_media_delay?.unwrap_or_default(),
        eject_delay: eject_delay?.unwrap_or_default(),
        blanking: blanking?,
        changer: changer?,
    })
}

fn fits(at: Cursor<'_>, kind: MediaKind, device: DeviceType) -> Read<()> {
    if device.takes(kind) {
        return Ok(());
    }
    let words = || MediaKind::words().filter_map(|word| Some((word, word.parse().ok()?)));
    let fitting = words().filter(|&(_, kind)| device.takes(kind));
    let element = at.first("media_type").unwrap_or(at.element);
    let (device, other) = match device {
        DeviceType::CdWriter => ("cdwriter", "dvdwriter"),
        DeviceType::DvdWriter | DeviceType::File => ("dvdwriter", "cdwriter"),
    };
    let mut finding = Finding::error(
        element,
        element.value_span(),
        format!("a `{device}` does not write `{}`", kind.word()),
    )
    .right(format!(
        "it writes {}; write `<device_type>{other}</device_type>` if the drive is one",
        list(fitting.map(|(word, _)| word))
    ));
    if let Some(given) = at.first("device_type") {
        finding = finding.also(given.value_span(), "the device type");
    }
    Err(at.tell(finding))
}

fn blanks_nothing(at: Cursor<'_>, kind: MediaKind) {
    let Some(at) = at.part("blank_behavior") else {
        return;
    };
    let message = format!(
        "`{}` cannot be blanked; a new disc has to be put in instead",
        kind.word()
    );
    at.tell(
        Finding::warning(at.element, at.element.name_span(), message)
            .right("remove `<blank_behavior>`, or choose a rewritable `<media_type>`"),
    );
}

fn blanking(at: Cursor<'_>) -> Read<Blanking> {
    let mode = spelled(at, "mode", "blank_mode", value::blank_mode);
    let factor = spelled(at, "factor", "blank_factor", value::quantity);
    let mode = mode.and_then(|mode| mode.ok_or_else(|| at.missing("mode")));
    let factor = factor.and_then(|factor| factor.ok_or_else(|| at.missing("factor")));
    Ok(Blanking {
        mode: mode?,
        factor: factor?,
    })
}

/// A value under its name, or under the one that Cedar Backup's manual gave it.
fn spelled<T>(
    at: Cursor<'_>,
    name: &'static str,
    manual: &'static str,
    parse: Parser<T>,
) -> Read<Option<T>> {
    let value = at.optional(name, parse);
    let Some(other) = at.first(manual) else {
        return value;
    };
    let message = format!("`<{manual}>` is the manual's spelling, which Cedar Backup never read");
    at.tell(Finding::warning(other, other.name_span(), message).right(format!("write `<{name}>`")));
    match value? {
        Some(value) => Ok(Some(value)),
        None => at.value(other, parse).map(Some),
    }
}

fn scsi_id(text: &str) -> Result<ScsiId, Wrong> {
    text.parse()
        .map_err(|error: crate::media::ScsiIdError| Wrong {
            what: error.to_string(),
            right: Some(
                "write three numbers with or without a method: `0,0,0`, `ATA:1,0,0`".to_owned(),
            ),
        })
}
