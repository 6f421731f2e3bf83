//! A disc of several sessions: every reader sees every session as it was asked for.

use std::collections::BTreeSet;

use cback::iso9660::{SpaceSize, Volume, sessions};

use crate::disc::Disc;
use crate::foreign::{
    Shown, Which, bsdtar_extract, isoinfo_paths, xorriso_extract, xorriso_sessions,
};
use crate::model::{
    Listing, Model, assert_same, dir, expected, file, link, read_directory, read_tree,
};

fn items(list: &[(&str, crate::model::Item)]) -> Model {
    list.iter()
        .map(|(path, item)| (path.as_bytes().to_vec(), item.clone()))
        .collect()
}

/// Extracts with all readers from the newest session and compares.
fn judge(disc: &Disc, what: &str) {
    judge_ours_and_bsdtar(disc, what);
    judge_xorriso(disc, Which::Newest, what, &expected(&disc.model));
}

fn judge_ours_and_bsdtar(disc: &Disc, what: &str) {
    let wanted = expected(&disc.model);
    let medium = disc.open();
    let tree = Volume::open(&medium, 0).unwrap().tree().unwrap();
    assert_same(
        &format!("ours, {what}"),
        &read_tree(&medium, &tree),
        &wanted,
    );
    let to = disc.directory.path().join("bsdtar");
    std::fs::create_dir(&to).unwrap();
    bsdtar_extract(&disc.path, &to);
    assert_same(&format!("bsdtar, {what}"), &read_directory(&to), &wanted);
    std::fs::remove_dir_all(&to).unwrap();
}

/// xorriso refuses targets of more than 1024 bytes, so only the two others judge these.
#[test]
fn links_as_long_as_linux_can_have_come_back() {
    let mut disc = Disc::blank();
    let mut added = Model::new();
    for length in [1025, 2040, 2100, 4000, 4095] {
        let target = "0123456/".repeat(512)[..length].to_owned();
        added.insert(format!("l{length}").into_bytes(), link(target));
    }
    disc.append("LONG", &added, &[]);
    judge_ours_and_bsdtar(&disc, "long links");
}

fn judge_xorriso(disc: &Disc, which: Which, what: &str, wanted: &Listing) {
    let to = disc.directory.path().join("xorriso");
    xorriso_extract(&disc.path, which, &to);
    let mut found = read_directory(&to);
    for (path, item) in &mut found {
        // it does not set the times of symbolic links
        if let Some(wanted) = wanted.get(path).filter(|_| item.what == "link") {
            item.mtime = wanted.mtime;
        }
    }
    assert_same(&format!("xorriso, {what}"), &found, wanted);
    std::fs::remove_dir_all(&to).unwrap();
}

#[test]
fn everybody_sees_every_session_of_a_disc() {
    let mut disc = Disc::blank();
    let days = [
        (
            items(&[
                ("README.txt", file(1, 3000)),
                ("2026", dir()),
                ("2026/11", dir()),
                ("2026/11/19", dir()),
                ("2026/11/19/alpha", dir()),
                ("2026/11/19/alpha/etc.tar.gz", file(2, 100_000)),
                ("2026/11/19/alpha/cback.collect", file(3, 0)),
                ("2026/11/19/SHA256SUMS", file(4, 2048)),
                ("latest", link("2026/11/19")),
            ]),
            &[][..],
        ),
        (
            items(&[
                ("2026/11/20", dir()),
                ("2026/11/20/beta", dir()),
                ("2026/11/20/beta/empty", dir()),
                ("2026/11/20/beta/home user.tar.gz", file(5, 1_500_000)),
                ("latest", link("2026/11/20")),
            ]),
            &[][..],
        ),
        (
            items(&[("2026/11/21", dir()), ("2026/11/21/x", file(6, 1))]),
            &["2026/11/19", "README.txt"][..],
        ),
        (items(&[("last", file(7, 2049))]), &[][..]),
    ];
    let mut history = Vec::new();
    for (number, (added, removed)) in days.iter().enumerate() {
        let label = format!("DAY-{number}");
        let start = disc.append(&label, added, removed);
        judge(&disc, &label);
        history.push((start, label, disc.model.clone()));
    }
    let toc: Vec<_> = history
        .iter()
        .map(|(start, label, _)| (*start, label.clone()))
        .collect();
    assert_eq!(xorriso_sessions(&disc.path), toc);
    let medium = disc.open();
    let found = sessions(&medium).unwrap();
    assert_eq!(found.len(), history.len());
    for (number, (start, label, model)) in history.iter().enumerate() {
        assert_eq!(found[number].start, *start);
        assert_eq!(found[number].volume_id, label.as_bytes());
        let wanted = expected(model);
        let tree = Volume::open(&medium, *start).unwrap().tree().unwrap();
        assert_same("ours", &read_tree(&medium, &tree), &wanted);
        judge_xorriso(&disc, Which::Number(number + 1), label, &wanted);
        let paths: BTreeSet<_> = model.keys().cloned().collect();
        assert_eq!(isoinfo_paths(&disc.path, Shown::RockRidge, *start), paths);
        let joliet: BTreeSet<_> = paths.into_iter().filter(|path| path != b"latest").collect();
        assert_eq!(isoinfo_paths(&disc.path, Shown::Joliet, *start), joliet);
    }
}

