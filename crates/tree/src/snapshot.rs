//! Snapshots of a tree: znode by znode, each before those below it, while changes go on.
//!
//! ```text
//! header  01 format:u8 zxid sessions:(id, session)* events
//! znode   02 path data stat acl:entry*          children follow from the paths
//! null    04 path stat acl:entry*               one without data
//! end     03 znodes:varint
//! ```
//! The header is made when the snapshot begins. A change to a znode that was not written out yet keeps it as it was.

use crate::acl::Acl;
use crate::codec::{put_list, put_str, take_byte, take_list, take_str};
use crate::events::Events;
use crate::nodes::{Nodes, Step, Walk};
use crate::path;
use crate::session::{Session, put_id, take_id};
use crate::stat::Stat;
use crate::tree::{Tree, Znode};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::sync::Arc;
use synod_machine::Restore;
use synod_types::varint;

const FORMAT: u8 = 1;
const HEADER: u8 = 1;
const ZNODE: u8 = 2;
const END: u8 = 3;
const NULL_ZNODE: u8 = 4;

/// A snapshot under way.
#[derive(Debug)]
pub(crate) struct Run {
    /// Made at the beginning and not handed out yet.
    header: Option<Vec<u8>>,
    /// The last znode written out; `None` before the first.
    cursor: Option<Step>,
    /// Znodes behind the cursor that have changed since: how they were; `None`: there was none.
    kept: BTreeMap<Step, Option<Znode>>,
    written: u64,
    ended: bool,
}

impl Run {
    /// Whether a znode about to change has to be kept.
    pub fn wants(&self, path: &str) -> bool {
        let step = Step(path.into());
        !self.ended
            && self.cursor.as_ref().is_none_or(|cursor| step > *cursor)
            && !self.kept.contains_key(&step)
    }

    pub fn keep(&mut self, path: &str, before: Option<Znode>) {
        self.kept.insert(Step(path.into()), before);
    }
}

impl Tree {
    pub(crate) fn begin_run(&mut self) {
        let mut header = vec![HEADER, FORMAT];
        put_id(&mut header, self.zxid);
        varint::put(&mut header, self.sessions.len() as u64);
        for (id, session) in &self.sessions {
            put_id(&mut header, *id);
            session.encode(&mut header);
        }
        self.events.encode(&mut header);
        self.run = Some(Run {
            header: Some(header),
            cursor: None,
            kept: BTreeMap::new(),
            written: 0,
            ended: false,
        });
    }

    /// The next records, about so many bytes; `None` when the snapshot is complete.
    pub(crate) fn next_run(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        let run = self.run.as_mut()?;
        if let Some(header) = run.header.take() {
            return Some(header);
        }
        if run.ended {
            self.run = None;
            return None;
        }
        let mut out = Vec::new();
        let cursor = run.cursor.clone();
        let walk = cursor.as_ref().map_or_else(|| self.nodes.walk(), |at| self.nodes.behind(&at.0));
        let mut walk = walk.peekable();
        while out.len() < bytes_max && !run.ended {
            run.step(&mut walk, &mut out);
        }
        Some(out)
    }
}

impl Run {
    /// Writes the next znode out, as it was when the snapshot began, or the end.
    fn step(&mut self, walk: &mut Peekable<Walk<'_>>, out: &mut Vec<u8>) {
        let living = walk.peek().map(|(path, _)| Step((*path).into()));
        let kept = self.kept.first_key_value().map(|(step, _)| step.clone());
        let Some(step) = living.iter().chain(&kept).min().cloned() else {
            out.push(END);
            varint::put(out, self.written);
            self.ended = true;
            return;
        };
        let living = walk.next_if(|(path, _)| **path == *step.0).map(|(_, node)| node);
        let before = self.kept.remove(&step);
        let node = match &before {
            Some(before) => before.as_ref(),
            None => living,
        };
        if let Some(node) = node {
            put_znode(out, &step.0, node);
            self.written += 1;
        }
        self.cursor = Some(step);
    }
}

fn put_znode(out: &mut Vec<u8>, path: &str, node: &Znode) {
    out.push(if node.data.is_some() { ZNODE } else { NULL_ZNODE });
    put_str(out, path);
    if let Some(data) = &node.data {
        varint::put_bytes(out, data);
    }
    node.stat.encode(out);
    put_list(out, &node.acl, |out, entry| entry.encode(out));
}

/// A tree being read back. Its chunks may be cut anywhere between records.
#[derive(Debug, Default)]
pub struct Restorer {
    tree: Option<Tree>,
    count: u64,
    ended: bool,
}

impl Restorer {
    fn record(&mut self, bytes: &mut &[u8]) -> Option<()> {
        match (take_byte(bytes)?, &mut self.tree) {
            (HEADER, None) => {
                if take_byte(bytes)? != FORMAT {
                    return None;
                }
                let zxid = take_id(bytes)?;
                let sessions =
                    take_list(bytes, |bytes| Some((take_id(bytes)?, Session::take(bytes)?)))?;
                let events = Events::take(bytes)?;
                let sessions = sessions.into_iter().collect();
                let nodes = Nodes::default();
                let fresh = Tree { bytes: 0, ..Tree::default() };
                self.tree = Some(Tree { zxid, sessions, events, nodes, ..fresh });
            }
            (tag @ (ZNODE | NULL_ZNODE), Some(tree)) if !self.ended => {
                let path = take_str(bytes)?;
                path::check(path).ok()?;
                let data = match tag {
                    ZNODE => Some(varint::take_bytes(bytes)?.into()),
                    _ => None,
                };
                let stat = Stat::take(bytes)?;
                let acl = Acl::take_all(bytes)?;
                let acl = match *acl == *tree.open_acl {
                    true => Arc::clone(&tree.open_acl),
                    false => Arc::from(acl),
                };
                // A parent's path is a prefix of its children's, so it came before them.
                match path::split(path) {
                    Some((above, name)) => {
                        tree.nodes.get_mut(above)?.children.insert(name.into());
                    }
                    None if path == "/" => {}
                    None => return None,
                }
                let node = Znode { data, acl, stat, children: BTreeSet::new() };
                if tree.put(path.into(), Some(node)).is_some() {
                    return None;
                }
                self.count += 1;
            }
            (END, Some(_)) if !self.ended => {
                self.ended = varint::take(bytes)? == self.count;
                return self.ended.then_some(());
            }
            _ => return None,
        }
        Some(())
    }
}

impl Restore for Restorer {
    type Machine = Tree;

    fn chunk(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            self.record(&mut bytes).ok_or_else(|| "not a snapshot of a tree".to_owned())?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Tree, String> {
        match self.tree {
            Some(tree) if self.ended && tree.nodes.contains_key("/") => Ok(tree),
            _ => Err("the end of the tree is missing".to_owned()),
        }
    }
}
