//! Which connections watch a path: so that a change costs what its watches cost, however many clients there are.

use crate::connection::ConnectionId;
use std::collections::{BTreeMap, BTreeSet};

/// Connections by paths. A path without any is not here.
type Index = BTreeMap<Box<str>, BTreeSet<ConnectionId>>;

/// Connections by the paths that they watch.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// In whatever way but the next.
    single: Index,
    /// With everything below.
    recursive: Index,
}

impl Watchers {
    pub fn add(&mut self, path: &str, id: ConnectionId) {
        add(&mut self.single, path, id);
    }

    pub fn remove(&mut self, path: &str, id: ConnectionId) {
        remove(&mut self.single, path, id);
    }

    pub fn add_recursive(&mut self, path: &str, id: ConnectionId) {
        add(&mut self.recursive, path, id);
    }

    pub fn remove_recursive(&mut self, path: &str, id: ConnectionId) {
        remove(&mut self.recursive, path, id);
    }

    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.recursive.is_empty()
    }

    /// How many paths are watched.
    pub fn paths(&self) -> usize {
        self.single.len() + self.recursive.len()
    }

    /// Those that a change of this znode may concern: who watches it, who watches the one above, and who watches one
    /// of those above with everything below.
    pub fn concerned(&self, path: &str) -> BTreeSet<ConnectionId> {
        let above = above(path).and_then(|above| self.single.get(above));
        let single = self.single.get(path).into_iter().chain(above);
        let recursive = match self.recursive.is_empty() {
            true => None,
            false => Some(upwards(path).filter_map(|path| self.recursive.get(path))),
        };
        single.chain(recursive.into_iter().flatten()).flatten().copied().collect()
    }
}

fn add(index: &mut Index, path: &str, id: ConnectionId) {
    match index.get_mut(path) {
        Some(ids) => _ = ids.insert(id),
        None => _ = index.insert(path.into(), BTreeSet::from([id])),
    }
}

fn remove(index: &mut Index, path: &str, id: ConnectionId) {
    let Some(ids) = index.get_mut(path) else { return };
    ids.remove(&id);
    if ids.is_empty() {
        index.remove(path);
    }
}

/// The path itself and all above it, the root last.
pub(crate) fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| above(path))
}

/// The path above; `None` for the root.
pub(crate) fn above(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        _ if path == "/" => None,
        0 => Some("/"),
        at => Some(&path[..at]),
    }
}
