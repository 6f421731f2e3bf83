//! A commented configuration for one machine whose disc is a file: what `quickstart` begins with.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::archive::Compression;
use crate::media::MediaKind;
use crate::units::{Naming, Owner, PeerName, Weekday};

use super::document::is_legal;
use super::value::WEEKDAYS;
use super::{Config, ConfigError, Report};

/// What is particular about the machine.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
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
    /// The kind of disc.
    pub kind: MediaKind,
    /// How archives are packed.
    pub compression: Compression,
}

/// Why no configuration can be written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// XML has no way to write this path.
    #[error(
        "{} cannot be written into a configuration: its name {why}; back up the directory above it",
        path.display()
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
            // OK: writing to a string does not fail
            let _ = write!(
                sources,
                "    <dir>\n      <abs_path>{path}</abs_path>\n    </dir>\n"
            );
        }
        let within = self.sources.iter().any(|path| self.base.starts_with(path));
        let exclude = if within {
            EXCLUDE.replace("{base}", &base)
        } else {
            String::new()
        };
        let blanking = if self.kind.is_rewritable() {
            BLANKING
        } else {
            ""
        };
        let mut text = TEXT.to_owned();
        // Values last: what stands in one is not looked at again.
        let slots: [(&str, &str); 10] = [
            ("{exclude}", &exclude),
            ("{blanking}", blanking),
            ("{day}", day),
            ("{media}", self.kind.word()),
            ("{archive}", self.compression.word()),
            ("{user}", &xml(&self.owner.user)),
            ("{group}", &xml(&self.owner.group)),
            ("{peer}", &xml(self.peer.as_str())),
            ("{base}", &base),
            ("{sources}", &sources),
        ];
        text = fill(&text, &slots);
        Ok(text)
    }
}

/// `text` with each slot's name replaced by its value, in one pass: a value that looks like a slot stays.
fn fill(text: &str, slots: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    'pieces: while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        for (name, value) in slots {
            if let Some(after) = rest.strip_prefix(name) {
                filled.push_str(value);
                rest = after;
                continue 'pieces;
            }
        }
        filled.push('{');
        rest = &rest[1..];
    }
    filled + rest
}

/// A path as the value of an element.
fn xml_path(path: &Path) -> Result<String, TemplateError> {
    // No slash at its end and none doubled: archives are named after it.
    let path: PathBuf = path.components().collect();
    let unwritable = |why| TemplateError::Unwritable {
        path: path.clone(),
        why,
    };
    let text = path.to_str().ok_or_else(|| unwritable("is not UTF-8"))?;
    if !text.chars().all(is_legal) {
        return Err(unwritable("has control characters that XML does not take"));
    }
    Ok(xml(text))
}

/// A text as the value of an element: blanks at its ends and line ends would be lost if they stood plainly.
fn xml(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let ends = text.len() - text.trim_start_matches(' ').len()..text.len();
    let mut escaped = String::new();
    for (at, c) in text.char_indices() {
        let inside = at >= ends.start && at < ends.start + inner.len();
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            ' ' if inside => escaped.push(' '),
            ' ' | '\t' | '\n' | '\r' => {
                // OK: writing to a string does not fail
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

const EXCLUDE: &str = "\
    <!-- What cback keeps itself is not backed up again. -->
    <exclude>
      <abs_path>{base}</abs_path>
    </exclude>
";

const BLANKING: &str = "\
    <!-- At the start of a week the disc is blanked if the room left is no more than 1.3 times what is needed. -->
    <blank_behavior>
      <mode>weekly</mode>
      <factor>1.3</factor>
    </blank_behavior>
";

const TEXT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!--
  What is backed up on this machine, and where to. Change it as you like: cback says what is wrong, and where.
  cback.conf(5) explains every element.
-->
<cb_config>

  <reference>
    <description>One machine, and a disc that is a file</description>
    <generator>cback quickstart</generator>
  </reference>

  <options>
    <!-- On this day the week begins: everything is collected in full, and a new disc is begun. -->
    <starting_day>{day}</starting_day>
    <working_dir>{base}/work</working_dir>
    <!-- Who owns the backup's files when cback runs as root. -->
    <backup_user>{user}</backup_user>
    <backup_group>{group}</backup_group>
  </options>

  <peers>
    <peer>
      <name>{peer}</name>
      <type>local</type>
      <collect_dir>{base}/collect</collect_dir>
    </peer>
  </peers>

  <!-- collect: what is saved. Add a <dir> for each further directory. -->
  <collect>
    <collect_dir>{base}/collect</collect_dir>
    <!-- incr: once a week everything, on the other days what differs. -->
    <collect_mode>incr</collect_mode>
    <!-- tar, targz, tarbz2 or tarzst -->
    <archive_mode>{archive}</archive_mode>
    <!-- A directory with a file of this name in it is left out. -->
    <ignore_file>.cbignore</ignore_file>
    <!-- Of caches that are marked with a CACHEDIR.TAG only the mark is saved. -->
    <cachedir_tag>Y</cachedir_tag>
{exclude}{sources}  </collect>

  <!-- stage: archives are gathered here by day. -->
  <stage>
    <staging_dir>{base}/stage</staging_dir>
  </stage>

  <!-- store: each day becomes a session on a disc, and is read back. -->
  <store>
    <source_dir>{base}/stage</source_dir>
    <media_type>{media}</media_type>
    <!-- The disc is a file. For a drive: dvdwriter or cdwriter here, and its device below. -->
    <device_type>file</device_type>
    <target_device>{base}/disc/current.iso</target_device>
    <check_data>Y</check_data>
{blanking}  </store>

  <!-- purge: what is on a disc need not stay for ever. The only copy of anything is never deleted. -->
  <purge>
    <dir>
      <abs_path>{base}/stage</abs_path>
      <retain_days>7</retain_days>
    </dir>
    <dir>
      <abs_path>{base}/collect</abs_path>
      <retain_days>0</retain_days>
    </dir>
  </purge>

</cb_config>
"#;

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
            base,
            sources,
            peer: &"mill's\"&<".parse().unwrap(),
            starting_day: Weekday::Sat,
            owner: &owner,
            kind,
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
}
