//! `cback quickstart`: from a directory to a verified disc, with nothing configured yet.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};

use super::args::{self, Common, Packing};
use super::exit::Exit;
use super::run;
use super::session::{Failure, Session};
use crate::action;
use crate::archive::Compression;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Template};
use crate::event::{bytes, printable};
use crate::fsx::AtomicFile;
use crate::iso9660::Volume;
use crate::media::{Disc, Drive, SECTOR};
use crate::plan::Plan;
use crate::store;
use crate::units::{Day, Naming, Owner, PeerName};

/// Directories below the base.
const DIRS: [&str; 4] = ["work", "collect", "stage", "disc"];
/// The configuration, below the base.
const CONFIG: &str = "cback.conf";
/// The systemd units, below the base.
const SERVICE: &str = "cback.service";
const TIMER: &str = "cback.timer";
/// The log, below the base.
const LOG: &str = "cback.log";

/// Backs up as `wish` says.
pub fn run(common: &Common, wish: &args::Quickstart) -> Exit {
    let base = match base(wish.into.as_deref()) {
        Ok(base) => base,
        Err(failure) => return Session::without_log(common).end(&Err(failure)),
    };
    if let Err(failure) = prepare(&base) {
        return Session::without_log(common).end(&Err(failure));
    }
    let common = Common {
        config: base.join(CONFIG),
        logfile: base.join(LOG),
        ..common.clone()
    };
    let session = match Session::open(&common) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let outcome = work(&session, &common, wish, &base);
    session.end(&outcome)
}

fn work(
    session: &Session,
    common: &Common,
    wish: &args::Quickstart,
    base: &Path,
) -> Result<Exit, Failure> {
    let dirs = sources(&wish.dirs)?;
    let begun = common.config.exists();
    if !begun {
        if dirs.is_empty() {
            return Err(
                Failure::new(Exit::Arguments, "there is nothing to back up yet")
                    .advise("name a directory: cback quickstart DIR"),
            );
        }
        write_config(common, wish, base, &dirs)?;
    }
    let config = session.load(&common.config, Naming::V3)?;
    if begun {
        known(&config, &dirs, common)?;
    }
    let words = ["collect", "stage", "store"].map(str::to_owned);
    let plan = Plan::new(&words, &[]).map_err(|error| Failure::of(Exit::Failed, error))?;
    run::carry_out(session, &config, &plan, action::Extent::Configured)?;
    if !common.json {
        let text = summary(&config, common, base, &dirs)?;
        // A reader that has gone away (`| head`) is no failure of the backup.
        let _ = io::stdout().write_all(text.as_bytes());
    }
    Ok(Exit::Well)
}

/// Where everything is kept.
fn base(into: Option<&Path>) -> Result<PathBuf, Failure> {
    let base = match into {
        Some(into) => into.to_owned(),
        None => data_home().ok_or_else(|| {
            Failure::new(
                Exit::Arguments,
                "neither XDG_DATA_HOME nor HOME is set, so there is no place for the backup",
            )
            .advise("name one with --into DIR")
        })?,
    };
    std::path::absolute(&base).map_err(|error| file_failure(&base, "be used", &error))
}

/// `cback` in the XDG data directory (XDG Base Directory Specification: relative paths are ignored).
fn data_home() -> Option<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let data =
        absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("cback"))
}

/// Makes the directories, for their owner only: archives hold what others may not read.
fn prepare(base: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    for dir in DIRS {
        let dir = base.join(dir);
        builder
            .create(&dir)
            .map_err(|error| file_failure(&dir, "be made", &error))?;
    }
    Ok(())
}

fn file_failure(path: &Path, what: &str, error: &io::Error) -> Failure {
    let path = printable(&path.to_string_lossy());
    Failure::new(Exit::Failed, format!("{path} cannot {what}: {error}"))
}

