//! The znodes by their paths: a hash table, and a walk in an order that all replicas agree on.
//!
//! A znode is found by the hash of its whole path. Order is rarely asked for, and then by a walk: each znode before those
//! below it, children by their names. The names that each znode keeps of its children are that order, so none is kept beside the table.

use crate::path;
use crate::tree::Znode;
use foldhash::fast::SeedableRandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::cmp::Ordering;
use std::collections::btree_set;
use std::ops::Bound;
use synod_machine::hashing;

/// How many tables share the znodes, by their hashes: one that grows moves its own only, so no change waits for all of them.
const SHARDS: usize = 64;

/// A znode and where it is.
#[derive(Debug)]
struct Placed {
    path: Box<str>,
    node: Znode,
}

impl Placed {
    fn hash(&self, hasher: &SeedableRandomState) -> u64 {
        hashing::hash(hasher, self.path.as_bytes())
    }
}

/// What a znode takes beside its path and its data, in bytes: its own allocation, and its place in a table that is seldom full.
pub(crate) const PLACED_BYTES: usize = size_of::<Placed>() + 2 * size_of::<Box<Placed>>();

/// The znodes of a tree.
#[derive(Debug)]
pub(crate) struct Nodes {
    hasher: SeedableRandomState,
    shards: Box<[HashTable<Box<Placed>>]>,
    len: usize,
}

impl Default for Nodes {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| HashTable::new()).collect();
        Self { hasher: hashing::state(), shards, len: 0 }
    }
}

impl Nodes {
    fn hash(&self, path: &str) -> u64 {
        hashing::hash(&self.hasher, path.as_bytes())
    }

    /// The table of a hash. It takes other bits than the table itself does, which are the lowest and the highest.
    const fn shard(hash: u64) -> usize {
        (hash >> 40) as usize % SHARDS
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn get(&self, path: &str) -> Option<&Znode> {
        let hash = self.hash(path);
        let placed = self.shards[Self::shard(hash)].find(hash, |placed| *placed.path == *path)?;
        Some(&placed.node)
    }

    pub fn get_mut(&mut self, path: &str) -> Option<&mut Znode> {
        let hash = self.hash(path);
        let shard = &mut self.shards[Self::shard(hash)];
        let placed = shard.find_mut(hash, |placed| *placed.path == *path)?;
        Some(&mut placed.node)
    }

    pub fn contains_key(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// Puts a znode at a path; the one that was there.
    pub fn insert(&mut self, path: Box<str>, node: Znode) -> Option<Znode> {
        let (hash, hasher) = (self.hash(&path), &self.hasher);
        let shard = &mut self.shards[Self::shard(hash)];
        let rehash = |placed: &Box<_>| Placed::hash(placed, hasher);
        match shard.entry(hash, |placed| *placed.path == *path, rehash) {
            Entry::Occupied(mut there) => Some(std::mem::replace(&mut there.get_mut().node, node)),
            Entry::Vacant(place) => {
                place.insert(Box::new(Placed { path, node }));
                self.len += 1;
                None
            }
        }
    }

    pub fn remove(&mut self, path: &str) -> Option<Znode> {
        let hash = self.hash(path);
        let shard = &mut self.shards[Self::shard(hash)];
        let there = shard.find_entry(hash, |placed| *placed.path == *path).ok()?;
        self.len -= 1;
        Some(there.remove().0.node)
    }

    /// All of them, in the order of the walk.
    pub fn walk(&self) -> Walk<'_> {
        Walk { nodes: self, root: self.contains_key("/"), stack: Vec::new() }
    }

    /// Those below a path.
    pub fn below<'a>(&'a self, path: &'a str) -> Walk<'a> {
        let mut walk = Walk { nodes: self, root: false, stack: Vec::new() };
        walk.push(path, None);
        walk
    }

    /// Those that the walk comes to behind a path, whether or not there is a znode at it.
    pub fn behind<'a>(&'a self, path: &'a str) -> Walk<'a> {
        let mut walk = Walk { nodes: self, root: false, stack: Vec::new() };
        let mut above = Vec::new();
        let mut at = path;
        while let Some((parent, name)) = path::split(at) {
            above.push((parent, name));
            at = parent;
        }
        above.into_iter().rev().for_each(|(parent, name)| walk.push(parent, Some(name)));
        walk.push(path, None);
        walk
    }
}

/// A walk through znodes: each before those below it, children by their names.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    nodes: &'a Nodes,
    /// Whether it begins with the root.
    root: bool,
    /// The znodes on the way down, and which children of each it has not come to.
    stack: Vec<(&'a str, btree_set::Range<'a, Box<str>>)>,
}

