//! Speeds and the loading mechanism: GET PERFORMANCE type 3 (MMC-6 6.8), and mode page 2Ah (MMC-3 5.5.10) for drives where that
//! is poor.

use super::Command;
use super::answer::{Answer, Malformed};

/// What mode page 2Ah says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // bits of the page
pub struct Capabilities {
    /// Whether the tray can be opened by a command.
    pub ejects: bool,
    /// Whether there is a tray that a command closes.
    pub has_tray: bool,
    /// Whether the tray is locked.
    pub locked: bool,
    /// Whether the drive writes CD-R.
    pub writes_cd: bool,
    /// Bytes of the drive's buffer, if it tells.
    pub buffer: Option<u64>,
    /// Writing speeds in kB/s (1000 bytes), fastest first.
    pub speeds: Vec<u32>,
}

impl Capabilities {
    /// MODE SENSE(10) for page 2Ah.
    pub fn command() -> Command {
        Command {
            bytes: vec![0x5a, 0, 0x2a, 0, 0, 0, 0, 1, 0, 0],
            room: 256,
        }
    }
}

/// Decodes the answer to [`Capabilities::command`].
pub fn capabilities(bytes: &[u8]) -> Result<Capabilities, Malformed> {
    let answer = Answer::counted16(bytes)?;
    let page = 8 + usize::from(answer.be16(6)?);
    let code = answer.byte(page)?;
    if code & 0x3f != 0x2a {
        return Err(Malformed::Value {
            at: page,
            value: u32::from(code),
        });
    }
    let flags = answer.byte(page + 6)?;
    let writes = answer.byte(page + 3)?;
    let buffer = answer.be16(page + 12).unwrap_or(0);
    let mut speeds = Vec::new();
    let count = answer.be16(page + 30).map_or(0, usize::from);
    for at in 0..count {
        let Ok(speed) = answer.be16(page + 32 + at * 4 + 2) else {
            break;
        };
        speeds.push(u32::from(speed));
    }
    if speeds.is_empty()
        && let Ok(most @ 1..) = answer.be16(page + 18)
    {
        speeds.push(u32::from(most));
    }
    tidy(&mut speeds);
    Ok(Capabilities {
        ejects: flags & 8 != 0,
        has_tray: flags >> 5 == 1,
        locked: flags & 2 != 0,
        writes_cd: writes & 1 != 0,
        buffer: (buffer > 0).then(|| u64::from(buffer) * 1024),
        speeds,
    })
}

/// GET PERFORMANCE for the speeds at which this disc can be written.
pub fn command() -> Command {
    Command {
        bytes: vec![0xac, 0, 0, 0, 0, 0, 0, 0, 0, 64, 3, 0],
        room: 8 + 64 * 16,
    }
}

/// Writing speeds in kB/s (1000 bytes), fastest first.
pub fn speeds(bytes: &[u8]) -> Result<Vec<u32>, Malformed> {
    let answer = Answer::counted32(bytes)?;
    let mut speeds = Vec::new();
    let mut at = 8;
    while at + 16 <= answer.len() {
        speeds.push(answer.be32(at + 12)?);
        at += 16;
    }
    tidy(&mut speeds);
    Ok(speeds)
}

fn tidy(speeds: &mut Vec<u32>) {
    speeds.retain(|speed| *speed > 0);
    speeds.sort_unstable_by(|a, b| b.cmp(a));
    speeds.dedup();
}
