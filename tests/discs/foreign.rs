//! Programs of others on the virtual burner, as they are: what they write is read back by the kernel.

use std::process::Command;

use crate::guest::{Guest, noise};

/// Each kind of disc by a program that writes it: three sessions, every one with a file of its own.
const SCRIPT: &str = r#"
for n in 1 2 3; do mkdir s$n; cp noise s$n/file$n; done
read_back() {
  tray reload
  mount -r /dev/sr0 /mnt/disc && ls -R /mnt/disc >$1.mounted.said && for n in 1 2 3; do cmp noise /mnt/disc/s$n/file$n || break; done
  echo $? >$1.mounted.status
  umount /mnt/disc
}
by_xorriso() {
  fresh $1; name=$1.xorriso; close=off
  for n in 1 2 3; do
    [ $n = 3 ] && close=on
    other $name$n xorriso -dev /dev/sr0 -close $close -map s$n /s$n -commit
  done
  read_back $name
}
by_growisofs() {
  fresh $1; name=$1.growisofs; how=-Z
  for n in 1 2 3; do
    other $name$n growisofs $how /dev/sr0 -R -quiet -graft-points /s$n=s$n
    how=-M; tray reload
  done
  other $name.info dvd+rw-mediainfo /dev/sr0
  read_back $name
}
by_cd_program() {
  fresh $2; name=$2.$1; old=; multi=-multi
  for n in 1 2 3; do
    [ $n = 1 ] || old="-C $($1 dev=/dev/sr0 -msinfo 2>/dev/null) -M /dev/sr0"
    [ $n = 3 ] && multi=
    genisoimage -quiet -R $old -graft-points -o image /s$n=s$n
    other $name$n $1 -v dev=/dev/sr0 $multi -tao -pad image
    tray reload
  done
  read_back $name
}
by_xorriso cd-r; by_xorriso bd-re
by_growisofs dvd+r; by_growisofs dvd-r; by_growisofs dvd+rw
by_cd_program wodim cd-rw; by_cd_program cdrskin cd-r
"#;

#[test]
fn programs_of_others_work_on_the_virtual_burner() {
    let prepare =
        |share: &std::path::Path| std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, SCRIPT);
    for name in [
        "cd-r.xorriso",
        "bd-re.xorriso",
        "dvd+r.growisofs",
        "dvd-r.growisofs",
        "dvd+rw.growisofs",
        "cd-rw.wodim",
        "cd-r.cdrskin",
    ] {
        for session in 1..=3 {
            guest.has(&format!("{name}{session}"), 0, &[]);
        }
        guest.has(&format!("{name}.mounted"), 0, &["file1", "file2", "file3"]);
    }
    guest.has("dvd+r.growisofs.info", 0, &["DVD+R", "appendable"]);
    guest.has("dvd+rw.growisofs.info", 0, &["DVD+RW", "suspended"]);
}

/// Two days on discs that are written anywhere; what `xorriso` says of them in the drive.
const JUDGED: &str = r"
for kind in dvd+rw bd-re; do
  begin; cp noise source; configure $kind dvdwriter; fresh $kind
  day 24; call $kind.24 collect stage store
  day 25; cp noise source/more; call $kind.25 collect stage store
  tray reload
  other $kind.drive xorriso -indev /dev/sr0 -toc -find / -type f
  cp disc$discs $kind.image
done
";

#[test]
fn xorriso_finds_our_sessions_in_the_drive_and_in_a_file_of_the_same_sectors() {
    let prepare =
        |share: &std::path::Path| std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, JUDGED);
    for kind in ["dvd+rw", "bd-re"] {
        for day in [24, 25] {
            guest.has(&format!("{kind}.{day}"), 0, &[]);
        }
        guest.has(&format!("{kind}.drive"), 0, &[]);
        let device = format!("stdio:{}", guest.path(&format!("{kind}.image")).display());
        let judged = Command::new("xorriso")
            .args(["-indev", &device, "-toc", "-find", "/", "-type", "f"])
            .output()
            .unwrap();
        assert!(judged.status.success(), "{judged:?}");
        let of_file = String::from_utf8_lossy(&judged.stdout).into_owned()
            + &String::from_utf8_lossy(&judged.stderr);
        let of_drive = guest.said(&format!("{kind}.drive"));
        for said in [&of_drive, &of_file] {
            let sessions: Vec<&str> = said
                .lines()
                .filter(|line| line.contains("ISO session"))
                .collect();
            assert_eq!(sessions.len(), 2, "{kind}: {said}");
            for (session, day) in sessions.iter().zip([24, 25]) {
                let label = format!("CEDAR BACKUP {day}-NOV-2026");
                assert!(session.contains(&label), "{kind}: {said}");
            }
            for file in [
                "'/README.txt'",
                "'/2026/11/24/SHA256SUMS'",
                "'/2026/11/25/SHA256SUMS'",
                "'/2026/11/24/ada/share-source.tar.gz'",
                "'/2026/11/25/ada/share-source.tar.gz'",
            ] {
                assert!(said.contains(file), "{kind}: no {file}: {said}");
            }
        }
    }
}
