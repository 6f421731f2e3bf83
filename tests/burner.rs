//! The real program on a real `/dev/sr0`: a guest with the kernel's own CD-ROM driver and an emulated DVD+R burner.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)] // shared with other tests
mod guest;

use std::fs;
use std::path::Path;
use std::process::Command;

use guest::{Guest, Hardware, configuration, long_names, noise};

const SCRIPT: &str = r#"
# a blank disc: seen, too small for what is too large, then a whole backup with reading back
call blank disc info
truncate -s 5G big; call capacity disc burn --disc /dev/sr0 big; rm big
call backup -O collect stage store
call written disc info
mount -r /dev/sr0 /mnt/disc && tar -C /mnt/disc -cf kernel.tar . ; echo $? >kernel.status
# somebody reads the disc: the tray stays shut, nothing is written
call locked disc eject
call mounted --full store
umount /mnt/disc
call restored restore --from /dev/sr0 --into restored
call listed disc ls -R
call got disc get --into got README.txt
# the disc is complete: nothing can be added, and nothing is lost
call append disc burn --append --disc /dev/sr0 source
call full --full store
call again disc blank --yes
call close disc close
call copied disc copy --verify /dev/sr0 /share/copy.iso
call same disc compare /dev/sr0 copy.iso
xorriso -indev /dev/sr0 -find / -type f >xorriso.said 2>&1; echo $? >xorriso.status

# an empty tray, and a run that waits for a disc
call opened disc eject
tray -
call nothing disc info
call empty --full store
rm -f second.iso
# meanwhile another kind of disc is configured than there will be, the external program that burns, and a tray that stays shut
cp cback.conf own.conf; cp other.conf cback.conf
cat >/run/burner/systemd-inhibit <<'X'
#!/bin/sh
echo "$@" >>/share/inhibit.said
while [ "${1#--}" != "$1" ]; do shift; done
"$@"; echo released >>/share/inhibit.said
X
chmod +x /run/burner/systemd-inhibit
(call waited -b -O --wait-for-disc --full store) & waiting=$!
until grep -q waiting waited.said 2>/dev/null; do sleep 0.2; done
tray /share/second.iso
wait $waiting
cp own.conf cback.conf
call after disc info

# a burn that is interrupted: the burning program is gone, and the disc is what the drive says it is
tray /share/third.iso
$CBACK -c cback.conf -l log disc burn --disc /dev/sr0 large >interrupted.said 2>&1 & burning=$!
# it has written some, and much is left
until [ $(stat -c %s third.iso) -gt 2000000 ]; do sleep 0.01; done
kill -INT $burning; wait $burning; echo $? >interrupted.status
pgrep -x cdrskin >/dev/null; echo $? >left.status

# sessions of a disc that is a file, seen by the kernel: long names and long links in the second one
mount -o ro,loop,sbsector=$(cat second.start) two.iso /mnt/disc && tar -C /mnt/disc -cf long.tar . ; echo $? >long.status
umount /mnt/disc
"#;

/// Another kind of disc, other programs, and a tray that stays shut.
fn other_configuration() -> String {
    let more = "<drive_speed>4</drive_speed><engine>external</engine><no_eject>Y</no_eject>
    <refresh_media_delay>1</refresh_media_delay>
    <wait_hook>echo \"$CBACK_DRIVE: $CBACK_REASON\" >/share/hook.said</wait_hook>";
    configuration(more).replace("dvd+r<", "dvd+rw<")
}

/// A disc that is a file, with long names and links in its second session; gives where that begins.
fn two_sessions(share: &Path) -> String {
    let cback = |words: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_cback"))
            .args(["-c", "none", "disc"])
            .args(words)
            .current_dir(share)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    };
    long_names(&share.join("long"));
    cback(&["burn", "--disc", "two.iso", "source"]);
    cback(&["burn", "--append", "--disc", "two.iso", "long"]);
    let info = cback(&["info", "two.iso", "--json"]);
    let line: serde_json::Value = serde_json::from_str(info.lines().next().unwrap()).unwrap();
    line["result"]["sessions"][1]["start"].to_string()
}

