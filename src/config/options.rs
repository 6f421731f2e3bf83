//! `<options>`: what all actions share.

use std::time::Duration;

use crate::units::{AbsPath, ActionName, CommandLine, Owner, Weekday};

use super::read::{Cursor, Read, Wrong, together};
use super::schema::{Rule, one, parts};
use super::value::{self, ACTION, ACTIONS, COMMAND, FLAG, PATH, SECONDS, TEXT};

const OVERRIDE: &[Rule] = &[
    one("command", TEXT)
        .means("The name of the program.")
        .required()
        .example("xorriso"),
    one("abs_path", PATH)
        .means("Where the program is.")
        .required()
        .example("/usr/local/bin/xorriso"),
];

const HOOK: &[Rule] = &[
    one("action", ACTION)
        .means("The action to which the hook belongs; not `all`.")
        .required()
        .example("collect"),
    one("command", "a shell command")
        .means("What `/bin/sh` is given.")
        .required()
        .example("systemctl stop wiki"),
    one("timeout", SECONDS)
        .means(
            "The hook may take this many seconds. Then it is ended, with all that it started, and has failed. Without it \
             there is no limit.",
        )
        .example("600")
        .ours(),
    one("ignore_failure", FLAG)
        .means("Whether the run goes on when the hook fails; the log says so.")
        .otherwise("N")
        .ours(),
];

pub(super) const RULES: &[Rule] = &[
    one("starting_day", "a day of the week, such as `monday`")
        .means(
            "The day on which the backup week begins. On it incremental sources are collected in full, weekly ones are \
             collected, and a new disc is begun. All machines of a pool need the same.",
        )
        .required()
        .example("sunday"),
    one("working_dir", PATH)
        .means("Where state and temporary files are kept.")
        .required()
        .example("/var/lib/cback/work"),
    one("backup_user", "the name of a user")
        .means("The user who owns the backup's files when cback runs as root.")
        .required()
        .example("backup"),
    one("backup_group", "the name of a group")
        .means("The group of the backup's files.")
        .required()
        .example("backup"),
    one("transport", TRANSPORT)
        .means(
            "How remote peers are reached that do not say it themselves: `native`, by the SSH that is built in; \
             `command`, by <rcp_command> and <rsh_command>. Without it: `command` where there is an <rcp_command>, \
             else `native`.",
        )
        .example("native")
        .ours(),
    one("passphrase_file", PATH)
        .means(
            "The file with the passphrase of the SSH keys, for `native`. Without it, the systemd credential \
             `ssh-passphrase` is used if there is one.",
        )
        .example("/etc/cback.passphrase")
        .ours(),
    one("rcp_command", COMMAND)
        .means("What copies from remote peers. Without it the SSH that is built in does.")
        .example("/usr/bin/scp -B"),
    one("rsh_command", COMMAND)
        .means(
            "What runs a command on a remote peer. Required only if a managed peer with an <rcp_command> has none of \
             its own.",
        )
        .example("/usr/bin/ssh"),
    one("cback_command", COMMAND)
        .means(
            "What cback is called on a managed peer. Required only if one with an <rcp_command> has none of its own; \
             with the SSH that is built in, it is `cback`.",
        )
        .example("/usr/bin/cback"),
    one("managed_actions", ACTIONS)
        .means("What managed peers are asked to do, if they have no list of their own.")
        .example("collect, purge"),
    parts("override", OVERRIDE).means(
        "A program that is not where the path finds it. Of several for one command the last counts.",
    ),
    parts("pre_action_hook", HOOK)
        .means(
        "A command that is run immediately before an action. Several for one action run in order. One that does not end \
         with status 0 fails the action, which is not begun, and the run ends; the message has the last lines that it \
         printed.",
    ),
    parts("post_action_hook", HOOK).means(
        "A command that is run immediately after an action that went well. One that does not end with status 0 fails the \
         action, and the run ends.",
    ),
];

/// By what remote peers are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The SSH that is built in.
    Native,
    /// The configured commands.
    Command,
}

/// What `<transport>` takes.
pub(super) const TRANSPORT: &str = "one of `native`, `command`";

pub(super) fn means(text: &str) -> Result<Means, Wrong> {
    let rows = [("native", Means::Native), ("command", Means::Command)];
    value::row(text, "transport", &rows)
}

/// What all actions share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The day on which the backup week begins.
    pub starting_day: Weekday,
    /// Where state and temporary files are kept.
    pub working_dir: AbsPath,
    /// Who owns the backup's files.
    pub owner: Owner,
    /// How remote peers are reached that do not say it themselves.
    pub transport: Option<Means>,
    /// The passphrase of the SSH keys.
    pub passphrase_file: Option<AbsPath>,
    /// Copies from remote peers that have no command of their own.
    pub rcp_command: Option<CommandLine>,
    /// Runs a command on remote peers that have no command of their own.
    pub rsh_command: Option<CommandLine>,
    /// What `cback` is called on managed peers that have no command of their own.
    pub cback_command: Option<CommandLine>,
    /// What managed peers without a list of their own are asked to do.
    pub managed_actions: Vec<ActionName>,
    /// Programs found elsewhere than on the path; of several for one command the last counts.
    pub overrides: Vec<Override>,
    /// Commands before actions, in order.
    pub pre_action_hooks: Vec<Hook>,
    /// Commands after actions, in order.
    pub post_action_hooks: Vec<Hook>,
}

/// A program that is not where the path finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// What it is called.
    pub command: String,
    /// Where it is.
    pub path: AbsPath,
}

/// A command to be run before or after an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The action.
    pub action: ActionName,
    /// The command, for a shell.
    pub command: String,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether the run goes on when it fails.
    pub ignore_failure: bool,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Options> {
    let starting_day = at.required("starting_day", value::weekday);
    let working_dir = at.required("working_dir", value::path);
    let user = at.required("backup_user", value::text);
    let group = at.required("backup_group", value::text);
    let transport = at.optional("transport", means);
    let passphrase_file = at.optional("passphrase_file", value::path);
    let rcp_command = at.optional("rcp_command", value::command);
    let rsh_command = at.optional("rsh_command", value::command);
    let cback_command = at.optional("cback_command", value::command);
    let managed_actions = at.optional("managed_actions", value::actions);
    let overrides = together(at.parts("override").map(|at| {
        let command = at.required("command", value::text);
        let path = at.required("abs_path", value::path);
        Ok(Override {
            command: command?,
            path: path?,
        })
    }));
    let pre_action_hooks = together(at.parts("pre_action_hook").map(hook));
    let post_action_hooks = together(at.parts("post_action_hook").map(hook));
    Ok(Options {
        starting_day: starting_day?,
        working_dir: working_dir?,
        owner: Owner {
            user: user?,
            group: group?,
        },
        transport: transport?,
        passphrase_file: passphrase_file?,
        rcp_command: rcp_command?,
        rsh_command: rsh_command?,
        cback_command: cback_command?,
        managed_actions: managed_actions?.unwrap_or_default(),
        overrides: overrides?,
        pre_action_hooks: pre_action_hooks?,
        post_action_hooks: post_action_hooks?,
    })
}

fn hook(at: Cursor<'_>) -> Read<Hook> {
    let action = at.required("action", value::action);
    let command = at.required("command", value::text);
    let timeout = at.optional("timeout", value::time_limit);
    let ignore_failure = at.optional("ignore_failure", value::flag);
    Ok(Hook {
        action: action?,
        command: command?,
        timeout: timeout?,
        ignore_failure: ignore_failure?.unwrap_or(false),
    })
}
