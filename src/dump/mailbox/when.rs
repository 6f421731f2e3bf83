//! Dates in messages, as the many programs that deliver mail write them.

use chrono::{DateTime, Datelike as _, Local, NaiveDate, NaiveDateTime};

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Nothing comes later than the beginning of this year.
const END: i32 = 10_000;

/// The date of the line `From sender date` with which `text` begins: `Sat Jan  3 01:05:34 1996`, perhaps without
/// seconds, with a time zone before or after the year; all without regard to that zone.
pub(super) fn of_from_line(text: &[u8]) -> Option<NaiveDateTime> {
    let line = text.split(|&byte| byte == b'\n').next()?;
    let words: Vec<&[u8]> = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .collect();
    // The sender may have blanks in it, and may look like a date: the last month counts.
    let at = words.iter().rposition(|word| month(word).is_some())?;
    let month = month(words[at])?;
    let day = number(words.get(at + 1)?)?;
    let (hour, minute, second) = time(words.get(at + 2)?)?;
    let year = words[at + 3..]
        .iter()
        .filter(|word| word.len() == 4)
        .find_map(|word| number(word))?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.and_hms_opt(
        hour,
        minute,
        second.min(59),
    )
}

/// The local time in the first field `name` (lower case) of `header`; what stands behind the last semicolon, where
/// there is one.
pub(super) fn of_field(header: &[u8], name: &[u8]) -> Option<NaiveDateTime> {
    let mut lines = header.split(|&byte| byte == b'\n');
    let mut value = lines.find_map(|line| {
        let (own, rest) = line.split_at_checked(name.len())?;
        let rest = rest.strip_prefix(b":")?;
        own.eq_ignore_ascii_case(name).then(|| rest.to_vec())
    })?;
    // A field goes on in lines that begin with a blank.
    for line in lines {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            break;
        }
        value.extend_from_slice(line);
    }
    let text = std::str::from_utf8(&value).ok()?;
    let text = text.rsplit(';').next()?.trim();
    let date = DateTime::parse_from_rfc2822(text)
        .or_else(|_| DateTime::parse_from_rfc2822(without_comment(text)));
    let date = date.ok()?;
    // A message may claim the last moment that can be reckoned with, and no zone east of Greenwich has that.
    let reckoned = date.year() < END;
    let end = || NaiveDate::from_ymd_opt(END, 1, 1).map(NaiveDateTime::from);
    reckoned
        .then(|| date.with_timezone(&Local).naive_local())
        .or_else(end)
}

/// `Sat, 3 Jan 1996 01:05:34 +0100` for the same with `(CET)` behind it.
fn without_comment(text: &str) -> &str {
    text.split('(').next().unwrap_or(text).trim_end()
}

fn month(word: &[u8]) -> Option<u32> {
    let at = MONTHS
        .iter()
        .position(|month| month.eq_ignore_ascii_case(word))?;
    u32::try_from(at + 1).ok()
}

fn number(word: &[u8]) -> Option<u32> {
    let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(word).ok()?.parse().ok())?
}

/// `01:05:34` or `01:05`.
fn time(word: &[u8]) -> Option<(u32, u32, u32)> {
    let parts: Option<Vec<u32>> = word.split(|&byte| byte == b':').map(number).collect();
    match parts?[..] {
        [hour, minute] => Some((hour, minute, 0)),
        [hour, minute, second] => Some((hour, minute, second)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn from_lines_of_many_programs_are_understood() {
        for (line, date) in [
            (
                "From a@b Sat Jan  3 01:05:34 1996",
                Some("1996-01-03 01:05:34"),
            ),
            (
                "From a@b Sat Jan 3 01:05 1996\n",
                Some("1996-01-03 01:05:00"),
            ),
            (
                "From a@b Sat Jan 03 01:05:34 MET 1996",
                Some("1996-01-03 01:05:34"),
            ),
            (
                "From a@b Sat Jan 03 01:05:34 MET DST 1996",
                Some("1996-01-03 01:05:34"),
            ),
            (
                "From a@b Sat Jan 03 01:05:34 1996 +0100",
                Some("1996-01-03 01:05:34"),
            ),
            (
                "From a@b Sat Dec 31 23:59:60 2016",
                Some("2016-12-31 23:59:59"),
            ),
            (
                "From - Mon Nov 16 02:00:00 2026",
                Some("2026-11-16 02:00:00"),
            ),
            (
                "From \"Jan May\"@b Mon Nov 16 02:00:00 2026\r\n",
                Some("2026-11-16 02:00:00"),
            ),
            ("From me to you", None),
            ("From a@b Sat Feb 30 01:05:34 1996", None),
            ("From a@b Sat Jan 03", None),
            ("From ", None),
        ] {
            let found = of_from_line(line.as_bytes()).map(|date| date.to_string());
            assert_eq!(found.as_deref(), date, "{line}");
        }
    }

    #[test]
    fn a_date_at_the_end_of_all_time_is_one_to_come_in_every_zone() {
        const NAME: &str = "dump::mailbox::when::tests::a_date_at_the_end_of_all_time_is_one_to_come_in_every_zone";
        const ZONE: &str = "CBACK_TEST_ZONE";
        if std::env::var_os(ZONE).is_none() {
            // The zone is the whole program's.
            for zone in ["UTC-14", "UTC", "UTC+12"] {
                let test = std::process::Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", NAME])
                    .env(ZONE, zone)
                    .env("TZ", zone)
                    .output()
                    .unwrap();
                let passed = String::from_utf8_lossy(&test.stdout).contains("1 passed");
                assert!(passed, "{zone}: {test:?}");
            }
            return;
        }
        for date in [
            "31 Dec 262142 23:59:59 +0000",
            "31 Dec 262142 23:59:59 +1200",
            "1 Jan 10000 00:00:00 +0000",
        ] {
            let header = format!("From a@b\nDate: {date}\n\n");
            let found = of_field(header.as_bytes(), b"date").unwrap();
            assert_eq!(found.year(), END, "{date}");
        }
    }

    #[test]
    fn fields_are_found_and_unfolded() {
        let header = b"From x\nX-Date: Mon, 1 Jan 2001 00:00:00 +0000\n\
                       received: from a by b\n\tfor <c>;\n\tMon, 16 Nov 2026 02:00:00 +0000 (UTC)\n\
                       Received: older; Mon, 1 Jan 2001 00:00:00 +0000\nDate: soon\n\n";
        let utc = |text: &str| {
            let date = DateTime::parse_from_rfc3339(text);
            date.map(|date| date.with_timezone(&Local).naive_local())
                .ok()
        };
        assert_eq!(of_field(header, b"received"), utc("2026-11-16T02:00:00Z"));
        assert_eq!(of_field(header, b"date"), None);
        assert_eq!(of_field(header, b"subject"), None);
    }
}
