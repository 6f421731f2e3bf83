//! Types of values: one function each, from text to value.

use std::str::FromStr;
use std::time::Duration;

use crate::archive::Compression;
use crate::collect::{Compare, Mode};
use crate::media::{BlankMode, DeviceType, EngineKind, MediaKind};
use crate::units::{
    AbsPath, ActionName, ByteSize, CommandLine, Pattern, PatternError, PeerName, Weekday,
};

use super::read::Wrong;
use super::schema::{list, nearest};

type Parsed<T> = Result<T, Wrong>;

// What a value is, as the rules and messages say it.
pub(super) const TEXT: &str = "a text";
pub(super) const PATH: &str = "an absolute path";
pub(super) const FLAG: &str = "`Y` or `N`";
pub(super) const WHOLE: &str = "a whole number, 0 or more";
pub(super) const SECONDS: &str = "a whole number of seconds, 1 or more";
pub(super) const MODE: &str = "one of `daily`, `weekly`, `incr`";
pub(super) const ARCHIVE_MODE: &str = "one of `tar`, `targz`, `tarbz2`, `tarzst`";
pub(super) const COMPRESS_MODE: &str = "one of `none`, `gzip`, `bzip2`, `zstd`";
pub(super) const PATTERN: &str = "a regular expression";
pub(super) const COMMAND: &str = "a command line";
pub(super) const ACTION: &str = "the name of an action";
pub(super) const ACTIONS: &str = "names of actions, separated by commas";
pub(super) const TIME: &str = "a time, such as `90 min` or `2 h`";
pub(super) const SIZE: &str = "an amount of bytes, such as `650 MB`";

fn wrong<T>(what: impl Into<String>, right: impl Into<String>) -> Parsed<T> {
    Err(Wrong {
        what: what.into(),
        right: Some(right.into()),
    })
}

/// The text itself.
#[allow(clippy::unnecessary_wraps)] // it stands beside parsers that fail
pub(super) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

/// The longest path that Linux opens.
const MAX_PATH: usize = 4095;

/// A path from the root.
pub(super) fn path(text: &str) -> Parsed<AbsPath> {
    if text.len() > MAX_PATH {
        return wrong(
            format!("this path is longer than {MAX_PATH} bytes"),
            "name a directory above it",
        );
    }
    AbsPath::new(text)
        .or_else(|_| wrong(format!("`{text}` is not an absolute path"), absolute(text)))
}

/// What was meant by a path that does not begin at the root.
fn absolute(text: &str) -> String {
    let bare = text.trim_matches(['"', '\'', '\u{201c}', '\u{201d}']);
    let dos = text.as_bytes().get(1) == Some(&b':') || text.contains('\\');
    let invisible = |c: char| {
        c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
    };
    if let Some(first) = text.chars().next().filter(|&c| invisible(c))
        && text.trim_start_matches(invisible).starts_with('/')
    {
        format!(
            "remove the invisible character U+{:04X} before the `/`",
            u32::from(first)
        )
    } else if bare != text && bare.starts_with('/') {
        format!("write it without quotes: `{bare}`")
    } else if text.starts_with('~') {
        "write the whole path: `~` is a shell's word for a home directory, such as `/home/ada`"
            .to_owned()
    } else if text.starts_with('$') {
        "write the whole path: nothing puts the value of a variable here".to_owned()
    } else if dos {
        "write a path of this machine, which begins with `/`".to_owned()
    } else {
        format!(
            "begin it with `/`, for instance `/{}`",
            text.trim_start_matches("./")
        )
    }
}

/// `Y` or `N`.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    match text {
        "Y" | "y" => Ok(true),
        "N" | "n" => Ok(false),
        _ => {
            let meant = match text.to_ascii_lowercase().as_str() {
                "yes" | "true" | "1" | "on" => "write `Y`",
                "no" | "false" | "0" | "off" => "write `N`",
                _ => "write `Y` or `N`",
            };
            wrong(format!("`{text}` is neither yes nor no"), meant)
        }
    }
}

/// A whole number of any sign: blanks around it, a sign, single `_` between digits.
pub(super) fn integer(text: &str) -> Parsed<i64> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let sound = !digits.is_empty()
        && digits
            .split('_')
            .all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    if !sound {
        return wrong(
            format!("`{text}` is not a whole number"),
            "write digits only",
        );
    }
    trimmed
        .replace('_', "")
        .parse()
        .or_else(|_| wrong(format!("`{text}` is too large"), "write a smaller number"))
}

