//! Random trees: the measured size is the written one, what is read back is what was written, and the same input
//! gives the same bytes.

use cback::iso9660::{Content, Image, Joliet, Meta, Names, Options, SpaceSize, Time, Tree, Volume};
use proptest::prelude::*;

use crate::disc::{Disc, add, root_meta, write};
use crate::foreign::{Which, bsdtar_extract, xorriso_extract};
use crate::model::{
    Item, Model, assert_same, dir, expected, file, link, read_directory, read_tree,
};

/// Without backslashes and colons: bsdtar takes some of those for Windows' and cuts them off when it extracts.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => proptest::char::range('a', 'z').prop_map(|c| c as u8),
        2 => proptest::sample::select(b"AZ09._- ~;%*?\xc3\xbc\xff".to_vec()),
    ];
    let length = prop_oneof![8 => 1..20_usize, 1 => 100..255_usize];
    length
        .prop_flat_map(move |length| proptest::collection::vec(byte.clone(), length))
        .prop_filter("stands for a directory", |name| {
            name != b"." && name != b".."
        })
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        3 => Just(dir()),
        4 => (any::<u64>(), prop_oneof![Just(0), 1..10_000_u64, Just(2048), Just(4096)])
            .prop_map(|(seed, bytes)| file(seed, bytes)),
        1 => proptest::collection::vec(
            proptest::sample::select(b"abc/.\xfe".to_vec()), 1..400)
            .prop_map(link),
    ]
}

/// Items whose parents are directories that come before them.
fn tree() -> impl Strategy<Value = Model> {
    let entry = (any::<proptest::sample::Index>(), name(), item());
    proptest::collection::vec(entry, 0..60).prop_map(|entries| {
        let mut model = Model::new();
        let mut directories = vec![Vec::new()];
        for (parent, name, item) in entries {
            let mut path: Vec<u8> = parent.get(&directories).clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(name);
            if model.contains_key(&path) {
                continue;
            }
            if item.what == crate::model::What::Dir {
                directories.push(path.clone());
            }
            model.insert(path, item);
        }
        model
    })
}

fn image(model: &Model, start: u32, joliet: Joliet) -> (Image, Vec<(u64, u64)>) {
    let mut tree = Tree::new(root_meta());
    let sources = add(&mut tree, model);
    let options = Options {
        start,
        volume_id: "RANDOM".to_owned(),
        joliet,
        ..Options::default()
    };
    (Image::new(tree, &options).unwrap(), sources)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn random_trees_come_back(model in tree(), start in prop_oneof![Just(0), 1..1000_u32]) {
        let joliet = if start % 2 == 0 { Joliet::With } else { Joliet::Without };
        let (image, sources) = image(&model, start, joliet);
        let written = write(&image, &sources); // compares the size
        let mut medium = vec![0; start as usize * 2048];
        medium.extend(&written);
        let volume = Volume::open(&medium, start).unwrap();
        prop_assert_eq!(volume.names(), Names::RockRidge);
        prop_assert_eq!(volume.end(), image.end());
        let tree = volume.tree().unwrap();
        assert_same("ours", &read_tree(&medium, &tree), &expected(&model));
        let listed: Vec<_> = volume.listing().unwrap().map(|entry| entry.unwrap().0).collect();
        prop_assert_eq!(listed, tree.walk().map(|(path, _)| path).collect::<Vec<_>>());
        let (again, sources) = self::image(&model, start, joliet);
        prop_assert!(write(&again, &sources) == written);
        // the other names show as many files and directories
        let visible = model.values().filter(|item| !matches!(item.what, crate::model::What::Link(_))).count();
        prop_assert_eq!(volume.tree_of(Names::Plain).unwrap().walk().count(), model.len());
        if joliet == Joliet::With {
            prop_assert_eq!(volume.tree_of(Names::Joliet).unwrap().walk().count(), visible);
        }
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn random_trees_are_the_same_to_foreign_readers(model in tree()) {
        let mut disc = Disc::blank();
        disc.space_size = SpaceSize::End;
        disc.append("RANDOM", &model, &[]);
        let wanted = expected(&disc.model);
        let directory = disc.directory.path();
        std::fs::create_dir(directory.join("bsdtar")).unwrap();
        bsdtar_extract(&disc.path, &directory.join("bsdtar"));
        assert_same("bsdtar", &read_directory(&directory.join("bsdtar")), &wanted);
        xorriso_extract(&disc.path, Which::Newest, &directory.join("xorriso"));
        let mut found = read_directory(&directory.join("xorriso"));
        let mut wanted = wanted;
        // it does not set the times of symbolic links, and joins doubled slashes
        for item in found.values_mut().chain(wanted.values_mut()) {
            if item.what == "link" {
                item.mtime = 0;
                item.bytes.dedup_by(|a, b| *a == b'/' && *b == b'/');
            }
        }
        assert_same("xorriso", &found, &wanted);
    }
}

#[test]
fn a_source_that_breaks_its_promise_is_named_and_moves_nothing() {
    let mut tree = Tree::new(Meta::default());
    for (source, name) in ["whole", "short", "long", "failing", "missing", "last"]
        .iter()
        .enumerate()
    {
        let content = Content::New { source, bytes: 5 };
        tree.add_file(name, Meta::default(), content).unwrap();
    }
    let options = Options {
        created: Time::from_seconds(1),
        ..Options::default()
    };
    let image = Image::new(tree, &options).unwrap();
    let mut out = Vec::new();
    let faults = image
        .write(&mut out, &mut |source| match source {
            1 => Ok(Box::new(&b"two"[..])),
            2 => Ok(Box::new(&b"more than five"[..])),
            3 => Ok(Box::new(Failing(false))),
            4 => Err(std::io::Error::other("no such file")),
            _ => Ok(Box::new(&b"12345"[..])),
        })
        .unwrap();
    let named: Vec<_> = faults
        .iter()
        .map(|fault| (fault.source, fault.delivered))
        .collect();
    assert_eq!(named, [(1, 3), (2, 5), (3, 1), (4, 0)]);
    let read = read_tree(&out, &Volume::open(&out, 0).unwrap().tree().unwrap());
    let bytes: Vec<&[u8]> = ["whole", "short", "long", "failing", "missing", "last"]
        .iter()
        .map(|name| &read[name.as_bytes()].bytes[..])
        .collect();
    assert_eq!(
        bytes,
        [
            b"12345",
            b"two\0\0",
            b"more ",
            b"x\0\0\0\0",
            b"\0\0\0\0\0",
            b"12345"
        ]
    );
}

struct Failing(bool);

impl std::io::Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if std::mem::replace(&mut self.0, true) {
            return Err(std::io::Error::other("bad sector"));
        }
        buffer[0] = b'x';
        Ok(1)
    }
}
