//! A real journal of systemd, and what it makes of our lines.

use std::process::Command;

use crate::call::{Rights, said};
use crate::machine::Machine;
use crate::tree;

/// Starts a journal of its own in a file system of its own, runs the words with standard error to it as systemd does for
/// a service, and prints what the journal has.
const SCRIPT: &str = r#"
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald 2>/dev/null &
journal=$!
trap 'kill $journal; wait $journal || true' EXIT
until [ -S /run/systemd/journal/stdout ]; do kill -0 $journal; done
systemd-cat -t trial sh -c 'JOURNAL_STREAM=$(stat -Lc %d:%i /dev/fd/2) exec "$@"' sh "$@" || true
journalctl -q --sync 2>/dev/null || kill -s RTMIN+1 $journal
until journalctl -q -t trial -g '1 problem' --no-pager | grep -q .; do kill -0 $journal; done
journalctl -q --no-pager -t trial -o json
"#;

#[test]
fn the_journal_files_each_line_under_its_priority() {
    let machine = Machine::new();
    let hook = "<pre_action_hook><action>collect</action><command>true</command></pre_action_hook>";
    machine.configure(|text| text.replace("</options>", &format!("{hook}</options>")));
    tree::file(machine.path("source/file"), "x");
    tree::file(machine.path("source/secret"), "x");
    tree::mode(&machine.path("source/secret"), 0);
    let call = machine.cback("-b -d collect").with(Rights::Ordinary);
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    if said("id", &["-u"]) != "0" {
        unshare.arg("--map-root-user");
    }
    let wrapped = call.command();
    unshare
        .args(["sh", "-ec", SCRIPT, "sh"])
        .arg(wrapped.get_program());
    unshare.args(wrapped.get_args());
    let output = machine.at_home(&mut unshare).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<(u8, String)> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            let priority = line["PRIORITY"].as_str().unwrap().parse().unwrap();
            (priority, line["MESSAGE"].as_str().unwrap().to_owned())
        })
        .collect();
    let priority = |part: &str| {
        let found = lines.iter().find(|(_, text)| text.contains(part));
        found
            .unwrap_or_else(|| panic!("no {part:?} in {lines:?}"))
            .0
    };
    assert_eq!(priority("source/secret"), 3);
    assert_eq!(priority("collect done"), 6);
    assert!(
        lines.iter().any(|(priority, _)| *priority == 7),
        "{lines:?}"
    );
    assert!(
        !lines.iter().any(|(_, text)| text.starts_with('<')),
        "{lines:?}"
    );
}
