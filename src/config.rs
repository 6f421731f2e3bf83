//! The configuration: XML into values in which nothing can be wrong any more.
//!
//! Defaults and inheritance are resolved while reading. All problems are found at once, each with its place in the
//! file, what is wrong and what would be right: [`Report`]. Hidden are the XML, the rules for each element
//! (`schema`), and the checks. Differences from Cedar Backup, all of them told as findings or harmless:
//! values are trimmed, comments and CDATA within values are understood, unknown elements and unknown kinds of
//! peers are errors.

mod amazons3;
mod capacity;
mod changer;
mod collect;
mod cross;
mod database;
mod document;
mod dump;
mod encrypt;
mod explain;
mod extensions;
mod finding;
mod manual;
mod mbox;
mod options;
mod peers;
mod plain_path;
mod purge;
mod read;
mod reference;
mod report;
mod schema;
mod show;
mod split;
mod stage;
mod store;
mod subversion;
mod template;
mod value;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::media::DeviceType;
use crate::units::Naming;

pub use amazons3::AmazonS3;
pub use capacity::Capacity;
pub use collect::Collect;
pub use database::{Databases, Which};
pub use dump::{Dump, DumpDir};
pub use encrypt::{Encrypt, EncryptMode};
pub use explain::{Explained, Unexplained, explain, sections};
pub use extensions::{BUILT_IN, COMMANDS, Extension, Extensions, OrderMode, OrderPlace};
pub use finding::{Finding, Severity, Spot};
pub use manual::manual;
pub use mbox::Mbox;
pub use options::{Hook, Options, Override};
pub use peers::{IgnoreFailures, Managed, Peer, Place, Remote};
pub use purge::{OnlyCopy, Purge, PurgeDir};
pub use reference::Reference;
pub use report::{Colour, Report};
pub use schema::nearest;
pub use show::{Origin, Setting, Shown, show};
pub use split::Split;
pub use stage::Stage;
pub use store::Store;
pub use subversion::Subversion;
pub use template::{Disc, Role, Template, TemplateError};
pub use value::day_of_week;

use cross::Own;
use document::{Document, MAX_BYTES};
use read::{Cursor, Notes, Read};

/// A whole configuration. Options are there, and at least one of collect, stage, store and purge.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What the file says about itself.
    pub reference: Option<Reference>,
    /// Actions beside the built-in ones.
    pub extensions: Extensions,
    /// What all actions share.
    pub options: Options,
    /// The pool that managed actions are about; empty if there is no such section.
    pub peers: Vec<Peer>,
    /// What is collected on this machine.
    pub collect: Option<Collect>,
    /// Where archives are gathered.
    pub stage: Option<Stage>,
    /// What is burnt.
    pub store: Option<Store>,
    /// What is deleted.
    pub purge: Option<Purge>,
    /// Daily directories to a bucket.
    pub amazons3: Option<AmazonS3>,
    /// When a disc counts as nearly full.
    pub capacity: Option<Capacity>,
    /// How staged files are encrypted.
    pub encrypt: Option<Encrypt>,
    /// Mailboxes.
    pub mbox: Option<Mbox>,
    /// Databases of a `mysql` server.
    pub mysql: Option<Databases>,
    /// Databases of a `postgresql` server.
    pub postgresql: Option<Databases>,
    /// How large files are cut.
    pub split: Option<Split>,
    /// Subversion repositories.
    pub subversion: Option<Subversion>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "the configuration {} cannot be read",
        crate::event::printable_path(path)
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is too large to be a configuration.
    #[error(
        "the configuration {} is larger than 16 MiB; is it the right file?",
        crate::event::printable_path(path)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file has errors. Warnings are among the findings, too.
    #[error("the configuration {} cannot be used", crate::event::printable_path(.0.path()))]
    Problems(Report),
}

impl Config {
    /// Reads the file at `path`; archives are named by the rules of `naming`. The report has only warnings.
    pub fn load(path: &Path, naming: Naming) -> Result<(Self, Report), ConfigError> {
        Self::parse(&bytes_of(path)?, path, naming)
    }

    /// Reads `bytes`, the content of the file at `path`. The report has only warnings.
    pub fn parse(bytes: &[u8], path: &Path, naming: Naming) -> Result<(Self, Report), ConfigError> {
        if bytes.len() as u64 > MAX_BYTES {
            let path = path.to_owned();
            return Err(ConfigError::TooLarge { path });
        }
        let document = parse(bytes, path)?;
        let notes = Notes::default();
        // A file that really is ISO-8859-1 is no UTF-8 as soon as one letter is beyond ASCII.
        if std::str::from_utf8(bytes).is_ok()
            && let Some(declared) = document::mislabelled(document.text())
        {
            let line = document.text().lines().next().map_or(0, str::len);
            let message = format!(
                "this file is UTF-8, and is read so; its first line says `{}`",
                declared.escape_debug()
            );
            notes.tell(
                Finding::warning(document.root(), 0..line, message)
                    .right("write `encoding=\"UTF-8\"` there"),
            );
        }
        let config = read(&document, &notes, naming);
        let (findings, more) = notes.finish();
        let report = Report::new(path, document.text(), findings, more);
        match config {
            Ok(config) if report.count(Severity::Error) == 0 => Ok((config, report)),
            _ => Err(ConfigError::Problems(report)),
        }
    }
}

