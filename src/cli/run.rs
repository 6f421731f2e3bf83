//! `cback action…`: configuration, lock, plan; then its steps.

use std::time::{Duration, SystemTime};

use super::args::{Arguments, Common};
use super::dry_run;
use super::exit::Exit;
use super::managed;
use super::meant;
use super::session::{Failure, Session};
use crate::action::{self, Action, ActionError, Closing, Context, Extent, Patience};
use crate::changer::ChangerError;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config, Hook};
use crate::event::{Event, Tell as _, printable_path};
use crate::extend::Extension;
use crate::fsx;
use crate::lock::{Lock, LockError};
use crate::media::DriveError;
use crate::plan::{self, Plan, PlanError, Reach, Step, Task, When};
use crate::process::{RunError, Status};
use crate::staging::ChooseError;
use crate::store::StoreError;
use crate::units::Ids;

/// The lock in the working directory.
const LOCK: &str = "cback.lock";

/// Carries out the actions that are named.
pub fn run(arguments: &Arguments) -> Exit {
    let session = match Session::open(&arguments.common) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let outcome = work(&session, &arguments.common, arguments);
    session.end(&outcome)
}

fn work(session: &Session, common: &Common, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = session
        .load(common)
        .map_err(|failure| meant::beside(failure, &arguments.actions))?;
    let reach = match (arguments.managed, arguments.managed_only) {
        (_, true) => Reach::ManagedOnly,
        (true, false) => Reach::HereAndManaged,
        (false, false) => Reach::Here,
    };
    let plan = Plan::new(&arguments.actions, reach, &config).map_err(no_plan)?;
    session.monitor().note(plan.order());
    let extent = if arguments.full {
        Extent::Full
    } else {
        Extent::Configured
    };
    let closing = if arguments.close {
        Closing::Closed
    } else {
        Closing::Open
    };
    if arguments.dry_run {
        // Takes no lock: that would change something.
        let manner = Manner {
            closing,
            ..Manner::of(extent)
        };
        return with_context(session, &config, manner, None, |context| {
            dry_run::show(session, &plan, context)
        });
    }
    let patience = if arguments.wait_for_disc {
        Patience::ForDisc
    } else {
        Patience::None
    };
    carry_out(
        session,
        &config,
        &plan,
        Manner {
            extent,
            patience,
            closing,
        },
    )?;
    session.applaud(&ended_well(&plan, &printable_path(&common.logfile)));
    Ok(Exit::Well)
}

/// What is said of a plan that was carried out.
fn ended_well(plan: &Plan, log: &str) -> String {
    let steps = plan.steps().iter();
    let words: Vec<String> = steps
        .filter_map(|step| match step {
            Step::Hook { .. } => None,
            Step::Run(task) => Some(task.word().to_owned()),
            Step::Managed { action, .. } => Some(format!("{action} on managed peers")),
        })
        .collect();
    match words.as_slice() {
        [] => "nothing was done: no managed peer has such an action".to_owned(),
        [validate] if validate == "validate" => "Configuration is valid.".to_owned(),
        words => format!("all is well: {} (log: {log})", words.join(", ")),
    }
}

/// How a run was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How much is backed up.
    pub extent: Extent,
    /// Whether the right disc is waited for.
    pub patience: Patience,
    /// Whether the disc that is written is closed then.
    pub closing: Closing,
}

impl Manner {
    /// So much, waiting for nothing, closing nothing.
    pub fn of(extent: Extent) -> Self {
        Self {
            extent,
            patience: Patience::None,
            closing: Closing::Open,
        }
    }
}

/// Why there is no plan, and what was perhaps meant.
fn no_plan(error: PlanError) -> Failure {
    let advice = match &error {
        PlanError::Unknown { name, known } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            meant::instead(name, &known)
        }
        _ => None,
    };
    Failure::of(Exit::Config, error).advised(advice)
}

/// Carries out `plan`, alone.
pub fn carry_out(
    session: &Session,
    config: &Config,
    plan: &Plan,
    manner: Manner,
) -> Result<(), Failure> {
    runnable(plan)?;
    // Looking changes nothing; it finds out whether there is such an owner, and a working directory for a lock.
    let validate = Task::BuiltIn(Action::Validate);
    let steps = |context: &Context<'_>| take(session, plan, context);
    if plan.tasks().all(|task| *task == validate) {
        with_context(session, config, manner, None, steps)
    } else {
        alone(session, config, manner, steps)
    }
}

