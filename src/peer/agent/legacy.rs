//! The old copy protocol of `scp`, as far as Cedar Backup's three lines go.
//!
//! The side that has the files says `Cmode size name`, waits for a zero byte, sends the bytes and a zero byte, and
//! waits for another one. A byte 1 and a line is a complaint.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{FileType, fstat};

use super::directory::mark;
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
        let (sent, mut trouble) = pass_on(&file, bytes, output)?;
        // What was announced has to be sent; the complaint says that it is not the file.
        io::copy(&mut io::repeat(0).take(bytes - sent), output)?;
        if trouble.is_ok() && fstat(&file).is_ok_and(|now| mark(&now) != mark(&stat)) {
            trouble = Err(io::Error::other("it changed while it was sent"));
        }
        if let Err(error) = trouble {
            served = complain(output, &name, &error)?;
        } else {
            output.write_all(&[0])?;
            output.flush()?;
        }
        accepted(input)?;
    }
    Ok(served)
}

/// Sends `bytes` of `file`, or as many as can be read. Gives how many these were, and why there are no more. The outer
/// error is that of the way to the master.
fn pass_on(
    mut file: &File,
    bytes: u64,
    output: &mut dyn Write,
) -> io::Result<(u64, io::Result<()>)> {
    let mut buffer = vec![0; 1 << 17];
    let mut sent = 0;
    while sent < bytes {
        let most =
            usize::try_from(bytes - sent).map_or(buffer.len(), |left| left.min(buffer.len()));
        match file.read(&mut buffer[..most]) {
            Ok(0) => return Ok((sent, Err(io::Error::other("it shrank")))),
            Ok(got) => {
                output.write_all(&buffer[..got])?;
                sent += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok((sent, Err(error))),
        }
    }
    Ok((sent, Ok(())))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::AbsPath;

    #[test]
    fn a_file_that_cannot_be_read_costs_the_others_nothing() {
        // The kernel's own files: of some size each, and the speed of this network cannot be read.
        let dir = "/sys/class/net/lo";
        std::fs::read(format!("{dir}/speed")).unwrap_err();
        let allowed = Allowed {
            collect_dir: AbsPath::new(dir).unwrap(),
            actions: Vec::new(),
            cback: Vec::new(),
        };
        let mut sent = Vec::new();
        let served = send(&allowed, None, &mut [0; 10_000].as_slice(), &mut sent).unwrap();
        assert_eq!(served, Served::Failed);
        let told = String::from_utf8_lossy(&sent);
        assert!(
            told.contains("\u{1}scp: speed: Invalid argument"),
            "{told:?}"
        );
        assert!(told.contains(" tx_queue_len\n"), "{told:?}");
    }
}
