//! What `--json` prints is what `docs/json.md` says: its tables are read, and every line is compared with them.
//!
//! Every call in these tests that has `--json` among its words is looked at.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;

use serde_json::Value;

use crate::machine::Machine;
use crate::tree;

/// Members of an object, with their types.
type Members = Vec<(String, String)>;

/// The objects of the documentation, by name.
fn objects() -> &'static BTreeMap<String, Members> {
    static OBJECTS: OnceLock<BTreeMap<String, Members>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let text = include_str!("../../docs/json.md");
        let mut objects = BTreeMap::new();
        let mut name = String::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("### ") {
                heading.trim_matches('`').clone_into(&mut name);
                let twice = objects.insert(name.clone(), Members::new());
                assert!(twice.is_none(), "{name} is documented twice");
            } else if let Some(row) = line.strip_prefix("| `") {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                let member = (cells[0].trim_matches('`').to_owned(), cells[1].to_owned());
                objects.get_mut(&name).unwrap().push(member);
            }
        }
        objects
    })
}

/// Whether `value` is of the type that is written so; if not, why.
fn is(value: &Value, written: &str) -> Result<(), String> {
    let alternatives = alternatives(written);
    let mut reasons = Vec::new();
    for alternative in alternatives {
        match is_one(value, alternative) {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// The alternatives of a type: `list of a or b` is a list of both, and `list of a or null` may be null.
fn alternatives(written: &str) -> Vec<&str> {
    match written.strip_suffix(" or null") {
        Some(rest) if rest.contains("list of") => {
            let mut all = alternatives(rest);
            all.push("null");
            all
        }
        None if written.starts_with("list of ") => vec![written],
        _ => written.split(" or ").collect(),
    }
}

fn is_one(value: &Value, written: &str) -> Result<(), String> {
    let right = match written {
        "text" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ if written.starts_with('"') => value.as_str() == Some(written.trim_matches('"')),
        _ => {
            if let Some(of) = written.strip_prefix("list of ") {
                let list = value
                    .as_array()
                    .ok_or_else(|| format!("{value} is no list"))?;
                return list.iter().try_for_each(|one| is(one, of));
            }
            return is_object(value, written);
        }
    };
    if right {
        Ok(())
    } else {
        Err(format!("{value} is not {written}"))
    }
}

fn is_object(value: &Value, name: &str) -> Result<(), String> {
    let members = objects()
        .get(name)
        .ok_or_else(|| format!("there is no object {name}"))?;
    let object = value
        .as_object()
        .ok_or_else(|| format!("{value} is no {name}"))?;
    for (member, written) in members {
        let value = object
            .get(member)
            .ok_or_else(|| format!("{name} lacks {member}"))?;
        is(value, written).map_err(|reason| format!("{name}.{member}: {reason}"))?;
    }
    match object
        .keys()
        .find(|key| !members.iter().any(|row| row.0 == **key))
    {
        Some(key) => Err(format!("{name} has {key}, which is not documented")),
        None => Ok(()),
    }
}

/// Demands that `stdout` has documented objects and nothing else, `finished` last. Gives the results.
#[track_caller]
pub fn documented(stdout: &str) -> Vec<Value> {
    let mut results = Vec::new();
    let mut finished = false;
    for line in stdout.lines() {
        assert!(!finished, "something comes after `finished`: {line}");
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let event = value["event"].as_str().unwrap_or_default().to_owned();
        is_object(&value, &event).unwrap_or_else(|reason| panic!("{line}\n{reason}"));
        finished = event == "finished";
        if event == "result" {
            results.push(value["result"].clone());
        }
    }
    assert!(finished, "`finished` is missing: {stdout}");
    results
}

/// Demands that the call's result is the documented object `name`.
#[track_caller]
fn gives(machine: &Machine, words: &str, name: &str) {
    let call = machine.cback(&format!("{words} --json")).on("2026-11-24");
    // It has a configuration of its own.
    let call = if words.starts_with("quickstart") {
        call.unconfigured()
    } else {
        call
    };
    let ended = call.run();
    let results = documented(&ended.stdout);
    assert!(!results.is_empty(), "{words}: {}", ended.screen());
    for result in results {
        is(&result, name).unwrap_or_else(|reason| panic!("{words}: {reason}"));
    }
}

#[test]
fn every_command_prints_documented_objects() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    let ended = machine.cback("all --json").on("2026-11-23").run().well();
    assert_eq!(documented(&ended.stdout), Vec::<Value>::new());
    tree::file(machine.path("source/new"), "x");
    let disc = machine.disc();
    let disc = disc.to_str().unwrap();
    for (words, name) in [
        ("--dry-run all", "plan"),
        ("--dry-run rebuild", "plan"),
        ("--dry-run validate", "plan"),
        ("--diagnostics", "diagnostics"),
        ("restore --into restored --dry-run", "recipe"),
        ("restore --into restored", "restored"),
        ("quickstart --into quick source", "quickstart"),
        ("status", "status"),
        ("config check", "checked"),
        ("config show", "settings"),
        ("config explain", "list of explained"),
        ("config explain collect_mode", "list of explained"),
        ("disc info", "survey"),
        ("disc ls -R", "entry"),
        ("disc get --into got 2026", "taken"),
        ("disc image source -o made.iso", "made"),
        ("disc burn --disc burnt.iso source", "made"),
        ("disc copy --verify burnt.iso copy.iso", "copied"),
        ("disc close burnt.iso", "treated"),
        ("disc burn --media dvd+rw --disc rw.iso source", "made"),
        ("disc blank --yes rw.iso --media dvd+rw", "treated"),
        ("disc doctor rw.iso --media dvd+rw", "checkup"),
        (
            "config init single --dir /etc --config made.conf",
            "written",
        ),
        (&format!("disc compare {disc} {disc}"), "comparison"),
    ] {
        gives(&machine, words, name);
    }
    // What goes wrong is an object, too.
    for words in [
        "--config /nowhere all",
        "nothing",
        "restore --into restored",
        "--nonsense all",
        "disc nonsense",
        "",
    ] {
        let ended = machine.cback(&format!("{words} --json")).run();
        assert_ne!(ended.status, 0, "{words}");
        assert_eq!(documented(&ended.stdout), Vec::<Value>::new(), "{words}");
    }
    machine.configure(|text| text.replace("<starting_day>", "<starting>"));
    gives(&machine, "config check", "checked");
}

#[test]
fn a_changer_is_documented_too() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    let jukebox = crate::jukebox::Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2]);
    machine.cback("all").on("2026-11-23").run().well();
    for (words, name) in [
        ("changer status", "changer"),
        ("changer load --dry-run 1", "carried"),
        ("changer load 1", "carried"),
        ("changer unload --dry-run", "carried"),
        ("changer unload", "carried"),
        ("changer scan --dry-run", "scanned"),
        ("changer scan --all", "scanned"),
        ("--dry-run rebuild", "plan"),
    ] {
        gives(&machine, words, name);
    }
}

