//! Other machines: each a real `sshd` on loopback, with its own host key, key for the master and collect directory.
//!
//! A thread of the test takes the connections and gives each to an `sshd -i`. So there is no port to guess, nothing
//! to wait for, and a test can put itself in between ([`Sshd::meddle`]). Hides keys and configuration files.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::call::said;
use crate::machine::Machine;

/// What a test does to one connection: it gets the master's side and may do with it what it likes. `None` leaves
/// the connection to `sshd`.
type Meddler = Box<dyn Fn(TcpStream) -> Option<TcpStream> + Send>;

/// A machine that the master reaches by SSH under its name.
pub struct Sshd {
    name: String,
    port: u16,
    dir: PathBuf,
    home: PathBuf,
    meddler: Arc<Mutex<Option<Meddler>>>,
    connections: Arc<AtomicUsize>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sshd {
    /// The machine `name`, which `machine`'s user may log in to, and whose host key it knows.
    pub fn start(machine: &Machine, name: &str) -> Self {
        let dir = machine.path(format!("sshd-{name}"));
        let home = machine.path("home");
        fs::create_dir_all(dir.join("collect")).unwrap();
        fs::create_dir_all(home.join(".ssh")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sshd = Self {
            name: name.to_owned(),
            port: listener.local_addr().unwrap().port(),
            dir,
            home,
            meddler: Arc::default(),
            connections: Arc::default(),
            ending: Arc::default(),
            thread: None,
        };
        if !sshd.identity().exists() {
            generate(&sshd.identity(), "ed25519", "");
        }
        generate(&sshd.dir.join("host_key"), "ed25519", "");
        let ssh = sshd.home.join(".ssh");
        let more = format!(
            "Host {name}\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n  UserKnownHostsFile {}\n",
            sshd.port,
            sshd.identity().display(),
            ssh.join("known_hosts").display(),
        );
        append(&ssh.join("config"), &more);
        sshd.know();
        sshd.authorize("");
        sshd.configure("");
        sshd.listen(listener)
    }

    fn listen(mut self, listener: TcpListener) -> Self {
        if said("id", &["-u"]) == "0" {
            // Where sshd locks itself in; Debian's start script makes it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let config = self.dir.join("sshd_config");
        let log = self.dir.join("sshd.log");
        let (ending, connections) = (Arc::clone(&self.ending), Arc::clone(&self.connections));
        let meddler = Arc::clone(&self.meddler);
        self.thread = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                let stream = stream.unwrap();
                let stream = match &*meddler.lock().unwrap() {
                    Some(meddle) => meddle(stream),
                    None => Some(stream),
                };
                if let Some(stream) = stream {
                    serve(stream, &config, &log);
                }
            }
        }));
        self
    }

    /// Where it leaves its archives.
    pub fn collect(&self) -> PathBuf {
        self.dir.join("collect")
    }

    /// Something of it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// The key with which the master logs in.
    pub fn identity(&self) -> PathBuf {
        self.home.join(".ssh/id_test")
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Lets the master's key in, with those options in front of it (`command="…"`).
    pub fn authorize(&self, options: &str) {
        let key = fs::read_to_string(self.identity().with_extension("pub")).unwrap();
        let blank = if options.is_empty() { "" } else { " " };
        fs::write(
            self.dir.join("authorized_keys"),
            format!("{options}{blank}{key}"),
        )
        .unwrap();
    }

    /// Adds lines to its configuration; the first of a kind counts. Its users have a home of their own: what the login
    /// shell of whoever runs the tests does in `~/.bashrc` would be done for each command, and heard.
    pub fn configure(&self, lines: &str) {
        let text = format!(
            "{lines}\nHostKey {dir}/host_key\nAuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM no\n\
             PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             Subsystem sftp internal-sftp\nLogLevel VERBOSE\nSetEnv HOME={dir}\n",
            dir = self.dir.display()
        );
        fs::write(self.dir.join("sshd_config"), text).unwrap();
    }

    /// Makes the master know its host key as it is now.
    pub fn know(&self) {
        let key = fs::read_to_string(self.dir.join("host_key.pub")).unwrap();
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        append(&self.home.join(".ssh/known_hosts"), &line);
    }

    /// Gives it another host key, of which the master knows nothing.
    pub fn change_host_key(&self) {
        fs::remove_file(self.dir.join("host_key")).unwrap();
        generate(&self.dir.join("host_key"), "ed25519", "");
    }

    /// The fingerprint of its host key, as ssh-keygen writes it.
    pub fn fingerprint(&self) -> String {
        let key = self.dir.join("host_key.pub");
        let line = said("ssh-keygen", &["-lf", key.to_str().unwrap()]);
        line.split(' ').nth(1).unwrap().to_owned()
    }

    /// Puts `meddler` in between from now on.
    pub fn meddle(&self, meddler: impl Fn(TcpStream) -> Option<TcpStream> + Send + 'static) {
        *self.meddler.lock().unwrap() = Some(Box::new(meddler));
    }

    /// Leaves its connections alone again.
    pub fn leave_alone(&self) {
        *self.meddler.lock().unwrap() = None;
    }

    /// Takes the connection to a machine whose disk is full: its own `sshd`, for which everything it writes is too much.
    pub fn with_a_full_disk(&self) -> impl Fn(TcpStream) -> Option<TcpStream> + use<> {
        let dir = self.dir.clone();
        move |stream| {
            let script = "mount -t tmpfs -o size=16m none /mnt && cp -a \"$0\"/collect/. /mnt/ && \
                          { dd if=/dev/zero of=/mnt/.fill.partial bs=64k 2>/dev/null || true; } && \
                          mount --bind /mnt \"$0\"/collect && exec /usr/sbin/sshd -i -f \"$0\"/sshd_config";
            let mut unshare = vec!["--mount"];
            if said("id", &["-u"]) != "0" {
                unshare.extend(["--map-current-user", "--keep-caps"]);
            }
            let side = |stream: TcpStream| Stdio::from(std::os::fd::OwnedFd::from(stream));
            let mut child = Command::new("unshare")
                .args(unshare)
                .args(["sh", "-ec", script])
                .arg(&dir)
                .stdin(side(stream.try_clone().unwrap()))
                .stdout(side(stream))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::spawn(move || child.wait());
            None
        }
    }

    /// Fills its collect directory with files and `cback.collect`, which has their digests if it is ours.
    pub fn collected(&self, files: &[(&str, &[u8])], claims: Claims) {
        let collect = self.collect();
        for (name, content) in files {
            fs::write(collect.join(name), content).unwrap();
        }
        let mut text = String::new();
        for (name, content) in files {
            let (program, before) = match claims {
                Claims::Nothing => break,
                Claims::Digests if content.len() >= 8 << 20 => ("b3sum", "# blake3 "),
                Claims::Digests | Claims::Sha256 => ("sha256sum", ""),
            };
            let path = collect.join(name);
            let line = said(program, &[path.to_str().unwrap()]);
            text += &format!("{before}{}  {name}\n", &line[..64]);
        }
        fs::write(collect.join("cback.collect"), text).unwrap();
    }

    /// The `<peer>` that is this machine; `more` is put into it.
    pub fn peer(&self, more: &str) -> String {
        format!(
            "<peer><name>{}</name><type>remote</type><collect_dir>{}</collect_dir>{more}</peer>",
            self.name,
            self.collect().display()
        )
    }
}

