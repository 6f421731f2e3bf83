//! A recipe as people read it.

use std::fmt;
use std::path::Path;

use super::{Missing, PlainFile, Recipe, Source, Step, path};
use crate::archive::manifest::Stored;
use crate::event::{bytes, count};
use crate::restore::sealed;

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = self.as_of.map_or("the latest state".to_owned(), |day| {
            format!("the state of {day}")
        });
        writeln!(f, "Restore {when} into {}", path(&self.into))?;
        list(f, "What is restored:", &self.sources)?;
        let numbered: Vec<Numbered<'_>> = (1..).zip(&self.steps).map(Numbered).collect();
        list(f, "Archives, in this order:", &numbered)?;
        list(f, "Files that are copied as they are:", &self.files)?;
        if let Some((files, advice)) = sealed::next(self) {
            writeln!(f, "\nEncrypted: {}; {advice}", count(files, "file"))?;
        }
        list(f, "Missing:", &self.missing)?;
        let unreadable = "Not readable, so that something older takes its place:";
        list(f, unreadable, &self.troubles)?;
        write!(
            f,
            "\nIn all {}, {}",
            count(self.total_files, "file"),
            bytes(self.total_bytes)
        )
    }
}

/// `items` below their heading, if there are any.
fn list(f: &mut fmt::Formatter<'_>, heading: &str, items: &[impl fmt::Display]) -> fmt::Result {
    if !items.is_empty() {
        writeln!(f, "\n{heading}")?;
    }
    items.iter().try_for_each(|item| writeln!(f, "  {item}"))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}  as of {} ({}), {}, {}",
            self.peer,
            path(&self.path),
            self.day,
            self.coverage(),
            count(self.files, "file"),
            bytes(self.bytes)
        )?;
        if self.unsaved > 0 {
            let things = count(self.unsaved, "thing");
            write!(f, "; {things} could not be saved then")?;
        }
        Ok(())
    }
}

/// A step with its number.
struct Numbered<'a>((u32, &'a Step));

impl fmt::Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self((number, step)) = self;
        let length = bytes(step.archive_bytes);
        write!(f, "{number}. {}, {length}: ", step.whereabouts)?;
        match (step.files, step.bytes) {
            (Some(files), Some(amount)) => {
                write!(f, "{}, {}", count(files, "file"), bytes(amount))?;
            }
            _ => write!(f, "has no manifest, so nobody knows what was deleted since")?,
        }
        write!(f, "\n     by hand: {}", step.by_hand)
    }
}

impl fmt::Display for PlainFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (to, length) = (path(&self.to), bytes(self.bytes));
        write!(f, "{} to {to} ({length})", self.whereabouts)
    }
}

impl Missing {
    /// What is missing, for people.
    pub(in crate::restore) fn what(&self) -> String {
        let stored = Stored {
            day: self.day,
            archive: self.archive.clone().into(),
        };
        match stored.cedars() {
            Some(stem) => format!("archives `{}` by Cedar Backup", path(Path::new(stem))),
            None => path(&self.archive),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {}, collected on {}",
            self.what(),
            self.peer,
            self.day
        )?;
        match &self.discs[..] {
            [] => {}
            discs => write!(f, ", on disc `{}`", discs.join("` or `"))?,
        }
        let things = count(self.files, "file");
        write!(f, ": {things}, {}", bytes(self.bytes))?;
        let examples: Vec<String> = self.examples.iter().map(|example| path(example)).collect();
        if !examples.is_empty() {
            write!(f, ", for example {}", examples.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_archive_says_where_it_is_and_what_it_costs() {
        let missing = Missing {
            peer: "alpha".parse().unwrap_or_else(|_| unreachable!()),
            day: "2026-11-15".parse().unwrap_or_else(|_| unreachable!()),
            archive: "etc.tar.gz".into(),
            discs: vec!["CEDAR BACKUP 15-NOV-2026".to_owned()],
            files: 1,
            bytes: 5,
            examples: vec!["etc/motd".into()],
        };
        assert_eq!(
            missing.to_string(),
            "etc.tar.gz of alpha, collected on 2026-11-15, on disc `CEDAR BACKUP 15-NOV-2026`: \
             1 file, 5 bytes, for example etc/motd"
        );
    }
}
