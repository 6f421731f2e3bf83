//! How the drive is treated, by what it was asked: speed, delays, a locked tray, a mounted disc.

use std::fs;

use crate::guest::{Guest, noise};

/// `told NAME` keeps what the drive was asked since the last time.
const SCRIPT: &str = r#"
told() { drive commands >$1.told; }
with() { sed "s,<check_data>,$1<check_data>," template >cback.conf; sed -i 's/MEDIA/dvd+r/; s/DEVICE/dvdwriter/' cback.conf; }

# as fast as the drive likes, and at a speed that is configured
with ""; fresh cd-r; told before; call fast disc burn source; told fast
with "<drive_speed>4</drive_speed>"; fresh cd-r; told before; call slow disc burn source; told slow
fresh dvd+r; told before; call slow.dvd disc burn source; told slow.dvd

# the tray is opened, and somebody gets time; the disc is loaded again, and the drive gets time
with "<eject_delay>2</eject_delay><refresh_media_delay>3</refresh_media_delay>"
fresh dvd+r; told before; call delayed disc burn source; told delayed
with "<no_eject>Y</no_eject>"
fresh dvd+r; told before; call shut disc burn source; call shut.eject disc eject; told shut

# a tray that somebody has locked and left
with ""; fresh dvd+r; call burnt disc burn source; tray reload
sg_prevent --prevent=1 /dev/sg0; drive state >locked.said; told before
call unlocked disc eject; drive state >opened.said; told unlocked
drive button; sg_turs -n 8 /dev/sr0 >/dev/null 2>&1; tray reload

# a disc that is mounted
fresh dvd+rw; call formatted disc burn source; tray reload
mount -r /dev/sr0 /mnt/disc; told before
call mounted.burn disc burn --append source
call mounted.again disc burn --yes source
call mounted.blank disc blank --yes
call mounted.format disc format --yes
call mounted.close disc close
call mounted.eject disc eject
call mounted.copy disc copy --yes disc1 /dev/sr0
told mounted; umount /mnt/disc
"#;

/// Commands that write, erase, close, or open the tray (MMC-6): WRITE, BLANK, FORMAT UNIT, CLOSE TRACK SESSION, START STOP UNIT.
const CHANGING: [&str; 6] = ["2a", "aa", "a1", "04", "5b", "1b"];

/// What the drive was asked: when, in milliseconds, and the bytes.
fn told(guest: &Guest, name: &str) -> Vec<(u64, String)> {
    let text = fs::read_to_string(guest.path(&format!("{name}.told"))).unwrap();
    let line = |line: &str| {
        let (time, command) = line.split_once(' ').unwrap();
        (time.parse().unwrap(), command.to_owned())
    };
    text.lines().map(line).collect()
}

/// Where a command is that begins so, from that place on.
#[track_caller]
fn find(commands: &[(u64, String)], from: usize, begin: &str) -> usize {
    let found = commands[from..]
        .iter()
        .position(|(_, command)| command.starts_with(begin));
    from + found.unwrap_or_else(|| panic!("no {begin} in {commands:#?}"))
}

/// START STOP UNIT: the tray out, and in.
const OUT: &str = "1b 00 00 00 02";
const IN: &str = "1b 00 00 00 03";
const TEST_UNIT_READY: &str = "00 ";

#[test]
fn the_drive_is_treated_as_the_configuration_says() {
    let prepare = |share: &std::path::Path| {
        fs::write(share.join("source/noise"), noise(400_000)).unwrap();
    };
    let guest = Guest::run(prepare, SCRIPT);

    for call in ["fast", "slow", "slow.dvd", "delayed", "shut"] {
        guest.has(call, 0, &[]);
    }
    // SET CD SPEED has kB/s of the reading and of the writing speed in bytes 2 to 5; 4 times 176.4 is 706, and
    // cdrskin asks for a little more, since drives have their own idea of a kB
    let slow = told(&guest, "slow");
    let speed = &slow[find(&slow, 0, "bb ")].1;
    assert!(speed.starts_with("bb 00 02 e9 02 e9"), "{speed}");
    let fast = told(&guest, "fast");
    assert!(
        !fast
            .iter()
            .any(|(_, command)| command.starts_with("bb 00 02 e9 02 e9"))
    );
    // SET STREAMING has the writing speed in bytes 20 to 23 of its list; 4 times 1385 is 5540
    let slow = told(&guest, "slow.dvd");
    let speed = &slow[find(&slow, 0, "b6 ")].1;
    let list = speed.split_once(" : ").unwrap().1;
    assert!(list[20 * 3..].starts_with("00 00 15 a"), "{speed}");

    let delayed = told(&guest, "delayed");
    let out = find(&delayed, 0, OUT);
    assert!(delayed[out + 1].0 - delayed[out].0 >= 2000, "{delayed:#?}");
    let back = find(&delayed, out, IN);
    let ready = find(&delayed, back, TEST_UNIT_READY);
    let waited = delayed[ready..].windows(2);
    let longest = waited.map(|two| two[1].0 - two[0].0).max();
    let to_ready = delayed[ready].0 - delayed[back].0;
    assert!(longest.unwrap_or(0).max(to_ready) >= 2900, "{delayed:#?}");

    guest.has("shut.eject", 6, &["<no_eject>"]);
    let shut = told(&guest, "shut");
    assert!(!shut.iter().any(|(_, command)| command.starts_with(OUT)));

    assert!(guest.said("locked").contains("closed locked"));
    guest.has("unlocked", 0, &[]);
    assert!(guest.said("opened").contains("tray open"));
    let unlocked = told(&guest, "unlocked");
    let refused = find(&unlocked, 0, OUT);
    assert!(unlocked[refused].1.ends_with("-> 5/53/02"), "{unlocked:#?}");
    let unlock = find(&unlocked, refused, "1e 00 00 00 00");
    assert!(!unlocked[find(&unlocked, unlock, OUT)].1.contains("->"));

    for call in ["burn", "again", "blank", "format", "close", "eject", "copy"] {
        guest.has(&format!("mounted.{call}"), 6, &["mounted at /mnt/disc"]);
    }
    for (_, command) in told(&guest, "mounted") {
        let code = command.split(' ').next().unwrap();
        assert!(!CHANGING.contains(&code), "{command}");
    }
}
