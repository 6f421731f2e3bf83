//! The extension `amazons3`, with a program `aws` whose bucket is a directory: there is no network in tests.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::extend::{self, is_root, names, script};
use crate::machine::Machine;
use crate::tree;

const DAY: &str = "2026-11-24";

/// What of `aws` is used, as its documentation says; every call is noted.
const AWS: &str = r#"exec python3 - "$@" <<'END'
import fnmatch, json, os, shutil, sys
args, root = sys.argv[1:], 'ROOT/bucket'
open('ROOT/calls', 'a').write(' '.join(args) + '\n')
if os.path.exists('ROOT/broken'):
    sys.exit('fatal error: Unable to locate credentials')
def place(url):
    assert url.startswith('s3://b'), url
    return os.path.join(root, url[len('s3://b'):].lstrip('/'))
def files(top):
    for dir, _, names in os.walk(top):
        for name in names:
            yield os.path.relpath(os.path.join(dir, name), top)
if args[:2] in (['s3', 'cp'], ['s3', 'sync']):
    words, excludes, delete = args[2:], [], False
    rest = []
    while words:
        word = words.pop(0)
        if word == '--exclude': excludes.append(words.pop(0))
        elif word == '--delete': delete = True
        elif word != '--recursive': rest.append(word)
    source, target = rest[0], place(rest[1])
    wanted = [f for f in files(source) if not any(fnmatch.fnmatch(f, e) for e in excludes)]
    for f in wanted:
        os.makedirs(os.path.dirname(os.path.join(target, f)), exist_ok=True)
        shutil.copyfile(os.path.join(source, f), os.path.join(target, f))
    if delete:
        for f in list(files(target)):
            if f not in wanted: os.remove(os.path.join(target, f))
elif args[:2] == ['s3', 'rm']:
    os.remove(place(args[2]))
elif args[:2] == ['s3api', 'list-objects']:
    option = dict(zip(args[2::2], args[3::2]))
    assert option['--bucket'] == 'b' and option['--output'] == 'json'
    keys = [f for f in files(root) if f.startswith(option['--prefix'])]
    print(json.dumps([{'Key': f, 'Size': os.path.getsize(os.path.join(root, f))} for f in sorted(keys)] or None, indent=4))
else:
    sys.exit('what? ' + ' '.join(args))
END"#;

fn machine(section: &str) -> Machine {
    let machine = extend::machine("amazons3", 250, "");
    let root = machine.path("");
    let text = AWS.replace("ROOT", root.to_str().unwrap().trim_end_matches('/'));
    let aws = script(&machine, "aws", &text);
    fs::create_dir(machine.path("bucket")).unwrap();
    let section = format!("<amazons3>{section}</amazons3>");
    extend::configure(&machine, &[("amazons3", 250)], &section, &[("aws", aws)]);
    machine
}

fn calls(machine: &Machine) -> String {
    fs::read_to_string(machine.path("calls")).unwrap()
}

fn uploaded(machine: &Machine) -> PathBuf {
    machine.path("bucket/deep/path/2026/11/24")
}

#[test]
fn a_day_is_uploaded_before_what_was_there_is_deleted() {
    let machine = machine("<s3_bucket>b/deep/path</s3_bucket>");
    fs::create_dir_all(uploaded(&machine).join("ada")).unwrap();
    fs::write(uploaded(&machine).join("ada/old.tar"), "old").unwrap();
    fs::write(machine.path("broken"), "").unwrap();
    machine
        .cback("collect stage amazons3")
        .on(DAY)
        .run()
        .with_status(6)
        .says(&["Unable to locate credentials"]);
    let day = machine.path("stage/2026/11/24");
    assert!(!day.join("cback.amazons3").exists());
    assert_eq!(names(&uploaded(&machine).join("ada")), ["old.tar"]);

    fs::remove_file(machine.path("broken")).unwrap();
    machine.cback("amazons3").on(DAY).run().well_and_silent();
    assert!(day.join("cback.amazons3").exists());
    assert_eq!(
        names(&uploaded(&machine).join("ada")),
        names(&day.join("ada"))
    );
    let content = |dir: &PathBuf| fs::read(dir.join("SHA256SUMS")).unwrap();
    assert_eq!(content(&uploaded(&machine)), content(&day));
    let calls = calls(&machine);
    let verbs: Vec<&str> = calls
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(verbs, ["cp", "cp", "list-objects", "rm"]);
    // The day is away; nothing is left to do.
    machine
        .cback("amazons3")
        .on(DAY)
        .run()
        .with_status(6)
        .says(&["every staged day is in the bucket"]);
}

