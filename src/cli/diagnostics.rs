//! `--diagnostics`: what this program is, where it runs, which programs it could call, and which drives there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User};
use serde::Serialize;

use super::args::{Common, word};
use super::exit::Exit;
use super::session::Session;
use crate::action;
use crate::config::{Config, ConfigError, Place};
use crate::event::{Monitor, printable, printable_path};
use crate::peer::Way;
use crate::process::{Command, Runner as _, Stdout, System};
use crate::units::CommandLine;

/// Every program that may be called, whatever is configured, and what makes it say its version.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("aws", &["--version"]),
    ("cdrecord", &["--version"]),
    ("cdrskin", &["--version"]),
    ("dpkg", &["--version"]),
    ("dvd+rw-format", &[]), // it says none
    ("fdisk", &["--version"]),
    ("gpg", &["--version"]),
    ("growisofs", &["-version"]),
    ("ls", &["--version"]),
    ("mtx", &[]), // its version stands above twenty lines of usage, on standard error
    ("mysqldump", &["--version"]),
    ("pg_dump", &["--version"]),
    ("pg_dumpall", &["--version"]),
    ("svnadmin", &["--version", "--quiet"]),
    ("svnlook", &["--version", "--quiet"]),
    ("systemd-inhibit", &["--version"]),
];

/// How long a program may think about its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// All that is found out.
#[derive(Debug, Serialize)]
struct Diagnostics {
    version: &'static str,
    build: String,
    platform: String,
    locale: Option<String>,
    user: String,
    config: String,
    /// What is the matter with the configuration; none if it can be used.
    config_trouble: Option<String>,
    logfile: String,
    naming: &'static str,
    programs: Vec<Program>,
    drives: Vec<Drive>,
}

/// A program of somebody else.
#[derive(Debug, Serialize)]
struct Program {
    name: String,
    /// Where it is; none if it is not there.
    path: Option<String>,
    /// The first line that it says of itself.
    version: Option<String>,
    /// What in the configuration names it.
    named_by: Option<String>,
}

impl Program {
    /// Where it is, or what to do about it.
    fn place(&self) -> String {
        match (&self.path, &self.named_by) {
            (Some(path), _) => path.clone(),
            (None, Some(element)) => {
                format!("not found, though named by {element}: correct that, or install it")
            }
            (None, None) => "not found".to_owned(),
        }
    }
}

/// An optical drive.
#[derive(Debug, Serialize)]
struct Drive {
    device: String,
    /// The device by which it is burnt.
    generic: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    revision: Option<String>,
}

/// Prints what is found out. It is no failure if something is not there.
pub fn run(common: &Common) -> Exit {
    let session = Session::without_log(common);
    let (config, config_trouble) = match Config::load(&common.config, common.naming) {
        Ok((config, _)) => (Some(config), None),
        Err(error) => (None, Some(trouble(&error))),
    };
    let diagnostics = Diagnostics {
        version: env!("CARGO_PKG_VERSION"),
        build: format!(
            "{}, {}, {}",
            env!("CBACK_PROFILE"),
            env!("CBACK_TARGET"),
            env!("CBACK_RUSTC")
        ),
        platform: platform(),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty())),
        user: user(),
        config: shown(&common.config),
        config_trouble,
        logfile: shown(&common.logfile),
        naming: word(common.naming),
        programs: programs(config.as_ref(), session.monitor()),
        drives: drives(Path::new("/sys/block")),
    };
    session.show(&diagnostics, Diagnostics::text);
    session.end(&Ok(Exit::Well))
}

fn trouble(error: &ConfigError) -> String {
    let cause = std::error::Error::source(error);
    match (error, cause) {
        (ConfigError::Problems(_), _) => format!("{error}; `cback validate` says why"),
        (_, Some(cause)) => format!("{error}: {cause}"),
        _ => error.to_string(),
    }
}

fn shown(path: &Path) -> String {
    printable_path(path)
}

