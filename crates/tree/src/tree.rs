//! The tree's state, and the few ways in which it changes.

use crate::acl::Acl;
use crate::call::Fading;
use crate::events::{Events, What};
use crate::nodes::{Nodes, PLACED_BYTES};
use crate::path;
use crate::queue::Queues;
use crate::quota;
use crate::session::Session;
use crate::snapshot::Run;
use crate::stat::Stat;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use synod_types::Millis;

/// A znode. `stat.data_length` and `stat.num_children` are not kept up; `stat.cversion` counts creations only, as
/// ZooKeeper stores it, which is what numbers sequential names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Znode {
    /// `None` is not the same as empty: clients are told which.
    pub data: Option<Box<[u8]>>,
    pub acl: Arc<[Acl]>,
    pub stat: Stat,
    pub children: BTreeSet<Box<str>>,
}

/// What a znode takes beside its name and its data, in bytes: itself, its place among the znodes and its name among
/// its parent's children.
const ZNODE_BYTES: usize = PLACED_BYTES + 2 * size_of::<Box<str>>();

impl Znode {
    /// Whether it goes with its session.
    pub fn is_ephemeral(&self) -> bool {
        self.stat.ephemeral_owner > 0
    }

    /// Whether it goes by itself one day.
    pub fn is_fading(&self) -> bool {
        self.stat.ephemeral_owner < 0
    }

    /// Whether it goes now (`ContainerManager`): a container that has had children, or a znode whose time to live is over.
    pub fn has_faded(&self, now: Millis) -> bool {
        self.children.is_empty()
            && match Fading::of_owner(self.stat.ephemeral_owner) {
                Fading::No => false,
                Fading::Childless => self.stat.cversion > 0,
                Fading::After(ms) => now.0.saturating_sub(self.stat.mtime.unsigned_abs()) > ms,
            }
    }

    /// A copy without the children, which follow from the paths: there may be very many.
    fn bare(&self) -> Self {
        let (data, acl) = (self.data.clone(), Arc::clone(&self.acl));
        Self { data, acl, stat: self.stat, children: BTreeSet::new() }
    }

    fn bytes(&self, path: &str) -> usize {
        ZNODE_BYTES + 2 * path.len() + self.data.as_ref().map_or(0, |data| data.len())
    }

    /// The stat as clients see it: every creation and deletion of a child counts as a change of the children.
    pub fn stat(&self) -> Stat {
        let children = self.children.len() as i32;
        Stat {
            data_length: self.data.as_ref().map_or(0, |data| data.len() as i32),
            num_children: children,
            cversion: self.stat.cversion.wrapping_mul(2).wrapping_sub(children),
            ..self.stat
        }
    }
}

/// A namespace: its znodes, its sessions and its newest changes.
///
/// Invariants: every path but the root lies under a znode that names it among its children; an ephemeral's session is
/// among `sessions` and names its path; the zxid of everything in it is at most `zxid`.
#[derive(Debug)]
pub struct Tree {
    pub(crate) nodes: Nodes,
    pub(crate) sessions: BTreeMap<i64, Session>,
    pub(crate) events: Events,
    /// The newest change; 0 before the first.
    pub(crate) zxid: i64,
    /// What the change under way will tell.
    pub(crate) told: Vec<What>,
    /// The znodes that the change under way has touched, as they were but for their children, so that it can be taken back.
    pub(crate) undo: Option<BTreeMap<Box<str>, Option<Znode>>>,
    pub(crate) run: Option<Run>,
    /// The containers and the znodes with a time to live.
    pub(crate) fading: BTreeSet<Box<str>>,
    /// The paths that have a quota.
    pub(crate) quotas: BTreeSet<Box<str>>,
    /// Those who stand in line for locks; follows from the znodes.
    pub(crate) queues: Queues,
    /// About what the znodes take, in bytes.
    pub(crate) bytes: usize,
    pub(crate) open_acl: Arc<[Acl]>,
}

impl Default for Tree {
    fn default() -> Self {
        let open_acl: Arc<[Acl]> = Acl::open().into();
        let mut tree = Self {
            nodes: Nodes::default(),
            sessions: BTreeMap::new(),
            events: Events::default(),
            zxid: 0,
            told: Vec::new(),
            undo: None,
            run: None,
            fading: BTreeSet::new(),
            quotas: BTreeSet::new(),
            queues: Queues::default(),
            bytes: 0,
            open_acl,
        };
        for (path, children) in [
            ("/", &["zookeeper"][..]),
            ("/zookeeper", &["config", "quota"]),
            ("/zookeeper/config", &[]),
            ("/zookeeper/quota", &[]),
        ] {
            let acl = match path {
                "/zookeeper/config" => Acl::readable().into(),
                _ => Arc::clone(&tree.open_acl),
            };
            let children = children.iter().map(|name| Box::from(*name)).collect();
            let node = Znode { data: Some(Box::default()), acl, stat: Stat::default(), children };
            tree.put(path.into(), Some(node));
        }
        tree
    }
}

