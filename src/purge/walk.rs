//! The way through the directory: bottom-up, through handles.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, Stat, statat, unlinkat};
use rustix::io::Errno;

use super::entry::{accessed, enter, everything, is_dir, modified, size};
use super::guard::{Places, Role, rank};
use super::{Effect, Hooks, Purged, Request, sums};
use crate::event::{Monitor, Problem, Tell as _, bytes, printable_path};
use crate::fsx;
use crate::units::Day;

const DAY: u64 = 86_400;

/// One purge under way.
pub(super) struct Walk<'a, 'h> {
    request: &'a Request<'a>,
    places: &'a Places,
    hooks: &'a mut Hooks<'h>,
    monitor: &'a dyn Monitor,
    purged: Purged,
    /// The day that the catalog has been told of, and whether it forgot it.
    told: Option<(Day, bool)>,
}

/// What is in a directory after its turn.
#[derive(Clone, Copy, Default)]
struct Left {
    /// Entries that stay.
    entries: u64,
    /// Whether anything went.
    changed: bool,
    /// Old files that stay as the only copy, and their bytes.
    kept: (u64, u64),
}

/// An entry of a directory that is no directory.
struct Leaf {
    name: OsString,
    bytes: u64,
}

/// The entries of a directory, sorted by what becomes of them.
#[derive(Default)]
struct Entries {
    /// Leaves that go.
    old: Vec<Leaf>,
    /// Indicators, and whether they are old.
    indicators: Vec<(Leaf, bool)>,
    /// Directories.
    below: Vec<(OsString, Stat)>,
}

impl<'a, 'h> Walk<'a, 'h> {
    pub(super) fn new(
        request: &'a Request<'a>,
        places: &'a Places,
        hooks: &'a mut Hooks<'h>,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self {
            request,
            places,
            hooks,
            monitor,
            purged: Purged::default(),
            told: None,
        }
    }

    pub(super) fn run(mut self, dir: &Path) -> io::Result<Purged> {
        let handle = File::open(dir)?.into();
        let role = self.places.role(dir)?;
        let mut left = self.directory(&handle, dir)?;
        self.tell_kept(dir, &role, &mut left);
        Ok(self.purged)
    }

    /// Purges what is in the directory. An error is about the directory as a whole.
    fn directory(&mut self, handle: &OwnedFd, path: &Path) -> io::Result<Left> {
        let role = self.places.role(path)?;
        let mut left = Left::default();
        let mut entries = self.look(handle, path, &role, &mut left)?;
        entries.below.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (name, stat) in entries.below {
            let inner = self.below(handle, path, &role, (&name, &stat));
            left.entries += inner.entries;
            left.changed |= inner.changed;
            left.kept.0 += inner.kept.0;
            left.kept.1 += inner.kept.1;
        }
        self.leaves(handle, path, &role, entries.old, &mut left);
        if left.entries == 0 && entries.indicators.iter().all(|(_, old)| *old) {
            let last = entries.indicators.into_iter().map(|(leaf, _)| leaf);
            let mut last: Vec<Leaf> = last.collect();
            last.sort_by_key(|leaf| rank(&leaf.name));
            self.leaves(handle, path, &role, last, &mut left);
        } else {
            left.entries += entries.indicators.len() as u64;
            let daily = matches!(role, Role::Daily(..));
            if daily
                && left.changed
                && self.request.effect == Effect::Delete
                && let Err(error) = sums::shorten(path)
            {
                self.trouble(&path.join(crate::sums::FILE_NAME), &error);
            }
        }
        if matches!(role, Role::Daily(..) | Role::Collect(_)) {
            self.tell_kept(path, &role, &mut left);
        }
        Ok(left)
    }

