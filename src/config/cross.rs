//! What no section can see alone: sources, purged directories and names of actions beside one another.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::collect::{Shape, Source};
use crate::event::printable_path;
use crate::select::Rules;
use crate::units::AbsPath;

use super::collect::Placed;
use super::document::Element;
use super::extensions::{BUILT_IN, EXTENSIONS};
use super::finding::Finding;
use super::plain_path::plain;
use super::read::{Cursor, Notes};
use super::schema::{list, nearest, own_extension};
use super::value;

/// Directories above a source that are looked at.
const MAX_ANCESTORS: usize = 256;

/// No two sources may have archives of one name, since the later archive would replace the earlier.
pub(super) fn archive_names(sources: &[Placed<'_>], notes: &Notes) {
    let mut names: HashMap<&[u8], &Placed<'_>> = HashMap::new();
    let mut split: HashMap<PathBuf, &Placed<'_>> = HashMap::new();
    let mut paths: HashMap<PathBuf, &Placed<'_>> = HashMap::new();
    for placed in sources {
        // `/a` and `/a/` have archives of two names, and are one directory all the same.
        let twice = paths.insert(plain(&placed.source.path), placed);
        match names.entry(name(&placed.source)) {
            Entry::Vacant(free) => {
                free.insert(placed);
                if let Some(first) = twice {
                    same_name(first, placed, notes);
                }
            }
            Entry::Occupied(taken) => same_name(taken.get(), placed, notes),
        }
        if matches!(placed.source.shape, Shape::Dir { recursion_level, .. } if recursion_level != 0)
        {
            split.insert(plain(&placed.source.path), placed);
        }
    }
    for placed in sources {
        if let Some(first) = stem(name(&placed.source)).and_then(|stem| names.get(stem)) {
            sequel(first, placed, notes);
        }
        if !split.is_empty() && matches!(placed.source.shape, Shape::Dir { .. }) {
            let path = plain(&placed.source.path);
            let above = path.ancestors().skip(1).take(MAX_ANCESTORS);
            let makes = above
                .filter_map(|above| Some((above, *split.get(above)?)))
                .find(|&(top, above)| is_split_off(top, &above.source, &path));
            if let Some((_, above)) = makes {
                split_off(above, placed, notes);
            }
        }
    }
}

fn name(source: &Source) -> &[u8] {
    source.name.as_os_str().as_bytes()
}

fn clash(
    first: &Placed<'_>,
    second: &Placed<'_>,
    message: String,
    right: impl Into<String>,
    notes: &Notes,
) {
    notes.tell(
        Finding::error(second.path, second.path.value_span(), message)
            .right(right)
            .also(first.path.value_span(), "the other source"),
    );
}

fn same_name(first: &Placed<'_>, second: &Placed<'_>, notes: &Notes) {
    let (one, two) = (&first.source, &second.source);
    let (message, right) = if plain(&one.path) == plain(&two.path) {
        (
            format!("`{}` is collected twice", two.path),
            "remove one of the two",
        )
    } else {
        (
            format!("two sources would both be archived as `{}`", one.name),
            "collect the directory above both, or rename one of them",
        )
    };
    clash(first, second, message, right, notes);
}

/// What `etc+2` is a further archive of on one day: `etc`.
fn stem(name: &[u8]) -> Option<&[u8]> {
    let plus = name.iter().rposition(|&byte| byte == b'+')?;
    let (stem, number) = (&name[..plus], &name[plus + 1..]);
    (!number.is_empty() && number.iter().all(u8::is_ascii_digit)).then_some(stem)
}

fn sequel(first: &Placed<'_>, second: &Placed<'_>, notes: &Notes) {
    let message = format!(
        "the archive name `{}` could be that of a second archive of `{}`",
        second.source.name, first.source.name
    );
    let right = "rename one of them: no `+` and number at its end";
    clash(first, second, message, right, notes);
}

fn split_off(above: &Placed<'_>, below: &Placed<'_>, notes: &Notes) {
    let (top, bottom) = (&above.source.path, &below.source.path);
    let message = format!("`{bottom}` is also split off `{top}` by its recursion level");
    let right = format!("exclude `{bottom}` there, or remove it here");
    clash(above, below, message, right, notes);
}

/// Whether `above`, at `top`, makes an archive of its own from the directory at `path`.
fn is_split_off(top: &Path, above: &Source, path: &Path) -> bool {
    let Shape::Dir {
        rules,
        recursion_level,
    } = &above.shape
    else {
        return false;
    };
    let Ok(rest) = path.strip_prefix(top) else {
        return false;
    };
    let depth = i64::try_from(rest.components().count()).unwrap_or(i64::MAX);
    let reaches = *recursion_level < 0 || depth <= *recursion_level;
    reaches && !is_excluded(rules, top, path)
}

fn is_excluded(rules: &Rules, top: &Path, path: &Path) -> bool {
    path.ancestors()
        .take_while(|&step| step != top)
        .any(|step| {
            rules
                .exclude_paths
                .iter()
                .any(|path| path.as_path() == step)
                || rules
                    .exclude_patterns
                    .iter()
                    .any(|pattern| pattern.matches_bytes(step.as_os_str().as_bytes()))
        })
}

/// Purging must not delete what is backed up, nor what backing up needs.
pub(super) fn purged(
    purged: &[(AbsPath, Element<'_>)],
    sources: &[Placed<'_>],
    working_dir: Option<&AbsPath>,
    notes: &Notes,
) {
    // Sorted by components: what is below a directory follows it directly.
    let sorted: BTreeMap<PathBuf, &Placed<'_>> = sources
        .iter()
        .map(|placed| (plain(&placed.source.path), placed))
        .collect();
    for (path, element) in purged {
        let dir = plain(path);
        let next = sorted.range(dir.clone()..).next();
        if let Some((_, placed)) = next.filter(|(source, _)| source.starts_with(&dir)) {
            let source = &placed.source.path;
            let message = format!("purging `{path}` would delete the source `{source}`");
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

/// Directories that backing up fills, by what they are called.
pub(super) struct Own<'c> {
    pub(super) what: &'static str,
    pub(super) path: &'c Path,
}

/// A source that holds what backing up fills would be saved again and again, each time larger.
pub(super) fn own_directories(own: &[Own<'_>], sources: &[Placed<'_>], notes: &Notes) {
    for placed in sources {
        let Shape::Dir { rules, .. } = &placed.source.shape else {
            continue;
        };
        let top = plain(&placed.source.path);
        for own in own {
            let path = plain(own.path);
            if path.starts_with(&top) && !is_excluded(rules, &top, &path) {
                let message = format!(
                    "`{}` holds the {} `{}`, so each backup would contain the ones before",
                    placed.source.path,
                    own.what,
                    printable_path(own.path)
                );
                notes.tell(
                    Finding::warning(placed.path, placed.path.value_span(), message)
                        .right(format!("exclude `{}` from it", printable_path(path))),
                );
            }
        }
    }
}

/// What is staged in one place and stored from another is never stored.
pub(super) fn one_staging_directory(root: Cursor<'_>) {
    let place = |section, name| root.part(section)?.first(name);
    let (Some(staging), Some(source)) =
        (place("stage", "staging_dir"), place("store", "source_dir"))
    else {
        return;
    };
    let path = |element: Element<'_>| plain(Path::new(element.value().unwrap_or_default()));
    if path(staging) != path(source) {
        root.tell(
            Finding::warning(
                source,
                source.value_span(),
                "what is stored comes from another directory than the one in which is staged",
            )
            .right("write the same path in both")
            .also(staging.value_span(), "the staging directory"),
        );
    }
}

/// A section without an action never does anything, and an extension without its section cannot.
pub(super) fn extensions_and_sections(root: Cursor<'_>) {
    let modules: Vec<Element<'_>> = root
        .part("extensions")
        .into_iter()
        .flat_map(|at| at.parts("action"))
        .filter_map(|at| at.first("module"))
        .collect();
    for section in EXTENSIONS {
        let mut runs = modules
            .iter()
            .filter(|module| module.value().and_then(own_extension) == Some(section));
        match (root.part(section), runs.next()) {
            (Some(at), None) => {
                let message = format!("no extension runs what `<{section}>` says");
                let span = at.element.name_span();
                root.tell(Finding::warning(at.element, span, message).right(format!(
                    "add an `<action>` to `<extensions>` with the module \
                     `CedarBackup3.extend.{section}`, or remove the section"
                )));
            }
            (None, Some(module)) => {
                let message = format!("this extension has no section `<{section}>` to read");
                root.tell(
                    Finding::warning(*module, module.value_span(), message)
                        .right(format!("add `<{section}>`, or remove the extension")),
                );
            }
            _ => {}
        }
    }
}

/// Names of actions in hooks and in the order of extensions have to be those of actions.
pub(super) fn action_names(root: Cursor<'_>) {
    let extensions = root.part("extensions");
    let actions = || extensions.into_iter().flat_map(|at| at.parts("action"));
    let own = actions().filter_map(|at| at.first("name")?.value());
    let built_in = BUILT_IN.iter().copied().filter(|&name| name != "all");
    let known: BTreeSet<&str> = built_in.chain(own).collect();
    if let Some(options) = root.part("options") {
        let before = options.parts("pre_action_hook");
        for hook in before.chain(options.parts("post_action_hook")) {
            if let Some(name) = hook.first("action") {
                hook_runs(root, name, &known);
            }
        }
    }
    for at in actions().filter_map(|at| at.part("depends")) {
        for element in ["run_before", "run_after"].map(|name| at.first(name)) {
            let Some(element) = element else { continue };
            for name in value::actions(element.value().unwrap_or_default()).unwrap_or_default() {
                if !known.contains(name.as_str()) {
                    let message = format!("there is no action `{name}`");
                    root.tell(
                        Finding::error(element, element.value_span(), message)
                            .right(meant(name.as_str(), &known)),
                    );
                }
            }
        }
    }
}

fn hook_runs(root: Cursor<'_>, name: Element<'_>, known: &BTreeSet<&str>) {
    let text = name.value().unwrap_or_default();
    if known.contains(text) || value::action(text).is_err() {
        return;
    }
    let message = match text {
        "all" => "a hook for `all` never runs: hooks belong to single actions".to_owned(),
        _ => format!("there is no action `{text}`, so this hook never runs"),
    };
    root.tell(Finding::warning(name, name.value_span(), message).right(meant(text, known)));
}

fn meant(name: &str, known: &BTreeSet<&str>) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", list(known.iter().copied())),
    }
}
