//! Which action comes before which: by numbers, or by what each extension says of the others.
//!
//! Numbers: built-in actions have fixed ones, and extensions stand between them with their own. Dependencies: a
//! topological sort whose choices among equals are Cedar Backup's, so that a pool keeps its order: a depth-first
//! search over all actions as they are listed here, the extensions last; an action goes to the front when its visit ends.

use crate::action::Action;
use crate::config::{Extensions, OrderMode, OrderPlace};

/// Every action there is, with its place; lower ones run first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What the places were made from.
    pub mode: OrderMode,
    /// Names and places, first one first.
    places: Vec<(String, u32)>,
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// An extension names an action that there is not.
    #[error(
        "the extension `{extension}` is to run before or after `{name}`, and there is no such action"
    )]
    Unknown {
        /// The extension.
        extension: String,
        /// What it names.
        name: String,
    },
    /// Actions that would have to run before themselves.
    #[error("the order of the actions goes round in a circle: {}", .0.join(" before "))]
    Circle(Vec<String>),
}

/// What always comes before what.
const FIXED: [(Action, Action); 6] = [
    (Action::Collect, Action::Stage),
    (Action::Collect, Action::Store),
    (Action::Collect, Action::Purge),
    (Action::Stage, Action::Store),
    (Action::Stage, Action::Purge),
    (Action::Store, Action::Purge),
];

/// Cedar Backup's numbers.
fn number(action: Action) -> u32 {
    match action {
        Action::Rebuild | Action::Validate | Action::Initialize => 0,
        Action::Collect => 100,
        Action::Stage => 200,
        Action::Store => 300,
        Action::Purge => 400,
    }
}

impl Order {
    /// The order of the built-in actions and `extensions`. Without extensions there are only numbers.
    pub fn new(extensions: &Extensions) -> Result<Self, OrderError> {
        let mode = if extensions.actions.is_empty() {
            OrderMode::Index
        } else {
            extensions.order_mode
        };
        let mut places = match mode {
            OrderMode::Index => numbered(extensions),
            OrderMode::Dependency => sorted(extensions)?,
        };
        places.sort_by_key(|row| row.1);
        Ok(Self { mode, places })
    }

    /// The place of the action `name`; `None` if there is no such action.
    pub fn place(&self, name: &str) -> Option<u32> {
        self.places
            .iter()
            .find(|row| row.0 == name)
            .map(|row| row.1)
    }

    /// Every action, first one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|row| row.0.as_str())
    }
}

fn numbered(extensions: &Extensions) -> Vec<(String, u32)> {
    let built_in = Action::ALL.map(|action| (action.word().to_owned(), number(action)));
    let own = extensions.actions.iter().map(|extension| {
        let place = match &extension.place {
            OrderPlace::Index(index) => *index,
            // Index mode with an extension that has relations: a configuration that was read has none.
            OrderPlace::Depends { .. } => 0,
        };
        (extension.name.as_str().to_owned(), place)
    });
    built_in.into_iter().chain(own).collect()
}

/// Actions and what follows each, by their positions.
struct Graph {
    names: Vec<String>,
    follow: Vec<Vec<usize>>,
}

