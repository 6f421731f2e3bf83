//! A virtual drive that burns CD, DVD and Blu-ray discs, for tests: an iSCSI target that speaks MMC-6.
//!
//! A kernel that logs in with its own initiator (`iscsistart`) shows it as `/dev/sr0`, and every burning program works on it
//! as it is. Discs are pairs of files that can be taken out and put in. It refuses what a real drive refuses: no sector of a
//! disc that is written once is written twice, nothing is read that was not written, a disc that is closed takes nothing.
//! Faults can be ordered on its control socket. Written after the published standards: MMC-6, SPC-3, RFC 7143.

// Fields of commands and answers have fixed widths; what does not fit there does not exist on a disc.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(clippy::cast_possible_wrap, clippy::cast_precision_loss)]

mod answer;
mod bytes;
mod control;
mod disc;
mod drive;
mod iscsi;
mod sense;

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use disc::{Disc, Kind};
use drive::Drive;

/// The target's name.
pub const TARGET: &str = "iqn.2026-01.test:burner";

const USAGE: &str = "\
virtual-burner new KIND FILE [SECTORS]      a blank disc; KIND: cd-r cd-rw dvd-r dvd-rw dvd-rw-restricted
                                            dvd-r-dl dvd-ram dvd+r
                                            dvd+r-dl dvd+rw bd-r bd-r-dl bd-r-tl bd-r-ql bd-re bd-re-dl bd-re-tl
virtual-burner pretend FILE SECTOR          the only session of a disc that is in no drive ends there
virtual-burner serve ADDRESS SOCKET [FILE]  a drive at an address (127.0.0.1:3260), with a disc in it
virtual-burner tell SOCKET WORDS            does something to a drive:
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(answer) => {
            print!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("virtual-burner: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> io::Result<String> {
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    match texts.as_slice() {
        ["new", kind, file, rest @ ..] => {
            let restricted = *kind == "dvd-rw-restricted";
            let known = Kind::with_sectors(if restricted { "dvd-rw" } else { kind });
            let (kind, usual) = known.ok_or_else(|| io::Error::other(format!("no kind {kind}")))?;
            let sectors = rest
                .first()
                .map(|word| word.parse().map_err(io::Error::other));
            let file = Path::new(file);
            Disc::create(file, kind, sectors.transpose()?.unwrap_or(usual))?;
            if restricted {
                Disc::restrict(file)?;
            }
            Ok(String::new())
        }
        ["pretend", file, sector] => {
            Disc::pretend(Path::new(file), sector.parse().map_err(io::Error::other)?)?;
            Ok(String::new())
        }
        ["serve", address, socket, disc @ ..] => {
            serve(address, Path::new(socket), disc.first().map(Path::new))?;
            Ok(String::new())
        }
        ["tell", socket, ..] => control::send(Path::new(socket), &words[2..]),
        _ => Err(io::Error::other(format!(
            "usage:\n{USAGE}{}",
            control::HELP
        ))),
    }
}

fn serve(address: &str, socket: &Path, disc: Option<&Path>) -> io::Result<()> {
    let mut drive = Drive::new();
    if disc.is_some() {
        drive.change(disc)?;
    }
    let drive = Arc::new(Mutex::new(drive));
    let listener = TcpListener::bind(address)?;
    let control = UnixListener::bind(socket)?;
    let controlled = Arc::clone(&drive);
    std::thread::spawn(move || {
        if let Err(error) = control::serve(&control, &controlled) {
            eprintln!("virtual-burner: the control socket failed: {error}");
        }
    });
    iscsi::serve(&listener, &drive)
}