/// The last line, `finished`.
fn finished(stdout: &str) -> Value {
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

#[test]
fn a_result_is_printed_whatever_bytes_its_names_have() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    let odd = |name: &[u8]| machine.path(OsStr::from_bytes(name));
    let (image, copy) = (odd(b"m\xe4.iso"), odd(b"c\xff\n.iso"));
    let call = machine.cback("--json disc image source -o").arg(&image);
    let made = documented(&call.run().well().stdout).remove(0);
    let place = made["place"].as_str().unwrap();
    assert!(place.ends_with(r"/m\xe4.iso"), "{place}");
    let call = machine.cback("--json disc copy").args([&image, &copy]);
    assert_eq!(documented(&call.run().well().stdout).len(), 1);
    let call = machine.cback("--json disc info").arg(&copy);
    let place = documented(&call.run().well().stdout).remove(0)["place"].clone();
    assert!(
        place.as_str().unwrap().ends_with(r"/c\xff\n.iso"),
        "{place}"
    );
    // Problems have names, too.
    let call = machine
        .cback("--json disc copy")
        .args([&odd(b"n\xe4"), &copy]);
    let said = call.run();
    assert_ne!(said.status, 0);
    assert_eq!(finished(&said.stdout)["status"], said.status);
}

/// Texts have names in them, too: in each of them the name is whole, in the one way that the documentation names.
#[test]
fn no_text_has_lost_a_byte_of_a_name() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    machine.cback("collect stage store").run().well();
    let odd = machine.path(OsStr::from_bytes(b"n\xff\x1b"));
    tree::file(&odd, "no disc, no directory");
    let full = machine.path(OsStr::from_bytes(b"f\xff\x1b"));
    tree::file(full.join("something"), "in the way");
    let mut lost = String::new();
    for (words, path) in [
        ("restore --into back --from", &odd),
        ("restore --into", &odd),
        ("restore --into", &full),
        ("restore --into back", &odd),
        ("quickstart", &odd),
        ("disc info", &odd),
        ("disc info", &full),
        ("disc ls", &odd),
        ("disc get --into back", &odd),
        ("disc burn --disc", &odd),
        ("disc blank", &odd),
        ("disc close", &odd),
        ("disc image -o", &odd),
        ("disc image -o x.iso", &full.join("none")),
        ("disc copy back", &full),
        ("disc compare", &odd),
        ("-c", &odd),
        ("-l", &full),
        ("config check -c", &odd),
    ] {
        let call = machine.cback(&format!("--json {words}")).arg(path);
        let call = match words {
            "quickstart" => call.unconfigured(),
            "-c" | "-l" => call.arg("collect"),
            "disc compare" => call.arg(machine.disc()),
            "disc burn --disc" | "disc image -o" => call.arg("source"),
            _ => call,
        };
        let ended = call.run();
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let whole = [
            r"n\xff\u{1b}",
            r"f\xff\u{1b}",
            r"n\\xff\\u{1b}",
            r"f\\xff\\u{1b}",
        ];
        let is_whole = whole.iter().any(|name| said.contains(name));
        if said.contains(['\u{fffd}', '\u{1b}']) || !is_whole {
            lost += &format!("{words}: {said}\n");
        }
    }
    assert!(lost.is_empty(), "{lost}");
}

