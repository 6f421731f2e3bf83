//! A row for each text that is or is not a value of its type.

use super::*;

/// What is read, or `None` if it is refused.
fn table<T: PartialEq + std::fmt::Debug>(
    parse: fn(&str) -> Parsed<T>,
    rows: impl IntoIterator<Item = (&'static str, Option<T>)>,
) {
    for (text, expected) in rows {
        assert_eq!(parse(text).ok(), expected, "{text:?}");
    }
}

#[test]
fn flags_are_four_letters() {
    table(
        flag,
        [
            ("Y", Some(true)),
            ("y", Some(true)),
            ("N", Some(false)),
            ("n", Some(false)),
            ("", None),
            ("yes", None),
            ("1", None),
            ("true", None),
            ("YY", None),
        ],
    );
}

#[test]
fn whole_numbers_are_written_as_python_writes_them() {
    table(
        integer,
        [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("+1", Some(1)),
            (" 12 ", Some(12)),
            ("1_000", Some(1000)),
            ("007", Some(7)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("+-1", None),
            ("5.0", None),
            ("0x5", None),
            ("1e3", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("1 0", None),
            ("٣", None),
        ],
    );
    table(
        whole,
        [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
        ],
    );
    table(positive, [("1", Some(1)), ("0", None), ("-4", None)]);
    table(
        level,
        [
            ("1", Some(1)),
            ("22", Some(22)),
            ("0", None),
            ("23", None),
            ("best", None),
        ],
    );
    table(
        seconds,
        [("15", Some(Duration::from_secs(15))), ("1.5", None)],
    );
}

#[test]
fn quantities_are_finite() {
    table(
        quantity,
        [
            ("5.1", Some(5.1)),
            ("0", Some(0.0)),
            ("-0.0", Some(0.0)),
            (" 1e3 ", Some(1000.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("nan", None),
            ("NaN", None),
            ("inf", None),
            ("infinity", None),
            ("-inf", None),
            ("1e999", None),
            ("-0.1", None),
            ("5,1", None),
            ("", None),
        ],
    );
    table(
        percentage,
        [
            ("0", Some(0.0)),
            ("100", Some(100.0)),
            ("100.1", None),
            ("-1", None),
            ("nan", None),
        ],
    );
    table(
        size,
        [
            ("1.5 KB", Some(ByteSize(1536))),
            ("1 TB", None),
            ("inf", None),
            ("nan GB", None),
            ("-1", None),
        ],
    );
}

#[test]
fn paths_begin_at_the_root_and_can_be_opened() {
    for (text, sound) in [
        ("/", true),
        ("/a/../b/", true),
        ("/ä b", true),
        ("a", false),
        ("./a", false),
        ("~/a", false),
        ("c:/a", false),
        ("", false),
    ] {
        assert_eq!(path(text).is_ok(), sound, "{text:?}");
    }
    let long = format!("/{}", "a".repeat(4094));
    assert!(path(&long).is_ok());
    assert!(path(&(long + "a")).is_err());
}

#[test]
fn names_of_files_lead_nowhere_else() {
    for (text, sound) in [
        (".cbignore", true),
        ("...", true),
        ("a b", true),
        (".", false),
        ("..", false),
        ("a/b", false),
        ("/", false),
    ] {
        assert_eq!(file_name(text).is_ok(), sound, "{text:?}");
    }
    assert!(file_name(&"x".repeat(256)).is_err());
}

#[test]
fn names_of_actions_are_separated_by_commas() {
    for (text, expected) in [
        ("collect", Some("collect")),
        (" collect , purge,,", Some("collect purge")),
        (",", Some("")),
        ("collect purge", None),
        ("Collect", None),
    ] {
        let names = actions(text).ok().map(|names| {
            let names: Vec<_> = names.iter().map(ActionName::as_str).collect();
            names.join(" ")
        });
        assert_eq!(names.as_deref(), expected, "{text:?}");
    }
}

#[test]
fn words_are_those_of_their_lists_letter_by_letter() {
    table(
        mode,
        [
            ("daily", Some(Mode::Daily)),
            ("weekly", Some(Mode::Weekly)),
            ("incr", Some(Mode::Incr)),
            ("Daily", None),
            ("full", None),
            ("", None),
        ],
    );
    table(
        archive_mode,
        [
            ("tar", Some(Compression::None)),
            ("targz", Some(Compression::Gzip)),
            ("tarbz2", Some(Compression::Bzip2)),
            ("tarzst", Some(Compression::Zstd)),
            ("tar.gz", None),
            ("zip", None),
        ],
    );
    table(
        compress_mode,
        [
            ("none", Some(Compression::None)),
            ("gzip", Some(Compression::Gzip)),
            ("bzip2", Some(Compression::Bzip2)),
            ("zstd", Some(Compression::Zstd)),
            ("targz", None),
        ],
    );
    table(
        compare,
        [
            ("metadata", Some(Compare::Metadata)),
            ("content", Some(Compare::Content)),
            ("contents", None),
        ],
    );
    table(
        device_type,
        [
            ("cdwriter", Some(DeviceType::CdWriter)),
            ("dvdwriter", Some(DeviceType::DvdWriter)),
            ("file", Some(DeviceType::File)),
            ("bdwriter", None),
        ],
    );
    table(
        blank_mode,
        [
            ("daily", Some(BlankMode::Daily)),
            ("weekly", Some(BlankMode::Weekly)),
            ("never", None),
        ],
    );
    table(
        weekday,
        [
            ("monday", Some(Weekday::Mon)),
            ("sunday", Some(Weekday::Sun)),
            ("Monday", None),
            ("mon", None),
            ("montag", None),
        ],
    );
    for word in MediaKind::words() {
        assert_eq!(media_kind(word).ok(), word.parse().ok());
    }
    assert!(media_kind("floppy").is_err());
}

#[test]
fn a_slip_is_told_with_what_was_meant() {
    for (text, right) in [
        ("dayly", "did you mean `daily`?"),
        ("weekley", "did you mean `weekly`?"),
        ("sometimes", "there are `daily`, `weekly`, `incr`"),
    ] {
        let told = mode(text).err().and_then(|wrong| wrong.right);
        assert!(told.is_some_and(|told| told.starts_with(right)), "{text}");
    }
}

#[test]
fn a_time_has_a_unit_or_is_in_seconds() {
    for (text, seconds) in [
        ("0", Some(0)),
        ("90", Some(90)),
        ("90 s", Some(90)),
        ("30 min", Some(1800)),
        ("2h", Some(7200)),
        (" 1 d ", Some(86_400)),
        ("4000000000 d", Some(345_600_000_000_000)),
        ("1.5 h", None),
        ("-1 h", None),
        ("h", None),
        ("soon", None),
        ("2 hours", None),
    ] {
        let read = time(text).ok().map(|time| time.as_secs());
        assert_eq!(read, seconds, "{text}");
    }
}
