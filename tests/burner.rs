//! The real program on a real `/dev/sr0`: a guest with the kernel's own CD-ROM driver and an emulated DVD+R burner.
//!
//! The guest is User Mode Linux, which needs neither root nor KVM; `tests/burner-vm/run-in-burner-vm.sh` fetches its Debian
//! packages when it runs first. Booting costs seconds, so there is one boot, in which many things happen one after the other;
//! what each call said and how it ended comes back in files. Without the guest the test fails.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// What happens in the guest. `call NAME ARGUMENTS` leaves `NAME.said` and `NAME.status`.
const SCRIPT: &str = r#"
set -u
cd /share
call() { name=$1; shift; $CBACK -c cback.conf -l log "$@" >$name.said 2>&1; echo $? >$name.status; }

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
until pgrep -x cdrskin >/dev/null; do sleep 0.1; done
sleep 2
kill -INT $burning; wait $burning; echo $? >interrupted.status
pgrep -x cdrskin >/dev/null; echo $? >left.status

# sessions of a disc that is a file, seen by the kernel: long names and long links in the second one
mount -o ro,loop,sbsector=$(cat second.start) two.iso /mnt/disc && tar -C /mnt/disc -cf long.tar . ; echo $? >long.status
umount /mnt/disc
exit 0
"#;

fn configuration() -> String {
    r#"<?xml version="1.0"?>
<cb_config>
  <reference><author>tests</author></reference>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>/share/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <peers>
    <peer><name>ada</name><type>local</type><collect_dir>/share/collect</collect_dir></peer>
  </peers>
  <collect>
    <collect_dir>/share/collect</collect_dir>
    <collect_mode>daily</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.cbignore</ignore_file>
    <dir><abs_path>/share/source</abs_path></dir>
  </collect>
  <stage><staging_dir>/share/stage</staging_dir></stage>
  <store>
    <source_dir>/share/stage</source_dir>
    <media_type>dvd+r</media_type>
    <device_type>dvdwriter</device_type>
    <target_device>/dev/sr0</target_device>
    <check_data>Y</check_data>
    <check_media>Y</check_media>
  </store>
</cb_config>
"#
    .to_owned()
}

/// The same with another kind of disc, other programs, and a tray that stays shut.
fn other_configuration() -> String {
    configuration().replace("dvd+r<", "dvd+rw<").replace(
        "<check_data>",
        "<drive_speed>4</drive_speed><engine>external</engine><no_eject>Y</no_eject>
    <refresh_media_delay>1</refresh_media_delay>
    <wait_hook>echo \"$CBACK_DRIVE: $CBACK_REASON\" >/share/hook.said</wait_hook><check_data>",
    )
}

/// Bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

/// What a call in the guest came to.
struct Seen<'a>(&'a Path);

impl Seen<'_> {
    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(format!("{name}.said"))).unwrap_or_default()
    }

    #[track_caller]
    fn ended(&self, name: &str, status: i32) {
        let file = self.0.join(format!("{name}.status"));
        let ended = fs::read_to_string(file).unwrap_or_default();
        assert_eq!(
            ended.trim(),
            status.to_string(),
            "{name}: {}",
            self.said(name)
        );
    }

    #[track_caller]
    fn has(&self, name: &str, status: i32, words: &[&str]) {
        self.ended(name, status);
        let said = self.said(name);
        for word in words {
            assert!(said.contains(word), "{name} does not say `{word}`:\n{said}");
        }
    }
}

fn same(one: &Path, two: &Path) {
    let diff = Command::new("diff")
        .args(["-r", "--no-dereference"])
        .args([one, two])
        .output()
        .unwrap();
    assert!(
        diff.status.success(),
        "{}",
        String::from_utf8_lossy(&diff.stdout)
    );
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
    let long = share.join("long");
    fs::create_dir(&long).unwrap();
    for length in [201, 230, 250] {
        fs::write(long.join("n".repeat(length)), length.to_string()).unwrap();
    }
    for length in [300, 1000] {
        let target = "0123456/".repeat(125)[..length].to_owned();
        symlink(target, long.join(format!("link{length}"))).unwrap();
    }
    cback(&["burn", "--disc", "two.iso", "source"]);
    cback(&["burn", "--append", "--disc", "two.iso", "long"]);
    let info = cback(&["info", "two.iso", "--json"]);
    let line: serde_json::Value = serde_json::from_str(info.lines().next().unwrap()).unwrap();
    line["result"]["sessions"][1]["start"].to_string()
}

