//! The talk with an SFTP server: questions go ahead, answers are joined to them by their numbers.
//!
//! What is asked is gathered, and goes out together when an answer has to be waited for and the server has little to do
//! left: each packet costs both sides more than what is in it. Answers may come in any order. A server that answers what nobody asked, or more than was asked for, does not keep to the rules.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::time::Duration;

use super::packet::{Attributes, Field, Fields, Malformed, Packet, Status, kind, write};
use crate::peer::limits::Deadline;
use crate::peer::native::talk::Talk;

/// The version that every server speaks.
const VERSION: u32 = 3;
/// What a server must give in one answer.
const LEAST_READ: u32 = 32_768;
/// What we ask for at once, if it may be more.
const MOST_READ: u32 = 256 << 10;
/// Bytes of answers that came before their time.
const MOST_EARLY: usize = 64 << 20;
/// Files that a server lets us have open at once, if it does not say.
const LEAST_OPEN: usize = 64;
/// More of them bring nothing.
const MOST_OPEN: usize = 192;
/// The longest handle.
const LONGEST_HANDLE: usize = 256;

/// An SFTP server.
pub(super) struct Server {
    talk: BufReader<Talk>,
    next: u32,
    /// What is asked and not sent yet.
    questions: Vec<u8>,
    /// How many questions that is.
    unsent: usize,
    /// What becomes of the answer to each question that is open.
    open: HashMap<u32, Fate>,
    early: HashMap<u32, Packet>,
    early_bytes: usize,
    extensions: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes that it gives in one answer.
    pub(super) most_read: u32,
    /// Files that may be open at once.
    pub(super) most_open: usize,
}

/// What becomes of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Wanted,
    Ignored,
}

/// Why the talk cannot go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The way there.
    Way(io::Error),
    /// The server does not keep to the rules.
    Foul(String),
    /// There is something else than a server, which says that.
    Noise(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            Self::Foul(error.to_string())
        } else {
            Self::Way(error)
        }
    }
}

impl From<Malformed> for Trouble {
    fn from(Malformed: Malformed) -> Self {
        Self::Foul("half an answer, or one to another question".to_owned())
    }
}

/// How long a line is waited for that only tells what is wrong.
const MOMENT: Duration = Duration::from_secs(5);

/// A thing that is open there.
pub(super) type Handle = Vec<u8>;
/// What a question came to: the answer, or why there is none.
pub(super) type Answer<T> = Result<Result<T, Status>, Trouble>;

impl Server {
    /// Greets the server at the other end.
    pub(super) fn greet(talk: Talk) -> Result<Self, Trouble> {
        let mut talk = BufReader::with_capacity(256 << 10, talk);
        let mut hello = Vec::new();
        write(&mut hello, kind::INIT, &[Field::Number(VERSION)]);
        // One that has ended already is known by its silence.
        let _ = talk.get_mut().write_all(&hello);
        let start = talk.fill_buf()?;
        // A packet begins with the highest byte of its length, and no text does with that.
        if start.first().is_some_and(|&byte| byte != 0) {
            return Err(Trouble::Noise(noise(&mut talk)));
        }
        let version = Packet::read(&mut talk)?;
        if version.kind != kind::VERSION {
            return Err(Malformed.into());
        }
        let mut fields = version.fields();
        fields.number()?;
        let mut extensions = Vec::new();
        while !fields.is_empty() {
            extensions.push((fields.text()?.to_vec(), fields.text()?.to_vec()));
        }
        let mut server = Self {
            talk,
            next: 0,
            questions: Vec::new(),
            unsent: 0,
            open: HashMap::new(),
            early: HashMap::new(),
            early_bytes: 0,
            extensions,
            most_read: LEAST_READ,
            most_open: LEAST_OPEN,
        };
        if server.has(b"limits@openssh.com", b"1") {
            let limits = [Field::Text(b"limits@openssh.com")];
            let packet = server.call(kind::EXTENDED, &limits)?;
            if let Ok(mut fields) = packet.expect(kind::EXTENDED_REPLY)? {
                fields.long()?;
                let most = u32::try_from(fields.long()?).unwrap_or(MOST_READ);
                server.most_read = most.clamp(LEAST_READ, MOST_READ);
                fields.long()?;
                server.most_open = match usize::try_from(fields.long()?).unwrap_or(0) {
                    // It does not say.
                    0 => LEAST_OPEN,
                    // One is the directory.
                    most => (most - 1).clamp(1, MOST_OPEN),
                };
            }
        }
        Ok(server)
    }

