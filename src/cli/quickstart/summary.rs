//! What is on the disc now, and how to go on.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{SERVICE, TIMER};
use crate::action;
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::session::Failure;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::event::{bytes, printable_bytes, printable_path};
use crate::iso9660::Volume;
use crate::media::SECTOR;
use crate::store;

/// What is on the disc now, and how to go on.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// The disc's file.
    disc: String,
    sessions: Vec<SessionLine>,
    /// `YYYY-MM-DD`, ascending.
    days: Vec<String>,
    used_bytes: u64,
    capacity_bytes: u64,
    /// Whether the newest session was read back and compared.
    read_back: bool,
    #[serde(skip)]
    how_to_go_on: String,
}

#[derive(Debug, Serialize)]
struct SessionLine {
    number: usize,
    label: String,
    bytes: u64,
}

/// Looks at the disc of `config`; `dirs` are the directories that the person named.
pub(super) fn summary(
    config: &Config,
    common: &Common,
    base: &Path,
    dirs: &[PathBuf],
) -> Result<Option<Summary>, Failure> {
    let failed = |error: &dyn Error| Failure::of(Exit::Failed, error);
    let Some(section) = &config.store else {
        return Ok(None);
    };
    let drive = action::drive(section, &config.options, None);
    let Some(disc) = drive.inspect().map_err(|error| failed(&error))? else {
        return Ok(None);
    };
    let days = match disc.newest() {
        Some(newest) => {
            let medium = drive.open().map_err(|error| failed(&error))?;
            let tree = Volume::open(&*medium, newest.start).and_then(|volume| volume.tree());
            store::days(&tree.map_err(|error| failed(&error))?)
        }
        None => Vec::new(),
    };
    let sessions = (1..).zip(&disc.sessions);
    let mut how_to_go_on = String::new();
    // OK: writing to a string does not fail
    let _ = commands(&mut how_to_go_on, config, common, base, dirs);
    Ok(Some(Summary {
        disc: printable_path(drive.place()),
        sessions: sessions
            .map(|(number, session)| SessionLine {
                number,
                label: printable_bytes(&session.label),
                bytes: u64::from(session.end - session.start) * SECTOR,
            })
            .collect(),
        days: days.iter().map(ToString::to_string).collect(),
        used_bytes: disc.used() * SECTOR,
        capacity_bytes: disc.capacity * SECTOR,
        read_back: section.check_data,
        how_to_go_on,
    }))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nOn the disc {}", self.disc)?;
        for session in &self.sessions {
            let size = bytes(session.bytes);
            writeln!(f, "  session {}  {}  {size}", session.number, session.label)?;
        }
        writeln!(f, "  days: {}", self.days.join(", "))?;
        let tenths = (self.used_bytes * 1000)
            .checked_div(self.capacity_bytes)
            .unwrap_or(1000);
        let (whole, tenth) = (tenths / 10, tenths % 10);
        write!(
            f,
            "  {} of {} used ({whole}.{tenth} %)",
            bytes(self.used_bytes),
            bytes(self.capacity_bytes)
        )?;
        if self.read_back {
            f.write_str("; read back and equal to what was written")?;
        }
        write!(f, "\n{}", self.how_to_go_on.trim_end())
    }
}

fn commands(
    text: &mut String,
    config: &Config,
    common: &Common,
    base: &Path,
    dirs: &[PathBuf],
) -> fmt::Result {
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
pub(super) fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("cback"))
}

/// A path as one word of a shell. One with bytes that cannot be shown is written `$'…'`, which bash and zsh understand.
pub fn shell_word(path: impl AsRef<Path>) -> String {
    let bytes = path.as_ref().as_os_str().as_bytes();
    let Some(text) = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(char::is_control))
    else {
        let escaped = bytes.iter().map(|byte| match byte {
            b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        });
        return format!("$'{}'", escaped.collect::<String>());
    };
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
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
