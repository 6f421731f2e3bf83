//! Digest files of Cedar Backup: the SHA-1 of every regular file that a source had when it was last collected.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha1::Digest as _;

use super::LegacyError;
use super::pickle::{Op, Ops, name};
use crate::units::Digest;

/// Values that wait for their map; Python writes at most a thousand pairs at once.
const DEEPEST: usize = 4096;
/// Numbers that may be left out when values are numbered.
const GAP: u64 = 16;

/// Where Cedar Backup keeps the digests of the source whose archives have that stem.
pub fn digests_path(working_dir: &Path, stem: &OsStr) -> PathBuf {
    let mut name = stem.to_owned();
    name.push(".sha");
    working_dir.join(name)
}

/// SHA-1 of some bytes: what Cedar Backup calls unchanged. Write the bytes to [`Sha1::hasher`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha1([u8; 20]);

impl Sha1 {
    /// The digest that `hex`, 40 digits, stands for.
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        let mut digest = [0; 20];
        if hex.len() != 40 {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
        }
        Some(Self(digest))
    }

    /// The digest of everything that `write` writes.
    pub fn of<T>(write: impl FnOnce(&mut dyn Write) -> T) -> (Self, T) {
        struct Sink(sha1::Sha1);
        impl Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = Sink(sha1::Sha1::new());
        let written = write(&mut sink);
        (Self(sink.0.finalize().into()), written)
    }
}

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The digests of one source. Holds 36 bytes a file, whatever their paths.
pub struct Digests {
    /// A digest of the path, and that of the file; ascending.
    files: Vec<([u8; 16], Sha1)>,
    written: SystemTime,
}

impl Digests {
    /// Reads the digest file at `path`; `None` if there is none.
    pub fn load(path: &Path) -> Result<Option<Self>, LegacyError> {
        let fault = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidData => LegacyError::Unsound {
                path: path.to_owned(),
                reason: source.to_string(),
            },
            _ => LegacyError::Io {
                path: path.to_owned(),
                source,
            },
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        let written = file.metadata().and_then(|stat| stat.modified());
        Ok(Some(Self {
            written: written.map_err(fault)?,
            files: parse(BufReader::with_capacity(1 << 16, file)).map_err(fault)?,
        }))
    }

    /// The digest that the file at the absolute `path` had; `None` if there was none.
    pub fn get(&self, path: &Path) -> Option<Sha1> {
        let key = key(path.as_os_str().as_bytes());
        let at = self.files.binary_search_by_key(&key, |file| file.0).ok()?;
        Some(self.files[at].1)
    }

    /// When Cedar Backup wrote them: after it had written the archive.
    pub fn written(&self) -> SystemTime {
        self.written
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} digests", self.files.len())
    }
}

/// What stands for a path: no two ever have the same.
fn key(path: &[u8]) -> [u8; 16] {
    let digest = Digest::of(path);
    let mut key = [0; 16];
    key.copy_from_slice(&digest.as_bytes()[..16]);
    key
}

/// What Cedar Backup's instructions can put on the stack.
enum Value {
    Mark,
    /// There is one map only, and nothing but pairs of a path and a digest goes into it.
    Map,
    /// A text; and where its instruction stands, so that it can be had again.
    Text(Vec<u8>, u64),
    /// A text that is no file's name.
    Nameless(u64),
}

