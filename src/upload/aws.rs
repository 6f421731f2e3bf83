//! The program `aws`.

use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;

use super::Sizes;
use crate::process::Command;
use crate::staging::{ENCRYPTED, SPLIT, STAGED, STORED, UPLOADED};
use crate::units::Day;

/// A place in a bucket: the bucket's name, and perhaps a path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    /// Without slashes around it.
    path: String,
}

/// A text that names no place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` names no bucket; write `bucket` or `bucket/path`", .0.escape_debug())]
pub struct BucketError(String);

impl FromStr for Bucket {
    type Err = BucketError;

    /// Reads `bucket`, `bucket/path`, and both with `s3://` before them.
    fn from_str(text: &str) -> Result<Self, BucketError> {
        let place = text.strip_prefix("s3://").unwrap_or(text);
        let (name, path) = place.split_once('/').unwrap_or((place, ""));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(BucketError(text.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            path: path.trim_matches('/').to_owned(),
        })
    }
}

impl Bucket {
    /// The place of a day: `PATH/2026/11/21`.
    #[must_use]
    pub fn below(&self, day: Day) -> Self {
        let (year, month, day) = day.ymd();
        Self {
            name: self.name.clone(),
            path: format!("{}{year:04}/{month:02}/{day:02}", self.prefix()),
        }
    }

    /// `s3://bucket/path`.
    pub fn url(&self) -> String {
        let url = format!("s3://{}/{}", self.name, self.path);
        url.trim_end_matches('/').to_owned()
    }

    /// What the keys of everything in this place begin with.
    fn prefix(&self) -> String {
        if self.path.is_empty() {
            String::new()
        } else {
            format!("{}/", self.path)
        }
    }
}

/// The program. It is written in Python, which has to take names for UTF-8 whatever the locale.
fn aws() -> Command {
    Command::new("aws").env("PYTHONUTF8", "1")
}

/// What is never copied: indicators, each by its name, since a pattern also means what is in directories of such names;
/// and what is half done.
const EXCLUDED: [&str; 10] = [
    STAGED,
    STORED,
    UPLOADED,
    ENCRYPTED,
    SPLIT,
    "*/cback.collect",
    "*/cback.stage",
    ".*.partial",
    ".*.partial/*",
    "*/.*.partial",
];

/// Copies what is below `from`, but no indicators and nothing half done.
pub(super) fn copy_command(from: &Path, to: &Bucket) -> Command {
    let mut from = from.as_os_str().to_owned();
    from.push("/");
    aws()
        .args(["s3", "cp", "--recursive"])
        .args(EXCLUDED.iter().flat_map(|pattern| ["--exclude", *pattern]))
        .arg(from)
        .arg(format!("{}/", to.url()))
}

/// Makes `to` as `from` is; what is not there any more stays unless `delete` is given.
pub(super) fn sync_command(from: &Path, to: &Bucket, delete: Option<&str>) -> Command {
    aws()
        .args(["s3", "sync"])
        .arg(from)
        .arg(to.url())
        .args(delete)
}

/// Lists keys and sizes.
pub(super) fn list_command(place: &Bucket) -> Command {
    aws()
        .args(["s3api", "list-objects", "--bucket", &place.name])
        .args(["--prefix", &place.prefix()])
        .args(["--query", "Contents[].{Key: Key, Size: Size}"])
        .args(["--output", "json"])
}

/// Deletes the object `name` in `place`.
pub(super) fn remove_command(place: &Bucket, name: &str) -> Command {
    aws()
        .args(["s3", "rm"])
        .arg(format!("{}/{name}", place.url()))
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Size")]
    size: u64,
}

/// Names below `place`, and sizes. Where there is nothing, `aws` prints `null`, or nothing.
pub(super) fn parse_listing(text: &[u8], place: &Bucket) -> Result<Sizes, serde_json::Error> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(Sizes::new());
    }
    let entries: Option<Vec<Entry>> = serde_json::from_slice(text)?;
    let prefix = place.prefix();
    let entries = entries.unwrap_or_default().into_iter();
    Ok(entries
        .filter_map(|entry| Some((entry.key.strip_prefix(&prefix)?.to_owned(), entry.size)))
        .filter(|(name, _)| !name.is_empty())
        .collect())
}