/// Kernel and distribution.
pub(super) fn platform() -> String {
    let kernel = nix::sys::utsname::uname().map_or_else(
        |error| format!("an unknown kernel ({error})"),
        |name| {
            let word = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
            let words = [name.sysname(), name.release(), name.machine()];
            words.map(word).join(" ")
        },
    );
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    match pretty {
        Some(pretty) => format!("{kernel}, {}", printable(pretty.trim_matches('"'))),
        None => kernel,
    }
}

/// The effective user and group, by name and number.
fn user() -> String {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    let group = Group::from_gid(gid).ok().flatten().map(|group| group.name);
    let unnamed = || "(no name)".to_owned();
    format!(
        "{} ({uid}), group {} ({gid})",
        name.unwrap_or_else(unnamed),
        group.unwrap_or_else(unnamed)
    )
}

/// Every program that may be called: those that are always the same, and those that are configured.
fn programs(config: Option<&Config>, monitor: &dyn Monitor) -> Vec<Program> {
    let system = match config {
        Some(config) => action::programs(config, monitor),
        None => System::new(monitor),
    };
    let mut wanted: Vec<Wanted> = PROGRAMS
        .iter()
        .map(|(name, args)| Wanted {
            name: (*name).to_owned(),
            args,
            named_by: None,
        })
        .collect();
    if let Some(config) = config {
        let options = &config.options;
        let rcp = |line| (line, "<rcp_command>");
        let rsh = |line| (line, "<rsh_command>");
        let mut lines: Vec<(&CommandLine, &str)> = options.rcp_command.iter().map(rcp).collect();
        lines.extend(options.rsh_command.iter().map(rsh));
        for peer in config
            .peers
            .iter()
            .chain(config.stage.iter().flat_map(|stage| &stage.peers))
        {
            if let Place::Remote(remote) = &peer.place
                && let Way::Command {
                    rcp_command,
                    rsh_command,
                } = &remote.way
            {
                lines.push(rcp(rcp_command));
                lines.extend(rsh_command.iter().map(rsh));
            }
        }
        for (line, element) in lines {
            let name = Command::of_line(line)
                .program()
                .to_string_lossy()
                .into_owned();
            if !wanted.iter().any(|row| row.name == name) {
                // Those of OpenSSH say their version so; scp says none.
                let args: &[&str] = if name.ends_with("ssh") { &["-V"] } else { &[] };
                wanted.push(Wanted {
                    name,
                    args,
                    named_by: Some(element.to_owned()),
                });
            }
        }
        for row in &options.overrides {
            let says = Some(format!("<override>, as {}", shown(&row.path)));
            match wanted.iter_mut().find(|known| known.name == row.command) {
                Some(known) => known.named_by = says,
                None => wanted.push(Wanted {
                    name: row.command.clone(),
                    args: &[],
                    named_by: says,
                }),
            }
        }
    }
    let found = wanted.into_iter().map(|wanted| {
        let path = system.find(&wanted.name);
        let version = path
            .as_ref()
            .and_then(|path| version(&system, path, wanted.args));
        Program {
            name: printable(&wanted.name),
            path: path.as_deref().map(shown),
            version,
            named_by: wanted.named_by,
        }
    });
    found.collect()
}

/// A program that is looked for.
struct Wanted {
    name: String,
    /// With which it says its version.
    args: &'static [&'static str],
    named_by: Option<String>,
}

/// The programs that burn and are there, each with what it says of itself.
pub(super) fn burning_programs(monitor: &dyn Monitor) -> Vec<(String, String)> {
    let system = System::new(monitor);
    let burning = PROGRAMS
        .iter()
        .filter(|row| matches!(row.0, "cdrecord" | "cdrskin" | "growisofs"));
    burning
        .filter_map(|(name, args)| {
            let path = system.find(name)?;
            Some(((*name).to_owned(), version(&system, &path, args)?))
        })
        .collect()
}

/// The first line that the program at `path` says with `args`; nothing without any.
fn version(system: &System<'_>, path: &Path, args: &[&str]) -> Option<String> {
    if args.is_empty() {
        return None;
    }
    let command = Command::new(path).args(args).time_limit(PATIENCE);
    let mut said = Vec::new();
    let ended = system.run(&command, Stdout::Keep(&mut said)).ok()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let mut lines = said.lines().map(printable).chain(ended.tail);
    lines.find(|line| !line.trim().is_empty())
}

