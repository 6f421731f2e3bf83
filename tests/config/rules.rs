//! Every rule of the configuration, one row a case: what is written, and what is said of it.

use std::path::Path;

use cback::config::{Config, ConfigError};
use cback::units::Naming;

/// Sections that are sound, into which the case is put.
const OPTIONS: &str = "<starting_day>monday</starting_day><working_dir>/w</working_dir>\
    <backup_user>u</backup_user><backup_group>g</backup_group>";
const SECTION: &str = "<collect_dir>/c</collect_dir><collect_mode>daily</collect_mode>\
    <archive_mode>tar</archive_mode><ignore_file>.i</ignore_file>";
const DISC: &str = "<source_dir>/s</source_dir><media_type>cdrw-74</media_type><target_device>/dev/sr0</target_device>";
const REMOTE: &str = "<name>p</name><type>remote</type><collect_dir>/c</collect_dir>";
const CALLED: &str = "<name>x</name><module>m.sysinfo</module><function>f</function>";

/// Where a case stands.
#[derive(Clone, Copy, Debug)]
enum In {
    /// The whole file.
    File,
    /// `<cb_config>`, beside sound options and an empty purge.
    Root,
    /// `<options>`, beside what has to be there.
    Options,
    /// `<peers>`, with options that say nothing of remote peers.
    Peers,
    /// `<collect>`, beside what has to be there.
    Collect,
    /// A `<dir>` of it.
    Dir,
    /// A `<file>` in a `<collect>` that says nothing but its directory.
    File1,
    /// `<store>`, beside what has to be there.
    Store,
    /// `<purge>`.
    Purge,
    /// An `<action>` of `<extensions>`, beside its names.
    Action,
}

fn file(place: In, text: &str) -> String {
    let rest = match place {
        In::File => return text.to_owned(),
        In::Root => format!("<options>{OPTIONS}</options><purge/>{text}"),
        In::Options => format!("<options>{OPTIONS}{text}</options><purge/>"),
        In::Peers => format!("<options>{OPTIONS}</options><purge/><peers>{text}</peers>"),
        In::Collect => format!("<options>{OPTIONS}</options><collect>{SECTION}{text}</collect>"),
        In::Dir => {
            return file(
                In::Collect,
                &format!("<dir><abs_path>/d</abs_path>{text}</dir>"),
            );
        }
        In::File1 => format!(
            "<options>{OPTIONS}</options><collect><collect_dir>/c</collect_dir><file>{text}</file></collect>"
        ),
        In::Store => format!("<options>{OPTIONS}</options><store>{DISC}{text}</store>"),
        In::Purge => format!("<options>{OPTIONS}</options><purge>{text}</purge>"),
        In::Action => {
            return file(
                In::Root,
                &format!("<extensions><action>{CALLED}{text}</action></extensions>"),
            );
        }
    };
    format!("<cb_config>{rest}</cb_config>")
}

/// What is said of it: errors, or warnings of a file that is taken; nothing if it is sound.
fn said(text: &str) -> (bool, Vec<String>) {
    let (taken, report) = match Config::parse(text.as_bytes(), Path::new("x"), Naming::V3) {
        Ok((_, report)) => (true, report),
        Err(ConfigError::Problems(report)) => (false, report),
        Err(error) => panic!("{error}"),
    };
    let findings = report.findings().iter();
    (
        taken,
        findings.map(|finding| finding.message.clone()).collect(),
    )
}

/// A row of the table.
struct Case<'t> {
    verdict: &'t str,
    place: In,
    written: String,
    message: &'t str,
}

fn cases() -> Vec<Case<'static>> {
    let rows = include_str!("rules.txt").lines();
    rows.filter(|row| !row.is_empty() && !row.starts_with('#'))
        .map(|row| {
            let mut cells = row.split(" | ");
            let verdict = cells.next().unwrap();
            let place = match cells.next().unwrap() {
                "File" => In::File,
                "Root" => In::Root,
                "Options" => In::Options,
                "Peers" => In::Peers,
                "Collect" => In::Collect,
                "Dir" => In::Dir,
                "File1" => In::File1,
                "Store" => In::Store,
                "Purge" => In::Purge,
                "Action" => In::Action,
                other => panic!("{other}"),
            };
            Case {
                verdict,
                place,
                written: cells.next().unwrap().replace("\\n", "\n"),
                message: cells.next().unwrap_or_default(),
            }
        })
        .collect()
}

#[test]
fn every_rule_is_told_when_it_is_broken() {
    let cases = cases();
    assert!(cases.len() > 150, "{}", cases.len());
    for case in cases {
        let (taken, said) = said(&file(case.place, &case.written));
        let (place, written, message) = (case.place, &case.written, case.message);
        match case.verdict {
            "sound" => assert!(taken && said.is_empty(), "{place:?} {written}: {said:#?}"),
            verdict => {
                assert_eq!(taken, verdict == "warned", "{place:?} {written}: {said:#?}");
                assert!(
                    said.iter().any(|line| line.contains(message)),
                    "{place:?} {written}: not {message:?} but {said:#?}"
                );
            }
        }
    }
}

/// Remote peers that are reached by commands need them, here or in the options; managed ones need to be told what to
/// do.
#[test]
fn a_remote_peer_needs_commands_from_somewhere() {
    let all = "<rcp_command>scp</rcp_command><rsh_command>ssh</rsh_command>\
        <cback_command>cback</cback_command><managed_actions>purge</managed_actions>";
    let peer = |text: &str| format!("<peer>{REMOTE}{text}</peer>");
    for (missing, managed) in [
        ("rcp_command", false),
        ("rsh_command", true),
        ("managed_actions", true),
    ] {
        let (before, rest) = all.split_once(&format!("<{missing}>")).unwrap();
        let (_, after) = rest.split_once(&format!("</{missing}>")).unwrap();
        let without = format!("{before}{after}");
        let managed = if managed {
            "<transport>command</transport><managed>Y</managed>"
        } else {
            "<transport>command</transport>"
        };
        let message = format!("`<peer>` lacks its `<{missing}>`");
        let bare = |options: &str, own: &str| {
            format!(
                "<cb_config><options>{OPTIONS}{options}</options><purge/><peers>{}</peers></cb_config>",
                peer(&format!("{managed}{own}"))
            )
        };
        let (taken, lines) = said(&bare(&without, ""));
        assert!(!taken && lines.contains(&message), "{missing}: {lines:?}");
        assert!(said(&bare(&without, all)).0, "{missing} of its own");
        assert!(said(&bare(all, "")).0, "{missing} of the options");
    }
}
