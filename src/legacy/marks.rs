//! How far Cedar Backup's extensions had come: the last revision of a Subversion repository (`.svnlast`), the time
//! until which a mailbox was dumped (`.mboxlast`).

use std::io;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime};

use super::LegacyError;
use super::pickle::{Op, Ops};

/// No such file is longer.
const LONGEST: u64 = 64 << 10;
/// What a datetime is made of in a pickle.
const FIELDS: usize = 10;

/// The youngest revision that was dumped, from the `.svnlast` file at `path`; `None` if there is none.
pub fn revision(path: &Path) -> Result<Option<u64>, LegacyError> {
    let Some(ops) = load(path)? else {
        return Ok(None);
    };
    let number = match ops[..] {
        [Op::Number(number)] => u64::try_from(number).ok(),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| unsound(path, "it is no number of a revision"))
}

/// The local time until which a mailbox was dumped, from the `.mboxlast` file at `path`; `None` if there is none.
pub fn dumped_until(path: &Path) -> Result<Option<NaiveDateTime>, LegacyError> {
    let Some(ops) = load(path)? else {
        return Ok(None);
    };
    time(&ops)
        .map(Some)
        .ok_or_else(|| unsound(path, "it is no time"))
}

fn unsound(path: &Path, reason: &str) -> LegacyError {
    LegacyError::Unsound {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// All instructions up to the end, but for those that only number values.
fn load(path: &Path) -> Result<Option<Vec<Op>>, LegacyError> {
    let read = || -> io::Result<Vec<u8>> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        std::fs::File::open(path)?
            .take(LONGEST)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => instructions(&bytes)
            .map(Some)
            .map_err(|error| unsound(path, &error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LegacyError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

fn instructions(bytes: &[u8]) -> io::Result<Vec<Op>> {
    let mut ops = Ops::new(bytes, 0);
    let mut all = Vec::new();
    loop {
        match ops.next_op()? {
            Op::Stop => break,
            Op::Put(_) => {}
            op => all.push(op),
        }
    }
    if ops.is_at_end()? {
        Ok(all)
    } else {
        let reason = "something follows its end";
        Err(io::Error::new(io::ErrorKind::InvalidData, reason))
    }
}

/// The time that the instructions would build.
fn time(ops: &[Op]) -> Option<NaiveDateTime> {
    let [class, Op::Mark, state @ .., Op::Tuple, Op::Reduce] = ops else {
        return None;
    };
    let is_global = |op: &Op, module: &[u8], name: &[u8]| matches!(op, Op::Global(m, n) if m == module && n == name);
    if !is_global(class, b"datetime", b"datetime") {
        return None;
    }
    let bytes: Vec<u8> = match state {
        [Op::Bytes(bytes)] => bytes.clone(),
        [
            encode,
            Op::Mark,
            Op::Text(text),
            Op::Text(encoding),
            Op::Tuple,
            Op::Reduce,
        ] if is_global(encode, b"_codecs", b"encode")
            && encoding.iter().copied().eq("latin1".bytes().map(u32::from)) =>
        {
            let bytes = text.iter().map(|&code| u8::try_from(code).ok());
            bytes.collect::<Option<_>>()?
        }
        _ => return None,
    };
    let fields: [u8; FIELDS] = bytes.try_into().ok()?;
    let [high, low, month, day, hour, minute, second, micro @ ..] = fields.map(u32::from);
    let year = i32::try_from(high << 8 | low).ok()?;
    let micros = micro.into_iter().fold(0, |all, byte| all << 8 | byte);
    // The highest bit of the month tells the second one of two equal hours in autumn.
    NaiveDate::from_ymd_opt(year, month & 0x7f, day)?.and_hms_micro_opt(
        hour,
        minute,
        second,
        Some(micros).filter(|micros| *micros < 1_000_000)?,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn what_python_2_7_wrote_itself_is_read() {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cedar2");
        for (name, expected) in [
            ("small.svnlast", 42),
            ("long.svnlast", 42),
            ("large.svnlast", 1 << 40),
        ] {
            let read = revision(&place.join(name)).unwrap();
            assert_eq!(read, Some(expected), "{name}");
        }
        for (name, expected) in [
            ("full.mboxlast", "2026-11-15T02:03:04.567890"),
            ("whole.mboxlast", "2026-11-10T10:13:39"),
        ] {
            let read = dumped_until(&place.join(name)).unwrap();
            assert_eq!(read, expected.parse().ok(), "{name}");
        }
    }

    #[test]
    fn revisions_of_both_versions_are_read() {
        for (pickled, expected) in [
            (&b"I42\n."[..], Some(42)),
            (b"L42L\n.", Some(42)),
            (b"L4294967296L\n.", Some(1 << 32)),
            (b"I0\n.", Some(0)),
            (b"K\x07.", Some(7)),
            (b"I-1\n.", None),
            (b"I42\n", None),
            (b"I42\nI43\n.", None),
            (b"I42\n.x", None),
            (b"Iforty\n.", None),
            (b"L99999999999999999999L\n.", None),
            (b"cos\nsystem\n(S'true'\ntR.", None),
            (b"", None),
        ] {
            let file = file(pickled);
            let read = revision(file.path()).ok().flatten();
            assert_eq!(read, expected, "{}", pickled.escape_ascii());
        }
        assert!(matches!(revision(Path::new("/nonexistent")), Ok(None)));
        assert!(matches!(
            revision(file(b"I-1\n.").path()),
            Err(LegacyError::Unsound { .. })
        ));
    }

    #[test]
    fn times_of_both_versions_are_read() {
        let v3 = b"cdatetime\ndatetime\np0\n(c_codecs\nencode\np1\n(V\x07\xea\\u000b\x15\x02\x1e\x07\x01\xe2@\np2\n\
                   Vlatin1\np3\ntp4\nRp5\ntp6\nRp7\n.";
        let v2 = b"cdatetime\ndatetime\np0\n(S'\\x07\\xea\\x0b\\x15\\x02\\x1e\\x07\\x01\\xe2@'\np1\ntp2\nRp3\n.";
        let expected = NaiveDate::from_ymd_opt(2026, 11, 21)
            .unwrap()
            .and_hms_micro_opt(2, 30, 7, 123_456);
        for pickled in [&v3[..], v2] {
            assert_eq!(dumped_until(file(pickled).path()).unwrap(), expected);
        }
        for pickled in [
            &b"cdatetime\ndate\np0\n(S'\\x07\\xea\\x0b\\x15\\x02\\x1e\\x07\\x01\\xe2@'\ntR."[..],
            b"cos\nsystem\n(S'\\x07\\xea\\x0b\\x15\\x02\\x1e\\x07\\x01\\xe2@'\ntR.",
            b"cdatetime\ndatetime\n(S'\\x07\\xea\\x0d\\x15\\x02\\x1e\\x07\\x01\\xe2@'\ntR.",
            b"cdatetime\ndatetime\n(S'\\x07\\xea\\x0b\\x15\\x02\\x1e\\x07\\x01\\xe2'\ntR.",
            b"I42\n.",
        ] {
            assert!(dumped_until(file(pickled).path()).is_err());
        }
        assert!(matches!(dumped_until(Path::new("/nonexistent")), Ok(None)));
    }
}
