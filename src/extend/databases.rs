//! `mysql` and `postgresql`: databases of a server.

use super::{ExtendError, programs};
use crate::action::{Context, Finding};
use crate::config::{self, Which};
use crate::dump::{Login, Server};

fn section<'a>(cx: &Context<'a>, server: Server) -> Result<&'a config::Databases, ExtendError> {
    let (section, name) = match server {
        Server::Mysql => (&cx.config.mysql, "mysql"),
        Server::Postgresql => (&cx.config.postgresql, "postgresql"),
    };
    section.as_ref().ok_or(ExtendError::NoSection(name))
}

/// The databases by name; `None` stands for all in one.
fn databases(section: &config::Databases) -> Vec<Option<&str>> {
    match &section.which {
        Which::All => vec![None],
        Which::Named(names) => names.iter().map(|name| Some(name.as_str())).collect(),
    }
}

pub(super) fn run(cx: &Context<'_>, server: Server) -> Result<(), ExtendError> {
    let section = section(cx, server)?;
    let system = programs::system(cx);
    let dumper = programs::dumper(cx, &system)?;
    let login = Login {
        user: section.user.as_deref(),
        password: section.password.as_deref(),
    };
    dumper.databases(server, &databases(section), login, section.compression)?;
    Ok(())
}

pub(super) fn preview(cx: &Context<'_>, server: Server) -> Result<Vec<String>, ExtendError> {
    let section = section(cx, server)?;
    let dir = programs::collect_dir(cx)?;
    let databases = databases(section).into_iter();
    Ok(databases
        .map(|database| {
            format!(
                "would dump {} to {dir}/{}{}",
                server.subject(database),
                server.stem(database),
                section.compression.suffix()
            )
        })
        .collect())
}

pub(super) fn check(cx: &Context<'_>, server: Server) -> Vec<Finding> {
    let section = match section(cx, server) {
        Ok(section) => section,
        Err(error) => return vec![error.finding()],
    };
    // All are dumped by one program, and so is each.
    let program = databases(section)
        .first()
        .map(|database| server.program(*database));
    programs::check(cx, program.as_slice())
}
