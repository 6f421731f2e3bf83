//! `<changer>` in `<store>`: the drives are in a changer, which brings the discs.

use std::num::NonZeroU32;

use crate::changer::{Bay, Robot, Setup, Slots};
use crate::units::AbsPath;

use super::document::Element;
use super::finding::Finding;
use super::read::{Cursor, Read, Wrong, together};
use super::schema::{Rule, one, parts};
use super::value::{self, PATH, WHOLE};

const DRIVE: &[Rule] = &[
    one("number", WHOLE)
        .means("The changer's number for it, counted from 0.")
        .required()
        .ours()
        .example("1"),
    one("device", PATH)
        .means("The drive's own device, or the file that a disc is while it is in that drive.")
        .required()
        .ours()
        .example("/dev/sr1"),
];

pub(super) const RULES: &[Rule] = &[
    one("device", PATH)
        .means("The device of a SCSI media changer, whose discs are moved by `mtx`. There is this, or <program>.")
        .ours()
        .example("/dev/sg3"),
    one("program", PATH)
        .means(
            "A program that moves discs, called as `PROGRAM status`, `PROGRAM load SLOT DRIVE` and \
             `PROGRAM unload SLOT DRIVE`; it is never given to a shell. What it prints, docs/changers.md tells.",
        )
        .ours()
        .example("/usr/local/sbin/disc-robot"),
    one("slots", "numbers of slots, such as `1-20,22`")
        .means("The slots whose discs are used. Without it: all but those through which people reach in.")
        .ours()
        .example("1-20"),
    one("reject_slot", WHOLE)
        .means("Where a disc is put that cannot be written. Without it: back to its own slot; it is not used again.")
        .ours()
        .example("24"),
    one("copies", "a whole number, 1 or more")
        .means(
            "On how many discs everything is written, in as many drives at the same time. A day counts as stored when it is on \
             all of them.",
        )
        .otherwise("1")
        .ours(),
    parts("drive", DRIVE)
        .means("A drive of the changer. Without any, drive 0 is the <target_device>; if there are some, it is one of them.")
        .ours(),
];

/// The changer, whose drive is at `target` if it names none.
pub(super) fn read(at: Cursor<'_>, target: Option<&AbsPath>) -> Read<Setup> {
    let robot = robot(at);
    let slots = at.optional("slots", slots);
    let reject_slot = at.optional("reject_slot", value::whole);
    let copies = at.optional("copies", value::positive);
    let bays = bays(at, target);
    if let (Ok(bays), Ok(Some(copies))) = (&bays, &copies)
        && *copies as usize > bays.len()
    {
        let element = at.first("copies").unwrap_or(at.element);
        let there = match bays.len() {
            1 => "there is one `<drive>`".to_owned(),
            more => format!("there are {more} of `<drive>`"),
        };
        let message = format!("{copies} copies need as many drives, and {there}");
        return Err(at.tell(
            Finding::error(element, element.value_span(), message)
                .right("name more drives, or write fewer copies"),
        ));
    }
    Ok(Setup {
        robot: robot?,
        bays: bays?,
        slots: slots?,
        reject_slot: reject_slot?,
        copies: copies?.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
    })
}

fn robot(at: Cursor<'_>) -> Read<Robot> {
    let device = at.optional("device", value::path)?;
    let program = at.optional("program", value::path)?;
    match (device, program) {
        (Some(device), None) => Ok(Robot::Mtx(device)),
        (None, Some(program)) => Ok(Robot::Program(program)),
        (None, None) => Err(at.lacks(
            "device",
            ", for `mtx`, or `<program>`, a program of your own",
        )),
        (Some(_), Some(_)) => {
            let element = at.first("program").unwrap_or(at.element);
            let message = "a changer has a `<device>` or a `<program>`, not both";
            Err(at.tell(
                Finding::error(element, element.value_span(), message)
                    .right("remove `<program>` to have discs moved by `mtx`, or else `<device>`"),
            ))
        }
    }
}

fn bays(at: Cursor<'_>, target: Option<&AbsPath>) -> Read<Vec<Bay>> {
    let mut bays = together(at.parts("drive").map(|drive| {
        let number = drive.required("number", value::whole);
        let device = drive.required("device", value::path);
        Ok(Bay {
            number: number?,
            device: device?,
        })
    }))?;
    let mut told = None;
    for name in ["number", "device"] {
        for (second, first) in at.doubles("drive", name) {
            told = Some(twice(at, name, second, first));
        }
    }
    if let Some(told) = told {
        return Err(told);
    }
    let Some(target) = target else {
        return Ok(bays);
    };
    if bays.is_empty() {
        bays.push(Bay {
            number: 0,
            device: target.clone(),
        });
    } else if !bays.iter().any(|bay| bay.device == *target) {
        let message = format!("no `<drive>` of the changer has the `<target_device>` `{target}`");
        return Err(at.wrong(
            message,
            "write the device of one of its drives as `<target_device>`",
        ));
    }
    bays.sort_by_key(|bay| bay.number);
    Ok(bays)
}

fn twice(
    at: Cursor<'_>,
    name: &str,
    second: Element<'_>,
    first: Element<'_>,
) -> super::finding::Told {
    let value = second.value().unwrap_or_default();
    let message = format!("two drives have the {name} `{value}`");
    at.tell(
        Finding::error(second, second.value_span(), message)
            .right("each drive stands once")
            .also(first.value_span(), "the other one"),
    )
}

fn slots(text: &str) -> Result<Slots, Wrong> {
    text.parse()
        .map_err(|error: crate::changer::SlotsError| Wrong {
            what: error.to_string(),
            right: Some("write numbers and ranges: `1-20,22`".to_owned()),
        })
}
