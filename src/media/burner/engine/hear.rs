//! What burning programs print while they burn: into the log, and a few numbers out of it.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::event::{OUTPUT, printable};

/// Lines that are kept for the message if the program fails.
pub(super) const TAIL: usize = 6;
/// Stands for a number that was not heard.
const UNHEARD: u64 = u64::MAX;
const UNKNOWN: u8 = u8::MAX;

/// What was heard so far.
pub(super) struct Heard {
    start: AtomicU64,
    buffer: AtomicU8,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            start: AtomicU64::new(UNHEARD),
            buffer: AtomicU8::new(UNKNOWN),
        }
    }
}

impl Heard {
    /// Takes note of a line.
    pub fn line(&self, line: &str) {
        if let Some(at) = track_start(line) {
            self.start.store(at, Relaxed);
        }
        if let Some(percent) = drive_buffer(line) {
            self.buffer.store(percent, Relaxed);
        }
    }

    /// The sector at which the program began to write, if it said so.
    pub fn start(&self) -> Option<u64> {
        Some(self.start.load(Relaxed)).filter(|at| *at != UNHEARD)
    }

    /// How full the drive's own buffer was last, in percent, if the program says so.
    pub fn buffer(&self) -> Option<u8> {
        Some(self.buffer.load(Relaxed)).filter(|percent| *percent != UNKNOWN)
    }
}

/// Reads what the program prints, into the log, and gives the last lines. A line ends with a newline, a carriage return or
/// a backspace.
pub(super) fn listen(out: impl Read, hear: &mut dyn FnMut(&str)) -> Vec<String> {
    let mut last = std::collections::VecDeque::new();
    let mut out = BufReader::new(out);
    let mut line = Vec::new();
    loop {
        // Progress is printed over itself; it has to be heard while it stands there, not when the line ends.
        let (taken, ended) = match out.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(bytes) => {
                let end = bytes
                    .iter()
                    .position(|byte| matches!(byte, b'\n' | b'\r' | 8));
                line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
                let taken = end.map_or(bytes.len(), |end| end + 1);
                (taken, end.is_some() || line.len() > LONGEST)
            }
        };
        out.consume(taken);
        if ended {
            tell(&mut line, &mut last, hear);
        }
    }
    tell(&mut line, &mut last, hear);
    last.into()
}

/// What a program that failed said of it: on its standard error, and last of all; not how far it had come.
pub(super) fn reasons(errors: &[String], told: &[String]) -> Vec<String> {
    const PROGRESS: [&str; 7] = [
        "Writing  time",
        "Min drive buffer",
        "Last chance",
        "Fixating",
        "cdrskin: thank you",
        "cdrskin: working",
        "cdrskin: formatting (",
    ];
    // What is printed over something else stands behind it, with blanks between.
    let over = |line: &String| {
        let line = line.trim();
        let last = line.rsplit_once("    ").map_or(line, |(_, last)| last);
        last.trim().to_owned()
    };
    let last = |lines: &[String], count: usize| -> Vec<String> {
        let lines = lines.iter().filter(|line| !line.starts_with("Track "));
        let lines = lines.map(over).filter(|line| {
            !line.is_empty() && !PROGRESS.iter().any(|begin| line.starts_with(begin))
        });
        let lines: Vec<String> = lines.collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    };
    let errors = last(errors, TAIL);
    let told = last(told, if errors.is_empty() { TAIL } else { 1 });
    [errors, told].concat()
}

/// The sector at which writing failed, by the first line that says so.
pub(super) fn bad_sector<'a>(mut lines: impl Iterator<Item = &'a String>) -> Option<u64> {
    lines.find_map(|line| sector_of(line))
}

/// `[WRITE@LBA=96h failed` of growisofs; `CDB= WRITE(10) : 2a 00 00 00 00 90 00 00 10 00` of cdrskin, and `CDB:  2A 00 …` of
/// cdrecord: a command of MMC-6 6.45, with the sector in bytes 2 to 5.
fn sector_of(line: &str) -> Option<u64> {
    if let Some((_, rest)) = line.split_once("WRITE@LBA=") {
        let (digits, _) = rest.split_once('h')?;
        return u64::from_str_radix(digits, 16).ok();
    }
    let (_, rest) = line.split_once("CDB")?;
    let mut words = rest
        .split_whitespace()
        .skip_while(|word| !word.eq_ignore_ascii_case("2a"));
    words.nth(1)?; // the command and its flags
    let byte = |word: &str| u8::from_str_radix(word, 16).ok();
    let mut sector = 0;
    for _ in 0..4 {
        sector = sector << 8 | u64::from(byte(words.next()?)?);
    }
    Some(sector)
}

/// A line that is longer is cut.
const LONGEST: usize = 4096;