fn at_least(text: &str, least: u32) -> Parsed<u32> {
    let number = integer(text)?;
    if number < i64::from(least) {
        return wrong(
            format!("`{text}` is less than {least}"),
            format!("write {least} or more"),
        );
    }
    u32::try_from(number)
        .or_else(|_| wrong(format!("`{text}` is too large"), "write a smaller number"))
}

/// A whole number, 0 or more.
pub(super) fn whole(text: &str) -> Parsed<u32> {
    at_least(text, 0)
}

/// A whole number, 1 or more.
pub(super) fn positive(text: &str) -> Parsed<u32> {
    at_least(text, 1)
}

/// A whole number of seconds.
pub(super) fn seconds(text: &str) -> Parsed<Duration> {
    whole(text).map(|seconds| Duration::from_secs(seconds.into()))
}

/// A whole number of seconds that is a time: 1 or more.
pub(super) fn time_limit(text: &str) -> Parsed<Duration> {
    positive(text).map(|seconds| Duration::from_secs(seconds.into()))
}

/// A time: a whole number of seconds, or with its unit behind it.
pub(super) fn time(text: &str) -> Parsed<Duration> {
    const UNITS: [(&str, u64); 4] = [("min", 60), ("h", 3600), ("d", 86_400), ("s", 1)];
    let trimmed = text.trim();
    let (number, unit) = UNITS
        .iter()
        .find_map(|&(unit, seconds)| Some((trimmed.strip_suffix(unit)?, seconds)))
        .unwrap_or((trimmed, 1));
    match whole(number) {
        Ok(number) => Ok(Duration::from_secs(u64::from(number) * unit)),
        Err(_) => wrong(
            format!("`{text}` is not a time"),
            "write a whole number of seconds, or one with `s`, `min`, `h` or `d` behind it",
        ),
    }
}

/// A level of compression of any format.
pub(super) fn level(text: &str) -> Parsed<u8> {
    match integer(text)? {
        level @ 1..=22 => Ok(level.unsigned_abs().try_into().unwrap_or(22)),
        _ => wrong(
            format!("`{text}` is no level of compression"),
            "write a number from 1 (fast) to 9 (small), for `tarzst` to 22",
        ),
    }
}

/// A finite number, 0 or more, with or without a fraction.
pub(super) fn quantity(text: &str) -> Parsed<f64> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number.abs()),
        Ok(number) if number < 0.0 => wrong(format!("`{text}` is less than 0"), "write 0 or more"),
        Ok(_) => wrong(format!("`{text}` is no amount"), "write a finite number"),
        Err(_) => wrong(
            format!("`{text}` is not a number"),
            "write it as `5` or `5.1`",
        ),
    }
}

/// A part of a hundred.
pub(super) fn percentage(text: &str) -> Parsed<f64> {
    match quantity(text)? {
        number if number <= 100.0 => Ok(number),
        _ => wrong(format!("`{text}` is more than 100"), "write 0 to 100"),
    }
}

/// An amount of bytes.
pub(super) fn size(text: &str) -> Parsed<ByteSize> {
    text.parse().or_else(|_| {
        wrong(
            format!("`{text}` is not an amount of bytes"),
            "write a number, 0 or more, alone or with `KB`, `MB` or `GB` behind it",
        )
    })
}

/// A regular expression.
pub(super) fn pattern(text: &str) -> Parsed<Pattern> {
    text.parse().or_else(|error: PatternError| {
        let right = match error {
            PatternError::Wrong { .. } if text.starts_with('*') => {
                return wrong(error.to_string(), of_glob(text));
            }
            PatternError::Wrong { .. } => {
                "write Python's syntax; it has to match a whole path, `.*` stands for anything and `\\.` for a dot"
            }
            PatternError::Strange { .. } => {
                "write it in another way, or as several patterns; none is matched in another way than Python's"
            }
        };
        wrong(error.to_string(), right)
    })
}

/// What a shell's pattern is called here.
fn of_glob(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '.' | '+' | '(' | ')' | '{' | '}' | '^' | '$' | '|' | '\\' => pattern.extend(['\\', c]),
            other => pattern.push(other),
        }
    }
    format!("this looks like a shell's pattern; as a regular expression it is `{pattern}`")
}

/// A command with its arguments.
pub(super) fn command(text: &str) -> Parsed<CommandLine> {
    text.parse()
        .or_else(|error: crate::units::CommandLineError| {
            wrong(error.to_string(), "write a program and its arguments")
        })
}

/// The name of an action.
pub(super) fn action(text: &str) -> Parsed<ActionName> {
    text.parse().or_else(|_| {
        wrong(
            format!("`{text}` cannot name an action"),
            "a name is made of lower-case letters and digits",
        )
    })
}

