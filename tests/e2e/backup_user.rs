//! The backup user: a master run by root with the rights of another user towards the peers, and a master run wholly by
//! an ordinary user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use crate::call::{Call, said};
use crate::machine::Machine;
use crate::master::{COMMAND, DAY, MANAGED, NATIVE, Pool, answers, is_whole, staged};
use crate::sshd::{Claims, Sshd};
use crate::tree;

/// Number of the user `keeper`, and of the group `keepers`.
const ID: u32 = 54_321;

/// A machine that has a user `keeper`, with a home, and whatever it needs to reach peers there.
struct Kept {
    machine: Machine,
    peer: Sshd,
    client: Machine,
}

impl Kept {
    fn new() -> Self {
        let (machine, client) = (Machine::new(), Machine::new());
        let peer = Sshd::start(&machine, "ada");
        tree::mode(&machine.path(""), 0o755);
        tree::file(client.path("source/file"), "on the client");
        // Whoever reads the master's own keys fails.
        fs::rename(machine.path("home"), machine.path("keeper")).unwrap();
        fs::create_dir(machine.path("home")).unwrap();
        let kept = Self {
            machine,
            peer,
            client,
        };
        let config = kept.path(".ssh/config");
        let text = fs::read_to_string(&config).unwrap();
        let home = kept.machine.path("home");
        fs::write(&config, text.replace(home.to_str().unwrap(), "~")).unwrap();
        for (file, line) in [
            ("passwd", "keeper:x:ID:ID::HOME:/bin/sh"),
            ("group", "keepers:x:ID:"),
        ] {
            let line = line.replace("ID", &ID.to_string());
            let line = line.replace("HOME", kept.path("").to_str().unwrap());
            let text = fs::read_to_string(Path::new("/etc").join(file)).unwrap();
            fs::write(kept.machine.path(file), format!("{text}{line}\n")).unwrap();
        }
        give(&kept.path(""));
        give(&kept.machine.path("work"));
        kept
    }

    /// Something in the home of the keeper.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.machine.path("keeper").join(name)
    }

    /// Makes it a master whose backup user is the keeper. The programs find by themselves what the user has.
    fn master(&self, way: Pool<'_>, rcp: &str) {
        let more = format!(
            "<backup_user>{}</backup_user>{MANAGED}",
            said("id", &["-un"])
        );
        let config = self.machine.path("home/.ssh/config");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::write(&config, "").unwrap();
        let pool = Pool {
            rcp: Some(rcp),
            peer: &more,
            ..way
        };
        pool.master(&self.machine, &[&self.peer]);
        fs::remove_dir_all(config.parent().unwrap()).unwrap();
        let path = self.machine.path("cback.conf");
        let text = fs::read_to_string(&path).unwrap();
        let (user, group) = (said("id", &["-un"]), said("id", &["-gn"]));
        let text = text
            .replacen(&format!("<backup_user>{user}<"), "<backup_user>keeper<", 1)
            .replacen(
                &format!("<backup_group>{group}<"),
                "<backup_group>keepers<",
                1,
            )
            .replace(&format!("-F {}", config.display()), "");
        fs::write(path, text).unwrap();
    }

    /// Lets the client answer the keeper's key.
    fn client_answers(&self) {
        let key = self.peer.identity().with_extension("pub");
        let dir = key.parent().unwrap();
        fs::create_dir(dir).unwrap();
        fs::copy(self.path(".ssh/id_test.pub"), &key).unwrap();
        answers(&self.client, &self.peer, "--allow collect");
        fs::remove_dir_all(dir).unwrap();
    }

    /// A call where the user exists.
    fn cback(&self, words: &str) -> Call<'_> {
        self.under(words, "")
    }

    /// A call by the user.
    fn by_keeper(&self, words: &str) -> Call<'_> {
        let who = format!(
            "setpriv --reuid={ID} --regid={ID} --clear-groups env HOME={}",
            self.path("").display()
        );
        self.under(words, &who)
    }

    fn under(&self, words: &str, who: &str) -> Call<'_> {
        let bind = |file: &str| {
            let path = self.machine.path(file);
            format!("mount --bind '{}' /etc/{file}", path.display())
        };
        let script = format!(
            "{} && {} && exec {who} \"$@\"",
            bind("passwd"),
            bind("group")
        );
        let call = self.machine.cback(words).on(DAY);
        call.under(["unshare", "--mount", "sh", "-ec", &script, "sh"])
    }

    /// Demands that everything below `dir` belongs to the keeper.
    #[track_caller]
    fn belongs(&self, dir: &str) {
        for entry in walkdir::WalkDir::new(self.machine.path(dir)).min_depth(1) {
            let entry = entry.unwrap();
            let stat = entry.metadata().unwrap();
            assert_eq!(
                (stat.uid(), stat.gid()),
                (ID, ID),
                "{}",
                entry.path().display()
            );
        }
    }
}

