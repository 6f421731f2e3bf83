//! Cedar Backup 3 from the Python package index, in an environment of its own below `target/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// The version that is compared with.
const VERSION: &str = "3.12.0";

/// Python with Cedar Backup installed, in an environment of its own that is kept from run to run.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cedar-backup-{VERSION}"));
        let python = dir.join("bin/python");
        if !dir.join("complete").exists() {
            let _ = fs::remove_dir_all(&dir);
            call(Command::new("python3").args(["-m", "venv"]).arg(&dir)).unwrap();
            let package = format!("cedar-backup3=={VERSION}");
            let pip = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--timeout",
                "60",
            ];
            // pip tries again within seconds; an index that is away may need longer.
            let mut tries = 1;
            while let Err(why) = call(Command::new(&python).args(pip).arg(&package)) {
                assert!(tries < 4, "{why}");
                std::thread::sleep(Duration::from_secs(10) * tries);
                tries += 1;
            }
            fs::write(dir.join("complete"), "").unwrap();
        }
        python
    })
}

/// Runs `command`, or says why it failed.
fn call(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{command:?}: {error} (tests/run installs it)"));
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {said}"))
    }
}