/// Names of actions.
pub(super) fn actions(text: &str) -> Parsed<Vec<ActionName>> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| match action(name) {
            Err(_) if name.split(' ').all(|part| action(part).is_ok()) => wrong(
                format!("`{name}` cannot name an action"),
                "put a comma between the names",
            ),
            read => read,
        })
        .collect()
}

/// The name of a peer.
pub(super) fn peer_name(text: &str) -> Parsed<PeerName> {
    text.parse().or_else(|_| {
        wrong(
            format!("`{text}` cannot name a peer"),
            "it becomes a directory: no `/`, no control characters, no dot at its beginning, at most 255 bytes",
        )
    })
}

/// The name of one file, without a directory.
pub(super) fn file_name(text: &str) -> Parsed<String> {
    if text.contains('/') || matches!(text, "." | "..") || text.len() > 255 {
        return wrong(
            format!("`{text}` is not the name of a file"),
            "write a name without directories, such as `.cbignore`",
        );
    }
    Ok(text.to_owned())
}

/// A word out of a list.
fn word<T: FromStr>(text: &str, kind: &str, words: &[&str]) -> Parsed<T> {
    text.parse().or_else(|_| not_among(text, kind, words))
}

fn not_among<T>(text: &str, kind: &str, words: &[&str]) -> Parsed<T> {
    let all = list(words.iter().copied());
    // `Sun` is `sunday`, `incremental` is `incr`.
    let small = text.to_ascii_lowercase();
    let cut = |word: &&&str| {
        small.len() >= 3
            && (word.starts_with(&small) || (word.len() >= 3 && small.starts_with(**word)))
    };
    let begun = words.iter().find(cut).copied();
    let right = match nearest(text, words.iter().copied()).or(begun) {
        _ if words.len() == 1 => format!("write {all}"),
        Some(near) => format!("did you mean `{near}`? there are {all}"),
        None => format!("there are {all}"),
    };
    wrong(format!("`{text}` is no {kind}"), right)
}

/// The row of `rows` whose word is `text`.
pub(super) fn row<T: Copy>(text: &str, kind: &str, rows: &[(&str, T)]) -> Parsed<T> {
    if let Some(row) = rows.iter().find(|row| row.0 == text) {
        return Ok(row.1);
    }
    let words: Vec<_> = rows.iter().map(|row| row.0).collect();
    not_among(text, kind, &words)
}

/// When something is collected.
pub(super) fn mode(text: &str) -> Parsed<Mode> {
    word(text, "collect mode", &["daily", "weekly", "incr"])
}

/// How archives are packed.
pub(super) fn archive_mode(text: &str) -> Parsed<Compression> {
    word(
        text,
        "archive mode",
        &Compression::ALL.map(Compression::word),
    )
}

/// How extensions pack what they collect.
pub(super) fn compress_mode(text: &str) -> Parsed<Compression> {
    let rows = [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("bzip2", Compression::Bzip2),
        ("zstd", Compression::Zstd),
    ];
    row(text, "compress mode", &rows)
}

/// How differences are found.
pub(super) fn compare(text: &str) -> Parsed<Compare> {
    word(text, "way to compare", &["metadata", "content"])
}

/// A kind of disc.
pub(super) fn media_kind(text: &str) -> Parsed<MediaKind> {
    word(text, "media type", &MediaKind::words().collect::<Vec<_>>())
}

/// What burns.
pub(super) fn device_type(text: &str) -> Parsed<DeviceType> {
    word(text, "device type", &["cdwriter", "dvdwriter", "file"])
}

/// Which programs burn.
pub(super) fn engine(text: &str) -> Parsed<EngineKind> {
    let rows = [
        ("cdrskin", EngineKind::Cdrskin),
        ("external", EngineKind::External),
    ];
    row(text, "engine", &rows)
}

/// When blanking is weighed.
pub(super) fn blank_mode(text: &str) -> Parsed<BlankMode> {
    let rows = [("daily", BlankMode::Daily), ("weekly", BlankMode::Weekly)];
    row(text, "blank mode", &rows)
}

/// The days of the week.
pub(super) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

/// A day of the week.
pub(super) fn weekday(text: &str) -> Parsed<Weekday> {
    row(text, "day of the week", &WEEKDAYS)
}

/// The day of the week with that English name in small letters.
pub fn day_of_week(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|row| row.0 == word).map(|row| row.1)
}

#[cfg(test)]
mod tests;
