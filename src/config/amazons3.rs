//! `<amazons3>`: daily directories to a bucket.

use crate::units::ByteSize;

use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, FLAG, SIZE};

pub(super) const RULES: &[Rule] = &[
    one("warn_midnite", FLAG)
        .means("Whether it is told when the day is not today.")
        .otherwise("N"),
    one(
        "s3_bucket",
        "the name of a bucket, perhaps with a path behind it",
    )
    .means("The bucket, perhaps with a path behind it.")
    .required()
    .example("backups.example.org/pool"),
    one(
        "encrypt",
        "a shell command with `${input}` and `${output}` in it",
    )
    .means("A shell command that encrypts `${input}` into `${output}`. Without it nothing is encrypted.")
    .example("/usr/bin/gpg -c --no-use-agent --batch --yes --passphrase-file /root/.pass -o ${output} ${input}"),
    one("full_size_limit", SIZE)
        .means("The most that a full day may have. Without it there is no limit.")
        .example("2.5 GB"),
    one("incr_size_limit", SIZE)
        .means("The most that another day may have. Without it there is no limit.")
        .example("600 MB"),
];

/// How daily directories go to a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmazonS3 {
    /// Whether it is told when the day is not today.
    pub warn_midnite: bool,
    /// The bucket, perhaps with a path in it.
    pub s3_bucket: String,
    /// The shell command that encrypts `${input}` into `${output}`.
    pub encrypt: Option<String>,
    /// The most that a full day may have.
    pub full_size_limit: Option<ByteSize>,
    /// The most that another day may have.
    pub incr_size_limit: Option<ByteSize>,
}

pub(super) fn read(at: Cursor<'_>) -> Read<AmazonS3> {
    let warn_midnite = at.optional("warn_midnite", value::flag);
    let s3_bucket = at.required("s3_bucket", value::text);
    let encrypt = at.optional("encrypt", value::text);
    let full_size_limit = at.optional("full_size_limit", value::size);
    let incr_size_limit = at.optional("incr_size_limit", value::size);
    Ok(AmazonS3 {
        warn_midnite: warn_midnite?.unwrap_or(false),
        s3_bucket: s3_bucket?,
        encrypt: encrypt?,
        full_size_limit: full_size_limit?,
        incr_size_limit: incr_size_limit?,
    })
}
