//! Dumping databases with `pg_dump` and `pg_dumpall`.
//!
//! The user goes through `PGUSER`. Passwords are in `~/.pgpass`; nobody is there to be asked for one.

use crate::process::Command;

/// `pg_dump` for one database, or `pg_dumpall`.
pub(super) fn dump_command(database: Option<&str>, user: Option<&str>) -> Command {
    let command = match database {
        None => Command::new("pg_dumpall").arg("--no-password"),
        Some(name) => Command::new("pg_dump")
            .arg("--no-password")
            .arg(format!("--dbname={}", connection(name))),
    };
    match user {
        Some(user) => command.env("PGUSER", user),
        None => command,
    }
}

/// A connection string for the database `name`: a name alone is taken for such a string if it looks like one.
fn connection(name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("dbname='{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_whatever_its_name_looks_like() {
        for (name, text) in [
            (None, "pg_dumpall --no-password"),
            (
                Some("shop"),
                r"pg_dump --no-password '--dbname=dbname='\''shop'\'''",
            ),
        ] {
            assert_eq!(dump_command(name, Some("me")).to_string(), text);
        }
        assert_eq!(connection("host=evil"), "dbname='host=evil'");
        assert_eq!(connection(r"it's \ odd"), r"dbname='it\'s \\ odd'");
    }
}
