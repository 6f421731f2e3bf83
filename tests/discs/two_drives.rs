//! A changer with two drives: two copies of a backup are burnt at the same time.

use std::fs;
use std::path::Path;

use crate::guest::{Guest, noise};

/// A second burner, and a robot that moves discs by telling the burners.
const SCRIPT: &str = r#"
configure dvd+r dvdwriter
disc serve 127.0.0.1:3261 /run/burner/second >/dev/null 2>&1 &
until [ -S /run/burner/second ]; do sleep 0.1; done
iscsistart -i iqn.2026-01.test:second -t iqn.2026-01.test:burner -g 1 -a 127.0.0.1 -p 3261 >/dev/null 2>&1
until [ -b /dev/sr1 ]; do sleep 0.1; done
mkdir slots; for slot in 1 2 3 4; do disc new dvd+r slots/$slot 60000; done
cat >robot <<'X'
#!/bin/sh
cd /share
echo "$*" >>robot.said
socket() { if [ $1 = 0 ]; then echo /run/burner/socket; else echo /run/burner/second; fi; }
case $1 in
status)
    for slot in 1 2 3 4; do
        if [ -e loaded$slot ]; then echo "slot $slot empty"; else echo "slot $slot full barcode=D$slot"; fi
    done
    for drive in 0 1; do
        slot=$(grep -l "^$drive$" loaded* 2>/dev/null | tail -c 2)
        if [ -n "$slot" ]; then echo "drive $drive full barcode=D$slot from=$slot"; else echo "drive $drive empty"; fi
    done ;;
load) disc tell $(socket $3) insert /share/slots/$2 && echo $3 >loaded$2 ;;
unload) disc tell $(socket $3) empty && rm loaded$2 ;;
esac
X
chmod +x robot
drives='<drive><number>0</number><device>/dev/sr0</device></drive><drive><number>1</number><device>/dev/sr1</device></drive>'
sed -i "s,</store>,<changer><program>/share/robot</program>$drives<copies>2</copies></changer></store>," cback.conf
day 24; call first collect stage store; mv robot.said first.moves
# the second day's session cannot be written on one of them, which is rejected
cp noise source/more; day 25; call collected collect stage
disc tell /run/burner/second fail write 2500
call second store; mv robot.said second.moves
call status changer status
call restored restore --from changer --into restored
# the current goes away while the third day is burnt on both: what they have of the days before is there all the same
cp -a source early; head -c 30000000 /dev/urandom >source/large; day 26; call third.collected collect stage
size() { cat slots/* | wc -c; }
before=$(size)
for drive in socket second; do disc tell /run/burner/$drive rate 2000000; done
$CBACK -c cback.conf -l log store >third.said 2>&1 & burning=$!
until [ $(size) -gt $((before + 12000000)) ]; do sleep 0.1; done
kill -9 $burning; pkill -9 -x cdrskin
for drive in socket second; do disc tell /run/burner/$drive power; disc tell /run/burner/$drive rate none; done
call rescued restore --from changer --as-of 2026-11-25 --into rescued
call known changer status
"#;

fn moves(guest: &Guest, name: &str) -> Vec<String> {
    let said = fs::read_to_string(guest.path(&format!("{name}.moves"))).unwrap();
    let moves = said.lines().filter(|line| *line != "status");
    moves.map(str::to_owned).collect()
}

#[test]
fn two_copies_are_burnt_in_two_drives_at_the_same_time() {
    let prepare = |share: &Path| {
        fs::write(share.join("noise"), noise(400_000)).unwrap();
        fs::write(share.join("source/noise"), noise(400_000)).unwrap();
    };
    let guest = Guest::run(prepare, SCRIPT);
    guest.has("first", 0, &[]);
    let first = moves(&guest, "first");
    // both are in their drives before either is put back
    assert_eq!(first.len(), 4);
    assert!(first[..2].iter().all(|call| call.starts_with("load")));
    // which of the two discs comes into the drive that fails is for the two copies to settle
    let second = moves(&guest, "second");
    let bad = second.iter().find_map(|call| {
        let slot = call.strip_prefix("load ")?.strip_suffix(" 1")?;
        ["1", "2"].contains(&slot).then(|| slot.to_owned())
    });
    let bad = bad.expect("one of the two discs is loaded into the second drive");
    let failed = [
        &*format!("slot {bad}: is bad, and another one is taken"),
        "burning /dev/sr1 failed",
        "in 2026/11/25/ada/share-source.tar.gz",
    ];
    guest.has("second", 10, &failed);
    assert!(second.iter().any(|call| call.starts_with("load 3 ")));
    let bad = format!("slot {bad}    bad");
    let discs = [&*bad, "25-NOV-2026,", "25-NOV-2026 (copy "];
    guest.has("status", 0, &discs);
    assert!(guest.path("stage/2026/11/25/cback.store").exists());
    guest.has("restored", 0, &[]);
    guest.same("early", "restored/share/source");
    guest.has("rescued", 0, &[]);
    let known = guest.said("known");
    assert_eq!(known.matches("full     [D").count(), 2, "{known}");
    guest.same("early", "rescued/share/source");
}
