//! `cback quickstart`: from a directory to a verified disc, with nothing configured yet.

mod summary;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::args::{self, Common, Packing};
use super::exit::Exit;
use super::machine::{this_machine, this_user};
use super::run;
use super::session::{Failure, Session};
use crate::action;
use crate::archive::Compression;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Disc, Role, Template};
use crate::event::printable_path;
use crate::fsx::AtomicFile;
use crate::plan::{Plan, Reach};

use summary::{program, summary};

pub use summary::shell_word;

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
    let ready = sources(&wish.dirs).and_then(|dirs| {
        let base = base(wish.into.as_deref())?;
        if dirs.is_empty() && !base.join(CONFIG).exists() {
            let what = "there is nothing to back up yet";
            return Err(Failure::new(Exit::Arguments, what)
                .advise("name a directory: cback quickstart DIR"));
        }
        prepare(&base)?;
        Ok((dirs, base))
    });
    let (dirs, base) = match ready {
        Ok(ready) => ready,
        Err(failure) => return Session::without_log(common).end(&Err(failure)),
    };
    let common = Common {
        config: base.join(CONFIG),
        logfile: base.join(LOG),
        ..common.clone()
    };
    let session = match Session::open(&common) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let outcome = work(&session, &common, wish, &base, &dirs);
    session.end(&outcome)
}

fn work(
    session: &Session,
    common: &Common,
    wish: &args::Quickstart,
    base: &Path,
    dirs: &[PathBuf],
) -> Result<Exit, Failure> {
    let begun = common.config.exists();
    if !begun {
        write_config(common, wish, base, dirs)?;
    }
    let config = session.load(common)?;
    if begun {
        known(&config, dirs, common)?;
    }
    let words = ["collect", "stage", "store"].map(str::to_owned);
    let plan = Plan::new(&words, Reach::Here, &config)
        .map_err(|error| Failure::of(Exit::Failed, error))?;
    let manner = run::Manner::of(action::Extent::Configured);
    run::carry_out(session, &config, &plan, manner)?;
    if let Some(summary) = summary(&config, common, base, dirs)? {
        session.show(&summary, ToString::to_string);
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

/// Where the configuration is that a call without `--into` writes.
pub fn configuration() -> Option<PathBuf> {
    Some(data_home()?.join(CONFIG))
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
    let path = printable_path(path);
    Failure::new(Exit::Failed, format!("{path} cannot {what}: {error}"))
}

/// The directories as absolute paths without links; each has to be there.
fn sources(dirs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut sources = Vec::new();
    for dir in dirs {
        let failure = |why: &str| {
            let dir = printable_path(dir);
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
        generator: "cback quickstart",
        role: Role::Single(Disc {
            kind: wish.media,
            device: None,
        }),
        base,
        sources: dirs,
        peer: &this_machine(),
        starting_day: SystemClock.today().weekday(),
        owner: &this_user(),
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

/// A later call takes the directories of the first; another one has to be put into the configuration.
fn known(config: &Config, dirs: &[PathBuf], common: &Common) -> Result<(), Failure> {
    let sources = config.collect.iter().flat_map(|collect| &collect.sources);
    for dir in dirs {
        if !sources.clone().any(|source| source.path.as_path() == dir) {
            let conf = crate::event::printable_path(&common.config);
            let dir = printable_path(dir);
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
