//! Foreign programs read our manifests, and we read foreign archives.

use std::fs;
use std::path::Path;
use std::process::Command;

use cback::archive::Kind;
use cback::collect::{GRANULARITY, Shape};
use cback::select::Dereference::{No, Yes};

use super::place::{Place, members, run};
use super::tree;

/// Runs `mtree -p` with the manifest from standard input; what it says, and whether it is content.
fn mtree(place: &Place, top: &Path) -> (String, bool) {
    let text = run("zcat", &["src.mtree.gz"], &place.at("collect")).stdout;
    let spec = place.at("spec");
    fs::write(&spec, text).unwrap();
    let output = Command::new("mtree")
        .args(["-e", "-p"])
        .arg(top)
        .arg("-f")
        .arg(&spec)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&said).into_owned(),
        output.status.success(),
    )
}

#[test]
fn mtree_verifies_a_tree_against_our_manifest() {
    let place = Place::new();
    tree::make(&place.at("src"));
    // mtree refuses paths that one system call does not take.
    for byte in [b'd', 0xfc] {
        use std::os::unix::ffi::OsStrExt as _;
        let name = std::ffi::OsStr::from_bytes(&[byte; 200]).to_owned();
        fs::remove_dir_all(place.src(name)).unwrap();
    }
    place.collect("2026-11-21", &place.source());
    assert_eq!(mtree(&place, Path::new("/")), (String::new(), true));
    fs::write(place.src("plain"), "TEXT\n").unwrap();
    fs::remove_file(place.src("dangling")).unwrap();
    let (said, content) = mtree(&place, Path::new("/"));
    assert!(!content);
    assert!(said.contains("plain") && said.contains("sha256"), "{said}");
    assert!(
        said.contains("missing") && said.contains("dangling"),
        "{said}"
    );
}

#[test]
fn bsdtar_lists_our_manifest() {
    let place = Place::new();
    tree::make(&place.at("src"));
    place.collect("2026-11-21", &place.source());
    let listed = run("bsdtar", &["-tf", "src.mtree.gz"], &place.at("collect")).stdout;
    let lines = String::from_utf8(listed).unwrap().lines().count();
    let (_, entries) = place.manifest("src.mtree.gz");
    let above = place.at("src").ancestors().count() - 1;
    assert_eq!(lines, entries.len() + above);
}

#[test]
fn archives_of_other_programs_are_read() {
    let place = Place::new();
    tree::make(&place.at("src"));
    for (program, flags) in [
        ("tar", &["--format=gnu"][..]),
        ("tar", &["--format=pax", "--sparse", "--xattrs", "--acls"]),
        ("bsdtar", &["--format=pax", "--xattrs", "--acls"]),
        ("bsdtar", &["--format=gnutar"]),
    ] {
        let archive = place.at("theirs.tar");
        let mut command = Command::new(program);
        command.args(["-cf", archive.to_str().unwrap()]);
        command.args(flags).arg("src").current_dir(place.at("."));
        // They complain about the socket, and about times.
        command.env("LC_ALL", "C.UTF-8").output().unwrap();
        let all = members(&archive);
        let bytes = |name: &str| &all[Path::new(name)].1;
        assert_eq!(bytes("src/plain"), b"text\n", "{program} {flags:?}");
        let long = format!("src/{}", "n".repeat(255));
        assert_eq!(bytes(&long), b"long");
        assert_eq!(bytes("src/large").len(), 3_000_001);
        let sparse = fs::read(place.src("sparse")).unwrap();
        assert!(*bytes("src/sparse") == sparse, "{program} {flags:?}");
        let null = &all[Path::new("src/null")].0;
        assert_eq!(null.kind, Kind::CharDevice(1, 3));
        if flags.contains(&"--acls") {
            let theirs = &all[Path::new("src/dir")].0.extended;
            let mut theirs: Vec<_> = theirs.iter().map(|one| one.0.clone()).collect();
            theirs.sort();
            let expected = [
                "system.posix_acl_access",
                "system.posix_acl_default",
                "user.note",
            ];
            assert_eq!(theirs, expected, "{program}");
            let ours = xattr::get(place.src("dir"), expected[0]).unwrap().unwrap();
            let member = &all[Path::new("src/dir")].0;
            let found = member.extended.iter().find(|one| one.0 == expected[0]);
            assert_eq!(found.unwrap().1, ours);
        }
    }
}

