//! XML events into nodes, within bounds. What the XML library finds wrong is said in plain words.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, IllFormedError};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::text::is_legal;
use super::{Broken, Node};
use crate::config::report::is_secret;

/// How deep elements may stand in one another.
const MAX_DEPTH: usize = 32;
/// How many elements there may be.
const MAX_ELEMENTS: usize = 100_000;
/// Longest name of an element.
const MAX_NAME: usize = 64;
/// Longest start tag: attributes say nothing here.
const MAX_TAG: usize = 4096;

/// The document as far as it has been read.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) nodes: Vec<Node>,
    open: Vec<usize>,
}

fn broken(span: Range<usize>, message: impl Into<String>, right: impl Into<String>) -> Broken {
    Broken {
        span,
        message: message.into(),
        right: right.into(),
        also: None,
    }
}

impl Builder {
    /// Reads `text` to its end.
    pub(super) fn read(&mut self, text: &str) -> Result<(), Broken> {
        if let Some((at, c)) = text.char_indices().find(|&(_, c)| !is_legal(c)) {
            return Err(broken(
                at..at + c.len_utf8(),
                format!("the character U+{:04X} cannot stand in XML", u32::from(c)),
                "remove it",
            ));
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        loop {
            let start = position(reader.buffer_position());
            let event = reader
                .read_event()
                .map_err(|error| self.explain(&error, position(reader.error_position()), text))?;
            let span = start..position(reader.buffer_position());
            match event {
                Event::Start(tag) => self.start(&tag, span, text)?,
                Event::Empty(tag) => {
                    self.start(&tag, span, text)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(part) => self.text(&part, span)?,
                Event::CData(part) => match self.open.last() {
                    Some(&at) => self.nodes[at].value.kept(&part, span),
                    None => return Err(stray(span)),
                },
                Event::GeneralRef(reference) => self.reference(&reference, span)?,
                Event::DocType(part) if part.contains('[') => {
                    return Err(broken(
                        span,
                        "declarations in a document type are not read",
                        "remove the `<!DOCTYPE …>`, and write the text in place of each entity",
                    ));
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => {}
                Event::Eof => return self.eof(text),
            }
        }
    }

    fn start(
        &mut self,
        tag: &BytesStart<'_>,
        span: Range<usize>,
        document: &str,
    ) -> Result<(), Broken> {
        let length = tag.name().as_ref().len();
        let name = span.start + 1..span.start + 1 + length;
        if length == 0 || length > MAX_NAME || span.len() > MAX_TAG {
            let cut = span.start..span.end.min(span.start + 1 + length.min(MAX_NAME));
            return Err(broken(
                cut,
                "this is no start tag of an element",
                "a tag is a name in angle brackets; write `&lt;` for a `<` in a value",
            ));
        }
        let text = tag.name();
        let written = text.as_ref();
        if written.contains(['<', '/', '"', '\'', '&', '=']) {
            return Err(broken(
                name,
                "this tag is not sound: a `>` is missing, or there is a `<` too many",
                "a tag is a name in angle brackets, such as `<abs_path>`, and closed by `</abs_path>`",
            ));
        }
        let attributes = tag.attributes_raw().trim();
        if let Some(secret) = self.secret(document)
            && !attributes.is_empty()
        {
            return Err(unreadable_secret(secret, span));
        }
        if !attributes.is_empty() && !attributes.contains('=') {
            let joined: Vec<&str> = attributes.split_whitespace().collect();
            return Err(broken(
                span.start..span.end,
                "the name of an element has a blank in it",
                format!("write `<{written}_{}>`", joined.join("_")),
            ));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(broken(
                name,
                format!("elements stand more than {MAX_DEPTH} deep in one another"),
                "no element of a configuration stands deeper than 5",
            ));
        }
        if self.nodes.len() >= MAX_ELEMENTS {
            return Err(broken(
                name,
                format!("there are more than {MAX_ELEMENTS} elements"),
                "divide the configuration",
            ));
        }
        let parent = self.open.last().copied();
        if parent.is_none() && !self.nodes.is_empty() {
            return Err(broken(
                name,
                "there is a second outermost element",
                "put everything into one `<cb_config>`",
            ));
        }
        let at = self.nodes.len();
        if let Some(up) = parent {
            self.nodes[up].children.push(at);
        }
        self.nodes.push(Node {
            name,
            tag: span,
            has_attributes: !tag.attributes_raw().trim().is_empty(),
            parent,
            ..Node::default()
        });
        self.open.push(at);
        Ok(())
    }

    fn end(&mut self) {
        if let Some(at) = self.open.pop() {
            self.nodes[at].value.finish();
        }
    }

    fn text(&mut self, part: &str, span: Range<usize>) -> Result<(), Broken> {
        match self.open.last() {
            Some(&at) => self.nodes[at].value.plain(part, span.start),
            None if part.trim().is_empty() => {}
            None => {
                let start = span.start + (part.len() - part.trim_start().len());
                return Err(stray(start..start + part.trim().len()));
            }
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>, span: Range<usize>) -> Result<(), Broken> {
        let Some(&at) = self.open.last() else {
            return Err(stray(span));
        };
        let c = match reference.resolve_char_ref() {
            Ok(Some(c)) if is_legal(c) => Some(c),
            Ok(None) => match &**reference {
                "lt" => Some('<'),
                "gt" => Some('>'),
                "amp" => Some('&'),
                "apos" => Some('\''),
                "quot" => Some('"'),
                _ => None,
            },
            _ => None,
        };
        let Some(c) = c else {
            return Err(broken(
                span,
                "this reference stands for no character",
                "known are `&lt;`, `&gt;`, `&amp;`, `&apos;`, `&quot;` and numbers such as `&#228;`; \
                 write `&amp;` for a `&` itself",
            ));
        };
        self.nodes[at].value.kept(c.encode_utf8(&mut [0; 4]), span);
        Ok(())
    }

    fn eof(&self, text: &str) -> Result<(), Broken> {
        let end = text.trim_end().len();
        match self.open.last() {
            Some(&at) => {
                let name = self.nodes[at].name.clone();
                let mut fault = broken(
                    end..end,
                    format!("the file ends within `<{}>`", &text[name.clone()]),
                    format!("close it with `</{}>`", &text[name.clone()]),
                );
                fault.also = Some((name, "opened here".to_owned()));
                Err(fault)
            }
            None if self.nodes.is_empty() => Err(broken(
                end..end,
                "there is no element in this file",
                "a configuration is one `<cb_config>…</cb_config>`",
            )),
            None => Ok(()),
        }
    }

    /// Whether the innermost two open elements have one name: a `/` was forgotten.
    fn opened_in_itself(&self, text: &str) -> bool {
        let mut names = self
            .open
            .iter()
            .rev()
            .map(|&at| &text[self.nodes[at].name.clone()]);
        names.next() == names.next()
    }

    /// The name of the innermost open element, if its value is nobody's business: no message repeats anything of it.
    fn secret<'t>(&self, text: &'t str) -> Option<&'t str> {
        let name = &text[self.nodes[*self.open.last()?].name.clone()];
        is_secret(name).then_some(name)
    }

    /// What the library found, in words, and where it began.
    fn explain(&self, error: &XmlError, at: usize, text: &str) -> Broken {
        let at = text.floor_char_boundary(at.min(text.len()));
        let line = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let tag = text[at..line].find('>').map_or(line, |end| at + end + 1);
        let opened = self.open.last().map(|&at| self.nodes[at].name.clone());
        match (error, opened) {
            (
                XmlError::IllFormed(IllFormedError::MismatchedEndTag { expected, .. }),
                Some(name),
            ) if self.opened_in_itself(text) => broken(
                name,
                format!("`<{expected}>` is opened again before it is closed"),
                format!("write `</{expected}>`, with a `/`, if this is its end"),
            ),
            (XmlError::IllFormed(IllFormedError::MismatchedEndTag { found, .. }), Some(opened))
                if let Some(secret) = self.secret(text)
                    && !is_name(found) =>
            {
                let mut fault = unreadable_secret(secret, at..tag);
                fault.also = Some((opened, "opened here".to_owned()));
                fault
            }
            (XmlError::IllFormed(IllFormedError::MismatchedEndTag { expected, found }), opened) => {
                let mut fault = broken(
                    at..tag,
                    format!("`</{found}>` does not close `<{expected}>`"),
                    format!("close `<{expected}>` first, with `</{expected}>`"),
                );
                fault.also = opened.map(|name| (name, "opened here".to_owned()));
                fault
            }
            (XmlError::IllFormed(IllFormedError::UnmatchedEndTag(found)), _) => broken(
                at..tag,
                format!("`</{found}>` closes nothing"),
                "remove it, or open the element before",
            ),
            (XmlError::IllFormed(IllFormedError::DoubleHyphenInComment), _) => broken(
                at..text.len().min(at + 2),
                "there is `--` within a comment",
                "no comment stands in another: end the first one with `-->` before the next begins, and write `-` for `--`",
            ),
            (XmlError::IllFormed(IllFormedError::UnclosedReference), _) => broken(
                at..text.len().min(at + 1),
                "this `&` begins no reference",
                "write `&amp;` for a `&`",
            ),
            (other, _) => {
                let reason = other.to_string();
                broken(
                    at..tag.min(at + 80).max(at),
                    format!("this is not XML: {}", reason.trim_end_matches('.')),
                    "every `<` has its `>`, every element its end tag; write `&lt;` for a `<` in a value",
                )
            }
        }
    }
}

/// Whether that may be the name of an element of ours, and so is none of a secret's letters.
fn is_name(text: &str) -> bool {
    crate::config::schema::is_known(text)
}

fn unreadable_secret(name: &str, span: Range<usize>) -> Broken {
    broken(
        span,
        format!("what stands in `<{name}>` is not XML"),
        "write `&lt;` for a `<` and `&amp;` for a `&` in it",
    )
}

fn stray(span: Range<usize>) -> Broken {
    broken(
        span,
        "there is text outside of `<cb_config>`",
        "remove it, or make it a comment: `<!-- … -->`",
    )
}

#[allow(clippy::cast_possible_truncation)] // the text is in memory
fn position(offset: u64) -> usize {
    offset as usize
}
