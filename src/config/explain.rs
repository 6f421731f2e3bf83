//! What an element means: the table of elements, for people who ask.

use std::fmt;

use serde::Serialize;

use super::schema::{self, Otherwise, Rule, SECTIONS, Takes, Times, Whose};

/// What there is to say about one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The names that lead to it: `collect/dir/abs_path`.
    pub element: String,
    /// What it means; `x` is a literal text, `<x>` an element.
    pub meaning: &'static str,
    /// What its value is, in words; `None` if it holds elements.
    pub value: Option<&'static str>,
    /// What may stand in it.
    pub elements: Vec<&'static str>,
    /// Whether it may stand several times.
    pub several: bool,
    /// Whether it has to be there, or where it is inherited from.
    pub required: bool,
    /// The section whose element of the same name holds where it is missing.
    pub inherits: Option<&'static str>,
    /// What holds where it is missing, and nothing is inherited.
    pub default: Option<&'static str>,
    /// The element beside it, and its value, without which this one says nothing.
    pub only_if: Option<(&'static str, &'static str)>,
    /// The element of which it is another spelling.
    pub spelling_of: Option<&'static str>,
    /// How it may be written.
    pub example: Option<String>,
    /// Whether Cedar Backup knows it.
    pub cedar_backup: bool,
}

/// There is no such element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no element `{word}`")]
pub struct Unexplained {
    /// What was asked for.
    word: String,
    /// What was perhaps meant.
    near: Option<&'static str>,
}

impl Unexplained {
    /// What to ask instead.
    pub fn advice(&self) -> String {
        match self.near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "ask for a section ({}) or for an element of one, such as `retain_days` or `collect/dir/abs_path`",
                schema::list(SECTIONS.iter().map(|rule| rule.name))
            ),
        }
    }
}

/// What there is to say about every element called `word`: a name, or the end of a path such as `dir/abs_path`.
pub fn explain(word: &str) -> Result<Vec<Explained>, Unexplained> {
    let wanted = word
        .trim_matches(['<', '>', '/'])
        .trim_start_matches("cb_config/");
    let mut all = Vec::new();
    walk("", SECTIONS, &mut |path, rule| {
        // The peers of a stage are those of the pool; they are explained once, unless they are asked for.
        let again = path.starts_with("stage/peer/") && !wanted.starts_with("stage/");
        let ends = path
            .strip_suffix(wanted)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'));
        if ends && !again {
            all.push(Explained::new(path, rule));
        }
    });
    if all.is_empty() {
        let mut names = Vec::new();
        walk("", SECTIONS, &mut |_, rule| names.push(rule.name));
        let last = wanted.rsplit('/').next().unwrap_or(wanted);
        return Err(Unexplained {
            word: word.to_owned(),
            near: schema::nearest(last, names.into_iter()),
        });
    }
    Ok(all)
}

/// Every section, for an overview.
pub fn sections() -> Vec<Explained> {
    let rules = SECTIONS.iter();
    rules.map(|rule| Explained::new(rule.name, rule)).collect()
}

/// Shows `visit` every rule with the names that lead to it.
fn walk(above: &str, rules: &'static [Rule], visit: &mut dyn FnMut(&str, &'static Rule)) {
    for rule in rules {
        let path = match above {
            "" => rule.name.to_owned(),
            above => format!("{above}/{}", rule.name),
        };
        visit(&path, rule);
        if let Takes::Elements(below) = rule.takes {
            walk(&path, below, visit);
        }
    }
}

impl Explained {
    fn new(path: &str, rule: &'static Rule) -> Self {
        let (value, elements) = match rule.takes {
            Takes::Text(kind) => (Some(kind), Vec::new()),
            Takes::Elements(below) => (None, below.iter().map(|rule| rule.name).collect()),
        };
        let default = match rule.otherwise {
            Otherwise::Value(value) => Some(value),
            Otherwise::Nothing | Otherwise::Required => None,
        };
        let example = rule.example.or(default);
        Self {
            element: path.to_owned(),
            meaning: rule.meaning,
            value,
            elements,
            several: rule.times == Times::Many,
            required: rule.otherwise == Otherwise::Required,
            inherits: rule.inherits.filter(|_| value.is_some()),
            default,
            only_if: rule.only_if,
            spelling_of: rule.spelling_of,
            example: example.map(|value| format!("<{0}>{value}</{0}>", rule.name)),
            cedar_backup: rule.whose == Whose::Cedars,
        }
    }