/// Whether a collect directory says what is in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// Ours: `cback.collect` lists the digests, BLAKE3s of large files.
    Digests,
    /// `cback.collect` lists all by SHA-256.
    Sha256,
    /// Cedar Backup's: it is empty.
    Nothing,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Lets through `bytes` of what the other machine says, and then cuts the connection.
pub fn cut_after(bytes: u64) -> impl Fn(TcpStream) -> Option<TcpStream> {
    limited(bytes, Then::Cut)
}

/// Lets through `bytes` of what the other machine says, and then nothing any more.
pub fn stalled_after(bytes: u64) -> impl Fn(TcpStream) -> Option<TcpStream> {
    limited(bytes, Then::Stall)
}

/// What happens when enough was let through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Cut,
    Stall,
}

fn limited(bytes: u64, then: Then) -> impl Fn(TcpStream) -> Option<TcpStream> {
    move |master| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        let (mut from_master, mut to_sshd) =
            (master.try_clone().unwrap(), near.try_clone().unwrap());
        std::thread::spawn(move || {
            // Until the master has gone.
            let _ = std::io::copy(&mut from_master, &mut to_sshd);
            let _ = to_sshd.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut (&near).take(bytes), &mut &master);
            let _ = (&master).flush();
            if then == Then::Cut {
                let _ = master.shutdown(Shutdown::Both);
                let _ = near.shutdown(Shutdown::Both);
            }
        });
        Some(far)
    }
}

/// Gives the connection to an sshd of its own.
fn serve(stream: TcpStream, config: &Path, log: &Path) {
    let mut command = Command::new("/usr/sbin/sshd");
    command
        .arg("-i")
        .arg("-f")
        .arg(config)
        .arg("-E")
        .arg(log)
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(
            stream.try_clone().unwrap(),
        )))
        .stdout(Stdio::from(std::os::fd::OwnedFd::from(stream)))
        .stderr(Stdio::null());
    let mut child = command
        .spawn()
        .expect("sshd of openssh-server; tests/run installs it");
    // Who waits for it is nobody else; it ends with its connection.
    std::thread::spawn(move || child.wait());
}

/// Makes a key pair.
pub fn generate(file: &Path, kind: &str, passphrase: &str) {
    let file = file.to_str().unwrap();
    said(
        "ssh-keygen",
        &[
            "-q", "-t", kind, "-N", passphrase, "-C", "tests", "-f", file,
        ],
    );
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn append(file: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).append(true).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
