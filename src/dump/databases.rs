//! Dumping the databases of a server, each on its own or all in one.

use std::ffi::OsString;

use super::mysql::{self, OptionFile, Routines};
use super::{DumpError, Dumper, as_file_name, postgresql};
use crate::archive::Compression;
use crate::event::{Problem, Tell as _};
use crate::fsx;
use crate::process::{Command, Ended, RunError};

/// A server of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// `MySQL` or `MariaDB`.
    Mysql,
    /// `PostgreSQL`.
    Postgresql,
}

/// Who asks, as far as the configuration says. Not shown.
#[derive(Clone, Copy, Default)]
pub struct Login<'a> {
    /// The database user.
    pub user: Option<&'a str>,
    /// The password.
    pub password: Option<&'a str>,
}

impl Server {
    /// The name of the file for `database`, or for all, without its packing.
    pub fn stem(self, database: Option<&str>) -> String {
        let word = match self {
            Self::Mysql => "mysqldump",
            Self::Postgresql => "postgresqldump",
        };
        match database {
            None => format!("{word}.txt"),
            Some(name) => format!("{word}-{}.txt", as_file_name(name)),
        }
    }

    /// What people call a database of it, or all of them.
    pub fn subject(self, database: Option<&str>) -> String {
        let kind = match self {
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
        };
        match database {
            None => format!("all {kind} databases"),
            Some(name) => format!("{kind} database {name}"),
        }
    }

    /// The program that dumps `database`, or all of them.
    pub fn program(self, database: Option<&str>) -> &'static str {
        match (self, database) {
            (Self::Mysql, _) => "mysqldump",
            (Self::Postgresql, Some(_)) => "pg_dump",
            (Self::Postgresql, None) => "pg_dumpall",
        }
    }
}

impl Dumper<'_> {
    /// Dumps `databases`, `None` standing for all of them in one. One that cannot be dumped is a problem, and the others
    /// go on.
    pub fn databases(
        &self,
        server: Server,
        databases: &[Option<&str>],
        login: Login<'_>,
        way: Compression,
    ) -> Result<(), DumpError> {
        let options = match (server, login.user, login.password) {
            (Server::Postgresql, _, _) | (Server::Mysql, None, None) => None,
            (Server::Mysql, user, password) => {
                let made = OptionFile::create(self.working_dir, user, password);
                Some(made.map_err(|source| DumpError::Write {
                    path: self.working_dir.as_path().to_owned(),
                    source,
                })?)
            }
        };
        for &database in databases {
            let done = match server {
                Server::Mysql => self.mysql(database, options.as_ref(), login, way),
                Server::Postgresql => {
                    let command = postgresql::dump_command(database, login.user);
                    self.dump_text(server, database, &login.hidden_in(command), way)
                }
            };
            let Err(error) = done else { continue };
            if let DumpError::Write { source, .. } = &error
                && fsx::is_full(source)
            {
                return Err(error);
            }
            let subject = server.subject(database);
            let reason = format!("was not dumped: {error}");
            self.monitor.problem(&Problem::new(subject, &reason));
        }
        Ok(())
    }

    /// Dumps with routines and events; without them if the user may not see them, which is a problem then.
    fn mysql(
        &self,
        database: Option<&str>,
        options: Option<&OptionFile>,
        login: Login<'_>,
        way: Compression,
    ) -> Result<(), DumpError> {
        let options = options.map(OptionFile::path);
        let command = |routines| {
            let command = mysql::dump_command(database, routines, options);
            login.hidden_in(command)
        };
        let error = match self.dump_text(Server::Mysql, database, &command(Routines::Dumped), way) {
            Err(error) if is_lack_of_privilege(&error) => error,
            done => return done,
        };
        if self
            .dump_text(Server::Mysql, database, &command(Routines::Left), way)
            .is_err()
        {
            return Err(error);
        }
        let subject = Server::Mysql.subject(database);
        let problem = Problem::new(
            subject,
            "was dumped without its stored routines and events: the database user may not see them",
        );
        self.monitor.problem(
            &problem
                .advise("grant the database user SHOW_ROUTINE or SELECT on mysql.proc, and EVENT"),
        );
        Ok(())
    }

    fn dump_text(
        &self,
        server: Server,
        database: Option<&str>,
        command: &Command,
        way: Compression,
    ) -> Result<(), DumpError> {
        let stem = OsString::from(server.stem(database));
        self.dump(command, &stem, way, Ended::success)?;
        Ok(())
    }
}

fn is_lack_of_privilege(error: &DumpError) -> bool {
    matches!(error, DumpError::Run(RunError::Failed { tail, .. }) if mysql::lacks_privilege(tail))
}

impl Login<'_> {
    /// `command`, with neither user nor password in what it prints: servers like to repeat them.
    fn hidden_in(self, command: Command) -> Command {
        let secrets = [self.user, self.password].into_iter().flatten();
        secrets.fold(command, Command::hide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_in_cedar_backups_pools() {
        for (server, database, stem) in [
            (Server::Mysql, None, "mysqldump.txt"),
            (Server::Mysql, Some("shop"), "mysqldump-shop.txt"),
            (Server::Postgresql, None, "postgresqldump.txt"),
            (Server::Postgresql, Some("a b"), "postgresqldump-a b.txt"),
            (Server::Mysql, Some("../x%"), "mysqldump-..%2Fx%25.txt"),
        ] {
            assert_eq!(server.stem(database), stem);
        }
    }
}