#[test]
fn what_changed_just_before_a_collection_is_not_trusted() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    place.collect_with("2026-11-17", &source, GRANULARITY);
    place.stage("2026-11-17");
    // Nothing changed; but a change within the same tick of a coarse clock would not have shown.
    let summary = place.collect_with("2026-11-18", &source, GRANULARITY);
    assert_eq!(summary.stored, 1);
}

#[test]
fn rules_choose_what_belongs_to_a_source() {
    let place = Place::new();
    for dir in ["keep", "ignored/x", "cache/x", "excluded/x", "real"] {
        fs::create_dir_all(place.src(dir)).unwrap();
        fs::write(place.src(dir).join("file"), "").unwrap();
    }
    fs::write(place.src("ignored/.nobackup"), "").unwrap();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
    fs::write(place.src("cache/CACHEDIR.TAG"), tag).unwrap();
    fs::write(place.src("keep/CACHEDIR.TAG"), "no signature").unwrap();
    fs::write(place.src("keep/a.tmp"), "").unwrap();
    fs::write(place.src("keep/undumped"), "").unwrap();
    run("chattr", &["+d", "undumped"], &place.src("keep"));
    let mut source = place.source();
    let Shape::Dir { rules, .. } = &mut source.shape else {
        unreachable!()
    };
    rules.ignore_file = Some(".nobackup".into());
    rules.cache_dirs = cback::select::CacheDirs::Skip;
    rules.nodump = cback::select::NoDump::Skip;
    rules.exclude_patterns = vec![r".*\.tmp".parse().unwrap()];
    rules.exclude_paths = vec![cback::units::AbsPath::new(place.src("excluded")).unwrap()];
    place.collect("2026-11-21", &source);
    let top = place.at("src");
    let names = |place: &Place| -> Vec<String> {
        let (_, entries) = place.manifest("src.mtree.gz");
        let top = top.strip_prefix("/").unwrap();
        let below = entries.iter().map(|entry| {
            let path = entry.member.path.strip_prefix(top).unwrap();
            path.to_str().unwrap().to_owned()
        });
        below.collect()
    };
    let expected = [
        "",
        "cache",
        "cache/CACHEDIR.TAG",
        "keep",
        "keep/CACHEDIR.TAG",
        "keep/file",
        "real",
        "real/file",
    ];
    assert_eq!(names(&place), expected);

    fs::write(place.src(".nobackup"), "").unwrap();
    place
        .try_collect("2026-11-22", std::slice::from_ref(&source))
        .unwrap();
    let heard = place.heard();
    assert!(heard[0].starts_with("warning: nothing of"), "{heard:?}");
    assert_eq!(names(&place), [""; 0]);
}

#[test]
fn links_are_followed_as_deep_as_is_said() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    fs::create_dir_all(place.at("away/sub")).unwrap();
    fs::write(place.at("away/sub/file"), "far").unwrap();
    fs::create_dir(place.src("d")).unwrap();
    symlink(place.at("away"), place.src("l")).unwrap();
    symlink(place.at("away"), place.src("d/l")).unwrap();
    symlink(place.src("d"), place.src("own")).unwrap();
    let away = place.at("away");
    let away = away.strip_prefix("/").unwrap().to_str().unwrap().to_owned();
    let top = place.at("src");
    let top = top.strip_prefix("/").unwrap().to_str().unwrap().to_owned();
    let list = |depth: u32, dereference| -> Vec<String> {
        let mut source = place.source();
        let Shape::Dir { rules, .. } = &mut source.shape else {
            unreachable!()
        };
        rules.link_depth = depth;
        rules.dereference = dereference;
        place.fresh("work");
        place.collect("2026-11-21", &source);
        let (_, entries) = place.manifest("src.mtree.gz");
        let shown = entries.iter().map(|entry| {
            let path = entry.member.path.to_str().unwrap();
            let path = path.replace(&away, "AWAY").replace(&top, "S");
            let arrow = matches!(entry.member.kind, Kind::Symlink(_));
            format!("{path}{}", if arrow { "@" } else { "" })
        });
        shown.collect()
    };
    assert_eq!(list(0, No), ["S", "S/d", "S/d/l@", "S/l@", "S/own@"]);
    assert_eq!(
        list(1, No),
        [
            "S",
            "S/d",
            "S/d/l@",
            "S/l",
            "S/l/sub",
            "S/l/sub/file",
            "S/own",
            "S/own/l@"
        ]
    );
    assert_eq!(
        list(1, Yes),
        [
            "S",
            "S/d",
            "S/d/l@",
            "S/l@",
            "S/own@",
            "AWAY",
            "AWAY/sub",
            "AWAY/sub/file"
        ]
    );
    // The source itself is a link: kept, and what it leads to comes under its real path.
    symlink(place.at("away"), place.at("link")).unwrap();
    let mut source = Place::source_at(&place.at("link"));
    source.name = place.source().name;
    place.fresh("work");
    place.collect("2026-11-21", &source);
    let (_, entries) = place.manifest("src.mtree.gz");
    assert_eq!(entries.len(), 4);
    assert!(matches!(entries[0].member.kind, Kind::Symlink(_)));
    assert!(entries[3].member.path.ends_with("away/sub/file"));
}

