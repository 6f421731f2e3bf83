//! Patterns and names made up by a generator with a fixed seed: mostly sound ones, of everything that Python knows.

/// A generator of numbers (xorshift), the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

const ATOMS: &[&str] = &[
    "a", "b", "A", "/", ".", "\\.", "1", "-", "_", " ", "\n", "\u{e4}", "\u{c4}", "i", "I",
    "\u{130}", "k", "s", "\u{df}", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\n", "\\t", "\\x61",
    "\\u00e4", "\\101", "\\0", "#", "\\#", "\\ ", "{", "}", "]", "\\udce4", "\u{b2}",
];
const CLASSES: &[&str] = &[
    "[ab]",
    "[^a]",
    "[a-c]",
    "[^/]",
    "[]a]",
    "[^]a]",
    "[a-]",
    "[-a]",
    "[\\w.]",
    "[^\\w]",
    "[\\d\\s]",
    "[^\\W_]",
    "[\\x61-\\x63]",
    "[A-Z]",
    "[i]",
    "[\u{e4}-\u{f6}]",
    "[\\udc80-\\udcff]",
    "[^\\x00-\\x7f]",
    "[a&&b]",
    "[[ab]",
    "[a~~b]",
    "[.]",
    "[\\b]",
    "[^\\n]",
    "[\\D]",
    "[\\]]",
];
const PLACES: &[&str] = &["^", "$", "\\A", "\\Z", "\\b", "\\B"];
const REPEATS: &[&str] = &[
    "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{1,}", "{0,1}?",
    "{1,2}+", "{0}", "{,}", "{a}", "{1",
];
const OPENINGS: &[&str] = &[
    "(", "(", "(?:", "(?:", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?s:", "(?m:",
    "(?a:", "(?x:", "(?-i:", "(?is-m:", "(?P<n>",
];
const BEGINNINGS: &[&str] = &[
    "", "", "", "", "", "", "(?i)", "(?s)", "(?m)", "(?a)", "(?x)", "(?ia)", "(?ms)", "(?i)(?s)",
    "(?u)",
];
const REFERENCES: &[&str] = &[
    "\\1",
    "\\2",
    "(?P=n)",
    "(?(1)a|b)",
    "(?(1)a)",
    "(?(n)a|/)",
    "(?#c)",
];
/// What makes most patterns unsound, so that refusing is compared, too.
const NOISE: &[&str] = &[
    "(", ")", "[", "|", "*", "\\", "(?", "(?P<", "\\q", "(?i)", "{2,1}",
];

fn pattern(dice: &mut Dice, depth: usize, out: &mut String) {
    for _ in 0..=dice.below(4) {
        match dice.below(24) {
            0..=9 => out.push_str(dice.one(ATOMS)),
            10..=13 => out.push_str(dice.one(CLASSES)),
            14 | 15 => out.push_str(dice.one(PLACES)),
            16..=19 if depth > 0 => {
                out.push_str(dice.one(OPENINGS));
                pattern(dice, depth - 1, out);
                out.push(')');
            }
            20 => {
                out.push('|');
                continue;
            }
            21 => out.push_str(dice.one(REFERENCES)),
            22 if dice.below(6) == 0 => out.push_str(dice.one(NOISE)),
            _ => out.push('a'),
        }
        if dice.below(3) == 0 {
            let repeat = dice.one(REPEATS);
            // Python before 3.11.5 errs on groups that give nothing back (CPython's issue 106052).
            let keeps = repeat.len() > 1 && repeat.ends_with('+');
            if !(keeps && out.ends_with(')')) {
                out.push_str(repeat);
            }
        }
    }
}

/// So many patterns, always the same ones.
pub fn patterns(count: usize) -> Vec<String> {
    let mut dice = Dice(0x0dd_ba11_cafe);
    (0..count)
        .map(|_| {
            let mut text = dice.one(BEGINNINGS).to_owned();
            pattern(&mut dice, 3, &mut text);
            text
        })
        .collect()
}

/// So many names, always the same ones, some of them not text.
pub fn names(count: usize) -> Vec<Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"a",
        b"a",
        b"a",
        b"b",
        b"A",
        b"/",
        b".",
        b"1",
        b"-",
        b"_",
        b" ",
        b"\n",
        "\u{e4}".as_bytes(),
        "\u{c4}".as_bytes(),
        b"i",
        b"I",
        "\u{130}".as_bytes(),
        "\u{131}".as_bytes(),
        "\u{212a}".as_bytes(),
        "\u{17f}".as_bytes(),
        "\u{1e9e}".as_bytes(),
        "\u{b2}".as_bytes(),
        "\u{663}".as_bytes(),
        "\u{301}".as_bytes(),
        b"\xe4",
        b"\xff",
        b"c",
        b"{",
        b"]",
        b"#",
        b"\x1c",
        b"\t",
        b"n",
        b"\0",
    ];
    let mut dice = Dice(0x5eed_0f0a);
    (0..count)
        .map(|_| {
            let length = 1 + dice.below(5);
            (0..length)
                .flat_map(|_| pieces[dice.below(pieces.len())].to_vec())
                .collect()
        })
        .collect()
}
