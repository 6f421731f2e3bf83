//! What the kernel shows after a burn while the tray stays shut.

use crate::guest::{Guest, noise};

/// Two days each; the tray may not be moved. `drive state` counts how often it was opened.
const SCRIPT: &str = r#"
sed -i 's,<check_data>,<no_eject>Y</no_eject><check_data>,' template
opened() { drive state | sed -n 's/^opened //p'; }
show() { mount -r /dev/sr0 /mnt/disc && ls /mnt/disc/2026/11 >$1.said; echo $? >$1.status; umount /mnt/disc; }
for kind in cd-rw dvd+r dvd+rw; do
  begin; cp noise source; fresh $kind
  case $kind in cd-rw) configure cdrw-80 cdwriter;; *) configure $kind dvdwriter;; esac
  before=$(opened)
  day 24; call $kind.24 collect stage store; show $kind.one
  day 25; call $kind.25 collect stage store; show $kind.two
  echo $(($(opened) - before)) >$kind.opened.said
done

# somebody who is not root cannot make the kernel look, and is told what can be done
mkdir -p more; cp noise more/more; chmod 666 /dev/sr0; chmod 777 .; rm log
# on a terminal: what went well is told to who looks on
other hand setpriv --reuid 65534 --regid 65534 --clear-groups script -qec "$CBACK -c cback.conf disc burn --append more" /dev/null
chmod 600 /dev/sr0
tr -d '\r' <hand.said | sed -n 's/.*as root: //p' | bash; cat /sys/block/sr0/device/state >state.said
mount -r /dev/sr0 /mnt/disc; ls /mnt/disc >hand.fresh.said; umount /mnt/disc
"#;

#[test]
fn without_moving_the_tray_the_kernel_shows_the_new_session() {
    let prepare =
        |share: &std::path::Path| std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    let guest = Guest::run(prepare, SCRIPT);
    for kind in ["cd-rw", "dvd+r", "dvd+rw"] {
        guest.has(&format!("{kind}.24"), 0, &[]);
        guest.has(&format!("{kind}.one"), 0, &["24"]);
        guest.has(&format!("{kind}.25"), 0, &[]);
        guest.has(&format!("{kind}.two"), 0, &["24", "25"]);
        assert_eq!(guest.said(&format!("{kind}.opened")), "0\n", "{kind}");
    }
    guest.has("hand", 0, &["as root: echo offline >"]);
    assert!(guest.said("hand.fresh").contains("more"));
    assert_eq!(guest.said("state"), "running\n");
}
