//! What the virtual burner answers, beside what another emulated burner answers that somebody else wrote: tgt's, which knows
//! DVD+R only. The same commands are sent to both, for a blank disc and for the same data on a disc that is closed, and every
//! field in which they differ is named here with its reason.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::guest::Guest;

/// tgt's burner is `/dev/sr1`, the virtual one `/dev/sr0`. What each command brings is kept in files.
const SCRIPT: &str = r#"
T="tgtadm --lld iscsi"
tgtd -f --iscsi portal=127.0.0.1:3261 >/dev/null 2>&1 &
until $T --mode sys --op show >/dev/null 2>&1; do sleep 0.1; done
$T --mode target --op new --tid 1 -T iqn.2026-01.test:tgt
$T --mode target --op bind --tid 1 -I ALL
$T --mode logicalunit --op new --tid 1 --lun 1 --device-type cd
: >other
$T --mode logicalunit --op update --tid 1 --lun 1 --params removable=1
$T --mode logicalunit --op update --tid 1 --lun 1 --params path=/share/other
iscsistart -i iqn.2026-01.test:second -t iqn.2026-01.test:tgt -g 1 -a 127.0.0.1 -p 3261 >/dev/null 2>&1
until [ -b /dev/sr1 ]; do sleep 0.1; done
fresh dvd+r 2295104
ask() {
  local name=$1 room=$2; shift 2
  for n in 0 1; do sg_raw -r $room -o $name.$n /dev/sr$n $* >$name.$n.said 2>&1; echo $? >$name.$n.status; done
}
all() {
  for n in 0 1; do for _ in 1 2 3; do sg_turs /dev/sr$n; done; done >/dev/null 2>&1
  ask $1.configuration 8192 46 00 00 00 00 00 00 20 00 00
  ask $1.disc 34 51 00 00 00 00 00 00 00 22 00
  ask $1.track 48 52 01 00 00 00 01 00 00 30 00
  ask $1.next 48 52 01 00 00 00 ff 00 00 30 00
  ask $1.sector 48 52 00 00 00 00 00 00 00 30 00
  ask $1.contents 2048 43 00 00 00 00 00 00 08 00 00
  ask $1.sessions 12 43 00 01 00 00 00 00 00 0c 00
  ask $1.capacity 8 25 00 00 00 00 00 00 00 00 00
  ask $1.capabilities 256 5a 00 2a 00 00 00 00 01 00 00
  ask $1.structure 2052 ad 00 00 00 00 00 00 00 08 04 00 00
  ask $1.read 2048 28 00 00 00 00 00 00 00 01 00
}
all blank
head -c 3072000 /dev/urandom >image
for n in 0 1; do other burn$n cdrskin -v dev=/dev/sr$n -tao image; done
tray reload; drive rom
all closed
"#;

/// A field: its bytes in the answer, its bits in each byte, its name.
type Field = (Range<usize>, u8, &'static str);

/// What is the same in both answers, on a blank disc and on a closed one.
const SAME: [(&str, &[Field]); 8] = [
    (
        "disc",
        &[
            (0..2, 0xff, "length"),
            (2..3, 0x1f, "status of disc and session, erasable"),
            (3..4, 0xff, "first track"),
            (
                4..7,
                0xff,
                "sessions, first and last track of the last session",
            ),
            (9..16, 0xff, "high bytes, disc type's identification"),
        ],
    ),
    ("track", TRACK),
    ("sector", TRACK),
    ("capacity", &[(0..8, 0xff, "last sector, its length")]),
    (
        "capabilities",
        &[
            (8..9, 0x3f, "page"),
            (10..11, 0xff, "what is read"),
            // tgt offers test writing, the virtual burner does not
            (11..12, 0xfb, "what is written"),
            // audio is not spoken of
            (12..13, 0x70, "modes of reading, multisession"),
            (14..15, 0xff, "tray, lock, eject"),
        ],
    ),
    ("closed.contents", &[(0..18, 0xff, "tracks and lead-out")]),
    (
        "closed.sessions",
        &[(0..10, 0xff, "first track of the last session")],
    ),
    (
        "blank.structure",
        &[
            (0..2, 0xff, "length"),
            (4..5, 0xff, "book and part"),
            (6..7, 0xff, "layers and their kind"),
            (8..16, 0xff, "where data begins and ends"),
        ],
    ),
];

const TRACK: &[Field] = &[
    (2..5, 0xff, "track and session"),
    (5..6, 0x20, "damage"),
    (6..7, 0xff, "reserved, blank, packet, data mode"),
    (7..8, 0xff, "which addresses count"),
    (8..12, 0xff, "first sector"),
    (12..16, 0xff, "next writable sector"),
    (16..20, 0xff, "free sectors"),
    (24..28, 0xff, "length"),
    (28..32, 0xff, "last sector written"),
    (32..36, 0xff, "high bytes of track and session"),
];

/// What is not, and why the virtual burner is as it is.
const DIFFERENT: [(&str, Range<usize>, &str); 12] = [
    // MMC-6 6.22: nothing restricts the use of these discs, so that URU is one; tgt says instead that there is an application code
    ("blank.disc", 7..8, "unrestricted use"),
    ("closed.disc", 7..8, "unrestricted use"),
    // the type is that of a CD; of others it is undefined, FFh
    ("blank.disc", 8..9, "disc type"),
    ("closed.disc", 8..9, "disc type"),
    // times of lead-in and lead-out are a CD's; FFh is none
    ("blank.disc", 16..24, "lead-in and lead-out of a CD"),
    ("closed.disc", 16..24, "lead-in and lead-out of a CD"),
    // 6.27: this answer has 48 bytes since MMC-5, and 36 before
    ("blank.track", 0..2, "length"),
    ("closed.track", 0..2, "length"),
    // 6.27: data written without interruption are 4; tgt's 7 is incremental, and 4 once it is written
    ("blank.track", 5..6, "track mode"),
    // 6.27: only counts where the packet bit says so, and that is zero in both
    ("blank.track", 20..24, "packet size"),
    // what drives do that play audio
    ("blank.capabilities", 12..14, "audio"),
    // 6.24: 12 cm in both; the other half is the rate of reading, which tgt does not specify (Fh)
    ("blank.structure", 5..6, "rate"),
];

fn answer(guest: &Guest, name: &str) -> [Vec<u8>; 2] {
    [0, 1].map(|n| std::fs::read(guest.path(&format!("{name}.{n}"))).unwrap())
}

/// How a command ended, and the last line of why.
fn status(guest: &Guest, name: &str) -> [String; 2] {
    [0, 1].map(|n| {
        let status = std::fs::read_to_string(guest.path(&format!("{name}.{n}.status"))).unwrap();
        let said = guest.said(&format!("{name}.{n}"));
        let sense = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("Additional sense: "));
        format!("{} {}", status.trim(), sense.unwrap_or_default())
    })
}

