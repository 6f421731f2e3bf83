//! Man pages and completions, made from the definitions of the command line.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;

use super::args::{self, Arguments};
use crate::config;

/// The day of the pages, which has to be there; that of the version.
const DATE: &str = "2026-11-22";

/// The man pages: file name and roff text, `cback.1` first.
pub fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Arguments::command();
    command.build();
    let mut pages = vec![page(command.clone())?];
    below(&command, "cback", "cback", &mut pages)?;
    pages.push(page(args::Span::command())?);
    pages.push(page(args::AmazonS3Sync::command())?);
    pages.push(("cback.conf.5".to_owned(), config::manual().into_bytes()));
    Ok(pages)
}

/// A page for each word of `command`, and for the words of that one.
fn below(
    command: &clap::Command,
    name: &str,
    usage: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("{name}-{}", sub.get_name());
        let usage = format!("{usage} {}", sub.get_name());
        below(sub, &name, &usage, pages)?;
        pages.push(page(
            sub.clone()
                .name(name)
                .bin_name(usage)
                .version(env!("CARGO_PKG_VERSION")),
        )?);
    }
    Ok(())
}

fn page(command: clap::Command) -> io::Result<(String, Vec<u8>)> {
    let man = clap_mangen::Man::new(command)
        .date(DATE)
        .source("cback")
        .manual("cback");
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((man.get_filename(), plain(&String::from_utf8_lossy(&text))))
}

/// `text` without what troff or mandoc stumble over: letters beyond ASCII, and an empty line between two breaks.
fn plain(text: &str) -> Vec<u8> {
    let text = text.replace("\n.br\n\n.br\n", "\n.br\n");
    let mut plain = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match u8::try_from(letter) {
            Ok(byte) if byte.is_ascii() => plain.push(byte),
            _ => plain.extend_from_slice(format!("\\[u{:04X}]", u32::from(letter)).as_bytes()),
        }
    }
    plain
}

/// Writes the man pages into `directory`.
pub fn write(directory: &Path) -> io::Result<()> {
    for (name, text) in pages()? {
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// Prints the completions for `shell` on standard output.
pub fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    // Extensions may be named, too; that is why the command line itself takes any word.
    let actions = |arg: clap::Arg| arg.value_parser(config::BUILT_IN);
    let mut command = Arguments::command().mut_arg("actions", actions);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "cback", &mut script);
    if shell == clap_complete::Shell::Fish {
        // Which words an argument can be is left out for this shell.
        let other = config::COMMANDS.join(" ");
        for action in config::BUILT_IN {
            script.extend_from_slice(
                format!(
                    "complete -c cback -n \"not __fish_seen_subcommand_from {other}\" -f -a {action} -d 'Action'\n"
                )
                .as_bytes(),
            );
        }
    }
    let mut out = io::stdout();
    out.write_all(&script).and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_man_pages_are_clean_to_those_who_print_them() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).unwrap();
        let mut judge = std::process::Command::new("mandoc");
        judge.args(["-T", "lint", "-W", "warning"]);
        for (name, text) in pages().unwrap() {
            assert!(text.is_ascii(), "{name}");
            judge.arg(directory.path().join(name));
        }
        let judged = judge.output().expect("mandoc; tests/run installs it");
        let said = String::from_utf8_lossy(&judged.stdout);
        assert!(judged.status.success(), "{said}");
    }

    #[test]
    fn the_man_pages_are_those_of_the_command_line() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
        for (name, text) in pages().unwrap() {
            let written = fs::read(directory.join(&name)).unwrap_or_default();
            assert!(
                written == text,
                "man/{name} is out of step: run `cargo run -- man man`"
            );
        }
    }
}
