//! A small iSCSI target (RFC 7143): one connection, one logical unit, no authentication, no digests.
//!
//! Commands are carried out in their order. Data that the initiator sends comes with the command, after it unasked, or when it
//! is asked for (R2T); the command begins when all of it is there.

mod login;
mod pdu;

use std::collections::VecDeque;
use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::bytes::{put16, put32};
use crate::drive::Drive;
use crate::sense::Sense;
use login::Terms;
use pdu::{NONE, Pdu};

/// Commands that the initiator may send before they are answered.
const WINDOW: u32 = 32;

/// Serves connections, one after the other.
pub fn serve(listener: &TcpListener, drive: &Arc<Mutex<Drive>>) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let mut connection = Connection {
            reader: BufReader::with_capacity(pdu::SEGMENT + 4096, stream.try_clone()?),
            stream,
            waiting: VecDeque::new(),
            terms: Terms::default(),
            status: 1,
            expected: 0,
            logged_in: false,
            greeted: false,
        };
        if let Err(error) = connection.run(drive) {
            eprintln!("virtual-burner: the connection failed: {error}");
        }
    }
    Ok(())
}

struct Connection {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
    /// What came while data was waited for.
    waiting: VecDeque<Pdu>,
    terms: Terms,
    /// The next number of a status.
    status: u32,
    /// The next number of a command.
    expected: u32,
    logged_in: bool,
    greeted: bool,
}

impl Connection {
    fn run(&mut self, drive: &Mutex<Drive>) -> io::Result<()> {
        loop {
            let next = match self.waiting.pop_front() {
                Some(pdu) => Some(pdu),
                None => Pdu::read(&mut self.reader)?,
            };
            let Some(pdu) = next else { return Ok(()) };
            if !pdu.is_immediate() && pdu.opcode() != 5 {
                self.expected = pdu.field(24).wrapping_add(1);
            }
            match pdu.opcode() {
                0x00 => self.nop(pdu)?,
                0x01 => self.command(&pdu, drive)?,
                // nothing is ever under way: a task that is to be aborted has ended
                0x02 => self.send(Pdu::new(0x22, 0x80, pdu.task()))?,
                0x03 => self.login(&pdu)?,
                0x04 => self.text(&pdu)?,
                0x06 => return self.send(Pdu::new(0x26, 0x80, pdu.task())),
                _ => {} // data of a command that was given up
            }
        }
    }

    /// Sends an answer that carries a status.
    fn send(&mut self, mut pdu: Pdu) -> io::Result<()> {
        pdu.set(24, self.status);
        self.status = self.status.wrapping_add(1);
        self.send_numbered(pdu)
    }

    fn send_numbered(&mut self, mut pdu: Pdu) -> io::Result<()> {
        pdu.set(28, self.expected);
        pdu.set(32, self.expected.wrapping_add(WINDOW));
        pdu.write(&mut self.stream)
    }

    fn nop(&mut self, ping: Pdu) -> io::Result<()> {
        if ping.task() == NONE {
            return Ok(());
        }
        let mut answer = Pdu::new(0x20, 0x80, ping.task());
        answer.set(20, NONE);
        answer.data = ping.data;
        self.send(answer)
    }

    fn text(&mut self, request: &Pdu) -> io::Result<()> {
        let mut answer = Pdu::new(0x24, 0x80, request.task());
        answer.set(20, NONE);
        if request.data.starts_with(b"SendTargets") {
            answer.data = format!("TargetName={}\0", crate::TARGET).into_bytes();
        } else {
            answer.data = login::negotiate(&request.data, &mut self.terms);
        }
        self.send(answer)
    }