impl<'a> Walk<'a> {
    /// Goes down to a znode, if there is one, and to its children behind a name.
    fn push(&mut self, path: &'a str, behind: Option<&str>) {
        let Some(node) = self.nodes.get(path).filter(|node| !node.children.is_empty()) else {
            return;
        };
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        self.stack.push((path, node.children.range::<str, _>((from, Bound::Unbounded))));
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a str, &'a Znode);

    fn next(&mut self) -> Option<Self::Item> {
        let nodes = self.nodes;
        let place = |path: &str| {
            let hash = nodes.hash(path);
            nodes.shards[Nodes::shard(hash)].find(hash, |placed| *placed.path == *path)
        };
        if std::mem::take(&mut self.root) {
            let root = place("/")?;
            self.push(&root.path, None);
            return Some((&root.path, &root.node));
        }
        while let Some((above, names)) = self.stack.last_mut() {
            let Some(name) = names.next() else {
                self.stack.pop();
                continue;
            };
            // Every name is that of a znode.
            let Some(child) = place(&path::join(above, name)) else { continue };
            let children = &child.node.children;
            if !children.is_empty() {
                self.stack.push((&child.path, children.range::<str, _>(..)));
            }
            return Some((&child.path, &child.node));
        }
        None
    }
}

/// A path, in the order of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step(pub Box<str>);

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        // What separates the names comes before everything that a name may have.
        fn ranks(step: &Step) -> impl Iterator<Item = u8> {
            step.0.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
        }
        ranks(self).cmp(ranks(other))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::Stat;
    use std::collections::BTreeSet;

    fn nodes(paths: &[&str]) -> Nodes {
        let mut nodes = Nodes::default();
        for path in paths {
            let (data, acl, stat) = (None, [].into(), Stat::default());
            let node = Znode { data, acl, stat, children: BTreeSet::new() };
            assert_eq!(nodes.insert((*path).into(), node), None);
            if let Some((above, name)) = path::split(path) {
                nodes.get_mut(above).unwrap().children.insert(name.into());
            }
        }
        nodes
    }

    fn paths<'a>(walk: Walk<'a>) -> Vec<&'a str> {
        walk.map(|(path, _)| path).collect()
    }

    #[test]
    fn a_walk_comes_to_each_before_those_below_it_and_goes_on_from_anywhere() {
        let nodes = nodes(&["/", "/b", "/a-", "/a", "/a/z", "/a/b", "/a/b/c", "/a.", "/a-/x"]);
        let all = ["/", "/a", "/a/b", "/a/b/c", "/a/z", "/a-", "/a-/x", "/a.", "/b"];
        assert_eq!(paths(nodes.walk()), all);
        for (at, path) in all.iter().enumerate() {
            assert_eq!(paths(nodes.behind(path)), all[at + 1..], "behind {path}");
        }
        assert_eq!(paths(nodes.behind("/a/c/gone")), all[4..]);
        assert_eq!(paths(nodes.behind("/zz")), [""; 0]);
        assert_eq!(paths(nodes.below("/a")), all[2..5]);
        assert_eq!(paths(nodes.below("/")), all[1..]);
        assert_eq!(paths(nodes.below("/b")), [""; 0]);
        let steps: BTreeSet<Step> = all.iter().map(|path| Step((*path).into())).collect();
        assert!(steps.iter().map(|step| &*step.0).eq(all), "the same order");
    }

    #[test]
    fn what_is_taken_out_is_found_no_longer() {
        let mut nodes = nodes(&["/", "/a", "/b"]);
        assert_eq!(nodes.len(), 3);
        assert!(nodes.remove("/a").is_some() && nodes.remove("/a").is_none());
        assert!(nodes.contains_key("/b") && !nodes.contains_key("/a"));
        assert_eq!((nodes.len(), nodes.is_empty()), (2, false));
    }
}
