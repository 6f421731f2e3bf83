//! READ DISC STRUCTURE (MMC-6): who made the medium, and whether it has spare areas.

use super::configuration::Profile;
use super::{Command, answer::Answer};

/// The command's media type and format, and the places in the answer: first byte and length.
type Place = (u8, u8, &'static [(usize, usize)]);

/// Where a kind of disc has its maker's name.
fn place(profile: Profile) -> Option<Place> {
    Some(match profile.0 {
        // ADIP: bytes 19 to 26 manufacturer, 27 to 29 type (ECMA-349 14.4.2)
        0x1a | 0x1b | 0x2a | 0x2b => (0, 0x11, &[(4 + 19, 8), (4 + 27, 3)]),
        // pre-recorded information in the lead-in: fields 3 and 4 of the manufacturer (ECMA-359)
        0x11 | 0x13..=0x16 => (0, 0x0e, &[(4 + 17, 6), (4 + 25, 6)]),
        // disc information unit: manufacturer 100 to 105, type 106 to 108
        0x41..=0x43 => (1, 0x00, &[(4 + 100, 6), (4 + 106, 3)]),
        _ => return None,
    })
}

/// The command that asks for the maker of a disc of that kind; `None` if its kind does not tell.
pub fn command(profile: Profile) -> Option<Command> {
    let (media, format, _) = place(profile)?;
    Some(Command {
        bytes: vec![0xad, media, 0, 0, 0, 0, 0, format, 0x08, 0x04, 0, 0],
        room: 0x804,
    })
}

/// The maker and type in the answer: `MCC/004`. `None` if the medium does not say.
pub fn media_id(profile: Profile, bytes: &[u8]) -> Option<String> {
    let answer = Answer::counted16(bytes).ok()?;
    let (_, _, places) = place(profile)?;
    let mut words = Vec::new();
    for &(at, count) in places {
        let text: String = answer
            .slice(at, count)
            .ok()?
            .iter()
            .take_while(|byte| **byte != 0)
            .map(|byte| char::from(*byte))
            .collect();
        words.push(text.trim().to_owned());
    }
    let id = words.join("/");
    let sound = id.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    (sound && words.iter().any(|word| !word.is_empty())).then_some(id)
}

/// The command that asks a Blu-ray disc for its spare areas; `None` for other kinds.
pub fn spare_command(profile: Profile) -> Option<Command> {
    matches!(profile.0, 0x41..=0x43).then(|| Command {
        bytes: vec![0xad, 1, 0, 0, 0, 0, 0, 0x0a, 0, 16, 0, 0],
        room: 16,
    })
}

/// How many spare blocks a Blu-ray disc has, in the answer to [`spare_command`]. `None` if the drive does not say.
pub fn spare_blocks(bytes: &[u8]) -> Option<u32> {
    let answer = Answer::counted16(bytes).ok()?;
    answer.be32(12).ok()
}
