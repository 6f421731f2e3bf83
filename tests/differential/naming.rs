//! Names of archives are those that Cedar Backup 3 gives, so that old ones are overwritten and not left beside new ones.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cedar::{Cedar, libfaketime};

/// What directories can be called, as far as XML has a way to say so.
const NAMES: [&str; 24] = [
    "plain",
    ".hidden",
    "..two",
    "dot.in.it",
    "a b",
    "  blanks  inside ",
    "tab\there",
    "two\nlines",
    "key:value",
    "c:",
    "-dash",
    "_under",
    "ümläut",
    "no\u{a0}break",
    "em\u{2003}space",
    "ideographic\u{3000}space",
    "next\u{85}line",
    "line\u{2028}separator",
    "ogham\u{1680}space",
    "zero\u{200b}width",
    "narrow\u{202f}space",
    "🌲",
    "it's \"q\" & <x>",
    "UPPER",
];

#[test]
fn archives_are_called_as_cedar_backup_3_calls_them() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| dir.path().join(name);
    let mut sources = String::new();
    for name in NAMES {
        let path = at("tree").join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("file"), name).unwrap();
        // Blanks at the end would belong to the value for one program only.
        let text = path
            .to_str()
            .unwrap()
            .replace('&', "&amp;")
            .replace('<', "&lt;");
        let slash = if name.ends_with(' ') || name == "plain" {
            "/"
        } else {
            ""
        };
        let _ = writeln!(sources, "<dir><abs_path>{text}{slash}</abs_path></dir>");
    }
    let mut made = Vec::new();
    let mut cedar = Cedar::start();
    for who in ["theirs", "ours"] {
        for name in ["collect", "work"] {
            fs::create_dir_all(at(who).join(name)).unwrap();
        }
        let own = at(who);
        let text = CONFIGURATION
            .replace("OWN", own.to_str().unwrap())
            .replace("<!-- sources -->", &sources);
        fs::write(own.join("cback.conf"), text).unwrap();
        let words = ["--config", "cback.conf", "--logfile", "log", "collect"];
        if who == "theirs" {
            let words = words.map(str::to_owned);
            let (status, said) = cedar.run("2026-11-16 02:00:00", &own, &words);
            assert_eq!(status, 0, "{said}");
        } else {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cback"));
            command
                .args(["--naming", "v3"])
                .args(words)
                .env_clear()
                .env("LD_PRELOAD", libfaketime())
                .env("FAKETIME", "@2026-11-16 02:00:00")
                .env("NO_FAKE_STAT", "1")
                .current_dir(&own)
                .stdin(Stdio::null());
            let output = crate::case::output(&mut command);
            assert!(output.status.success(), "{output:?}");
        }
        made.push(archives(&mut cedar, &own.join("collect")));
    }
    assert_eq!(made[0].len(), NAMES.len());
    assert_eq!(made[1], made[0]);
}

/// Names of archives, by the file that is in each.
fn archives(cedar: &mut Cedar, dir: &Path) -> BTreeMap<PathBuf, OsString> {
    let names = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let archives = names.filter(|name| name.as_encoded_bytes().ends_with(b".tar"));
    let by_file = archives.map(|name| {
        let members = cedar.members(&dir.join(&name));
        let file = members
            .into_iter()
            .find(|member| member.kind == '0')
            .unwrap();
        (file.path, name)
    });
    by_file.collect()
}

const CONFIGURATION: &str = r#"<?xml version="1.0"?>
<cb_config>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>OWN/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <collect>
    <collect_dir>OWN/collect</collect_dir>
    <collect_mode>daily</collect_mode>
    <archive_mode>tar</archive_mode>
    <ignore_file>.cbignore</ignore_file>
<!-- sources -->
  </collect>
</cb_config>
"#;
