//! What a person does to a drive by hand, and faults to order: words on a socket, one request a connection.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::drive::{Drive, FailedClose};

/// Words, and what they do.
pub const HELP: &str = "\
insert FILE         another disc, the tray closed    empty            no disc, the tray closed
button              opens or closes the tray, unless it is locked
state               what is in, and how it is        power            the current goes away and comes back
rate BYTES|none     how fast is written              slow MS          how long closing and blanking take
fail write SECTOR   once                             fail read FIRST [COUNT]
fail close real|false                                stall SECTOR MS  once
unknown CODE        a command (hexadecimal) that the drive does not know
poor                GET CONFIGURATION tells little   rom              closed discs call themselves ROM
links N             sectors that are counted to a track and cannot be read
well                no faults any more
commands            those since the last time it was asked, with milliseconds; repeated ones once, reads and writes not one by one
";

/// Sends words to a drive's socket and gives its answer.
pub fn send(socket: &Path, words: &[String]) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    writeln!(stream, "{}", words.join(" "))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.strip_prefix("no: ") {
        Some(why) => Err(io::Error::other(why.trim_end().to_owned())),
        None => Ok(answer),
    }
}

/// Answers requests.
pub fn serve(listener: &UnixListener, drive: &Arc<Mutex<Drive>>) -> io::Result<()> {
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut drive = drive.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match obey(&mut drive, &words) {
            Ok(answer) => answer,
            Err(error) => format!("no: {error}\n"),
        };
        drop(drive);
        // whoever asked may be gone
        let _ = stream.write_all(answer.as_bytes());
    }
    Ok(())
}

fn obey(drive: &mut Drive, words: &[&str]) -> io::Result<String> {
    match words {
        ["insert", path] => drive.change(Some(Path::new(path)))?,
        ["empty"] => drive.change(None)?,
        ["button"] => drive.press_button(),
        ["power"] => drive.lose_power()?,
        ["state"] => return Ok(drive.describe()),
        ["rate", "none"] => drive.sink.rate = None,
        ["rate", bytes] => drive.sink.rate = Some(number(bytes)?),
        ["slow", time] => drive.slowness = Duration::from_millis(number(time)?),
        ["fail", "write", sector] => drive.faults.write = Some(number(sector)?),
        ["fail", "read", first] => drive.faults.read.push((number(first)?, 1)),
        ["fail", "read", first, count] => drive.faults.read.push((number(first)?, number(count)?)),
        ["fail", "close", "real"] => drive.faults.close = Some(FailedClose::Open),
        ["fail", "close", "false"] => drive.faults.close = Some(FailedClose::Closed),
        ["stall", sector, time] => {
            let time = Duration::from_millis(number(time)?);
            drive.faults.stall = Some((number(sector)?, time));
        }
        ["unknown", code] => {
            let code = u8::from_str_radix(code, 16).map_err(io::Error::other)?;
            drive.faults.unknown.push(code);
        }
        ["poor"] => drive.faults.poor = true,
        ["rom"] => drive.faults.closed_is_rom = true,
        ["links", count] => drive.faults.link_blocks = number(count)?,
        ["commands"] => return Ok(drive.heard.take()),
        ["well"] => drive.faults = crate::drive::Faults::default(),
        _ => {
            return Err(io::Error::other(format!(
                "what is `{}`?\n{HELP}",
                words.join(" ")
            )));
        }
    }
    Ok(String::new())
}

fn number<T: std::str::FromStr>(word: &str) -> io::Result<T> {
    let wrong = || io::Error::other(format!("`{word}` is no number"));
    word.parse().map_err(|_| wrong())
}
