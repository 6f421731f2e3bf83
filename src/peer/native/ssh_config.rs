//! The part of `ssh_config(5)` that people rely on to reach a host: its name and port, the user, keys, known hosts,
//! and what stands in between.
//!
//! As in OpenSSH the first value found counts, the user's file before the system's. Keywords that do not change
//! which machine is reached or whether it is trusted are passed by. `Match` is not understood: what stands below it
//! up to the next `Host` is passed by, and told.

use std::io;
use std::path::{Path, PathBuf};

/// What the files say of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostConfig {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) identity_files: Vec<String>,
    pub(super) user_known_hosts: Vec<String>,
    pub(super) host_key_alias: Option<String>,
    pub(super) proxy_jump: Option<String>,
    pub(super) proxy_command: Option<String>,
    /// Seconds.
    pub(super) connect_timeout: Option<u64>,
    /// Seconds that the host may be silent: `ServerAliveInterval` times `ServerAliveCountMax`.
    pub(super) silence: Option<u64>,
    alive_interval: Option<u64>,
    alive_count: Option<u64>,
    /// What could not be understood.
    pub(super) odd: Vec<String>,
}

/// How many files may include one another.
const DEEPEST: usize = 16;

impl HostConfig {
    /// What `files` say of `host`, the first one first. A file that does not exist says nothing.
    pub(super) fn read(files: &[PathBuf], host: &str, home: &Path) -> io::Result<Self> {
        let mut config = Self::default();
        for file in files {
            config.read_file(file, host, home, 0)?;
        }
        config.silence = config
            .alive_interval
            .filter(|&interval| interval > 0)
            .map(|interval| interval.saturating_mul(config.alive_count.unwrap_or(3)));
        Ok(config)
    }

    fn read_file(&mut self, file: &Path, host: &str, home: &Path, depth: usize) -> io::Result<()> {
        let text = match std::fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text?,
        };
        let mut applies = true;
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((keyword, words)) = words(line) else {
                continue;
            };
            match keyword.as_str() {
                "host" => applies = matches(&words, host),
                "match" => {
                    applies = words == ["all"];
                    if !applies {
                        let odd = format!("{}: `Match` is passed by", file.display());
                        self.odd.push(odd);
                    }
                }
                "include" if applies && depth < DEEPEST => {
                    for word in &words {
                        for path in included(word, file, home)? {
                            self.read_file(&path, host, home, depth + 1)?;
                        }
                    }
                }
                _ if applies => self.take(&keyword, words, line),
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, keyword: &str, words: Vec<String>, line: &str) {
        let rest = || {
            let rest = line
                .trim()
                .trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            rest.trim_start_matches([' ', '\t', '=']).to_owned()
        };
        let first = words.first().cloned();
        let number = |word: Option<String>| word.and_then(|word| word.parse().ok());
        match keyword {
            "connecttimeout" => self.connect_timeout = self.connect_timeout.or(number(first)),
            "serveraliveinterval" => self.alive_interval = self.alive_interval.or(number(first)),
            "serveralivecountmax" => self.alive_count = self.alive_count.or(number(first)),
            "hostname" => self.host_name = self.host_name.take().or(first),
            "port" => self.port = self.port.or(first.and_then(|word| word.parse().ok())),
            "user" => self.user = self.user.take().or(first),
            "hostkeyalias" => self.host_key_alias = self.host_key_alias.take().or(first),
            "identityfile" => self.identity_files.extend(first),
            "userknownhostsfile" if self.user_known_hosts.is_empty() => {
                self.user_known_hosts = words;
            }
            // The first of the two decides, as in OpenSSH.
            "proxyjump" if self.proxy_command.is_none() => {
                self.proxy_jump = self.proxy_jump.take().or(first);
            }
            "proxycommand" if self.proxy_jump.is_none() && self.proxy_command.is_none() => {
                self.proxy_command = Some(rest());
            }
            _ => {}
        }
    }
}

