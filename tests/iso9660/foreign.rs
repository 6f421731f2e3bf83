//! The foreign readers. Each gets an image and a directory to extract to, or gives the paths that it sees.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Runs a program; what it says on standard output. Anything but success fails the test with all that it said.
pub fn run(program: &str, arguments: &[&OsStr]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn words<'a>(words: &'a [&'a str]) -> Vec<&'a OsStr> {
    words.iter().map(OsStr::new).collect()
}

fn stdio(image: &Path) -> String {
    format!("stdio:{}", image.display())
}

/// Which session of a disc.
#[derive(Clone, Copy)]
pub enum Which {
    Newest,
    Number(usize),
    Sector(u32),
}

fn load(which: Which) -> Vec<String> {
    match which {
        Which::Newest => Vec::new(),
        Which::Number(number) => vec!["-load".into(), "session".into(), number.to_string()],
        Which::Sector(sector) => vec!["-load".into(), "sbsector".into(), sector.to_string()],
    }
}

/// Extracts everything with xorriso.
pub fn xorriso_extract(image: &Path, which: Which, to: &Path) {
    let dev = stdio(image);
    let load = load(which);
    let mut all: Vec<&str> = vec!["-osirrox", "on:o_excl_off", "-abort_on", "FAILURE"];
    all.extend(load.iter().map(String::as_str));
    let to = to.to_str().unwrap();
    all.extend(["-indev", &dev, "-extract", "/", to]);
    run("xorriso", &words(&all));
}

/// Start and volume identifier of the sessions that xorriso finds.
pub fn xorriso_sessions(image: &Path) -> Vec<(u32, String)> {
    let dev = stdio(image);
    let text = run("xorriso", &words(&["-indev", &dev, "-toc"]));
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("ISO session  :"))
        .map(|line| {
            let fields: Vec<&str> = line.splitn(4, ',').map(str::trim).collect();
            (fields[1].parse().unwrap(), fields[3].to_owned())
        })
        .collect()
}

/// Extracts everything with bsdtar, from the volume that the head of the image shows.
pub fn bsdtar_extract(image: &Path, to: &Path) {
    run(
        "bsdtar",
        &[
            OsStr::new("-xpf"),
            image.as_os_str(),
            OsStr::new("-C"),
            to.as_os_str(),
        ],
    );
}

/// Which names isoinfo shall show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    RockRidge,
    Joliet,
}

/// The paths that isoinfo sees in the session at a sector. Names must have no newline.
pub fn isoinfo_paths(image: &Path, shown: Shown, session: u32) -> BTreeSet<Vec<u8>> {
    let option = match shown {
        Shown::RockRidge => "-R",
        Shown::Joliet => "-J",
    };
    let session = session.to_string();
    let options = [option, "-f", "-T", &session, "-i"];
    let mut all = words(&options);
    all.push(image.as_os_str());
    run("isoinfo", &all)
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"/"))
        .map(|path| path.strip_suffix(b";1").unwrap_or(path).to_vec())
        .collect()
}