/// A way in for the fuzz targets: what `aws` prints.
#[cfg(fuzzing)]
pub fn fuzz(text: &[u8], place: &Bucket) {
    if let Ok(sizes) = parse_listing(text, place) {
        assert!(sizes.keys().all(|name| !name.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bucket(text: &str) -> Bucket {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_a_bucket_and_perhaps_a_path() {
        let day = "2026-11-01".parse().unwrap();
        for (text, url, of_day) in [
            ("b", "s3://b", "s3://b/2026/11/01"),
            ("b/", "s3://b", "s3://b/2026/11/01"),
            ("b/c/d/", "s3://b/c/d", "s3://b/c/d/2026/11/01"),
            ("s3://b/c", "s3://b/c", "s3://b/c/2026/11/01"),
        ] {
            let bucket = bucket(text);
            assert_eq!(
                (bucket.url().as_str(), bucket.below(day).url().as_str()),
                (url, of_day)
            );
        }
        for text in ["", "/x", "s3://", "a b"] {
            assert!(text.parse::<Bucket>().is_err(), "{text}");
        }
    }

    #[test]
    fn commands_are_words_and_need_no_shell() {
        let place = bucket("b/my path");
        for (command, text) in [
            (
                copy_command(Path::new("/stage/2026/11/01"), &place),
                "aws s3 cp --recursive --exclude cback.stage --exclude cback.store --exclude cback.amazons3 \
                 --exclude cback.encrypt --exclude cback.split --exclude '*/cback.collect' --exclude '*/cback.stage' \
                 --exclude '.*.partial' --exclude '.*.partial/*' --exclude '*/.*.partial' /stage/2026/11/01/ \
                 's3://b/my path/'",
            ),
            (
                list_command(&place),
                "aws s3api list-objects --bucket b --prefix 'my path/' --query \
                 'Contents[].{Key: Key, Size: Size}' --output json",
            ),
            (remove_command(&bucket("b"), "x"), "aws s3 rm s3://b/x"),
            (
                sync_command(Path::new("/src"), &bucket("b"), Some("--delete")),
                "aws s3 sync /src s3://b --delete",
            ),
            (
                sync_command(Path::new("/src"), &bucket("b"), None),
                "aws s3 sync /src s3://b",
            ),
        ] {
            assert_eq!(command.to_string(), text);
        }
    }

    #[test]
    fn listings_are_read_as_aws_prints_them() {
        let some = r#"[
    {
        "Key": "c/2026/11/01/ada/etc.tar.gz",
        "Size": 12
    },
    {
        "Key": "c/2026/11/01/",
        "Size": 0
    },
    {
        "Key": "c/2026/11/010/other",
        "Size": 1
    },
    {
        "Key": "c/2026/11/01/ada/c/2026/11/01/\u00e4",
        "Size": 5000000000
    }
]
"#;
        let place = bucket("b/c").below("2026-11-01".parse().unwrap());
        let sizes = |rows: &[(&str, u64)]| -> Sizes {
            let rows = rows.iter();
            rows.map(|(name, size)| ((*name).to_owned(), *size))
                .collect()
        };
        for (text, expected) in [
            (
                some,
                sizes(&[
                    ("ada/etc.tar.gz", 12),
                    ("ada/c/2026/11/01/ä", 5_000_000_000),
                ]),
            ),
            ("null\n", Sizes::new()),
            ("\n", Sizes::new()),
            ("[]", Sizes::new()),
        ] {
            assert_eq!(parse_listing(text.as_bytes(), &place).unwrap(), expected);
        }
        for text in ["An error occurred", "{\"Key\": 1}", "[{\"Key\": \"x\"}]"] {
            assert!(parse_listing(text.as_bytes(), &place).is_err(), "{text}");
        }
    }
}
