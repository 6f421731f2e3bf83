//! `<peers>`, and the same elements within `<stage>`: the machines that are backed up.

pub use crate::peer::Ignore as IgnoreFailures;
use crate::peer::Way;
use crate::units::{AbsPath, ActionName, CommandLine, PeerName};

use super::finding::{Finding, Told};
use super::options::{Means, Options, TRANSPORT, means};
use super::read::{Cursor, Read, Wrong, together};
use super::schema::{Rule, one, parts};
use super::value::{self, ACTIONS, COMMAND, FLAG, PATH};

const PEER: &[Rule] = &[
    one(
        "name",
        "the name of the peer; for a remote one its host name",
    )
    .means(
        "Its name, which no other peer has. It becomes a directory of each day: no `/`, no control characters, no dot \
         at the beginning.",
    )
    .required()
    .example("client1.example.org"),
    one("type", "one of `local`, `remote`")
        .means("Whether it is this machine or another one.")
        .required()
        .example("remote"),
    one("collect_dir", PATH)
        .means("Where it leaves its archives, on that machine.")
        .required()
        .example("/var/lib/cback/collect"),
    one("ignore_failures", "one of `none`, `all`, `daily`, `weekly`")
        .means(
            "When it is no failure that the peer is not ready: `none`, never; `all`, always; `daily`, on all days but \
             the one on which the week begins; `weekly`, only on that day.",
        )
        .otherwise("none"),
    one("backup_user", "the name of a user on that machine")
        .means("The user on a remote peer.")
        .from("options")
        .required()
        .only_if("type", "remote")
        .example("backup"),
    one("transport", TRANSPORT)
        .means(
            "How this remote peer is reached: `native`, by the SSH that is built in; `command`, by <rcp_command> and \
             <rsh_command>. Without it: `command` where there is an <rcp_command>, else `native`.",
        )
        .from("options")
        .only_if("type", "remote")
        .example("native")
        .ours(),
    one("rcp_command", COMMAND)
        .means("What copies from this remote peer.")
        .from("options")
        .only_if("type", "remote")
        .example("/usr/bin/scp -B"),
    one("rsh_command", COMMAND)
        .means(
            "What runs a command on this remote peer. Required if it is managed and reached by `command`.",
        )
        .from("options")
        .only_if("type", "remote")
        .example("/usr/bin/ssh"),
    one("cback_command", COMMAND)
        .means(
            "What cback is called on this remote peer. Required if it is managed and reached by `command`; with \
             `native` it is `cback` without it.",
        )
        .from("options")
        .only_if("type", "remote")
        .example("/usr/bin/cback"),
    one("managed", FLAG)
        .means("Whether the master asks this remote peer to run actions.")
        .otherwise("N")
        .only_if("type", "remote"),
    one("managed_actions", ACTIONS)
        .means("Which actions the master asks it to run. Required if it is managed.")
        .from("options")
        .only_if("type", "remote")
        .example("collect, purge"),
];

pub(super) const RULES: &[Rule] = &[parts("peer", PEER).means("One machine.").required()];

/// The rule by which `<stage>` holds peers, too.
pub(super) const WITHIN_STAGE: Rule = parts("peer", PEER).means(
    "A machine, as in <peers>. If there is one here, those of <peers> are not staged; managed actions are about \
     <peers> all the same.",
);

/// A machine that is backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name, which no other peer has.
    pub name: PeerName,
    /// Where it is.
    pub place: Place,
    /// Where it leaves its archives, on that machine.
    pub collect_dir: AbsPath,
    /// When its absence is no failure.
    pub ignore_failures: IgnoreFailures,
}

/// Where a peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Local,
    /// On another one, reached by commands.
    Remote(Remote),
}

/// How another machine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The user there.
    pub user: String,
    /// How its sshd is reached.
    pub way: Way,
    /// What `cback` is called there, if that is configured.
    pub cback_command: Option<CommandLine>,
    /// What the master asks it to do; nothing if it is not managed.
    pub managed: Option<Managed>,
}

/// What the master asks a managed peer to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The actions; not empty.
    pub actions: Vec<ActionName>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Local,
    Remote,
}

/// Reads every peer directly in `at`; local ones come first.
pub(super) fn read(at: Cursor<'_>, options: Read<&Options>) -> Read<Vec<Peer>> {
    unique(at);
    let peers = together(at.parts("peer").map(|at| peer(at, options)));
    let mut peers = peers?;
    peers.sort_by_key(|peer| peer.place != Place::Local);
    Ok(peers)
}

