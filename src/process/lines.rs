//! What a program prints, cut into lines that can neither break the log nor fill the memory.

use std::collections::VecDeque;

use super::secrets::Secrets;
use crate::event::{OUTPUT, printable_bytes};

/// Lines that are kept for the message of a program that fails.
const TAIL: usize = 10;
/// Bytes of a line that are kept. The rest is counted.
const LONGEST: usize = 4096;

/// Collects bytes into lines. A line ends with a newline, or with a carriage return, as in progress that is
/// redrawn.
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    dropped: usize,
    returned: bool,
}

/// Lines of a stranger that go to the log.
const MOST: u64 = 10_000;

/// The last lines of a program's output; each has gone to the log.
#[derive(Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    secrets: Secrets,
    /// For whom the program speaks, if for somebody else.
    stranger: Option<String>,
    told: u64,
}

impl Lines {
    /// Takes more output and tells the lines that are complete.
    pub(super) fn take(&mut self, mut bytes: &[u8], tail: &mut Tail) {
        while let Some(&first) = bytes.first() {
            // A return may have been the first half of a line's end.
            if std::mem::take(&mut self.returned) && first != b'\n' && first != b'\r' {
                self.end(tail);
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let room = (LONGEST - self.line.len()).min(text.len());
            self.line.extend_from_slice(&text[..room]);
            self.dropped += text.len() - room;
            match rest.first() {
                Some(b'\n') => self.end(tail),
                Some(_) => self.returned = true,
                None => {}
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
    }

    /// Tells a last line that has no end.
    pub(super) fn finish(&mut self, tail: &mut Tail) {
        if !self.line.is_empty() {
            self.end(tail);
        }
    }

    fn end(&mut self, tail: &mut Tail) {
        let mut text = printable_bytes(&self.line);
        if self.dropped > 0 {
            text = format!("{text} [... {} bytes more]", self.dropped);
        }
        self.line.clear();
        self.dropped = 0;
        tail.push(text);
    }
}

impl Tail {
    /// No lines yet; `secrets` will be in none of them, and in the log the name of the `stranger` before each.
    pub(super) fn of(secrets: Secrets, stranger: Option<String>) -> Self {
        Self {
            secrets,
            stranger,
            ..Self::default()
        }
    }

    fn push(&mut self, line: String) {
        let line = self.secrets.redact(line);
        self.told += 1;
        match &self.stranger {
            None => log::info!(target: OUTPUT, "{line}"),
            Some(name) if self.told <= MOST => log::info!(target: OUTPUT, "{name}: {line}"),
            Some(_) => {}
        }
        if self.lines.len() == TAIL {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        if let Some(name) = &self.stranger
            && self.told > MOST
        {
            let more = self.told - MOST;
            log::info!(target: OUTPUT, "{name}: and {more} lines more");
        }
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut tail) = (Lines::default(), Tail::default());
        for chunk in chunks {
            lines.take(chunk, &mut tail);
        }
        lines.finish(&mut tail);
        tail.into_lines()
    }

    #[test]
    fn output_becomes_lines_wherever_it_is_cut() {
        let table: [(&[&[u8]], &[&str]); 7] = [
            (&[], &[]),
            (&[b"a\nb"], &["a", "b"]),
            (&[b"a\n\nb\n"], &["a", "", "b"]),
            (&[b"a\r", b"\nb\r\n"], &["a", "b"]),
            (&[b"1%\r2%\r", b"done\n"], &["1%", "2%", "done"]),
            (&[b"x\xff\x1b[2J\n"], &[r"x\xff\u{1b}[2J"]),
            (&["ä".as_bytes()], &["ä"]),
        ];
        for (chunks, expected) in table {
            assert_eq!(lines(chunks), expected, "{chunks:?}");
        }
    }

    #[test]
    fn the_last_ten_lines_are_kept() {
        let all: Vec<String> = (1..=20).map(|n| format!("{n}\n")).collect();
        let kept = lines(&[all.concat().as_bytes()]);
        assert_eq!((kept.len(), kept[0].as_str()), (10, "11"));
    }

    #[test]
    fn a_line_without_end_costs_little() {
        let kept = lines(&[&vec![b'a'; 100_000], b"\nnext\n"]);
        assert_eq!(kept[0].len(), LONGEST + " [... 95904 bytes more]".len());
        assert!(kept[0].ends_with("a [... 95904 bytes more]"));
        assert_eq!(kept[1], "next");
    }
}
