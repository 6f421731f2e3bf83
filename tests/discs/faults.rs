//! What goes wrong with real discs and drives, on the virtual burner: it is told, nothing is lost quietly, and the next run goes on.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::guest::{Guest, long_names, noise};

fn prepare(share: &Path) {
    fs::write(share.join("noise"), noise(400_000)).unwrap();
    fs::write(share.join("source/noise"), noise(400_000)).unwrap();
    fs::create_dir(share.join("large")).unwrap();
    fs::write(share.join("large/noise"), noise(30_000_000)).unwrap();
    long_names(&share.join("long"));
}

/// Sessions appended, a disc closed, refused, copied and compared; a tray that is locked while somebody reads.
const DISCS: &str = r#"
shown() { local name=$1; shift; mount -r $* /mnt/disc && ls /mnt/disc >$name.said; echo $? >$name.status; umount /mnt/disc; }
configure dvd+r dvdwriter
for kind in cd-r dvd+r dvd-rw; do
  fresh $kind
  call $kind.first disc burn --volume-id "CEDAR BACKUP FIRST" source
  call $kind.second disc burn --append --volume-id "CEDAR BACKUP SECOND" long
  tray reload
  mount -r /dev/sr0 /mnt/disc && tar -C /mnt/disc -cf $kind.tar . ; echo $? >$kind.mounted.status
  call $kind.locked disc eject
  drive button; drive state >$kind.button.said
  umount /mnt/disc
  other $kind.toc xorriso -indev /dev/sr0 -toc
  call $kind.close disc close
  call $kind.closed disc info
  call $kind.append disc burn --append source
  call $kind.copy disc copy --verify /dev/sr0 $kind.iso
  call $kind.same disc compare /dev/sr0 $kind.iso
  call $kind.image disc info $kind.iso
  shown $kind.loop -o loop $kind.iso
done
# copies of the copies, and one more session where that can be
copied() {
  fresh $2; call $2.made disc copy --verify --yes $1.iso /dev/sr0
  call $2.whole disc info; call $2.equal disc compare $1.iso /dev/sr0
  tray reload; shown $2.tray /dev/sr0
  call $2.old disc get --session 1 --into old/$2 noise; call $2.new disc ls --session 2
}
mkdir third; echo third >third/third
copied cd-r dvd+rw; copied dvd+r cd-r; copied dvd-rw bd-re
call bd-re.third disc burn --append --volume-id "CEDAR BACKUP THIRD" third
call bd-re.three disc info; tray reload; shown bd-re.last /dev/sr0
call bd-re.oldest disc get --session 1 --into oldest noise
call file.third disc burn --append --volume-id "CEDAR BACKUP THIRD" --disc cd-r.iso third
call file.three disc info cd-r.iso; shown file.last -o loop cd-r.iso
# an original in a drive that cannot be read well
fresh dvd-rw; call dvd-rw.again disc burn --volume-id "CEDAR BACKUP FIRST" source; rm dvd-rw.iso
call dvd-rw.anew disc copy /dev/sr0 dvd-rw.iso
# a sector that cannot be read: which file has it
drive fail read 100 2
call damaged disc compare /dev/sr0 dvd-rw.iso
call rescued disc copy /dev/sr0 rescued.iso
"#;

#[test]
fn discs_are_appended_closed_copied_and_compared() {
    let guest = Guest::run(prepare, DISCS);
    for kind in ["cd-r", "dvd+r", "dvd-rw"] {
        let call = |what: &str| format!("{kind}.{what}");
        guest.has(&call("first"), 0, &[]);
        guest.has(&call("second"), 0, &[]);
        guest.has(&call("mounted"), 0, &[]);
        unpacked(&guest, kind);
        guest.has(&call("locked"), 6, &["mounted at /mnt/disc"]);
        assert!(guest.said(&call("button")).contains("closed locked"));
        guest.has(&call("toc"), 0, &["FIRST", "SECOND", "2 sessions"]);
        guest.has(&call("close"), 0, &[]);
        guest.has(&call("closed"), 0, &["closed", "FIRST", "SECOND"]);
        guest.has(&call("append"), 12, &["takes no other session"]);
        guest.has(&call("copy"), 0, &[]);
        guest.has(&call("same"), 0, &["identical"]);
        guest.has(&call("image"), 0, &["FIRST", "SECOND"]);
        // whoever mounts the copy sees the newest session
        guest.has(&call("loop"), 0, &["link300"]);
    }
    for kind in ["dvd+rw", "cd-r", "bd-re"] {
        let call = |what: &str| format!("{kind}.{what}");
        guest.has(&call("made"), 0, &[]);
        guest.has(&call("whole"), 0, &["FIRST", "SECOND"]);
        guest.has(&call("equal"), 0, &["identical"]);
        guest.has(&call("tray"), 0, &["link300"]);
        guest.has(&call("old"), 0, &[]);
        guest.same("source", &format!("old/{kind}"));
        guest.has(&call("new"), 0, &["link300"]);
    }
    for place in ["bd-re", "file"] {
        let call = |what: &str| format!("{place}.{what}");
        guest.has(&call("third"), 0, &[]);
        guest.has(&call("three"), 0, &["FIRST", "SECOND", "THIRD"]);
        guest.has(&call("last"), 0, &["third", "link300"]);
    }
    guest.has("bd-re.oldest", 0, &[]);
    guest.same("source", "oldest");
    guest.has("dvd-rw.anew", 0, &[]);
    guest.has("damaged", 10, &["100-101", "noise"]);
    guest.has("rescued", 10, &["100-101", "noise"]);
}

