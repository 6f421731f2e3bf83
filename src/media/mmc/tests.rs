//! Answers of drives, recorded or put together after the standard's tables; and answers that lie.

#![allow(clippy::unwrap_used)]
use super::*;
use std::cell::RefCell;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// tgt's emulated burner with a blank DVD+R.
const BLANK: [(u8, &str); 7] = [
    (
        0x46,
        "000000700000001b0000030800100000001b010000010304000000020002030400000000000303042900000000100008\
         0000080000100100001d0000001f0000002b010401000000010003000105030001070c041f0000000108030800000000\
         00000000010a010c4644430053444300544f4300",
    ),
    (
        0x51,
        "00200001010101100000000000000000000000000023054000000000000000000000",
    ),
    (
        0x52,
        "00260101000741010000000000000000002305400000001000230540000000000000000000040d0e",
    ),
    (0x43, "0012010100140100000000000014aa000000"),
    (
        0x5a,
        "00460000000000002a3e3f37f3f32923108a01000800108a0000108a108a000100000000108a00050000108a00000b06\
         0000084500000583000002c2000000000000000000000000",
    ),
    (
        0xac,
        "0000001400000000010000000023053f00000cfc00000cfc0000000000000000",
    ),
    (0x25, "0000000000000800"),
];

/// The same after a session was written and closed: it calls itself a DVD-ROM.
const CLOSED: [(u8, &str); 4] = [
    (
        0x46,
        "00000070000000100000030800100100001b0000000103040000000200020304000000000003030429000000001001\
         080000080000100100001d0000001f0100002b000401000000010003000105030001070d041f0000000108030800000000\
         00000000010a000c4644430053444300544f4300",
    ),
    (
        0x51,
        "00200e01010101000000000000000000000000000000000000000000000000000000",
    ),
    (
        0x52,
        "002201010004010200000000000000000000000000000010000010b0000010af0000000000000000",
    ),
    (0x25, "000010af00000800"),
];

/// A DVD+R with two closed sessions and room for a third, after MMC-6 tables 359 and 432.
fn appendable() -> Vec<(u8, Vec<u8>)> {
    let mut configuration = hex(BLANK[0].1);
    configuration[7] = 0x1b;
    let mut disc = hex(BLANK[1].1);
    disc[2] = 0x01; // appendable, the last session is empty
    disc[4] = 3;
    disc[5] = 3;
    disc[6] = 3;
    vec![(0x46, configuration), (0x51, disc)]
}

fn track(number: u8, session: u8, start: u32, size: u32, open: Option<u32>) -> Vec<u8> {
    let mut answer = vec![0; 48];
    answer[..8].copy_from_slice(&[0, 46, number, session, 0, 4, 1, 0]);
    answer[8..12].copy_from_slice(&start.to_be_bytes());
    answer[24..28].copy_from_slice(&size.to_be_bytes());
    if let Some(next) = open {
        answer[6] = 0x41; // blank
        answer[7] = 1; // the next writable address is valid
        answer[12..16].copy_from_slice(&next.to_be_bytes());
        answer[16..20].copy_from_slice(&size.to_be_bytes());
    }
    answer
}

/// A drive that answers by operation code, and refuses what it does not know.
fn drive(answers: &[(u8, &str)]) -> impl Fn(&Command) -> Result<Vec<u8>, AskError> {
    let answers: Vec<(u8, Vec<u8>)> = answers
        .iter()
        .map(|(code, text)| (*code, hex(text)))
        .collect();
    move |command| {
        if command.bytes[0] == 0 {
            return Ok(Vec::new());
        }
        let found = answers.iter().find(|(code, _)| *code == command.bytes[0]);
        found
            .map(|(_, bytes)| bytes.clone())
            .ok_or(AskError::Sense {
                key: 5,
                asc: 0x20,
                ascq: 0,
            })
    }
}

#[test]
fn a_blank_disc_is_seen_as_one() {
    let medium = survey(&drive(&BLANK)).unwrap().unwrap();
    assert_eq!(medium.profile.name(), "DVD+R");
    assert_eq!(medium.status, Status::Empty);
    assert_eq!(medium.sessions, []);
    assert_eq!(medium.next_writable, Some(0));
    assert_eq!((medium.free, medium.capacity), (2_295_104, 2_295_104));
    assert_eq!(medium.media_id, None);
    assert_eq!(medium.unfinished, None);
    let capabilities = medium.capabilities.unwrap();
    assert!(capabilities.has_tray && capabilities.ejects && !capabilities.locked);
    assert_eq!(capabilities.buffer, Some(2 << 20));
    assert_eq!(medium.speeds, [3324]);
    // without GET PERFORMANCE the mode page tells
    let medium = survey(&drive(&[&BLANK[..5], &BLANK[6..]].concat()))
        .unwrap()
        .unwrap();
    assert_eq!(medium.speeds, [4234, 2822, 2117, 1411, 706]);
}