/// Does `work` as the only run with this working directory; another one is waited for by nobody.
pub fn alone<T>(
    session: &Session,
    config: &Config,
    manner: Manner,
    work: impl FnOnce(&Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let ids = config.options.owner.to_give().map_err(|error| {
        Failure::of(Exit::Failed, error).advise("correct <backup_user> and <backup_group>")
    })?;
    with_context(session, config, manner, ids, |context| {
        let _lock = lock(config, context)?;
        work(context)
    })
}

/// Does `work` with all that actions know, beside a run that may be at work.
pub fn beside<T>(
    session: &Session,
    config: &Config,
    work: impl FnOnce(&Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let ids = config.options.owner.to_give().ok().flatten();
    with_context(session, config, Manner::of(Extent::Configured), ids, work)
}

/// Does `work` with all that actions know.
fn with_context<T>(
    session: &Session,
    config: &Config,
    manner: Manner,
    ids: Option<Ids>,
    work: impl FnOnce(&Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let clock = SystemClock;
    let programs = action::programs(config, session.monitor());
    work(&Context {
        config,
        day: clock.today(),
        clock: &clock,
        stamp: stamp(clock.now()),
        extent: manner.extent,
        patience: manner.patience,
        closing: manner.closing,
        ids,
        monitor: session.monitor(),
        programs: &programs,
    })
}

/// Takes the steps of `plan`, one after the other.
fn take(session: &Session, plan: &Plan, context: &Context<'_>) -> Result<(), Failure> {
    for step in plan.steps() {
        match step {
            Step::Hook { when, hook } => run_hook(*when, hook, context)?,
            Step::Run(task) => {
                session.monitor().observe(&Event::Begin(task.word()));
                run_task(task, context)?;
                session.monitor().observe(&Event::End(task.word()));
            }
            Step::Managed { action, peers } => managed::ask(action, peers, context),
        }
    }
    Ok(())
}

/// Whether every extension of the plan is one of ours; found out before the first step.
fn runnable(plan: &Plan) -> Result<(), Failure> {
    for task in plan.tasks() {
        if let Task::Extension(extension) = task {
            ours(extension)?;
        }
    }
    Ok(())
}

/// The built-in extension that `extension` means.
pub fn ours(extension: &config::Extension) -> Result<Extension, Failure> {
    Extension::named(&extension.module, &extension.function).ok_or_else(|| {
        let what = format!(
            "the extension `{}` is `{}.{}`, which is not one of those that are built in",
            extension.name, extension.module, extension.function
        );
        Failure::new(Exit::Config, what)
            .advise("run that program from a hook of another action, or leave the extension out")
    })
}

fn run_task(task: &Task, context: &Context<'_>) -> Result<(), Failure> {
    match task {
        Task::BuiltIn(action) => action.run(context).map_err(|error| failure(*action, error)),
        Task::Extension(extension) => ours(extension)?
            .run(context)
            .map_err(|error| Failure::of(Exit::Failed, error).during(task.word())),
    }
}

fn run_hook(when: When, hook: &Hook, context: &Context<'_>) -> Result<(), Failure> {
    plan::run_hook(hook, when, context.programs, context.monitor).map_err(|error| {
        let late = matches!(
            error.source,
            RunError::Failed {
                status: Status::TimedOut,
                ..
            }
        );
        let longer = match hook.timeout {
            Some(limit) if late => format!("give it more than `<timeout>{}</timeout>`, ", limit.as_secs()),
            _ => String::new(),
        };
        Failure::of(Exit::Failed, error).during(hook.action.as_str()).advise(format!(
            "{longer}mend the hook, or give it `<ignore_failure>Y</ignore_failure>`; with --output the log has all that it prints"
        ))
    })
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
    let lock = Lock::take(&path, &holder).map_err(|error| match error {
        LockError::Held { .. } => {
            Failure::of(Exit::Locked, error).advise("wait until it has ended; nothing was done")
        }
        LockError::Io { .. } => Failure::of(Exit::Failed, error)
            .advise(
                "<working_dir> has to be a directory in which this user may write; `cback validate` says what else is missing",
            ),
    })?;
    // The backup user takes the same lock in a run of its own.
    if let Err(error) = fsx::give(&path, context.ids) {
        context
            .monitor
            .warn(format!("the lock stays root's: {error}"));
    }
    Ok(lock)
}

/// What an action's failure means to the caller.
pub fn failure(action: Action, error: ActionError) -> Failure {
    meaning(error).during(action.word())
}

/// The same, of work that is no action by itself.
pub fn meaning(error: ActionError) -> Failure {
    let exit = match &error {
        ActionError::Invalid(_) => Exit::Config,
        ActionError::Store(error) if error.wants_another_disc() => Exit::Disc,
        ActionError::Store(StoreError::CheckFailed { .. }) => Exit::Repairable,
        ActionError::Changer(ChangerError::Locked(LockError::Held { .. })) => Exit::Locked,
        ActionError::Changer(error) if error.wants_disc() => Exit::Disc,
        _ => Exit::Failed,
    };
    let advice = advice(&error);
    Failure::of(exit, error).advised(advice)
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
        ActionError::NotForChanger => "run `cback store`; `cback changer scan` says what is blank",
        ActionError::NotClosedInChanger => {
            "run it without --close; `cback changer load` puts a disc into a drive, and `cback disc close` closes it there"
        }
        ActionError::Changer(error) => return error.advice().map(str::to_owned),
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
        ActionError::Store(StoreError::Drive(DriveError::Mounted { .. })) => {
            "unmount it, and run it again"
        }
        ActionError::Store(StoreError::NoDisc(_)) => {
            "put a disc in and run it again, or let it wait for one with --wait-for-disc"
        }
        ActionError::Store(StoreError::Drive(DriveError::Engine { .. })) => {
            "the disc may be spoilt: `cback disc info` says what is on it; put another one in and run it again"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// The time that is written into what this run makes: `SOURCE_DATE_EPOCH`, in seconds since 1970, if it is
/// set (<https://reproducible-builds.org/specs/source-date-epoch/>), so that the same input gives the same bytes.
pub(super) fn stamp(now: SystemTime) -> SystemTime {
    std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .unwrap_or(now)
}
