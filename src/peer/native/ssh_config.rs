//! The part of `ssh_config(5)` that people rely on to reach a host: its name and port, the user, keys, known hosts,
//! and what stands in between.
//!
//! As in OpenSSH the first value found counts, the user's file before the system's. Keywords that do not change
//! which machine is reached or whether it is trusted are passed by. What does change it and is not understood (some
//! criteria of `Match`, `CanonicalizeHostname`, `RevokedHostKeys`) is refused by its name and place.

mod include;
mod lines;
mod matching;
mod pattern;
mod tokens;

use std::io;
use std::path::{Path, PathBuf};

use super::account::Account;
use crate::event::printable_path;
use include::included;
use lines::{Line, line};
pub(super) use pattern::wildcard;
pub(super) use tokens::Tokens;

/// Whom the files are asked about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The name by which it is to be reached.
    pub(super) host: &'a str,
    /// The user there; `None` leaves it to the files.
    pub(super) user: Option<&'a str>,
    /// The port there; `None` leaves it to the files.
    pub(super) port: Option<u16>,
    /// Whose files they are.
    pub(super) account: &'a Account,
}

/// What the files say of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostConfig {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) identity_files: Vec<String>,
    /// Whether only these files are shown, and of the agent's keys only theirs.
    pub(super) identities_only: bool,
    /// The agent's socket, `none`, or a variable that names it.
    pub(super) identity_agent: Option<String>,
    pub(super) user_known_hosts: Vec<String>,
    pub(super) global_known_hosts: Vec<String>,
    pub(super) host_key_alias: Option<String>,
    pub(super) proxy_jump: Option<String>,
    pub(super) proxy_command: Option<String>,
    /// Seconds.
    pub(super) connect_timeout: Option<u64>,
    /// Seconds that the host may be silent: `ServerAliveInterval` times `ServerAliveCountMax`.
    pub(super) silence: Option<u64>,
    identities_only_said: Option<bool>,
    alive_interval: Option<u64>,
    alive_count: Option<u64>,
}

/// How many files may include one another.
const DEEPEST: usize = 16;

/// Which time the files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    First,
    /// Once more, because a `Match final` asked for it, with the host's name as it is known now.
    Final,
}

/// Reads files for one host.
struct Reader<'a> {
    asked: Asked<'a>,
    config: HostConfig,
    pass: Pass,
    wants_final: bool,
    /// Where relative names of included files begin.
    base: &'a Path,
}

impl HostConfig {
    /// What `files` say of the host, the first one first; a file that does not exist says nothing. An error says what
    /// is not understood, or cannot be read, and where.
    pub(super) fn read(files: &[PathBuf], asked: Asked<'_>) -> Result<Self, String> {
        let mut config = Self::default();
        for pass in [Pass::First, Pass::Final] {
            let mut wants_final = false;
            for file in files {
                let mut reader = Reader {
                    asked,
                    config,
                    pass,
                    wants_final,
                    base: file.parent().unwrap_or(Path::new("/")),
                };
                reader.file(file, 0)?;
                (config, wants_final) = (reader.config, reader.wants_final);
            }
            if !wants_final {
                break;
            }
        }
        config.identities_only = config.identities_only_said == Some(true);
        config.silence = config
            .alive_interval
            .filter(|&interval| interval > 0)
            .map(|interval| interval.saturating_mul(config.alive_count.unwrap_or(3)));
        Ok(config)
    }

