//! A way in for the fuzz targets: what files of other programs say of a host, and what a peer's agent answers.

use std::io;
use std::path::Path;

use super::account::Account;
use super::known_hosts::KnownHosts;
use super::ssh_config::{Asked, HostConfig};
use crate::units::Owner;

/// Reads the two files as a connection to `host` does; whether `key` would be trusted.
pub fn ssh_files(known_hosts: &Path, config: &Path, host: &str, key: &str) -> io::Result<bool> {
    // Who runs the target, whatever the name; only root would be somebody else.
    let owner = Owner {
        user: "root".to_owned(),
        group: "root".to_owned(),
    };
    let mut account = Account::of(&owner).map_err(io::Error::other)?;
    account.home = config.parent().unwrap_or(Path::new("/")).to_owned();
    let asked = Asked {
        host,
        user: None,
        port: None,
        account: &account,
    };
    HostConfig::read(&[config.to_owned()], asked).map_err(io::Error::other)?;
    let known = KnownHosts::read(&[known_hosts.to_owned()], host, None)?;
    assert!(!known.algorithms().is_empty());
    Ok(match known.check(key) {
        Ok(()) => true,
        Err(distrust) => distrust.to_string().is_empty(),
    })
}
