//! Discs of which the beginning of a session cannot be read: the others are there all the same, and nobody takes an older state for
//! the newest one without a word.

use crate::guest::{Guest, noise};

const SCRIPT: &str = r#"
scratched() {
  kind=$1; begin; configure $kind dvdwriter; cp noise source/noise; fresh $kind; drive well
  day 24; call $kind.24 collect stage store; mkdir -p early; cp -a source early/$kind
  day 25; cp noise source/more; call $kind.25 collect stage store
  call $kind.json disc info --json
  second=$(sed 's/.*"sessions":\[[^]]*"number":2,"start":\([0-9]*\).*/\1/;q' $kind.json.said)
  drive fail read $((second + 16))
  call $kind.info disc info
  call $kind.list disc ls --session 1 2026/11
  call $kind.newest restore --from /dev/sr0 --into newest/$kind
  call $kind.before restore --from /dev/sr0 --as-of 2026-11-24 --into before/$kind
  call $kind.append store; drive well
}
scratched dvd+r; scratched dvd+rw
"#;

#[test]
fn a_session_whose_beginning_cannot_be_read_costs_no_other_one() {
    let prepare =
        |share: &std::path::Path| std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, SCRIPT);
    for kind in ["dvd+r", "dvd+rw"] {
        let call = |what: &str| format!("{kind}.{what}");
        guest.has(&call("24"), 0, &[]);
        guest.has(&call("25"), 0, &[]);
        guest.has(&call("info"), 10, &["damaged", "24-NOV-2026"]);
        guest.has(&call("list"), 10, &["damaged", "2026/11/24"]);
        guest.has(&call("newest"), 10, &["damaged"]);
        guest.has(&call("before"), 10, &["damaged"]);
        guest.same(
            &format!("early/{kind}"),
            &format!("before/{kind}/share/source"),
        );
    }
    // Its drive knows that there is a second one; of the other kind, the head shows it.
    guest.has("dvd+r.newest", 10, &["an earlier one is used"]);
    guest.same("source", "newest/dvd+rw/share/source");
}
