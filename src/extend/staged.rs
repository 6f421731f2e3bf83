//! What extensions that work on staged files have in common.

use super::ExtendError;
use crate::action::look::{self, Access};
use crate::action::{Context, Finding};
use crate::staging::{Daily, Staging};
use crate::units::AbsPath;

/// The staging directory.
pub(super) fn dir<'a>(cx: &Context<'a>) -> Result<&'a AbsPath, ExtendError> {
    let stage = cx.config.stage.as_ref();
    stage
        .map(|stage| &stage.staging_dir)
        .ok_or(ExtendError::NoSection("stage"))
}

/// The days that have been staged, ascending.
pub(super) fn days(cx: &Context<'_>) -> Result<Vec<Daily>, ExtendError> {
    let dir = dir(cx)?;
    let fault = |source| ExtendError::Use {
        path: dir.clone().into(),
        source,
    };
    let mut days = Vec::new();
    for daily in Staging::new(dir.clone()).days().map_err(fault)? {
        if daily.is_staged().map_err(fault)? {
            days.push(daily);
        }
    }
    Ok(days)
}

/// An error that names the daily directory.
pub(super) fn at(daily: &Daily) -> impl Fn(std::io::Error) -> ExtendError {
    let path = daily.path().to_owned();
    move |source| ExtendError::Use {
        path: path.clone(),
        source,
    }
}

/// What is wrong with the staging directory.
pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    match dir(cx) {
        Ok(dir) => look::dir("staging directory", dir, Access::Write)
            .into_iter()
            .collect(),
        Err(error) => vec![error.finding()],
    }
}
