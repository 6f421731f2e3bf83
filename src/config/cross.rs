//! What no section can see alone: sources, purged directories and names of actions beside one another.

use std::path::Path;

use crate::collect::{Shape, Source};
use crate::select::Rules;
use crate::units::{AbsPath, ActionName};

use super::collect::Placed;
use super::document::Element;
use super::extensions::{BUILT_IN, Extensions, OrderPlace};
use super::finding::Finding;
use super::plain_path::plain;
use super::read::{Cursor, Notes};
use super::schema::{list, nearest};

/// No two sources may have archives of one name, since the later archive would replace the earlier.
pub(super) fn archive_names(sources: &[Placed<'_>], notes: &Notes) {
    for (at, later) in sources.iter().enumerate() {
        for earlier in &sources[..at] {
            if let Some((message, right)) = clash(&earlier.source, &later.source) {
                notes.tell(
                    Finding::error(later.path, later.path.value_span(), message)
                        .right(right)
                        .also(earlier.path.value_span(), "the other source"),
                );
                break;
            }
        }
    }
}

fn clash(one: &Source, two: &Source) -> Option<(String, String)> {
    if plain(&one.path) == plain(&two.path) && one.name == two.name {
        let message = format!("`{}` is collected twice", two.path);
        return Some((message, "remove one of the two".to_owned()));
    }
    if one.name == two.name {
        let message = format!("two sources would both be archived as `{}`", one.name);
        let right = "collect the directory above both, or rename one of them".to_owned();
        return Some((message, right));
    }
    let (long, short) = if one.name.as_os_str().len() > two.name.as_os_str().len() {
        (one, two)
    } else {
        (two, one)
    };
    if is_sequel(long, short) {
        let message = format!(
            "the archive name `{}` could be a second archive of one day of `{}`",
            long.name, short.name
        );
        return Some((
            message,
            "rename one of them: no `+` and number at its end".to_owned(),
        ));
    }
    let (above, below) = if two.path.components().count() > one.path.components().count() {
        (one, two)
    } else {
        (two, one)
    };
    if is_split_off(above, below) {
        let message = format!(
            "`{}` is also split off `{}` by its recursion level",
            below.path, above.path
        );
        let right = format!("exclude `{}` there, or remove it here", below.path);
        return Some((message, right));
    }
    None
}

/// Whether `long` is named like a further archive of one day of `short`: `etc+2` after `etc`.
fn is_sequel(long: &Source, short: &Source) -> bool {
    let long = long.name.as_os_str().as_encoded_bytes();
    long.strip_prefix(short.name.as_os_str().as_encoded_bytes())
        .and_then(|rest| rest.strip_prefix(b"+"))
        .is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// Whether `above` makes an archive of its own from the directory that is the source `below`.
fn is_split_off(above: &Source, below: &Source) -> bool {
    let (
        Shape::Dir {
            rules,
            recursion_level,
        },
        Shape::Dir { .. },
    ) = (&above.shape, &below.shape)
    else {
        return false;
    };
    let (top, bottom) = (plain(&above.path), plain(&below.path));
    let Ok(rest) = bottom.strip_prefix(&top) else {
        return false;
    };
    let depth = i64::try_from(rest.components().count()).unwrap_or(i64::MAX);
    let reaches = *recursion_level < 0 || depth <= *recursion_level;
    reaches && depth > 0 && !is_excluded(rules, &top, &bottom)
}

fn is_excluded(rules: &Rules, top: &Path, path: &Path) -> bool {
    path.ancestors()
        .take_while(|&step| step != top)
        .any(|step| {
            rules
                .exclude_paths
                .iter()
                .any(|path| path.as_path() == step)
                || step
                    .to_str()
                    .is_some_and(|text| rules.exclude_patterns.iter().any(|p| p.matches(text)))
        })
}

/// Purging must not delete what is backed up, nor what backing up needs.
pub(super) fn purged(
    purged: &[(AbsPath, Element<'_>)],
    sources: &[Placed<'_>],
    working_dir: Option<&AbsPath>,
    notes: &Notes,
) {
    for (path, element) in purged {
        let dir = plain(path);
        let inside = sources
            .iter()
            .find(|placed| plain(&placed.source.path).starts_with(&dir));
        if let Some(placed) = inside {
            let message = format!(
                "purging `{path}` would delete the source `{}`",
                placed.source.path
            );
            notes.tell(
                Finding::error(*element, element.value_span(), message)
                    .right("purge only what cback wrote: the staging and the collect directory")
                    .also(placed.path.value_span(), "the source"),
            );
        } else if let Some(working) = working_dir.filter(|working| plain(working).starts_with(&dir))
        {
            let message = format!("purging `{path}` deletes what incrementals need to know");
            notes.tell(
                Finding::warning(*element, element.value_span(), message).right(format!(
                    "it holds the working directory `{working}`; leave it out"
                )),
            );
        }
    }
}

/// Names of actions in hooks and in the order of extensions have to be those of actions.
pub(super) fn action_names(root: Cursor<'_>, extensions: &Extensions) {
    let own: Vec<&str> = extensions
        .actions
        .iter()
        .map(|action| action.name.as_str())
        .collect();
    let single = || {
        let built_in = BUILT_IN.iter().copied().filter(|&name| name != "all");
        built_in.chain(own.iter().copied())
    };
    if let Some(options) = root.part("options") {
        let hooks = options
            .parts("pre_action_hook")
            .chain(options.parts("post_action_hook"));
        for name in hooks.filter_map(|hook| hook.first("action")) {
            let text = name.value().unwrap_or_default();
            if single().any(|known| known == text) || text.parse::<ActionName>().is_err() {
                continue;
            }
            let message = if text == "all" {
                "a hook for `all` never runs: hooks belong to single actions".to_owned()
            } else {
                format!("there is no action `{text}`, so this hook never runs")
            };
            root.tell(
                Finding::warning(name, name.value_span(), message).right(meant(text, single())),
            );
        }
    }
    let Some(section) = root.part("extensions") else {
        return;
    };
    for (action, at) in extensions.actions.iter().zip(section.parts("action")) {
        let OrderPlace::Depends {
            run_before,
            run_after,
        } = &action.place
        else {
            continue;
        };
        let Some(at) = at.part("depends") else {
            continue;
        };
        for (element, names) in [("run_before", run_before), ("run_after", run_after)] {
            for name in names {
                if single().any(|known| known == name.as_str()) {
                    continue;
                }
                let Some(element) = at.first(element) else {
                    continue;
                };
                root.tell(
                    Finding::error(
                        element,
                        element.value_span(),
                        format!("there is no action `{name}`"),
                    )
                    .right(meant(name.as_str(), single())),
                );
            }
        }
    }
}

fn meant<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", list(known)),
    }
}
