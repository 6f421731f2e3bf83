//! Questions to a person, with what an empty answer means.

use std::io::{BufRead, Write};

use crate::cli::exit::Exit;
use crate::cli::session::Failure;

/// What an empty answer to a question means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    Yes,
    No,
}

/// Somebody to talk to.
pub struct Dialogue<'a> {
    pub input: &'a mut dyn BufRead,
    pub output: &'a mut dyn Write,
}

impl Dialogue<'_> {
    /// Says `text` on lines of its own. Nobody listening is found out by the next question.
    pub fn say(&mut self, text: &str) {
        let _ = writeln!(self.output, "{text}");
    }

    /// Whether the answer is yes: its first letter decides, anything but `y` is no.
    pub fn agrees(&mut self, question: &str, default: Default) -> Result<bool, Failure> {
        let choice = match default {
            Default::Yes => "[Y/n]",
            Default::No => "[y/N]",
        };
        let answer = self.ask(&format!("{question} {choice}"))?;
        Ok(match answer.chars().next() {
            None => default == Default::Yes,
            Some(first) => first.eq_ignore_ascii_case(&'y'),
        })
    }

    /// The answer that `read` understands; asked until there is one. An empty answer is `default`.
    pub fn answer<T>(
        &mut self,
        question: &str,
        default: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Failure> {
        loop {
            let answer = self.ask(&format!("{question} [{default}]"))?;
            let answer = if answer.is_empty() { default } else { &answer };
            match read(answer) {
                Some(value) => return Ok(value),
                None => self.say("That is not one of the answers."),
            }
        }
    }

    /// One line, without blanks around it. Fails at the end of the input.
    pub fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let failed = |why: String| {
            Failure::new(Exit::Failed, format!("no answer can be had: {why}"))
                .advise("run it where somebody can answer; nothing is marked as stored")
        };
        write!(self.output, "{question}: ")
            .and_then(|()| self.output.flush())
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => {
                // What is said next begins a line.
                let _ = writeln!(self.output);
                Err(failed("the input has ended".to_owned()))
            }
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_letter_decides_and_an_empty_answer_is_the_default() {
        for (answer, default, agrees) in [
            ("y\n", Default::No, true),
            ("Yes please\n", Default::No, true),
            ("n\n", Default::Yes, false),
            ("maybe\n", Default::Yes, false),
            ("\n", Default::Yes, true),
            ("\n", Default::No, false),
            ("  Y \n", Default::No, true),
        ] {
            let mut output = Vec::new();
            let mut dialogue = Dialogue {
                input: &mut answer.as_bytes(),
                output: &mut output,
            };
            assert_eq!(
                dialogue.agrees("Go on?", default).unwrap(),
                agrees,
                "{answer:?}"
            );
        }
    }

    #[test]
    fn it_asks_until_it_understands_or_nobody_answers() {
        let mut output = Vec::new();
        let mut dialogue = Dialogue {
            input: &mut "x\n\n7\n".as_bytes(),
            output: &mut output,
        };
        let read = |text: &str| text.parse::<u8>().ok();
        assert_eq!(dialogue.answer("How many?", "3", read).unwrap(), 3);
        assert_eq!(dialogue.answer("How many?", "3", read).unwrap(), 7);
        assert!(dialogue.answer("How many?", "3", read).is_err());
        let said = String::from_utf8(output).unwrap();
        assert!(
            said.starts_with("How many? [3]: That is not one of the answers.\n"),
            "{said}"
        );
    }
}
