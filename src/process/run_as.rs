//! The user as whom a program runs when we are root.

use std::ffi::CString;
use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User, getgrouplist, getgroups, setfsgid, setfsuid};
use rustix::thread::set_thread_groups;

use crate::units::{Owner, OwnerError};

/// A user as whom a program can run, with all that the user database says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) groups: Vec<Gid>,
    pub(super) name: String,
    pub(super) home: PathBuf,
}

/// Why a program cannot run as that user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunAsError {
    /// User or group is unknown.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// The groups of the user cannot be found out.
    #[error("cannot find out the groups of the user `{user}`: {reason}")]
    Groups {
        /// The user.
        user: String,
        /// Why.
        reason: nix::Error,
    },
}

/// Gives a thread of ours the rights to files that it had before.
struct Back {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Drop for Back {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
        // What could be given away can be taken back.
        let _ = set_thread_groups(&of_rustix(&self.groups));
    }
}

fn of_rustix(groups: &[Gid]) -> Vec<rustix::fs::Gid> {
    let raw = groups.iter().map(|group| group.as_raw());
    raw.map(rustix::fs::Gid::from_raw).collect()
}

impl RunAs {
    /// Does `work` with no other rights to files than this user has, on this thread, if we are root. What `work` writes
    /// belongs to the user.
    pub fn with_rights<T>(&self, work: impl FnOnce() -> T) -> T {
        let groups = getgroups();
        let (true, Ok(groups)) = (Uid::effective().is_root(), groups) else {
            return work();
        };
        // Root's rights to files go with the number: the kernel takes them while it is another's.
        let gid = setfsgid(self.gid);
        let _back = Back {
            uid: Uid::effective(),
            gid,
            groups,
        };
        if set_thread_groups(&of_rustix(&self.groups)).is_err() {
            log::debug!("this thread keeps its groups");
        }
        setfsuid(self.uid);
        work()
    }

    /// The user of `owner`, with the group of `owner` first and the user's own groups besides.
    pub fn lookup(owner: &Owner) -> Result<Self, RunAsError> {
        let ids = owner.lookup()?;
        let user = User::from_name(&owner.user)
            .map_err(OwnerError::Database)?
            .ok_or_else(|| OwnerError::NoUser(owner.user.clone()))?;
        let gid = Gid::from_raw(ids.gid);
        let groups = CString::new(owner.user.as_str())
            .map_err(|_| nix::Error::EINVAL)
            .and_then(|name| getgrouplist(&name, user.gid))
            .map_err(|reason| RunAsError::Groups {
                user: owner.user.clone(),
                reason,
            })?;
        Ok(Self {
            uid: user.uid,
            gid,
            groups,
            name: owner.user.clone(),
            home: user.dir,
        })
    }
}
