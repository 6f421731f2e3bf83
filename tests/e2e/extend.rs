//! What the tests of the extensions share: a machine whose configuration has one, as Cedar Backup's manual shows it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::call::{foreign, said};
use crate::machine::Machine;
use crate::tree;

/// A machine with the extension `name` at `index`, its section, and `overrides` of programs by paths.
pub fn machine(name: &str, index: u32, section: &str) -> Machine {
    with_overrides(name, index, section, &[])
}

/// The same, with programs that are elsewhere.
pub fn with_overrides(
    name: &str,
    index: u32,
    section: &str,
    overrides: &[(&str, PathBuf)],
) -> Machine {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    configure(&machine, &[(name, index)], section, overrides);
    machine
}

/// Configures extensions on `machine`.
pub fn configure(
    machine: &Machine,
    extensions: &[(&str, u32)],
    section: &str,
    overrides: &[(&str, PathBuf)],
) {
    let actions: Vec<String> = extensions
        .iter()
        .map(|(name, index)| {
            format!(
                "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>\
                 <function>executeAction</function><index>{index}</index></action>"
            )
        })
        .collect();
    let programs: Vec<String> = overrides
        .iter()
        .map(|(name, path)| {
            let path = path.display();
            format!("<override><command>{name}</command><abs_path>{path}</abs_path></override>")
        })
        .collect();
    let (actions, programs) = (actions.concat(), programs.concat());
    let section = section.replace(
        "ROOT",
        machine.path("").to_str().unwrap().trim_end_matches('/'),
    );
    machine.configure(|text| {
        text.replace(
            "</reference>",
            &format!("</reference><extensions>{actions}</extensions>"),
        )
        .replace("</options>", &format!("{programs}</options>"))
        .replace("</cb_config>", &format!("{section}</cb_config>"))
    });
}

/// A program of the machine, made of a shell script.
pub fn script(machine: &Machine, name: &str, text: &str) -> PathBuf {
    let path = machine.path(name);
    tree::program(&path, format!("#!/bin/sh\n{text}\n"));
    path
}

/// The names in a directory of the machine, sorted, without indicators.
pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("cback."))
        .collect();
    names.sort();
    names
}

/// What a packed file holds, by a foreign program.
pub fn unpacked(path: &Path) -> String {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => "zcat",
        Some("bz2") => "bzcat",
        Some("zst") => "zstdcat",
        _ => "cat",
    };
    foreign(Path::new("/"), program, &[path.as_os_str()])
}

/// Demands that the day's list of digests verifies, and gives its lines.
#[track_caller]
pub fn verified(day: &Path) -> Vec<String> {
    let args = ["-c", "--strict", "--quiet", "SHA256SUMS"].map(std::ffi::OsStr::new);
    foreign(day, "sha256sum", &args);
    let list = fs::read_to_string(day.join("SHA256SUMS")).unwrap();
    list.lines().map(|line| line[66..].to_owned()).collect()
}

/// A server that is ended when this is dropped, in a directory of its own with a short name for its socket. Servers
/// refuse to be root; then somebody else runs them.
pub struct Server {
    /// The directory.
    pub dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    /// A server that has not been started.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("cback-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if is_root() {
            std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
        }
        Self { dir, child: None }
    }

    /// Something in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `program` as whoever runs the server.
    pub fn command(&self, program: &str) -> Command {
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
            command
        } else {
            Command::new(program)
        };
        command.env("TMPDIR", self.dir.path());
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until `ready` succeeds: ten seconds on a machine that has nothing else to do, minutes
    /// on one that has.
    pub fn start(&mut self, command: &mut Command, mut ready: impl FnMut() -> bool) {
        let log = fs::File::create(self.path("log")).unwrap();
        let child = command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = self.child.insert(child.spawn().unwrap());
        for _ in 0..6000 {
            if ready() {
                return;
            }
            if let Some(status) = child.try_wait().unwrap() {
                eprintln!("the server has ended: {status}");
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{}", fs::read_to_string(self.path("log")).unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    said("id", &["-u"]) == "0"
}

/// Runs a command that prepares something, which must go well.
#[track_caller]
pub fn prepare(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
