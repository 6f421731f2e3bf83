//! Commands: what each asks for, and who does it.

use std::time::Instant;

use super::Drive;
use super::sink::BUFFER;
use crate::answer::configuration::{Asked, Detail, configuration};
use crate::answer::track_information::{Which, track_information};
use crate::answer::{capacity, disc_information, modes, performance, structure, toc};
use crate::bytes::{get16, get32, put16, put32};
use crate::disc::Disc;
use crate::sense::{self, Sense};

type Answer = Result<Vec<u8>, Sense>;

impl Drive {
    /// Carries out a command; `out` is what came with it.
    pub fn execute(&mut self, cdb: &[u8; 16], out: &[u8]) -> Answer {
        let came = Instant::now();
        let answer = self.answer(cdb, out);
        self.heard
            .note(came, cdb, out, answer.as_ref().err().copied());
        answer
    }

    fn answer(&mut self, cdb: &[u8; 16], out: &[u8]) -> Answer {
        let code = cdb[0];
        if self.faults.unknown.contains(&code) {
            return self.failed(sense::UNKNOWN_COMMAND);
        }
        // whether what takes long has ended
        let _ = self.ready();
        // INQUIRY, REQUEST SENSE, GET CONFIGURATION, GET EVENT STATUS NOTIFICATION, REPORT LUNS
        let is_calm = matches!(code, 0x12 | 0x03 | 0x46 | 0x4a | 0xa0);
        if !is_calm && let Some(attention) = self.attention.pop_front() {
            return self.failed(attention);
        }
        let answer = self.carry_out(cdb, out);
        if std::env::var_os("VIRTUAL_BURNER_TRACE").is_some() {
            let shown: Vec<String> = cdb.iter().map(|byte| format!("{byte:02x}")).collect();
            match &answer {
                Ok(data) => eprintln!("{} out {} in {}", shown.join(" "), out.len(), data.len()),
                Err(sense) => eprintln!(
                    "{} -> {:x}/{:02x}/{:02x}",
                    shown.join(" "),
                    sense.key,
                    sense.code,
                    sense.qualifier
                ),
            }
        }
        answer.or_else(|sense| self.failed(sense))
    }

    fn failed(&mut self, sense: Sense) -> Answer {
        self.last = sense;
        Err(sense)
    }

