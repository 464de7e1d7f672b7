//! A sequence of (score, member number) pairs with O(log n) access by position: the ordered side of
//! a large sorted set.
//!
//! It is a B+ tree whose inner nodes count what is below them. Changes are made by position alone;
//! a search takes a predicate that holds for a prefix of the sequence, and gives the prefix's
//! length. So the tree never needs to know how members compare.
//!
//! ```text
//!           inner: [ first pair, count ][ first pair, count ] ...
//!                      |                    |
//!           leaf: scores [f64; 63]       leaf ...
//!                 ids    [u32; 63]
//! ```

#[cfg(test)]
mod tests;

use std::ops::Range;

/// A leaf of this many pairs takes 760 bytes, just within an allocator's class of 768.
const LEAF_MAX: usize = 63;
const INNER_MAX: usize = 32;

/// A score and the number of a member.
type Pair = (f64, u32);

#[derive(Clone, Debug)]
struct Leaf {
    /// How many of the places are in use; at most `LEAF_MAX`.
    len: u32,
    ids: [u32; LEAF_MAX],
    scores: [f64; LEAF_MAX],
}

#[derive(Clone, Debug)]
struct Child {
    /// The first pair below; it follows every change there.
    first: Pair,
    /// The pairs below; at least 1.
    count: u32,
    node: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Box<Leaf>),
    Inner(Vec<Child>),
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Order {
    root: Node,
    len: usize,
    /// How many leaves there are, for the estimate of memory.
    leaves: usize,
}

impl Leaf {
    fn new(pairs: impl Iterator<Item = Pair>) -> Box<Self> {
        let mut leaf = Box::new(Self { len: 0, ids: [0; LEAF_MAX], scores: [0.0; LEAF_MAX] });
        for (score, id) in pairs.take(LEAF_MAX) {
            leaf.put(leaf.len(), (score, id));
        }
        leaf
    }

    fn len(&self) -> usize {
        self.len as usize
    }

    fn get(&self, at: usize) -> Pair {
        (self.scores[at], self.ids[at])
    }

    /// Inserts where there is room.
    fn put(&mut self, at: usize, (score, id): Pair) {
        let len = self.len();
        self.scores.copy_within(at..len, at + 1);
        self.ids.copy_within(at..len, at + 1);
        self.scores[at] = score;
        self.ids[at] = id;
        self.len += 1;
    }

    fn cut(&mut self, at: usize) {
        let len = self.len();
        self.scores.copy_within(at + 1..len, at);
        self.ids.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    fn insert(&mut self, at: usize, pair: Pair) -> Option<Node> {
        let len = self.len();
        if len < LEAF_MAX {
            self.put(at, pair);
            return None;
        }
        // Pairs that come in order fill their leaves.
        let from = if at == len { len } else { len / 2 };
        let mut later = Self::new((from..len).map(|n| self.get(n)));
        self.len = from as u32;
        if at > from || at == len {
            later.put(at - from, pair);
        } else {
            self.put(at, pair);
        }
        Some(Node::Leaf(later))
    }
}

impl Node {
    fn first(&self) -> Pair {
        match self {
            Self::Leaf(leaf) => leaf.get(0),
            Self::Inner(children) => children[0].first,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(children) => children.iter().map(|c| c.count as usize).sum(),
        }
    }

    fn into_child(self) -> Child {
        Child { first: self.first(), count: self.count() as u32, node: self }
    }

    /// Inserts; the later half, when the node had to be split. Counts a leaf that is added.
    fn insert(&mut self, at: usize, pair: Pair, leaves: &mut usize) -> Option<Self> {
        let children = match self {
            Self::Leaf(leaf) => {
                let later = leaf.insert(at, pair);
                *leaves += usize::from(later.is_some());
                return later;
            }
            Self::Inner(children) => children,
        };
        let (n, at) = child_at(children, at, |at, count| at <= count);
        let child = &mut children[n];
        let later = child.node.insert(at, pair, leaves);
        child.first = child.node.first();
        let Some(later) = later.map(Self::into_child) else {
            child.count += 1;
            return None;
        };
        child.count = child.count + 1 - later.count;
        children.insert(n + 1, later);
        if children.len() <= INNER_MAX {
            return None;
        }
        let from = if n + 2 == children.len() { children.len() - 1 } else { children.len() / 2 };
        Some(Self::Inner(children.split_off(from)))
    }

    /// Removes the pair at a position; how many leaves went.
    fn remove(&mut self, at: usize) -> usize {
        let children = match self {
            Self::Leaf(leaf) => {
                leaf.cut(at);
                return 0;
            }
            Self::Inner(children) => children,
        };
        let (n, at) = child_at(children, at, |at, count| at < count);
        let child = &mut children[n];
        let mut dropped = child.node.remove(at);
        child.count -= 1;
        if child.count == 0 {
            dropped += usize::from(child.node.is_leaf());
            children.remove(n);
            return dropped;
        }
        child.first = child.node.first();
        if child.node.is_sparse() {
            dropped += join(children, n.saturating_sub(1));
        }
        dropped
    }

    fn renumber(&mut self, at: usize, id: u32) {
        match self {
            Self::Leaf(leaf) => leaf.ids[at] = id,
            Self::Inner(children) => {
                let (n, at) = child_at(children, at, |at, count| at < count);
                children[n].node.renumber(at, id);
                children[n].first = children[n].node.first();
            }
        }
    }

