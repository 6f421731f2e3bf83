//! Commands to a drive through Linux's `SG_IO` (`<scsi/sg.h>`, version 3).
//!
//! The one place of this module with `unsafe`: the kernel takes and fills a structure with pointers, and no safe interface to
//! it exists. The structure lives on the stack during the call, and the buffers that it points to outlive the call and are as
//! long as it says.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::{AskError, Command};

/// `sg_io_hdr` of `<scsi/sg.h>`.
#[repr(C)]
struct Header {
    interface_id: i32,
    direction: i32,
    command_length: u8,
    sense_room: u8,
    scatter_count: u16,
    length: u32,
    data: *mut u8,
    command: *const u8,
    sense: *mut u8,
    timeout: u32,
    flags: u32,
    pack_id: i32,
    user: *mut u8,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_length: u8,
    host_status: u16,
    driver_status: u16,
    residual: i32,
    duration: u32,
    info: u32,
}

const NO_DATA: i32 = -1;
const FROM_DEVICE: i32 = -3;
/// A SCSI status: there is sense data.
const CHECK_CONDITION: u8 = 2;

mod ioctl {
    nix::ioctl_readwrite_bad!(sg_io, 0x2285, super::Header);
}

/// A drive that is open for commands.
#[derive(Debug)]
pub struct SgIo(File);

impl SgIo {
    /// Opens a drive, whether there is a disc in it or not.
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map(Self)
    }

    /// Sends a command and gives what the drive answers, waiting at most that long.
    pub fn ask(&self, command: &Command, patience: Duration) -> Result<Vec<u8>, AskError> {
        let mut data = vec![0; command.room];
        let mut sense = [0_u8; 32];
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut header = Header {
            interface_id: i32::from(b'S'),
            direction: if data.is_empty() {
                NO_DATA
            } else {
                FROM_DEVICE
            },
            command_length: u8::try_from(command.bytes.len()).unwrap_or(u8::MAX),
            sense_room: 32,
            scatter_count: 0,
            length,
            data: data.as_mut_ptr(),
            command: command.bytes.as_ptr(),
            sense: sense.as_mut_ptr(),
            timeout: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
            flags: 0,
            pack_id: 0,
            user: std::ptr::null_mut(),
            status: 0,
            masked_status: 0,
            message_status: 0,
            sense_length: 0,
            host_status: 0,
            driver_status: 0,
            residual: 0,
            duration: 0,
            info: 0,
        };
        // SAFETY: `header` is what the kernel expects under this number, its pointers lead to `data`, `sense` and the
        // command's bytes, whose lengths it states, and all of them live until the call has returned.
        unsafe { ioctl::sg_io(self.0.as_raw_fd(), &raw mut header) }
            .map_err(|errno| AskError::Transport(errno.into()))?;
        let said = sense.len().min(header.sense_length.into());
        verdict(header.status, header.host_status, &sense[..said])?;
        let left = usize::try_from(header.residual).unwrap_or(0);
        data.truncate(data.len().saturating_sub(left));
        Ok(data)
    }
}

/// Whether a command was carried out, by its SCSI status, by what the host adapter says of it, and by its sense data.
fn verdict(status: u8, host: u16, sense: &[u8]) -> Result<(), AskError> {
    let (key, asc, ascq) = decode_sense(sense);
    // Recovered errors (1) and none (0) come with what was asked for.
    if key > 1 {
        return Err(AskError::Sense { key, asc, ascq });
    }
    let is_told = sense.first().is_some_and(|first| first & 0x7c == 0x70);
    let what = match status {
        0 if host == 0 => return Ok(()),
        CHECK_CONDITION if host == 0 && is_told => return Ok(()),
        CHECK_CONDITION if host == 0 => "the command failed, and why was lost".to_owned(),
        _ => format!("SCSI status {status:#04x}, host status {host:#06x}"),
    };
    Err(AskError::Transport(io::Error::other(what)))
}

/// Key, code and qualifier of sense data in its fixed or descriptor form (SPC-3 4.5).
pub(super) fn decode_sense(sense: &[u8]) -> (u8, u8, u8) {
    let byte = |at: usize| sense.get(at).copied().unwrap_or(0);
    match byte(0) & 0x7f {
        0x70 | 0x71 => (byte(2) & 0x0f, byte(12), byte(13)),
        0x72 | 0x73 => (byte(1) & 0x0f, byte(2), byte(3)),
        _ => (0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeros in place of an answer must never be taken for one.
    #[test]
    fn a_command_that_failed_is_not_taken_for_one_that_did_not() {
        let fixed = |key: u8| {
            [
                0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0,
            ]
        };
        for (status, host, sense, well) in [
            (0, 0, &[][..], true),
            (0, 0, &fixed(1), true),
            (0, 0, &fixed(3), false),
            (CHECK_CONDITION, 0, &fixed(0), true),
            (CHECK_CONDITION, 0, &fixed(1), true),
            (CHECK_CONDITION, 0, &fixed(3), false),
            (CHECK_CONDITION, 0, &[0x72, 3, 0x11, 0, 0, 0, 0, 0], false),
            // its reason was lost, or is none that the standard knows
            (CHECK_CONDITION, 0, &[], false),
            (CHECK_CONDITION, 0, &[0; 18], false),
            // busy; the adapter gave up, with or without a reason from earlier
            (8, 0, &[], false),
            (0, 3, &[], false),
            (0, 3, &fixed(1), false),
        ] {
            let found = verdict(status, host, sense);
            assert_eq!(found.is_ok(), well, "{status} {host} {sense:02x?}");
        }
    }
}
