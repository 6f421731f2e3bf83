//! `cback config init`: a commented configuration, from switches or from answers. It never replaces a file.

mod ask;

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::archive::Compression;
use crate::cli::args::{Common, ConfigInit, MachineRole, Packing};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::machine::{this_machine, this_user};
use crate::cli::program::SECOND;
use crate::cli::quickstart::shell_word;
use crate::cli::session::{Session, printed};
use crate::config::{Colour, Disc, Role, Template, TemplateError};
use crate::event::printable_path;
use crate::fsx;
use crate::media::MediaKind;
use crate::units::{Owner, PeerName, Weekday};

use ask::Asker;

/// What a machine's configuration is made from.
struct Plan {
    role: MachineRole,
    sources: Vec<PathBuf>,
    base: PathBuf,
    starting_day: Weekday,
    owner: Owner,
    clients: Vec<PeerName>,
    device: Option<PathBuf>,
    media: MediaKind,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    /// The file.
    file: String,
    role: &'static str,
    /// Directories that have to be made.
    directories: Vec<String>,
    #[serde(skip)]
    next: String,
}

/// Writes a configuration as `wish` says.
pub fn init(session: &Session, common: &Common, wish: &ConfigInit) -> Result<Exit, Failure> {
    let path = &common.config;
    // Nobody answers questions for nothing.
    if !wish.print && fs::symlink_metadata(path).is_ok() {
        return Err(already(path));
    }
    let mut asker = Asker::new(io::stdin().is_terminal() && io::stderr().is_terminal());
    let plan = plan(&mut asker, wish)?;
    let text = template(wish, &plan)?;
    if wish.print {
        let mut out = io::stdout();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        return Ok(printed(written));
    }
    write(path, &with_path(text, path))?;
    let directories: Vec<PathBuf> = directories(&plan);
    session.show(
        &Written {
            file: printable_path(path),
            role: plan.role.word(),
            directories: directories.iter().map(printable_path).collect(),
            next: next(path, &plan, &directories),
        },
        |written| written.next.clone(),
    );
    Ok(Exit::Well)
}

fn plan(asker: &mut Asker, wish: &ConfigInit) -> Result<Plan, Failure> {
    let role = match wish.role {
        Some(role) => role,
        None => asker.role()?,
    };
    let sources = if wish.dirs.is_empty() {
        asker.dirs()?
    } else {
        wish.dirs.clone()
    };
    let sources = sources
        .into_iter()
        .map(|dir| std::path::absolute(&dir).map_err(|error| Failure::of(Exit::Arguments, error)))
        .collect::<Result<_, _>>()?;
    let clients = match role {
        MachineRole::Master if wish.clients.is_empty() => asker.clients()?,
        MachineRole::Master => wish.clients.clone(),
        MachineRole::Single | MachineRole::Client if wish.clients.is_empty() => Vec::new(),
        MachineRole::Single | MachineRole::Client => {
            return Err(
                Failure::new(Exit::Arguments, format!("a {} has no clients", role.word()))
                    .advise("leave --client out, or write `cback config init master`"),
            );
        }
    };
    let device = match (&wish.device, role) {
        (Some(device), _) => Some(device.clone()).filter(|device| device != Path::new("file")),
        (None, MachineRole::Client) => None,
        (None, MachineRole::Single | MachineRole::Master) => asker.device()?,
    };
    let media = match (wish.media, role) {
        (Some(media), _) => media,
        (None, MachineRole::Client) => MediaKind::DvdPlusR,
        (None, MachineRole::Single | MachineRole::Master) => asker.media()?,
    };
    let this = this_user();
    Ok(Plan {
        role,
        sources,
        base: match &wish.base {
            Some(base) => base.clone(),
            None => asker.base()?,
        },
        starting_day: match wish.starting_day {
            Some(day) => day,
            None => asker.day()?,
        },
        owner: Owner {
            user: wish.user.clone().unwrap_or(this.user),
            group: wish.group.clone().unwrap_or(this.group),
        },
        clients,
        device,
        media,
    })
}

fn template(wish: &ConfigInit, plan: &Plan) -> Result<String, Failure> {
    let disc = Disc {
        kind: plan.media,
        device: plan.device.as_deref(),
    };
    let base =
        std::path::absolute(&plan.base).map_err(|error| Failure::of(Exit::Arguments, error))?;
    let template = Template {
        generator: "cback config init",
        role: match plan.role {
            MachineRole::Single => Role::Single(disc),
            MachineRole::Client => Role::Client,
            MachineRole::Master => Role::Master {
                clients: &plan.clients,
                disc,
            },
        },
        base: &base,
        sources: &plan.sources,
        peer: &this_machine(),
        starting_day: plan.starting_day,
        owner: &plan.owner,
        compression: match wish.archive {
            Packing::Tar => Compression::None,
            Packing::Targz => Compression::Gzip,
            Packing::Tarbz2 => Compression::Bzip2,
            Packing::Tarzst => Compression::Zstd,
        },
    };
    template.write().map_err(|error| {
        let reasons = match &error {
            TemplateError::Problems(report) => Some(report.render(Colour::Plain)),
            TemplateError::Unwritable { .. } => None,
        };
        Failure::of(Exit::Arguments, error).advised(reasons)
    })
}

fn already(path: &Path) -> Failure {
    let path = printable_path(path);
    Failure::new(
        Exit::Failed,
        format!("{path} is there already, and nothing is ever replaced"),
    )
    .advise("name another file with --config FILE, or look at it with --print")
}

/// Writes `text` to a file that is not there yet; for its owner only, since a password may be put into it.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return already(path);
        }
        let path = printable_path(path);
        Failure::new(Exit::Failed, format!("{path} cannot be written: {error}"))
            .advise("run it as a user who may write there, or name another file with --config FILE")
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fsx::sync_dir(fsx::parent(path)));
    written.map_err(|error| {
        // Half a configuration is worse than none.
        let _ = fs::remove_file(path);
        failed(error)
    })
}

/// `text`, whose lines for cron name the configuration `path` if it is not where it is looked for anyway.
fn with_path(text: String, path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let word = shell_word(&absolute);
    // In a comment of XML no `--` may stand, and in cron's lines a `%` is a line's end.
    if absolute == Path::new(SECOND.config) || word.contains("--") || word.contains('%') {
        return text;
    }
    text.replace("* * *  cback ", &format!("* * *  cback -c {word} "))
}

/// The directories that the configuration names.
fn directories(plan: &Plan) -> Vec<PathBuf> {
    let mut names = vec!["work", "collect"];
    if plan.role != MachineRole::Client {
        names.push("stage");
        if plan.device.is_none() {
            names.push("disc");
        }
    }
    names.iter().map(|name| plan.base.join(name)).collect()
}

fn next(path: &Path, plan: &Plan, directories: &[PathBuf]) -> String {
    let dirs: Vec<String> = directories.iter().map(shell_word).collect();
    let config = if path == Path::new(SECOND.config) {
        String::new()
    } else {
        format!("--config {} ", shell_word(path))
    };
    let mut text = format!(
        "{} is written. Next:\n  install -d -m 700 -o {} -g {} {}\n  cback {config}validate\n",
        printable_path(path),
        plan.owner.user,
        plan.owner.group,
        dirs.join(" ")
    );
    text.push_str("The file says when cron is to run what.");
    text
}
