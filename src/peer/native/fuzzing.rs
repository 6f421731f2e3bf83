//! A way in for the fuzz targets: what files of other programs say of a host, and what a peer's agent answers.

use std::io;
use std::path::Path;

use super::known_hosts::KnownHosts;
use super::ssh_config::HostConfig;

/// Reads the two files as a connection to `host` does; whether `key` would be trusted.
pub fn ssh_files(known_hosts: &Path, config: &Path, host: &str, key: &str) -> io::Result<bool> {
    let home = config.parent().unwrap_or(Path::new("/"));
    HostConfig::read(&[config.to_owned()], host, home)?;
    let known = KnownHosts::read(&[known_hosts.to_owned()], host)?;
    assert!(!known.algorithms().is_empty());
    Ok(match known.check(key) {
        Ok(()) => true,
        Err(distrust) => distrust.to_string().is_empty(),
    })
}