fn tell(
    line: &mut Vec<u8>,
    last: &mut std::collections::VecDeque<String>,
    hear: &mut dyn FnMut(&str),
) {
    let text = printable(String::from_utf8_lossy(line).trim());
    line.clear();
    if text.is_empty() {
        return;
    }
    hear(&text);
    log::info!(target: OUTPUT, "{text}");
    if last.len() == TAIL {
        last.pop_front();
    }
    last.push_back(text);
}

/// `Starting new track at sector: 0`: where cdrskin and cdrecord begin to write.
fn track_start(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("Starting new track at sector: ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// `… MB written [buf  50%]   5.7x.` of cdrskin and cdrecord; `… RBU 100.0% UBU  91.7%` of growisofs.
fn drive_buffer(line: &str) -> Option<u8> {
    let (_, rest) = line
        .split_once("[buf")
        .or_else(|| line.split_once(" UBU"))?;
    let (number, _) = rest.split_once('%')?;
    let number = number.trim();
    let whole = number.split_once('.').map_or(number, |(whole, _)| whole);
    whole.parse().ok().filter(|percent| *percent <= 100)
}

/// A way in for the fuzz targets: what the burning program prints.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let heard = Heard::default();
    let last = listen(bytes, &mut |line| heard.line(line));
    assert!(last.len() <= TAIL);
    bad_sector(last.iter());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cdrskin 1.5.4 and growisofs 7.1 printed it; what is printed over itself ends with a carriage return.
    #[test]
    fn what_is_printed_is_cut_into_lines_and_its_numbers_are_heard() {
        let printed = "Current: DVD+R\ninput buffer ready.\nStarting new track at sector: 1600\n\
                       \rTrack 01:    1 of    7 MB written [buf  50%]   5.7x.\rTrack 01:    2 of    7 MB \
                       written [buf  63%]   1.8x.\nFixating...\n\ncdrskin: burning done\n";
        let heard = Heard::default();
        assert_eq!((heard.start(), heard.buffer()), (None, None));
        let last = listen(printed.as_bytes(), &mut |line| heard.line(line));
        assert_eq!((heard.start(), heard.buffer()), (Some(1600), Some(63)));
        assert_eq!(last.len(), TAIL);
        assert_eq!(
            last.last().map(String::as_str),
            Some("cdrskin: burning done")
        );
        assert!(last.iter().any(|line| line.starts_with("Track 01:    2")));
    }

    #[test]
    fn what_failed_is_told_and_not_how_far_it_came() {
        let lines = |text: &[&str]| {
            text.iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        };
        let told = lines(&[
            "Track 01:    2 of    2 MB written [buf   0%]  20.1x.",
            "Fixating...",
            "Min drive buffer fill was 50%",
            "cdrskin: burning failed",
        ]);
        let errors = lines(&[
            "cdrskin: working post-track (burning since 1 seconds)        cdrskin: FAILURE : Failed to close session (2).",
            "cdrskin: formatting ( done 2.2% , 1 seconds elapsed )          ",
            "",
        ]);
        assert_eq!(
            reasons(&errors, &told),
            [
                "cdrskin: FAILURE : Failed to close session (2).",
                "cdrskin: burning failed"
            ]
        );
        assert_eq!(reasons(&[], &told), ["cdrskin: burning failed"]);
    }

    #[test]
    fn each_program_tells_in_its_way_where_writing_failed() {
        for (line, expected) in [
            (
                "cdrskin: FATAL : CDB= WRITE(10) : 2a 00 00 00 07 d0 00 00 10 00  : dxfer_len= 32768",
                Some(2000),
            ),
            (
                ":-[ WRITE@LBA=90h failed with SK=3h/WRITE ERROR]: Input/output error",
                Some(144),
            ),
            ("CDB:  2A 00 00 01 00 9F 00 00 1F 00", Some(0x1_009f)),
            ("cdrskin: FATAL : CDB= CLOSE TRACK/SESSION : 5b 00 02", None),
            ("CDB:  2A 00 00", None),
            ("WRITE@LBA=", None),
        ] {
            assert_eq!(sector_of(line), expected, "{line}");
        }
    }

    #[test]
    fn each_program_tells_of_the_drives_buffer_in_its_way() {
        for (line, expected) in [
            (
                "Track 01:    1 of    7 MB written (fifo 100%) [buf  99%]   4.0x.",
                Some(99),
            ),
            (
                "   98304/ 4079616 ( 2.4%) @1.0x, remaining 0:41 RBU 100.0% UBU  91.7%",
                Some(91),
            ),
            (
                "   98304/ 4079616 ( 2.4%) @0x, remaining ??:?? RBU   0.0% UBU   0.0%",
                Some(0),
            ),
            ("Track 01: writing [buf", None),
            ("[buf 300%]", None),
            ("", None),
        ] {
            assert_eq!(drive_buffer(line), expected, "{line}");
        }
    }
}
