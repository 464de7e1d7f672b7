//! What one connection watches.

use crate::watchers::{above, upwards};
use std::collections::BTreeSet;
use synod_tree::events::Kind;

/// The most paths that one connection watches.
pub(crate) const WATCHES_MAX: usize = 1 << 20;

/// Which watches of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Child,
    Data,
    Any,
}

/// Watches are told once and then gone, but for those that stay. One of a znode that is not there is a data watch.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    data: BTreeSet<Box<str>>,
    child: BTreeSet<Box<str>>,
    /// They stay, and are told of data and children.
    persistent: BTreeSet<Box<str>>,
    /// They stay, and are told of the znode and everything below, each for itself and not as children.
    recursive: BTreeSet<Box<str>>,
}

impl Watches {
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn len(&self) -> usize {
        self.data.len() + self.child.len() + self.persistent.len() + self.recursive.len()
    }

    /// Whether the path is watched in any way but recursively.
    pub fn has(&self, path: &str) -> bool {
        self.data.contains(path) || self.child.contains(path) || self.persistent.contains(path)
    }

    /// All paths but the recursive ones; one that is watched in two ways comes twice.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.data.iter().chain(&self.child).chain(&self.persistent).map(|path| &**path)
    }

    /// The paths that are watched with everything below.
    pub fn recursive(&self) -> impl Iterator<Item = &str> {
        self.recursive.iter().map(|path| &**path)
    }

    /// Whether a watch that stays tells of this very znode.
    fn stays(&self, path: &str) -> bool {
        self.persistent.contains(path)
            || (!self.recursive.is_empty() && upwards(path).any(|at| self.recursive.contains(at)))
    }

    /// A watch that stays; whether there was none of the kind.
    pub fn add_standing(&mut self, path: &str, recursive: bool) -> bool {
        let paths = if recursive { &mut self.recursive } else { &mut self.persistent };
        paths.insert(path.into())
    }

    pub fn add(&mut self, path: &str, child: bool) {
        let paths = if child { &mut self.child } else { &mut self.data };
        paths.insert(path.into());
    }

    /// Whether there is one, and takes it away if it is to go.
    pub fn remove(&mut self, path: &str, which: Which, check_only: bool) -> bool {
        let one = |paths: &mut BTreeSet<Box<str>>| match check_only {
            true => paths.contains(path),
            false => paths.remove(path),
        };
        let data = which != Which::Child && one(&mut self.data);
        let child = which != Which::Data && one(&mut self.child);
        let standing =
            which == Which::Any && (one(&mut self.persistent) | one(&mut self.recursive));
        data || child || standing
    }

    /// What a change of a znode tells this connection: events in the order in which ZooKeeper sends them.
    pub fn fire(&mut self, kind: Kind, path: &str, tell: &mut dyn FnMut(Kind, &str)) {
        let data = self.data.remove(path) | self.stays(path);
        if data {
            tell(kind, path);
        }
        if kind == Kind::Deleted && self.child.remove(path) && !data {
            tell(kind, path);
        }
        if kind != Kind::DataChanged
            && let Some(above) = above(path)
            && self.child.remove(above) | self.persistent.contains(above)
        {
            tell(Kind::ChildrenChanged, above);
        }
    }

    /// As [`Self::fire`], for one path that was registered at a zxid before the event.
    pub fn would_fire(kind: Kind, at: &str, path: &str, child: bool) -> Option<Kind> {
        let mut alone = Self::default();
        alone.add(path, child);
        let mut told = None;
        alone.fire(kind, at, &mut |kind, _| told = Some(kind));
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watches_that_stay_are_told_every_time_and_each_change_once() {
        let mut watches = Watches::default();
        assert!(watches.add_standing("/a", false) && watches.add_standing("/a", true));
        assert!(watches.add_standing("/r", true) && !watches.add_standing("/r", true));
        watches.add("/r/x", false);
        let mut all = Vec::new();
        let mut told = |watches: &mut Watches, kind, path: &str| {
            all.clear();
            watches.fire(kind, path, &mut |kind, path| all.push(format!("{kind:?} {path}")));
            all.join(", ")
        };
        for _ in 0..2 {
            let created = told(&mut watches, Kind::Created, "/a/b");
            assert_eq!(created, "Created /a/b, ChildrenChanged /a");
            assert_eq!(told(&mut watches, Kind::DataChanged, "/a"), "DataChanged /a");
            assert_eq!(told(&mut watches, Kind::DataChanged, "/r/x"), "DataChanged /r/x");
            assert_eq!(told(&mut watches, Kind::Deleted, "/r/x/y/z"), "Deleted /r/x/y/z");
            assert_eq!(told(&mut watches, Kind::Created, "/rx"), "");
        }
        assert!(watches.remove("/a", Which::Any, true));
        assert!(!watches.remove("/a", Which::Data, false), "those that stay go as any");
        assert!(watches.remove("/a", Which::Any, false) && watches.remove("/r", Which::Any, false));
        assert!(watches.is_empty());
    }

    #[test]
    fn each_change_tells_the_watches_that_zookeeper_tells_and_each_once() {
        type Told<'a> = &'a [(Kind, &'a str)];
        let cases: [(Kind, &str, Told<'_>); 4] = [
            (Kind::DataChanged, "/a/b", &[(Kind::DataChanged, "/a/b")]),
            (Kind::Created, "/a/b", &[(Kind::Created, "/a/b"), (Kind::ChildrenChanged, "/a")]),
            (Kind::Deleted, "/a/b", &[(Kind::Deleted, "/a/b"), (Kind::ChildrenChanged, "/a")]),
            (Kind::Created, "/x", &[(Kind::ChildrenChanged, "/")]),
        ];
        for (kind, path, expected) in cases {
            let mut watches = Watches::default();
            for (path, child) in [("/a/b", false), ("/a/b", true), ("/a", true), ("/", true)] {
                watches.add(path, child);
            }
            let mut told = Vec::new();
            watches.fire(kind, path, &mut |kind, path| told.push((kind, path.to_owned())));
            let expected: Vec<_> = expected.iter().map(|(k, p)| (*k, (*p).to_owned())).collect();
            assert_eq!(told, expected, "{kind:?} {path}");
            told.clear();
            watches.fire(kind, path, &mut |kind, path| told.push((kind, path.to_owned())));
            assert_eq!(told, [], "once");
        }
    }
}
