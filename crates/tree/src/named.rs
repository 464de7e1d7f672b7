//! The trees of the namespaces that have names: a machine of a partition, beside the tree of the default namespace.
//!
//! ```text
//! operation:  name | body as of a tree alone
//! chunk:      name | records of that tree
//! ```
//! A tree is made by the first operation that changes it. Each has an order of zxids of its own.

use crate::call::Call;
use crate::codec::{put_str, take_str};
use crate::snapshot::Restorer;
use crate::tree::Tree;
use std::collections::BTreeMap;
use synod_machine::{Context, Machine, MachineId, Operation, Restore, digest, put_operation};
use synod_types::{DEFAULT_NAMESPACE, ReplySink, is_namespace};

/// The most trees with names in one partition.
pub const NAMED_TREES_MAX: usize = 1_024;

/// A partition that has absorbed another one may have the trees of both.
const MERGED_TREES_MAX: usize = 2 * NAMED_TREES_MAX;

const MALFORMED: &str = "ERR malformed operation of a tree";
const TOO_MANY: &str = "ERR too many namespaces in this partition";

impl Call<'_> {
    /// Appends it as an operation of the tree of this namespace.
    pub fn put(&self, namespace: &str, out: &mut Vec<u8>) {
        match namespace {
            DEFAULT_NAMESPACE => put_operation(out, MachineId::TREE, |body| self.encode(body)),
            name => put_operation(out, MachineId::NAMED_TREES, |body| {
                put_str(body, name);
                self.encode(body);
            }),
        }
    }
}

/// Whose tree an operation is for, and what it is for a tree alone; `None` when it is for another machine, or is none.
#[must_use]
pub fn taken_apart<'a>(op: &Operation<'a>) -> Option<(&'a str, Operation<'a>)> {
    match op.machine {
        MachineId::TREE => Some((DEFAULT_NAMESPACE, *op)),
        MachineId::NAMED_TREES => {
            let mut body = op.body;
            let name = take_str(&mut body).filter(|name| is_namespace(name))?;
            Some((name, Operation { machine: MachineId::TREE, body }))
        }
        _ => None,
    }
}

/// The trees of a partition that have names.
#[derive(Debug, Default)]
pub struct NamedTrees {
    trees: BTreeMap<Box<str>, Tree>,
    /// The tree whose part of a snapshot is written now.
    writing: Option<Box<str>>,
}

impl NamedTrees {
    /// The tree of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tree> {
        self.trees.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.trees.iter().map(|(name, tree)| (&**name, tree))
    }

    /// All of them, by name, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Tree)> {
        self.trees.iter_mut().map(|(name, tree)| (&**name, tree))
    }

    /// Takes the trees out whose names `goes` picks; `None` if there is none. No snapshot is being taken.
    pub fn split_off(&mut self, goes: impl Fn(&str) -> bool) -> Option<Self> {
        let trees: BTreeMap<_, _> = self.trees.extract_if(.., |name, _| goes(name)).collect();
        (!trees.is_empty()).then_some(Self { trees, writing: None })
    }

    /// Takes the trees of a partition in that becomes part of this one: no name is in both. No snapshot is being taken.
    pub fn absorb(&mut self, other: Self) {
        self.trees.extend(other.trees);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trees.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// Runs a committed operation; the tree that it was for, if there is one now.
    pub fn apply_to<'a>(
        &mut self,
        body: &'a [u8],
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> Option<(&'a str, &mut Tree)> {
        let op = Operation { machine: MachineId::NAMED_TREES, body };
        let Some((name, op)) = taken_apart(&op) else {
            out.error(MALFORMED);
            return None;
        };
        if !self.trees.contains_key(name) {
            if self.trees.len() >= NAMED_TREES_MAX {
                out.error(TOO_MANY);
                return None;
            }
            self.trees.insert(name.into(), Tree::default());
        }
        let tree = self.trees.get_mut(name)?;
        tree.apply(op.body, ctx, out);
        Some((name, tree))
    }
}

impl Machine for NamedTrees {
    fn id(&self) -> MachineId {
        MachineId::NAMED_TREES
    }

    fn apply(&mut self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        self.apply_to(body, ctx, out);
    }

    fn read(&self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        let op = Operation { machine: MachineId::NAMED_TREES, body };
        match taken_apart(&op) {
            Some((name, op)) => match self.trees.get(name) {
                Some(tree) => tree.read(op.body, ctx, out),
                None => Tree::default().read(op.body, ctx, out),
            },
            None => out.error(MALFORMED),
        }
    }

    fn snapshot_begin(&mut self) {
        self.trees.values_mut().for_each(Tree::begin_run);
        self.writing = self.trees.first_key_value().map(|(name, _)| name.clone());
    }

    fn snapshot_next(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        loop {
            let name = self.writing.clone()?;
            // One that was made since has no part in it.
            if let Some(records) = self.trees.get_mut(&name)?.next_run(bytes_max) {
                let mut chunk = Vec::with_capacity(records.len() + name.len() + 1);
                put_str(&mut chunk, &name);
                chunk.extend_from_slice(&records);
                return Some(chunk);
            }
            let behind = (std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded);
            self.writing = self.trees.range(behind).next().map(|(name, _)| name.clone());
        }
    }

    fn snapshot_cancel(&mut self) {
        self.trees.values_mut().for_each(Tree::snapshot_cancel);
        self.writing = None;
    }

    fn digest(&self) -> u64 {
        self.iter().fold(0, |hash, (name, tree)| {
            digest::mix(digest::bytes(hash, name.as_bytes()), tree.digest())
        })
    }
}

/// Trees being read back.
#[derive(Debug, Default)]
pub struct NamedRestorer {
    trees: BTreeMap<Box<str>, Restorer>,
}

impl Restore for NamedRestorer {
    type Machine = NamedTrees;

    fn chunk(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let name = take_str(&mut bytes).filter(|name| is_namespace(name));
        let name = name.ok_or_else(|| "a tree without a name".to_owned())?;
        if !self.trees.contains_key(name) && self.trees.len() >= MERGED_TREES_MAX {
            return Err("more trees than a partition has".to_owned());
        }
        self.trees.entry(name.into()).or_default().chunk(bytes)
    }

    fn finish(self) -> Result<NamedTrees, String> {
        let finish = |(name, restorer): (Box<str>, Restorer)| Ok((name, restorer.finish()?));
        let trees = self.trees.into_iter().map(finish).collect::<Result<_, String>>()?;
        Ok(NamedTrees { trees, writing: None })
    }
}
