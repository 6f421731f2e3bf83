//! Each kind of disc is written in its way, by `cdrskin` and by the external programs; and one of another kind than configured is
//! told, and not erased by a rule.

use crate::guest::{Guest, noise};

/// What the doctor tries: write, read back, append, read both back, blank or close.
const DOCTOR: &str = r"
configure dvd+r dvdwriter
sed -i 's,<check_data>,<engine>ENGINE</engine><check_data>,' template
for kind in cd-rw dvd-rw dvd-ram dvd-r-dl bd-r bd-re; do
  fresh $kind; call own.$kind disc doctor --yes
done
sed 's/MEDIA/dvd+r/; s/DEVICE/dvdwriter/; s/ENGINE/external/' template >cback.conf
for kind in cd-r dvd+rw; do
  fresh $kind; call external.$kind disc doctor --yes
done

# discs that are written once are configured, and one that can be erased is in
sed 's/MEDIA/dvd+r/; s/DEVICE/dvdwriter/; s/ENGINE/cdrskin/' template >cback.conf
begin; cp noise source; fresh dvd+rw
day 24; call other.first collect stage store
day 30; call other.monday collect stage store; call other.info disc info
call other.full --full store
";

#[test]
fn the_doctor_finds_every_kind_of_disc_well() {
    let prepare = |share: &std::path::Path| {
        std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    };
    let guest = Guest::run(prepare, DOCTOR);
    for (program, kind, last) in [
        ("own", "cd-rw", "blank"),
        ("own", "dvd-rw", "blank"),
        ("own", "dvd-ram", "blank"),
        ("own", "dvd-r-dl", "takes one session only"),
        ("own", "bd-r", "close"),
        ("own", "bd-re", "blank"),
        ("external", "cd-r", "close"),
        ("external", "dvd+rw", "blank"),
    ] {
        let name = format!("{program}.{kind}");
        guest.has(&name, 0, &["read it back", last, "all is well"]);
    }
    guest.has("other.first", 0, &[]);
    guest.has(
        "other.monday",
        12,
        &[
            "a `dvd+rw` that was written",
            "whose discs are never erased",
        ],
    );
    guest.has("other.info", 0, &["CEDAR BACKUP 24-NOV-2026"]);
    guest.has("other.full", 0, &[]);
    let log = guest.log();
    assert!(
        log.contains("the configuration says `dvd+r`, and the disc in the drive is a `dvd+rw`"),
        "{log}"
    );
}

/// A session that closes its disc, where there are sessions.
const CLOSE: &str = r#"
configure dvd+r dvdwriter
begin; cp noise source; fresh dvd+r
day 24; call close.once collect stage store --close; call close.info disc info
day 25; call close.next collect stage store
# the same once more closes a disc that was not closed: it failed, or the run was broken off before
begin; cp noise source; fresh dvd+r; day 24; call failed.first collect stage store
day 25; call failed.collected collect stage
# the second day's session is closed, and then closing the disc fails
cat >/run/burner/cdrskin <<'X'
#!/bin/sh
case "$*" in *-multi*) exec /usr/bin/cdrskin "$@";; esac
cat >/dev/null; exit 5
X
chmod +x /run/burner/cdrskin
call failed.closing store --close; rm /run/burner/cdrskin
call failed.info disc info
call failed.foreseen --dry-run store --close
call failed.again store --close; call failed.closed disc info
call failed.nothing store --close
# by hand, and a week that is rebuilt
fresh cd-r; call hand.burn disc burn --close source; call hand.info disc info
fresh dvd+r
cat >/run/burner/cdrskin <<'X'
#!/bin/sh
case "$*" in *-multi*) exec /usr/bin/cdrskin "$@";; esac
cat >/dev/null; exit 5
X
chmod +x /run/burner/cdrskin
call rebuilt.open rebuild --close; rm /run/burner/cdrskin
call rebuilt rebuild --close; call rebuilt.info disc info
# the external programs
sed -i "s,<check_data>,<engine>external</engine><check_data>," cback.conf
fresh cd-r; call external.cd disc burn --close source; call external.cd.info disc info
fresh dvd+r; call external.dvd disc burn --close source; call external.dvd.info disc info
fresh bd-r; call external.whole disc burn source; call external.close disc close
begin; cp noise source; fresh dvd+rw
configure dvd+rw dvdwriter
day 24; call close.collected collect stage; call close.foreseen --dry-run store --close
call close.again collect stage store --close; call close.stored store
"#;

#[test]
fn a_disc_is_closed_with_its_session_where_that_can_be() {
    let prepare = |share: &std::path::Path| {
        std::fs::write(share.join("noise"), noise(400_000)).unwrap();
    };
    let guest = Guest::run(prepare, CLOSE);
    guest.has("close.once", 0, &[]);
    guest.has("close.info", 0, &["CEDAR BACKUP 24-NOV-2026", "closed"]);
    guest.has("close.next", 12, &["is closed", "insert another disc"]);
    assert!(!guest.said("close.next").contains("full"));

    guest.has(
        "failed.closing",
        10,
        &["the backup is on it", "run the same again"],
    );
    guest.has("failed.info", 0, &["25-NOV-2026", "takes another session"]);
    let foreseen = ["nothing is to be stored", "25-NOV-2026", "is CLOSED"];
    guest.has("failed.foreseen", 0, &foreseen);
    guest.has("failed.again", 0, &[]);
    guest.has(
        "failed.closed",
        0,
        &["25-NOV-2026", "closed, takes no other"],
    );
    guest.has("failed.nothing", 6, &["no staged day"]);
    guest.has("hand.burn", 0, &[]);
    guest.has("hand.info", 0, &["closed, takes no other"]);
    guest.has("rebuilt.open", 10, &["run the same again"]);
    guest.has("rebuilt", 0, &[]);
    guest.has(
        "rebuilt.info",
        0,
        &["25-NOV-2026", "closed, takes no other"],
    );
    guest.has("external.cd", 0, &[]);
    guest.has("external.cd.info", 0, &["closed, takes no other"]);
    let without = ["growisofs", "cback disc close", "<engine>"];
    guest.has("external.dvd", 10, &without);
    guest.has("external.dvd.info", 0, &["takes another session"]);
    guest.has("external.close", 6, &without);

    guest.has("close.foreseen", 0, &["cannot be CLOSED"]);
    let no_sessions = "has no sessions that could be closed";
    guest.has("close.again", 10, &["the backup is on it", no_sessions]);
    guest.has("close.stored", 6, &["no staged day"]);
}
