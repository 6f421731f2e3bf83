//! `cback agent`: what the master's key may do on a client.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{AgentWish, Common, word};
use super::exit::Exit;
use super::failure::Failure;
use super::program;
use super::session::Session;
use crate::event::printable_path;
use crate::peer::{Allowed, Served, serve};
use crate::units::AbsPath;

/// The exit status of what is not allowed.
const REFUSED: i32 = 126;

/// Serves the master, or prints the line that lets it in.
pub fn run(common: &Common, wish: &AgentWish) -> Exit {
    let session = Session::without_log(common);
    let outcome = work(&session, common, wish);
    session.end(&outcome)
}

fn work(session: &Session, common: &Common, wish: &AgentWish) -> Result<Exit, Failure> {
    let allowed = allowed(session, common, wish)?;
    if let Some(key) = &wish.print_key_line {
        session.show(&KeyLine(key_line(&allowed, key)?), |line| line.0.clone());
        return Ok(Exit::Well);
    }
    // What is no UTF-8 is nothing that is known, and not nothing.
    let asked = std::env::var_os("SSH_ORIGINAL_COMMAND").unwrap_or_default();
    let asked = asked.to_string_lossy();
    // Standard output itself looks for lines in everything that goes through it.
    let own = std::io::stdout().as_fd().try_clone_to_owned();
    let output = File::from(own.map_err(|error| {
        let what = format!("standard output cannot be used: {error}");
        Failure::new(Exit::Failed, what)
    })?);
    let mut input = std::io::stdin().lock();
    let pipe = Some(output.as_fd());
    let served = serve(&allowed, &asked, &mut input, &mut &output, pipe);
    match served {
        Served::Yes | Served::Status(0) => Ok(Exit::Well),
        // The master counts what the action said itself.
        Served::Status(status) => std::process::exit(status),
        Served::Refused => {
            let failure = Failure::new(
                Exit::Failed,
                format!("`{asked}` is not allowed here; nothing was done"),
            );
            let advice = "this key may read the collect directory, write cback.stage there, and run the actions that its \
                          line in authorized_keys names with --allow";
            session.end(&Err(failure.advise(advice)));
            // What a shell says of a command that it may not run: a master knows it from an action that failed.
            std::process::exit(REFUSED);
        }
        // Somebody who logs in by hand; or a master that went away.
        Served::Failed if asked.is_empty() => Err(Failure::new(
            Exit::Failed,
            "the talk with the master broke off; this key is for a master that runs cback, and opens no shell",
        )),
        Served::Failed => Err(Failure::new(Exit::Failed, format!("`{asked}` failed"))),
    }
}

/// A line of `authorized_keys`.
#[derive(Serialize)]
struct KeyLine(String);

/// What the master may do, by the switches, else by the configuration.
fn allowed(session: &Session, common: &Common, wish: &AgentWish) -> Result<Allowed, Failure> {
    let own = std::env::current_exe().map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("this program cannot find itself: {error}"),
        )
    })?;
    let cback = again(own, common)?;
    if let Some(dir) = &wish.collect_dir {
        return Ok(Allowed {
            collect_dir: AbsPath::new(dir.clone())
                .map_err(|error| Failure::of(Exit::Arguments, error))?,
            actions: wish.allow.clone(),
            cback,
        });
    }
    let config = session.load(common)?;
    let collect = config.collect.as_ref().ok_or_else(|| {
        Failure::new(Exit::Config, "the configuration has no `<collect>`")
            .advise("say with --collect-dir what the master may read")
    })?;
    let (collect_dir, actions) = (collect.collect_dir.clone(), wish.allow.clone());
    let actions = if actions.is_empty() {
        config.options.managed_actions.clone()
    } else {
        actions
    };
    Ok(Allowed {
        collect_dir,
        actions,
        cback,
    })
}

/// This program, `own`, with the switches that make it do on behalf of a master what it does here: those that
/// whoever logs in, from somewhere else and by the program's own name, does not have.
fn again(own: PathBuf, common: &Common) -> Result<Vec<PathBuf>, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|error| {
            let what = format!("{}: {error}", printable_path(path));
            Failure::new(Exit::Arguments, what)
        })
    };
    let (_, defaults) = program::named(own.as_os_str(), Path::exists);
    let mut words = vec![own, PathBuf::from("--config"), absolute(&common.config)?];
    if common.logfile != Path::new(defaults.logfile) {
        words.extend([PathBuf::from("--logfile"), absolute(&common.logfile)?]);
    }
    if common.naming != defaults.naming {
        words.extend([
            PathBuf::from("--naming"),
            PathBuf::from(word(common.naming)),
        ]);
    }
    Ok(words)
}

/// The line for `authorized_keys`.
fn key_line(allowed: &Allowed, key: &Path) -> Result<String, Failure> {
    let unusable = |reason: String| Failure::new(Exit::Arguments, reason);
    let text = std::fs::read_to_string(key)
        .map_err(|error| unusable(format!("{}: {error}", printable_path(key))))?;
    let text = text.trim();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let is_key = text.lines().count() == 1
        && words.len() >= 2
        && ["ssh-", "ecdsa-", "sk-"]
            .iter()
            .any(|start| words[0].starts_with(start));
    if !is_key {
        return Err(
            unusable(format!("{} is no public key", printable_path(key)))
                .advise("give the file that ends in .pub"),
        );
    }
    let mut command = String::new();
    for program in &allowed.cback {
        command += &quoted(program)?;
        command.push(' ');
    }
    command += "agent --collect-dir ";
    command += &quoted(&allowed.collect_dir)?;
    for action in &allowed.actions {
        command += " --allow ";
        command += action.as_str();
    }
    Ok(format!("command=\"{command}\",restrict {text}"))
}

/// A path as a word for the shell, within the double quotes of `authorized_keys`.
fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path
        .to_str()
        .filter(|text| !text.contains(['\'', '"', '\\', '\n']));
    let text = text.ok_or_else(|| {
        let what = format!("{} cannot stand in authorized_keys", printable_path(path));
        Failure::new(Exit::Arguments, what)
    })?;
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    Ok(if plain {
        text.to_owned()
    } else {
        format!("'{text}'")
    })
}
