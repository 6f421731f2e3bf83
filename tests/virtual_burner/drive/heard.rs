//! What the computer asked for, to be told by hand.

use std::fmt::Write as _;
use std::time::Instant;

use crate::sense::Sense;

/// No more is remembered.
const MOST: usize = 20_000;

/// Commands, with when they came and how they ended.
#[derive(Debug)]
pub struct Heard {
    since: Instant,
    lines: Vec<String>,
    /// What the last line is about.
    last: (u8, bool),
}

impl Heard {
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            lines: Vec::new(),
            last: (0, false),
        }
    }

    /// Takes note of a command. The same again is one, and so are reads, or writes, of whatever sectors.
    pub fn note(&mut self, came: Instant, cdb: &[u8; 16], out: &[u8], failed: Option<Sense>) {
        let about = (cdb[0], failed.is_some());
        // what a parameter list says is told of SET STREAMING and MODE SELECT
        let told = matches!(cdb[0], 0xb6 | 0x55);
        if (about == self.last && !told) || self.lines.len() >= MOST {
            return;
        }
        self.last = about;
        let time = came.duration_since(self.since).as_millis();
        let hex = |bytes: &[u8]| {
            let all = bytes.iter().map(|byte| format!("{byte:02x}"));
            all.collect::<Vec<String>>().join(" ")
        };
        let mut line = format!("{time} {}", hex(&cdb[..12]));
        if told {
            let _ = write!(line, " : {}", hex(&out[..out.len().min(64)]));
        }
        if let Some(sense) = failed {
            let _ = write!(
                line,
                " -> {:x}/{:02x}/{:02x}",
                sense.key, sense.code, sense.qualifier
            );
        }
        self.lines.push(line);
    }

    /// Tells all, and forgets it.
    pub fn take(&mut self) -> String {
        self.last = (0, false);
        let lines = std::mem::take(&mut self.lines);
        lines.into_iter().map(|line| line + "\n").collect()
    }
}
