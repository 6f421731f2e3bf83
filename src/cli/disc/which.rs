//! Which drive is meant.

use std::num::NonZeroU32;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::super::args::{Common, On};
use super::super::exit::Exit;
use super::super::session::{Failure, Session};
use crate::action;
use crate::config::{Config, Options, Store};
use crate::event::printable_path;
use crate::media::{Burner, Drive, FileDrive, Handling, MediaKind, SECTOR};
use crate::units::{AbsPath, Ids};

const NAME_IT: &str = "name the disc: its drive, or its file (behind `--disc` for burn, ls and get); `cback --diagnostics` lists the \
                       drives";

/// The drive that `on` names, or else the configuration.
pub(super) fn drive(
    session: &Session,
    common: &Common,
    on: &On,
    speed: Option<NonZeroU32>,
) -> Result<Box<dyn Drive>, Failure> {
    let Some(path) = &on.disc else {
        return configured(session, common, on.media, speed);
    };
    let path = AbsPath::new(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        .map_err(|error| Failure::of(Exit::Arguments, error))?;
    // What the configuration says of this very disc is better than a guess; without one, nothing is wrong.
    let known = Config::load(&common.config, common.naming)
        .ok()
        .and_then(|(config, _)| {
            let ids = config.options.owner.to_give().ok().flatten();
            Some((config.store?, config.options, ids))
        })
        .filter(|(store, _, _)| *store.target == *path);
    if let Some((store, options, ids)) = known {
        return Ok(of_section(&store, &options, ids, on.media, speed));
    }
    if is_device(&path) {
        let handling = Handling {
            speed,
            ..Handling::default()
        };
        let kind = on.media.unwrap_or(MediaKind::DvdPlusR);
        return Ok(Box::new(Burner::new(path, kind, handling)));
    }
    let kind = on.media.unwrap_or_else(|| smallest(&path));
    Ok(Box::new(FileDrive::new(path, kind, None)))
}

fn configured(
    session: &Session,
    common: &Common,
    media: Option<MediaKind>,
    speed: Option<NonZeroU32>,
) -> Result<Box<dyn Drive>, Failure> {
    let config = session.load(common).map_err(|mut failure| {
        // Nobody needs a configuration for a disc.
        if !common.config.exists() {
            failure.advice = Some(NAME_IT.to_owned());
        }
        failure
    })?;
    let ids = config.options.owner.to_give().ok().flatten();
    let Some(store) = &config.store else {
        return Err(Failure::new(
            Exit::Disc,
            "the configuration names no disc, since it has no <store> section",
        )
        .advise(NAME_IT));
    };
    Ok(of_section(store, &config.options, ids, media, speed))
}

/// `failure` with a hint, if `path`, which is looked for on a disc that nobody has named, is a disc itself, or a file.
pub(super) fn perhaps_meant(
    mut failure: Failure,
    on: &On,
    path: Option<&Path>,
    word: &str,
) -> Failure {
    if on.disc.is_none()
        && let Some(path) = path
        && (path.is_file() || is_device(path))
    {
        let shown = printable_path(path);
        failure.advice = Some(format!(
            "{shown} was taken for a path on the disc; if it is the disc: cback disc {word} --disc {shown}"
        ));
    }
    failure
}

fn of_section(
    store: &Store,
    options: &Options,
    ids: Option<Ids>,
    media: Option<MediaKind>,
    speed: Option<NonZeroU32>,
) -> Box<dyn Drive> {
    let mut store = store.clone();
    store.kind = media.unwrap_or(store.kind);
    store.drive_speed = speed.or(store.drive_speed);
    action::drive(&store, options, ids)
}

fn is_device(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| {
        let kind = facts.file_type();
        kind.is_block_device() || kind.is_char_device()
    })
}

/// A DVD+R, or the next larger write-once disc on which the file would have room.
fn smallest(path: &Path) -> MediaKind {
    let sectors = std::fs::metadata(path).map_or(0, |facts| facts.len().div_ceil(SECTOR));
    fitting(sectors)
}

fn fitting(sectors: u64) -> MediaKind {
    use MediaKind::{BdR, BdRDl, BdRQl, BdRTl, DvdPlusR, DvdPlusRDl};
    [DvdPlusR, DvdPlusRDl, BdR, BdRDl, BdRTl]
        .into_iter()
        .find(|kind| kind.sectors() >= sectors)
        .unwrap_or(BdRQl)
}

/// The kind of a disc that is a file and can hold a copy of the disc in `source`, if that can be seen.
pub(super) fn kind_for_copy(source: &dyn Drive) -> Option<MediaKind> {
    let disc = source
        .inspect()
        .ok()
        .flatten()
        .or_else(|| source.salvage())?;
    let end = disc.sessions.iter().map(|session| session.end).max()?;
    Some(fitting(end.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::iso9660::{Image, Meta, Options, Tree};
    use crate::media::{Burn, Payload};
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn a_copy_is_of_a_kind_that_has_room_for_what_is_on_the_disc() {
        let dir = tempfile::tempdir().unwrap();
        let path = AbsPath::new(dir.path().join("disc.iso")).unwrap();
        let drive = FileDrive::new(path.clone(), MediaKind::BdRQl, None);
        assert_eq!(kind_for_copy(&drive), None);
        let options = Options {
            start: 32,
            ..Options::default()
        };
        let image = Image::new(Tree::new(Meta::default()), &options).unwrap();
        let mut payload = Payload {
            image: &image,
            label: "DISC",
            open: &mut |_| unreachable!(),
        };
        drive
            .burn(Burn::New, &mut payload, &Tally::default())
            .unwrap();
        assert_eq!(kind_for_copy(&drive), Some(MediaKind::DvdPlusR));
        // The size of the volume (ECMA-119 8.4.8), in the session and in the head.
        let end = 20_000_000_u32;
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len((u64::from(end) + 32) * SECTOR).unwrap();
        for sector in [16, 48] {
            let both = [end.to_le_bytes(), end.to_be_bytes()].concat();
            file.write_all_at(&both, sector * SECTOR + 80).unwrap();
        }
        assert_eq!(kind_for_copy(&drive), Some(MediaKind::BdRDl));
    }
}
