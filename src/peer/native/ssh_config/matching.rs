//! `Match`: whether all its criteria hold.
//!
//! `all`, `host`, `originalhost`, `user`, `localuser`, `final`, `canonical`, `exec` are understood, each with `!` before
//! it, too. Where one that is not would decide, the block is refused by its name: passing it by might lead to
//! another machine, or trust another key.

use std::time::Duration;

use super::pattern::{in_list, user_in_list};
use super::tokens::Tokens;
use super::{Pass, Reader};
use crate::event::{Event, Monitor};
use crate::process::{Command, Runner as _, Status, Stdout, System};

/// How long the program of `exec` may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Reader<'_> {
    /// Whether all criteria in `words` hold.
    pub(super) fn matches(&mut self, words: &[String]) -> Result<bool, String> {
        if words.is_empty() {
            return Err("`Match` says nothing".to_owned());
        }
        let mut holds = true;
        let mut strange = None;
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (word, joined) = match word.split_once('=') {
                Some((word, value)) if !word.is_empty() => (word, Some(value)),
                _ => (word.as_str(), None),
            };
            let (not, name) = match word.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, word),
            };
            let name = name.to_ascii_lowercase();
            let plain = match name.as_str() {
                "all" => Some(true),
                // Only a host whose name was made canonical, which is refused.
                "canonical" => Some(false),
                "final" => {
                    self.wants_final |= self.pass == Pass::First;
                    Some(self.pass == Pass::Final)
                }
                _ => None,
            };
            let fits = if let Some(fits) = plain {
                fits
            } else {
                let value = joined.or_else(|| rest.next().map(String::as_str));
                let value = value.ok_or_else(|| format!("`Match {name}` says nothing"))?;
                let Some(fits) = self.criterion(&name, value, holds)? else {
                    strange.get_or_insert(name);
                    continue;
                };
                fits
            };
            holds &= fits != not;
        }
        match strange {
            Some(name) if holds => Err(format!(
                "`Match {name}` is not understood, and may be about this host; use `Host`, or `Match` with host, \
                 originalhost, user, localuser, final, exec"
            )),
            _ => Ok(holds),
        }
    }

    /// Whether one criterion with a value fits; `None` if it is not understood. A program is only run if everything
    /// before it `holds`.
    fn criterion(&self, name: &str, value: &str, holds: bool) -> Result<Option<bool>, String> {
        let asked = &self.asked;
        let account = asked.account;
        let host = self.config.real_name(asked.host)?;
        let user = asked.user.or(self.config.user.as_deref());
        let user = user.unwrap_or(&account.name);
        Ok(Some(match name {
            "host" => in_list(value, &host),
            "originalhost" => in_list(value, asked.host),
            "user" => user_in_list(value, user),
            "localuser" => user_in_list(value, &account.name),
            "exec" if !holds => false,
            // What is made up for a test is never run.
            "exec" if cfg!(fuzzing) => false,
            "exec" => {
                let tokens = Tokens {
                    host: &host,
                    original: asked.host,
                    alias: self.config.host_key_alias.as_deref(),
                    port: asked.port.or(self.config.port).unwrap_or(22),
                    user,
                    account,
                };
                let text = tokens.expand(value)?;
                let command = account.runs(Command::shell(&text)).time_limit(PATIENCE);
                let ended = System::new(&Nobody).run(&command, Stdout::Lines);
                let ended = ended.map_err(|error| error.to_string())?;
                if ended.status == Status::TimedOut {
                    return Err(format!(
                        "`{text}` took more than {} seconds",
                        PATIENCE.as_secs()
                    ));
                }
                ended.success()
            }
            _ => return Ok(None),
        }))
    }
}

/// What the program prints goes to the log by itself.
struct Nobody;

impl Monitor for Nobody {
    fn observe(&self, _event: &Event<'_>) {}
}