/// Features by their code: whether one is always there, whether it can be used now, and its bytes.
fn features(answer: &[u8]) -> BTreeMap<u16, (bool, bool, Vec<u8>)> {
    let length = u32::from_be_bytes(answer[..4].try_into().unwrap()) as usize + 4;
    let mut rest = &answer[8..length.min(answer.len())];
    let mut found = BTreeMap::new();
    while let [high, low, flags, count, more @ ..] = rest {
        let count = usize::from(*count);
        let code = u16::from_be_bytes([*high, *low]);
        found.insert(
            code,
            (flags & 2 != 0, flags & 1 != 0, more[..count].to_vec()),
        );
        rest = &more[count..];
    }
    found
}

/// Whether a profile of the list is the current one.
fn is_current(list: &[u8], profile: u16) -> bool {
    let wanted = profile.to_be_bytes();
    list.chunks(4).any(|row| row[..2] == wanted && row[2] == 1)
}

#[test]
fn the_virtual_burner_answers_as_one_that_others_wrote() {
    let guest = Guest::run(|_| (), SCRIPT);
    for burn in ["burn0", "burn1"] {
        guest.has(burn, 0, &["burning done"]);
    }
    for (name, fields) in SAME {
        let names = if name.contains('.') {
            vec![name.to_owned()]
        } else {
            vec![format!("blank.{name}"), format!("closed.{name}")]
        };
        for name in names {
            let [ours, theirs] = answer(&guest, &name);
            for (range, bits, field) in fields {
                let masked = |answer: &[u8]| -> Vec<u8> {
                    answer[range.clone()]
                        .iter()
                        .map(|byte| byte & bits)
                        .collect()
                };
                assert_eq!(masked(&ours), masked(&theirs), "{name}: {field}");
            }
        }
    }
    for (name, range, field) in DIFFERENT {
        let [ours, theirs] = answer(&guest, name);
        // a reason for what does not differ is none
        assert_ne!(ours[range.clone()], theirs[range], "{name}: {field}");
    }
    the_same_disc(&guest);
    the_same_refusals(&guest);
}

/// GET CONFIGURATION: the profile, and of the features that both know, which can be used.
fn the_same_disc(guest: &Guest) {
    for (state, profile) in [("blank", 0x1b), ("closed", 0x10)] {
        let both = answer(guest, &format!("{state}.configuration"));
        let [ours, theirs] = [0, 1].map(|n| features(&both[n]));
        for answer in &both {
            assert_eq!(
                u16::from_be_bytes([answer[6], answer[7]]),
                profile,
                "{state}"
            );
        }
        for list in [&ours[&0].2, &theirs[&0].2] {
            assert!(is_current(list, profile), "{state}");
            assert!(!is_current(list, 0x2b - profile), "{state}");
        }
        for (code, (persistent, current, _)) in &theirs {
            // disc control blocks, which only tgt has; and streaming, which in tgt depends on the disc
            if [0x10a, 0x107].contains(code) {
                continue;
            }
            let own = &ours[code];
            assert_eq!(
                (own.0, own.1),
                (*persistent, *current),
                "{state}: feature {code:#06x}"
            );
        }
        // the loader, and what of a DVD+R can be done
        for code in [0x03, 0x2b] {
            assert_eq!(
                ours[&code].2[..2],
                theirs[&code].2[..2],
                "{state}: {code:#06x}"
            );
        }
    }
}

/// What neither answers, for the same reason.
fn the_same_refusals(guest: &Guest) {
    let out_of_range = "22 Logical block address out of range";
    assert_eq!(status(guest, "blank.read"), [out_of_range, out_of_range]);
    let [ours, theirs] = answer(guest, "closed.read");
    assert_eq!(ours, theirs);
    // no track follows on a closed disc: 5/24 in the virtual burner; tgt says the same with another key, 2/24
    let refused = "Invalid field in cdb";
    let [ours, theirs] = status(guest, "closed.next");
    assert!(
        ours.ends_with(refused) && theirs.ends_with(refused),
        "{ours}, {theirs}"
    );
    // a blank disc has no table of contents (6.26); tgt tells of one without sectors
    assert_eq!(
        status(guest, "blank.contents"),
        [format!("5 {refused}"), "0 ".to_owned()]
    );
}
