//! Man pages and completions, made from the definitions of the command line.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;

use super::args::{self, Arguments};
use crate::config;

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
        .date("")
        .source("cback")
        .manual("cback");
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((man.get_filename(), text))
}

/// Writes the man pages into `directory`.
pub fn write(directory: &Path) -> io::Result<()> {
    for (name, text) in pages()? {
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// Prints the completions for `shell` on standard output.
pub fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Arguments::command(), "cback", &mut io::stdout());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
