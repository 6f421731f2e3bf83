//! Cedar Backup itself burns a day onto a disc, and the next day's session is ours: on a CD-RW, with a table of its sessions,
//! and on a DVD+RW, which has none and takes Cedar Backup's next session after ours, too. Both programs run in a guest with
//! the kernel's own CD-ROM driver and a virtual burner; Cedar Backup burns with growisofs and wodim.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cedar::libfaketime;
use crate::install::python;

/// `cedar DISC DAY` and `ours DISC DAY` collect, stage and store; `NAME.said` and `NAME.status` are left behind.
const SCRIPT: &str = r#"
set -u
cd /share
said() { name=$1; shift; "$@" >$name.said 2>&1; echo $? >$name.status; }
# Monotonic time is left alone: a burner that waits for ever would be no help.
at() { day=$1; shift; env LC_ALL=C.UTF-8 LD_PRELOAD=FAKETIME FAKETIME="@$day 02:00:00" FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 "$@"; }
cedar() { cp source/* $1/source/; said $1/$2 at $2 CEDARPROGRAM -c $1/cback.conf -l $1/theirs.log -O collect stage store; }
# As docs/migrating.md says for the way back.
again() {
    rm -f $1/collect/*.mtree.gz $1/collect/*+*.tar*
    cp source/* $1/source/
    said $1/full at $2 CEDARPROGRAM -c $1/cback.conf -l $1/theirs.log --full collect
    said $1/$2 at $2 CEDARPROGRAM -c $1/cback.conf -l $1/theirs.log -O stage store
}
ours() { cp source/* $1/source/; said $1/$2 at $2 OURPROGRAM --naming v3 -c $1/cback.conf -l $1/ours.log -O collect stage store; }
back() { said $1/back-$2 at 2026-11-28 OURPROGRAM --naming v3 -c $1/cback.conf -l $1/ours.log restore --as-of $2 --from /dev/sr0 --into $1/$2; }

disc new dvd+rw one.disc && tray /share/one.disc
echo monday >source/monday; cedar dvd+rw 2026-11-23
echo tuesday >source/tuesday; ours dvd+rw 2026-11-24
echo wednesday >source/wednesday; again dvd+rw 2026-11-25
echo thursday >source/thursday; ours dvd+rw 2026-11-26
for day in 23 24 25 26; do back dvd+rw 2026-11-$day; done
said dvd+rw/info OURPROGRAM disc info /dev/sr0

rm source/*
disc new cd-rw two.disc && tray /share/two.disc
echo monday >source/monday; cedar cd-rw 2026-11-23
echo tuesday >source/tuesday; ours cd-rw 2026-11-24
for day in 23 24; do back cd-rw 2026-11-$day; done
exit 0
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0"?>
<cb_config>
  <reference><author>tests</author></reference>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>/share/DISC/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
    <override><command>cdrecord</command><abs_path>/usr/bin/wodim</abs_path></override>
    <override><command>mkisofs</command><abs_path>/usr/bin/genisoimage</abs_path></override>
  </options>
  <peers>
    <peer><name>ada</name><type>local</type><collect_dir>/share/DISC/collect</collect_dir></peer>
  </peers>
  <collect>
    <collect_dir>/share/DISC/collect</collect_dir>
    <collect_mode>incr</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.cbignore</ignore_file>
    <dir><abs_path>/share/DISC/source</abs_path></dir>
  </collect>
  <stage><staging_dir>/share/DISC/stage</staging_dir></stage>
  <store>
    <source_dir>/share/DISC/stage</source_dir>
    <media_type>MEDIA</media_type>
    <device_type>DEVICE</device_type>
    <target_device>/dev/sr0</target_device>
  </store>
</cb_config>
"#;

#[test]
fn the_disc_that_cedar_backup_burnt_takes_our_next_session_and_all_days_come_back() {
    let share = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let share = share.path();
    fs::create_dir(share.join("source")).unwrap();
    for (disc, media, device) in [
        ("dvd+rw", "dvd+rw", "dvdwriter"),
        ("cd-rw", "cdrw-74", "cdwriter"),
    ] {
        for dir in ["source", "collect", "stage", "work"] {
            fs::create_dir_all(share.join(disc).join(dir)).unwrap();
        }
        let text = CONFIGURATION
            .replace("DISC", disc)
            .replace("MEDIA", media)
            .replace("DEVICE", device);
        fs::write(share.join(disc).join("cback.conf"), text).unwrap();
    }
    let cedar = python().with_file_name("cback3");
    let script = SCRIPT
        .replace(
            "LD_PRELOAD=FAKETIME",
            &format!("LD_PRELOAD={}", libfaketime().display()),
        )
        .replace("CEDARPROGRAM", cedar.to_str().unwrap())
        .replace("OURPROGRAM", env!("CARGO_BIN_EXE_cback"));
    let here = env!("CARGO_MANIFEST_DIR");
    let guest = Command::new(format!("{here}/tests/burner-vm/run-in-burner-vm.sh"))
        .args(["-b", "virtual", "-t", "580", "-s"])
        .arg(share)
        .arg(script)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&guest.stdout);
    let complaint = String::from_utf8_lossy(&guest.stderr);
    assert!(guest.status.success(), "the guest: {said}{complaint}");

    let days = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"];
    let names = ["monday", "tuesday", "wednesday", "thursday"];
    for (disc, count) in [("dvd+rw", 4), ("cd-rw", 2)] {
        let dir = share.join(disc);
        for (at, day) in days.iter().enumerate().take(count) {
            ended_well(&dir, day);
            ended_well(&dir, &format!("back-{day}"));
            let back = dir.join(day).join("share").join(disc).join("source");
            let expected = names[..=at]
                .iter()
                .map(|name| ((*name).to_owned(), format!("{name}\n")));
            assert_eq!(files(&back), expected.collect(), "{disc}, {day}");
        }
    }
    ended_well(&share.join("dvd+rw"), "full");
    let info = fs::read_to_string(share.join("dvd+rw/info.said")).unwrap();
    for day in ["23-NOV", "24-NOV", "25-NOV", "26-NOV"] {
        assert!(info.contains(&format!("CEDAR BACKUP {day}-2026")), "{info}");
    }
}

#[track_caller]
fn ended_well(dir: &Path, name: &str) {
    let read =
        |end: &str| fs::read_to_string(dir.join(format!("{name}.{end}"))).unwrap_or_default();
    let logs = ["theirs.log", "ours.log"].map(|log| fs::read(dir.join(log)).unwrap_or_default());
    let logs = logs.map(|log| String::from_utf8_lossy(&log).into_owned());
    let (said, status) = (read("said"), read("status"));
    assert_eq!(status.trim(), "0", "{name}: {said}\n{}", logs.join("\n"));
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}
