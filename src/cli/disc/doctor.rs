//! `cback disc doctor`: the report on a drive and a disc.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::super::diagnostics;
use super::{Consent, Desk, Exit, Failure, failure, told};
use crate::disc::{self, Checkup, Sacrifice, Trial, TrialResult, Unfit};
use crate::event::{Problem, Tell as _, bytes, printable, printable_path};
use crate::media::Drive;

/// The report: what was found out, and what it was found out with.
#[derive(Serialize)]
struct Report {
    version: &'static str,
    platform: String,
    /// Programs that burn, each with its version.
    programs: Vec<(String, String)>,
    #[serde(flatten)]
    checkup: Checkup,
}

pub(super) fn examine(
    desk: &Desk<'_>,
    drive: &dyn Drive,
    consent: Consent,
) -> Result<Exit, Failure> {
    let sacrifice = if consent.yes {
        Sacrifice::Yes
    } else {
        Sacrifice::No
    };
    if let Some(unfit) = disc::fit(drive, sacrifice).map_err(failure)? {
        return Err(refusal(drive, &unfit));
    }
    let monitor = desk.session.monitor();
    let checkup = disc::checkup(drive, SystemTime::now(), monitor).map_err(failure)?;
    for trial in &checkup.steps {
        if let (TrialResult::Failed, Some(why)) = (trial.result, &trial.why) {
            monitor.problem(&Problem::with_file(
                drive.place(),
                &format!("{}: {why}", trial.what),
            ));
        }
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        platform: diagnostics::platform(),
        programs: diagnostics::burning_programs(monitor),
        checkup,
    };
    desk.session.show(&report, text);
    Ok(if report.checkup.sound {
        Exit::Well
    } else {
        Exit::Failed
    })
}

fn refusal(drive: &dyn Drive, unfit: &Unfit) -> Failure {
    let place = printable_path(drive.place());
    let (what, advice) = match unfit {
        Unfit::Holds(label) => (
            format!("{place} holds something, its label is `{label}`; it would be lost"),
            "put in an empty disc that can be blanked (CD-RW, DVD+RW, DVD-RW, BD-RE), or say --yes if this one may be lost",
        ),
        Unfit::WrittenOnce(kind) => (
            format!("{place} holds a `{kind}`, which is written once and would be used up"),
            "put in an empty disc that can be blanked (CD-RW, DVD+RW, DVD-RW, BD-RE; for a disc that is a file, say --media \
             dvd+rw), or say --yes if this one may be used up",
        ),
    };
    Failure::new(Exit::Disc, what).advise(advice)
}

fn text(report: &Report) -> String {
    let found = &report.checkup;
    let mut text = format!(
        "cback {} on {}",
        report.version,
        printable(&report.platform)
    );
    let mut row = |word: &str, value: &str| {
        let _ = write!(text, "\n  {word:<12} {value}");
    };
    for (name, version) in &report.programs {
        row(name, version);
    }
    row("disc", &format!("{}, {}", found.place, found.kind));
    row("capacity", &bytes(found.capacity));
    for (word, value) in &found.details {
        row(word, value);
    }
    for trial in &found.steps {
        let _ = write!(text, "\n{}", line(trial));
    }
    text.push_str(if found.sound {
        "\nall is well"
    } else {
        "\nsomething failed; do not rely on this drive with this disc"
    });
    text.push_str(
        "; please send this report in, whatever it says: docs/drives.md lists what was tried",
    );
    text
}

fn line(trial: &Trial) -> String {
    let time = Duration::from_millis(trial.milliseconds);
    let word = match trial.result {
        TrialResult::Well => "well",
        TrialResult::Failed => "FAILED",
        TrialResult::LeftOut => "left out",
    };
    let mut line = format!("{}  {:<24} {word}", told::time(time), trial.what);
    if trial.bytes > 0 {
        let _ = write!(line, ", {}", bytes(trial.bytes));
        if let Some(rate) = (trial.bytes * 1000).checked_div(trial.milliseconds) {
            let _ = write!(line, " at {}/s", bytes(rate));
        }
    }
    if let Some(why) = &trial.why {
        let _ = write!(line, ": {}", printable(why));
    }
    line
}
