//! Who moves discs, asked.

use std::time::Duration;

use super::status::Status;
use super::{ChangerError, Robot, mtx, program};
use crate::event::printable;
use crate::process::{Command, Runner, Stdout};

/// The longest that a robot may take: large libraries look at every slot when their door was open.
const PATIENCE: Duration = Duration::from_mins(15);

impl Robot {
    /// Where discs are.
    pub(super) fn status(&self, runner: &dyn Runner) -> Result<Status, ChangerError> {
        let command = self.command().arg("status");
        let mut output = Vec::new();
        run(
            runner,
            &command,
            Stdout::Keep(&mut output),
            "say what it holds",
        )?;
        let text = String::from_utf8_lossy(&output);
        let parsed = match self {
            Self::Mtx(_) => mtx::parse(&text),
            Self::Program(_) => program::parse(&text),
        };
        parsed.map_err(|line| ChangerError::Status {
            command: command.to_string(),
            line: printable(&line),
        })
    }

    /// Carries the disc in `slot` into `drive`.
    pub(super) fn load(
        &self,
        runner: &dyn Runner,
        slot: u32,
        drive: u32,
    ) -> Result<(), ChangerError> {
        let doing = format!("carry the disc of slot {slot} into drive {drive}");
        self.carry(runner, "load", slot, drive, &doing)
    }

    /// Carries the disc in `drive` into `slot`.
    pub(super) fn unload(
        &self,
        runner: &dyn Runner,
        slot: u32,
        drive: u32,
    ) -> Result<(), ChangerError> {
        let doing = format!("carry the disc of drive {drive} into slot {slot}");
        self.carry(runner, "unload", slot, drive, &doing)
    }

    fn carry(
        &self,
        runner: &dyn Runner,
        word: &str,
        slot: u32,
        drive: u32,
        doing: &str,
    ) -> Result<(), ChangerError> {
        let numbers = [slot.to_string(), drive.to_string()];
        let command = self.command().arg(word).args(numbers);
        run(runner, &command, Stdout::Lines, doing)
    }

    fn command(&self) -> Command {
        let command = match self {
            Self::Mtx(device) => mtx::command(device),
            Self::Program(path) => Command::new(path.as_path()),
        };
        command.time_limit(PATIENCE)
    }
}

fn run(
    runner: &dyn Runner,
    command: &Command,
    stdout: Stdout<'_>,
    doing: &str,
) -> Result<(), ChangerError> {
    let ended = runner.run(command, stdout);
    let ended = ended.and_then(|ended| ended.ok(command));
    ended.map_err(|source| ChangerError::Robot {
        doing: doing.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::process::{Answer, Scripted};
    use crate::units::AbsPath;

    #[test]
    fn the_words_are_those_of_the_programs() {
        let path = |text: &str| AbsPath::new(text).unwrap();
        for (robot, words) in [
            (Robot::Mtx(path("/dev/sg3")), &["mtx", "-f", "/dev/sg3"][..]),
            (Robot::Program(path("/opt/arm")), &["/opt/arm"]),
        ] {
            let expected = |rest: &[&str]| {
                let mut all = words.iter().chain(rest).copied();
                Command::new(all.next().unwrap())
                    .args(all)
                    .time_limit(PATIENCE)
            };
            let runner = Scripted::new()
                .expect(expected(&["load", "3", "1"]), Answer::well(""))
                .expect(expected(&["unload", "4", "0"]), Answer::well(""));
            robot.load(&runner, 3, 1).unwrap();
            robot.unload(&runner, 4, 0).unwrap();
        }
    }
}
