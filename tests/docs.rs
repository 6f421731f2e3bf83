//! What the documentation tells people to type works as it is written.
//!
//! Blocks fenced as `sh`, and comments that begin with `<!-- sh`, are run in order, a document at a time, in a home
//! of its own, with an `/etc`, `/var/lib`, `/var/log` and `/srv` that vanish afterwards. Other fences say what they are.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn commands_in_the_documentation_work() {
    let mut documents = vec![root().join("README.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        documents.extend(Some(path).filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    }
    let mut ran = 0;
    for document in documents {
        let script = script(&fs::read_to_string(&document).unwrap(), &document);
        if !script.is_empty() {
            run(&script, &document);
            ran += 1;
        }
    }
    assert!(ran >= 3, "README, restoring and setting up have commands");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = fancy_regex::Regex::new(r"\]\(([^)#:]+)(#[^)]*)?\)").unwrap();
    let mut found = 0;
    for dir in ["", "docs", "docs/design"] {
        for entry in fs::read_dir(root().join(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ext| ext != "md") {
                continue;
            }
            for target in link.captures_iter(&fs::read_to_string(&path).unwrap()) {
                let target = path
                    .parent()
                    .unwrap()
                    .join(target.unwrap().get(1).unwrap().as_str());
                assert!(target.exists(), "{}: {}", path.display(), target.display());
                found += 1;
            }
        }
    }
    assert!(found > 5);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is to be typed, in order.
fn script(text: &str, document: &Path) -> String {
    let mut script = String::new();
    let mut end: Option<(&str, bool)> = None;
    for line in text.lines() {
        let word = line.trim();
        match end {
            Some((last, _)) if word == last => end = None,
            Some((_, true)) => script.extend([line.strip_prefix("   ").unwrap_or(line), "\n"]),
            None if word == "<!-- sh" => end = Some(("-->", true)),
            None if word == "```sh" => end = Some(("```", true)),
            None if word.starts_with("```") => {
                assert_ne!(
                    word,
                    "```",
                    "{}: a fence does not say what it is",
                    document.display()
                );
                end = Some(("```", false));
            }
            Some((_, false)) | None => {}
        }
    }
    script
}

fn run(script: &str, document: &Path) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let prologue = "cp -a /etc own-etc 2>/dev/null || :\nmount --bind own-etc /etc\n\
                    for d in /var/lib /var/log /srv; do mount -t tmpfs none $d; done\ncd\nset -eux\n";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user"]);
    let output = command
        .args(["sh", "-ec", &format!("{prologue}{script}")])
        .env_clear()
        .env("PATH", path())
        .env("HOME", &home)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}\n{}",
        document.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The search path with our program first.
fn path() -> String {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_cback"));
    let others = std::env::var("PATH").unwrap();
    format!("{}:{others}", program.parent().unwrap().display())
}
