//! The line that announces a command in the log, in Cedar Backup's words, lists as Python prints them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use super::command::Command;
use crate::event::{OUTPUT, printable_bytes};

/// Writes the announcement to the output stream, and for developers.
pub(super) fn announce(command: &Command) {
    let line = line(command);
    log::info!(target: OUTPUT, "{line}");
    log::debug!("{line}");
}

fn line(command: &Command) -> String {
    format!(
        "Executing command {} with args {}.",
        list(std::slice::from_ref(&command.program)),
        list(&command.args)
    )
}

fn list(words: &[OsString]) -> String {
    let words: Vec<String> = words.iter().map(|word| repr(word.as_bytes())).collect();
    format!("[{}]", words.join(", "))
}

/// A word as Python writes it in a list: single quotes unless there is one in it and no double one.
fn repr(word: &[u8]) -> String {
    let doubled: Vec<u8> = word
        .iter()
        .flat_map(|byte| std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'\\')))
        .collect();
    let text = printable_bytes(&doubled);
    if text.contains('\'') && !text.contains('"') {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "\\'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_announced_as_python_lists() {
        let command = Command::new("scp")
            .arg("-B")
            .args(["a b", "c'd", "e'f\"", "g\nh", "i\\"])
            .input("secret")
            .env("A", "B");
        assert_eq!(
            line(&command),
            r#"Executing command ['scp'] with args ['-B', 'a b', "c'd", 'e\'f"', 'g\nh', 'i\\']."#
        );
        assert_eq!(
            line(&Command::new("sync")),
            "Executing command ['sync'] with args []."
        );
    }
}
