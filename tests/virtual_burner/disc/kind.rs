//! Kinds of discs, and what differs between them.

/// A kind of disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    CdR,
    CdRw,
    DvdR,
    DvdRw,
    DvdRDl,
    DvdRam,
    DvdPlusR,
    DvdPlusRDl,
    DvdPlusRw,
    BdR,
    BdRe,
}

/// What is needed to know of a kind.
struct Facts {
    kind: Kind,
    word: &'static str,
    profile: u16,
    /// Sectors that can be written, of an ordinary one.
    sectors: u32,
    /// Sectors that can only be written together.
    block: u32,
    /// Sectors lost between the first session and the second, and between later ones.
    gaps: (u32, u32),
}

/// CDs: lead-out 6750 or 2250, lead-in 4500, pregap 150 sectors (MMC-6 4.2.3.5). DVD-R: border-out and border-in, 32 MB the
/// first time and 6 MB after that (ECMA-359 annex). DVD+R: closure and intro of 1024 each (ECMA-349). Blu-ray: none.
const FACTS: [Facts; 11] = [
    facts(Kind::CdR, "cd-r", 0x09, 359_849, 1, (11_400, 6_900)),
    facts(Kind::CdRw, "cd-rw", 0x0a, 359_849, 1, (11_400, 6_900)),
    facts(Kind::DvdR, "dvd-r", 0x11, 2_298_496, 16, (16_384, 3_072)),
    facts(Kind::DvdRw, "dvd-rw", 0x14, 2_298_496, 16, (16_384, 3_072)),
    facts(
        Kind::DvdRDl,
        "dvd-r-dl",
        0x15,
        4_171_712,
        16,
        (16_384, 3_072),
    ),
    facts(Kind::DvdRam, "dvd-ram", 0x12, 2_236_704, 16, (0, 0)),
    facts(Kind::DvdPlusR, "dvd+r", 0x1b, 2_295_104, 16, (2_048, 2_048)),
    facts(
        Kind::DvdPlusRDl,
        "dvd+r-dl",
        0x2b,
        4_173_824,
        16,
        (2_048, 2_048),
    ),
    facts(Kind::DvdPlusRw, "dvd+rw", 0x1a, 2_295_104, 16, (0, 0)),
    facts(Kind::BdR, "bd-r", 0x41, 12_219_392, 32, (0, 0)),
    facts(Kind::BdRe, "bd-re", 0x43, 12_219_392, 32, (0, 0)),
];

/// Discs of several layers that drives call by the same name as those of one.
const LAYERED: [(&str, Kind, u32); 5] = [
    ("bd-r-dl", Kind::BdR, 24_438_784),
    ("bd-r-tl", Kind::BdR, 48_878_592),
    ("bd-r-ql", Kind::BdR, 62_500_864),
    ("bd-re-dl", Kind::BdRe, 24_438_784),
    ("bd-re-tl", Kind::BdRe, 48_878_592),
];

const fn facts(
    kind: Kind,
    word: &'static str,
    profile: u16,
    sectors: u32,
    block: u32,
    gaps: (u32, u32),
) -> Facts {
    Facts {
        kind,
        word,
        profile,
        sectors,
        block,
        gaps,
    }
}

impl Kind {
    fn facts(self) -> &'static Facts {
        let found = FACTS.iter().find(|facts| facts.kind == self);
        found.unwrap_or(&FACTS[0]) // OK: the table has every kind
    }

    /// The kind that a word means.
    pub fn of(word: &str) -> Option<Self> {
        let found = FACTS.iter().find(|facts| facts.word == word);
        found.map(|facts| facts.kind)
    }

    /// The kind that a word means that may tell of layers, too, and the sectors of such a disc.
    pub fn with_sectors(word: &str) -> Option<(Self, u32)> {
        let layered = LAYERED.iter().find(|row| row.0 == word);
        let layered = layered.map(|(_, kind, sectors)| (*kind, *sectors));
        layered.or_else(|| Self::of(word).map(|kind| (kind, kind.sectors())))
    }

    pub fn word(self) -> &'static str {
        self.facts().word
    }

    /// Its number as a profile, when it is blank.
    pub fn profile(self) -> u16 {
        self.facts().profile
    }

    pub fn sectors(self) -> u32 {
        self.facts().sectors
    }

    pub fn block(self) -> u32 {
        self.facts().block
    }

    /// Sectors lost after the session of that number.
    pub fn gap(self, session: u16) -> u32 {
        let (first, later) = self.facts().gaps;
        if session <= 1 { first } else { later }
    }

    pub fn is_cd(self) -> bool {
        matches!(self, Self::CdR | Self::CdRw)
    }

    /// Whether it is DVD-R or one that is written like it.
    pub fn is_dvd_minus(self) -> bool {
        matches!(self, Self::DvdR | Self::DvdRw | Self::DvdRDl)
    }

    pub fn is_bd(self) -> bool {
        matches!(self, Self::BdR | Self::BdRe)
    }

    /// Whether it is written anywhere, always.
    pub fn is_random(self) -> bool {
        matches!(self, Self::DvdRam | Self::DvdPlusRw | Self::BdRe)
    }

    pub fn is_erasable(self) -> bool {
        self.is_random() || matches!(self, Self::CdRw | Self::DvdRw)
    }
}
