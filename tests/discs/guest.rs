//! The guest: a script that runs in it, a directory that it shares with us, and what its calls came to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every script begins with. `call NAME ARGUMENTS` runs the program and leaves `NAME.said` and `NAME.status`, `other`
/// does so for another program; `fresh KIND [SECTORS]` lays a blank disc in.
const BEGINNING: &str = r#"
set -u
cd /share
call() { local name=$1; shift; $CBACK -c cback.conf -l log "$@" >$name.said 2>&1; echo $? >$name.status; }
other() { local name=$1; shift; "$@" >$name.said 2>&1; echo $? >$name.status; }
discs=0
fresh() {
  drive rate none; drive well; tray -
  discs=$((discs+1)); disc new $1 disc$discs ${2:-60000}; tray /share/disc$discs
}
day() { date -s "2026-11-$1 12:00" >/dev/null; }
configure() { sed "s/MEDIA/$1/; s/DEVICE/$2/" template >cback.conf; }
begin() { rm -rf work collect stage source; mkdir work collect stage source; }
"#;

const TEMPLATE: &str = r#"<?xml version="1.0"?>
<cb_config>
  <reference><author>tests</author></reference>
  <options>
    <starting_day>monday</starting_day>
    <working_dir>/share/work</working_dir>
    <backup_user>root</backup_user>
    <backup_group>root</backup_group>
    <rcp_command>/usr/bin/scp -B</rcp_command>
  </options>
  <peers>
    <peer><name>ada</name><type>local</type><collect_dir>/share/collect</collect_dir></peer>
  </peers>
  <collect>
    <collect_dir>/share/collect</collect_dir>
    <collect_mode>daily</collect_mode>
    <archive_mode>targz</archive_mode>
    <ignore_file>.cbignore</ignore_file>
    <dir><abs_path>/share/source</abs_path></dir>
  </collect>
  <stage><staging_dir>/share/stage</staging_dir></stage>
  <store>
    <source_dir>/share/stage</source_dir>
    <media_type>MEDIA</media_type>
    <device_type>DEVICE</device_type>
    <target_device>/dev/sr0</target_device>
    <check_data>Y</check_data>
  </store>
</cb_config>
"#;

/// A guest that has ended, and what it left.
pub struct Guest(tempfile::TempDir);

impl Guest {
    /// Makes the shared directory; `prepare` puts more into it.
    pub fn run(prepare: impl FnOnce(&Path), script: &str) -> Self {
        let guest = Self(tempfile::tempdir().unwrap());
        let share = guest.0.path();
        for dir in ["source", "collect", "stage", "work"] {
            fs::create_dir(share.join(dir)).unwrap();
        }
        fs::write(share.join("template"), TEMPLATE).unwrap();
        prepare(share);
        let program = Path::new(env!("CARGO_BIN_EXE_cback"));
        let burner = program.with_file_name("examples").join("virtual-burner");
        assert!(
            burner.is_file(),
            "no {}: cargo build --example virtual-burner",
            burner.display()
        );
        let script = format!("CBACK={}\n{BEGINNING}\n{script}\nexit 0", program.display());
        let here = env!("CARGO_MANIFEST_DIR");
        let done = Command::new(format!("{here}/tests/burner-vm/run-in-burner-vm.sh"))
            .env("VIRTUAL_BURNER", burner)
            .args(["-b", "virtual", "-t", "900", "-s"])
            .arg(share)
            .arg(script)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "the guest: {}\n{}{}",
            done.status,
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        guest
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn said(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.said"))).unwrap_or_default()
    }

    /// A call ended so, and said these words.
    #[track_caller]
    pub fn has(&self, name: &str, status: i32, words: &[&str]) {
        let said = self.said(name);
        let ended = fs::read_to_string(self.path(&format!("{name}.status"))).unwrap_or_default();
        assert_eq!(ended.trim(), status.to_string(), "{name}: {said}");
        for word in words {
            assert!(said.contains(word), "{name} does not say `{word}`:\n{said}");
        }
    }

    /// Two trees are the same.
    #[track_caller]
    pub fn same(&self, one: &str, two: &str) {
        let diff = Command::new("diff")
            .args(["-r", "--no-dereference"])
            .args([self.path(one), self.path(two)])
            .output()
            .unwrap();
        assert!(
            diff.status.success(),
            "{}{}",
            String::from_utf8_lossy(&diff.stdout),
            String::from_utf8_lossy(&diff.stderr)
        );
    }
}

/// Bytes that do not compress.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}
