//! Volumes judged by the Linux kernel: a guest mounts every session and hands back what it sees.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)] // shared with the other readers' tests
#[path = "iso9660/disc.rs"]
mod disc;
#[allow(dead_code)]
mod guest;
#[allow(dead_code)]
#[path = "iso9660/model.rs"]
mod model;

use std::fmt::Write as _;
use std::process::Command;

use disc::Disc;
use model::{Model, assert_same, dir, expected, file, link, read_directory};

fn session(number: u64) -> Model {
    let mut added = Model::new();
    let top = format!("s{number}");
    added.insert(top.clone().into_bytes(), dir());
    // the kernel cuts names of 254 and 255 bytes after the first 250
    for length in [8, 64, 157, 158, 201, 230, 253] {
        let name = format!("{top}/{}", "n".repeat(length));
        added.insert(name.into_bytes(), file(number * 1000 + length as u64, 3000));
    }
    for length in [10, 150, 249, 300, 1000, 4000] {
        let target = "0123456/".repeat(512)[..length].to_owned();
        added.insert(format!("{top}/l{length}").into_bytes(), link(target));
    }
    added.insert(format!("{top}/empty").into_bytes(), file(0, 0));
    added.insert(
        format!("{top}/big").into_bytes(),
        file(number, 3_000_000 + number),
    );
    added.insert([top.as_bytes(), b"/\xff\xfe"].concat(), file(9, 9));
    let mut deep = top;
    for level in 0..25 {
        write!(deep, "/level-{level}").unwrap();
        added.insert(deep.clone().into_bytes(), dir());
    }
    added.insert(format!("{deep}/bottom").into_bytes(), file(5, 50));
    added
}

#[test]
fn the_kernel_sees_every_session_as_it_was_written() {
    let mut disc = Disc::blank();
    let mut script = String::from("set -e\n");
    let mut judged = Vec::new();
    for number in 1..=3 {
        let start = disc.append("KERNEL", &session(number), &[]);
        let name = format!("session-{number}");
        judged.push((name, format!(",sbsector={start}"), expected(&disc.model)));
    }
    judged.push(("head".to_owned(), String::new(), expected(&disc.model)));
    for (name, option, _) in &judged {
        writeln!(
            script,
            "mount -t iso9660 -o ro,loop{option} /share/disc.iso /mnt/disc\n\
             tar -C /mnt/disc -cf /share/{name}.tar .\n\
             umount /mnt/disc"
        )
        .unwrap();
    }
    script.push_str("dmesg | grep -i rock: && exit 9\nexit 0\n");
    let share = disc.directory.path();
    guest::boot(guest::Hardware::Nothing, share, script);
    for (name, _, wanted) in &judged {
        let to = share.join(name);
        std::fs::create_dir(&to).unwrap();
        let tar = Command::new("tar")
            .arg("-C")
            .arg(&to)
            .arg("-xpf")
            .arg(share.join(format!("{name}.tar")))
            .status()
            .unwrap();
        assert!(tar.success());
        assert_same(name, &read_directory(&to), wanted);
    }
}
