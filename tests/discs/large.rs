//! Discs of 100 and 128 GB: what the drive says of them is right to the sector, and a session that begins behind tens of
//! gigabytes is written, read back, mounted and restored like any other. What lies before it is pretended: nothing is stored there.

use std::fs;
use std::path::Path;

use crate::guest::{Guest, noise};

/// Kind of disc, sectors of a blank one as the drive says them, where the first session is made to end.
type Kind = (&'static str, u64, u64);

const KINDS: [Kind; 3] = [
    // 92 GB are on it
    ("bd-r-tl", 48_878_592, 45_000_000),
    // all but 6.1 GB of 128
    ("bd-r-ql", 62_500_864, 59_500_000),
    // with the spare areas that formatting gives
    ("bd-re-tl", 47_351_136, 45_000_000),
];

/// A day is stored on a blank disc of kind `$1`; the disc then pretends that the day's session ends at sector `$2`; and another
/// day follows.
const SCRIPT: &str = r"
large() {
  kind=$1; begin; configure $kind dvdwriter
  drive well; tray -; discs=$((discs+1)); disc new $kind disc$discs; tray /share/disc$discs
  call $kind.blank disc info --json
  day 24; cp noise source/noise24; call $kind.24 collect stage store
  call $kind.first disc info --json
  mkdir -p early; cp -a source early/$kind
  tray -; disc pretend disc$discs $2; tray /share/disc$discs
  call $kind.late disc info --json
  day 25; cp noise source/noise25; call $kind.25 collect stage store
  call $kind.info disc info --json; call $kind.words disc info
  # what was free before the second day
  mkdir -p huge; truncate -s $3 huge/zeros
  call $kind.huge disc burn --append huge
  for d in 24 25; do call $kind.of$d restore --from /dev/sr0 --as-of 2026-11-$d --into restored/$kind.$d; done
  mkdir -p latest; cp -a source latest/$kind
  mount -r /dev/sr0 /mnt/disc && ls /mnt/disc/2026/11 >$kind.mounted.said
  sha256sum </mnt/disc/2026/11/25/ada/share-source.tar.gz >$kind.seen; sha256sum <stage/2026/11/25/ada/share-source.tar.gz >$kind.staged
  umount /mnt/disc
  [ $kind = bd-re-tl ] || { call $kind.close disc close; call $kind.closed disc info; }
  # the file of the disc has no more than what was written
  du -B1M disc$discs | cut -f1 >$kind.size; tray -; rm disc$discs
}
";

/// What `disc info --json` says of the disc.
fn info(guest: &Guest, name: &str) -> serde_json::Value {
    guest.has(name, 0, &[]);
    let said = guest.said(name);
    let told: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    told["result"].clone()
}

#[test]
fn a_session_behind_ninety_gigabytes_is_as_good_as_any() {
    let calls = KINDS.map(|(kind, sectors, end)| {
        let left = (sectors - end) * 2048;
        format!("large {kind} {end} {left}\n")
    });
    let script = SCRIPT.to_owned() + &calls.concat();
    let prepare = |share: &Path| fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, &script);
    for (kind, sectors, end) in KINDS {
        let call = |what: &str| format!("{kind}.{what}");
        let blank = info(&guest, &call("blank"));
        assert_eq!(
            (&blank["kind"], &blank["condition"]),
            (&kind.into(), &"blank".into())
        );
        for day in [24, 25] {
            guest.has(&call(&day.to_string()), 0, &[]);
            assert_eq!(guest.said(&call(&day.to_string())), "", "{kind}");
        }
        let first = info(&guest, &call("first"));
        assert_eq!(
            (&first["kind"], &first["capacity"]),
            (&kind.into(), &(sectors * 2048).into())
        );

        // the first sector behind what is there, in whole blocks
        let next = end.next_multiple_of(32);
        let late = info(&guest, &call("late"));
        assert_eq!(late["used"], next * 2048, "{kind}");
        assert_eq!(late["free"], (sectors - next) * 2048, "{kind}");
        let info = info(&guest, &call("info"));
        let sessions = info["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 2, "{info}");
        assert_eq!(sessions[1]["start"], next, "{kind}");
        assert_eq!(sessions[1]["label"], "CEDAR BACKUP 25-NOV-2026", "{kind}");
        let free = info["free"].as_u64().unwrap();
        assert_eq!(
            info["used"].as_u64().unwrap() + free,
            sectors * 2048,
            "{kind}"
        );
        guest.has(
            &call("words"),
            0,
            &["24-NOV-2026", "25-NOV-2026", "takes another session"],
        );
        guest.has(&call("huge"), 12, &["free"]);

        guest.has(&call("of24"), 0, &[]);
        guest.has(&call("of25"), 0, &[]);
        guest.same(
            &format!("early/{kind}"),
            &format!("restored/{kind}.24/share/source"),
        );
        guest.same(
            &format!("latest/{kind}"),
            &format!("restored/{kind}.25/share/source"),
        );
        assert_eq!(guest.said(&call("mounted")), "24\n25\n", "{kind}");
        let digest = |what: &str| fs::read_to_string(guest.path(&call(what))).unwrap();
        assert_eq!(digest("seen"), digest("staged"), "{kind}");
        if kind != "bd-re-tl" {
            guest.has(&call("close"), 0, &[]);
            guest.has(&call("closed"), 0, &["closed", "25-NOV-2026"]);
        }
        let megabytes: u64 = digest("size").trim().parse().unwrap();
        assert!(megabytes < 100, "{kind}: {megabytes} MB were stored");
    }
}
