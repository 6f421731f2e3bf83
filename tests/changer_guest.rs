//! The real program with `mtx` and a SCSI media changer: a guest with the kernel's own drivers, in which tgt emulates a
//! changer with a DVD+R burner.
//!
//! One boot, in which many things happen one after the other; what each call said and how it ended comes back in
//! files. Without the guest the test fails.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// What happens in the guest. `call NAME ARGUMENTS` leaves `NAME.said` and `NAME.status`.
const SCRIPT: &str = r#"
set -u
cd /share
call() { name=$1; shift; $CBACK -c cback.conf -l log "$@" >$name.said 2>&1; echo $? >$name.status; }
lun() { tgtadm --lld iscsi --mode logicalunit --tid 1 --lun 2 "$@"; }
set_lun() { lun --op update --params "$1"; }

# a changer with four slots, a mail slot, and the burner; two blank discs
truncate -s 1M smc.img
mkdir media; for disc in A00001 A00002; do : >media/$disc; done
lun --op new --device-type changer --backing-store /share/smc.img
set_lun vendor_id=STK,product_id=L700,product_rev=0010,scsi_sn=CH1,removable=1
set_lun element_type=1,start_address=1,quantity=1
set_lun element_type=4,start_address=500,quantity=1
set_lun element_type=4,address=500,tid=1,lun=1
set_lun element_type=2,start_address=1000,quantity=4
set_lun element_type=3,start_address=1500,quantity=1
set_lun media_home=/share/media
set_lun element_type=2,address=1000,barcode=A00001,sides=1
set_lun element_type=2,address=1002,barcode=A00002,sides=1
for host in /sys/class/scsi_host/*; do echo "- - -" >$host/scan; done
changer=
for try in 1 2 3 4 5 6 7 8 9 10; do
    for sg in /dev/sg*; do
        if mtx -f $sg inquiry 2>/dev/null | grep -q 'Medium Changer'; then changer=$sg; fi
    done
    [ -n "$changer" ] && break
    sleep 0.5
done
sed -i "s:CHANGER:$changer:" cback.conf

call status changer status
call validate validate
call scan changer scan
call by_hand changer load A00001
call loaded disc info
call full_drive changer load --drive 0 3
call back changer unload
call backup -O collect stage store
call after changer status
call restored restore --from changer --into restored
# the disc is complete after one session, as this burner's are: the next one is taken
call again --full store
rm -rf stage work2; mkdir stage
call third --full collect stage store
call end changer status
exit 0
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0"?>
<cb_config>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>/share/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
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
    <changer><device>CHANGER</device></changer>
  </store>
</cb_config>
"#;

/// What a call in the guest came to.
struct Seen<'a>(&'a Path);

impl Seen<'_> {
    #[track_caller]
    fn has(&self, name: &str, status: i32, words: &[&str]) {
        let read = |end: &str| {
            fs::read_to_string(self.0.join(format!("{name}.{end}"))).unwrap_or_default()
        };
        let said = read("said");
        assert_eq!(read("status").trim(), status.to_string(), "{name}: {said}");
        for word in words {
            assert!(said.contains(word), "{name} does not say `{word}`:\n{said}");
        }
    }
}

#[test]
fn a_scsi_changer_is_used_through_mtx() {
    let directory = tempfile::tempdir().unwrap();
    let share = directory.path();
    for dir in ["source", "collect", "stage", "work"] {
        fs::create_dir(share.join(dir)).unwrap();
    }
    fs::write(share.join("cback.conf"), CONFIGURATION).unwrap();
    fs::write(share.join("source/text"), "some text\n").unwrap();
    let here = env!("CARGO_MANIFEST_DIR");
    let guest = Command::new(format!("{here}/tests/burner-vm/run-in-burner-vm.sh"))
        .args(["-t", "280", "-d", "-", "-s"])
        .arg(share)
        .arg(SCRIPT.replace("$CBACK", env!("CARGO_BIN_EXE_cback")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&guest.stderr).into_owned();
    assert!(
        guest.status.success(),
        "the guest: {}\n{said}",
        guest.status
    );
    let seen = Seen(share);
    seen.has(
        "status",
        0,
        &[
            "slot 1    unknown  [A00001]",
            "slot 5    empty (import and export)",
        ],
    );
    seen.has("validate", 0, &[]);
    seen.has("scan", 0, &["slot 1    blank", "slot 3    blank"]);
    seen.has("by_hand", 0, &["from slot 1 to drive 0: blank"]);
    seen.has("loaded", 0, &["blank"]);
    seen.has("back", 0, &["from drive 0 to slot 3"]);
    seen.has("backup", 0, &[]);
    seen.has("after", 0, &["drive 0   /dev/sr0  empty", "CEDAR BACKUP"]);
    seen.has("restored", 0, &[]);
    let restored = share.join("restored/share/source/text");
    assert_eq!(fs::read_to_string(restored).unwrap(), "some text\n");
    seen.has("again", 0, &[]);
    seen.has("third", 12, &["no blank disc is left", "2 full"]);
    seen.has("end", 0, &["drive 0   /dev/sr0  empty"]);
}
