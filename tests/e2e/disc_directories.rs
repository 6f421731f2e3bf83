//! Discs of which directories cannot be read any more: what is left of them.

use std::fs;

use crate::machine::Machine;

/// The sectors of the directories of the disc that have a file whose name has `part` in it, ascending.
fn directories(disc: &[u8], part: &str) -> Vec<usize> {
    let sectors = disc.chunks(2048).enumerate();
    let is_one = |(at, sector): &(usize, &[u8])| {
        sector.len() == 2048
            && sector[32..34] == [1, 0]
            && u32::from_le_bytes(sector[2..6].try_into().unwrap()) as usize == *at
            && sector
                .windows(part.len())
                .any(|name| name == part.as_bytes())
    };
    sectors.filter(is_one).map(|(at, _)| at).collect()
}

#[test]
fn one_damaged_directory_costs_only_what_is_in_it() {
    let machine = crate::disc::machine();
    for dir in ["one", "two", "three"] {
        fs::create_dir(machine.path("source").join(dir)).unwrap();
        fs::write(machine.path("source").join(dir).join("letter"), dir).unwrap();
    }
    machine
        .cback("disc burn --joliet --disc d.iso source")
        .run()
        .well();
    let disc = fs::read(machine.path("d.iso")).unwrap();
    let found = directories(&disc, "letter");
    assert_eq!(found.len(), 3, "{found:?}");
    // Directories lie in the order of their names: `one`, `three`, `two`. A record that is longer than its sector.
    let lose = |disc: &mut [u8], sector: usize| {
        disc[sector * 2048 + 2047 - 100..(sector + 1) * 2048].fill(0);
        let second = usize::from(disc[sector * 2048]);
        let third = second + usize::from(disc[sector * 2048 + second]);
        disc[sector * 2048 + third] = 20;
    };
    let mut half = disc.clone();
    lose(&mut half, found[1]);
    fs::write(machine.path("half.iso"), &half).unwrap();
    let listed = machine.cback("disc ls -R --disc half.iso").run();
    let listed = listed.with_status(10).says(&["half.iso/three"]);
    assert!(listed.stdout.contains("three/letter"), "{}", listed.stdout);
    let got = machine
        .cback("disc get --disc half.iso --into half three")
        .run();
    got.with_status(10).says(&["half.iso/three"]);
    let path = machine.path("half/three/letter");
    assert_eq!(fs::read_to_string(path).unwrap(), "three");

    // Joliet's directory of that name, too.
    let wide: String = "letter".chars().flat_map(|letter| ['\0', letter]).collect();
    let others = directories(&half, &wide);
    assert_eq!(others.len(), 3, "{others:?}");
    let mut disc = half;
    lose(&mut disc, others[1]);
    fs::write(machine.path("d.iso"), &disc).unwrap();
    let listed = machine.cback("disc ls -R --disc d.iso").run();
    let listed = listed.with_status(10).says(&["d.iso/three"]);
    assert!(listed.stdout.contains("two/letter"), "{}", listed.stdout);
    let got = machine
        .cback("disc get --disc d.iso --into got one two three text")
        .run();
    got.with_status(10).says(&["d.iso/three"]);
    for (name, held) in [("one/letter", "one"), ("two/letter", "two")] {
        let path = machine.path("got").join(name);
        assert_eq!(fs::read_to_string(path).unwrap(), held);
    }
    assert!(!machine.path("got/three/letter").exists());
    // Nothing is appended to it, since the rest would be gone for good.
    let append = machine
        .cback("disc burn --append --disc d.iso source")
        .run();
    append.with_status(6).says(&["cannot be read"]);
}

/// Letters over the directory `number` (from 0) of those that have an archive in the newest session of the disc: over that of
/// Rock Ridge, or of Joliet.
fn spoil(machine: &Machine, part: &str, number: usize, of: usize) {
    let mut disc = fs::read(machine.disc()).unwrap();
    // The head has a copy of the newest session's descriptor.
    let root = u32::from_le_bytes(disc[16 * 2048 + 158..][..4].try_into().unwrap());
    let mut found = directories(&disc, part);
    found.retain(|sector| *sector >= root as usize);
    assert_eq!(found.len(), of, "{found:?}");
    disc[found[number] * 2048..(found[number] + 1) * 2048].fill(b'x');
    fs::write(machine.disc(), disc).unwrap();
}

/// What the records of archives have in their names.
const ROCK_RIDGE: &str = ".tar.gz";
const JOLIET: &str = "\0.\0t\0a\0r\0.\0g\0z";

#[test]
fn what_can_be_read_of_a_damaged_disc_is_restored() {
    let days = ["2026-11-23", "2026-11-24", "2026-11-25"];
    // Each day has a session of its own, and the one before the newest still has the directory.
    let machine = crate::disc::machine();
    for day in days {
        fs::write(machine.path("source").join(day), day).unwrap();
        Machine::settle();
        machine.back_up(day);
    }
    let kept = machine.keep("all");
    for part in [ROCK_RIDGE, JOLIET] {
        spoil(&machine, part, 1, 3);
    }
    let restore = |machine: &Machine| {
        machine
            .cback("restore --incomplete --into out --from")
            .arg(machine.disc())
            .run()
    };
    let restored = restore(&machine).with_status(10);
    restored.says(&["2026/11/24/ada", "an earlier session"]);
    crate::tree::assert_same(&kept, &machine.restored("out"));

    // All days are in one session: what is in that directory is lost, and nothing else.
    let machine = crate::disc::machine();
    for day in days {
        fs::write(machine.path("source").join(day), day).unwrap();
        Machine::settle();
        machine
            .cback("collect stage")
            .on(day)
            .run()
            .well_and_silent();
    }
    machine.cback("store").on(days[2]).run().well();
    let kept = machine.keep("all");
    spoil(&machine, ROCK_RIDGE, 1, 3);
    restore(&machine).with_status(10).says(&["2026/11/24/ada"]);
    crate::tree::assert_same(&kept, &machine.restored("out"));
    fs::remove_dir_all(machine.path("out")).unwrap();
    spoil(&machine, JOLIET, 1, 3);
    let restored = restore(&machine);
    assert!(restored.status != 0, "{restored:?}");
    restored.says(&["2026/11/24/ada"]);
    let at = |day: &str| machine.restored("out").join(day).exists();
    assert_eq!(days.map(at), [true, false, true]);
}