/// The directories as absolute paths without links; each has to be there.
fn sources(dirs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut sources = Vec::new();
    for dir in dirs {
        let failure = |why: &str| {
            let dir = printable(&dir.to_string_lossy());
            Failure::new(Exit::Arguments, format!("{dir} {why}"))
        };
        let path =
            fs::canonicalize(dir).map_err(|error| failure(&format!("cannot be used: {error}")))?;
        if !path.is_dir() {
            return Err(failure("is not a directory").advise("name the directory that it is in"));
        }
        if !sources.contains(&path) {
            sources.push(path);
        }
    }
    Ok(sources)
}

fn write_config(
    common: &Common,
    wish: &args::Quickstart,
    base: &Path,
    dirs: &[PathBuf],
) -> Result<(), Failure> {
    let template = Template {
        base,
        sources: dirs,
        peer: &this_machine(),
        starting_day: SystemClock.today().weekday(),
        owner: &this_user(),
        kind: wish.media,
        compression: match wish.archive {
            Packing::Tar => Compression::None,
            Packing::Targz => Compression::Gzip,
            Packing::Tarbz2 => Compression::Bzip2,
            Packing::Tarzst => Compression::Zstd,
        },
    };
    let text = template
        .write()
        .map_err(|error| Failure::of(Exit::Arguments, error))?;
    let service = format!(
        "[Unit]\nDescription=Backup with cback\n\n[Service]\nType=oneshot\nNice=10\n\
         ExecStart={} --config {} --logfile {} all\n",
        unit_word(&program()),
        unit_word(&common.config),
        unit_word(&common.logfile)
    );
    let timer = include_str!("../../etc/cback.timer");
    // The configuration last: while it is not there, nothing has begun.
    for (path, text) in [
        (base.join(SERVICE), service.as_str()),
        (base.join(TIMER), timer),
        (common.config.clone(), text.as_str()),
    ] {
        AtomicFile::create(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.commit(None)
            })
            .map_err(|error| file_failure(&path, "be written", &error))?;
    }
    Ok(())
}