    fn login(&mut self, request: &Pdu) -> io::Result<()> {
        if !self.logged_in {
            self.expected = request.field(24);
        }
        let stages = request.header[1] & 0x8f;
        let mut answer = Pdu::new(0x23, stages, request.task());
        answer.header[8..14].copy_from_slice(&request.header[8..14]);
        let done = stages & 0x83 == 0x83;
        put16(&mut answer.header, 14, u16::from(done));
        answer.data = login::negotiate(&request.data, &mut self.terms);
        login::own(&mut answer.data, !self.greeted, stages & 0x0c == 0x04);
        self.greeted = true;
        self.logged_in |= done;
        self.send(answer)
    }

    fn command(&mut self, request: &Pdu, drive: &Mutex<Drive>) -> io::Result<()> {
        let length = request.field(20);
        let writes = request.header[1] & 0x20 != 0;
        let data = if writes {
            self.collect(request, length)?
        } else {
            Vec::new()
        };
        let mut cdb = [0; 16];
        cdb.copy_from_slice(&request.header[32..48]);
        let result = drive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .execute(&cdb, &data);
        match result {
            Err(sense) => self.failed(request.task(), sense, length),
            Ok(answer) if writes || (answer.is_empty() && length == 0) => {
                self.send(Pdu::new(0x21, 0x80, request.task()))
            }
            Ok(answer) => self.answer(request.task(), answer, length),
        }
    }

    /// All the data of a command.
    fn collect(&mut self, request: &Pdu, length: u32) -> io::Result<Vec<u8>> {
        let mut data = vec![0; length as usize];
        let first = request.data.len().min(data.len());
        data[..first].copy_from_slice(&request.data[..first]);
        let mut have = first as u32;
        if !request.is_final() {
            self.burst(request.task(), &mut data, &mut have)?;
        }
        let mut number = 0;
        while have < length {
            let mut ask = Pdu::new(0x31, 0x80, request.task());
            ask.set(20, number);
            ask.set(24, self.status);
            ask.set(36, number);
            ask.set(40, have);
            ask.set(44, (length - have).min(self.terms.burst));
            self.send_numbered(ask)?;
            self.burst(request.task(), &mut data, &mut have)?;
            number += 1;
        }
        Ok(data)
    }

    /// Data units of a task up to the last one of a burst.
    fn burst(&mut self, task: u32, data: &mut [u8], have: &mut u32) -> io::Result<()> {
        loop {
            let pdu = Pdu::read(&mut self.reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if pdu.opcode() != 5 || pdu.task() != task {
                self.waiting.push_back(pdu);
                continue;
            }
            let at = pdu.field(40) as usize;
            let place = data
                .get_mut(at..at + pdu.data.len())
                .ok_or_else(|| io::Error::other("data beyond the end of its command"))?;
            place.copy_from_slice(&pdu.data);
            *have += pdu.data.len() as u32;
            if pdu.is_final() {
                return Ok(());
            }
        }
    }

    fn failed(&mut self, task: u32, sense: Sense, length: u32) -> io::Result<()> {
        let residual = if length > 0 { 2 } else { 0 };
        let mut answer = Pdu::new(0x21, 0x80 | residual, task);
        answer.header[3] = 2;
        answer.set(44, length);
        let sense = sense.fixed();
        answer.data = vec![0, sense.len() as u8];
        answer.data.extend_from_slice(&sense);
        self.send(answer)
    }

    /// Data for the initiator, and with its last part the status.
    fn answer(&mut self, task: u32, mut data: Vec<u8>, length: u32) -> io::Result<()> {
        data.truncate(length as usize);
        let residual = length - data.len() as u32;
        let mut at = 0;
        let mut number = 0;
        loop {
            let end = (at + self.terms.segment.min(pdu::SEGMENT)).min(data.len());
            let last = end == data.len();
            let mut part = Pdu::new(0x25, 0, task);
            part.set(20, NONE);
            part.set(36, number);
            part.set(40, at as u32);
            part.data = data[at..end].to_vec();
            if last {
                part.header[1] = 0x81 | if residual > 0 { 2 } else { 0 };
                put32(&mut part.header, 44, residual);
                return self.send(part);
            }
            self.send_numbered(part)?;
            at = end;
            number += 1;
        }
    }
}
