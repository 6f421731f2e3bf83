//! Cedar Backup and ours burn days onto the same disc in turn, Cedar Backup first. On CD-R, CD-RW and DVD+R each session is told
//! by the disc's own table, and Cedar Backup's next one is laid out by what the kernel, its `cdrecord` and its `growisofs` make of
//! ours; a DVD+RW has no such table. Rewritable discs are initialized by one program and, as `check_media` asks for, accepted by
//! the other. All of it happens in a guest with the kernel's own CD-ROM driver and a virtual burner; Cedar Backup burns with growisofs and wodim.

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

# Debian 12 has no package of it any more. It prints the volume identifier of the first session.
cat >/run/burner/volname <<'X'
#!/bin/sh
dd if="$1" bs=1 skip=32808 count=32 status=none && echo
X
chmod +x /run/burner/volname
fresh() { rm -f source/*; disc new $1 $1.disc && tray /share/$1.disc; }
days() {
    echo monday >source/monday; cedar $1 2026-11-23
    echo tuesday >source/tuesday; ours $1 2026-11-24
    echo wednesday >source/wednesday; again $1 2026-11-25
    echo thursday >source/thursday; ours $1 2026-11-26
    for day in 23 24 25 26; do back $1 2026-11-$day; done
    said $1/info OURPROGRAM disc info /dev/sr0
    mount -r /dev/sr0 /mnt/disc; said $1/mounted ls /mnt/disc/2026/11; umount /mnt/disc
}
fresh dvd+rw
said dvd+rw/prepared at 2026-11-22 CEDARPROGRAM -c dvd+rw/cback.conf -l dvd+rw/theirs.log -O initialize; days dvd+rw
fresh cd-rw
said cd-rw/prepared at 2026-11-22 OURPROGRAM --naming v3 -c cd-rw/cback.conf -l cd-rw/ours.log -O initialize; days cd-rw
for kind in dvd+r cd-r; do fresh $kind; days $kind; done
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
    <check_media>Y</check_media>
  </store>
</cb_config>
"#;

/// Kind of disc, and the configuration's words for it.
const DISCS: [(&str, &str, &str); 4] = [
    ("dvd+rw", "dvd+rw", "dvdwriter"),
    ("cd-rw", "cdrw-74", "cdwriter"),
    ("dvd+r", "dvd+r", "dvdwriter"),
    ("cd-r", "cdr-80", "cdwriter"),
];

#[test]
fn both_programs_continue_each_others_discs_and_all_days_come_back() {
    let share = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let share = share.path();
    fs::create_dir(share.join("source")).unwrap();
    for (disc, media, device) in DISCS {
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
    for (disc, _, _) in DISCS {
        let dir = share.join(disc);
        for (at, day) in days.iter().enumerate() {
            ended_well(&dir, day);
            ended_well(&dir, &format!("back-{day}"));
            let back = dir.join(day).join("share").join(disc).join("source");
            let expected = names[..=at]
                .iter()
                .map(|name| ((*name).to_owned(), format!("{name}\n")));
            assert_eq!(files(&back), expected.collect(), "{disc}, {day}");
        }
        ended_well(&dir, "full");
        let info = fs::read_to_string(dir.join("info.said")).unwrap();
        for day in ["23-NOV", "24-NOV", "25-NOV", "26-NOV"] {
            assert!(info.contains(&format!("CEDAR BACKUP {day}-2026")), "{info}");
        }
        let mounted = fs::read_to_string(dir.join("mounted.said")).unwrap();
        assert_eq!(mounted, "23\n24\n25\n26\n", "{disc}");
    }
    for disc in ["dvd+rw", "cd-rw"] {
        ended_well(&share.join(disc), "prepared");
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