/// A path as one word of a systemd unit (systemd.service(5), command lines).
fn unit_word(path: &Path) -> String {
    let text = path.to_string_lossy().replace('%', "%%").replace('$', "$$");
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// This machine's name as a peer.
fn this_machine() -> PeerName {
    let name = nix::unistd::gethostname().ok();
    name.and_then(|name| name.to_str()?.parse().ok())
        .unwrap_or_else(PeerName::localhost)
}

/// Names of this process's user and group; numbers where there are no names.
fn this_user() -> Owner {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let user = User::from_uid(uid).ok().flatten();
    let group = Group::from_gid(gid).ok().flatten();
    Owner {
        user: user.map_or_else(|| uid.to_string(), |user| user.name),
        group: group.map_or_else(|| gid.to_string(), |group| group.name),
    }
}

/// A later call takes the directories of the first; another one has to be put into the configuration.
fn known(config: &Config, dirs: &[PathBuf], common: &Common) -> Result<(), Failure> {
    let sources = config.collect.iter().flat_map(|collect| &collect.sources);
    for dir in dirs {
        if !sources.clone().any(|source| source.path.as_path() == dir) {
            let conf = common.config.display();
            let dir = printable(&dir.to_string_lossy());
            return Err(Failure::new(
                Exit::Arguments,
                format!("{dir} is not among the directories that {conf} backs up"),
            )
            .advise(format!(
                "add a <dir> for it to {conf}, or keep a second backup elsewhere with --into DIR"
            )));
        }
    }
    Ok(())
}

/// What is on the disc now, and how to go on.
fn summary(
    config: &Config,
    common: &Common,
    base: &Path,
    dirs: &[PathBuf],
) -> Result<String, Failure> {
    let Some(section) = &config.store else {
        return Ok(String::new());
    };
    let drive = action::drive(section, None).map_err(|error| Failure::of(Exit::Failed, error))?;
    let disc = drive
        .inspect()
        .map_err(|error| Failure::of(Exit::Failed, error))?;
    let Some(disc) = disc else {
        return Ok(String::new());
    };
    let mut text = String::new();
    // OK: writing to a string does not fail
    let _ = disc_text(&mut text, &*drive, &disc);
    let _ = commands(&mut text, config, common, base, dirs);
    Ok(text)
}

fn disc_text(text: &mut String, drive: &dyn Drive, disc: &Disc) -> std::fmt::Result {
    let used = disc.used() * SECTOR;
    let whole = disc.capacity * SECTOR;
    writeln!(text, "\nOn the disc {}", drive.place().display())?;
    for (number, session) in (1..).zip(&disc.sessions) {
        writeln!(
            text,
            "  session {number}  {}  {}",
            String::from_utf8_lossy(&session.label),
            bytes(u64::from(session.end - session.start) * SECTOR)
        )?;
    }
    let days = days(drive, disc);
    if !days.is_empty() {
        let days: Vec<_> = days.iter().map(ToString::to_string).collect();
        writeln!(text, "  days: {}", days.join(", "))?;
    }
    let tenths = (used * 1000).checked_div(whole).unwrap_or(1000);
    writeln!(
        text,
        "  {} of {} used ({}.{} %); read back and equal to what was written",
        bytes(used),
        bytes(whole),
        tenths / 10,
        tenths % 10
    )
}

/// The days on the disc, by the directories of its newest session.
fn days(drive: &dyn Drive, disc: &Disc) -> Vec<Day> {
    let Some(newest) = disc.newest() else {
        return Vec::new();
    };
    let Ok(medium) = drive.open() else {
        return Vec::new();
    };
    match Volume::open(&*medium, newest.start).and_then(|volume| volume.tree()) {
        Ok(tree) => store::days(&tree),
        Err(_) => Vec::new(),
    }
}

fn commands(
    text: &mut String,
    config: &Config,
    common: &Common,
    base: &Path,
    dirs: &[PathBuf],
) -> std::fmt::Result {
    let cback = shell_word(program());
    let conf = shell_word(&common.config);
    let log = shell_word(&common.logfile);
    // A directory of its own each: restoring replaces nothing.
    let into = |name: &str| shell_word(base.join("restored").join(name));
    let today = SystemClock.today();
    let source = dirs.first().cloned().or_else(|| {
        Some(
            config
                .collect
                .as_ref()?
                .sources
                .first()?
                .path
                .as_path()
                .to_owned(),
        )
    });
    let all = format!("{cback} --config {conf} --logfile {log} all");
    writeln!(
        text,
        "\nNext backup: what differs, as a new session\n  {all}"
    )?;
    writeln!(
        text,
        "\nRestore everything; one directory; the state of a day\n  {cback} restore --config {conf} --into {}",
        into("all")
    )?;
    if let Some(source) = source {
        writeln!(
            text,
            "  {cback} restore --config {conf} --into {} {}",
            into("one"),
            shell_word(&source)
        )?;
    }
    writeln!(
        text,
        "  {cback} restore --config {conf} --as-of {today} --into {}",
        into(&today.to_string())
    )?;
    if let Some(section) = &config.store {
        writeln!(
            text,
            "With nothing but the disc\n  {cback} restore --from {} --into {}",
            shell_word(&section.target),
            into("from-disc")
        )?;
    }
    writeln!(
        text,
        "\nEvery night: a line for `crontab -e`, or a systemd timer\n  30 0 * * *  {}\n  \
         systemctl --user link {} && systemctl --user enable --now {}",
        // cron ends a command at a per cent sign
        all.replace('%', "\\%"),
        shell_word(base.join(SERVICE)),
        shell_word(base.join(TIMER)),
    )
}

/// How this program was found: its file.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("cback"))
}

/// A path as one word of a shell.
fn shell_word(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_one_word_of_a_shell() {
        for (path, word) in [
            ("/home/ada", "/home/ada"),
            ("/a b", "'/a b'"),
            ("/it's", r"'/it'\''s'"),
            ("", "''"),
            ("/$(x)", "'/$(x)'"),
        ] {
            assert_eq!(shell_word(path), word);
        }
    }
}