#[test]
fn a_real_drive_is_written_read_and_respected() {
    let prepare = |share: &Path| {
        let own = configuration("<check_media>Y</check_media>");
        fs::write(share.join("cback.conf"), own).unwrap();
        fs::write(share.join("other.conf"), other_configuration()).unwrap();
        fs::write(share.join("source/noise"), noise(3_000_000)).unwrap();
        fs::write(share.join("source/text"), "some text\n").unwrap();
        fs::create_dir(share.join("large")).unwrap();
        fs::write(share.join("large/noise"), noise(60_000_000)).unwrap();
        let start = two_sessions(share);
        fs::write(share.join("second.start"), &start).unwrap();
    };
    let guest = Guest::run_on(Hardware::PlainBurner, prepare, SCRIPT);
    guest.has(
        "blank",
        0,
        &["dvd+r, blank", "DVD+R", "4.38 GB free of 4.38 GB"],
    );
    guest.has("capacity", 12, &["2295104 free"]);
    guest.has("backup", 0, &[]);
    assert_eq!(guest.said("backup"), "");
    let log = guest.log();
    for words in [
        "cdrskin",
        "Starting new track at sector: 0",
        "was read back and is sound",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    guest.has("written", 0, &["CEDAR BACKUP", "closed", "at sector 0"]);
    guest.has("kernel", 0, &[]);
    guest.has("locked", 6, &["mounted at /mnt/disc"]);
    guest.has("mounted", 12, &["written already"]);
    guest.has("restored", 0, &[]);
    guest.same("source", "restored/share/source");
    guest.has("listed", 0, &["README.txt", "share-source.tar.gz"]);
    guest.has("got", 0, &[]);
    assert!(guest.path("got/README.txt").is_file());
    guest.has("append", 12, &["takes no other session"]);
    guest.has("full", 12, &["insert a blank one"]);
    guest.has("again", 6, &["written once"]);
    guest.has("close", 0, &[]);
    guest.has("copied", 0, &[]);
    guest.has("same", 0, &["identical"]);
    guest.has("xorriso", 0, &["README.txt", "share-source.tar.gz"]);

    guest.has("opened", 0, &[]);
    guest.has("nothing", 12, &["there is no disc"]);
    guest.has("empty", 12, &["there is no disc"]);
    guest.has(
        "waited",
        0,
        &["waiting for another disc", "another disc in the drive"],
    );
    other_programs(&guest);
    guest.has("after", 0, &["CEDAR BACKUP"]);

    guest.has("interrupted", 5, &[]);
    guest.has("left", 1, &[]);

    guest.has("long", 0, &[]);
    let out = guest.path("long-out");
    fs::create_dir(&out).unwrap();
    let unpacked = Command::new("tar")
        .arg("-C")
        .arg(&out)
        .arg("-xf")
        .arg(guest.path("long.tar"))
        .status();
    assert!(unpacked.unwrap().success());
    for name in ["noise", "text"] {
        fs::remove_file(out.join(name)).unwrap();
    }
    guest.same("long", "long-out");
    judged_by_xorriso(&guest);
}

/// What a run did whose configuration speaks of another kind of disc and of other programs.
fn other_programs(guest: &Guest) {
    for words in [
        "the configuration says `dvd+rw`, and the disc in the drive is a `dvd+r`, which is written once",
        "growisofs",
        "-speed=4",
        "was read back and is sound",
    ] {
        let log = guest.log();
        assert!(log.contains(words), "{words}: {log}");
    }
    let hook = guest.said("hook");
    assert!(hook.contains("/dev/sr0: there is no disc"), "{hook}");
    let inhibited = guest.said("inhibit");
    assert!(
        inhibited.contains("--what=sleep") && inhibited.contains("--why=burning"),
        "{inhibited}"
    );
}

/// The same second session, as xorriso reads it.
fn judged_by_xorriso(guest: &Guest) {
    let out = guest.path("xorriso-out");
    let done = Command::new("xorriso")
        .args(["-osirrox", "on", "-indev", "stdio:two.iso", "-extract", "/"])
        .arg(&out)
        .current_dir(guest.path(""))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    for name in ["noise", "text"] {
        fs::remove_file(out.join(name)).unwrap();
    }
    guest.same("long", "xorriso-out");
}