/// The content of the file at `path`, or a little more than is read if it is too large.
fn bytes_of(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let fault = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    Ok(bytes)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Document, ConfigError> {
    let one = |text: String, finding| {
        Err(ConfigError::Problems(Report::new(
            path,
            &text,
            vec![finding],
            0,
        )))
    };
    let text = match document::decode(bytes) {
        Ok(text) => text,
        Err(fault) => {
            let before = String::from_utf8_lossy(&bytes[..fault.at]).len();
            let line = bytes[fault.at..].iter().position(|&byte| byte == b'\n');
            let end = line.map_or(bytes.len(), |line| fault.at + line);
            let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let finding = Finding::of_file(before..before, fault.message).right(fault.right);
            return one(text, finding);
        }
    };
    Document::parse(text.clone()).or_else(|fault| {
        let mut finding = Finding::of_file(fault.span, fault.message).right(fault.right);
        if let Some((span, label)) = fault.also {
            finding = finding.also(span, label);
        }
        one(text, finding)
    })
}

fn read(document: &Document, notes: &Notes, naming: Naming) -> Read<Config> {
    let root = Cursor::root(document.root(), notes);
    if root.element.name() != "cb_config" {
        return Err(root.wrong(
            format!("the outermost element is `<{}>`", root.element.name()),
            "a configuration is one `<cb_config>…</cb_config>`",
        ));
    }
    schema::check(root.element, schema::SECTIONS, notes);
    let reference = root.part("reference").map(reference::read).transpose();
    let extensions = root.part("extensions").map(extensions::read).transpose();
    let options = match root.part("options") {
        Some(at) => options::read(at),
        None => Err(root.wrong(
            "`<cb_config>` lacks its `<options>`",
            "add `<options>` with `<starting_day>`, `<working_dir>`, `<backup_user>` and `<backup_group>`",
        )),
    };
    let shared = options.as_ref().map_err(|told| *told);
    let pool = root.part("peers").map(|at| {
        peers::read(at, shared).and_then(|peers| {
            if peers.is_empty() {
                Err(peers::none(at))
            } else {
                Ok(peers)
            }
        })
    });
    let collect = root.part("collect").map(|at| collect::read(at, naming));
    let stage = root
        .part("stage")
        .map(|at| stage::read(at, shared, pool.as_ref()));
    let store = root.part("store").map(store::read);
    let purge = root.part("purge").map(purge::read);
    if collect.is_none() && stage.is_none() && store.is_none() && purge.is_none() {
        root.wrong(
            "there is nothing to do in `<cb_config>`",
            "add one of `<collect>`, `<stage>`, `<store>`, `<purge>`",
        );
    }
    let amazons3 = root.part("amazons3").map(amazons3::read).transpose();
    let capacity = root.part("capacity").map(capacity::read).transpose();
    let encrypt = root.part("encrypt").map(encrypt::read).transpose();
    let mbox = root.part("mbox").map(|at| mbox::read(at, naming));
    let mbox = mbox.transpose();
    let mysql = root.part("mysql").map(database::mysql).transpose();
    let postgresql = root
        .part("postgresql")
        .map(database::postgresql)
        .transpose();
    let split = root.part("split").map(split::read).transpose();
    let subversion = root.part("subversion");
    let subversion = subversion
        .map(|at| subversion::read(at, naming))
        .transpose();

    let (collect, sources) = collect.unzip();
    let sources = sources.unwrap_or_default();
    cross::archive_names(&sources, notes);
    let (purge, purged) = purge.unzip();
    let working_dir = options.as_ref().ok().map(|options| &options.working_dir);
    cross::purged(&purged.unwrap_or_default(), &sources, working_dir, notes);
    cross::action_names(root);
    cross::extensions_and_sections(root);
    cross::one_staging_directory(root);
    let own = own_directories(&options, collect.as_ref(), stage.as_ref(), store.as_ref());
    cross::own_directories(&own, &sources, notes);
    Ok(Config {
        reference: reference?,
        extensions: extensions?.unwrap_or_default(),
        options: options?,
        peers: pool.transpose()?.unwrap_or_default(),
        collect: collect.transpose()?,
        stage: stage.transpose()?,
        store: store.transpose()?,
        purge: purge.transpose()?,
        amazons3: amazons3?,
        capacity: capacity?,
        encrypt: encrypt?,
        mbox: mbox?,
        mysql: mysql?,
        postgresql: postgresql?,
        split: split?,
        subversion: subversion?,
    })
}

/// What backing up fills, as far as it could be read.
fn own_directories<'c>(
    options: &'c Read<Options>,
    collect: Option<&'c Read<Collect>>,
    stage: Option<&'c Read<Stage>>,
    store: Option<&'c Read<Store>>,
) -> Vec<Own<'c>> {
    let mut own = Vec::new();
    if let Ok(options) = options {
        own.push(("working directory", options.working_dir.as_path()));
    }
    if let Some(Ok(collect)) = collect {
        own.push(("collect directory", collect.collect_dir.as_path()));
    }
    if let Some(Ok(stage)) = stage {
        own.push(("staging directory", stage.staging_dir.as_path()));
    }
    if let Some(Ok(store)) = store
        && store.device_type == DeviceType::File
    {
        // Discs that are full are set aside beside the one in use.
        let disc = store.target.parent().filter(|dir| dir.parent().is_some());
        own.push(("directory of discs", disc.unwrap_or(&store.target)));
    }
    own.into_iter()
        .map(|(what, path)| Own { what, path })
        .collect()
}

#[cfg(test)]
mod tests;
