//! The words of the burning program, and what it printed when it was tried.

#![allow(clippy::unwrap_used)]
use super::*;
use std::num::NonZeroU32;

fn words(job: &Job, speed: Option<u32>) -> String {
    let handling = Handling {
        speed: speed.and_then(NonZeroU32::new),
        ..Handling::default()
    };
    command(Path::new("/dev/sr0"), job, &handling).to_string()
}

#[test]
fn each_job_has_its_words() {
    let session = Job {
        start: 1600,
        sectors: 4000,
        ..Job::of(Purpose::Session)
    };
    let short = Job {
        sectors: 40,
        cd: true,
        ..session.clone()
    };
    for (job, speed, expected) in [
        (
            session.clone(),
            Some(8),
            "cdrskin -v dev=/dev/sr0 gracetime=0 speed=8 -multi fs=0 -tao -data tsize=4000s -",
        ),
        (
            Job {
                placed: true,
                purpose: Purpose::Last,
                ..session
            },
            None,
            "cdrskin -v dev=/dev/sr0 gracetime=0 fs=0 -tao -data write_start_address=1600s tsize=4000s -",
        ),
        (
            short,
            None,
            "cdrskin -v dev=/dev/sr0 gracetime=0 -multi fs=0 -tao -data padsize=260s tsize=40s -",
        ),
        (
            Job::of(Purpose::Blank(Thoroughness::All)),
            None,
            "cdrskin -v dev=/dev/sr0 gracetime=0 blank=all",
        ),
        (
            Job::of(Purpose::Format),
            None,
            "cdrskin -v dev=/dev/sr0 gracetime=0 blank=format_if_needed",
        ),
        (
            Job::of(Purpose::Close),
            None,
            "cdrskin -v dev=/dev/sr0 gracetime=0 -fix",
        ),
    ] {
        assert_eq!(words(&job, speed), expected);
    }
}

#[test]
fn what_is_printed_is_cut_into_lines_and_the_place_is_heard() {
    let printed = "Current: DVD+R\ninput buffer ready.\nStarting new track at sector: 1600\n\
                   \rTrack 01:    1 of    7 MB written [buf  50%]   5.7x.\rTrack 01:    2 of    7 MB \
                   written [buf  50%]   1.8x.\nFixating...\n\ncdrskin: burning done\n";
    let mut starts = Vec::new();
    let last = listen(printed.as_bytes(), &mut |line| {
        starts.extend(track_start(line));
    });
    assert_eq!(starts, [1600]);
    assert_eq!(last.len(), TAIL);
    assert_eq!(last.last().unwrap(), "cdrskin: burning done");
    assert!(last.iter().any(|line| line.starts_with("Track 01:    2")));
}
