//! `<collect>`: the sources of this machine. What a source does not say itself it has from the section.

mod rules;

use std::ffi::OsString;

use crate::archive::Compression;
use crate::collect::{Compare, Mode, Shape, Source};
use crate::select::{CacheDirs, Dereference, Mounts, NoDump, Rules};
use crate::units::{AbsPath, ArchiveName, Naming, Pattern};

use super::document::Element;
use super::finding::{Finding, Told};
use super::plain_path::{is_plain, plain};
use super::read::{Cursor, Read};
use super::value;

pub(super) use rules::RULES;

/// What is collected on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// Where archives go.
    pub collect_dir: AbsPath,
    /// Files first, then directories, each in the order of the configuration. No two have archives of one name.
    pub sources: Vec<Source>,
}

/// What the section says for all its sources.
struct Defaults {
    packing: Packing,
    ignore_file: Read<Option<String>>,
    recursion_level: Read<Option<i64>>,
    walk: Walk,
    exclude: Read<Exclude>,
}

/// When and how a source becomes an archive.
#[derive(Clone)]
struct Packing {
    mode: Read<Option<Mode>>,
    compression: Read<Option<Compression>>,
    level: Read<Option<u8>>,
    compare: Read<Option<Compare>>,
}

/// What the walk passes by.
struct Walk {
    cachedir_tag: Read<Option<bool>>,
    nodump: Read<Option<bool>>,
    one_file_system: Read<Option<bool>>,
}

#[derive(Clone, Default)]
struct Exclude {
    paths: Vec<AbsPath>,
    patterns: Vec<Pattern>,
}

/// A source and the element with its path.
pub(super) struct Placed<'d> {
    pub(super) source: Source,
    pub(super) path: Element<'d>,
}

/// Reads the section. The sources also come with their places, for checks across sections.
pub(super) fn read(at: Cursor<'_>, naming: Naming) -> (Read<Collect>, Vec<Placed<'_>>) {
    let collect_dir = at.required("collect_dir", value::path);
    let defaults = Defaults {
        packing: packing(at, at.optional("collect_mode", value::mode)),
        ignore_file: at.optional("ignore_file", value::file_name),
        recursion_level: at.optional("recursion_level", value::integer),
        walk: walk(at),
        exclude: exclude(at, None),
    };
    let files = at.parts("file").map(|at| file(at, &defaults, naming));
    let dirs = at.parts("dir").map(|at| dir(at, &defaults, naming));
    let mut told = None;
    let mut placed = Vec::new();
    for source in files.chain(dirs) {
        match source {
            Ok(source) => placed.push(source),
            Err(Told) => told = Some(Told),
        }
    }
    let collect = match (collect_dir, told) {
        (Ok(collect_dir), None) => Ok(Collect {
            collect_dir,
            sources: placed.iter().map(|placed| placed.source.clone()).collect(),
        }),
        _ => Err(Told),
    };
    (collect, placed)
}

fn file<'d>(at: Cursor<'d>, defaults: &Defaults, naming: Naming) -> Read<Placed<'d>> {
    source(at, defaults, naming, |_| Ok(Shape::File))
}

fn dir<'d>(at: Cursor<'d>, defaults: &Defaults, naming: Naming) -> Read<Placed<'d>> {
    source(at, defaults, naming, |path| {
        let rules = rules(at, defaults, path);
        let level = or_default(
            at.optional("recursion_level", value::integer),
            defaults.recursion_level,
        );
        Ok(Shape::Dir {
            rules: rules?,
            recursion_level: level?.unwrap_or(0),
        })
    })
}

fn source<'d>(
    at: Cursor<'d>,
    defaults: &Defaults,
    naming: Naming,
    shape: impl FnOnce(&Read<AbsPath>) -> Read<Shape>,
) -> Read<Placed<'d>> {
    let path = at.required("abs_path", value::path);
    let shape = shape(&path);
    let own = packing(at, collect_mode(at));
    let all = &defaults.packing;
    let elsewhere = "; here or in `<collect>`";
    let effective = |name, value: Read<Option<_>>| value?.ok_or_else(|| at.lacks(name, elsewhere));
    let mode = effective("collect_mode", or_default(own.mode, all.mode));
    let compression = or_default(own.compression, all.compression)
        .and_then(|value| value.ok_or_else(|| at.lacks("archive_mode", elsewhere)));
    let level = or_default(own.level, all.level);
    let compare = or_default(own.compare, all.compare);
    let level = compression.and_then(|compression| level_of(at, compression, level?));
    let path = path?;
    let name = ArchiveName::of(&path, naming);
    let source = Source {
        shape: shape?,
        mode: mode?,
        compression: compression?,
        level: level?,
        compare: compare?.unwrap_or_default(),
        name,
        path,
    };
    let path = at.first("abs_path").ok_or(Told)?;
    Ok(Placed { source, path })
}

fn packing(at: Cursor<'_>, mode: Read<Option<Mode>>) -> Packing {
    Packing {
        mode,
        compression: at.optional("archive_mode", value::archive_mode),
        level: at.optional("compress_level", value::level),
        compare: at.optional("compare", value::compare),
    }
}

/// A source's own mode. The old spelling wins, as it always did.
fn collect_mode(at: Cursor<'_>) -> Read<Option<Mode>> {
    let new = at.optional("collect_mode", value::mode);
    let Some(old) = at.first("mode") else {
        return new;
    };
    at.tell(
        Finding::warning(old, old.name_span(), "`<mode>` is the old spelling")
            .right("write `<collect_mode>`"),
    );
    at.value(old, value::mode).map(Some)
}