    /// What holds where it is missing, in words.
    fn missing(&self) -> String {
        match (self.required, self.inherits, self.default) {
            (true, None, _) => "an error: it has to be there".to_owned(),
            (true, Some(section), _) => {
                format!("that of <{section}>; it has to be there or here")
            }
            (false, Some(section), Some(default)) => format!("that of <{section}>, else {default}"),
            (false, Some(section), None) => format!("that of <{section}>"),
            (false, None, Some(default)) => default.to_owned(),
            (false, None, None) => "nothing holds in its place".to_owned(),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.element)?;
        for line in wrapped(self.meaning, 92) {
            writeln!(f, "    {line}")?;
        }
        writeln!(f)?;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, text: &str| {
            for (at, line) in wrapped(text, 78).iter().enumerate() {
                writeln!(f, "    {:<12}  {line}", if at == 0 { name } else { "" })?;
            }
            Ok(())
        };
        match self.value {
            Some(kind) => row(f, "value", kind)?,
            None => row(f, "holds", &self.elements.join(", "))?,
        }
        let times = if self.several { "any number" } else { "one" };
        row(f, "how many", times)?;
        row(f, "if missing", &self.missing())?;
        if let Some((name, value)) = self.only_if {
            row(f, "only if", &format!("<{name}> is `{value}`"))?;
        }
        if let Some(name) = self.spelling_of {
            row(f, "better", &format!("<{name}>"))?;
        }
        if let Some(example) = &self.example {
            row(f, "example", example)?;
        }
        if !self.cedar_backup {
            row(f, "new", "Cedar Backup passes over this element")?;
        }
        Ok(())
    }
}

/// `text` in lines of at most `width` letters, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| {
            line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width
        });
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_element_says_what_it_means_and_shows_an_example() {
        walk("", SECTIONS, &mut |path, rule| {
            assert!(rule.meaning.ends_with('.'), "{path} has no meaning");
            let Takes::Text(_) = rule.takes else { return };
            let free = rule.spelling_of.is_some() || matches!(rule.name, "password" | "type");
            let shows = rule.example.is_some() || matches!(rule.otherwise, Otherwise::Value(_));
            // What stands in several places shows it in one of them.
            let elsewhere = explain(rule.name).unwrap();
            assert!(
                free || shows || elsewhere.iter().any(|other| other.example.is_some()),
                "{path} has no example"
            );
        });
    }

    #[test]
    fn an_element_is_found_by_its_name_and_by_its_path() {
        for (word, found) in [
            ("retain_days", &["purge/dir/retain_days"][..]),
            ("<retain_days>", &["purge/dir/retain_days"]),
            ("cb_config/purge", &["purge"]),
            ("dir/link_depth", &["collect/dir/link_depth"]),
            ("collect/dir", &["collect/dir"]),
            ("dir", &["collect/dir", "purge/dir", "mbox/dir"]),
            ("managed", &["peers/peer/managed"]),
            ("stage/peer/managed", &["stage/peer/managed"]),
        ] {
            let paths: Vec<String> = explain(word)
                .unwrap()
                .into_iter()
                .map(|explained| explained.element)
                .collect();
            assert_eq!(paths, found, "{word}");
        }
    }

    #[test]
    fn a_slip_is_told_what_was_meant() {
        for (word, advice) in [
            ("retian_days", "did you mean `retain_days`?"),
            ("collect/dirr", "did you mean `dir`?"),
            ("xyzzy", "ask for a section (`reference`, "),
            ("ays", "ask for"),
        ] {
            let told = explain(word).unwrap_err().advice();
            assert!(told.starts_with(advice), "{word}: {told}");
        }
    }

    #[test]
    fn an_explanation_can_be_read() {
        let shown = explain("only_copy").unwrap()[1].to_string();
        let expected = "\
purge/dir/only_copy
    What becomes of the only copy of something that was to be stored, however old it is.

    value         one of `keep`, `purge`
    how many      one
    if missing    that of <purge>, else keep
    example       <only_copy>keep</only_copy>
    new           Cedar Backup passes over this element
";
        assert_eq!(shown, expected);
    }
}