#[test]
fn a_closed_disc_has_its_session_and_no_room() {
    let medium = survey(&drive(&CLOSED)).unwrap().unwrap();
    assert_eq!(medium.profile, Profile(0x10));
    assert!(medium.profile.is_read_only() && !medium.profile.is_rewritable());
    assert_eq!(medium.status, Status::Complete);
    assert_eq!(
        medium.sessions,
        [Part {
            start: 0,
            end: 4272
        }]
    );
    assert_eq!((medium.next_writable, medium.free), (None, 0));
}

#[test]
fn a_disc_that_can_be_continued_tells_where() {
    let answers = appendable();
    let ask = move |command: &Command| match command.bytes[0] {
        0 => Ok(Vec::new()),
        0x52 => Ok(match command.bytes[5] {
            1 => track(1, 1, 0, 1600, None),
            2 => track(2, 2, 3648, 800, None),
            _ => track(3, 3, 6496, 2_288_608, Some(6496)),
        }),
        code => {
            let found = answers.iter().find(|row| row.0 == code);
            found.map(|row| row.1.clone()).ok_or(AskError::Sense {
                key: 5,
                asc: 0x20,
                ascq: 0,
            })
        }
    };
    let medium = survey(&ask).unwrap().unwrap();
    assert_eq!(medium.status, Status::Open);
    let parts = [
        Part {
            start: 0,
            end: 1600,
        },
        Part {
            start: 3648,
            end: 4448,
        },
    ];
    assert_eq!(medium.sessions, parts);
    assert_eq!(medium.next_writable, Some(6496));
    assert_eq!(medium.capacity, 2_295_104);
}

#[test]
fn a_session_that_was_broken_off_is_told() {
    let mut half = track(1, 1, 0, 2_295_104, None);
    half[7] = 3; // next writable and last recorded address are valid
    half[12..16].copy_from_slice(&800_u32.to_be_bytes());
    half[28..32].copy_from_slice(&799_u32.to_be_bytes());
    let half = RefCell::new(half);
    let blank = drive(&BLANK);
    let ask = move |command: &Command| match command.bytes[0] {
        0x51 => {
            let mut disc = hex(BLANK[1].1);
            disc[2] = 0x05; // appendable, the last session is incomplete
            Ok(disc)
        }
        0x52 => Ok(half.borrow().clone()),
        _ => blank(command),
    };
    let medium = survey(&ask).unwrap().unwrap();
    assert_eq!(medium.unfinished, Some(Part { start: 0, end: 800 }));
    assert_eq!(medium.sessions, []);
}

#[test]
fn an_empty_tray_is_no_error_and_a_refusal_is_one() {
    let refuse = |key, asc| {
        move |_: &Command| -> Result<Vec<u8>, AskError> {
            Err(AskError::Sense { key, asc, ascq: 0 })
        }
    };
    assert_eq!(survey(&refuse(2, 0x3a)).unwrap(), None);
    let error = survey(&refuse(4, 0x44)).unwrap_err();
    assert_eq!(error.to_string(), "the drive is broken (sense 4/44/00)");
}

#[test]
fn media_have_their_makers_names_where_their_kind_has_them() {
    let mut plus = vec![0; 300];
    plus[..2].copy_from_slice(&298_u16.to_be_bytes());
    plus[4 + 19..4 + 23].copy_from_slice(b"MCC ");
    plus[4 + 27..4 + 30].copy_from_slice(b"004");
    assert_eq!(media_id(Profile(0x1b), &plus).as_deref(), Some("MCC/004"));
    assert_eq!(media_id(Profile(0x1b), &vec![0; 300]), None);
    assert_eq!(media_id(Profile(0x1b), &plus[..20]), None);
    assert_eq!(media_id(Profile(0x09), &plus), None);
}

#[test]
fn events_tell_of_the_tray() {
    use MediaEvent::{EjectRequest, New, None as Nothing, Removed};
    for (answer, expected) in [
        ("0006041000020000", Some((Nothing, false, true))),
        ("0006041002020000", Some((New, false, true))),
        ("0006041003010000", Some((Removed, true, false))),
        ("0006041001020000", Some((EjectRequest, false, true))),
        ("000684100000", None),
        ("0006", None),
    ] {
        let found = MediaStatus::decode(&hex(answer));
        let found = found.map(|status| (status.event, status.open, status.present));
        assert_eq!(found, expected, "{answer}");
    }
}

