//! What drives answer: any bytes may come, with lengths that lie. Every decoder gives an answer or an error.
#![no_main]

use cback::media::mmc::{
    self, AskError, Command, Configuration, DiscInformation, FormatCapacities, MediaStatus, Profile,
    TrackInformation,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Configuration::decode(bytes);
    let _ = DiscInformation::decode(bytes);
    let _ = TrackInformation::decode(bytes).map(|track| track.end());
    let _ = FormatCapacities::decode(bytes).map(|found| found.most());
    let _ = MediaStatus::decode(bytes);
    let _ = mmc::toc(bytes);
    let _ = mmc::full_toc(bytes);
    let _ = mmc::atip(bytes);
    let _ = mmc::capabilities(bytes);
    let _ = mmc::speeds(bytes);
    let _ = mmc::capacity(bytes);
    let _ = mmc::spare_blocks(bytes);
    let _ = mmc::name(bytes);
    for profile in [0x09, 0x11, 0x1b, 0x41] {
        let _ = mmc::media_id(Profile(profile), bytes);
    }
    // A drive that gives the bytes piece by piece, whatever it is asked.
    let rest = std::cell::Cell::new(bytes);
    let ask = |command: &Command| -> Result<Vec<u8>, AskError> {
        let (answer, left) = rest.get().split_at(rest.get().len().min(command.room));
        rest.set(left);
        Ok(answer.to_vec())
    };
    let _ = mmc::survey(&ask);
});