fn peer(at: Cursor<'_>, options: Read<&Options>) -> Read<Peer> {
    let name = at.required("name", value::peer_name);
    let kind = at.required("type", kind);
    let collect_dir = at.required("collect_dir", value::path);
    let ignore_failures = at.optional("ignore_failures", ignore_failures);
    let user = at.optional("backup_user", value::text);
    let transport = at.optional("transport", means);
    let rcp_command = at.optional("rcp_command", value::command);
    let rsh_command = at.optional("rsh_command", value::command);
    let cback_command = at.optional("cback_command", value::command);
    let managed = at.optional("managed", value::flag);
    let actions = at.optional("managed_actions", value::actions);
    let place = match kind? {
        Kind::Local => {
            without_effect(at);
            Place::Local
        }
        Kind::Remote => {
            let user = user.and_then(|user| match (user, options) {
                (Some(user), _) => Ok(user),
                (None, Ok(options)) => Ok(options.owner.user.clone()),
                (None, Err(told)) => Err(told),
            });
            let managed = managed?.unwrap_or(false);
            let cback_command = or_of(cback_command, options, |all| all.cback_command.clone());
            let commands = Commands {
                transport: or_of(transport, options, |all| all.transport),
                rcp: or_of(rcp_command, options, |all| all.rcp_command.clone()),
                rsh: or_of(rsh_command, options, |all| all.rsh_command.clone()),
            };
            let way = way(at, commands, managed);
            let cback_command = cback_command.and_then(|command| {
                let needed = managed && !matches!(way, Ok(Way::Native));
                match command {
                    None if needed => Err(at.lacks("cback_command", MANAGED_LACKS)),
                    command => Ok(command),
                }
            });
            let managed = managed
                .then(|| managed_by(at, options, actions))
                .transpose();
            Place::Remote(Remote {
                user: user?,
                way: way?,
                cback_command: cback_command?,
                managed: managed?,
            })
        }
    };
    Ok(Peer {
        name: name?,
        place,
        collect_dir: collect_dir?,
        ignore_failures: ignore_failures?.unwrap_or_default(),
    })
}

const MANAGED_LACKS: &str = "; a managed peer needs it here or in `<options>`";

/// The peer's own, or those of the options.
struct Commands {
    transport: Read<Option<Means>>,
    rcp: Read<Option<CommandLine>>,
    rsh: Read<Option<CommandLine>>,
}

fn way(at: Cursor<'_>, commands: Commands, managed: bool) -> Read<Way> {
    let (rcp, rsh) = (commands.rcp?, commands.rsh?);
    let means = commands.transport?.unwrap_or(match rcp {
        Some(_) => Means::Command,
        None => Means::Native,
    });
    if means == Means::Native {
        return Ok(Way::Native);
    }
    let lacks = "; `<transport>` is `command`, so it is needed here or in `<options>`";
    let rcp_command = rcp.ok_or_else(|| at.lacks("rcp_command", lacks));
    if managed && rsh.is_none() {
        return Err(at.lacks("rsh_command", MANAGED_LACKS));
    }
    Ok(Way::Command {
        rcp_command: rcp_command?,
        rsh_command: rsh,
    })
}

fn managed_by(
    at: Cursor<'_>,
    options: Read<&Options>,
    own: Read<Option<Vec<ActionName>>>,
) -> Read<Managed> {
    let some = |actions: Vec<ActionName>| (!actions.is_empty()).then_some(actions);
    let own = own.map(|own| own.and_then(some));
    let actions = or_of(own, options, |all| some(all.managed_actions.clone()))?;
    let actions = actions.ok_or_else(|| at.lacks("managed_actions", MANAGED_LACKS))?;
    Ok(Managed { actions })
}

/// The peer's own value, or that of the options.
fn or_of<T>(
    own: Read<Option<T>>,
    options: Read<&Options>,
    of: impl FnOnce(&Options) -> Option<T>,
) -> Read<Option<T>> {
    match own? {
        Some(own) => Ok(Some(own)),
        None => options.map(of),
    }
}

fn kind(text: &str) -> Result<Kind, Wrong> {
    value::row(
        text,
        "type of peer",
        &[("local", Kind::Local), ("remote", Kind::Remote)],
    )
}

fn ignore_failures(text: &str) -> Result<IgnoreFailures, Wrong> {
    let rows = [
        ("none", IgnoreFailures::None),
        ("all", IgnoreFailures::All),
        ("daily", IgnoreFailures::Daily),
        ("weekly", IgnoreFailures::Weekly),
    ];
    value::row(text, "way to ignore failures", &rows)
}

/// Elements that say how another machine is reached say nothing about this one.
fn without_effect(at: Cursor<'_>) {
    for name in [
        "backup_user",
        "transport",
        "rcp_command",
        "rsh_command",
        "cback_command",
        "managed",
        "managed_actions",
    ] {
        if let Some(element) = at.first(name) {
            let message = format!("`<{name}>` has no effect on a local peer");
            at.tell(
                Finding::warning(element, element.name_span(), message)
                    .right("remove it, or make the peer `remote`"),
            );
        }
    }
}

fn unique(at: Cursor<'_>) {
    for (name, other) in at.doubles("peer", "name") {
        let text = name.value().unwrap_or_default();
        at.tell(
            Finding::error(
                name,
                name.value_span(),
                format!("there is already a peer `{text}`"),
            )
            .right("give each peer its own name: it becomes a directory of each day")
            .also(other.value_span(), "the other one"),
        );
    }
}

/// Tells that `at` has no peer.
pub(super) fn none(at: Cursor<'_>) -> Told {
    at.wrong(
        format!("`<{}>` has no peer", at.element.name()),
        "add `<peer>` with `<name>`, `<type>` and `<collect_dir>`",
    )
}