    fn carry_out(&mut self, cdb: &[u8; 16], out: &[u8]) -> Answer {
        let (long, short) = (get32(cdb, 2), u32::from(get16(cdb, 7)));
        let nothing = |()| Vec::new();
        let immediate = cdb[1] & 1 != 0;
        match cdb[0] {
            // TEST UNIT READY
            0x00 => {
                self.medium()?;
                self.ready().map(nothing)
            }
            0x03 => Ok(self.request_sense()),
            0x04 => self.format_unit(out).map(nothing),
            0x12 => inquiry(cdb),
            0x15 => self.mode_select(out, 4).map(nothing),
            0x55 => self.mode_select(out, 8).map(nothing),
            0x1a => self.mode_sense(cdb[2], 4),
            0x5a => self.mode_sense(cdb[2], 8),
            0x1b => self.start_stop(cdb[4]).map(nothing),
            0x1e => {
                self.lock(cdb[4] & 1 != 0);
                Ok(Vec::new())
            }
            0x23 => Ok(capacity::formats(self.medium().ok())),
            0x25 => Ok(capacity::capacity(self.medium()?)),
            0x28 => self.read(long, short),
            0xa8 => self.read(long, get32(cdb, 6)),
            0x2a | 0x2e => self.write(long, short, out).map(nothing),
            0xaa => self.write(long, get32(cdb, 6), out).map(nothing),
            0x2f => self.read(long, short).map(|_| Vec::new()),
            0x35 => self.synchronize().map(nothing),
            0x43 => self.read_toc(cdb),
            0x46 => Ok(self.configuration(cdb)),
            0x4a => self.event_status(cdb),
            0x51 => self.disc_information(cdb),
            0x52 => self.track_information(cdb[1], long),
            0x53 => self.reserve(get32(cdb, 5)).map(nothing),
            // SEND OPC: nothing to calibrate
            0x54 => self.medium().map(|_| Vec::new()),
            0x5b => self
                .close(cdb[2] & 7, get16(cdb, 4), immediate)
                .map(nothing),
            0x5c => Ok(self.buffer_capacity()),
            0x5d => self.cue_sheet(out).map(nothing),
            0xa0 => Ok(vec![0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            0xa1 => self.blank(cdb[1] & 7, cdb[1] & 0x10 != 0).map(nothing),
            0xac => {
                let rows = usize::from(get16(cdb, 8));
                let disc = self.medium()?;
                match cdb[10] {
                    kind @ (0 | 3) => {
                        Ok(performance::performance(disc, kind, cdb[1] & 4 != 0, rows))
                    }
                    _ => Err(sense::INVALID_FIELD),
                }
            }
            0xad => structure::structure(self.medium()?, cdb[1] & 0x0f, cdb[7]),
            // SET STREAMING, SET CD SPEED, SET READ AHEAD: as fast as it goes
            0xb6 | 0xbb | 0xa7 => self.medium().map(|_| Vec::new()),
            0xbd => Ok(vec![0, u8::from(self.tray_open) << 4, 0, 0, 0, 1, 0, 0]),
            _ => Err(sense::UNKNOWN_COMMAND),
        }
    }

    fn request_sense(&mut self) -> Vec<u8> {
        let sense = match self.attention.pop_front() {
            Some(attention) => attention,
            None => match self.ready() {
                Err(busy) => busy,
                Ok(()) => std::mem::replace(&mut self.last, sense::NO_SENSE),
            },
        };
        sense.fixed().to_vec()
    }

    fn read(&mut self, first: u32, count: u32) -> Answer {
        self.medium()?;
        self.ready()?;
        self.faults.check_read(first, count)?;
        self.medium()?.read(first, count)
    }

    fn read_toc(&mut self, cdb: &[u8; 16]) -> Answer {
        let format = match cdb[2] & 0x0f {
            0 => cdb[9] >> 6, // where it was in older standards
            format => format,
        };
        toc::toc(self.medium()?, format, cdb[1] & 2 != 0, cdb[6])
    }

    fn configuration(&self, cdb: &[u8; 16]) -> Vec<u8> {
        let asked = match cdb[1] & 3 {
            0 => Asked::All,
            1 => Asked::Current,
            _ => Asked::One,
        };
        let detail = if self.faults.poor {
            Detail::Poor
        } else {
            Detail::Rich
        };
        let disc = self.medium().ok();
        let profile = match disc.map_or(0, Disc::profile) {
            profile if !self.faults.closed_is_rom => profile,
            profile if disc.is_none_or(|disc| !disc.finalized) => profile,
            0x09 | 0x0a => 0x08,
            0x41 => 0x40,
            _ => 0x10,
        };
        configuration(disc, profile, asked, get16(cdb, 2), detail)
    }

    fn event_status(&mut self, cdb: &[u8; 16]) -> Answer {
        if cdb[1] & 1 == 0 {
            return Err(sense::INVALID_FIELD);
        }
        // media events are the only ones
        let mut answer = vec![0, 2, 0x80, 0x10];
        if cdb[4] & 0x10 != 0 {
            answer = vec![0, 6, 4, 0x10];
            answer.extend_from_slice(&self.media_event());
        }
        Ok(answer)
    }

    fn disc_information(&mut self, cdb: &[u8; 16]) -> Answer {
        if cdb[1] & 7 != 0 {
            return Err(sense::INVALID_FIELD);
        }
        self.medium()?;
        self.ready()?;
        Ok(disc_information::disc_information(self.medium()?))
    }

    fn track_information(&mut self, kind: u8, number: u32) -> Answer {
        let which = match kind & 3 {
            0 => Which::Sector(number),
            1 => Which::Track(number),
            2 => Which::Session(number),
            _ => return Err(sense::INVALID_FIELD),
        };
        self.medium()?;
        self.ready()?;
        track_information(self.medium()?, which)
    }

    fn buffer_capacity(&mut self) -> Vec<u8> {
        let mut data = vec![0; 12];
        data[1] = 10;
        put32(&mut data, 4, BUFFER as u32);
        put32(&mut data, 8, self.sink.room() as u32);
        data
    }

    fn mode_select(&mut self, out: &[u8], header: usize) -> Result<(), Sense> {
        let described = if header == 8 {
            usize::from(get16(out, 6))
        } else {
            usize::from(out.get(3).copied().unwrap_or(0))
        };
        let Some(mut pages) = out.get(header + described..) else {
            return Err(sense::INVALID_PARAMETER);
        };
        while let [code, length, ..] = pages {
            let whole = 2 + usize::from(*length);
            let page = pages.get(..whole).ok_or(sense::INVALID_PARAMETER)?;
            if code & 0x3f == 5 {
                let count = page.len().min(self.write_page.len());
                if count < 10 {
                    return Err(sense::INVALID_PARAMETER);
                }
                // there is no test writing
                if page[2] & 0x10 != 0 {
                    return Err(sense::INVALID_PARAMETER);
                }
                self.write_page[2..count].copy_from_slice(&page[2..count]);
            }
            pages = &pages[whole..];
        }
        Ok(())
    }

    fn mode_sense(&mut self, page: u8, header: usize) -> Answer {
        let (control, wanted) = (page >> 6, page & 0x3f);
        let recovery = vec![1, 10, 0x80, 16, 0, 0, 0, 0, 0, 0, 0, 0];
        let disc = self.medium().ok();
        let all = [
            recovery,
            self.write_page.to_vec(),
            vec![0x1a, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            modes::capabilities(disc, self.is_locked(), (BUFFER >> 10) as u16),
        ];
        let mut data = vec![0; header];
        for mut page in all {
            if wanted != 0x3f && wanted != page[0] {
                continue;
            }
            if control == 1 {
                let changeable = if page[0] == 5 { 0xff } else { 0 };
                page[2..].fill(changeable);
            }
            data.extend_from_slice(&page);
        }
        if data.len() == header {
            return Err(sense::INVALID_FIELD);
        }
        if header == 8 {
            let length = data.len() as u16 - 2;
            put16(&mut data, 0, length);
        } else {
            data[0] = data.len() as u8 - 1;
        }
        Ok(data)
    }
}

fn inquiry(cdb: &[u8; 16]) -> Answer {
    if cdb[1] & 1 != 0 {
        return match cdb[2] {
            0x00 => Ok(vec![5, 0, 0, 2, 0, 0x80]),
            0x80 => Ok([&[5, 0x80, 0, 8][..], b"VB000001"].concat()),
            _ => Err(sense::INVALID_FIELD),
        };
    }
    let mut data = vec![0; 96];
    data[..5].copy_from_slice(&[5, 0x80, 5, 2, 91]);
    data[8..32].copy_from_slice(b"VIRTUAL DISC BURNER     ");
    data[32..36].copy_from_slice(b"1.0 ");
    Ok(data)
}
