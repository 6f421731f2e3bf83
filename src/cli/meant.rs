//! What was perhaps meant by a word that is no action.

use super::failure::Failure;
use crate::config::{BUILT_IN, COMMANDS, nearest};

/// What to do about `word`, which is none of the actions `known`.
pub fn instead(word: &str, known: &[&str]) -> Option<String> {
    if COMMANDS.contains(&word) {
        return Some(format!(
            "`{word}` is a command of its own, which stands alone: cback {word} --help"
        ));
    }
    if word.len() > 1 && word.starts_with('-') {
        return Some("switches stand before `--`".to_owned());
    }
    let words = known.iter().chain(&COMMANDS).copied();
    let near = nearest(word, words)?;
    Some(if known.contains(&near) {
        format!("did you mean `{near}`?")
    } else {
        format!("did you mean the command `cback {near}`?")
    })
}

/// `failure` of a configuration that cannot be used, with what is to be said of the actions that were named: one that is
/// not built in is a slip more often than an extension.
pub fn beside(failure: Failure, actions: &[String]) -> Failure {
    let strange = actions
        .iter()
        .find(|word| !BUILT_IN.contains(&word.as_str()));
    match strange {
        None => failure,
        Some(word) => failure.behind(
            &format!("`{word}` is no action of cback's own"),
            instead(word, &BUILT_IN),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_guessed_if_one_is_near() {
        for (word, guess) in [
            ("colect", Some("did you mean `collect`?")),
            ("STORE", Some("did you mean `store`?")),
            ("restroe", Some("did you mean the command `cback restore`?")),
            ("--full", Some("switches stand before `--`")),
            ("wednesday", None),
            ("", None),
        ] {
            assert_eq!(instead(word, &BUILT_IN).as_deref(), guess, "{word}");
        }
    }
}