    /// Until when its answers may take.
    pub(super) fn until(&mut self, end: Deadline) {
        self.talk.get_mut().end = end;
    }

    /// Whether it has an extension.
    pub(super) fn has(&self, name: &[u8], version: &[u8]) -> bool {
        let mut extensions = self.extensions.iter();
        extensions.any(|(own, data)| own == name && data == version)
    }

    /// Asks something. The question goes out with the next ones.
    pub(super) fn ask(&mut self, kind: u8, fields: &[Field<'_>]) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let mut all = vec![Field::Number(number)];
        all.extend_from_slice(fields);
        write(&mut self.questions, kind, &all);
        self.open.insert(number, Fate::Wanted);
        self.unsent += 1;
        number
    }

    /// Asks for bytes of an open file.
    pub(super) fn ask_read(&mut self, handle: &[u8], at: u64, bytes: u32) -> u32 {
        let fields = [Field::Text(handle), Field::Long(at), Field::Number(bytes)];
        self.ask(kind::READ, &fields)
    }

    /// Nobody waits for the answer to this question any more.
    pub(super) fn forget(&mut self, number: u32) {
        if let Some(packet) = self.early.remove(&number) {
            self.early_bytes -= packet.len();
        } else if let Some(fate) = self.open.get_mut(&number) {
            *fate = Fate::Ignored;
        }
    }

    /// Closes what is open, whatever the server says to that.
    pub(super) fn close(&mut self, handle: &[u8]) {
        let number = self.ask(kind::CLOSE, &[Field::Text(handle)]);
        self.forget(number);
    }

    /// Sends what was asked, if the server needs it or it has become much.
    fn send(&mut self) -> Result<(), Trouble> {
        // One that answers what it was not asked yet may leave fewer open than are unsent.
        let sent = self.open.len().saturating_sub(self.unsent);
        let enough = self.most_open / 2;
        if self.unsent > 0 && (sent <= enough || self.unsent >= enough) {
            self.talk.get_mut().write_all(&self.questions)?;
            self.questions.clear();
            self.unsent = 0;
        }
        Ok(())
    }

    /// The answer to a question, if it is here already.
    pub(super) fn early(&mut self, number: u32) -> Option<Packet> {
        let packet = self.early.remove(&number)?;
        self.early_bytes -= packet.len();
        Some(packet)
    }

    /// Waits for the answer to a question.
    pub(super) fn answer(&mut self, number: u32) -> Result<Packet, Trouble> {
        loop {
            if let Some(packet) = self.early(number) {
                return Ok(packet);
            }
            // What is waited for may be among it: then that goes out at last when everything else was answered.
            self.send()?;
            self.take()?;
            while Packet::is_whole(self.talk.buffer()) {
                self.take()?;
            }
        }
    }

    /// Takes the next answer.
    fn take(&mut self) -> Result<(), Trouble> {
        let packet = Packet::read(&mut self.talk)?;
        let number = packet.number()?;
        match self.open.remove(&number) {
            None => return Err(Malformed.into()),
            Some(Fate::Ignored) => {}
            Some(Fate::Wanted) => {
                self.early_bytes += packet.len();
                self.early.insert(number, packet);
            }
        }
        if self.early_bytes > MOST_EARLY {
            return Err(Trouble::Foul("more than it was asked for".to_owned()));
        }
        Ok(())
    }

    /// Asks something and waits for the answer.
    pub(super) fn call(&mut self, kind: u8, fields: &[Field<'_>]) -> Result<Packet, Trouble> {
        let number = self.ask(kind, fields);
        self.answer(number)
    }

    /// Does something that has no answer but its status.
    pub(super) fn order(&mut self, kind: u8, fields: &[Field<'_>]) -> Answer<()> {
        Ok(self.call(kind, fields)?.status()?.map_or(Ok(()), Err))
    }

    /// Opens a file or a directory.
    pub(super) fn open(&mut self, kind: u8, fields: &[Field<'_>]) -> Answer<Handle> {
        handle(&self.call(kind, fields)?)
    }

    /// What is known of a path; links are followed.
    pub(super) fn stat(&mut self, path: &[u8]) -> Answer<Attributes> {
        let packet = self.call(kind::STAT, &[Field::Text(path)])?;
        Ok(match packet.expect(kind::ATTRS)? {
            Ok(mut fields) => Ok(fields.attributes()?),
            Err(status) => Err(status),
        })
    }

    /// Some bytes of an open file; `None` at its end.
    pub(super) fn read(&mut self, handle: &[u8], at: u64) -> Answer<Option<Vec<u8>>> {
        let number = self.ask_read(handle, at, self.most_read);
        let packet = self.answer(number)?;
        Ok(data(&packet, self.most_read)?.map(|data| data.map(<[u8]>::to_vec)))
    }
}

/// What something else than a server says first. Its first line may come in pieces.
fn noise(talk: &mut BufReader<Talk>) -> String {
    talk.get_mut().end = Deadline::after(MOMENT);
    let mut said = Vec::new();
    let is_line = |line: &[u8]| line.ends_with(b"\n") && !line.trim_ascii().is_empty();
    let has_line = |said: &[u8]| said.split_inclusive(|byte| *byte == b'\n').any(is_line);
    while said.len() < 4096
        && !has_line(&said)
        && let Ok(more) = talk.fill_buf()
        && !more.is_empty()
    {
        let count = more.len();
        said.extend_from_slice(more);
        talk.consume(count);
    }
    first_line(&said)
}

/// How a text begins, for people.
fn first_line(text: &[u8]) -> String {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find(|line| !line.trim_ascii().is_empty());
    let line = line.unwrap_or_default().trim_ascii();
    crate::event::printable_bytes(&line[..line.len().min(100)])
}

/// The handle that was asked for.
pub(super) fn handle(packet: &Packet) -> Answer<Handle> {
    Ok(match packet.expect(kind::HANDLE)? {
        Ok(mut fields) => {
            let handle = fields.text()?;
            if handle.len() > LONGEST_HANDLE {
                return Err(Malformed.into());
            }
            Ok(handle.to_vec())
        }
        Err(status) => Err(status),
    })
}

/// The bytes that were asked for, `most` at most; `None` at the end.
pub(super) fn data(packet: &Packet, most: u32) -> Answer<Option<&[u8]>> {
    match packet.expect(kind::DATA)? {
        Ok(mut fields) => {
            let data = fields.text()?;
            if data.is_empty() || data.len() > most as usize {
                return Err(Trouble::Foul(
                    "more or fewer bytes than it was asked for".to_owned(),
                ));
            }
            Ok(Ok(Some(data)))
        }
        Err(status) if status.is_end() => Ok(Ok(None)),
        Err(status) => Ok(Err(status)),
    }
}

/// Names, and what is known of each.
type Names<'a> = Vec<(&'a [u8], Attributes)>;

/// Some of what a directory has; `None` at its end.
pub(super) fn names(packet: &Packet) -> Answer<Option<Names<'_>>> {
    let mut fields: Fields<'_> = match packet.expect(kind::NAME)? {
        Ok(fields) => fields,
        Err(status) if status.is_end() => return Ok(Ok(None)),
        Err(status) => return Ok(Err(status)),
    };
    let mut names = Vec::new();
    for _ in 0..fields.number()? {
        let name = fields.text()?;
        // The line that `ls -l` would show.
        fields.text()?;
        names.push((name, fields.attributes()?));
    }
    Ok(Ok(Some(names)))
}
