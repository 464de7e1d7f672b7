//! Which connections watch a path: so that a change costs what its watches cost, however many clients there are.

use crate::connection::ConnectionId;
use std::collections::{BTreeMap, BTreeSet};

/// Connections by the paths that they watch, in whatever way. A path without any is not here.
#[derive(Debug, Default)]
pub(crate) struct Watchers(BTreeMap<Box<str>, BTreeSet<ConnectionId>>);

impl Watchers {
    pub fn add(&mut self, path: &str, id: ConnectionId) {
        match self.0.get_mut(path) {
            Some(ids) => _ = ids.insert(id),
            None => _ = self.0.insert(path.into(), BTreeSet::from([id])),
        }
    }

    pub fn remove(&mut self, path: &str, id: ConnectionId) {
        let Some(ids) = self.0.get_mut(path) else { return };
        ids.remove(&id);
        if ids.is_empty() {
            self.0.remove(path);
        }
    }

    /// Those that a change of this znode may concern: who watches it, and who watches the one above.
    pub fn concerned(&self, path: &str) -> BTreeSet<ConnectionId> {
        let above = above(path).and_then(|above| self.0.get(above));
        self.0.get(path).into_iter().chain(above).flatten().copied().collect()
    }
}

/// The path above; `None` for the root.
pub(crate) fn above(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        _ if path == "/" => None,
        0 => Some("/"),
        at => Some(&path[..at]),
    }
}
