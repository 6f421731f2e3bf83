//! The old copy protocol of `scp`, as far as Cedar Backup's three lines go.
//!
//! The side that has the files says `Cmode size name`, waits for a zero byte, sends the bytes and a zero byte, and
//! waits for another one. A byte 1 and a line is a complaint.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::FileType;

use super::{Allowed, Directory, Served};
use crate::peer::STAGED;
use crate::peer::transport::LONGEST_INDICATOR;

/// Sends the file `only`, or every file that the shell's `*` would name.
pub(super) fn send(
    allowed: &Allowed,
    only: Option<&str>,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> io::Result<Served> {
    accepted(input)?;
    let dir = match Directory::open(&allowed.collect_dir) {
        Ok(dir) => dir,
        Err(error) => return complain(output, allowed.collect_dir.as_os_str(), &error),
    };
    let names = match only {
        Some(name) => vec![OsString::from(name)],
        None => match dir.names() {
            Ok(mut names) => {
                names.retain(|name| !name.as_bytes().starts_with(b"."));
                names
            }
            Err(error) => return complain(output, allowed.collect_dir.as_os_str(), &error),
        },
    };
    let mut served = Served::Yes;
    if names.is_empty() {
        served = complain(output, OsStr::new("*"), &io::ErrorKind::NotFound.into())?;
    }
    for name in names {
        if name.as_bytes().contains(&b'\n') {
            let error = io::Error::other("a name with a line's end cannot be sent");
            served = complain(output, &name, &error)?;
            continue;
        }
        let (file, stat) = match dir.file(&name) {
            Ok(opened) => opened,
            Err(error) => {
                served = complain(output, &name, &error)?;
                continue;
            }
        };
        debug_assert_eq!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile);
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        let head = format!("C{:04o} {bytes} ", stat.st_mode & 0o777);
        output.write_all(&[head.as_bytes(), name.as_bytes(), b"\n"].concat())?;
        output.flush()?;
        accepted(input)?;
        let sent = io::copy(&mut (&file).take(bytes), output)?;
        // What was announced has to be sent; the complaint says that it is not the file.
        io::copy(&mut io::repeat(0).take(bytes - sent), output)?;
        if sent < bytes {
            served = complain(output, &name, &io::Error::other("it shrank"))?;
        } else {
            output.write_all(&[0])?;
            output.flush()?;
        }
        accepted(input)?;
    }
    Ok(served)
}

/// Receives `cback.stage`.
pub(super) fn receive(
    allowed: &Allowed,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> io::Result<Served> {
    let mut accept = || -> io::Result<()> {
        output.write_all(&[0])?;
        output.flush()
    };
    accept()?;
    let bytes = loop {
        let mut line = Vec::new();
        input.take(4096).read_until(b'\n', &mut line)?;
        match line.first() {
            // The times of the file, which nobody needs.
            Some(b'T') => accept()?,
            Some(b'C') => break size(&line),
            _ => return Ok(Served::Failed),
        }
    };
    let Some(bytes) = bytes.filter(|bytes| *bytes <= LONGEST_INDICATOR) else {
        return complain(
            output,
            OsStr::new(STAGED),
            &io::Error::other("it is too long"),
        );
    };
    accept()?;
    let mut text = Vec::new();
    input.take(bytes).read_to_end(&mut text)?;
    accepted(input)?;
    let written =
        Directory::open(&allowed.collect_dir).and_then(|dir| dir.write(OsStr::new(STAGED), &text));
    match written {
        Ok(()) => {
            output.write_all(&[0])?;
            output.flush()?;
            Ok(Served::Yes)
        }
        Err(error) => complain(output, OsStr::new(STAGED), &error),
    }
}

/// The size in a line `Cmode size name`.
fn size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

/// Waits for the other side's zero byte.
fn accepted(input: &mut dyn Read) -> io::Result<()> {
    let mut byte = [1];
    input.read_exact(&mut byte)?;
    match byte {
        [0] => Ok(()),
        _ => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

fn complain(output: &mut dyn Write, name: &OsStr, error: &io::Error) -> io::Result<Served> {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        _ => error.to_string(),
    };
    let name = crate::event::printable_bytes(name.as_bytes());
    output.write_all(format!("\u{1}scp: {name}: {reason}\n").as_bytes())?;
    output.flush()?;
    Ok(Served::Failed)
}
