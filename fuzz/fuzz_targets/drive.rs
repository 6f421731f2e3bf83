//! A drive that answers whatever it likes: what is in it ends with a description or a typed error. And what the burning
//! program prints.
//!
//! Input: answers, each with its length in two bytes before it; a length over 32768 is a refusal.

#![no_main]

use std::cell::RefCell;

use cback::media::mmc::{
    AskError, Command, Configuration, DiscInformation, Profile, TrackInformation, capabilities,
    media_id, speeds, survey, toc,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (capabilities(bytes), speeds(bytes), toc(bytes));
    let _ = (Configuration::decode(bytes), DiscInformation::decode(bytes));
    let _ = TrackInformation::decode(bytes);
    for profile in [0x09, 0x11, 0x1b, 0x41] {
        let _ = media_id(Profile(profile), bytes);
    }
    cback::media::fuzz_engine(bytes);

    let rest = RefCell::new(bytes);
    let ask = |command: &Command| {
        let mut rest = rest.borrow_mut();
        let Some((length, more)) = rest.split_first_chunk::<2>() else {
            return Ok(Vec::new());
        };
        let length = u16::from_be_bytes(*length);
        *rest = more;
        if length > 0x8000 {
            let [_, low] = length.to_be_bytes();
            return Err(AskError::Sense {
                key: low & 15,
                asc: low,
                ascq: low >> 4,
            });
        }
        let (answer, more) = rest.split_at(usize::from(length).min(rest.len()));
        *rest = more;
        Ok(answer[..answer.len().min(command.room)].to_vec())
    };
    match survey(&ask) {
        Ok(medium) => assert!(!format!("{medium:?}").is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
