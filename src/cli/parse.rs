//! From the words of the command line to [`Arguments`].

use std::ffi::OsString;
use std::io::Write as _;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};

use super::args::{Arguments, word};
use super::exit::Exit;
use super::program::Defaults;
use super::session;
use super::words;
use crate::event::printable_path;

/// What is said to whoever asks for nothing.
const NOTHING: &str = "\
it was not said what to do

  cback all                 tonight's backup, as the configuration says
  cback restore --into DIR  bring files back
  cback quickstart DIR      a first backup, with nothing configured yet
  cback help                everything else";

/// The definition `command`, with those defaults.
fn with_defaults(command: clap::Command, defaults: Defaults) -> clap::Command {
    command
        .mut_arg("config", |arg| arg.default_value(defaults.config))
        .mut_arg("logfile", |arg| arg.default_value(defaults.logfile))
        .mut_arg("naming", |arg| arg.default_value(word(defaults.naming)))
}

/// Parses `line`, the program's name first, as one of the tools.
pub fn tool<T: clap::CommandFactory + clap::FromArgMatches>(
    line: &[OsString],
    defaults: Defaults,
) -> Result<T, clap::Error> {
    legible(line, |line| {
        let mut command = with_defaults(T::command(), defaults);
        let line = words::in_order(line, &command);
        let matches = command.try_get_matches_from_mut(line)?;
        T::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    })
}

/// Parses `line`, the program's name first.
pub fn parse(line: &[OsString], defaults: Defaults) -> Result<Arguments, clap::Error> {
    legible(line, |line| whole(line, defaults))
}

/// What `read` makes of `line`. If that is an error, words that cannot be shown as they are (bytes that are no UTF-8,
/// control characters) stand in it with their escapes.
fn legible<T>(
    line: &[OsString],
    read: impl Fn(Vec<OsString>) -> Result<T, clap::Error>,
) -> Result<T, clap::Error> {
    let error = match read(line.to_vec()) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let shown: Vec<OsString> = line
        .iter()
        .map(|word| printable_path(word).into())
        .collect();
    if shown == line {
        return Err(error);
    }
    let Err(better) = read(shown.clone()) else {
        // Nothing but the bytes is wrong; with whose?
        let odd = (1..line.len()).find(|&at| {
            let mut one = shown.clone();
            one[at].clone_from(&line[at]);
            read(one).is_err()
        });
        let word = odd.map(|at| printable_path(&line[at])).unwrap_or_default();
        let text = format!("`{word}` is not UTF-8; only names of files may be any bytes");
        return Err(Arguments::command().error(ErrorKind::InvalidUtf8, text));
    };
    Err(better)
}

fn whole(line: Vec<OsString>, defaults: Defaults) -> Result<Arguments, clap::Error> {
    let mut command = with_defaults(Arguments::command(), defaults);
    let line = words::in_order(line, &command);
    let matches = command
        .try_get_matches_from_mut(line)
        .map_err(without_useless_tip)?;
    let arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    let fault = |text: String| Err(command.clone().error(ErrorKind::ArgumentConflict, text));
    if arguments.command.is_none() && arguments.actions.is_empty() && !arguments.diagnostics {
        return Err(command.error(ErrorKind::MissingRequiredArgument, NOTHING));
    }
    if let Some((name, below)) = matches.subcommand() {
        // It would be passed over, and another file written than the one that was named.
        let named = |given: &clap::ArgMatches| {
            ["config", "logfile"].iter().any(|switch| {
                given.value_source(switch) == Some(clap::parser::ValueSource::CommandLine)
            })
        };
        if name == "quickstart" && (named(&matches) || named(below)) {
            return fault(
                "`quickstart` has a configuration and a log of its own, in the directory of --into; `cback -c FILE all` backs up what FILE says"
                    .to_owned(),
            );
        }
        for (switch, given) in [
            ("--full", arguments.full),
            ("--managed", arguments.managed),
            ("--managed-only", arguments.managed_only),
            ("--dry-run", arguments.dry_run),
            ("--diagnostics", arguments.diagnostics),
        ] {
            if given {
                return fault(format!(
                    "`{switch}` before `{name}` is about actions; the switches of `{name}` stand behind it"
                ));
            }
        }
    }
    Ok(arguments)
}

