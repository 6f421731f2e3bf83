//! The shape of the house, checked on the text of `src/`: modules use only lower layers, files stay short and say
//! what they are, and only the places that talk to people print.

use std::fs;
use std::path::{Path, PathBuf};

/// Layer of each top-level module; a module uses those with a smaller number.
const LAYERS: &[(&str, u8)] = &[
    ("iso9660", 0), // besides, it uses nothing at all
    ("units", 0),
    ("sums", 1),
    ("claims", 2),
    ("clock", 1),
    ("event", 1),
    ("fault", 1),
    ("fsx", 1),
    ("legacy", 2),
    ("process", 2),
    ("lock", 2),
    ("select", 3),
    ("archive", 3),
    ("staging", 3),
    ("peer", 3),
    ("media", 3),
    ("catalog", 3),
    ("changer", 4),
    ("collect", 4),
    ("restore", 4),
    ("stage", 4),
    ("store", 4),
    ("disc", 4),
    ("purge", 4),
    ("dump", 4),
    ("encrypt", 4),
    ("split", 4),
    ("upload", 4),
    ("span", 4),
    ("config", 5),
    ("action", 6),
    ("extend", 6),
    ("plan", 7),
    ("cli", 8),
    ("web", 9),
    ("main", 10),
    ("lib", 10),
];

/// Edges between modules of one layer that are right all the same: who, whom.
const EXTRA: &[(&str, &str)] = &[
    ("extend", "action"), // what every action of a run knows
    ("action", "extend"), // validate asks every extension, too
];

/// Modules that talk to people.
const PRINTERS: &[&str] = &["cli", "event", "main"];

const LONGEST: usize = 600;

#[test]
fn modules_use_only_lower_layers() {
    let mut faults = Vec::new();
    for file in sources("src") {
        let from = top_module(&file);
        let Some(own) = layer(&from) else {
            faults.push(format!("{}: {from} has no layer", file.display()));
            continue;
        };
        for used in used_modules(&code(&file), depth(&file)) {
            let allowed = used == from
                || EXTRA.contains(&(from.as_str(), used.as_str()))
                || (from != "iso9660" && layer(&used).is_some_and(|other| other < own));
            if !allowed {
                faults.push(format!("{}: {from} uses {used}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut faults = Vec::new();
    for file in ["src", "tests", "benches"].into_iter().flat_map(sources) {
        let text = fs::read_to_string(&file).expect("readable");
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!(
                "{}: {lines} lines, more than {LONGEST}",
                file.display()
            ));
        }
        if !text.starts_with("//!") {
            faults.push(format!("{}: does not begin with //!", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_those_who_talk_to_people_print() {
    let mut faults = Vec::new();
    for file in sources("src") {
        if PRINTERS.contains(&top_module(&file).as_str()) {
            continue;
        }
        for word in ["println!", "print!", "eprintln!", "eprint!", "dbg!"] {
            if names(&code(&file), word) {
                faults.push(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_checks_see_what_they_look_for() {
    let text = "use crate::{units::Day, event::{self, Tell}, fsx};\nuse crate::lock::Lock;\n\
                fn f() { crate::config::x(); super::super::media::y() }\n";
    let found = used_modules(text, 2);
    for module in ["units", "event", "fsx", "lock", "config", "media"] {
        assert!(found.iter().any(|name| name == module), "{module}");
    }
    assert_eq!(found.len(), 6);
    assert_eq!(
        used_modules("use super::super::x;", 3),
        Vec::<String>::new()
    );
    assert!(names("x; println!(\"\")", "println!") && !names("eprintln!()", "println!"));
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|row| row.0 == module).map(|row| row.1)
}

/// Every `.rs` file below `dir`, in order.
fn sources(dir: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    files.sort();
    files
}

/// The file's code: without comments, and without its tests, which may bring what they need.
fn code(file: &Path) -> String {
    if file.file_stem().is_some_and(|stem| stem == "tests") {
        return String::new();
    }
    let text = fs::read_to_string(file).expect("readable");
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end]
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn inside(file: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    file.strip_prefix(root)
        .expect("below src")
        .with_extension("")
}

fn top_module(file: &Path) -> String {
    let first = inside(file)
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_owned();
    first.into_string().expect("UTF-8")
}

/// How many `super` lead from the file's module to the crate's root.
fn depth(file: &Path) -> usize {
    inside(file).components().count()
}

/// Whether `word` stands in `text` and is not the end of a longer one.
fn names(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Top-level modules named by paths from the crate's root, each once.
fn used_modules(text: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in text.match_indices(&root) {
            let rest = &text[at + root.len()..];
            for name in first_names(rest) {
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
    }
    found
}

/// The first name of a path, or of each path in a group.
fn first_names(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return Some(word(rest))
            .filter(|name| name != "super")
            .into_iter()
            .collect();
    };
    let mut names = vec![word(group)];
    let mut level = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => level += 1,
            '}' if level == 0 => break,
            '}' => level -= 1,
            ',' if level == 0 => names.push(word(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