/// Keyword, in lower case, and words of a line; `None` if it has none.
fn words(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
    let keyword = line[..end].to_ascii_lowercase();
    let mut rest = line[end..].trim_start_matches([' ', '\t']);
    rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut words = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some((keyword, words));
        }
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after;
    }
}

/// Whether `host` is meant by the patterns: one matches, and none that begins with `!` does.
fn matches(patterns: &[String], host: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if wildcard(not, host) => return false,
            Some(_) => {}
            None => found |= wildcard(pattern, host),
        }
    }
    found
}

/// Whether `text` matches `pattern`, in which `*` stands for any characters and `?` for one; case does not count.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_ascii_lowercase().chars().collect();
    let text: Vec<char> = text.to_ascii_lowercase().chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// The files that an `Include` names; a wildcard may stand in the last part of the path.
fn included(word: &str, from: &Path, home: &Path) -> io::Result<Vec<PathBuf>> {
    let mut path = expand_home(word, home);
    if path.is_relative() {
        path = from.with_file_name("").join(path);
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if !name.contains(['*', '?']) {
        return Ok(vec![path]);
    }
    let dir = path.with_file_name("");
    let entries = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?.file_name();
        let text = entry.to_string_lossy();
        if !text.starts_with('.') && wildcard(&name, &text) {
            found.push(dir.join(&entry));
        }
    }
    found.sort();
    Ok(found)
}

/// A path in which a leading `~/` is the home directory.
pub(super) fn expand_home(word: &str, home: &Path) -> PathBuf {
    match word.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(word),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str, host: &str) -> HostConfig {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        std::fs::write(&file, text).unwrap();
        std::fs::write(dir.path().join("more.conf"), "Port 7\nUser included\n").unwrap();
        HostConfig::read(&[file, dir.path().join("none")], host, dir.path()).unwrap()
    }

    #[test]
    fn the_first_value_counts_and_patterns_choose() {
        let text = "# all\nHost ada\n  HostName ada.example.org\n  Port=2222\n\nHost *.org !bad.org\n  User orga\n\
                    Host *\n  Port 99\n  User anybody\n  IdentityFile ~/a\n  IdentityFile \"/b c\"\n\
                    UserKnownHostsFile /k1 /k2\n  ProxyJump hop:22\n ProxyCommand nc %h %p\n";
        let ada = read(text, "ada");
        assert_eq!(ada.host_name.as_deref(), Some("ada.example.org"));
        assert_eq!(
            (ada.port, ada.user.as_deref()),
            (Some(2222), Some("anybody"))
        );
        assert_eq!(ada.identity_files, ["~/a", "/b c"]);
        assert_eq!(ada.user_known_hosts, ["/k1", "/k2"]);
        assert_eq!(
            (ada.proxy_jump.as_deref(), ada.proxy_command),
            (Some("hop:22"), None)
        );
        assert_eq!(read(text, "x.org").user.as_deref(), Some("orga"));
        assert_eq!(read(text, "bad.org").user.as_deref(), Some("anybody"));
    }

    #[test]
    fn a_proxy_command_is_the_rest_of_the_line() {
        let config = read("proxycommand = ssh -W %h:%p \"a b\"\n", "x");
        assert_eq!(
            config.proxy_command.as_deref(),
            Some("ssh -W %h:%p \"a b\"")
        );
    }

    #[test]
    fn included_files_count_where_they_stand_and_match_is_told() {
        assert_eq!(read("Include *.conf\nPort 8\n", "x").port, Some(7));
        assert_eq!(read("Host y\nInclude more.conf\n", "x").port, None);
        let odd = read("Match exec true\nPort 8\nHost *\nPort 9\n", "x");
        assert_eq!((odd.port, odd.odd.len()), (Some(9), 1));
    }

    #[test]
    fn wildcards_are_those_of_the_shell() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a?c", "abc", true),
            ("a*c*", "abbcd", true),
            ("*.example.org", "x.Example.ORG", true),
            ("a?c", "ac", false),
            ("a*b", "ac", false),
        ] {
            assert_eq!(wildcard(pattern, text), fits, "{pattern} {text}");
        }
    }
}
