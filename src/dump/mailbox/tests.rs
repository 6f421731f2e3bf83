//! The splitter against a naive one, and on odd mailboxes.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

fn newer(mailbox: &[u8], since: &str) -> (Vec<u8>, Messages) {
    let mut out = Vec::new();
    let messages = copy_newer(&mut &mailbox[..], at(since), &mut out).unwrap();
    (out, messages)
}

const OLD: &str = "From a@b Mon Nov  2 02:00:00 2026\nSubject: old\n\nold\n\n";
const NEW: &str =
    "From a@b Wed Nov 18 02:00:00 2026\nSubject: new\n\nnew\n\nFrom the beginning\n\n";
const LATE: &str =
    "From a@b Mon Nov  2 02:00:00 2026\nDate: Wed, 18 Nov 2026 02:00:00 +0000\n\nlate\n\n";
const UNDATED: &str = "preamble\n";

#[test]
fn messages_that_came_since_are_copied_as_they_are() {
    for (mailbox, kept, all) in [
        (String::new(), String::new(), 0),
        (format!("{OLD}{NEW}"), NEW.to_owned(), 2),
        (format!("{NEW}{OLD}{LATE}"), format!("{NEW}{LATE}"), 3),
        (format!("{UNDATED}\n{OLD}"), format!("{UNDATED}\n"), 1),
        (
            "no mailbox\nat all".to_owned(),
            "no mailbox\nat all".to_owned(),
            0,
        ),
        (OLD.replace('\n', "\r\n"), String::new(), 1),
        // No empty line before it: a sentence that looks like an envelope.
        (
            NEW.replace(
                "\n\nFrom the",
                "\nFrom a@b Mon Nov  2 02:00:00 2026\nX: y\nFrom the",
            ),
            NEW.replace(
                "\n\nFrom the",
                "\nFrom a@b Mon Nov  2 02:00:00 2026\nX: y\nFrom the",
            ),
            1,
        ),
        // A quoted envelope without a header belongs to its message.
        (
            format!("{NEW}From a@b Mon Nov  2 02:00:00 2026\nand so on\n"),
            format!("{NEW}From a@b Mon Nov  2 02:00:00 2026\nand so on\n"),
            1,
        ),
        (format!("{NEW}{}", OLD.trim_end()), NEW.to_owned(), 2),
    ] {
        let (out, messages) = newer(mailbox.as_bytes(), "2026-11-17 02:00:00");
        assert_eq!(String::from_utf8(out).unwrap(), kept, "{mailbox:?}");
        assert_eq!(messages.all, all, "{mailbox:?}");
    }
}

#[test]
fn a_day_is_granted() {
    for (since, copied) in [
        ("2026-11-03 02:00:00", 1),
        ("2026-11-03 02:00:01", 0),
        ("2026-11-01 00:00:00", 1),
    ] {
        assert_eq!(newer(OLD.as_bytes(), since).1.copied, copied, "{since}");
    }
}

#[test]
fn a_header_without_end_is_kept_and_memory_stays_small() {
    let mut mailbox = b"From a@b Mon Nov  2 02:00:00 2026\nX: ".to_vec();
    mailbox.resize(mailbox.len() + 3 * LONGEST_HEADER, b'x');
    let (out, messages) = newer(&mailbox, "2026-11-17 02:00:00");
    assert!(out == mailbox && messages.copied == 1);
}

/// A message of a random mailbox: day of November, has it a From line with a date, its body.
fn message() -> impl Strategy<Value = String> {
    let body = "([a-zA-Z >:]{0,20}\n){0,4}";
    (1u32..28, 1u32..28, any::<bool>(), body).prop_map(|(day, date, dated, body)| {
        // Nothing in a body begins a message.
        let body = body.replace("From ", ">From ");
        let date = if dated {
            format!("Date: {date} Nov 2026 12:00:00 +0000\n")
        } else {
            String::new()
        };
        format!("From a@b Sun Nov {day:2} 12:00:00 2026\nSubject: x\n{date}\n{body}\n")
    })
}

/// Splits where a message begins, with the whole mailbox in memory, and looks at the two dates.
fn naive(mailbox: &str, since: u32) -> String {
    let mut kept = String::new();
    let mut starts: Vec<usize> = mailbox
        .match_indices("From a@b Sun")
        .map(|(at, _)| at)
        .collect();
    starts.push(mailbox.len());
    for pair in starts.windows(2) {
        let message = &mailbox[pair[0]..pair[1]];
        let day = |text: &str| text.trim_start()[..2].trim().parse::<u32>().unwrap();
        let from = day(&message[17..]);
        let date = message.split("\nDate: ").nth(1).map(day);
        if from.max(date.unwrap_or(0)) + 1 >= since {
            kept += message;
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn the_splitter_agrees_with_a_naive_one(
        messages in proptest::collection::vec(message(), 0..8),
        since in 1u32..29,
        cut in 1usize..50,
    ) {
        let mailbox = messages.concat();
        let mut out = Vec::new();
        // Read in small pieces; 14 hours before noon and after cover every time zone.
        let mut reader = io::BufReader::with_capacity(cut, mailbox.as_bytes());
        let at = at(&format!("2026-11-{since:02} 12:00:00"));
        let found = copy_newer(&mut reader, at, &mut out).unwrap();
        prop_assert_eq!(found.all, messages.len() as u64);
        // `Date:` is moved by the time zone of the machine, which is UTC in tests, or the boundary is not hit.
        if chrono::Local::now().offset().local_minus_utc() == 0 {
            prop_assert_eq!(String::from_utf8(out).unwrap(), naive(&mailbox, since));
        }
    }
}