fn unsound(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

/// Follows the instructions. The paths themselves are forgotten at once.
fn parse<R: Read + Seek>(input: BufReader<R>) -> io::Result<Vec<([u8; 16], Sha1)>> {
    let mut ops = Ops::new(input, 0);
    let mut stack: Vec<Value> = Vec::new();
    let mut files: Vec<([u8; 16], Sha1)> = Vec::new();
    let mut numbered = Numbered::default();
    loop {
        let at = ops.position();
        match ops.next_op()? {
            Op::Mark => stack.push(Value::Mark),
            Op::EmptyDict => stack.push(Value::Map),
            Op::Dict => match stack.pop() {
                Some(Value::Mark) => stack.push(Value::Map),
                _ => return Err(unsound("a map is not built as it should be")),
            },
            Op::Text(text) => stack.push(text_value(&text, at)),
            Op::Bytes(text) => stack.push(Value::Text(text, at)),
            Op::Put(number) => numbered.put(number, stack.last())?,
            Op::Get(number) => {
                let place = numbered.get(number)?;
                let value;
                (value, ops) = text_at(ops, place)?;
                stack.push(value);
            }
            Op::SetItem => {
                let (value, key) = (stack.pop(), stack.pop());
                if !matches!(stack[..], [Value::Map]) {
                    return Err(unsound("a digest is outside of the map"));
                }
                files.extend(pair(key, value).ok_or_else(|| unsound("a digest is none"))?);
            }
            Op::SetItems => {
                let mark = stack
                    .iter()
                    .rposition(|value| matches!(value, Value::Mark))
                    .filter(|&mark| matches!(stack[..mark], [Value::Map]))
                    .ok_or_else(|| unsound("digests are outside of the map"))?;
                let mut pairs = stack.drain(mark..).skip(1);
                while let Some(key) = pairs.next() {
                    let pair = pair(Some(key), pairs.next());
                    files.extend(pair.ok_or_else(|| unsound("a digest is none"))?);
                }
            }
            Op::Stop => break,
            Op::Number(_) | Op::Global(..) | Op::Tuple | Op::Reduce => {
                return Err(unsound("it has more than paths and digests"));
            }
        }
        if stack.len() > DEEPEST {
            return Err(unsound("it is nested too deeply"));
        }
    }
    if !matches!(stack[..], [Value::Map]) || !ops.is_at_end()? {
        return Err(unsound("it does not end with its map"));
    }
    // The last one of a path counts; the sort keeps their order.
    files.sort_by_key(|file| file.0);
    files.reverse();
    files.dedup_by_key(|file| file.0);
    files.reverse();
    Ok(files)
}

/// Of every numbered value the place of its instruction; `u64::MAX` is the map, or nothing.
#[derive(Default)]
struct Numbered(Vec<u64>);

impl Numbered {
    fn put(&mut self, number: u64, value: Option<&Value>) -> io::Result<()> {
        let place = match value {
            Some(Value::Text(_, at) | Value::Nameless(at)) => *at,
            Some(Value::Map) => u64::MAX,
            _ => return Err(unsound("nothing is there to be numbered")),
        };
        if number > self.0.len() as u64 + GAP {
            return Err(unsound("its values are not numbered in order"));
        }
        let number = usize::try_from(number).unwrap_or(0);
        if number >= self.0.len() {
            self.0.resize(number + 1, u64::MAX);
        }
        self.0[number] = place;
        Ok(())
    }

    fn get(&self, number: u64) -> io::Result<u64> {
        let place = usize::try_from(number).ok();
        let place = place.and_then(|number| self.0.get(number).copied());
        let place = place.filter(|place| *place != u64::MAX);
        place.ok_or_else(|| unsound("it names a value that is not there"))
    }
}

/// The text whose instruction is at `place`; and the instructions again, where they were.
fn text_at<R: Read + Seek>(
    ops: Ops<BufReader<R>>,
    place: u64,
) -> io::Result<(Value, Ops<BufReader<R>>)> {
    let back = ops.position();
    let mut input = ops.into_inner();
    input.seek(SeekFrom::Start(place))?;
    let mut earlier = Ops::new(input, place);
    let value = match earlier.next_op()? {
        Op::Text(text) => text_value(&text, place),
        Op::Bytes(text) => Value::Text(text, place),
        _ => return Err(unsound("it names a value that is no text")),
    };
    let mut input = earlier.into_inner();
    input.seek(SeekFrom::Start(back))?;
    Ok((value, Ops::new(input, back)))
}

fn text_value(text: &[u32], at: u64) -> Value {
    name(text).map_or(Value::Nameless(at), |name| Value::Text(name, at))
}

/// A path and its digest; nothing if no file can have that path. `None` if it is no such pair.
#[allow(clippy::option_option)] // nothing to add is not the same as nothing that could be added
fn pair(path: Option<Value>, digest: Option<Value>) -> Option<Option<([u8; 16], Sha1)>> {
    let Some(Value::Text(hex, _)) = digest else {
        return None;
    };
    let digest = Sha1::from_hex(&hex)?;
    match path? {
        Value::Text(path, _) => Some(Some((key(&path), digest))),
        Value::Nameless(_) => Some(None),
        Value::Mark | Value::Map => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use super::*;

    const A: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const B: &str = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8";

    fn read(pickled: &[u8]) -> io::Result<Digests> {
        // A small buffer: every seam is met.
        let files = parse(BufReader::with_capacity(7, Cursor::new(pickled)))?;
        let written = SystemTime::UNIX_EPOCH;
        Ok(Digests { files, written })
    }

    fn hex(hex: &str) -> Sha1 {
        Sha1::from_hex(hex.as_bytes()).unwrap()
    }

    #[test]
    fn what_python_2_7_wrote_itself_is_read() {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cedar2");
        let digests = Digests::load(&place.join("home-ada.sha")).unwrap().unwrap();
        let names: [&[u8]; 9] = [
            b"plain",
            "café".as_bytes(),
            b"it's \"quoted\"",
            b"it's",
            b"back\\slash",
            b"new\nline",
            b"tab\tcr\r",
            b"latin1-\xe9",
            b"nul-free-\x01\x7f",
        ];
        assert_eq!(digests.files.len(), names.len());
        for name in names {
            let path = [b"/home/ada/", name].concat();
            let (own, written) = Sha1::of(|hash| hash.write_all(&path));
            written.unwrap();
            let path = Path::new(OsStr::from_bytes(&path));
            assert_eq!(digests.get(path), Some(own), "{path:?}");
        }
        let empty = Digests::load(&place.join("empty.sha")).unwrap().unwrap();
        assert!(empty.files.is_empty());
    }

    #[test]
    fn digests_of_both_versions_are_read() {
        let v3 = format!("(dp0\nV/a/\u{fffd}\np1\nV{A}\np2\nsV/b\np3\nV{B}\np4\ns.");
        let v3: Vec<u8> = v3.replace('\u{fffd}', "\\udce9").into_bytes();
        let v2 = format!("(dp1\nS'/a/\\xe9'\np2\nS'{A}'\np3\nsS\"/b\"\np4\nS'{B}'\np5\ns.");
        let binary = [
            &b"\x80\x02}q\0(X\x06\0\0\0/a/\xed\xb3\xa9q\x01U\x28"[..],
            A.as_bytes(),
            b"q\x02U\x02/bq\x03U\x28",
            B.as_bytes(),
            b"q\x04u.",
        ]
        .concat();
        for pickled in [v3, v2.into_bytes(), binary] {
            let digests = read(&pickled).unwrap();
            let e = Path::new(OsStr::from_bytes(b"/a/\xe9"));
            assert_eq!(digests.get(e), Some(hex(A)));
            assert_eq!(digests.get(Path::new("/b")), Some(hex(B)));
            assert_eq!(digests.get(Path::new("/c")), None);
            assert_eq!(digests.files.len(), 2);
        }
        assert_eq!(read(b"(dp0\n.").unwrap().files.len(), 0);
    }

    #[test]
    fn a_value_may_be_named_again_and_the_last_digest_of_a_path_counts() {
        let text = format!("(dp0\nV/a\np1\nV{A}\np2\nsV/b\np3\ng2\nsg1\nV{B}\np4\ns.");
        let digests = read(text.as_bytes()).unwrap();
        assert_eq!(digests.get(Path::new("/a")), Some(hex(B)));
        assert_eq!(digests.get(Path::new("/b")), Some(hex(A)));
    }

    #[test]
    fn what_is_no_digest_file_is_not_believed_in_part() {
        let whole = format!("(dp0\nV/a\np1\nV{A}\np2\nsV/b\np3\nV{B}\np4\ns.");
        for end in 0..whole.len() {
            assert!(read(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        for text in [
            format!("(dp0\nV/a\nV{}\ns.", &A[1..]),
            format!("(dp0\nV/a\nV{}\ns.", A.replace('a', "g")),
            format!("(dp0\nV/a\nV{A}\ns.."),
            format!("(dp0\nV/a\nV{A}\n."),
            format!("V/a\nV{A}\ns."),
            format!("(dp0\n(dp1\nV/a\nV{A}\nss."),
            format!("(dp0\ng0\nV{A}\ns."),
            format!("(dp0\ng9\nV{A}\ns."),
            format!("(dp0\nV/a\np99999999999\nV{A}\ns."),
            format!("(dp0\nV/a\nV{A}\nu."),
            "(".repeat(100_000),
            "cos\nsystem\n(S'touch /tmp/owned'\ntR.".to_owned(),
            "I1\n.".to_owned(),
            ".".to_owned(),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:.60}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_becomes_of_the_bytes_reading_them_ends(
            at in 0_usize..400, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..6), cut in 0_usize..6,
        ) {
            let mut text = format!("(dp0\nV/a\np1\nV{A}\np2\nsS'/b'\np3\nV{B}\np4\nsg1\ng4\ns.").into_bytes();
            let at = at.min(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, bytes);
            match read(&text) {
                Ok(digests) => assert!(digests.files.len() <= 3),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
            }
        }
    }

    #[test]
    fn sha_1_is_what_everybody_calls_so() {
        let (digest, ()) = Sha1::of(|to| to.write_all(b"a").unwrap());
        assert_eq!(digest, hex(B));
        assert_eq!(format!("{digest:?}"), B);
    }
}
