//! Dumping databases with `mysqldump`, of `MySQL` or `MariaDB`.
//!
//! A configured user and password go through a file that only we can read, never through an argument, which every
//! user of the machine could see, or the environment. Without them `mysqldump` asks `~/.my.cnf`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::fsx;
use crate::process::Command;

/// Whether stored routines and events are asked for, too. Not every configured user may see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routines {
    /// They are.
    Dumped,
    /// They are not.
    Left,
}

/// `mysqldump` for one database, or for all.
pub(super) fn dump_command(
    database: Option<&str>,
    routines: Routines,
    options: Option<&Path>,
) -> Command {
    let mut command = Command::new("mysqldump");
    if let Some(options) = options {
        // Has to be the first one.
        let mut arg = std::ffi::OsString::from("--defaults-extra-file=");
        arg.push(options);
        command = command.arg(arg);
    }
    command = command.args(["--flush-logs", "--opt"]);
    if routines == Routines::Dumped {
        command = command.args(["--routines", "--events"]);
    }
    match database {
        None => command.arg("--all-databases"),
        Some(name) => command.args(["--databases", "--", name]),
    }
}

/// Whether `mysqldump` failed because the user may not see routines or events.
pub(super) fn lacks_privilege(said: &[String]) -> bool {
    said.iter().any(|line| {
        line.contains("'show events'")
            || line.contains("SHOW CREATE")
            || line.contains("SHOW FUNCTION STATUS")
            || line.contains("SHOW PROCEDURE STATUS")
            || line.contains("SHOW PACKAGE")
            || (line.contains("insuffic") && line.contains("privilege"))
    })
}

/// An option file with user and password for `[client]`. It is gone when this is dropped; one that a killed run left
/// has a partial name, so that collecting sweeps it, and the next run replaces it.
#[derive(Debug)]
pub(super) struct OptionFile(PathBuf);

impl OptionFile {
    /// Makes the file in `dir`.
    pub(super) fn create(
        dir: &Path,
        user: Option<&str>,
        password: Option<&str>,
    ) -> io::Result<Self> {
        let path = fsx::partial_path(&dir.join("mysqldump.cnf"));
        fsx::remove_durably(&path)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let made = Self(path);
        file.write_all(options(user, password).as_bytes())?;
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OptionFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn options(user: Option<&str>, password: Option<&str>) -> String {
    let mut text = "[client]\n".to_owned();
    for (key, value) in [("user", user), ("password", password)] {
        if let Some(value) = value {
            text += &[key, "=\"", &escaped(value), "\"\n"].concat();
        }
    }
    text
}

/// As option files have it within double quotes.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text += "\\\\",
            '"' => text += "\\\"",
            '\n' => text += "\\n",
            '\r' => text += "\\r",
            '\t' => text += "\\t",
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nothing_secret_is_in_the_command() {
        let options = Path::new("/srv/w/.mysqldump.cnf.partial");
        for (command, text) in [
            (
                dump_command(None, Routines::Dumped, None),
                "mysqldump --flush-logs --opt --routines --events --all-databases",
            ),
            (
                dump_command(Some("shop"), Routines::Left, Some(options)),
                "mysqldump --defaults-extra-file=/srv/w/.mysqldump.cnf.partial --flush-logs --opt \
                 --databases -- shop",
            ),
        ] {
            assert_eq!(command.to_string(), text);
        }
    }

    #[test]
    fn the_option_file_is_ours_alone_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let file = OptionFile::create(dir.path(), Some("me"), Some("a\"b\\c #'d")).unwrap();
        let path = file.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "[client]\nuser=\"me\"\npassword=\"a\\\"b\\\\c #'d\"\n"
        );
        drop(file);
        assert!(!path.exists());
        // Left by a killed run.
        std::fs::write(&path, "old").unwrap();
        let file = OptionFile::create(dir.path(), None, Some("x")).unwrap();
        assert_eq!(
            std::fs::read_to_string(file.path()).unwrap(),
            "[client]\npassword=\"x\"\n"
        );
    }

    #[test]
    fn a_user_who_may_not_see_routines_is_told_from_other_trouble() {
        for (line, lacks) in [
            (
                "mysqldump: Couldn't execute 'show events': Access denied for user 'a'@'localhost' to database 'shop' (1044)",
                true,
            ),
            (
                "mysqldump: a has insufficent privileges to SHOW CREATE FUNCTION `f`!",
                true,
            ),
            (
                "mysqldump: Got error: 1045: \"Access denied for user 'a'@'localhost' (using password: YES)\" when trying to connect",
                false,
            ),
            (
                "mysqldump: Got error: 1049: \"Unknown database 'shop'\" when selecting the database",
                false,
            ),
        ] {
            assert_eq!(lacks_privilege(&[line.to_owned()]), lacks, "{line}");
        }
    }
}
