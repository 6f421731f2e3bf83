//! End to end: the real binary on a machine of its own, one file an action.

#![allow(clippy::unwrap_used)]
// Messages for those who read a failed test: names with their escapes, text put together without ceremony.
#![allow(clippy::unnecessary_debug_formatting, clippy::format_push_string)]

mod backup_user;
mod bad_peers;
mod call;
#[path = "../differential/install.rs"]
mod cedar;
mod cedar_pool;
mod changer;
mod changer_faults;
mod changer_restore;
mod cmdline;
mod collect;
mod config;
mod crash;
mod disc;
mod disc_damaged;
mod disc_directories;
mod disc_many;
mod dry_run;
mod extend;
mod extend_amazons3;
mod extend_databases;
mod extend_dumps;
mod extend_staged;
mod faults;
mod foreign;
mod full_disks;
mod hooks;
mod hostile_scp;
mod journal;
mod json;
mod jukebox;
mod keys;
mod large;
mod log;
mod machine;
mod managed;
mod manners;
mod master;
mod no_proc;
mod overrides;
mod panics;
mod pool;
mod purge;
mod quickstart;
mod rebuild;
mod remote;
mod restore;
mod slips;
mod span;
mod ssh_config;
mod sshd;
mod stage;
mod status;
mod store;
mod takeover;
mod transports;
mod tree;
mod users;
mod validate;
mod week;
