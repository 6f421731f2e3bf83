//! The program `gpg`, with a public key.

use std::path::Path;

use crate::process::Command;

/// Fails if there is no public key for `recipient`.
pub(super) fn key_command(recipient: &str) -> Command {
    Command::new("gpg").args(["--batch", "--list-keys", "--", recipient])
}

/// Writes the file at `path`, encrypted for `recipient`, to standard output.
pub(super) fn encrypt_command(recipient: &str, path: &Path) -> Command {
    Command::new("gpg")
        .args(["--batch", "--yes", "--encrypt", "--recipient", recipient])
        .args(["--output", "-", "--"])
        .arg(path)
}

/// Whether a message that begins with this byte is encrypted for a public key: RFC 4880, section 4.2 and 5.1, a packet
/// with the tag 1 in the old or in the new format.
pub(super) fn begins_message(byte: u8) -> bool {
    byte & 0xfc == 0x84 || byte == 0xc1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_name_recipient_and_file() {
        for (command, text) in [
            (key_command("-me"), "gpg --batch --list-keys -- -me"),
            (
                encrypt_command("Backup <me@example.org>", Path::new("/stage/etc.tar.gz")),
                "gpg --batch --yes --encrypt --recipient 'Backup <me@example.org>' --output - -- /stage/etc.tar.gz",
            ),
        ] {
            assert_eq!(command.to_string(), text);
        }
    }

    #[test]
    fn a_message_for_a_public_key_is_known_by_its_first_byte() {
        for (byte, sealed) in [
            (0x84, true),
            (0x85, true),
            (0xc1, true),
            (0x8c, false),
            (0xc3, false),
            (b'-', false),
            (0x1f, false),
        ] {
            assert_eq!(begins_message(byte), sealed, "{byte:02x}");
        }
    }
}
