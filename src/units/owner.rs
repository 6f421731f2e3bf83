//! Who owns the backup's files: names in the configuration, numbers in the kernel.

use std::fmt;

use nix::unistd::{Group, Uid, User};

/// The backup user and group by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Name of the user.
    pub user: String,
    /// Name of the group.
    pub group: String,
}

/// The numbers behind an [`Owner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
}

/// A name that this machine does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// There is no such user.
    #[error("this machine has no user `{0}`")]
    NoUser(String),
    /// There is no such group.
    #[error("this machine has no group `{0}`")]
    NoGroup(String),
    /// The user database could not be read.
    #[error("the user database cannot be read: {0}")]
    Database(nix::Error),
}

impl Owner {
    /// The numbers of user and group.
    pub fn lookup(&self) -> Result<Ids, OwnerError> {
        let user = User::from_name(&self.user)
            .map_err(OwnerError::Database)?
            .ok_or_else(|| OwnerError::NoUser(self.user.clone()))?;
        let group = Group::from_name(&self.group)
            .map_err(OwnerError::Database)?
            .ok_or_else(|| OwnerError::NoGroup(self.group.clone()))?;
        Ok(Ids {
            uid: user.uid.as_raw(),
            gid: group.gid.as_raw(),
        })
    }

    /// The numbers to give files to: `None` unless this process is root, since only root can.
    pub fn to_give(&self) -> Result<Option<Ids>, OwnerError> {
        if Uid::effective().is_root() {
            self.lookup().map(Some)
        } else {
            Ok(None)
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}
