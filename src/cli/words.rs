//! Cedar Backup's rules for its switches where they are not clap's.
//!
//! Of a switch that is given both ways, `-c one --config two`, the long one counts, whatever stands first; of several
//! alike the last one. Help comes before everything else, then the version. So the switches before the first other
//! word are put in the order in which the last one counts.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// Which switches there are.
struct Known<'a>(&'a clap::Command);

/// The words of a command line, the program's name first, in an order that means the same to `command` as the given
/// one to Cedar Backup.
pub fn in_order(words: Vec<OsString>, command: &clap::Command) -> Vec<OsString> {
    let known = Known(command);
    let mut rest = words.into_iter();
    let mut ordered: Vec<OsString> = rest.next().into_iter().collect();
    let mut groups: Vec<(u8, Vec<OsString>)> = Vec::new();
    let mut after = Vec::new();
    while let Some(word) = rest.next() {
        let Some((rank, takes_next)) = known.rank(&word) else {
            after.push(word);
            break;
        };
        let mut group = vec![word];
        if takes_next {
            group.extend(rest.next());
        }
        if rank == HELP && group[0].len() > "-h".len() && !group[0].as_bytes().starts_with(b"--") {
            // In a cluster it may stand behind the version's letter.
            groups.push((rank, vec!["-h".into()]));
        }
        groups.push((rank, group));
    }
    groups.sort_by_key(|group| group.0);
    ordered.extend(groups.into_iter().flat_map(|group| group.1));
    ordered.extend(after);
    ordered.extend(rest);
    ordered
}

const HELP: u8 = 0;
const VERSION: u8 = 1;
const SHORT: u8 = 2;
const LONG: u8 = 3;

impl Known<'_> {
    /// Where the switch `word` belongs, and whether the next word is its value; `None` if it is no switch that is
    /// known, or the end of them.
    fn rank(&self, word: &OsStr) -> Option<(u8, bool)> {
        let bytes = word.as_bytes();
        if let Some(long) = bytes.strip_prefix(b"--") {
            let end = long.iter().position(|&byte| byte == b'=');
            let name = std::str::from_utf8(&long[..end.unwrap_or(long.len())]).ok()?;
            let (name, takes) = self.long(name)?;
            let rank = match name {
                "help" => HELP,
                "version" => VERSION,
                _ => LONG,
            };
            return Some((rank, takes && end.is_none()));
        }
        let cluster = std::str::from_utf8(bytes.strip_prefix(b"-")?).ok()?;
        let mut rank = SHORT;
        let mut letters = cluster.chars();
        letters.as_str().chars().next()?;
        while let Some(letter) = letters.next() {
            match letter {
                'h' => rank = HELP,
                'V' => rank = rank.min(VERSION),
                _ if self.short_takes_value(letter)? => {
                    return Some((rank, letters.as_str().is_empty()));
                }
                _ => {}
            }
        }
        Some((rank, false))
    }

    /// The whole name of the switch that `name` is, or is the only one to begin with; and whether it takes a value.
    fn long(&self, name: &str) -> Option<(&str, bool)> {
        let all = || {
            let own = self.0.get_arguments().filter_map(|arg| {
                let takes = arg.get_action().takes_values();
                Some((arg.get_long()?, takes))
            });
            own.chain([("help", false), ("version", false)])
        };
        if name.is_empty() {
            return None;
        }
        if let Some(exact) = all().find(|row| row.0 == name) {
            return Some(exact);
        }
        let mut like = all().filter(|row| row.0.starts_with(name));
        let first = like.next()?;
        like.all(|row| row.0 == first.0).then_some(first)
    }

    fn short_takes_value(&self, letter: char) -> Option<bool> {
        let mut arguments = self.0.get_arguments();
        let found = arguments.find(|arg| arg.get_short() == Some(letter))?;
        Some(found.get_action().takes_values())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::args::Arguments;
    use clap::CommandFactory as _;

    #[test]
    fn the_long_form_counts() {
        for (line, expected) in [
            ("cback all", "cback all"),
            (
                "cback --config two -c one all",
                "cback -c one --config two all",
            ),
            (
                "cback --config=two -bcone all",
                "cback -bcone --config=two all",
            ),
            (
                "cback --conf two -bc one -l l",
                "cback -bc one -l l --conf two",
            ),
            ("cback -c one -c two all", "cback -c one -c two all"),
            // help, then the version, then all else
            ("cback -V -h", "cback -h -V"),
            ("cback --version -b --help", "cback --help --version -b"),
            // only what stands before the first other word, as with Cedar Backup
            (
                "cback all --config two -c one",
                "cback all --config two -c one",
            ),
            (
                "cback --config two -- -c one",
                "cback --config two -- -c one",
            ),
            ("cback --config two - -c one", "cback --config two - -c one"),
            // a value may look like a switch
            ("cback --config -c -c one", "cback -c one --config -c"),
            // what is not known stays where it is
            (
                "cback --config two --nonsense -c one",
                "cback --config two --nonsense -c one",
            ),
            ("cback --config two -xc one", "cback --config two -xc one"),
            ("cback --con", "cback --con"),
            ("cback", "cback"),
            ("", ""),
        ] {
            let words = line.split_whitespace().map(OsString::from).collect();
            let ordered = in_order(words, &Arguments::command());
            let ordered: Vec<_> = ordered.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(ordered.join(" "), expected, "{line}");
        }
    }
}
