//! `cback help`: what an action or a command is for.

use clap::CommandFactory as _;

use super::args::{Arguments, Common, HelpWish};
use super::exit::Exit;
use super::failure::Failure;
use super::parse;
use super::program::Defaults;
use super::session::Session;
use crate::config::nearest;

/// The actions, and what there is to say of each.
const ACTIONS: [(&str, &str); 8] = [
    (
        "collect",
        "\
cback collect: saves this machine's directories as tar archives in <collect_dir>.

Full archives on the <starting_day>, incrementals on other days, as <collect_mode> says; the indicator cback.collect is
written when all is there, so that a master knows. `cback --full collect` saves everything whatever day it is.",
    ),
    (
        "stage",
        "\
cback stage: fetches what peers have collected into a directory for today in <staging_dir>.

Each file is checked, and the indicator cback.stage is left with the peer. A peer that is missing is named, and the
others are staged; run it again when it is back. Remote peers are reached by SSH: see `cback config explain peer`.",
    ),
    (
        "store",
        "\
cback store: writes the staged days that are on no disc yet as a session on the disc, and reads it back.

  cback --full store              today's day onto a fresh disc
  cback --wait-for-disc store     if another disc is needed, wait for it
  cback --close store             no session can follow

`cback --dry-run store` says which disc it would use, and what would be lost on it.",
    ),
    (
        "purge",
        "\
cback purge: deletes files in the directories of <purge> that are older than <retain_days>.

The only copy of something that was to be stored is kept, and named.",
    ),
    (
        "all",
        "\
cback all: collect, stage, store and purge, in this order; what cron runs every night.

It does not run extensions: name them, as in `cback collect mysql stage store purge`. `cback --managed all` asks managed
peers, too.",
    ),
    (
        "rebuild",
        "\
cback rebuild: writes all staged days of this week onto a fresh disc.

For a disc that was lost, or is damaged. The days have to be in the staging directory still.",
    ),
    (
        "validate",
        "\
cback validate: is the configuration sound, and is the world as it says?

Directories, users, programs, the drive, extensions, and the peers: each finding is told with how to mend it. Nothing is
changed. `cback config check` looks at the file alone.",
    ),
    (
        "initialize",
        "\
cback initialize: makes a rewritable disc blank and gives it a label, so that <check_media> knows it.

What is on the disc is lost: `cback --dry-run initialize` says what that is.",
    ),
];

/// Explains what `wish` names, to whoever called the program by a name with those `defaults`.
pub fn run(common: &Common, wish: &HelpWish, defaults: Defaults) -> Exit {
    let session = Session::without_log(common);
    let outcome = explain(&session, &wish.words, defaults);
    session.end(&outcome)
}

fn explain(session: &Session, words: &[String], defaults: Defaults) -> Result<Exit, Failure> {
    let action = |word: &String| ACTIONS.iter().find(|row| row.0 == word);
    match words {
        [word] if action(word).is_some() => {
            let text = action(word).map_or("", |row| row.1);
            session.show(&text, |text| format!("{text}\n{}", more(word)));
            return Ok(Exit::Well);
        }
        [word, _, ..] if action(word).is_some() => {
            let what = format!("`{word}` is an action; nothing follows it here");
            let advice = format!("ask for one at a time: `cback help {word}`");
            return Err(Failure::new(Exit::Arguments, what).advise(advice));
        }
        _ => known(words)?,
    }
    let line = ["cback"].into_iter();
    let line = line
        .chain(words.iter().map(String::as_str))
        .chain(["--help"]);
    // It is an answer, which clap gives as an error.
    if let Err(help) = parse::parse(&line.map(Into::into).collect::<Vec<_>>(), defaults) {
        return Ok(parse::tell(&help));
    }
    Ok(Exit::Well)
}

/// Where there is more about an action.
fn more(action: &str) -> String {
    let switches = "Switches: cback --help";
    match action {
        "collect" | "stage" | "store" | "purge" => {
            format!("\nIts configuration: cback config explain {action}\n{switches}")
        }
        _ => format!("\n{switches}"),
    }
}

/// Whether `words` lead to a command.
fn known(words: &[String]) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    let mut so_far = "cback help".to_owned();
    for word in words {
        let Some(below) = command.find_subcommand(word) else {
            return Err(unknown(&command, &so_far, word));
        };
        command = below.clone();
        so_far = format!("{so_far} {word}");
    }
    Ok(())
}

fn unknown(command: &clap::Command, so_far: &str, word: &str) -> Failure {
    let actions = ACTIONS.iter().map(|row| row.0);
    let actions: Vec<&str> = match so_far {
        "cback help" => actions.collect(),
        _ => Vec::new(),
    };
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let below: Vec<&str> = below.map(clap::Command::get_name).collect();
    let all = || actions.iter().chain(&below).copied();
    let words: Vec<&str> = all().collect();
    let advice = match (nearest(word, all()), words.is_empty()) {
        (Some(near), _) => format!("did you mean `{so_far} {near}`?"),
        (None, false) => format!("there are {}", words.join(", ")),
        (None, true) => format!("that is all there is: `{so_far}`"),
    };
    Failure::new(Exit::Arguments, format!("there is no `{so_far} {word}`")).advise(advice)
}
