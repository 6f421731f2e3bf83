//! A commented configuration for a machine: what `quickstart` begins with and `config init` writes.

mod pieces;
mod text;

use std::path::{Path, PathBuf};

use crate::archive::Compression;
use crate::event::printable_path;
use crate::media::{DeviceType, MediaKind};
use crate::units::{Naming, Owner, PeerName, Weekday};

use super::value::WEEKDAYS;
use super::{Config, ConfigError, Report};
use text::{fill, xml, xml_path};

/// What is particular about the machine.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// What writes it.
    pub generator: &'a str,
    /// What the machine does.
    pub role: Role<'a>,
    /// Everything is kept below this directory: `collect`, `stage`, `work`, and the disc in `disc`.
    pub base: &'a Path,
    /// Directories to back up, absolute.
    pub sources: &'a [PathBuf],
    /// The machine's name as a peer.
    pub peer: &'a PeerName,
    /// The day on which the backup week begins.
    pub starting_day: Weekday,
    /// Who owns the backup's files.
    pub owner: &'a Owner,
    /// How archives are packed.
    pub compression: Compression,
}

/// What a machine does.
#[derive(Debug, Clone, Copy)]
pub enum Role<'a> {
    /// It backs up itself, onto its own disc.
    Single(Disc<'a>),
    /// It collects; a master fetches that.
    Client,
    /// It also stages what its clients have collected.
    Master {
        /// The clients' host names.
        clients: &'a [PeerName],
        /// Where all of it goes.
        disc: Disc<'a>,
    },
}

/// What is burnt, and by what.
#[derive(Debug, Clone, Copy)]
pub struct Disc<'a> {
    /// The kind of disc.
    pub kind: MediaKind,
    /// The drive's device; `None`: the disc is a file below the base.
    pub device: Option<&'a Path>,
}

/// Why no configuration can be written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// XML has no way to write this path.
    #[error(
        "{} cannot be written into a configuration: its name {why}; back up the directory above it",
        printable_path(path)
    )]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// What is the matter with it.
        why: &'static str,
    },
    /// What was asked for makes no sound configuration: two directories with archives of one name, say.
    #[error("this makes no sound configuration")]
    Problems(Report),
}