/// The level, if that compression has it. `tar` has none; a level for all sources does not mean it.
fn level_of(at: Cursor<'_>, compression: Compression, level: Option<u8>) -> Read<Option<u8>> {
    let Some(level) = level else {
        return Ok(None);
    };
    let levels = compression.levels();
    if levels.contains(&level) {
        return Ok(Some(level));
    }
    let own = at.first("compress_level");
    if levels.is_empty() && own.is_none() {
        return Ok(None);
    }
    let (element, span) = match own {
        Some(own) => (own, own.value_span()),
        None => (at.element, at.span("abs_path")),
    };
    let word = compression.word();
    let (message, right) = if levels.is_empty() {
        (
            format!("`{word}` does not compress, so it has no level"),
            "remove `<compress_level>`, or choose another `<archive_mode>`".to_owned(),
        )
    } else {
        (
            format!("`{word}` has no level {level}"),
            format!("write {} to {}", levels.start(), levels.end()),
        )
    };
    Err(at.tell(Finding::error(element, span, message).right(right)))
}

fn walk(at: Cursor<'_>) -> Walk {
    Walk {
        cachedir_tag: at.optional("cachedir_tag", value::flag),
        nodump: at.optional("nodump", value::flag),
        one_file_system: at.optional("one_file_system", value::flag),
    }
}

fn rules(at: Cursor<'_>, defaults: &Defaults, path: &Read<AbsPath>) -> Read<Rules> {
    let ignore_file = or_default(
        at.optional("ignore_file", value::file_name),
        defaults.ignore_file.clone(),
    )
    .and_then(|name| name.ok_or_else(|| at.lacks("ignore_file", "; here or in `<collect>`")));
    let link_depth = at.optional("link_depth", value::whole);
    let dereference = at.optional("dereference", value::flag);
    let own = walk(at);
    let exclude = exclude(at, path.as_ref().ok());
    let link_depth = link_depth?.unwrap_or(0);
    let dereference = dereference?.unwrap_or(false);
    if dereference && link_depth == 0 {
        let element = at.first("dereference").unwrap_or(at.element);
        return Err(at.tell(
            Finding::error(
                element,
                element.value_span(),
                "no link is followed, so none can be dereferenced",
            )
            .right("add `<link_depth>` of 1 or more, or remove `<dereference>`"),
        ));
    }
    let section = defaults.exclude.clone()?;
    let own_exclude = exclude?;
    let flag = |own, section| or_default(own, section).map(|flag: Option<bool>| flag == Some(true));
    let section_walk = &defaults.walk;
    Ok(Rules {
        ignore_file: Some(OsString::from(ignore_file?)),
        exclude_paths: [section.paths, own_exclude.paths].concat(),
        exclude_patterns: [section.patterns, own_exclude.patterns].concat(),
        link_depth,
        dereference: if dereference {
            Dereference::Yes
        } else {
            Dereference::No
        },
        cache_dirs: if flag(own.cachedir_tag, section_walk.cachedir_tag)? {
            CacheDirs::Skip
        } else {
            CacheDirs::Keep
        },
        nodump: if flag(own.nodump, section_walk.nodump)? {
            NoDump::Skip
        } else {
            NoDump::Collect
        },
        mounts: if flag(own.one_file_system, section_walk.one_file_system)? {
            Mounts::Stay
        } else {
            Mounts::Cross
        },
    })
}

/// What `<exclude>` says; relative paths are below `base`, which the section itself has not.
fn exclude(at: Cursor<'_>, base: Option<&AbsPath>) -> Read<Exclude> {
    let is_section = at.element.name() == "collect";
    let Some(at) = at.part("exclude") else {
        return Ok(Exclude::default());
    };
    let paths = at.all("abs_path", value::path);
    let relative = at.all("rel_path", value::text);
    let patterns = at.all("pattern", value::pattern);
    for element in at.given("abs_path") {
        never_matches(at, element);
    }
    for element in at.given("rel_path") {
        if is_section {
            at.tell(
                Finding::warning(
                    element,
                    element.name_span(),
                    "a `<rel_path>` for all sources is not read: it would be relative to nothing",
                )
                .right("move it into the `<exclude>` of a `<dir>`, or write `<abs_path>`"),
            );
        } else {
            never_matches(at, element);
        }
    }
    let mut paths = paths?;
    let relative = relative?;
    if let Some(base) = base {
        paths.extend(relative.iter().map(|tail| base.join(tail)));
    }
    Ok(Exclude {
        paths,
        patterns: patterns?,
    })
}

/// Excluded paths are compared letter by letter.
fn never_matches(at: Cursor<'_>, element: Element<'_>) {
    let path = std::path::Path::new(element.value().unwrap_or_default());
    if !is_plain(path) {
        at.tell(
            Finding::warning(
                element,
                element.value_span(),
                "this excludes nothing: paths are compared letter by letter",
            )
            .right(format!("write `{}`", plain(path).display())),
        );
    }
}

/// The source's own value, or the section's.
fn or_default<T>(own: Read<Option<T>>, section: Read<Option<T>>) -> Read<Option<T>> {
    match own? {
        Some(own) => Ok(Some(own)),
        None => section,
    }
}
