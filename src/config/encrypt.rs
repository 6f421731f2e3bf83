//! `<encrypt>`: staged files for the eyes of one recipient.

use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value;

pub(super) const RULES: &[Rule] = &[
    one("encrypt_mode", "the word `gpg`")
        .means("What encrypts.")
        .required()
        .example("gpg"),
    one("encrypt_target", "a recipient's name, address or key")
        .means("For whom: who can decrypt it with a secret key that is kept elsewhere.")
        .required()
        .example("Backup User"),
];

/// How staged files are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypt {
    /// With what.
    pub mode: EncryptMode,
    /// For whom.
    pub target: String,
}

/// What encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptMode {
    /// `gpg`.
    Gpg,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Encrypt> {
    let mode = at.required("encrypt_mode", |text| {
        value::row(text, "encrypt mode", &[("gpg", EncryptMode::Gpg)])
    });
    let target = at.required("encrypt_target", value::text);
    Ok(Encrypt {
        mode: mode?,
        target: target?,
    })
}