#[test]
fn a_result_that_cannot_be_printed_is_no_success() {
    let machine = Machine::new();
    machine.back_up("2026-11-23");
    for words in ["--json status", "status", "--json disc info", "disc info"] {
        let mut command = machine.cback(words).on("2026-11-23").command();
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = command.stdout(full.unwrap()).output().unwrap();
        assert!(!output.status.success(), "{words}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("cannot be printed"), "{words}: {said}");
    }
}

#[test]
fn wrong_arguments_are_told_as_an_object_too() {
    let machine = Machine::new();
    for (words, says) in [
        ("--json --nonsense all", "'--nonsense'"),
        ("--nonsense all --js", "'--nonsense'"),
        ("--json -M -N all", "cannot be used with"),
        ("disc burn --json --media floppy x", "floppy"),
        ("--json", "it was not said what to do"),
    ] {
        let ended = machine.cback(words).run().with_status(2);
        let last = finished(&ended.stdout);
        assert_eq!(documented(&ended.stdout).len(), 0);
        assert_eq!(last["status"], 2);
        let error = last["error"].as_str().unwrap();
        assert!(
            error.contains(says) && !error.contains("Usage") && !error.contains("cback all"),
            "{error}"
        );
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let ended = machine.cback("--nonsense all -- --json").run();
    assert_eq!(ended.with_status(2).stdout, "");
}

#[test]
fn the_documentation_has_no_object_that_nothing_leads_to() {
    let types: Vec<&String> = objects().values().flatten().map(|row| &row.1).collect();
    for (name, members) in objects() {
        assert!(!members.is_empty(), "{name} has no members");
        let is_event = members.iter().any(|row| row.0 == "event");
        let word = |text: &&String| text.split([' ', ',']).any(|word| word == name);
        assert!(is_event || types.iter().any(word), "{name} is nowhere used");
    }
}

#[test]
fn the_comparison_sees_what_is_wrong() {
    for (line, says) in [
        (
            r#"{"event":"finished","status":0,"problems":0,"warnings":0,"error":null}"#,
            "lacks advice",
        ),
        (r#"{"time":"t","event":"note","text":1}"#, "is not text"),
        (
            r#"{"time":"t","event":"note","text":"","more":1}"#,
            "not documented",
        ),
        (r#"{"event":"result","result":{}}"#, "lacks"),
        (r#"{"event":"odd"}"#, "no object odd"),
    ] {
        let value: Value = serde_json::from_str(line).unwrap();
        let error = is_object(&value, value["event"].as_str().unwrap()).unwrap_err();
        assert!(error.contains(says), "{line}: {error}");
    }
}
