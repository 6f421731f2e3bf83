//! Who and where this process is, for configurations that are made.

use nix::unistd::{Gid, Group, Uid, User};

use crate::units::{Owner, PeerName};

/// This machine's name as a peer.
pub fn this_machine() -> PeerName {
    let name = nix::unistd::gethostname().ok();
    name.and_then(|name| name.to_str()?.parse().ok())
        .unwrap_or_else(PeerName::localhost)
}

/// Names of this process's user and group; numbers where there are no names.
pub fn this_user() -> Owner {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let user = User::from_uid(uid).ok().flatten();
    let group = Group::from_gid(gid).ok().flatten();
    Owner {
        user: user.map_or_else(|| uid.to_string(), |user| user.name),
        group: group.map_or_else(|| gid.to_string(), |group| group.name),
    }
}