/// The optical drives that the kernel knows, as `/sys/block` says.
fn drives(sys: &Path) -> Vec<Drive> {
    let names = fs::read_dir(sys).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("sr"))
    });
    paths.sort();
    let drives = paths.iter().map(|path| {
        let device = path.join("device");
        let text = |name: &str| {
            let text = fs::read_to_string(device.join(name)).ok()?;
            Some(printable(text.trim())).filter(|text| !text.is_empty())
        };
        let generic = fs::read_dir(device.join("scsi_generic")).ok();
        let generic = generic.and_then(|mut names| names.next()?.ok());
        let node = |name: &std::ffi::OsStr| format!("/dev/{}", name.to_string_lossy());
        Drive {
            device: node(path.file_name().unwrap_or_default()),
            generic: generic.map(|entry| node(&entry.file_name())),
            vendor: text("vendor"),
            model: text("model"),
            revision: text("rev"),
        }
    });
    drives.collect()
}

impl Diagnostics {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut row = |title: &str, value: &str| lines.push(format!("{title:<10} {value}"));
        row("version", self.version);
        row("build", &self.build);
        row("platform", &self.platform);
        row("locale", self.locale.as_deref().unwrap_or("none"));
        row("user", &self.user);
        row("config", &self.config);
        if let Some(trouble) = &self.config_trouble {
            row("", &format!("({trouble})"));
        }
        row("log", &self.logfile);
        row("naming", self.naming);
        let names = self.programs.iter().map(|program| program.name.len());
        let width = names.max().unwrap_or_default();
        for (number, program) in self.programs.iter().enumerate() {
            let path = program.place();
            let version = program.version.as_deref().unwrap_or_default();
            let title = if number == 0 { "programs" } else { "" };
            row(
                title,
                format!("{:<width$} {path:<24} {version}", program.name).trim_end(),
            );
        }
        if self.drives.is_empty() {
            row("drives", "none");
        }
        for (number, drive) in self.drives.iter().enumerate() {
            let said = [&drive.generic, &drive.vendor, &drive.model, &drive.revision];
            let words: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
            let title = if number == 0 { "drives" } else { "" };
            row(title, &format!("{} {}", drive.device, words.join(" ")));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_program_that_the_source_names_is_looked_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let call = fancy_regex::Regex::new(r#"\bCommand::new\("([^"]+)"\)"#).unwrap();
        let mut seen = 0;
        for entry in walkdir::WalkDir::new(root) {
            let path = entry.unwrap().into_path();
            if path.extension().is_none_or(|ext| ext != "rs") || path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for found in call.captures_iter(code) {
                let name = found.unwrap()[1].to_owned();
                seen += 1;
                assert!(
                    name.starts_with('/') || PROGRAMS.iter().any(|row| row.0 == name),
                    "{}: {name} is not in the table",
                    crate::event::printable_path(path)
                );
            }
        }
        assert!(seen > 3);
    }

    #[test]
    fn drives_are_those_that_the_kernel_shows() {
        let sys = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("vendor", "PIONEER \n"),
            ("model", "BD-RW   BDR-209D\n"),
            ("rev", "1.30\n"),
        ] {
            fs::create_dir_all(sys.path().join("sr0/device/scsi_generic/sg3")).unwrap();
            fs::write(sys.path().join("sr0/device").join(name), text).unwrap();
        }
        fs::create_dir_all(sys.path().join("sda/device")).unwrap();
        fs::create_dir_all(sys.path().join("sr1")).unwrap();
        let drives = drives(sys.path());
        assert_eq!(drives.len(), 2);
        assert_eq!(drives[0].device, "/dev/sr0");
        assert_eq!(drives[0].generic.as_deref(), Some("/dev/sg3"));
        assert_eq!(drives[0].model.as_deref(), Some("BD-RW   BDR-209D"));
        assert_eq!(drives[1].device, "/dev/sr1");
        assert_eq!(drives[1].model, None);
        assert!(super::drives(Path::new("/nowhere")).is_empty());
    }
}
