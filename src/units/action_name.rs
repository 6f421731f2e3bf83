//! Names of actions, built-in ones and extensions.

use std::fmt;
use std::str::FromStr;

/// The name of an action: lower-case ASCII letters and digits, at least one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionName(String);

/// A text that cannot name an action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot name an action; a name is made of lower-case letters and digits", .0.escape_debug())]
pub struct ActionNameError(String);

impl ActionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActionName {
    type Err = ActionNameError;

    fn from_str(text: &str) -> Result<Self, ActionNameError> {
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !text.is_empty() && text.bytes().all(sound) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ActionNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ActionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_letters_and_digits_name_an_action() {
        for (text, sound) in [
            ("collect", true),
            ("s3", true),
            ("9", true),
            ("", false),
            ("Collect", false),
            ("collect\n", false),
            ("my action", false),
            ("my-action", false),
            ("ä", false),
        ] {
            assert_eq!(text.parse::<ActionName>().is_ok(), sound, "{text:?}");
        }
    }
}
