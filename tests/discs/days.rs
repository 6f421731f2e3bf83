//! Three days of backups on each kind of disc are three sessions, and each of them can be had again: by us, and by the kernel.

use crate::guest::{Guest, noise};

/// Kind of disc, the configuration's words for it, what `info` calls it.
type Kind = (&'static str, &'static str, &'static str, &'static str);

const ONCE: &[Kind] = &[
    ("cd-r", "cdr-80", "cdwriter", "CD-R"),
    ("dvd-r", "dvd-r", "dvdwriter", "DVD-R"),
    ("dvd+r", "dvd+r", "dvdwriter", "DVD+R"),
    ("dvd+r-dl", "dvd+r-dl", "dvdwriter", "DVD+R DL"),
    ("bd-r", "bd-r", "dvdwriter", "BD-R"),
];
const AGAIN: &[Kind] = &[
    ("cd-rw", "cdrw-80", "cdwriter", "CD-RW"),
    ("dvd-rw", "dvd-rw", "dvdwriter", "DVD-RW"),
    ("dvd+rw", "dvd+rw", "dvdwriter", "DVD+RW"),
    ("dvd-ram", "dvd+rw", "dvdwriter", "DVD-RAM"),
    ("bd-re", "bd-re", "dvdwriter", "BD-RE"),
];

/// Tuesday to Thursday on a disc of kind `$1`. The kernel sees the newest session by itself, and any other if it is told where.
const WEEK: &str = r#"
week() {
  kind=$1; begin; configure $2 $3; fresh $kind
  call $kind.blank disc info
  for d in 24 25 26; do
    day $d; cp noise source/noise$d
    [ $d = 24 ] && { mkdir -p early/$kind; cp -a source/. early/$kind; }
    call $kind.$d collect stage store
  done
  call $kind.info disc info
  call $kind.json disc info --json
  call $kind.restored restore --from /dev/sr0 --as-of 2026-11-24 --into restored/$kind
  mkdir -p seen/$kind staged/$kind
  mount -r /dev/sr0 /mnt/disc && cp -a /mnt/disc/2026 seen/$kind/; echo $? >$kind.mounted.status
  umount /mnt/disc
  cp -a stage/2026 staged/$kind/
  # what only one of the two has, and the lists that name it
  find staged/$kind seen/$kind -name cback.store -exec rm {} + -o -name SHA256SUMS -exec rm {} +
  second=$(sed 's/.*"sessions":\[[^]]*"number":2,"start":\([0-9]*\).*/\1/;q' $kind.json.said)
  other $kind.second mount -r -o sbsector=$second /dev/sr0 /mnt/disc
  ls /mnt/disc/2026/11 >$kind.second.said; umount /mnt/disc
}
"#;

fn calls(kinds: &[Kind]) -> String {
    let line = |(kind, media, device, _): &Kind| format!("week {kind} {media} {device}\n");
    kinds.iter().map(line).collect()
}

fn check(guest: &Guest, kind: &Kind) {
    let (kind, _, _, name) = kind;
    let call = |what: &str| format!("{kind}.{what}");
    guest.has(&call("blank"), 0, &["blank", name]);
    for day in [24, 25, 26] {
        guest.has(&call(&day.to_string()), 0, &[]);
        assert_eq!(guest.said(&call(&day.to_string())), "", "{kind}");
    }
    let labels = ["24", "25", "26"].map(|day| format!("CEDAR BACKUP {day}-NOV-2026"));
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    guest.has(&call("info"), 0, &labels);
    guest.has(&call("info"), 0, &["takes another session"]);
    let said = guest.said(&call("info"));
    assert!(!said.contains("cannot be read"), "{said}");
    guest.has(&call("restored"), 0, &[]);
    guest.same(
        &format!("early/{kind}"),
        &format!("restored/{kind}/share/source"),
    );
    guest.has(&call("mounted"), 0, &[]);
    guest.same(&format!("staged/{kind}"), &format!("seen/{kind}"));
    guest.has(&call("second"), 0, &["24", "25"]);
    assert!(!guest.said(&call("second")).contains("26"), "{kind}");
}

#[test]
fn three_days_are_three_sessions_on_discs_that_are_written_once() {
    let script = format!("{WEEK}\n{}", calls(ONCE));
    let prepare =
        |share: &std::path::Path| std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, &script);
    for kind in ONCE {
        check(&guest, kind);
    }
}

/// On Monday a new disc begins: what was on the one that is in is gone, and none of its sessions comes back.
#[test]
fn three_days_are_three_sessions_on_discs_that_are_written_again() {
    let mut script = WEEK.to_owned();
    for kind in AGAIN {
        script.push_str(&calls(&[*kind]));
        let kind = kind.0;
        let more = format!(
            "day 30; call {kind}.monday collect stage store; call {kind}.new disc info\n\
             call {kind}.wiped disc blank --yes; call {kind}.empty disc info\n"
        );
        script.push_str(&more);
    }
    let prepare =
        |share: &std::path::Path| std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, &script);
    for kind in AGAIN {
        check(&guest, kind);
        let call = |what: &str| format!("{}.{what}", kind.0);
        guest.has(&call("monday"), 0, &[]);
        guest.has(&call("new"), 0, &["CEDAR BACKUP 30-NOV-2026"]);
        assert!(!guest.said(&call("new")).contains("24-NOV"), "{}", kind.0);
        guest.has(&call("wiped"), 0, &[]);
        guest.has(&call("empty"), 0, &["blank"]);
    }
}
