//! `cback action…`: configuration, lock, plan, hooks, actions.

use std::time::{Duration, SystemTime};

use super::args::Common;
use super::exit::Exit;
use super::session::{Failure, Session};
use crate::action::{Action, ActionError, Context, Extent};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Hook};
use crate::event::{Event, Tell as _};
use crate::lock::{Lock, LockError};
use crate::media::DriveError;
use crate::plan::{self, Output, Plan};
use crate::staging::ChooseError;
use crate::store::StoreError;
use crate::units::Naming;

/// The lock in the working directory.
const LOCK: &str = "cback.lock";

/// Carries out the actions named by `words`.
pub fn run(common: &Common, words: &[String], extent: Extent) -> Exit {
    let session = match Session::open(common) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let outcome = work(&session, common, words, extent);
    session.end(&outcome)
}

fn work(
    session: &Session,
    common: &Common,
    words: &[String],
    extent: Extent,
) -> Result<Exit, Failure> {
    let config = session.load(&common.config, Naming::V3)?;
    let extensions: Vec<&str> = config
        .extensions
        .actions
        .iter()
        .map(|extension| extension.name.as_str())
        .collect();
    let plan = Plan::new(words, &extensions).map_err(|error| Failure::of(Exit::Config, error))?;
    carry_out(session, &config, &plan, extent)?;
    Ok(Exit::Well)
}

/// Carries out `plan`, alone: another run with this working directory is waited for by nobody.
pub fn carry_out(
    session: &Session,
    config: &Config,
    plan: &Plan,
    extent: Extent,
) -> Result<(), Failure> {
    let clock = SystemClock;
    let owner = &config.options.owner;
    // Looking changes nothing; it finds out whether there is such an owner, and a working directory for a lock.
    let looks_only = plan.actions() == [Action::Validate];
    let ids = if looks_only {
        None
    } else {
        owner.to_give().map_err(|error| {
            Failure::of(Exit::Failed, error).advise("correct <backup_user> and <backup_group>")
        })?
    };
    let context = Context {
        config,
        day: clock.today(),
        clock: &clock,
        stamp: stamp(clock.now()),
        extent,
        ids,
        monitor: session.monitor(),
    };
    let _lock = (!looks_only).then(|| lock(config, &context)).transpose()?;
    for &action in plan.actions() {
        hooks(session, action, &config.options.pre_action_hooks)?;
        session.monitor().observe(&Event::Begin(action.word()));
        action
            .run(&context)
            .map_err(|error| failure(action, error))?;
        session.monitor().observe(&Event::End(action.word()));
        hooks(session, action, &config.options.post_action_hooks)?;
    }
    Ok(())
}

/// One run at a time.
fn lock(config: &Config, context: &Context<'_>) -> Result<Lock, Failure> {
    let path = config.options.working_dir.join(LOCK);
    let since = chrono::DateTime::<chrono::Local>::from(context.clock.now());
    let holder = format!(
        "process {} since {}",
        std::process::id(),
        since.format("%Y-%m-%d %H:%M:%S")
    );
    Lock::take(&path, &holder).map_err(|error| match error {
        LockError::Held { .. } => {
            Failure::of(Exit::Locked, error).advise("wait until it has ended; nothing was done")
        }
        LockError::Io { .. } => Failure::of(Exit::Failed, error)
            .advise("<working_dir> has to be a directory in which this user may write"),
    })
}

fn hooks(session: &Session, action: Action, hooks: &[Hook]) -> Result<(), Failure> {
    for hook in hooks {
        if hook.action.as_str() == action.word() {
            session
                .monitor()
                .note(format!("running the hook `{}`", hook.command));
            let output = if session.logs_output() {
                Output::Log
            } else {
                Output::Drop
            };
            plan::run_hook(&hook.command, output)
                .map_err(|error| Failure::of(Exit::Failed, error))?;
        }
    }
    Ok(())
}

/// What an action's failure means to the caller.
fn failure(action: Action, error: ActionError) -> Failure {
    let exit = match &error {
        ActionError::Invalid(_) => Exit::Config,
        ActionError::Store(error) if error.wants_another_disc() => Exit::Disc,
        ActionError::Store(StoreError::CheckFailed { .. }) => Exit::Repairable,
        _ => Exit::Failed,
    };
    let advice = advice(&error);
    Failure::of(exit, error)
        .during(action.word())
        .advised(advice)
}

/// What to do next, where the message does not say it.
fn advice(error: &ActionError) -> Option<String> {
    let text = match error {
        ActionError::NoSection(section) => {
            return Some(format!(
                "add a <{section}> section, or leave the action out"
            ));
        }
        ActionError::Invalid(_) => "mend what is named above, and run `cback validate` again",
        ActionError::Look { .. } => "is it mounted, and may this user read it?",
        ActionError::NothingToRebuild => "run `cback stage` first",
        ActionError::Choose(ChooseError::TodayNotStaged(_)) => "run `cback collect stage` first",
        ActionError::Choose(ChooseError::NothingWaits(_)) => {
            "if there should be something: did stage run today, and for this staging directory?"
        }
        ActionError::Collect(_) | ActionError::Stage(_) => {
            "mend the cause and run it again; what was finished is kept"
        }
        ActionError::Store(
            StoreError::Volume { .. } | StoreError::Drive(DriveError::Unreadable { .. }),
        ) => {
            "keep the disc, or its file, in another place, so that a new one begins; `cback restore --from` still \
             reads what is sound on it"
        }
        ActionError::Store(StoreError::Drive(DriveError::NoSpace { .. })) => {
            "make room on that file system and run it again"
        }
        ActionError::Store(StoreError::Drive(DriveError::Busy(_))) => "wait until it has ended",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The time that is written into what this run makes: `SOURCE_DATE_EPOCH`, in seconds since 1970, if it is
/// set (<https://reproducible-builds.org/specs/source-date-epoch/>), so that the same input gives the same bytes.
fn stamp(now: SystemTime) -> SystemTime {
    std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .unwrap_or(now)
}
