//! A track: a part of a disc that is written from its beginning on, once.

/// Its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// The session that it is in.
    pub session: u16,
    pub start: u32,
    /// Where writing goes on.
    pub next: u32,
    /// The sector after its last one, if its size was fixed before or it is closed.
    pub end: Option<u32>,
    pub closed: bool,
    /// Writing ended by accident, so that nobody knows where.
    pub damaged: bool,
    /// Sectors at its end that were written and cannot be read.
    pub run_out: u32,
}

impl Track {
    /// A new one.
    pub fn new(session: u16, start: u32, end: Option<u32>) -> Self {
        Self {
            session,
            start,
            next: start,
            end,
            closed: false,
            damaged: false,
            run_out: 0,
        }
    }

    /// Whether it takes what follows its last sector, up to the end of the disc.
    pub fn is_open_ended(&self) -> bool {
        !self.closed && self.end.is_none()
    }

    /// Whether something was written there that can be read.
    pub fn reads(&self, sector: u32) -> bool {
        let end = self.next - self.run_out.min(self.next);
        (self.start..end).contains(&sector)
    }

    /// As a line of the state file.
    pub fn line(&self) -> String {
        let end = self
            .end
            .map_or_else(|| "-".to_owned(), |end| end.to_string());
        format!(
            "track {} {} {} {end} {} {} {}",
            self.session,
            self.start,
            self.next,
            u8::from(self.closed),
            u8::from(self.damaged),
            self.run_out
        )
    }

    /// From the words of such a line.
    pub fn parse(words: &[&str]) -> Option<Self> {
        let [session, start, next, end, closed, damaged, run_out] = words else {
            return None;
        };
        Some(Self {
            session: session.parse().ok()?,
            start: start.parse().ok()?,
            next: next.parse().ok()?,
            end: if *end == "-" {
                None
            } else {
                Some(end.parse().ok()?)
            },
            closed: *closed == "1",
            damaged: *damaged == "1",
            run_out: run_out.parse().ok()?,
        })
    }
}
