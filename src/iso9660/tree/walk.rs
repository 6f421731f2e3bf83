//! Going through a tree.

use super::sorted::Iter;
use super::{Node, NodeId, Tree};

/// The entries of a tree: see [`Tree::walk`].
#[derive(Debug)]
pub struct Walk<'a> {
    tree: &'a Tree,
    path: Vec<u8>,
    /// Length of the path of the directory, and what is left of its entries.
    stack: Vec<(usize, Iter<'a>)>,
}

impl<'a> Walk<'a> {
    pub(super) fn of(tree: &'a Tree) -> Self {
        let root = tree.directory(NodeId::ROOT);
        let entries = root.map(|root| (0, root.children.iter()));
        Self {
            tree,
            path: Vec::new(),
            stack: entries.into_iter().collect(),
        }
    }

    /// Goes to the next entry; its path is `self.path`.
    pub(super) fn step(&mut self) -> Option<NodeId> {
        loop {
            let (length, entries) = self.stack.last_mut()?;
            let length = *length;
            let Some(id) = entries.next().copied() else {
                self.stack.pop();
                continue;
            };
            self.path.truncate(length);
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(self.tree.name_of(id));
            if let Some(directory) = self.tree.directory(id) {
                self.stack
                    .push((self.path.len(), directory.children.iter()));
            }
            return Some(id);
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = (Vec<u8>, Node);

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.step()?;
        Some((self.path.clone(), self.tree.node(id)))
    }
}
