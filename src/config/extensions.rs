//! `<extensions>`: actions beside the built-in ones, and where they stand in the order.

use crate::units::ActionName;

use super::finding::{Finding, Told};
use super::read::{Cursor, Read, Wrong, together};
use super::schema::{Rule, one, part, parts};
use super::value::{self, ACTION, ACTIONS, WHOLE};

const DEPENDS: &[Rule] = &[
    one("run_before", ACTIONS)
        .means("Actions that run later.")
        .example("store, purge"),
    one("run_after", ACTIONS)
        .means("Actions that run earlier.")
        .example("collect"),
];

const RULES_OF_ACTION: &[Rule] = &[
    one("name", ACTION)
        .means("What it is called on the command line. No other action has this name.")
        .required()
        .example("mysql"),
    one(
        "module",
        "the name of a module, such as `CedarBackup3.extend.mysql`",
    )
    .means("Cedar Backup's module. Its last word says which of the built-in extensions is meant.")
    .required()
    .example("CedarBackup3.extend.mysql"),
    one(
        "function",
        "the name of a function, such as `executeAction`",
    )
    .means("The function in that module.")
    .required()
    .example("executeAction"),
    one("index", WHOLE)
        .means(
            "The place in the order, in which collect has 100, stage 200, store 300 and purge 400. Required unless \
             <order_mode> is `dependency`.",
        )
        .example("99"),
    part("depends", DEPENDS).means(
        "What it runs before and after, perhaps nothing. Required if <order_mode> is `dependency`.",
    ),
];

pub(super) const RULES: &[Rule] = &[
    one("order_mode", "one of `index`, `dependency`")
        .means(
            "What the order of actions is made from: numbers, or what runs before and after what.",
        )
        .otherwise("index"),
    parts("action", RULES_OF_ACTION).means("One extension."),
];

/// Actions beside the built-in ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// What their places in the order are made from.
    pub order_mode: OrderMode,
    /// In the order of the configuration.
    pub actions: Vec<Extension>,
}

/// What places in the order are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderMode {
    /// Numbers: collect is 100, stage 200, store 300, purge 400.
    #[default]
    Index,
    /// What runs before or after what.
    Dependency,
}

/// An action beside the built-in ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name on the command line, which no other action has.
    pub name: ActionName,
    /// Cedar Backup's module: `CedarBackup3.extend.mysql`.
    pub module: String,
    /// The function in that module.
    pub function: String,
    /// Its place in the order.
    pub place: OrderPlace,
}

/// A place in the order, of the kind that the [`OrderMode`] demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderPlace {
    /// A number.
    Index(u32),
    /// Relations to other actions.
    Depends {
        /// Actions that run later.
        run_before: Vec<ActionName>,
        /// Actions that run earlier.
        run_after: Vec<ActionName>,
    },
}

pub(super) fn read(at: Cursor<'_>) -> Read<Extensions> {
    let order_mode = at.optional("order_mode", order_mode);
    let mode = order_mode.map(Option::unwrap_or_default);
    let actions = together(at.parts("action").map(|at| action(at, mode)));
    unique(at);
    Ok(Extensions {
        order_mode: mode?,
        actions: actions?,
    })
}

fn order_mode(text: &str) -> Result<OrderMode, Wrong> {
    let rows = [
        ("index", OrderMode::Index),
        ("dependency", OrderMode::Dependency),
    ];
    value::row(text, "order mode", &rows)
}

fn action(at: Cursor<'_>, mode: Read<OrderMode>) -> Read<Extension> {
    let name = at.required("name", value::action);
    let module = at.required("module", module);
    let function = at.required("function", function);
    let index = at.optional("index", value::whole);
    let depends = at.part("depends").map(|at| {
        let run_before = at.optional("run_before", value::actions);
        let run_after = at.optional("run_after", value::actions);
        Ok(OrderPlace::Depends {
            run_before: run_before?.unwrap_or_default(),
            run_after: run_after?.unwrap_or_default(),
        })
    });
    let place = match mode {
        Ok(OrderMode::Index) => index.and_then(|index| {
            let index = index.ok_or_else(|| at.missing("index"))?;
            Ok(OrderPlace::Index(index))
        }),
        Ok(OrderMode::Dependency) => match depends {
            Some(depends) => depends,
            None => Err(at.wrong(
                format!("`<{}>` lacks its `<depends>`", at.element.name()),
                "add `<depends>`, with `<run_before>` or `<run_after>` or nothing in it",
            )),
        },
        Err(Told) => Err(Told),
    };
    Ok(Extension {
        name: name?,
        module: module?,
        function: function?,
        place: place?,
    })
}

/// Actions that are built in, and `all`, which is no single one.
pub const BUILT_IN: [&str; 8] = [
    "collect",
    "stage",
    "store",
    "purge",
    "rebuild",
    "validate",
    "initialize",
    "all",
];

/// Commands of the program that are no actions; they are found before any extension of the same name.
pub const COMMANDS: [&str; 10] = [
    "agent",
    "changer",
    "completions",
    "config",
    "disc",
    "help",
    "man",
    "quickstart",
    "restore",
    "status",
];

/// Extensions that have sections of their own names.
pub(super) const EXTENSIONS: [&str; 8] = [
    "amazons3",
    "capacity",
    "encrypt",
    "mbox",
    "mysql",
    "postgresql",
    "split",
    "subversion",
];

fn unique(at: Cursor<'_>) {
    for name in at.parts("action").filter_map(|at| at.first("name")) {
        let text = name.value().unwrap_or_default();
        if BUILT_IN.contains(&text) {
            at.tell(
                Finding::error(name, name.value_span(), format!("`{text}` is built in"))
                    .right("give the extension another name"),
            );
        }
        if COMMANDS.contains(&text) {
            let message = format!("`cback {text}` is a command, and would hide this extension");
            at.tell(
                Finding::error(name, name.value_span(), message)
                    .right("give the extension another name"),
            );
        }
    }
    for (name, other) in at.doubles("action", "name") {
        let text = name.value().unwrap_or_default();
        let message = format!("there is already an extension `{text}`");
        at.tell(
            Finding::error(name, name.value_span(), message)
                .right("give each extension its own name")
                .also(other.value_span(), "the other one"),
        );
    }
}

fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn module(text: &str) -> Result<String, Wrong> {
    if text.split('.').all(is_identifier) {
        return Ok(text.to_owned());
    }
    Err(Wrong {
        what: format!("`{text}` cannot name a module"),
        right: Some("write names joined by dots, such as `CedarBackup3.extend.mysql`".to_owned()),
    })
}

fn function(text: &str) -> Result<String, Wrong> {
    if is_identifier(text) {
        return Ok(text.to_owned());
    }
    Err(Wrong {
        what: format!("`{text}` cannot name a function"),
        right: Some("write a name such as `executeAction`".to_owned()),
    })
}