    /// The host's own name, if it is not the one that was asked about.
    pub(super) fn real_name(&self, asked: &str) -> Result<String, String> {
        match &self.host_name {
            None => Ok(asked.to_owned()),
            Some(name) => tokens::host_name(name, asked),
        }
    }
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!(
                "{}: too many files include one another",
                printable_path(file)
            ));
        }
        let text = match self.asked.account.with_rights(|| std::fs::read(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text.map_err(|error| format!("{}: {error}", printable_path(file)))?,
        };
        let mut applies = true;
        for (at, text) in String::from_utf8_lossy(&text).lines().enumerate() {
            let Some(line) = line(text) else {
                continue;
            };
            let place = || format!("{}:{}", printable_path(file), at + 1);
            let told = |reason: String| format!("{}: {reason}", place());
            match line.keyword.as_str() {
                "host" => applies = pattern::matches(&line.words, &self.name().map_err(told)?),
                "match" => applies = self.matches(&line.words).map_err(told)?,
                _ if !applies => {}
                "include" => {
                    for word in &line.words {
                        let account = self.asked.account;
                        let files = || included(word, self.base, &account.home);
                        for path in account.with_rights(files).map_err(told)? {
                            self.file(&path, depth + 1)?;
                        }
                    }
                }
                _ => self.take(line).map_err(told)?,
            }
        }
        Ok(())
    }

    /// The name that `Host` is about.
    fn name(&self) -> Result<String, String> {
        match self.pass {
            Pass::First => Ok(self.asked.host.to_owned()),
            Pass::Final => self.config.real_name(self.asked.host),
        }
    }

    fn take(&mut self, line: Line<'_>) -> Result<(), String> {
        let config = &mut self.config;
        let Line {
            keyword,
            words,
            rest,
        } = line;
        let first = words.first().cloned();
        let wrong = |word: &str| format!("`{keyword} {word}` is not understood");
        let number = |word: Option<String>| -> Result<Option<u64>, String> {
            match word {
                None => Ok(None),
                Some(word) => seconds(&word).map(Some).ok_or_else(|| wrong(&word)),
            }
        };
        match keyword.as_str() {
            "connecttimeout" if first.as_deref() == Some("none") => {}
            "connecttimeout" => config.connect_timeout = config.connect_timeout.or(number(first)?),
            "serveraliveinterval" => {
                config.alive_interval = config.alive_interval.or(number(first)?);
            }
            "serveralivecountmax" => config.alive_count = config.alive_count.or(number(first)?),
            "hostname" => config.host_name = config.host_name.take().or(first),
            "port" => {
                let port = first.map(|word| word.parse().map_err(|_| wrong(&word)));
                config.port = config.port.or(port.transpose()?);
            }
            "user" => config.user = config.user.take().or(first),
            "hostkeyalias" => config.host_key_alias = config.host_key_alias.take().or(first),
            "identityagent" => config.identity_agent = config.identity_agent.take().or(first),
            "identitiesonly" => {
                let said = first.map(|word| is_yes(&word));
                config.identities_only_said = config.identities_only_said.or(said);
            }
            // In a second pass they come again.
            "identityfile" => {
                let new = first.filter(|file| !config.identity_files.contains(file));
                config.identity_files.extend(new);
            }
            "userknownhostsfile" if config.user_known_hosts.is_empty() => {
                config.user_known_hosts = words;
            }
            "globalknownhostsfile" if config.global_known_hosts.is_empty() => {
                config.global_known_hosts = words;
            }
            // The first of the two decides, as in OpenSSH.
            "proxyjump" if config.proxy_command.is_none() => {
                config.proxy_jump = config.proxy_jump.take().or(first);
            }
            "proxycommand" if config.proxy_jump.is_none() && config.proxy_command.is_none() => {
                config.proxy_command = Some(rest.to_owned());
            }
            "canonicalizehostname" | "proxyusefdpass" if first.as_deref().is_some_and(is_yes) => {
                return Err(format!(
                    "`{keyword}` is not understood; name the host with `HostName`"
                ));
            }
            "revokedhostkeys" if first.as_deref() != Some("none") => {
                return Err(format!(
                    "`{keyword}` is not understood; put the keys into known_hosts with `@revoked`"
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A time as ssh writes it: seconds, or numbers with a letter behind each, `1h30m`.
fn seconds(text: &str) -> Option<u64> {
    let mut all: u64 = 0;
    let mut rest = text;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let mut letters = unit.chars();
        let each = match letters.next().map(|c| c.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            Some(_) => return None,
        };
        all = all.checked_add(number.checked_mul(each)?)?;
        rest = letters.as_str();
        if rest.is_empty() {
            return Some(all);
        }
    }
}

fn is_yes(word: &str) -> bool {
    ["yes", "true", "always"]
        .iter()
        .any(|yes| word.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests;
