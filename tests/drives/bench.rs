//! A drive with a disc in it, which a case can take out, exchange, and damage behind the drive's back.

use std::cell::Cell;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use cback::event::Tally;
use cback::iso9660::{Content, Image, Kind as What, Meta, Options, Tree, Volume};
use cback::media::{Burn, Burnt, Drive, DriveError, FileDrive, MediaKind, Payload};
use cback::media::{Burner, Handling};
use cback::units::AbsPath;

use crate::pool::Pool;

/// Labels of two days.
pub const LABELS: [&str; 2] = ["CEDAR BACKUP 17-NOV-2026", "CEDAR BACKUP 18-NOV-2026"];
/// Sectors of an ordinary disc here.
pub const SECTORS: u64 = 60_000;

/// A kind of disc, and the virtual burner's word for it.
#[derive(Debug, Clone, Copy)]
pub struct Kind(pub MediaKind, pub &'static str);

/// Where discs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    File,
    Burner,
}

pub struct Bench {
    pub place: Place,
    pub kind: Kind,
    /// The test that this belongs to.
    pub test: String,
    dir: tempfile::TempDir,
    sectors: Cell<u64>,
    discs: Cell<u32>,
}

impl Bench {
    /// With a blank disc of ordinary size.
    pub fn new(place: Place, kind: Kind, test: &str) -> Self {
        let bench = Self {
            place,
            kind,
            test: test.to_owned(),
            dir: tempfile::tempdir_in(".").unwrap(),
            sectors: Cell::new(SECTORS),
            discs: Cell::new(0),
        };
        bench.fresh(SECTORS);
        bench
    }

    /// Puts in a blank disc.
    pub fn fresh(&self, sectors: u64) {
        self.discs.set(self.discs.get() + 1);
        self.sectors.set(sectors);
        if self.place == Place::Burner {
            tell(&["drive", "rate", "none"]);
            tell(&["drive", "well"]);
            tell(&["tray", "-"]);
            let (file, sectors) = (self.medium(), sectors.to_string());
            tell(&["disc", "new", self.kind.1, shown(&file), &sectors]);
            tell(&["tray", shown(&file)]);
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// The file that has the disc's sectors.
    pub fn medium(&self) -> PathBuf {
        self.path(&format!("disc{}", self.discs.get()))
    }

    pub fn drive(&self) -> Box<dyn Drive> {
        let file = (self.place == Place::File).then(|| self.medium());
        Self::drive_at(file, self.kind.0, self.sectors.get())
    }

    /// A disc that is a file, or the burner.
    pub fn drive_at(file: Option<PathBuf>, kind: MediaKind, sectors: u64) -> Box<dyn Drive> {
        if let Some(path) = file {
            let path = AbsPath::new(path).unwrap();
            return Box::new(FileDrive::with_capacity(path, kind, sectors, None));
        }
        let path = AbsPath::new("/dev/sr0").unwrap();
        Box::new(Burner::new(path, kind, Handling::default()))
    }

    /// A staging directory of its own.
    pub fn pool(&self) -> Pool {
        Pool::at(&self.path("pool"), self.kind.0, self.sectors.get())
    }

    /// Takes the disc out.
    pub fn take_out(&self) {
        match self.place {
            Place::File => std::fs::remove_file(self.medium()).unwrap(),
            Place::Burner => tell(&["tray", "-"]),
        }
    }
}

impl Drop for Bench {
    /// The burner writes down what it knows of a disc that is taken out, so that its file has to be there.
    fn drop(&mut self) {
        if self.place == Place::Burner && !std::thread::panicking() {
            tell(&["tray", "-"]);
        }
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Does something to the burner by hand.
fn tell(words: &[&str]) {
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
}

/// A session with one file of that length.
pub fn image(drive: &dyn Drive, burn: Burn, label: &str, bytes: u64, shift: u32) -> Image {
    let disc = drive.inspect().unwrap().unwrap();
    let mut tree = Tree::new(Meta::default());
    let content = Content::New { source: 0, bytes };
    tree.add_file("file", Meta::default(), content).unwrap();
    let options = Options {
        start: disc.start(burn) + shift,
        volume_id: label.to_owned(),
        application: "CBACK".to_owned(),
        space_size: disc.space_size,
        ..Options::default()
    };
    Image::new(tree, &options).unwrap()
}

/// Burns a session with one file, and lets everybody see it.
pub fn burn(drive: &dyn Drive, burn: Burn, label: &str, bytes: &[u8]) -> Result<Burnt, DriveError> {
    let image = image(drive, burn, label, bytes.len() as u64, 0);
    let mut payload = Payload {
        image: &image,
        label,
        open: &mut |_| Ok(Box::new(bytes)),
    };
    let burnt = drive.burn(burn, &mut payload, &Tally::default())?;
    drive.reload()?;
    Ok(burnt)
}

/// Burns what must not even be begun.
pub fn refused(drive: &dyn Drive, burn: Burn, image: &Image) -> DriveError {
    let mut payload = Payload {
        image,
        label: LABELS[1],
        open: &mut |_| Err(io::Error::other("nothing may be read")),
    };
    drive
        .burn(burn, &mut payload, &Tally::default())
        .unwrap_err()
}

/// What the file of a session is now, as the drive reads it.
pub fn content(drive: &dyn Drive, session: usize) -> Vec<u8> {
    let disc = drive.inspect().unwrap().unwrap();
    let medium = drive.open().unwrap();
    let volume = Volume::open(&*medium, disc.sessions[session].start).unwrap();
    let tree = volume.tree().unwrap();
    let mut bytes = Vec::new();
    let What::File(content) = &tree.lookup("file").unwrap().kind else {
        panic!("no file")
    };
    volume.file(content).read_to_end(&mut bytes).unwrap();
    bytes
}
