//! The agent's side of the talk with a master of ours.

use std::ffi::OsStr;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::FileType;

use super::directory::mark;
use super::files::Files;
use super::{Allowed, Directory, Served};
use crate::peer::transport::LONGEST_INDICATOR;
use crate::peer::wire::{GREETING, HELLO, send, take, trouble};
use crate::peer::{COLLECTED, STAGED};

/// Bytes of small answers that go together. What is longer goes at once.
const GATHERED: usize = 64 << 10;

/// Answers until the master has no more questions.
pub(super) fn talk(
    allowed: &Allowed,
    input: &mut BufReader<&mut dyn Read>,
    output: &mut dyn Write,
    pipe: Option<BorrowedFd<'_>>,
) -> io::Result<Served> {
    // Many small answers go together.
    let output = &mut BufWriter::with_capacity(GATHERED, output);
    let mut files = Files::new(pipe);
    output.write_all(GREETING)?;
    output.flush()?;
    let mut hello = [0; HELLO.len()];
    input.read_exact(&mut hello)?;
    if hello != HELLO {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut question = Vec::new();
    let mut open = None;
    while let Some(letter) = take(input, &mut question)? {
        if letter != b'G' {
            // Files are asked for thousands at a time, in the directory that was looked at before.
            open = None;
        }
        let outcome = match letter {
            b'X' => execute(allowed, &question, output)?,
            // The master names the directory that it means.
            b'I' if Path::new(OsStr::from_bytes(&question)) != allowed.collect_dir.as_path() => {
                Err(io::ErrorKind::NotFound.into())
            }
            _ => {
                let opened = match open.take() {
                    Some(dir) => Ok(dir),
                    None => Directory::open(&allowed.collect_dir),
                };
                match opened {
                    Ok(dir) => {
                        let dir = open.insert(dir);
                        answer(dir, letter, &question, &mut files, output)?
                    }
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = outcome {
            let kind = match error.kind() {
                io::ErrorKind::NotFound => trouble::ABSENT,
                io::ErrorKind::PermissionDenied if letter == b'X' => trouble::FORBIDDEN,
                io::ErrorKind::Interrupted => trouble::CHANGED,
                _ => trouble::FAILED,
            };
            send(output, b'!', &[&[kind], error.to_string().as_bytes()])?;
        }
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(Served::Yes)
}

/// Answers one question. The outer error is that of the way to the master.
fn answer(
    dir: &Directory,
    letter: u8,
    question: &[u8],
    files: &mut Files<'_>,
    output: &mut dyn Write,
) -> io::Result<io::Result<()>> {
    match letter {
        b'I' => match indicator(dir) {
            Ok(Some((staged, mark, text))) => {
                send(output, b'I', &[&[staged], &mark, &text]).map(Ok)
            }
            Ok(None) => send(output, b'N', &[]).map(Ok),
            Err(error) => Ok(Err(error)),
        },
        b'L' => list(dir, output),
        b'G' => {
            let Some((from, name)) = question.split_first_chunk::<8>() else {
                return Ok(Err(io::ErrorKind::InvalidInput.into()));
            };
            let (name, from) = (OsStr::from_bytes(name), u64::from_be_bytes(*from));
            files.send(dir, name, from, output)
        }
        b'P' if question.len() as u64 > LONGEST_INDICATOR => {
            Ok(Err(io::Error::other("it is too long")))
        }
        b'P' => match dir.write(OsStr::new(STAGED), question) {
            Ok(()) => send(output, b'.', &[]).map(Ok),
            Err(error) => Ok(Err(error)),
        },
        _ => Ok(Err(io::Error::other("that is no question"))),
    }
}

type Indicator = (u8, [u8; 36], Vec<u8>);

fn indicator(dir: &Directory) -> io::Result<Option<Indicator>> {
    let Some(stat) = dir.stat(OsStr::new(COLLECTED))? else {
        return Ok(None);
    };
    let staged = dir.stat(OsStr::new(STAGED))?.is_some_and(|staged| {
        (staged.st_mtime, staged.st_mtime_nsec) >= (stat.st_mtime, stat.st_mtime_nsec)
    });
    let mut text = Vec::new();
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        let (file, _) = dir.file(OsStr::new(COLLECTED))?;
        file.take(LONGEST_INDICATOR).read_to_end(&mut text)?;
    }
    Ok(Some((u8::from(staged), mark(&stat), text)))
}

fn list(dir: &Directory, output: &mut dyn Write) -> io::Result<io::Result<()>> {
    let names = match dir.names() {
        Ok(names) => names,
        Err(error) => return Ok(Err(error)),
    };
    for name in names {
        let stat = match dir.stat(&name) {
            Ok(Some(stat)) => stat,
            Ok(None) => continue,
            Err(error) => return Ok(Err(error)),
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => b'f',
            FileType::Directory => b'd',
            FileType::Symlink => b'l',
            FileType::Fifo => b'p',
            FileType::Socket => b's',
            _ => b'b',
        };
        let bytes = u64::try_from(stat.st_size).unwrap_or(0).to_be_bytes();
        let mode = (stat.st_mode & 0o777).to_be_bytes();
        send(
            output,
            b'E',
            &[&[kind], &bytes, &mark(&stat), &mode, name.as_bytes()],
        )?;
    }
    send(output, b'.', &[]).map(Ok)
}

fn execute(
    allowed: &Allowed,
    question: &[u8],
    output: &mut dyn Write,
) -> io::Result<io::Result<()>> {
    let text = String::from_utf8_lossy(question);
    let words: Vec<&str> = text.split(' ').collect();
    let permitted = words.split_last().is_some_and(|(action, switches)| {
        allowed.actions.iter().any(|own| own.as_str() == *action)
            && switches
                .iter()
                .all(|word| matches!(*word, "--full" | "--dry-run"))
    });
    if !permitted {
        let what = format!("`{text}` is not allowed here");
        return Ok(Err(io::Error::new(io::ErrorKind::PermissionDenied, what)));
    }
    let status = run(allowed, &words, &mut |bytes| {
        send(output, b'O', &[bytes])?;
        output.flush()
    });
    match status {
        Some(status) => send(output, b'S', &[&status.to_be_bytes()]).map(Ok),
        None => Ok(Err(io::Error::other("it could not be run"))),
    }
}

/// Runs cback with `words`; what it prints goes to `output`. Gives its exit status.
pub(super) fn run(
    allowed: &Allowed,
    words: &[&str],
    output: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Option<i32> {
    let (program, switches) = allowed.cback.split_first()?;
    let (mut reader, writer) = io::pipe().ok()?;
    let mut command = Command::new(program);
    command
        .args(switches)
        .args(words)
        .env_remove("SSH_ORIGINAL_COMMAND")
        .stdin(Stdio::null())
        .stdout(writer.try_clone().ok()?)
        .stderr(writer);
    let mut child = command.spawn().ok()?;
    // It holds our ends of the pipe.
    drop(command);
    let mut buffer = vec![0; 1 << 14];
    let mut master = Ok(());
    loop {
        match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            // A master that has gone does not stop what it began.
            Ok(got) if master.is_ok() => master = output(&buffer[..got]),
            Ok(_) => {}
        }
    }
    let status = child.wait().ok()?;
    Some(status.code().unwrap_or(1))
}
