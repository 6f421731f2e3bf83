//! The real program with `mtx` and a SCSI media changer: a guest with the kernel's own drivers, in which tgt emulates a
//! changer with a DVD+R burner.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)] // shared with other tests
mod guest;

use std::fs;
use std::path::Path;

use guest::{Guest, Hardware, configuration};

const SCRIPT: &str = r#"
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
for try in $(seq 120); do
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
"#;

#[test]
fn a_scsi_changer_is_used_through_mtx() {
    let prepare = |share: &Path| {
        let changer = "<changer><device>CHANGER</device></changer>";
        fs::write(share.join("cback.conf"), configuration(changer)).unwrap();
        fs::write(share.join("source/text"), "some text\n").unwrap();
    };
    let guest = Guest::run_on(Hardware::EmptyBurner, prepare, SCRIPT);
    guest.has(
        "status",
        0,
        &[
            "slot 1    unknown  [A00001]",
            "slot 5    empty (import and export)",
        ],
    );
    guest.has("validate", 0, &[]);
    guest.has("scan", 0, &["slot 1    blank", "slot 3    blank"]);
    guest.has("by_hand", 0, &["from slot 1 to drive 0: blank"]);
    guest.has("loaded", 0, &["blank"]);
    guest.has("back", 0, &["from drive 0 to slot 3"]);
    guest.has("backup", 0, &[]);
    guest.has("after", 0, &["drive 0   /dev/sr0  empty", "CEDAR BACKUP"]);
    guest.has("restored", 0, &[]);
    let restored = guest.path("restored/share/source/text");
    assert_eq!(fs::read_to_string(restored).unwrap(), "some text\n");
    guest.has("again", 0, &[]);
    guest.has("third", 12, &["no blank disc is left", "2 full"]);
    guest.has("end", 0, &["drive 0   /dev/sr0  empty"]);
}
