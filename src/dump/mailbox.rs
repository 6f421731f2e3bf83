//! Mailboxes in the `mbox` formats (RFC 4155, and `mbox(5)` of qmail): which messages came since some time.
//!
//! A message begins with a line `From sender date` at the beginning of the file or after an empty line, followed by a
//! header. It came since a time if its `From ` line says so, or its `Date:`, or the latest `Received:`; if none of
//! them has a date that can be understood, it may have come, and counts. The `From ` line has no time zone,
//! so a day is granted. What stands before the first message (in a file that is no mailbox, all of it) is kept
//! always. So more is dumped than necessary, never less; only a message that somebody moved here from another
//! mailbox looks old, and waits for the next full dump.

mod when;

use std::io::{self, BufRead, Write};

use chrono::{Days, NaiveDateTime};

/// A longer header is not read to its end; its message counts as one that came.
const LONGEST_HEADER: usize = 1 << 18;
/// A longer line is taken in pieces.
const LONGEST_LINE: usize = 1 << 16;

/// What was in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Messages {
    /// Messages in all.
    pub all: u64,
    /// Those that were copied.
    pub copied: u64,
}

/// Copies the messages that came since the local time `since`.
pub(super) fn copy_newer(
    from: &mut dyn BufRead,
    since: NaiveDateTime,
    to: &mut dyn Write,
) -> io::Result<Messages> {
    let since = since.checked_sub_days(Days::new(1)).unwrap_or(since);
    let mut copier = Copier {
        since,
        to,
        state: State::Body(Keep::Yes),
        messages: Messages::default(),
    };
    // What ended before this line: a line, and was it empty?
    let mut after = After::EmptyLine;
    let mut line = Vec::new();
    let mut next = Vec::new();
    let mut more = read_line(from, &mut line)?;
    while more {
        let whole = line.ends_with(b"\n");
        more = read_line(from, &mut next)?;
        let begins = after == After::EmptyLine
            && line.starts_with(b"From ")
            && when::of_from_line(&line).is_some()
            && is_header(&next);
        if begins {
            copier.begin(&line)?;
        } else {
            copier.line(&line, after)?;
        }
        after = match (whole, is_empty(&line) && after != After::Piece) {
            (false, _) => After::Piece,
            (true, true) => After::EmptyLine,
            (true, false) => After::Line,
        };
        std::mem::swap(&mut line, &mut next);
    }
    copier.finish()
}

/// What stood before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    EmptyLine,
    Line,
    /// An earlier piece of the same line.
    Piece,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

enum State {
    /// In a header that decides, all of it so far.
    Header(Vec<u8>),
    /// Behind the header.
    Body(Keep),
}

struct Copier<'a> {
    since: NaiveDateTime,
    to: &'a mut dyn Write,
    state: State,
    messages: Messages,
}

impl Copier<'_> {
    fn begin(&mut self, line: &[u8]) -> io::Result<()> {
        self.decide()?;
        self.messages.all += 1;
        self.state = State::Header(line.to_vec());
        Ok(())
    }

    fn line(&mut self, line: &[u8], after: After) -> io::Result<()> {
        match &mut self.state {
            State::Header(header) => {
                header.extend_from_slice(line);
                let ends = is_empty(line) && after != After::Piece;
                if ends || header.len() > LONGEST_HEADER {
                    self.decide()?;
                }
                Ok(())
            }
            State::Body(Keep::Yes) => self.to.write_all(line),
            State::Body(Keep::No) => Ok(()),
        }
    }

    /// Decides on the message whose header was read.
    fn decide(&mut self) -> io::Result<()> {
        let State::Header(header) = &self.state else {
            return Ok(());
        };
        let keep = if header.len() > LONGEST_HEADER || came_since(header, self.since) {
            self.to.write_all(header)?;
            self.messages.copied += 1;
            Keep::Yes
        } else {
            Keep::No
        };
        self.state = State::Body(keep);
        Ok(())
    }

    fn finish(mut self) -> io::Result<Messages> {
        self.decide()?;
        Ok(self.messages)
    }
}

/// Whether the message with that header, its `From ` line first, came at or after `since`.
fn came_since(header: &[u8], since: NaiveDateTime) -> bool {
    let from = when::of_from_line(header);
    let dates = [
        from,
        when::of_field(header, b"date"),
        when::of_field(header, b"received"),
    ];
    let mut known = dates.into_iter().flatten().peekable();
    known.peek().is_none() || known.any(|date| date >= since)
}

fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// Whether a line is one of a header: `Name: …`, or another envelope line, `>From `.
fn is_header(line: &[u8]) -> bool {
    let name = line.iter().position(|&byte| byte == b':');
    let named = |end: usize| end > 0 && line[..end].iter().all(u8::is_ascii_graphic);
    name.is_some_and(named) || line.starts_with(b">From ")
}

/// Reads the next line, or the next piece of a long one, with its end. Gives `false` at the end of the file.
fn read_line(from: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let room = LONGEST_LINE - line.len();
        let chunk = match from.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        let end = chunk.iter().take(room).position(|&byte| byte == b'\n');
        let count = end.map_or(chunk.len().min(room), |end| end + 1);
        line.extend_from_slice(&chunk[..count]);
        from.consume(count);
        if end.is_some() || count == 0 || line.len() == LONGEST_LINE {
            return Ok(!line.is_empty());
        }
    }
}

#[cfg(test)]
mod tests;
