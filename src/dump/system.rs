//! What `sysinfo` saves of a Debian system: which packages are installed, how the disks are partitioned, which files
//! there are.

use std::ffi::OsStr;

use super::{DumpError, Dumper};
use crate::archive::Compression;
use crate::process::{Command, Status};

/// One thing to know about a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// Which packages are installed.
    Packages,
    /// How the disks are partitioned.
    Partitions,
    /// Which files there are.
    Files,
}

impl Facts {
    /// All of them, in the order in which they are saved.
    pub const ALL: [Self; 3] = [Self::Packages, Self::Partitions, Self::Files];

    /// The program that knows, by its name or where it is on the systems that have it.
    pub fn program(self) -> &'static str {
        match self {
            Self::Packages => "/usr/bin/dpkg",
            Self::Partitions => "/sbin/fdisk",
            Self::Files => "ls",
        }
    }

    /// Other places of it; not every system has it everywhere.
    pub fn elsewhere(self) -> &'static [&'static str] {
        match self {
            Self::Packages => &["dpkg"],
            Self::Partitions => &["/usr/sbin/fdisk", "fdisk"],
            Self::Files => &[],
        }
    }

    /// The file's name without its packing, which is always bzip2.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Packages => "dpkg-selections.txt",
            Self::Partitions => "fdisk-l.txt",
            Self::Files => "ls-laR.txt",
        }
    }

    /// The command, with that program.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let command = Command::new(program.as_ref());
        match self {
            Self::Packages => command.arg("--get-selections"),
            Self::Partitions => command.arg("-l"),
            Self::Files => command.args(["-laR", "/"]),
        }
    }
}

impl Dumper<'_> {
    /// Saves what `program` knows about `facts`.
    pub fn facts(&self, facts: Facts, program: &OsStr) -> Result<(), DumpError> {
        let stem = OsStr::new(facts.stem());
        self.dump(&facts.command(program), stem, Compression::Bzip2, |ended| {
            // On a system that lives there is always something that ls cannot look at any more.
            let trifling = facts == Facts::Files && matches!(ended.status, Status::Exited(1 | 2));
            ended.success() || trifling
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_and_files_are_those_that_restorers_know() {
        let table: Vec<String> = Facts::ALL
            .iter()
            .map(|facts| format!("{} > {}", facts.command(facts.program()), facts.stem()))
            .collect();
        assert_eq!(
            table,
            [
                "/usr/bin/dpkg --get-selections > dpkg-selections.txt",
                "/sbin/fdisk -l > fdisk-l.txt",
                "ls -laR / > ls-laR.txt",
            ]
        );
    }
}