/// Gives everything below `dir`, and itself, to the keeper.
fn give(dir: &Path) {
    for entry in walkdir::WalkDir::new(dir) {
        chown(entry.unwrap().path(), Some(ID), Some(ID)).unwrap();
    }
}

/// Only root can be somebody else.
fn is_root() -> bool {
    said("id", &["-u"]) == "0"
}

#[test]
fn a_master_run_by_root_reaches_peers_with_the_keys_and_rights_of_the_backup_user() {
    if !is_root() {
        return;
    }
    for way in [NATIVE, COMMAND] {
        let kept = Kept::new();
        let (ran, rcp) = (kept.path("ran"), kept.machine.path("rcp"));
        let script = format!(
            "#!/bin/sh\nid -un >> {}\nexec /usr/bin/scp -B -O \"$@\"\n",
            ran.display()
        );
        tree::program(&rcp, script);
        kept.master(way, rcp.to_str().unwrap());
        kept.peer.collected(
            &[("a", b"a"), ("b b", &tree::noise(5, 100_000))],
            Claims::Digests,
        );
        kept.cback("stage").run().well_and_silent();
        is_whole(&kept.machine, &kept.peer, "ada");
        kept.belongs("stage");
        let told = fs::read_to_string(kept.peer.collect().join("cback.stage")).unwrap();
        assert!(told.starts_with("# staged"), "{told}");
        if way.transport == "command" {
            let ran = fs::read_to_string(ran).unwrap();
            assert!(
                ran.lines().count() > 2 && ran.lines().all(|name| name == "keeper"),
                "{ran}"
            );
        }
        kept.client_answers();
        kept.cback("-N collect").run().well_and_silent();
        assert!(kept.client.path("collect/cback.collect").exists());
        // What is root's stays root's.
        assert_eq!(fs::read_dir(kept.machine.path("home")).unwrap().count(), 0);
    }
}

#[test]
fn the_backup_user_cannot_make_root_use_what_only_root_may_read() {
    if !is_root() {
        return;
    }
    let kept = Kept::new();
    kept.master(NATIVE, "/usr/bin/scp -B -O");
    kept.peer.collected(&[("a", b"a")], Claims::Digests);
    let secret = kept.machine.path("roots-own-key");
    let key = kept.path(".ssh/id_test");
    fs::rename(&key, &secret).unwrap();
    chown(&secret, Some(0), Some(0)).unwrap();
    std::os::unix::fs::symlink(&secret, &key).unwrap();
    let ended = kept.cback("stage").run().with_status(6);
    ended.says(&["id_test cannot be read: Permission denied"]);
    // Nor what it includes.
    fs::remove_file(&key).unwrap();
    chown(&secret, Some(ID), Some(ID)).unwrap();
    fs::rename(&secret, &key).unwrap();
    let config = kept.machine.path("roots-own-config");
    tree::file(&config, "Port 1\n");
    tree::mode(&config, 0o600);
    let text = fs::read_to_string(kept.path(".ssh/config")).unwrap();
    let include = format!("Include {}\n{text}", config.display());
    fs::write(kept.path(".ssh/config"), include).unwrap();
    let ended = kept.cback("stage").run().with_status(6);
    ended.says(&["roots-own-config: Permission denied"]);
    fs::write(kept.path(".ssh/config"), text).unwrap();
    kept.cback("stage").run().well_and_silent();
}

#[test]
fn a_master_run_wholly_by_an_ordinary_user_does_everything() {
    if !is_root() {
        return;
    }
    for way in [NATIVE, COMMAND] {
        let kept = Kept::new();
        kept.master(way, "/usr/bin/scp -B -O");
        kept.peer.collected(&[("a", b"a")], Claims::Digests);
        tree::file(kept.machine.path("source/file"), "x");
        for dir in ["", "source", "collect", "stage"] {
            chown(kept.machine.path(dir), Some(ID), Some(ID)).unwrap();
        }
        chown(kept.machine.path("source/file"), Some(ID), Some(ID)).unwrap();
        kept.by_keeper("collect stage").run().well_and_silent();
        is_whole(&kept.machine, &kept.peer, "ada");
        assert!(staged(&kept.machine, "ada").join("a").exists());
        for dir in ["stage", "collect", "work"] {
            kept.belongs(dir);
        }
        kept.client_answers();
        kept.by_keeper("-N collect").run().well_and_silent();
        assert!(kept.client.path("collect/cback.collect").exists());
    }
}
