//! A burn that is stopped by a signal: it ends, the disc tells what became of it, and the next run goes on.

use std::fs;
use std::path::Path;

use crate::guest::{Guest, noise};

/// The second day is stopped while it is burnt: by signal `$2`, on a disc of kind `$1`.
const SCRIPT: &str = r"
again() { begin; cp noise source/noise; }
stop() {
  local kind=$1; configure $3 $4; again; fresh $kind
  day 24; call $kind.24 collect stage store
  day 25; cp large source/large; call $kind.staged collect stage
  drive rate 2000000
  before=$(stat -c %s disc$discs)
  $CBACK -c cback.conf -l log store >$kind.stopped.said 2>&1 & burning=$!
  until [ $(stat -c %s disc$discs) -gt $((before + 4000000)) ]; do sleep 0.1; done
  kill -$2 $burning; wait $burning; echo $? >$kind.stopped.status
  pgrep -x cdrskin >$kind.left.said; echo $? >$kind.left.status
  [ -e stage/2026/11/25/cback.store ]; echo $? >$kind.marked.status
  drive rate none; drive state >$kind.state.said
  call $kind.info disc info
  call $kind.next store
  call $kind.kept restore --from /dev/sr0 --as-of 2026-11-24 --into kept/$kind
  grep -q 12 $kind.next.status && { fresh $kind; call $kind.fresh store; }
  call $kind.whole restore --from /dev/sr0 --as-of 2026-11-25 --into whole/$kind
}
stop dvd+r INT dvd+r dvdwriter
stop cd-r TERM cdr-80 cdwriter
stop bd-r TERM bd-r dvdwriter
stop dvd+rw INT dvd+rw dvdwriter
";

#[test]
fn a_burn_that_is_stopped_ends_in_order_and_the_next_run_knows() {
    let prepare = |share: &Path| {
        fs::write(share.join("noise"), noise(400_000)).unwrap();
        fs::write(share.join("large"), noise(45_000_000)).unwrap();
    };
    let guest = Guest::run(prepare, SCRIPT);
    for kind in ["dvd+r", "cd-r", "bd-r", "dvd+rw"] {
        let call = |what: &str| format!("{kind}.{what}");
        guest.has(&call("24"), 0, &[]);
        guest.has(&call("staged"), 0, &[]);
        guest.has(&call("stopped"), 5, &["interrupted"]);
        // no program goes on, and no day is marked
        guest.has(&call("left"), 1, &[]);
        guest.has(&call("marked"), 1, &[]);
        // what was there before is there, and the disc can be taken out
        guest.has(&call("info"), 0, &["24-NOV-2026"]);
        guest.has(&call("kept"), 0, &[]);
        assert!(
            guest
                .path(&format!("kept/{kind}/share/source/noise"))
                .exists()
        );
        let state = guest.said(&call("state"));
        assert!(state.contains("tray closed unlocked"), "{state}");
        if kind != "dvd+rw" {
            guest.has(&call("info"), 0, &["broken off"]);
        }
        if ["dvd+rw", "cd-r"].contains(&kind) {
            // Nothing is shown of a session before all of it is there; and what cdrskin still closed can be followed.
            guest.has(&call("info"), 0, &["takes another session"]);
            guest.has(&call("next"), 0, &[]);
        } else {
            guest.has(&call("next"), 12, &["broken off", "insert another disc"]);
            guest.has(&call("fresh"), 0, &[]);
        }
        guest.has(&call("whole"), 0, &[]);
        let whole = guest.path(&format!("whole/{kind}/share/source/large"));
        assert_eq!(fs::metadata(whole).unwrap().len(), 45_000_000);
    }
}