/// Names up to 157 bytes need no continuation area, so that bsdtar reads them in files of earlier sessions, too.
#[test]
fn bsdtar_reads_rather_long_names_of_earlier_sessions() {
    let mut disc = Disc::blank();
    let added = items(&[
        (&"n".repeat(157), file(1, 5000)),
        (&"m".repeat(156), file(2, 0)),
    ]);
    disc.append("ONE", &added, &[]);
    disc.append("TWO", &items(&[("new", file(2, 5000))]), &[]);
    judge(&disc, "two sessions");
}

/// Names and links that need continuation areas, in two sessions. The second is not for bsdtar, which gives up where
/// such an area lies behind the bytes of its file.
#[test]
fn long_names_and_links_come_back_from_every_session() {
    let mut disc = Disc::blank();
    let mut starts = Vec::new();
    for session in 0..2_u64 {
        let mut added = Model::new();
        let directory = format!("s{session}");
        added.insert(directory.clone().into_bytes(), dir());
        for length in [
            100, 120, 121, 126, 127, 145, 146, 200, 201, 250, 251, 254, 255,
        ] {
            let name = format!("{directory}/{}", "n".repeat(length));
            added.insert(name.into_bytes(), file(session * 1000 + length as u64, 10));
            let empty = format!("{directory}/{}", "e".repeat(length));
            added.insert(empty.into_bytes(), file(0, 0));
        }
        for length in [1, 100, 150, 248, 249, 250, 251, 300, 600, 1000] {
            let target: Vec<u8> = (0..length)
                .map(|at| if at % 101 == 100 { b'/' } else { b't' })
                .collect();
            added.insert(format!("{directory}/l{length}").into_bytes(), link(target));
        }
        let dots = format!("/{}x", "../".repeat(300));
        for (number, target) in ["/", "/a/b", "../../x", "./y", "..", ".", &dots]
            .iter()
            .enumerate()
        {
            added.insert(format!("{directory}/p{number}").into_bytes(), link(target));
        }
        let odd: [&[u8]; 9] = [
            b"sp ace",
            b"new\nline",
            b"\xff\xfe\x80",
            b"back\\slash",
            b"-dash",
            b"semi;1",
            b"co:lon",
            b".hidden",
            "\u{fc}\u{1F4BE}".as_bytes(),
        ];
        for (number, name) in odd.iter().enumerate() {
            let path = [directory.as_bytes(), b"/", name].concat();
            added.insert(path, file(session * 100 + number as u64, 5000));
        }
        starts.push((disc.append("LONG", &added, &[]), disc.model.clone()));
        if session == 0 {
            judge_ours_and_bsdtar(&disc, &directory);
        }
        let wanted = expected(&disc.model);
        judge_xorriso(&disc, Which::Newest, &directory, &wanted);
    }
    let medium = disc.open();
    for (start, model) in starts {
        let wanted = expected(&model);
        let tree = Volume::open(&medium, start).unwrap().tree().unwrap();
        assert_same("ours", &read_tree(&medium, &tree), &wanted);
        judge_xorriso(&disc, Which::Sector(start), "by sector", &wanted);
    }
}

#[test]
fn the_size_is_absolute_where_asked_and_where_continuation_areas_need_it() {
    let size = |disc: &Disc, start: u32| {
        let bytes = std::fs::read(&disc.path).unwrap();
        let at = (start as usize + 16) * 2048 + 80;
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    };
    for (space_size, name, absolute) in [
        (SpaceSize::Length, "short".to_owned(), false),
        (SpaceSize::Length, "n".repeat(200), true),
        (SpaceSize::End, "short".to_owned(), true),
    ] {
        let mut disc = Disc::blank();
        disc.space_size = space_size;
        disc.append("ONE", &items(&[("a", file(1, 100_000))]), &[]);
        let start = disc.append("TWO", &items(&[(&name, file(1, 1))]), &[]);
        let end = u32::try_from(disc.path.metadata().unwrap().len() / 2048).unwrap();
        let wanted = if absolute { end } else { end - start };
        assert_eq!(size(&disc, start), wanted);
        assert_eq!(size(&disc, 0), end);
    }
}
