//! XML into elements that know where they stand. Hides the XML library, entities, CDATA, encodings and the
//! bounds on what strangers may write.
//!
//! A value is the text of an element with comments taken out, entities and CDATA taken in, and blanks at both
//! ends taken off, unless they were written as references (`&#32;`) or in CDATA: that is how a path that really
//! ends in a blank is said. Document types are read over; what they declare is refused, so that no entity can grow.

mod build;
mod decode;
mod text;

use std::ops::Range;

use build::Builder;
use text::Value;

pub(super) use decode::{decode, mislabelled};
pub(super) use text::is_legal;

/// Bytes that a configuration may have.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Why a text is no document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) right: String,
    /// A second place that belongs to it, with its label.
    pub(super) also: Option<(Range<usize>, String)>,
}

/// A parsed text. The first node is the root.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Where the name stands in the start tag.
    name: Range<usize>,
    /// The whole start tag.
    tag: Range<usize>,
    has_attributes: bool,
    parent: Option<usize>,
    children: Vec<usize>,
    value: Value,
}

/// One element of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'d> {
    document: &'d Document,
    at: usize,
}

impl Document {
    /// Reads `text`, which has to have exactly one root element.
    pub(super) fn parse(text: String) -> Result<Self, Broken> {
        let mut builder = Builder::default();
        builder.read(&text)?;
        Ok(Self {
            text,
            nodes: builder.nodes,
        })
    }

    /// The text that was read.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The outermost element.
    pub(super) fn root(&self) -> Element<'_> {
        Element {
            document: self,
            at: 0,
        }
    }
}

impl<'d> Element<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.at]
    }

    /// Its name.
    pub(super) fn name(self) -> &'d str {
        &self.document.text[self.name_span()]
    }

    /// Where its name stands.
    pub(super) fn name_span(self) -> Range<usize> {
        self.node().name.clone()
    }

    /// Its start tag, if there is more in it than the name.
    pub(super) fn attributes_span(self) -> Option<Range<usize>> {
        let node = self.node();
        node.has_attributes.then(|| node.tag.clone())
    }

    /// The name of its first attribute.
    pub(super) fn first_attribute(self) -> Option<&'d str> {
        let node = self.node();
        let rest = &self.document.text[node.name.end..node.tag.end];
        let (name, _) = rest.split_once('=')?;
        Some(name.trim())
    }

    /// Its value; `None` if there is nothing in it.
    pub(super) fn value(self) -> Option<&'d str> {
        let value = &self.node().value;
        value.span.is_some().then_some(value.text.as_str())
    }

    /// Where its value stands, or the start tag if it has none.
    pub(super) fn value_span(self) -> Range<usize> {
        let node = self.node();
        node.value.span.clone().unwrap_or_else(|| node.tag.clone())
    }

    /// The elements directly in it, in order.
    pub(super) fn children(self) -> impl Iterator<Item = Element<'d>> {
        self.node().children.iter().map(move |&at| Element {
            document: self.document,
            at,
        })
    }

    /// Names from below the root down to it: `collect/dir/abs_path`; the root's own name for the root.
    pub(super) fn path(self) -> String {
        let mut names = vec![self.name()];
        let mut at = self.node().parent;
        while let Some(up) = at {
            let element = Element {
                document: self.document,
                at: up,
            };
            at = element.node().parent;
            if at.is_some() {
                names.push(element.name());
            }
        }
        names.reverse();
        names.join("/")
    }
}

#[cfg(test)]
mod tests;