impl Graph {
    fn new(extensions: &Extensions) -> Result<Self, OrderError> {
        let built_in = Action::ALL.iter().map(|action| action.word());
        let own = extensions.actions.iter().map(|one| one.name.as_str());
        let names: Vec<String> = built_in.chain(own).map(str::to_owned).collect();
        let mut graph = Self {
            follow: vec![Vec::new(); names.len()],
            names,
        };
        for (before, after) in FIXED {
            let at = |action: Action| graph.names.iter().position(|name| name == action.word());
            if let (Some(before), Some(after)) = (at(before), at(after)) {
                graph.follow[before].push(after);
            }
        }
        for (number, extension) in extensions.actions.iter().enumerate() {
            let own = Action::ALL.len() + number;
            let OrderPlace::Depends {
                run_before,
                run_after,
            } = &extension.place
            else {
                continue;
            };
            let at = |name: &str| {
                let found = graph.names.iter().position(|known| known == name);
                found.ok_or_else(|| OrderError::Unknown {
                    extension: extension.name.as_str().to_owned(),
                    name: name.to_owned(),
                })
            };
            let mut edges = Vec::new();
            for name in run_before {
                edges.push((own, at(name.as_str())?));
            }
            for name in run_after {
                edges.push((at(name.as_str())?, own));
            }
            for (before, after) in edges {
                graph.follow[before].push(after);
            }
        }
        Ok(graph)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    UnderWay,
    Done,
}

fn sorted(extensions: &Extensions) -> Result<Vec<(String, u32)>, OrderError> {
    let graph = Graph::new(extensions)?;
    let mut visits = vec![Visit::Not; graph.names.len()];
    // Last one first: what is finished goes to the front.
    let mut finished: Vec<usize> = Vec::new();
    for start in 0..graph.names.len() {
        if visits[start] != Visit::Not {
            continue;
        }
        // The way from `start`: each action and how many of its followers were looked at.
        let mut way = vec![(start, 0)];
        visits[start] = Visit::UnderWay;
        while let Some((at, looked)) = way.last_mut() {
            let at = *at;
            let Some(&next) = graph.follow[at].get(*looked) else {
                visits[at] = Visit::Done;
                finished.push(at);
                way.pop();
                continue;
            };
            *looked += 1;
            match visits[next] {
                Visit::Done => {}
                Visit::Not => {
                    visits[next] = Visit::UnderWay;
                    way.push((next, 0));
                }
                Visit::UnderWay => {
                    let circle = way.iter().skip_while(|step| step.0 != next);
                    let circle = circle.map(|step| step.0).chain([next]);
                    let names = circle.map(|at| graph.names[at].clone()).collect();
                    return Err(OrderError::Circle(names));
                }
            }
        }
    }
    let order = finished.iter().rev().map(|&at| graph.names[at].clone());
    Ok(order.zip(1..).collect())
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Extension;

    /// Extensions from `name<before,before>after,after` separated by blanks, or from `name=index`.
    pub(in crate::plan) fn extensions(text: &str) -> Extensions {
        let names = |list: &str| {
            let names = list.split(',').filter(|name| !name.is_empty());
            names.map(|name| name.parse().unwrap()).collect()
        };
        let actions: Vec<Extension> = text
            .split_whitespace()
            .map(|word| {
                let end = word.find(['<', '>', '=']).unwrap_or(word.len());
                let (name, rest) = word.split_at(end);
                let place = if let Some(index) = rest.strip_prefix('=') {
                    OrderPlace::Index(index.parse().unwrap())
                } else {
                    let (before, after) = rest.split_once('>').unwrap_or((rest, ""));
                    OrderPlace::Depends {
                        run_before: names(before.trim_start_matches('<')),
                        run_after: names(after),
                    }
                };
                Extension {
                    name: name.parse().unwrap(),
                    module: format!("CedarBackup3.extend.{name}"),
                    function: "executeAction".to_owned(),
                    place,
                }
            })
            .collect();
        let numbers = actions
            .iter()
            .any(|one| matches!(one.place, OrderPlace::Index(_)));
        Extensions {
            order_mode: if numbers {
                OrderMode::Index
            } else {
                OrderMode::Dependency
            },
            actions,
        }
    }

    fn order(text: &str) -> String {
        match Order::new(&extensions(text)) {
            Ok(order) => order.names().collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    /// One row a case: extensions, and the whole order.
    const ROWS: &[(&str, &str)] = &[
        // numbers
        ("", "rebuild validate initialize collect stage store purge"),
        (
            "a=0",
            "rebuild validate initialize a collect stage store purge",
        ),
        (
            "a=99",
            "rebuild validate initialize a collect stage store purge",
        ),
        (
            "a=100",
            "rebuild validate initialize collect a stage store purge",
        ),
        (
            "a=150 b=150",
            "rebuild validate initialize collect a b stage store purge",
        ),
        (
            "a=250 b=150",
            "rebuild validate initialize collect b stage a store purge",
        ),
        (
            "a=401",
            "rebuild validate initialize collect stage store purge a",
        ),
        // dependencies
        (
            "one",
            "one collect stage store purge initialize validate rebuild",
        ),
        (
            "one two",
            "two one collect stage store purge initialize validate rebuild",
        ),
        (
            "one two three",
            "three two one collect stage store purge initialize validate rebuild",
        ),
        (
            "one<store>stage",
            "collect stage one store purge initialize validate rebuild",
        ),
        (
            "one<collect",
            "one collect stage store purge initialize validate rebuild",
        ),
        (
            "one>purge",
            "collect stage store purge one initialize validate rebuild",
        ),
        (
            "one>collect",
            "collect one stage store purge initialize validate rebuild",
        ),
        (
            "sysinfo mysql<collect encrypt<store>stage amazons3<purge>encrypt",
            "mysql sysinfo collect stage encrypt amazons3 store purge initialize validate rebuild",
        ),
        (
            "one<rebuild",
            "one collect stage store purge initialize validate rebuild",
        ),
        (
            "one>initialize",
            "collect stage store purge initialize one validate rebuild",
        ),
        (
            "one<two two<collect",
            "one two collect stage store purge initialize validate rebuild",
        ),
        (
            "one<collect,store,purge",
            "one collect stage store purge initialize validate rebuild",
        ),
        // no order
        (
            "one<collect>stage",
            "the order of the actions goes round in a circle: collect before stage before one before collect",
        ),
        (
            "one<one",
            "the order of the actions goes round in a circle: one before one",
        ),
        (
            "one<two two<one",
            "the order of the actions goes round in a circle: one before two before one",
        ),
        (
            "one<nothing",
            "the extension `one` is to run before or after `nothing`, and there is no such action",
        ),
        (
            "one>all",
            "the extension `one` is to run before or after `all`, and there is no such action",
        ),
    ];

    #[test]
    fn the_order_of_the_actions_is_that_of_cedar_backup() {
        for (extensions, expected) in ROWS {
            assert_eq!(order(extensions), *expected, "{extensions}");
        }
    }

    #[test]
    fn without_extensions_there_are_only_numbers() {
        let none = Extensions {
            order_mode: OrderMode::Dependency,
            actions: Vec::new(),
        };
        let order = Order::new(&none).unwrap();
        assert_eq!(order.mode, OrderMode::Index);
        assert_eq!(order.place("collect"), Some(100));
        assert_eq!(order.place("all"), None);
    }
}
