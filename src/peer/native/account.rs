//! The backup user of this machine: where its keys are, and as whom its commands run.

use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use super::super::PeerError;
use crate::process::{Command, RunAs};
use crate::units::Owner;

/// Whose keys and known hosts are used.
#[derive(Debug, Clone)]
pub(in crate::peer) struct Account {
    /// Its name.
    pub(in crate::peer) name: String,
    /// Its home directory.
    pub(in crate::peer) home: PathBuf,
    /// As whom commands run; `None` if that is who we are.
    run_as: Option<RunAs>,
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The user of `owner` if this process is root, else the user that runs it.
    pub(in crate::peer) fn of(owner: &Owner) -> Result<Self, PeerError> {
        let me = Uid::effective();
        let setup = |what: &str| PeerError::Setup(what.to_owned());
        let own = User::from_uid(me)
            .map_err(|error| setup(&format!("the user database cannot be read: {error}")))?;
        let is_me = own.as_ref().is_some_and(|user| user.name == owner.user);
        if !me.is_root() || is_me {
            let home = std::env::var_os("HOME").map(PathBuf::from);
            let home = home.or_else(|| own.as_ref().map(|user| user.dir.clone()));
            return Ok(Self {
                name: own.map_or_else(|| owner.user.clone(), |user| user.name),
                home: home.ok_or_else(|| setup("this user has no home directory"))?,
                run_as: None,
                ids: None,
            });
        }
        let run_as = RunAs::lookup(owner).map_err(|error| setup(&error.to_string()))?;
        let user = User::from_name(&owner.user)
            .ok()
            .flatten()
            .ok_or_else(|| setup(&format!("this machine has no user `{}`", owner.user)))?;
        Ok(Self {
            name: user.name,
            home: user.dir,
            run_as: Some(run_as),
            ids: Some((user.uid.as_raw(), user.gid.as_raw())),
        })
    }

    /// `command`, as this user.
    pub(in crate::peer) fn runs(&self, command: Command) -> Command {
        match &self.run_as {
            Some(run_as) => command.as_user(run_as),
            None => command,
        }
    }

    /// Does `work` with no other rights to files than this user has.
    pub(in crate::peer) fn with_rights<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.run_as {
            Some(run_as) => run_as.with_rights(work),
            None => work(),
        }
    }

    /// Its number.
    pub(in crate::peer) fn uid(&self) -> u32 {
        let me = || Uid::effective().as_raw();
        self.ids.map_or_else(me, |(uid, _)| uid)
    }

    /// Gives the file or directory at `path` to this user, if it is not ours already.
    pub(in crate::peer) fn own(&self, path: &Path) -> std::io::Result<()> {
        let Some((uid, gid)) = self.ids else {
            return Ok(());
        };
        std::os::unix::fs::lchown(path, Some(uid), Some(gid))
    }

    /// A file below `~/.ssh`.
    pub(in crate::peer) fn ssh_file(&self, name: &str) -> PathBuf {
        Path::new(&self.home).join(".ssh").join(name)
    }

    /// The socket of this user's agent, as the environment says if we are this user.
    pub(in crate::peer) fn agent(&self) -> Option<PathBuf> {
        let socket = std::env::var_os("SSH_AUTH_SOCK")?;
        self.run_as.is_none().then(|| socket.into())
    }
}