#[test]
fn a_real_drive_is_written_read_and_respected() {
    let directory = tempfile::tempdir().unwrap();
    let share = directory.path();
    for dir in ["source", "collect", "stage", "work", "large"] {
        fs::create_dir(share.join(dir)).unwrap();
    }
    fs::write(share.join("cback.conf"), configuration()).unwrap();
    fs::write(share.join("other.conf"), other_configuration()).unwrap();
    fs::write(share.join("source/noise"), noise(3_000_000)).unwrap();
    fs::write(share.join("source/text"), "some text\n").unwrap();
    fs::write(share.join("large/noise"), noise(60_000_000)).unwrap();
    let start = two_sessions(share);
    fs::write(share.join("second.start"), &start).unwrap();

    let here = env!("CARGO_MANIFEST_DIR");
    let script = SCRIPT.replace("$CBACK", env!("CARGO_BIN_EXE_cback"));
    let guest = Command::new(format!("{here}/tests/burner-vm/run-in-burner-vm.sh"))
        .args(["-t", "280", "-s"])
        .arg(share)
        .arg(script)
        .output()
        .unwrap();
    assert!(
        guest.status.success(),
        "the guest: {}\n{}{}",
        guest.status,
        String::from_utf8_lossy(&guest.stdout),
        String::from_utf8_lossy(&guest.stderr)
    );

    let seen = Seen(share);
    seen.has(
        "blank",
        0,
        &["dvd+r, blank", "DVD+R", "4.38 GB free of 4.38 GB"],
    );
    seen.has("capacity", 12, &["2295104 free"]);
    seen.has("backup", 0, &[]);
    assert_eq!(seen.said("backup"), "");
    let log = fs::read_to_string(share.join("log")).unwrap();
    for words in [
        "cdrskin",
        "Starting new track at sector: 0",
        "was read back and is sound",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    seen.has("written", 0, &["CEDAR BACKUP", "closed", "at sector 0"]);
    seen.ended("kernel", 0);
    seen.has("locked", 6, &["mounted at /mnt/disc"]);
    seen.has("mounted", 12, &["written already"]);
    seen.has("restored", 0, &[]);
    same(&share.join("source"), &share.join("restored/share/source"));
    seen.has("listed", 0, &["README.txt", "share-source.tar.gz"]);
    seen.has("got", 0, &[]);
    assert!(share.join("got/README.txt").is_file());
    seen.has("append", 12, &["takes no other session"]);
    seen.has("full", 12, &["insert a blank one"]);
    seen.has("again", 6, &["written once"]);
    seen.has("close", 0, &[]);
    seen.has("copied", 0, &[]);
    seen.has("same", 0, &["identical"]);
    seen.has("xorriso", 0, &["README.txt", "share-source.tar.gz"]);

    seen.has("opened", 0, &[]);
    seen.has("nothing", 12, &["there is no disc"]);
    seen.has("empty", 12, &["there is no disc"]);
    seen.has(
        "waited",
        0,
        &["waiting for another disc", "another disc in the drive"],
    );
    other_programs(&seen, share);
    seen.has("after", 0, &["CEDAR BACKUP"]);

    seen.ended("interrupted", 5);
    seen.ended("left", 1);

    seen.ended("long", 0);
    let out = share.join("long-out");
    fs::create_dir(&out).unwrap();
    let unpacked = Command::new("tar")
        .arg("-C")
        .arg(&out)
        .arg("-xf")
        .arg(share.join("long.tar"))
        .status();
    assert!(unpacked.unwrap().success());
    for name in ["noise", "text"] {
        fs::remove_file(out.join(name)).unwrap();
    }
    same(&share.join("long"), &out);
    judged_by_xorriso(share);
}

/// What a run did whose configuration speaks of another kind of disc and of other programs.
fn other_programs(seen: &Seen<'_>, share: &Path) {
    for words in [
        "the configuration says `dvd+rw`, and the disc in the drive is a `dvd+r`, which is written once",
        "growisofs",
        "-speed=4",
        "was read back and is sound",
    ] {
        let log = fs::read_to_string(share.join("log")).unwrap();
        assert!(log.contains(words), "{words}: {log}");
    }
    let hook = seen.said("hook");
    assert!(hook.contains("/dev/sr0: there is no disc"), "{hook}");
    let inhibited = seen.said("inhibit");
    assert!(
        inhibited.contains("--what=sleep") && inhibited.contains("--why=burning"),
        "{inhibited}"
    );
}

/// The same second session, as xorriso reads it.
fn judged_by_xorriso(share: &Path) {
    let out = share.join("xorriso-out");
    let done = Command::new("xorriso")
        .args(["-osirrox", "on", "-indev", "stdio:two.iso", "-extract", "/"])
        .arg(&out)
        .current_dir(share)
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
    same(&share.join("long"), &out);
}
