//! Images of directories, into a file or onto a disc.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::gather::{Company, Gathered, Sources};
use super::{DiscError, inspect};
use crate::event::{Event, Monitor, Problem, Progress, Tell as _, path_as_text, path_or_null};
use crate::fsx::AtomicFile;
use crate::iso9660::{
    Cause, Fault, Image, Joliet, Meta, Options, SpaceSize, Time, Tree, Volume, WriteError,
};
use crate::media::{Burn, Drive, Payload, SECTOR};

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// Files and directories. What is in a single directory comes to the root; otherwise each has its own name there.
    pub paths: &'a [PathBuf],
    /// The volume identifier; `None` is the name of the first path, or on a disc that is continued, the one that it has.
    pub volume_id: Option<String>,
    /// Whether there are names for Joliet.
    pub joliet: Joliet,
    /// The time that the volume is dated with.
    pub now: SystemTime,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Where it is.
    #[serde(serialize_with = "path_as_text")]
    pub place: PathBuf,
    /// Its volume identifier.
    pub label: String,
    /// Its first sector.
    pub start: u32,
    /// Its length in sectors.
    pub sectors: u64,
    /// Files on it that are not as they were when it was begun, since they changed, or could not be read. A problem was told for
    /// each, and for everything that is not on it at all.
    pub incomplete: usize,
    /// Where the disc is that had to give way, if it was put aside.
    #[serde(serialize_with = "path_or_null")]
    pub set_aside: Option<PathBuf>,
}

/// Writes an image into a new file. One that is there already is not replaced.
pub fn image(wish: &Wish<'_>, output: &Path, monitor: &dyn Monitor) -> Result<Made, DiscError> {
    const TASK: &str = "writing the image";
    let fault = |doing, source| DiscError::Io {
        path: output.to_owned(),
        doing,
        source,
    };
    if std::fs::symlink_metadata(output).is_ok() {
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(fault("make", there));
    }
    let gathered = gather(wish, Tree::new(Meta::default()), monitor)?;
    let label = volume_id(wish, None);
    let (image, sources) = lay_out(gathered, wish, &label, 0, SpaceSize::End)?;
    let mut file = AtomicFile::create(output).map_err(|error| fault("make", error))?;
    let total = image.sectors() * SECTOR;
    let mut counted = Counted {
        out: &mut file,
        done: 0,
        tell: &|done| {
            monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done,
                total: Some(total),
                files: None,
            }));
        },
    };
    let written = image.write(&mut counted, &mut |number| {
        sources.open(image.tree(), number)
    });
    monitor.observe(&Event::ProgressEnd(TASK));
    let faults = written.map_err(|WriteError::Output(error)| fault("write", error))?;
    file.commit(None).map_err(|error| fault("finish", error))?;
    tell(&image, &sources, &faults, monitor);
    Ok(Made {
        place: output.to_owned(),
        label,
        start: 0,
        sectors: image.sectors(),
        incomplete: faults.len(),
        set_aside: None,
    })
}

/// Burns a session: the first one of a new disc, or one that has all that the newest one has, and `wish`.
pub fn burn(
    wish: &Wish<'_>,
    drive: &dyn Drive,
    how: Burn,
    monitor: &dyn Monitor,
) -> Result<Made, DiscError> {
    let disc = inspect(drive)?;
    let mut tree = Tree::new(Meta::default());
    let how = if disc.is_blank() { Burn::New } else { how };
    if let (Burn::Append, Some(newest)) = (how, disc.newest()) {
        let fault = |source| DiscError::Read {
            place: drive.place().to_owned(),
            source,
        };
        let medium = drive.open()?;
        let volume = Volume::open(&*medium, newest.start).map_err(fault)?;
        tree = volume.tree().map_err(fault)?;
    }
    let gathered = gather(wish, tree, monitor)?;
    let label = volume_id(wish, disc.label().filter(|_| how == Burn::Append));
    let (image, sources) = lay_out(gathered, wish, &label, disc.start(how), disc.space_size)?;
    let mut payload = Payload {
        image: &image,
        label: &label,
        open: &mut |number| sources.open(image.tree(), number),
    };
    let burnt = drive.burn(how, &mut payload, monitor)?;
    tell(&image, &sources, &burnt.faults, monitor);
    if let Err(error) = drive.reload() {
        let reason = format!("it is burnt, but could not be loaded again: {error}");
        monitor.problem(
            &Problem::with_file(drive.place(), &reason).advise(
                "take the disc out and put it in again; `cback disc info` says what is on it",
            ),
        );
    }
    Ok(Made {
        place: drive.place().to_owned(),
        label,
        start: image.start(),
        sectors: image.sectors(),
        incomplete: burnt.faults.len(),
        set_aside: burnt.set_aside,
    })
}

