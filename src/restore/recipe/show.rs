//! A recipe as people read it.

use std::fmt;
use std::path::Path;

use super::{Missing, Recipe, path};
use crate::archive::manifest::Stored;
use crate::event::{bytes, count};
use crate::restore::sealed;

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = self.as_of.map_or("the latest state".to_owned(), |day| {
            format!("the state of {day}")
        });
        writeln!(f, "Restore {when} into {}", path(&self.into))?;
        if !self.sources.is_empty() {
            writeln!(f, "\nWhat is restored:")?;
        }
        for source in &self.sources {
            write!(
                f,
                "  {}:{}  as of {} ({}), {}, {}",
                source.peer,
                path(&source.path),
                source.day,
                source.coverage(),
                count(source.files, "file"),
                bytes(source.bytes)
            )?;
            if source.unsaved > 0 {
                write!(
                    f,
                    "; {} could not be saved then",
                    count(source.unsaved, "thing")
                )?;
            }
            writeln!(f)?;
        }
        if !self.steps.is_empty() {
            writeln!(f, "\nArchives, in this order:")?;
        }
        for (number, step) in (1..).zip(&self.steps) {
            write!(
                f,
                "  {number}. {}, {}",
                step.whereabouts,
                bytes(step.archive_bytes)
            )?;
            match (step.files, step.bytes) {
                (Some(files), Some(amount)) => {
                    write!(f, ": {}, {}", count(files, "file"), bytes(amount))?;
                }
                _ => write!(
                    f,
                    ": has no manifest, so nobody knows what was deleted since"
                )?,
            }
            writeln!(f, "\n     by hand: {}", step.by_hand)?;
        }
        if !self.files.is_empty() {
            writeln!(f, "\nFiles that are copied as they are:")?;
        }
        for file in &self.files {
            writeln!(
                f,
                "  {} to {} ({})",
                file.whereabouts,
                path(&file.to),
                bytes(file.bytes)
            )?;
        }
        if let Some((files, advice)) = sealed::next(self) {
            writeln!(f, "\nEncrypted: {}; {advice}", count(files, "file"))?;
        }
        if !self.missing.is_empty() {
            writeln!(f, "\nMissing:")?;
        }
        for missing in &self.missing {
            writeln!(f, "  {missing}")?;
        }
        if !self.troubles.is_empty() {
            writeln!(
                f,
                "\nNot readable, so that something older takes its place:"
            )?;
        }
        for trouble in &self.troubles {
            writeln!(f, "  {trouble}")?;
        }
        write!(
            f,
            "\nIn all {}, {}",
            count(self.total_files, "file"),
            bytes(self.total_bytes)
        )
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