/// Put together after MMC-6: an unformatted BD-RE, a formatted DVD+RW, a DVD-RW that was formatted quickly.
#[test]
fn formats_tell_how_large_a_disc_is_or_could_be() {
    for (answer, state, most) in [
        (
            "00000010 00b47400 01000800 00b47400 00003000",
            FormatState::Unformatted,
            11_826_176,
        ),
        (
            "00000010 00230540 02000800 00230540 98000000",
            FormatState::Formatted,
            2_295_104,
        ),
        (
            "00000018 00000010 02000800 00231240 00000010 00231230 4c000010",
            FormatState::Formatted,
            2_298_432,
        ),
        ("00000008 00000000 03000800", FormatState::Unknown, 0),
    ] {
        let found = FormatCapacities::decode(&hex(answer)).unwrap();
        assert_eq!((found.state, found.most()), (state, most), "{answer}");
    }
    assert!(FormatCapacities::decode(&hex("000000ff00")).is_err());
}

/// Two sessions, put together after MMC-6: tracks 1 and 2, lead-outs, and where the next one could begin.
const FULL_TOC: &str = "005a 01 02 \
    01 14 00 a0 000000 00 01 00 00  01 14 00 a1 000000 00 01 00 00  01 14 00 a2 000000 00 02 04 20 \
    01 14 00 01 000000 00 00 02 00  01 54 00 b0 043620 02 4f 3b 4a \
    02 14 00 a2 000000 00 05 00 00  02 14 00 02 000000 00 04 38 20 ";

#[test]
fn a_cds_table_of_contents_has_its_sessions() {
    let table = full_toc(&hex(FULL_TOC)).unwrap();
    let ends: Vec<_> = table.iter().map(|s| (s.number, s.start, s.end)).collect();
    assert_eq!(ends, [(1, 0, 9182), (2, 22_082, 22_350)]);
    // minutes that cannot be, a lead-out without tracks, a session that ends before it begins
    for broken in ["02044b", "023c20"] {
        let text = FULL_TOC.replace("00 02 04 20", &format!("00 {broken}"));
        assert_eq!(full_toc(&hex(&text)).unwrap().len(), 1, "{broken}");
    }
}

/// A drive from before there were profiles: no GET CONFIGURATION.
#[test]
fn a_poor_drive_is_understood_by_its_older_commands() {
    let page = "00460000000000002a3e3f37f3f32923108a01000800108a0000108a108a0001";
    let recordable = [
        (
            0x51,
            "00200001010101000000000000000000000000000000000000000000000000000000",
        ),
        (
            0x52,
            "0026010100014101000000000000000000050000000000000005000000000000",
        ),
        (0x5a, page),
    ];
    let medium = survey(&drive(&recordable)).unwrap().unwrap();
    assert_eq!(
        (medium.profile, medium.status),
        (Profile::CD_R, Status::Empty)
    );
    let mut rewritable = recordable;
    rewritable[0].1 = "00201001010101000000000000000000000000000000000000000000000000000000";
    let medium = survey(&drive(&rewritable)).unwrap().unwrap();
    assert_eq!(medium.profile, Profile::CD_RW);
    // One that only reads: sessions by the disc's own table.
    let reader = [(0x43, FULL_TOC)];
    let medium = survey(&drive(&reader)).unwrap().unwrap();
    assert_eq!(medium.profile, Profile::CD_ROM);
    assert_eq!(
        (medium.status, medium.sessions.len()),
        (Status::Complete, 2)
    );
    assert_eq!((medium.capacity, medium.free), (22_350, 0));
}

/// Discs that are written anywhere: never formatted, formatted, and growing.
#[test]
fn a_disc_that_is_written_anywhere_is_as_large_as_it_is_or_will_be() {
    let profile = |number: &str| format!("00000004 0000{number}");
    let unformatted = "00000010 00b47400 01000800 00b47400 00003000";
    for (number, formats, read, formatted, capacity) in [
        ("0043", unformatted, None, false, 11_826_176),
        (
            "0043",
            "00000008 00b47400 02000800",
            Some("00b473ff00000800"),
            true,
            11_826_176,
        ),
        (
            "001a",
            "00000010 00230540 01000800 00230540 98000000",
            Some("0000000000000800"),
            false,
            2_295_104,
        ),
        (
            "0013",
            "00000010 00000010 02000800 00231240 00000010",
            Some("0000000f00000800"),
            true,
            2_298_432,
        ),
    ] {
        let configuration = profile(number);
        let mut answers = vec![(0x46, configuration.as_str()), (0x23, formats)];
        answers.extend(read.map(|read| (0x25, read)));
        let medium = survey(&drive(&answers)).unwrap().unwrap();
        let found = (medium.formatted, medium.capacity);
        assert_eq!(found, (formatted, capacity), "{number}");
    }
}