#[test]
fn what_a_link_leads_to_comes_once_and_as_deep_as_the_link_says() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    for dir in [place.at("away"), place.src("a/b/c"), place.src("left/sub")] {
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("file"), "data").unwrap();
    }
    fs::write(place.src("left/ignore"), "").unwrap();
    symlink(place.at("away"), place.src("a/b/c/far")).unwrap();
    // Below this link the depth lasts for one more, but not below the directory itself.
    symlink("a/b/c", place.src("near")).unwrap();
    symlink("a/b/c/file", place.src("to-file")).unwrap();
    symlink("left/sub/file", place.src("to-left")).unwrap();
    for ignore in [None, Some("ignore".into())] {
        let mut source = place.source();
        let Shape::Dir { rules, .. } = &mut source.shape else {
            unreachable!()
        };
        rules.link_depth = 2;
        rules.dereference = Yes;
        rules.ignore_file.clone_from(&ignore);
        place.fresh("work");
        place.collect("2026-11-21", &source);
        let (_, entries) = place.manifest("src.mtree.gz");
        let root = place.at("");
        let root = root.strip_prefix("/").unwrap();
        let mut listed: Vec<&str> = entries
            .iter()
            .map(|entry| entry.member.path.strip_prefix(root).unwrap())
            .map(|path| path.to_str().unwrap())
            .collect();
        listed.sort_unstable();
        let mut expected = vec![
            "away",
            "away/file",
            "src",
            "src/a",
            "src/a/b",
            "src/a/b/c",
            "src/a/b/c/far",
            "src/a/b/c/file",
            "src/left/sub/file",
            "src/near",
            "src/to-file",
            "src/to-left",
        ];
        if ignore.is_none() {
            expected.extend(["src/left", "src/left/ignore", "src/left/sub"]);
            expected.sort_unstable();
        }
        assert_eq!(listed, expected, "{ignore:?}");
    }
}

#[test]
fn an_excluded_link_still_leads_to_what_is_not_excluded() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    fs::create_dir_all(place.at("away")).unwrap();
    for name in ["file", "left"] {
        fs::write(place.at("away").join(name), name).unwrap();
    }
    symlink(place.at("away"), place.src("link")).unwrap();
    for (dereference, expected) in [(Yes, vec!["away", "away/file", "src"]), (No, vec!["src"])] {
        let mut source = place.source();
        let Shape::Dir { rules, .. } = &mut source.shape else {
            unreachable!()
        };
        rules.link_depth = 1;
        rules.dereference = dereference;
        rules.exclude_paths = [place.src("link"), place.at("away/left")]
            .map(|path| cback::units::AbsPath::new(path).unwrap())
            .into();
        place.fresh("work");
        place.collect("2026-11-21", &source);
        let (_, entries) = place.manifest("src.mtree.gz");
        let root = place.at("");
        let root = root.strip_prefix("/").unwrap();
        let mut listed: Vec<&str> = entries
            .iter()
            .map(|entry| entry.member.path.strip_prefix(root).unwrap())
            .map(|path| path.to_str().unwrap())
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, expected);
    }
}
