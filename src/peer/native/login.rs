//! How we are let in: the agent's keys and the key files of the backup user.

use std::io;
use std::path::{Path, PathBuf};

use ssh2::{ErrorCode, Session};

use super::account::Account;
use crate::peer::PeerError;

/// The systemd credential that has the passphrase of the keys.
const CREDENTIAL: &str = "ssh-passphrase";

/// Tries every key until one is accepted: first those that `ssh_config` names, else the agent's and the usual files.
pub(super) fn log_in(
    session: &Session,
    user: &str,
    name: &str,
    account: &Account,
    identities: &[PathBuf],
    passphrase_file: Option<&Path>,
) -> Result<(), PeerError> {
    let passphrase = passphrase(passphrase_file)?;
    let usual = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|file| account.ssh_file(file));
    let files = if identities.is_empty() {
        &usual[..]
    } else {
        identities
    };
    let mut tried = Vec::new();
    if identities.is_empty() {
        by_agent(session, user, account, &mut tried);
    }
    for file in files {
        if session.authenticated() {
            return Ok(());
        }
        by_file(session, user, file, passphrase.as_deref(), &mut tried);
    }
    if !session.authenticated() && !identities.is_empty() {
        by_agent(session, user, account, &mut tried);
    }
    if session.authenticated() {
        return Ok(());
    }
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

fn by_agent(session: &Session, user: &str, account: &Account, tried: &mut Vec<String>) {
    let Some(socket) = account.agent() else {
        return;
    };
    let mut attempt = || -> Result<(), ssh2::Error> {
        let mut agent = session.agent()?;
        agent.set_identity_path(&socket)?;
        agent.connect()?;
        agent.list_identities()?;
        for identity in agent.identities()? {
            if agent.userauth(user, &identity).is_ok() {
                return Ok(());
            }
            tried.push(format!(
                "the agent's key {} is not accepted",
                identity.comment()
            ));
        }
        Ok(())
    };
    if let Err(error) = attempt() {
        tried.push(format!("the agent does not answer ({})", error.message()));
    }
}

fn by_file(
    session: &Session,
    user: &str,
    file: &Path,
    passphrase: Option<&str>,
    tried: &mut Vec<String>,
) {
    let shown = file.display();
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            tried.push(format!("{shown} cannot be read: {error}"));
            return;
        }
    };
    drop(text);
    let Err(error) = session.userauth_pubkey_file(user, None, file, passphrase) else {
        return;
    };
    tried.push(match error.code() {
        // Its own file trouble: a wrong passphrase, or no key at all.
        ErrorCode::Session(-16) if passphrase.is_none() => format!(
            "{shown} cannot be used without its passphrase, or is no private key; give the passphrase in the systemd \
             credential `{CREDENTIAL}`, or use an agent"
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
            file.display()
        ))
    })?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}
