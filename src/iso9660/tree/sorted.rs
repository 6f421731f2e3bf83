//! Nodes in the order of their names, for a few as for a million, at four bytes each.

use super::NodeId;

/// Nodes in the order of their names, in runs of at most [`RUN`]: what is put into the middle moves few others, and
/// what comes in order moves none.
#[derive(Debug, Clone, Default)]
pub(super) struct Sorted {
    runs: Vec<Vec<NodeId>>,
}

const RUN: usize = 512;

/// Nodes in order.
pub(super) type Iter<'a> = std::iter::Flatten<std::slice::Iter<'a, Vec<NodeId>>>;

/// A run, and a place in it.
pub(super) type Spot = (usize, usize);

impl Sorted {
    pub(super) fn iter(&self) -> Iter<'_> {
        self.runs.iter().flatten()
    }

    pub(super) fn get(&self, (run, at): Spot) -> Option<NodeId> {
        self.runs.get(run)?.get(at).copied()
    }

    /// Where a name is, or would be.
    pub(super) fn search<'a>(
        &self,
        name: &[u8],
        name_of: impl Fn(NodeId) -> &'a [u8],
    ) -> Result<Spot, Spot> {
        let Some(newest) = self.runs.last() else {
            return Err((0, 0));
        };
        let is_before = |run: &Vec<NodeId>| run.last().is_some_and(|last| name_of(*last) < name);
        if is_before(newest) {
            return Err((self.runs.len() - 1, newest.len()));
        }
        let run = self.runs.partition_point(is_before);
        match self.runs[run].binary_search_by(|one| name_of(*one).cmp(name)) {
            Ok(at) => Ok((run, at)),
            Err(at) => Err((run, at)),
        }
    }

    /// Puts a node where [`Sorted::search`] said that it would be.
    pub(super) fn insert(&mut self, (mut run, mut at): Spot, node: NodeId) {
        let length = self.runs.get(run).map(Vec::len);
        match length {
            None => self.runs.push(Vec::new()),
            Some(RUN) if at == RUN && run + 1 == self.runs.len() => {
                self.runs.push(Vec::new());
                (run, at) = (run + 1, 0);
            }
            Some(RUN) => {
                let half = self.runs[run].split_off(RUN / 2);
                self.runs.insert(run + 1, half);
                if at > RUN / 2 {
                    (run, at) = (run + 1, at - RUN / 2);
                }
            }
            Some(_) => {}
        }
        self.runs[run].insert(at, node);
    }

    pub(super) fn remove(&mut self, (run, at): Spot) {
        self.runs[run].remove(at);
        if self.runs[run].is_empty() {
            self.runs.remove(run);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_stay_sorted_in_whatever_order_they_come_and_go() {
        for step in [1_u32, 7, 4999] {
            let names: Vec<Vec<u8>> = (0..5000_u32)
                .map(|n| format!("{:04}", n * step % 5000).into_bytes())
                .collect();
            let name_of = |node: NodeId| names[node.index()].as_slice();
            let mut sorted = Sorted::default();
            for (at, name) in names.iter().enumerate() {
                let spot = sorted.search(name, name_of).unwrap_err();
                sorted.insert(spot, NodeId(u32::try_from(at).unwrap()));
            }
            let found: Vec<_> = sorted.iter().map(|node| name_of(*node)).collect();
            assert_eq!(found.len(), 5000);
            assert!(found.is_sorted());
            for name in &names {
                let spot = sorted.search(name, name_of).unwrap();
                assert_eq!(name_of(sorted.get(spot).unwrap()), name);
                sorted.remove(spot);
                assert!(sorted.search(name, name_of).is_err());
            }
            assert_eq!(sorted.iter().count(), 0);
        }
    }
}