/// Long names and long links of the second session, as the kernel saw them.
fn unpacked(guest: &Guest, kind: &str) {
    let out = guest.path(&format!("{kind}.out"));
    fs::create_dir(&out).unwrap();
    let done = Command::new("tar")
        .arg("-C")
        .arg(&out)
        .arg("-xf")
        .arg(guest.path(&format!("{kind}.tar")))
        .status();
    assert!(done.unwrap().success());
    fs::remove_file(out.join("noise")).unwrap();
    guest.same("long", &format!("{kind}.out"));
}

/// A disc that is full; writing that breaks off, for several reasons; errors that are none.
const TROUBLE: &str = r"
again() { begin; cp noise source/noise; cp noise source/other; }
# full, and the next disc comes while the run waits
configure dvd+r dvdwriter; again; fresh dvd+r 3400
for d in 24 25 26; do day $d; call full.$d collect stage store; done
(call waited -b --wait-for-disc --full store) & waiting=$!
until grep -q waiting waited.said 2>/dev/null; do sleep 0.2; done
fresh dvd+r; wait $waiting
call next disc info

# the current goes away in the middle of the second session
for kind in dvd+r cd-r bd-r dvd+rw; do
  again; fresh $kind; day 24
  call $kind.24 collect stage store
  drive rate 2000000
  $CBACK -c cback.conf -l log disc burn --append large >$kind.broken.said 2>&1 & burning=$!
  until [ $(($(stat -c %s disc$discs) / 2048)) -gt 4000 ]; do sleep 0.1; done
  kill -9 $burning; pkill -9 -x cdrskin; drive power; drive rate none
  call $kind.known disc info
  day 25
  call $kind.25 collect stage store
  call $kind.kept restore --from /dev/sr0 --as-of 2026-11-24 --into kept/$kind
done

# an error when the session is closed: one that is none, and one that is
again; day 24; call collected collect stage
fresh dvd+r; drive fail close false; call alarm -b store; call alarm.info disc info
rm -f stage/2026/11/24/cback.store
fresh dvd+r; drive fail close real; call lost store; call lost.info disc info
fresh dvd-r; call regained store

# an error in the middle of writing
rm -f stage/2026/11/24/cback.store
fresh bd-r; drive fail write 150; call spoilt store; call spoilt.info disc info
fresh bd-r; call replaced store

# drives that know little, and count what is not there
rm -f stage/2026/11/24/cback.store
fresh dvd+r; drive poor; drive unknown 53; drive unknown ac; drive links 16; call poor store; call poor.info disc info
";

#[test]
fn what_goes_wrong_is_told_and_the_next_run_goes_on() {
    let guest = Guest::run(prepare, TROUBLE);
    guest.has("full.24", 0, &[]);
    guest.has("full.26", 12, &["is full", "insert another disc"]);
    guest.has("waited", 0, &["waiting", "another disc in the drive"]);
    guest.has("next", 0, &["CEDAR BACKUP 26-NOV-2026"]);

    for kind in ["dvd+r", "cd-r", "bd-r"] {
        guest.has(&format!("{kind}.24"), 0, &[]);
        guest.has(&format!("{kind}.known"), 0, &["24-NOV-2026", "broken off"]);
        guest.has(&format!("{kind}.25"), 12, &["broken off", "another disc"]);
        guest.has(&format!("{kind}.kept"), 0, &[]);
        guest.same("source", &format!("kept/{kind}/share/source"));
    }
    // nothing of a session is shown before all of it is there, so that the next one takes its place
    guest.has("dvd+rw.known", 0, &["24-NOV-2026", "takes another session"]);
    guest.has("dvd+rw.25", 0, &[]);
    guest.has("dvd+rw.kept", 0, &[]);

    guest.has("alarm", 0, &["was read back and is what was written"]);
    guest.has("alarm.info", 0, &["24-NOV-2026", "takes another session"]);
    guest.has("lost", 6, &["not closed"]);
    guest.has("lost.info", 0, &["broken off"]);
    guest.has("regained", 0, &[]);
    let where_it_failed = "writing failed at sector 128, in 2026/11/24/ada/share-source.tar.gz";
    guest.has("spoilt", 6, &["burning /dev/sr0 failed", where_it_failed]);
    guest.has("spoilt.info", 0, &["broken off"]);
    guest.has("replaced", 0, &[]);
    guest.has("poor", 0, &[]);
    guest.has("poor.info", 0, &["24-NOV-2026"]);
}
