//! `cback config`: questions about the configuration file, and a new one.

mod init;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{Common, ConfigFile, ConfigWish, ConfigWord};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Session, unusable};
use crate::config::{self, Colour, Config, ConfigError, Finding, Report, Severity};
use crate::event::printable_path;
use crate::units::Naming;

/// Does what `wish` says.
pub fn run(common: &Common, wish: &ConfigWish) -> Exit {
    let naming = common.naming;
    let session = Session::without_log(common);
    let file = |given: &ConfigFile| -> PathBuf {
        given.file.clone().unwrap_or_else(|| common.config.clone())
    };
    let outcome = match &wish.what {
        ConfigWord::Check(given) => check(&session, &file(given), naming),
        ConfigWord::Show(given) => show(&session, &file(given), naming),
        ConfigWord::Init(wish) => init::init(&session, common, wish),
        ConfigWord::Explain { elements } => explain(&session, elements),
    };
    session.end(&outcome)
}

/// What was found in a file.
#[derive(Serialize)]
struct Checked<'r> {
    file: String,
    usable: bool,
    errors: usize,
    warnings: usize,
    findings: &'r [Finding],
    /// Findings that were too many to be listed.
    more: usize,
}

fn check(session: &Session, path: &Path, naming: Naming) -> Result<Exit, Failure> {
    match Config::load(path, naming) {
        Ok((_, report)) => {
            checked(session, &report);
            Ok(Exit::Well)
        }
        Err(ConfigError::Problems(report)) => {
            checked(session, &report);
            let errors = match report.count(Severity::Error) {
                1 => "it has an error".to_owned(),
                errors => format!("it has {errors} errors"),
            };
            Err(unusable(&ConfigError::Problems(report)).because(errors))
        }
        Err(error) => Err(unusable(&error)),
    }
}

fn checked(session: &Session, report: &Report) {
    let result = Checked {
        file: printable_path(report.path()),
        usable: report.count(Severity::Error) == 0,
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        findings: report.findings(),
        more: report.more(),
    };
    session.show(&result, |result| {
        let mut text = String::new();
        if !report.is_empty() {
            text = report.render(colour());
        }
        if result.usable {
            let warnings = match result.warnings {
                0 => String::new(),
                1 => ", with a warning".to_owned(),
                more => format!(", with {more} warnings"),
            };
            if !text.is_empty() {
                text.push('\n');
            }
            text.extend([&result.file, " can be used", &warnings]);
        }
        text.trim_end().to_owned()
    });
}

fn show(session: &Session, path: &Path, naming: Naming) -> Result<Exit, Failure> {
    match config::show(path, naming) {
        Ok((shown, report)) => {
            for line in report.lines() {
                session
                    .monitor()
                    .observe(&crate::event::Event::Warning(&line));
            }
            session.show(&shown, |shown| shown.to_string().trim_end().to_owned());
            Ok(Exit::Well)
        }
        Err(ConfigError::Problems(report)) => {
            checked(session, &report);
            let error = ConfigError::Problems(report);
            Err(unusable(&error).because("what holds in it cannot be said".to_owned()))
        }
        Err(error) => Err(unusable(&error)),
    }
}

fn explain(session: &Session, elements: &[String]) -> Result<Exit, Failure> {
    if elements.is_empty() {
        session.show(&config::sections(), |sections| {
            let mut text = String::new();
            for section in sections {
                let first = section.meaning.split_inclusive(". ").next();
                let first = first.unwrap_or_default().trim_end();
                // OK: writing to a string does not fail
                let _ = writeln!(text, "{:<12}  {first}", section.element);
            }
            text + "\nAsk for one of them, or for any element: cback config explain collect_mode"
        });
        return Ok(Exit::Well);
    }
    let mut all = Vec::new();
    for element in elements {
        let found = config::explain(element).map_err(|error| {
            let advice = error.advice();
            Failure::of(Exit::Arguments, error).advise(advice)
        })?;
        all.extend(found);
    }
    session.show(&all, |all| {
        let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
        texts.join("\n").trim_end().to_owned()
    });
    Ok(Exit::Well)
}

/// Colours for a terminal that wants them.
fn colour() -> Colour {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => Colour::Plain,
        _ => Colour::Ansi,
    }
}
