//! What the tokens of `ssh_config` stand for: `%h` and its like, `~`, `${VARIABLE}`.

use std::path::{Path, PathBuf};

use nix::unistd::User;

use super::super::account::Account;

/// What the tokens stand for.
#[derive(Clone, Copy)]
pub(in super::super) struct Tokens<'a> {
    /// `%h`: the host's own name.
    pub(in super::super) host: &'a str,
    /// `%n`: the name by which it was asked for.
    pub(in super::super) original: &'a str,
    /// `%k`: under which its key is known, if not by its name.
    pub(in super::super) alias: Option<&'a str>,
    /// `%p`.
    pub(in super::super) port: u16,
    /// `%r`: the user there.
    pub(in super::super) user: &'a str,
    /// `%u`, `%i`, `%d`: the user here, with its number and home.
    pub(in super::super) account: &'a Account,
}

impl Tokens<'_> {
    /// `text` with what its tokens stand for. One that is not known is an error.
    pub(in super::super) fn expand(&self, text: &str) -> Result<String, String> {
        expand(text, |token| {
            let account = self.account;
            Some(match token {
                'h' => self.host.to_owned(),
                'n' => self.original.to_owned(),
                'k' => self.alias.unwrap_or(self.original).to_owned(),
                'p' => self.port.to_string(),
                'r' => self.user.to_owned(),
                'u' => account.name.clone(),
                'i' => account.uid().to_string(),
                'd' => account.home.to_string_lossy().into_owned(),
                'l' => local_name(),
                'L' => {
                    let name = local_name();
                    name.split('.').next().unwrap_or_default().to_owned()
                }
                _ => return None,
            })
        })
    }

    /// The file that `text` names.
    pub(in super::super) fn path(&self, text: &str) -> Result<PathBuf, String> {
        expand_path(&self.expand(text)?, &self.account.home)
    }
}

/// The value of `HostName` for the host that was asked for as `asked`.
pub(super) fn host_name(text: &str, asked: &str) -> Result<String, String> {
    expand(text, |token| (token == 'h').then(|| asked.to_owned()))
}

fn expand(text: &str, value: impl Fn(char) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        let token = chars.next();
        let stands_for = match token {
            Some('%') => Some("%".to_owned()),
            token => token.and_then(&value),
        };
        let Some(stands_for) = stands_for else {
            let token = token.map_or_else(String::new, String::from);
            return Err(format!("`%{token}` in `{text}` is not understood here"));
        };
        expanded.push_str(&stands_for);
    }
    Ok(expanded)
}

fn local_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A path in which a leading `~` is the `home`, `~name` that of another user, and `${VARIABLE}` what the environment has.
pub(in super::super) fn expand_path(text: &str, home: &Path) -> Result<PathBuf, String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        plain.push_str(&rest[..at]);
        let Some((name, after)) = rest[at + 2..].split_once('}') else {
            return Err(format!("`{text}` has a `${{` without an end"));
        };
        let value = std::env::var(name);
        plain += &value.map_err(|_| format!("`{text}`: there is no variable `{name}`"))?;
        rest = after;
    }
    plain.push_str(rest);
    let Some(tail) = plain.strip_prefix('~') else {
        return Ok(PathBuf::from(plain));
    };
    let (user, below) = tail.split_once('/').unwrap_or((tail, ""));
    if user.is_empty() {
        return Ok(home.join(below));
    }
    match User::from_name(user) {
        Ok(Some(user)) => Ok(user.dir.join(below)),
        _ => Err(format!("`{text}`: this machine has no user `{user}`")),
    }
}