impl Tree {
    /// The newest change.
    #[must_use]
    pub const fn zxid(&self) -> i64 {
        self.zxid
    }

    /// The sessions, by id.
    pub fn sessions(&self) -> impl Iterator<Item = (i64, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }

    /// Whether there is this session.
    #[must_use]
    pub fn has_session(&self, id: i64) -> bool {
        self.sessions.contains_key(&id)
    }

    /// How many znodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none; the root is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Every znode: path, data and stat, each before those below it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8], Stat)> {
        let walk = self.nodes.walk();
        walk.map(|(path, node)| (path, node.data.as_deref().unwrap_or_default(), node.stat()))
    }

    /// About what the znodes take, in bytes.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.bytes
    }

    /// Znodes that have faded by now, at most so many.
    #[must_use]
    pub fn faded(&self, now: Millis, count_max: usize) -> Vec<&str> {
        let has_faded = |path: &&str| self.nodes.get(path).is_some_and(|node| node.has_faded(now));
        self.fading.iter().map(|path| &**path).filter(has_faded).take(count_max).collect()
    }

    /// Everything that happened since a change; `None` when some of it is forgotten.
    pub fn events_since(&self, zxid: i64) -> Option<impl Iterator<Item = &crate::events::Event>> {
        self.events.since(zxid)
    }

    /// The znode, to be changed. A snapshot that has not come to it, and a change that may be taken back, keep it as it was.
    pub(crate) fn change(&mut self, path: &str) -> Option<&mut Znode> {
        self.keep(path);
        self.nodes.get_mut(path)
    }

    /// Puts a new znode in.
    pub(crate) fn insert(&mut self, path: &str, node: Znode) {
        self.keep(path);
        self.put(path.into(), Some(node));
    }

    /// Takes a znode out.
    pub(crate) fn remove(&mut self, path: &str) -> Option<Znode> {
        self.keep(path);
        self.put(path.into(), None)
    }

    /// What is at a path from now on; what was there.
    pub(crate) fn put(&mut self, path: Box<str>, node: Option<Znode>) -> Option<Znode> {
        self.bytes += node.as_ref().map_or(0, |node| node.bytes(&path));
        if node.as_ref().is_some_and(Znode::is_fading) {
            self.fading.insert(path.clone());
        } else {
            self.fading.remove(&path);
        }
        if let Some(of) = quota::limited(&path) {
            match node {
                Some(_) => _ = self.quotas.insert(of.into()),
                None => _ = self.quotas.remove(of),
            }
        }
        self.queues.put(&path, node.as_ref().map(|node| node.stat.czxid));
        let before = match node {
            Some(node) => self.nodes.insert(path.clone(), node),
            None => self.nodes.remove(&path),
        };
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes(&path));
        before
    }

    /// Data of so many bytes takes the place of other data.
    pub(crate) fn weigh_data(&mut self, before: usize, after: usize) {
        self.bytes = (self.bytes + after).saturating_sub(before);
    }

    fn keep(&mut self, path: &str) {
        if let Some(run) = self.run.as_mut().filter(|run| run.wants(path)) {
            run.keep(path, self.nodes.get(path).map(Znode::bare));
        }
        if let Some(undo) = &mut self.undo
            && !undo.contains_key(path)
        {
            undo.insert(path.into(), self.nodes.get(path).map(Znode::bare));
        }
    }

    /// Puts everything back that changed since `undo` was begun: what lies above before what lies below.
    pub(crate) fn take_back(&mut self) {
        self.told.clear();
        for (path, before) in self.undo.take().unwrap_or_default() {
            let there = self.nodes.get(&path).map(|node| node.stat.ephemeral_owner);
            if let Some(session) = there.and_then(|owner| self.sessions.get_mut(&owner)) {
                session.ephemerals.remove(&path);
            }
            let owner = before.as_ref().map(|node| node.stat.ephemeral_owner);
            if let Some(session) = owner.and_then(|owner| self.sessions.get_mut(&owner)) {
                session.ephemerals.insert(path.clone());
            }
            let (was, is) = (before.is_some(), there.is_some());
            let children = self.nodes.get_mut(&path).map(|node| std::mem::take(&mut node.children));
            let before =
                before.map(|node| Znode { children: children.unwrap_or_default(), ..node });
            self.put(path.clone(), before);
            if was != is
                && let Some((above, name)) = path::split(&path)
                && let Some(parent) = self.nodes.get_mut(above)
            {
                match was {
                    true => parent.children.insert(name.into()),
                    false => parent.children.remove(name),
                };
            }
        }
    }

    /// A change is done: what it tells gets its zxid.
    pub(crate) fn commit(&mut self) {
        self.zxid += 1;
        for what in self.told.drain(..) {
            self.events.push(self.zxid, what);
        }
    }
}