fn gather(wish: &Wish<'_>, tree: Tree, monitor: &dyn Monitor) -> Result<Gathered, DiscError> {
    let mut gathered = Gathered::onto(tree);
    let company = if wish.paths.len() == 1 {
        Company::None
    } else {
        Company::Others
    };
    let mut names = BTreeMap::new();
    for path in wish.paths {
        if company == Company::Others
            && let Ok(whole) = std::fs::canonicalize(path)
            && let Some(name) = whole.file_name()
            && let Some((first, before)) =
                names.insert(name.to_owned(), (path.clone(), whole.clone()))
            && before != whole
        {
            return Err(DiscError::SameName {
                first,
                second: path.clone(),
            });
        }
        gathered.add(path, company, monitor)?;
    }
    Ok(gathered)
}

fn lay_out(
    gathered: Gathered,
    wish: &Wish<'_>,
    label: &str,
    start: u32,
    space_size: SpaceSize,
) -> Result<(Image, Sources), DiscError> {
    let since = wish.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = Options {
        start,
        volume_id: label.to_owned(),
        application: "CBACK".to_owned(),
        created: Time::from_seconds(since.as_secs().cast_signed()),
        joliet: wish.joliet,
        space_size,
        ..Options::default()
    };
    let (tree, sources) = gathered.finish();
    Ok((Image::new(tree, &options)?, sources))
}

/// The asked-for label, the disc's, or one made of the first path: 32 characters of ASCII.
fn volume_id(wish: &Wish<'_>, disc: Option<&[u8]>) -> String {
    if let Some(label) = &wish.volume_id {
        return label.clone();
    }
    if let Some(label) = disc.filter(|label| !label.is_empty()) {
        // Other programs take other characters.
        let shown = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '_',
        };
        return label.iter().map(shown).take(32).collect();
    }
    let first = wish.paths.first().map(|path| {
        let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        whole.file_name().unwrap_or_default().to_owned()
    });
    let name = first.unwrap_or_default();
    let label: String = name
        .to_string_lossy()
        .chars()
        .map(|c| match c.to_ascii_uppercase() {
            c @ ('A'..='Z' | '0'..='9' | '_') => c,
            _ => '_',
        })
        .take(32)
        .collect();
    if label.is_empty() {
        "CBACK".to_owned()
    } else {
        label
    }
}

fn tell(image: &Image, sources: &Sources, faults: &[Fault], monitor: &dyn Monitor) {
    for fault in faults {
        let reason = match &fault.cause {
            Cause::Short => format!("it shrank to {} bytes meanwhile", fault.delivered),
            Cause::Long => "it grew meanwhile; what was added is left out".to_owned(),
            Cause::Failed(error) => format!("cannot be read: {error}; zeros stand for it"),
        };
        let path = sources.path(image.tree(), fault.source);
        monitor.problem(&Problem::with_file(&path, &reason));
    }
}

/// Counts what is written.
struct Counted<'a> {
    out: &'a mut AtomicFile,
    done: u64,
    tell: &'a (dyn Fn(u64) + Sync),
}

impl std::io::Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.done += count as u64;
        (self.tell)(self.done);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
