//! Every sentence of `docs/threat-model.md` names a test, and that test exists.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// The items of the lists, each on one line.
fn items(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(item) = line.strip_prefix("- ") {
            items.push(item.to_owned());
            inside = true;
        } else if let (true, Some(more)) = (inside, line.strip_prefix("  ")) {
            let item = items.last_mut().unwrap();
            item.push(' ');
            item.push_str(more);
        } else {
            inside = false;
        }
    }
    items
}

/// Whether `text` has a test function of that name.
fn has_test(text: &str, name: &str) -> bool {
    text.split("#[test]")
        .skip(1)
        .any(|after| after.trim_start().starts_with(&format!("fn {name}()")))
}

#[test]
fn each_sentence_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let items = items(&text);
    assert!(items.len() > 15, "{} items", items.len());
    let mut faults = Vec::new();
    for item in &items {
        let tests = item.rsplit_once(". (").map_or("", |(_, tests)| tests);
        let mut file = String::new();
        let mut count = 0;
        for word in tests.split('`').skip(1).step_by(2) {
            if Path::new(word).extension().is_some_and(|end| end == "rs") {
                file = fs::read_to_string(root.join(word)).unwrap_or_default();
            } else {
                count += 1;
                if !has_test(&file, word) {
                    faults.push(format!("no test {word}, for: {item}"));
                }
            }
        }
        if count == 0 {
            faults.push(format!("no test is named for: {item}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    let text = "#[test]\nfn real() {}\nfn helper() {}\n";
    assert!(has_test(text, "real") && !has_test(text, "helper") && !has_test(text, "rea"));
    assert_eq!(items("- a\n  b\nc\n  d\n- e\n"), ["a b", "e"]);
}