    /// Looks at every entry of the directory, and counts what stays.
    fn look(
        &self,
        handle: &OwnedFd,
        path: &Path,
        role: &Role,
        left: &mut Left,
    ) -> io::Result<Entries> {
        let mut entries = Entries::default();
        for entry in Dir::read_from(handle)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let stat = match statat(handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(error) => {
                    self.trouble(&path.join(name), &error);
                    left.entries += 1;
                    continue;
                }
            };
            let leaf = Leaf {
                name: name.to_owned(),
                bytes: size(&stat),
            };
            let partial = is_swept(role, name);
            // A partial name that begins with two dots was set aside; staging puts it back.
            let in_use = name.as_bytes().starts_with(b"..") || self.age(modified(&stat)) < 1;
            if partial && in_use {
                left.entries += 1;
            } else if is_dir(&stat) {
                entries.below.push((leaf.name, stat));
            } else if partial {
                entries.old.push(leaf);
            } else if role.is_indicator(name) {
                // Looking into an indicator, as purge itself does, keeps nothing.
                let old = self.age(modified(&stat)) >= self.request.retain_days;
                entries.indicators.push((leaf, old));
            } else if !self.is_old(&stat) {
                left.entries += 1;
            } else if role.keeps(name, modified(&stat)) {
                left.entries += 1;
                left.kept.0 += 1;
                left.kept.1 += leaf.bytes;
            } else {
                entries.old.push(leaf);
            }
        }
        Ok(entries)
    }

    /// Purges the directory `name`, which is in one with that role, and removes it if that leaves it empty. Gives what that
    /// means for the directory above: one entry more, or none.
    fn below(
        &mut self,
        above: &OwnedFd,
        path: &Path,
        role: &Role,
        (name, stat): (&OsStr, &Stat),
    ) -> Left {
        let path = path.join(name);
        let stays = Left {
            entries: 1,
            ..Left::default()
        };
        let handle = match enter(above, name, stat) {
            Ok(Some(handle)) => handle,
            Ok(None) => {
                let shown = printable_path(path);
                self.monitor
                    .note(format!("{shown} is another file system; it is left alone"));
                return stays;
            }
            Err(error) => {
                self.trouble(&path, &error);
                return stays;
            }
        };
        let turn = if is_swept(role, name) {
            self.sweep(&handle, &path)
        } else {
            self.directory(&handle, &path)
        };
        let left = match turn {
            Ok(left) => left,
            Err(error) => {
                self.trouble(&path, &error);
                return stays;
            }
        };
        let fresh = !left.changed && self.age(modified(stat)) < self.request.retain_days;
        if left.entries > 0 || fresh || self.places.is_today(&path) {
            return Left { entries: 1, ..left };
        }
        self.remove_dir(above, name, &path, left)
    }

    /// Removes everything in a partial directory, which a killed run left.
    fn sweep(&mut self, handle: &OwnedFd, path: &Path) -> io::Result<Left> {
        let mut left = Left {
            changed: true,
            ..Left::default()
        };
        for (name, stat) in everything(handle)? {
            let path = path.join(&name);
            if !is_dir(&stat) {
                let bytes = size(&stat);
                let leaf = Leaf { name, bytes };
                self.remove_leaf(handle, &leaf, &path, &mut left);
            } else if let Some(inner) = enter(handle, &name, &stat)? {
                let inner = self.sweep(&inner, &path)?;
                left.entries += if inner.entries > 0 {
                    1
                } else {
                    self.remove_dir(handle, &name, &path, inner).entries
                };
            } else {
                left.entries += 1;
            }
        }
        Ok(left)
    }

    /// Removes files, in this order. Those of a day stay if the catalog does not forget it.
    fn leaves(
        &mut self,
        handle: &OwnedFd,
        path: &Path,
        role: &Role,
        leaves: Vec<Leaf>,
        left: &mut Left,
    ) {
        if leaves.is_empty() {
            return;
        }
        if !role.day().is_none_or(|day| self.forget(day)) {
            left.entries += leaves.len() as u64;
            return;
        }
        for leaf in leaves {
            let path = path.join(&leaf.name);
            self.remove_leaf(handle, &leaf, &path, left);
        }
    }

    fn remove_leaf(&mut self, handle: &OwnedFd, leaf: &Leaf, path: &Path, left: &mut Left) {
        match self.unlink(handle, &leaf.name, AtFlags::empty()) {
            Ok(()) => {
                self.purged.files += 1;
                self.purged.bytes += leaf.bytes;
                left.changed = true;
                (self.hooks.gone)(path);
            }
            Err(error) => {
                self.trouble(path, &error);
                left.entries += 1;
            }
        }
    }

    fn remove_dir(&mut self, above: &OwnedFd, name: &OsStr, path: &Path, left: Left) -> Left {
        match self.unlink(above, name, AtFlags::REMOVEDIR) {
            Ok(()) => {
                self.purged.directories += 1;
                (self.hooks.gone)(path);
                Left {
                    changed: true,
                    ..left
                }
            }
            Err(error) => {
                self.trouble(path, &error);
                Left { entries: 1, ..left }
            }
        }
    }

    fn unlink(&self, handle: &OwnedFd, name: &OsStr, flags: AtFlags) -> io::Result<()> {
        if self.request.effect == Effect::List {
            return Ok(());
        }
        match unlinkat(handle, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the catalog forget the day; told once. Whether it did.
    fn forget(&mut self, day: Day) -> bool {
        if self.request.effect == Effect::List {
            return true;
        }
        if let Some((told, forgot)) = self.told
            && told == day
        {
            return forgot;
        }
        let forgot = (self.hooks.forget)(day);
        if let Err(error) = &forgot {
            let reason = format!("its files stay: the catalog cannot forget them: {error}");
            let problem = Problem::new(day.to_string(), &reason);
            self.monitor.problem(&problem);
        }
        self.told = Some((day, forgot.is_ok()));
        forgot.is_ok()
    }

    /// Tells what stays as the only copy.
    fn tell_kept(&mut self, path: &Path, role: &Role, left: &mut Left) {
        let (files, size) = std::mem::take(&mut left.kept);
        if files == 0 {
            return;
        }
        self.purged.kept += files;
        let (reason, advice) = role.explain();
        let plural = if files == 1 { "" } else { "s" };
        let reason = format!("kept {files} file{plural}, {}: {reason}", bytes(size));
        self.monitor
            .problem(&Problem::with_file(path, &reason).advise(advice));
    }

    fn trouble(&self, path: &Path, error: &dyn std::fmt::Display) {
        let reason = format!("cannot be purged: {error}");
        self.monitor.problem(&Problem::with_file(path, &reason));
    }

    fn is_old(&self, stat: &Stat) -> bool {
        self.age(modified(stat).max(accessed(stat))) >= self.request.retain_days
    }

    /// Whole days since `moment`; none if it is to come.
    fn age(&self, moment: SystemTime) -> u64 {
        let age = self.request.now.duration_since(moment);
        age.map_or(0, |age| age.as_secs() / DAY)
    }
}

/// Whether `name`, in a directory with that role, is what a run of ours leaves half done. Elsewhere such a name says
/// nothing, and age counts as with any other.
fn is_swept(role: &Role, name: &OsStr) -> bool {
    !matches!(role, Role::Plain) && fsx::is_partial(name)
}
