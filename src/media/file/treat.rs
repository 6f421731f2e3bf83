//! Blanking, formatting and closing a disc that is a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::{FileDrive, medium};
use crate::event::{Event, Monitor, Progress};
use crate::media::{Appendable, DriveError, SECTOR, Thoroughness, Treatment};

/// Zeros that are written at a time.
const BLOCK: usize = 1 << 20;

pub(super) fn treat(
    drive: &FileDrive,
    treatment: Treatment,
    monitor: &dyn Monitor,
) -> Result<(), DriveError> {
    let cannot = |why: &str| DriveError::Cannot {
        path: drive.path.clone().into(),
        why: why.to_owned(),
    };
    match treatment {
        Treatment::Eject => {
            return Err(cannot("is a disc that is a file, which has no tray"));
        }
        Treatment::Blank(_) | Treatment::Format if !drive.kind.is_rewritable() => {
            let word = drive.kind.word();
            return Err(cannot(&format!(
                "is a {word}, which is written once; say --media if it is another kind of disc"
            )));
        }
        _ => {}
    }
    let Some(file) = medium::lock(&drive.path)? else {
        return match treatment {
            Treatment::Close => Err(cannot("is blank, so there is nothing to close")),
            _ => Ok(()), // it is blank
        };
    };
    match treatment {
        Treatment::Close => close(drive, &file),
        Treatment::Blank(Thoroughness::All) => {
            let overwritten = overwrite(&file, monitor).and_then(|()| empty(&file));
            overwritten.map_err(drive.io("blank"))
        }
        _ => empty(&file).map_err(drive.io("blank")),
    }
}

fn empty(file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.sync_all()
}

fn overwrite(file: &File, monitor: &dyn Monitor) -> io::Result<()> {
    const TASK: &str = "blanking";
    let total = file.metadata()?.len();
    let zeros = vec![0; BLOCK];
    let mut done = 0;
    while done < total {
        let count = usize::try_from(total - done).map_or(BLOCK, |left| left.min(BLOCK));
        file.write_all_at(&zeros[..count], done)?;
        done += count as u64;
        monitor.observe(&Event::Progress(Progress {
            task: TASK,
            done,
            total: Some(total),
            files: None,
        }));
    }
    monitor.observe(&Event::ProgressEnd(TASK));
    file.sync_data()
}

fn close(drive: &FileDrive, file: &File) -> Result<(), DriveError> {
    let disc = drive.held(Some(file))?;
    if disc.appendable == Appendable::Closed {
        return Ok(());
    }
    let mut sector = vec![0; usize::try_from(SECTOR).unwrap_or(2048)];
    sector[..medium::CLOSED.len()].copy_from_slice(medium::CLOSED);
    file.write_all_at(&sector, medium::CLOSED_AT)
        .and_then(|()| file.sync_data())
        .map_err(drive.io("close"))
}