/// That `-- -x` is another way to write an unknown switch helps nobody: it would be the name of an action.
fn without_useless_tip(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::Suggested);
    }
    error
}

/// Prints what clap has to say, help or an error, in our manner, and gives the exit status.
pub fn tell(error: &clap::Error) -> Exit {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        let text = text.replacen("error:", "cback: error:", 1);
        // Where it cannot be printed there is nobody to be told so.
        let _ = write!(anstream::stderr(), "{text}");
        Exit::Arguments
    } else {
        session::printed(error.print())
    }
}

/// Whether `line`, which perhaps cannot be understood, asks for JSON, as far as one can see.
pub fn wants_json(line: &[OsString]) -> bool {
    let switches = line.iter().skip(1).take_while(|word| *word != "--");
    switches
        .filter_map(|word| word.to_str())
        .any(|word| word.len() > "--j".len() && "--json".starts_with(word))
}

/// What is wrong with the arguments: clap's words without their title and without the usage.
pub fn sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = text
        .find("\n\nUsage:")
        .or_else(|| text.find("\n\nFor more"));
    // What is missing is the first paragraph; examples may follow.
    let end = match error.kind() {
        ErrorKind::MissingRequiredArgument => text.find("\n\n").or(end),
        _ => end,
    };
    let text = &text[..end.unwrap_or(text.len())];
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::program::{SECOND, THIRD};
    use crate::units::Naming;

    fn parsed(line: &str) -> Result<Arguments, clap::Error> {
        parse(
            &line.split(' ').map(OsString::from).collect::<Vec<_>>(),
            SECOND,
        )
    }

    fn shown(line: &str) -> String {
        format!("{:?}", parsed(line).unwrap())
    }

    /// Switches of Cedar Backup 2 and 3: letter, word, value.
    const CEDAR: &[(char, &str, Option<&str>)] = &[
        ('h', "help", None),
        ('V', "version", None),
        ('b', "verbose", None),
        ('q', "quiet", None),
        ('c', "config", Some("/etc/x")),
        ('f', "full", None),
        ('M', "managed", None),
        ('N', "managed-only", None),
        ('l', "logfile", Some("/tmp/l")),
        ('o', "owner", Some("a:b:c")),
        ('m', "mode", Some("0640")),
        ('O', "output", None),
        ('d', "debug", None),
        ('s', "stack", None),
        ('D', "diagnostics", None),
        ('u', "unsupported", None),
    ];

    #[test]
    fn every_switch_of_cedar_backup_is_known_by_letter_and_word() {
        for (letter, word, value) in CEDAR {
            let lines = match value {
                None => vec![
                    format!("cback -{letter} all"),
                    format!("cback --{word} all"),
                ],
                Some(value) => vec![
                    format!("cback -{letter} {value} all"),
                    format!("cback -{letter}{value} all"),
                    format!("cback -b{letter}{value} all"),
                    format!("cback --{word} {value} all"),
                    format!("cback --{word}={value} all"),
                ],
            };
            for line in lines {
                match parsed(&line) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.exit_code(), 0, "{line}: {error}"),
                }
            }
        }
    }

    #[test]
    fn every_abbreviation_that_cedar_backup_took_means_the_same() {
        let mut tried = 0;
        for (_, word, value) in CEDAR {
            for end in 1..word.len() {
                let short = &word[..end];
                let several = CEDAR.iter().filter(|row| row.1.starts_with(short)).count();
                let value = value.map(|value| format!(" {value}")).unwrap_or_default();
                let line = |switch: &str| format!("cback --{switch}{value} all");
                if several > 1 && !CEDAR.iter().any(|row| row.1 == short) {
                    let error = parsed(&line(short)).unwrap_err();
                    assert_eq!(error.exit_code(), 2, "{short}");
                } else if matches!(*word, "help" | "version") {
                    assert_eq!(parsed(&line(short)).unwrap_err().exit_code(), 0, "{short}");
                } else if several == 1 {
                    assert_eq!(shown(&line(short)), shown(&line(word)), "{short}");
                }
                tried += 1;
            }
        }
        assert!(tried > 60);
    }

    #[test]
    fn switches_mean_what_they_meant() {
        for (line, same) in [
            ("cback -bd all", "cback --verbose --debug all"),
            ("cback -bfc/x all", "cback -b -f -c /x all"),
            ("cback -b -b all", "cback -b all"),
            ("cback -c /one -c /two all", "cback -c /two all"),
            ("cback --config /one -c /two all", "cback -c /one all"),
            ("cback --mode 0o600 all", "cback -m 600 all"),
            ("cback --managed all", "cback -M all"),
            ("cback -c -b all", "cback --config=-b all"),
            ("cback -f -- collect", "cback -f collect"),
            // more lenient than it was
            ("cback collect --full", "cback -f collect"),
            ("cback collect -c /x stage", "cback -c /x collect stage"),
        ] {
            assert_eq!(shown(line), shown(same), "{line}");
        }
    }

    #[test]
    fn wrong_arguments_are_told() {
        // the line, and what is said of it
        for (line, says) in [
            ("cback", "it was not said what to do"),
            ("cback -b", "it was not said what to do"),
            ("cback -M -N all", "cannot be used with"),
            ("cback --man all", "--man"),
            ("cback --ver all", "--ver"),
            ("cback --full=yes all", "unexpected value"),
            ("cback --nonsense all", "unexpected argument"),
            ("cback -x all", "unexpected argument"),
            ("cback -c", "value is required"),
            ("cback --config= all", "value is required"),
            ("cback --logfile= all", "value is required"),
            ("cback --owner root all", "USER:GROUP"),
            ("cback --owner :adm all", "USER:GROUP"),
            ("cback --owner root: all", "USER:GROUP"),
            ("cback --mode 9 all", "octal"),
            ("cback --mode -1 all", "octal"),
            ("cback --mode rw all", "octal"),
            ("cback --naming v4 all", "`v2` or `v3`"),
            ("cback restore", "required"),
            ("cback restore --into /r --as-of yesterday", "yesterday"),
            ("cback quickstart --media floppy /home", "it is one of"),
            (
                "cback -c /x quickstart /home",
                "has a configuration and a log of its own",
            ),
            (
                "cback quickstart -l /x /home",
                "has a configuration and a log of its own",
            ),
            ("cback collect restore --into /r", "unexpected argument"),
            (
                "cback --full restore --into /r",
                "`--full` before `restore`",
            ),
            ("cback -n restore --into /r", "`--dry-run` before `restore`"),
        ] {
            let error = parsed(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn only_the_first_word_is_a_command() {
        // Behind an action, or behind `--`, it is the name of an action, whether there is one or not.
        for line in [
            "cback collect restore",
            "cback -- restore",
            "cback collect man",
        ] {
            let arguments = parsed(line).unwrap();
            assert!(arguments.command.is_none(), "{line}");
            let last = line.rsplit(' ').next().map(str::to_owned);
            assert_eq!(arguments.actions.last(), last.as_ref());
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_name() {
        let line = || ["cback3", "all"].map(OsString::from).to_vec();
        let common = parse(&line(), THIRD).unwrap().common;
        assert_eq!(common.config.to_str(), Some("/etc/cback3.conf"));
        assert_eq!(common.logfile.to_str(), Some("/var/log/cback3.log"));
        assert_eq!(common.naming, Naming::V3);
        let common = parse(&line(), SECOND).unwrap().common;
        assert_eq!(common.config.to_str(), Some("/etc/cback.conf"));
        assert_eq!(common.naming, Naming::V2);
        let common = parsed("cback --naming v3 all").unwrap().common;
        assert_eq!(common.naming, Naming::V3);
    }
}