impl Template<'_> {
    /// The configuration's text. It is read back before it is given away: it has no findings.
    pub fn write(&self) -> Result<String, TemplateError> {
        let text = self.text()?;
        match Config::parse(text.as_bytes(), Path::new("cback.conf"), Naming::V3) {
            Ok((_, report)) | Err(ConfigError::Problems(report)) if !report.is_empty() => {
                Err(TemplateError::Problems(report))
            }
            // OK: a text in memory is readable, and one with problems has findings
            _ => Ok(text),
        }
    }

    fn text(&self) -> Result<String, TemplateError> {
        let base = xml_path(self.base)?;
        let day = WEEKDAYS
            .iter()
            .find(|row| row.1 == self.starting_day)
            .map_or("monday", |row| row.0);
        let mut sources = String::new();
        for path in self.sources {
            let path = xml_path(path)?;
            sources.extend([
                "    <dir>\n      <abs_path>",
                &path,
                "</abs_path>\n    </dir>\n",
            ]);
        }
        let within = self.sources.iter().any(|path| self.base.starts_with(path));
        let exclude = if within {
            pieces::EXCLUDE.replace("{base}", &base)
        } else {
            String::new()
        };
        // Values last: what stands in one is not looked at again.
        let slots: [(&str, &str); 19] = [
            ("{description}", self.role.description()),
            ("{generator}", &xml(self.generator)),
            ("{when}", self.role.when()),
            (
                "{and_disc}",
                if self.role.disc().is_some() {
                    ", and a new disc is begun"
                } else {
                    ""
                },
            ),
            (
                "{commands}",
                if matches!(self.role, Role::Master { .. }) {
                    pieces::COMMANDS
                } else {
                    ""
                },
            ),
            ("{clients}", &self.clients(&base)),
            ("{exclude}", &exclude),
            ("{day}", day),
            ("{device}", &self.device(&base)?),
            ("{blanking}", self.role.blanking()),
            (
                "{media}",
                self.role.disc().map_or("", |disc| disc.kind.word()),
            ),
            ("{archive}", self.compression.word()),
            ("{user}", &xml(&self.owner.user)),
            ("{group}", &xml(&self.owner.group)),
            ("{peer}", &xml(self.peer.as_str())),
            ("{base}", &base),
            ("{sources}", &sources),
            ("{why}", self.role.why_purge()),
            ("{staged}", &self.staged(&base)),
        ];
        let frame = match self.role {
            Role::Client => [pieces::HEAD, pieces::COLLECT, pieces::PURGE].concat(),
            Role::Single(_) | Role::Master { .. } => [
                pieces::HEAD,
                pieces::PEERS,
                pieces::COLLECT,
                pieces::STAGE,
                pieces::STORE,
                pieces::PURGE,
            ]
            .concat(),
        };
        Ok(fill(&frame, &slots))
    }

    fn clients(&self, base: &str) -> String {
        let Role::Master { clients, .. } = self.role else {
            return String::new();
        };
        let one = |client: &PeerName| {
            let slots: [(&str, &str); 2] = [("{client}", &xml(client.as_str())), ("{base}", base)];
            fill(pieces::CLIENT, &slots)
        };
        clients.iter().map(one).collect()
    }

    fn device(&self, base: &str) -> Result<String, TemplateError> {
        let Some(disc) = self.role.disc() else {
            return Ok(String::new());
        };
        let Some(device) = disc.device else {
            return Ok(pieces::FILE.replace("{base}", base));
        };
        let device_type = if DeviceType::CdWriter.takes(disc.kind) {
            "cdwriter"
        } else {
            "dvdwriter"
        };
        let target = xml_path(device)?;
        let slots: [(&str, &str); 2] = [("{device_type}", device_type), ("{target}", &target)];
        Ok(fill(pieces::DRIVE, &slots))
    }

    fn staged(&self, base: &str) -> String {
        match self.role {
            Role::Client => String::new(),
            Role::Single(_) | Role::Master { .. } => pieces::STAGED.replace("{base}", base),
        }
    }
}