#[test]
fn a_cd_tells_how_large_it_is_when_it_is_blank() {
    // 79 minutes, 59 seconds, 74 frames
    let answer = hex("001a0000 c0000000 61221600 4f3b4a00 00000000 00000000 00000000");
    assert_eq!(atip(&answer), Some(359_849));
    assert_eq!(atip(&answer[..12]), None);
    assert_eq!(atip(&[0; 28]), None);
}

#[test]
fn spare_areas_are_counted() {
    let answer = hex("000e0000 00000000 00001000 00003000");
    assert_eq!(spare_blocks(&answer), Some(0x3000));
    assert_eq!(spare_blocks(&answer[..15]), None);
}

#[test]
fn sense_data_is_understood_in_both_forms() {
    let fixed = hex("70000200000000 0a 00000000 3a 01 00000000");
    assert_eq!(sg_io::decode_sense(&fixed), (2, 0x3a, 1));
    assert_eq!(sg_io::decode_sense(&hex("72053002")), (5, 0x30, 2));
    assert_eq!(sg_io::decode_sense(&[]), (0, 0, 0));
}

/// Every decoder on every kind of damaged answer: no panic, no endless loop, and nothing beyond what came.
#[test]
fn no_answer_breaks_a_decoder() {
    let mut seeds: Vec<Vec<u8>> = BLANK.iter().chain(&CLOSED).map(|row| hex(row.1)).collect();
    seeds.push(hex(FULL_TOC));
    seeds.push(hex(
        "00000018 00000010 02000800 00231240 00000010 00231230 4c000010",
    ));
    seeds.push(hex("0006041002020000"));
    seeds.push(vec![0xff; 64]);
    seeds.push(track(9, 9, u32::MAX, u32::MAX, Some(u32::MAX)));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    let profiles = [0x08, 0x09, 0x11, 0x1b, 0x41, 0x43, 0xffff].map(Profile);
    for round in 0..40_000 {
        let mut answer = seeds[round % seeds.len()].clone();
        for _ in 0..random() % 6 {
            match random() % 3 {
                0 => answer.truncate(random() % (answer.len() + 1)),
                1 if !answer.is_empty() => {
                    let at = random() % answer.len();
                    answer[at] = u8::try_from(random() & 0xff).unwrap();
                }
                _ if !answer.is_empty() => {
                    // lengths are at the beginning, and they lie
                    let at = random() % answer.len().min(4);
                    answer[at] = 0xff;
                }
                _ => {}
            }
        }
        let _ = Configuration::decode(&answer);
        let _ = DiscInformation::decode(&answer);
        let _ = TrackInformation::decode(&answer).map(|track| track.end());
        let _ = toc(&answer);
        let _ = capabilities(&answer);
        let _ = speeds(&answer);
        let _ = capacity(&answer);
        let _ = MediaStatus::decode(&answer);
        let _ = FormatCapacities::decode(&answer).map(|found| found.most());
        let _ = full_toc(&answer);
        let _ = atip(&answer);
        let _ = spare_blocks(&answer);
        let _ = sg_io::decode_sense(&answer);
        let _ = name(&answer);
        for profile in profiles {
            let _ = media_id(profile, &answer);
        }
        if round % 100 == 0 {
            let ask = |_: &Command| -> Result<Vec<u8>, AskError> { Ok(answer.clone()) };
            let _ = survey(&ask);
        }
    }
}

#[test]
fn a_length_that_lies_is_cut_to_what_came_and_a_missing_field_is_an_error() {
    let mut long = hex(CLOSED[0].1);
    long[..4].copy_from_slice(&[0xff; 4]);
    assert_eq!(
        Configuration::decode(&long),
        Configuration::decode(&hex(CLOSED[0].1))
    );
    let mut short = hex(CLOSED[1].1);
    short[..2].copy_from_slice(&[0, 2]);
    assert_eq!(DiscInformation::decode(&short), Err(Malformed::Short(4)));
    assert!(TrackInformation::decode(&hex("0022010100040102")).is_err());
}
