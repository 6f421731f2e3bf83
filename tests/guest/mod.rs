//! A guest with a real `/dev/sr0`: a script that runs in it, a directory that it shares with us, and what its calls came to.
//!
//! The guest is User Mode Linux, which needs neither root nor KVM; `tests/burner-vm/run-in-burner-vm.sh` fetches its Debian
//! packages when it runs first. Booting costs seconds, so that many things happen in one boot, one after the other; what
//! each call said and how it ended comes back in files. Without the guest the test fails.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the guest has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    /// tgt's DVD+R burner with a blank disc in it.
    PlainBurner,
    /// The same with an empty tray, to be joined by more of tgt's.
    EmptyBurner,
    /// The burner of all kinds of discs that is part of these tests, with an empty tray.
    VirtualBurner,
    /// Nothing but the kernel.
    Nothing,
}

/// What every script begins with. `call NAME ARGUMENTS` runs the program and leaves `NAME.said` and `NAME.status`, `other`
/// does so for another program; `fresh KIND [SECTORS]` lays a blank disc into the virtual burner.
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

/// The configuration of a backup onto DVD+R, with `more` in its section `store`.
pub fn configuration(more: &str) -> String {
    TEMPLATE
        .replace("MEDIA", "dvd+r")
        .replace("DEVICE", "dvdwriter")
        .replace("  </store>", &format!("    {more}\n  </store>"))
}

/// A guest that has ended, and what it left.
pub struct Guest(tempfile::TempDir);

impl Guest {
    /// Makes the shared directory, into which `prepare` puts more, and runs `script` in a guest with the virtual burner.
    pub fn run(prepare: impl FnOnce(&Path), script: &str) -> Self {
        Self::run_on(Hardware::VirtualBurner, prepare, script)
    }

    /// The same with other hardware.
    pub fn run_on(hardware: Hardware, prepare: impl FnOnce(&Path), script: &str) -> Self {
        let guest = Self(tempfile::tempdir().unwrap());
        let share = guest.0.path();
        for dir in ["source", "collect", "stage", "work"] {
            fs::create_dir(share.join(dir)).unwrap();
        }
        fs::write(share.join("template"), TEMPLATE).unwrap();
        fs::write(share.join("cback.conf"), configuration("")).unwrap();
        prepare(share);
        let program = env!("CARGO_BIN_EXE_cback");
        boot(
            hardware,
            share,
            format!("CBACK={program}\n{BEGINNING}\n{script}\nexit 0"),
        );
        guest
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn said(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.said"))).unwrap_or_default()
    }

    /// Everything that was logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
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

/// Runs `script` in a guest that has `share` as `/share`.
pub fn boot(hardware: Hardware, share: &Path, script: impl AsRef<OsStr>) {
    let runner = "tests/burner-vm/run-in-burner-vm.sh";
    let mut guest = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(runner));
    match hardware {
        Hardware::PlainBurner => &mut guest,
        Hardware::EmptyBurner => guest.args(["-d", "-"]),
        Hardware::Nothing => guest.args(["-b", "none"]),
        Hardware::VirtualBurner => guest
            .env("VIRTUAL_BURNER", virtual_burner())
            .args(["-b", "virtual"]),
    };
    let done = guest
        .args(["-t", "1800", "-s"])
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
}

/// The virtual burner. It is an example of this crate, and cargo builds examples only if all tests are built: so it is built
/// here, beside the program and as that was.
fn virtual_burner() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // TARGET/PROFILE/cback
        let place = Path::new(env!("CARGO_BIN_EXE_cback")).parent().unwrap();
        let profile = match place.file_name().unwrap() {
            name if name == "debug" => OsStr::new("dev"),
            name => name,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--example", "virtual-burner"])
            .arg("--profile")
            .arg(profile)
            .arg("--target-dir")
            .arg(place.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "the virtual burner cannot be built: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        place.join("examples/virtual-burner")
    })
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

/// Makes a directory of names over 200 bytes and of links over 300.
pub fn long_names(dir: &Path) {
    fs::create_dir(dir).unwrap();
    for length in [201, 230, 250] {
        fs::write(dir.join("n".repeat(length)), length.to_string()).unwrap();
    }
    for length in [300, 1000] {
        let target = "0123456/".repeat(125)[..length].to_owned();
        symlink(target, dir.join(format!("link{length}"))).unwrap();
    }
}