impl<'a> Role<'a> {
    fn disc(&self) -> Option<Disc<'a>> {
        match *self {
            Self::Client => None,
            Self::Single(disc) | Self::Master { disc, .. } => Some(disc),
        }
    }

    fn description(&self) -> &'static str {
        match self.disc() {
            None => "A client: it collects, and another machine fetches that",
            Some(disc) => match (self, disc.device) {
                (Self::Master { .. }, _) => {
                    "The master of a pool: it stages and stores what its clients have collected"
                }
                (_, None) => "One machine, and a disc that is a file",
                (_, Some(_)) => "One machine, and its drive",
            },
        }
    }

    fn when(&self) -> &'static str {
        match self {
            Self::Single(_) => pieces::WHEN_SINGLE,
            Self::Client => pieces::WHEN_CLIENT,
            Self::Master { .. } => pieces::WHEN_MASTER,
        }
    }

    fn blanking(&self) -> &'static str {
        match self.disc() {
            Some(disc) if disc.kind.is_rewritable() => pieces::BLANKING,
            _ => "",
        }
    }

    fn why_purge(&self) -> &'static str {
        match self {
            Self::Client => "what the master has fetched need not stay",
            Self::Single(_) | Self::Master { .. } => "what is on a disc need not stay for ever",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    fn write(base: &Path, sources: &[PathBuf], kind: MediaKind) -> Result<Config, TemplateError> {
        let owner = Owner {
            user: "ada & co".to_owned(),
            group: "<staff>".to_owned(),
        };
        let text = Template {
            generator: "a & b",
            role: Role::Single(Disc { kind, device: None }),
            base,
            sources,
            peer: &"mill's\"&<".parse().unwrap(),
            starting_day: Weekday::Sat,
            owner: &owner,
            compression: Compression::Zstd,
        }
        .write()?;
        let path = Path::new("cback.conf");
        let (config, _) = Config::parse(text.as_bytes(), path, Naming::V3).unwrap();
        assert_eq!(config.options.owner, owner);
        assert_eq!(config.options.starting_day, Weekday::Sat);
        Ok(config)
    }

    #[test]
    fn every_name_that_xml_can_write_comes_back_as_it_was() {
        for name in [
            "plain",
            "with blanks ",
            " before",
            " ",
            "a & b <c> \"d\" 'e' ]]>",
            "line\nend\r\n\ttab\t",
            "{base} {sources}",
            "&#32;&amp;",
            "<!-- no comment -->",
            "ümläut €",
            "slash/",
        ] {
            let source = Path::new("/home").join(name);
            let base = Path::new("/var").join(name);
            let config = write(&base, std::slice::from_ref(&source), MediaKind::DvdPlusR).unwrap();
            assert_eq!(
                config.collect.unwrap().sources[0].path.as_path(),
                source,
                "{name:?}"
            );
            assert_eq!(
                config.stage.unwrap().staging_dir.as_path(),
                base.join("stage")
            );
        }
    }

    #[test]
    fn what_xml_cannot_write_is_told() {
        for name in [&b"\xff"[..], b"\x01", b"a\x1bb", b"\x7f\xef\xbf\xbe"] {
            let source = Path::new("/home").join(OsStr::from_bytes(name));
            let error = write(Path::new("/base"), &[source], MediaKind::BdR).unwrap_err();
            assert!(
                matches!(error, TemplateError::Unwritable { .. }),
                "{name:?}"
            );
        }
    }

    #[test]
    fn what_makes_no_sound_configuration_is_told() {
        for sources in [
            vec!["/a-b", "/a/b"],
            vec!["/a", "/a"],
            vec!["relative"],
            vec!["/base/stage/x"],
        ] {
            let paths: Vec<_> = sources.iter().map(PathBuf::from).collect();
            let error = write(Path::new("/base"), &paths, MediaKind::BdR).unwrap_err();
            assert!(matches!(error, TemplateError::Problems(_)), "{sources:?}");
        }
    }

    #[test]
    fn its_own_files_are_left_out_of_a_source_around_them() {
        let sources = [PathBuf::from("/home/ada")];
        let config = write(Path::new("/home/ada/.cback"), &sources, MediaKind::BdRe).unwrap();
        let crate::collect::Shape::Dir { rules, .. } = &config.collect.unwrap().sources[0].shape
        else {
            panic!("not a directory");
        };
        assert_eq!(
            rules.exclude_paths[0].as_path(),
            Path::new("/home/ada/.cback")
        );
        assert!(config.store.unwrap().blanking.is_some());
    }

    #[test]
    fn each_role_has_its_sections() {
        let names: Vec<PeerName> = ["c1", "c2"].map(|name| name.parse().unwrap()).to_vec();
        let disc = |kind, device| Disc { kind, device };
        let drive = Path::new("/dev/sr0");
        let owner = Owner {
            user: "u".to_owned(),
            group: "g".to_owned(),
        };
        for (role, peers, device) in [
            (Role::Client, 0, None),
            (
                Role::Single(disc(MediaKind::DvdPlusR, None)),
                1,
                Some(DeviceType::File),
            ),
            (
                Role::Single(disc(MediaKind::CdRw74, Some(drive))),
                1,
                Some(DeviceType::CdWriter),
            ),
            (
                Role::Master {
                    clients: &names,
                    disc: disc(MediaKind::BdR, Some(drive)),
                },
                3,
                Some(DeviceType::DvdWriter),
            ),
        ] {
            let text = Template {
                generator: "test",
                role,
                base: Path::new("/var/lib/cback"),
                sources: &[PathBuf::from("/etc"), PathBuf::from("/var")],
                peer: &"here".parse().unwrap(),
                starting_day: Weekday::Sun,
                owner: &owner,
                compression: Compression::Gzip,
            }
            .write()
            .unwrap();
            let path = Path::new("cback.conf");
            let (config, _) = Config::parse(text.as_bytes(), path, Naming::V3).unwrap();
            assert_eq!(config.peers.len(), peers, "{text}");
            assert_eq!(config.store.map(|store| store.device_type), device);
            assert_eq!(config.stage.is_some(), peers > 0);
            assert_eq!(
                config.purge.unwrap().dirs.len(),
                if peers > 0 { 2 } else { 1 }
            );
            assert!(!text.contains('{'), "a slot is open: {text}");
        }
    }
}