#[test]
fn a_peer_whose_name_is_like_an_indicators_is_uploaded_as_any_other() {
    let machine = machine("<s3_bucket>b/deep/path</s3_bucket>");
    tree::file(machine.path("server/etc.tar"), "x");
    tree::file(machine.path("server/cback.d.tar"), "x");
    tree::file(machine.path("server/cback.collect"), "");
    let peer = format!(
        "<peer><name>cback.example.org</name><type>local</type><collect_dir>{}</collect_dir></peer></peers>",
        machine.path("server").display()
    );
    let config = machine.path("cback.conf");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(config, text.replace("</peers>", &peer)).unwrap();
    machine
        .cback("collect stage amazons3")
        .on(DAY)
        .run()
        .well_and_silent();
    let mut there: Vec<String> = fs::read_dir(uploaded(&machine).join("cback.example.org"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, ["cback.d.tar", "etc.tar"]);
    assert!(!uploaded(&machine).join("cback.stage").exists());
}

#[test]
fn a_day_that_cannot_be_uploaded_does_not_keep_later_ones_back() {
    let machine = machine("<s3_bucket>b/deep/path</s3_bucket>");
    let stage = machine.cback("collect stage").on(DAY);
    stage.run().well_and_silent();
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff.tar");
    fs::write(machine.path("stage/2026/11/24/ada").join(odd), "x").unwrap();
    machine
        .cback("collect stage amazons3")
        .on("2026-11-25")
        .run()
        .with_status(10)
        .says(&["2026-11-24: it was not uploaded", "no UTF-8"]);
    assert!(machine.path("stage/2026/11/25/cback.amazons3").exists());
    assert!(!machine.path("stage/2026/11/24/cback.amazons3").exists());
}

#[test]
fn what_does_not_arrive_is_named() {
    let machine = machine("<s3_bucket>b/deep/path</s3_bucket>");
    // A bucket that loses things.
    let aws = fs::read_to_string(machine.path("aws")).unwrap();
    fs::write(
        machine.path("aws"),
        aws.replace("for f in wanted:", "for f in wanted[1:]:"),
    )
    .unwrap();
    machine
        .cback("collect stage amazons3")
        .on(DAY)
        .run()
        .with_status(6)
        .says(&["it is not in the bucket", "1 files are not in the bucket"]);
    assert!(!machine.path("stage/2026/11/24/cback.amazons3").exists());
}

#[test]
fn files_are_encrypted_on_the_way_and_limits_hold() {
    let encrypt = "<encrypt>tr a-z A-Z &lt;${input} &gt;\"${output}\" # passphrase</encrypt>";
    let machine = machine(&format!(
        "<s3_bucket>b/deep/path</s3_bucket>{encrypt}<incr_size_limit>1 GB</incr_size_limit>"
    ));
    fs::write(machine.path("collect/empty"), "").unwrap();
    machine
        .cback("--output collect stage amazons3")
        .on(DAY)
        .run()
        .well_and_silent();
    let sums = |dir: &PathBuf| fs::read_to_string(dir.join("SHA256SUMS")).unwrap();
    let day = machine.path("stage/2026/11/24");
    assert_eq!(sums(&uploaded(&machine)), sums(&day).to_uppercase());
    assert_eq!(fs::read(uploaded(&machine).join("ada/empty")).unwrap(), b"");
    assert!(!machine.log().contains("passphrase"), "{}", machine.log());
    assert!(!machine.path("work/.amazons3.partial").exists());

    let small =
        "<amazons3><s3_bucket>b</s3_bucket><incr_size_limit>10</incr_size_limit></amazons3>";
    let aws = [("aws", machine.path("aws"))];
    extend::configure(&machine, &[("amazons3", 250)], small, &aws);
    machine
        .cback("collect stage amazons3")
        .on("2026-11-25")
        .run()
        .with_status(6)
        .says(&["2026-11-25 has", "more than the 10"]);
    // As root, the program runs as the backup user, who is root here, too.
    assert!(is_root() || !machine.log().contains("su "));
}

#[test]
fn a_file_that_was_encrypted_into_nothing_is_not_taken_for_uploaded() {
    // The program fails, and the pipe does not tell.
    let encrypt = "<encrypt>false &lt;${input} | cat &gt;\"${output}\"</encrypt>";
    let machine = machine(&format!("<s3_bucket>b/deep/path</s3_bucket>{encrypt}"));
    machine
        .cback("collect stage amazons3")
        .on(DAY)
        .run()
        .with_status(6)
        .says(&["has written nothing"]);
    assert!(!machine.path("stage/2026/11/24/cback.amazons3").exists());
    assert!(!uploaded(&machine).exists());
}
