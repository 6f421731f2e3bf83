//! How we are let in: the agent's keys and the key files of the backup user.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ssh2::{ErrorCode, PublicKey, Session};

use super::account::Account;
use super::known_hosts::base64;
use super::ssh_config::Tokens;
use crate::event::{printable_bytes, printable_path};
use crate::peer::PeerError;

/// The systemd credential that has the passphrase of the keys.
const CREDENTIAL: &str = "ssh-passphrase";
/// Key files that are tried where `ssh_config` names none.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What there is to show.
pub(super) struct Keys<'a> {
    /// The files that `ssh_config` names.
    pub(super) files: Vec<PathBuf>,
    /// The agent's socket.
    pub(super) socket: Option<PathBuf>,
    /// Whether of the agent's keys only those of the files are shown.
    pub(super) only_files: bool,
    /// The file with the passphrase.
    pub(super) passphrase: Option<&'a Path>,
}

/// The agent's socket, as `IdentityAgent` says, if it does.
pub(super) fn socket(said: Option<&str>, tokens: &Tokens<'_>) -> Result<Option<PathBuf>, String> {
    Ok(match said {
        None | Some("SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK") => tokens.account.agent(),
        Some("none") => None,
        Some(text) => Some(match text.strip_prefix('$') {
            Some(name) if !name.starts_with('{') => tokens.path(&format!("${{{name}}}"))?,
            _ => tokens.path(text)?,
        }),
    })
}

/// Tries every key until one is accepted: first those that `ssh_config` names, else the agent's and the usual files.
pub(super) fn log_in(
    session: &Session,
    user: &str,
    name: &str,
    account: &Account,
    keys: &Keys<'_>,
) -> Result<(), PeerError> {
    let passphrase = passphrase(keys.passphrase)?;
    let usual = USUAL.map(|file| account.ssh_file(file));
    let (named, files) = match keys.files.as_slice() {
        [] => (false, &usual[..]),
        files => (true, files),
    };
    let began = Instant::now();
    let mut tried = Tried::default();
    // The user's files are read with the user's rights, also where the user has made links of them.
    account.with_rights(|| {
        if !named {
            by_agent(session, user, keys, files, &mut tried);
        }
        for file in files {
            if session.authenticated() || tried.is_over {
                return;
            }
            by_file(session, user, file, passphrase.as_deref(), &mut tried);
        }
        if named && !session.authenticated() && !tried.is_over {
            by_agent(session, user, keys, files, &mut tried);
        }
    });
    if session.authenticated() {
        return Ok(());
    }
    let patience = Duration::from_millis(session.timeout().into());
    if tried.is_over && began.elapsed() >= patience {
        return Err(PeerError::Silent {
            host: name.to_owned(),
            seconds: patience.as_secs(),
        });
    }
    let Tried { words: tried, .. } = tried;
    Err(PeerError::Refused {
        host: name.to_owned(),
        reason: if tried.is_empty() {
            format!(
                "{} has no key to show: neither an agent nor a file in ~/.ssh",
                account.name
            )
        } else {
            tried.join("; ")
        },
    })
}

/// What became of the keys.
#[derive(Default)]
struct Tried {
    /// Why each was not accepted.
    words: Vec<String>,
    /// The host takes no more keys.
    is_over: bool,
}

impl Tried {
    fn push(&mut self, word: String) {
        self.words.push(word);
    }

    /// Whether `error` says that the host does not answer any more; then there is nothing more to try.
    fn is_the_end(&mut self, error: &ssh2::Error) -> bool {
        // It has no code of its own.
        let text = error.message();
        if !text.starts_with("Waiting for") && !text.starts_with("Unable to send") {
            return false;
        }
        self.is_over = true;
        self.push(
            "then it ended the talk: it may have seen too many keys; name the right one in ~/.ssh/config, with IdentityFile \
             and IdentitiesOnly"
                .to_owned(),
        );
        true
    }
}

fn by_agent(session: &Session, user: &str, keys: &Keys<'_>, files: &[PathBuf], tried: &mut Tried) {
    let Some(socket) = &keys.socket else {
        return;
    };
    let mut attempt = || -> Result<(), ssh2::Error> {
        let mut agent = session.agent()?;
        agent.set_identity_path(socket)?;
        agent.connect()?;
        agent.list_identities()?;
        for identity in agent.identities()? {
            if keys.only_files && !files.iter().any(|file| is_of(&identity, file)) {
                continue;
            }
            match agent.userauth(user, &identity) {
                Ok(()) => return Ok(()),
                Err(error) if tried.is_the_end(&error) => return Ok(()),
                Err(_) => {}
            }
            tried.push(format!(
                "the agent's key {} is not accepted",
                printable_bytes(identity.comment().as_bytes())
            ));
        }
        Ok(())
    };
    if let Err(error) = attempt() {
        tried.push(format!(
            "the agent at {} does not answer ({})",
            socket.display(),
            error.message()
        ));
    }
}

/// Whether the public half of the key `file` is this one.
fn is_of(identity: &PublicKey, file: &Path) -> bool {
    let mut public = file.as_os_str().to_owned();
    public.push(".pub");
    [Path::new(&public), file].iter().any(|path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let key = text.split_ascii_whitespace().nth(1);
        key == Some(base64(identity.blob()).as_str())
    })
}

fn by_file(
    session: &Session,
    user: &str,
    file: &Path,
    passphrase: Option<&str>,
    tried: &mut Tried,
) {
    let shown = printable_path(file);
    match std::fs::File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            tried.push(format!("{shown} cannot be read: {error}"));
            return;
        }
        Ok(_) => {}
    }
    let Err(error) = session.userauth_pubkey_file(user, None, file, passphrase) else {
        return;
    };
    if tried.is_the_end(&error) {
        return;
    }
    tried.push(match error.code() {
        // Its own file trouble: a wrong passphrase, or no key at all.
        ErrorCode::Session(-16) if passphrase.is_none() => format!(
            "{shown} cannot be used without its passphrase, or is no private key; give the passphrase in the systemd \
             credential `{CREDENTIAL}` or a `<passphrase_file>`, or use an agent"
        ),
        ErrorCode::Session(-16) => format!("{shown} does not open with the passphrase"),
        ErrorCode::Session(-18 | -19) => format!("the key {shown} is not accepted"),
        _ => format!("{shown}: {}", error.message()),
    });
}

/// The passphrase of the key files, if there is one.
fn passphrase(file: Option<&Path>) -> Result<Option<String>, PeerError> {
    let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
        .map(|dir| PathBuf::from(dir).join(CREDENTIAL))
        .filter(|path| path.exists());
    let Some(file) = file.map(Path::to_owned).or(credential) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&file).map_err(|error| {
        PeerError::Setup(format!(
            "the passphrase cannot be read: {}: {error}",
            printable_path(file)
        ))
    })?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}