    fn is_leaf(&self) -> bool {
        matches!(self, Self::Leaf(_))
    }

    fn is_sparse(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.len() < LEAF_MAX / 3,
            Self::Inner(children) => children.len() < INNER_MAX / 3,
        }
    }
}

/// The first child whose position and count are `fit`, and the position within it; the last child when
/// none is.
#[inline]
fn child_at(children: &[Child], mut at: usize, fit: fn(usize, usize) -> bool) -> (usize, usize) {
    let last = children.len() - 1;
    for (n, child) in children[..last].iter().enumerate() {
        if fit(at, child.count as usize) {
            return (n, at);
        }
        at -= child.count as usize;
    }
    (last, at)
}

/// Joins the nth child with the one after it if they fit in one with some room to spare; how many
/// leaves went.
fn join(children: &mut Vec<Child>, n: usize) -> usize {
    let Some((head, [next, ..])) = children.split_at_mut_checked(n + 1) else { return 0 };
    let this = &mut head[n];
    let joined = match (&mut this.node, &mut next.node) {
        (Node::Leaf(a), Node::Leaf(b)) if a.len() + b.len() <= LEAF_MAX * 3 / 4 => {
            (0..b.len()).for_each(|at| a.put(a.len(), b.get(at)));
            1
        }
        (Node::Inner(a), Node::Inner(b)) if a.len() + b.len() <= INNER_MAX * 3 / 4 => {
            a.append(b);
            0
        }
        _ => return 0,
    };
    this.count += next.count;
    children.remove(n + 1);
    joined
}

impl Order {
    pub(super) fn new() -> Self {
        Self { root: Node::Leaf(Leaf::new(std::iter::empty())), len: 0, leaves: 1 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes on the heap: leaves, and a child's place above each of them, with some to spare.
    pub(super) fn heap_bytes(&self) -> usize {
        self.leaves * (size_of::<Leaf>() + 8 + size_of::<Child>() * 3 / 2)
    }

    /// Inserts a pair at a position, `at <= len`.
    pub(super) fn insert(&mut self, at: usize, score: f64, id: u32) {
        self.len += 1;
        let Some(later) = self.root.insert(at, (score, id), &mut self.leaves) else { return };
        let earlier = std::mem::replace(&mut self.root, Node::Inner(Vec::new()));
        self.root = Node::Inner(vec![earlier.into_child(), later.into_child()]);
    }

    /// Removes the pair at a position, `at < len`.
    pub(super) fn remove(&mut self, at: usize) {
        self.len -= 1;
        self.leaves -= self.root.remove(at);
        if let Node::Inner(children) = &mut self.root
            && children.len() == 1
            && let Some(only) = children.pop()
        {
            self.root = only.node;
        }
    }

    /// Gives the pair at a position another member number.
    pub(super) fn renumber(&mut self, at: usize, id: u32) {
        self.root.renumber(at, id);
    }

    /// How many pairs are `before`, which holds for a prefix of the sequence.
    pub(super) fn count_while(&self, mut before: impl FnMut(f64, u32) -> bool) -> usize {
        let mut node = &self.root;
        let mut rank = 0;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let len = leaf.len();
                    let (mut low, mut high) = (0, len);
                    while low < high {
                        let middle = (low + high) / 2;
                        if before(leaf.scores[middle], leaf.ids[middle]) {
                            low = middle + 1;
                        } else {
                            high = middle;
                        }
                    }
                    return rank + low;
                }
                Node::Inner(children) => {
                    let n = children.partition_point(|c| before(c.first.0, c.first.1));
                    let n = n.saturating_sub(1);
                    rank += children[..n].iter().map(|c| c.count as usize).sum::<usize>();
                    node = &children[n].node;
                }
            }
        }
    }

    /// The pair at a position, `at < len`.
    pub(super) fn get(&self, at: usize) -> Pair {
        let (leaf, at) = self.leaf_at(at);
        leaf.get(at)
    }

    /// Hands the pairs of a range to `f`, in order.
    pub(super) fn each(&self, range: Range<usize>, mut f: impl FnMut(f64, u32)) {
        let mut left = range.len();
        let mut next = range.start;
        while left > 0 {
            let (leaf, at) = self.leaf_at(next);
            let many = left.min(leaf.len() - at);
            (at..at + many).for_each(|at| f(leaf.scores[at], leaf.ids[at]));
            left -= many;
            next += many;
        }
    }

    /// Hands the pairs of a range to `f`, last one first.
    pub(super) fn each_back(&self, range: Range<usize>, mut f: impl FnMut(f64, u32)) {
        let mut left = range.len();
        let mut end = range.end;
        while left > 0 {
            let (leaf, at) = self.leaf_at(end - 1);
            let many = left.min(at + 1);
            (at + 1 - many..at + 1).rev().for_each(|at| f(leaf.scores[at], leaf.ids[at]));
            left -= many;
            end -= many;
        }
    }

    fn leaf_at(&self, mut at: usize) -> (&Leaf, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, at),
                Node::Inner(children) => {
                    let (n, within) = child_at(children, at, |at, count| at < count);
                    at = within;
                    node = &children[n].node;
                }
            }
        }
    }
}
