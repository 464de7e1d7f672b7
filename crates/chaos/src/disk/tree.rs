//! Names, and the files behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::Fault;
use super::file::File;
use crate::dice::Dice;

/// The number of the root directory.
pub const ROOT: u64 = 1;

/// A file or directory, by the number that the kernel knows it by.
#[derive(Clone, Debug)]
pub enum Node {
    /// A file.
    File(File),
    /// A directory.
    Directory(Directory),
}

/// Names in one directory.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    now: BTreeMap<OsString, u64>,
    safe: BTreeMap<OsString, u64>,
}

/// A file system. Clones share the sectors that they have in common.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Every fsync makes all names safe, as the journal of ext4 does; else only that of their directory.
    journal: bool,
    /// There is no space for more.
    full: bool,
    /// Writes that found no space.
    refused: u64,
}

impl Tree {
    /// An empty file system.
    pub fn new(journal: bool) -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Directory(Directory::default()))]);
        Self { nodes, next: ROOT + 1, journal, full: false, refused: 0 }
    }

    /// What has this number.
    pub fn node(&self, number: u64) -> Result<&Node, Fault> {
        self.nodes.get(&number).ok_or(Fault::Missing)
    }

    /// The file of this number.
    pub fn file(&mut self, number: u64) -> Result<&mut File, Fault> {
        match self.nodes.get_mut(&number).ok_or(Fault::Missing)? {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(Fault::IsDirectory),
        }
    }

    /// Writes into a file, if there is space.
    pub fn write(&mut self, number: u64, offset: u64, data: &[u8]) -> Result<(), Fault> {
        self.file_with_space(number, offset, data.len())?.write(offset, data);
        Ok(())
    }

    /// Gives a file space for `len` bytes from `offset`, if there is any.
    pub fn reserve(&mut self, number: u64, offset: u64, len: usize) -> Result<(), Fault> {
        self.file_with_space(number, offset, len)?.reserve(offset.saturating_add(len as u64));
        Ok(())
    }

    fn file_with_space(
        &mut self,
        number: u64,
        offset: u64,
        len: usize,
    ) -> Result<&mut File, Fault> {
        if self.full && self.file(number)?.needs_space(offset, len) {
            self.refused += 1;
            return Err(Fault::NoSpace);
        }
        self.file(number)
    }

    /// Whether there is no space for more.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// How many writes found no space.
    pub fn refused_writes(&self) -> u64 {
        self.refused
    }

    fn directory(&mut self, number: u64) -> Result<&mut Directory, Fault> {
        match self.nodes.get_mut(&number).ok_or(Fault::Missing)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(Fault::NotDirectory),
        }
    }

    /// The number behind a name.
    pub fn lookup(&mut self, parent: u64, name: &OsStr) -> Result<u64, Fault> {
        self.directory(parent)?.now.get(name).copied().ok_or(Fault::Missing)
    }

    /// All names of a directory, with their numbers.
    pub fn list(&mut self, number: u64) -> Result<Vec<(OsString, u64)>, Fault> {
        Ok(self.directory(number)?.now.iter().map(|(name, n)| (name.clone(), *n)).collect())
    }

    /// Makes a file or directory; returns its number.
    pub fn create(&mut self, parent: u64, name: &OsStr, node: Node) -> Result<u64, Fault> {
        let number = self.next;
        let names = &mut self.directory(parent)?.now;
        if names.contains_key(name) {
            return Err(Fault::Exists);
        }
        names.insert(name.to_owned(), number);
        self.nodes.insert(number, node);
        self.next += 1;
        Ok(number)
    }

    /// Takes a name away; what it named stays as long as a power cut could bring the name back, or a
    /// process has it open.
    pub fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), Fault> {
        let number = self.lookup(parent, name)?;
        if let Node::Directory(directory) = self.node(number)?
            && !directory.now.is_empty()
        {
            return Err(Fault::NotEmpty);
        }
        self.directory(parent)?.now.remove(name);
        Ok(())
    }

    /// Gives a name to what has another one, in place of what had it before.
    pub fn rename(
        &mut self,
        parent: u64,
        name: &OsStr,
        new_parent: u64,
        new_name: &OsStr,
    ) -> Result<(), Fault> {
        let number = self.lookup(parent, name)?;
        match self.lookup(new_parent, new_name) {
            Ok(there) if there != number => self.remove(new_parent, new_name)?,
            Ok(_) | Err(Fault::Missing) => {}
            Err(fault) => return Err(fault),
        }
        self.directory(parent)?.now.remove(name);
        self.directory(new_parent)?.now.insert(new_name.to_owned(), number);
        Ok(())
    }

    /// Makes a file or the names of a directory safe.
    pub fn sync(&mut self, number: u64) -> Result<(), Fault> {
        match self.nodes.get_mut(&number).ok_or(Fault::Missing)? {
            Node::File(file) => file.sync(),
            Node::Directory(directory) => directory.safe = directory.now.clone(),
        }
        if self.journal {
            self.sync_names();
        }
        Ok(())
    }

    fn sync_names(&mut self) {
        for node in self.nodes.values_mut() {
            if let Node::Directory(directory) = node {
                directory.safe = directory.now.clone();
            }
        }
    }

    /// The power goes and comes back; nobody has anything open. Without `dice` all that was not safe is
    /// gone, with it some of it is.
    pub fn cut(&mut self, mut dice: Option<&mut Dice>) {
        if dice.as_mut().is_some_and(|dice| dice.chance(50)) {
            self.sync_names();
        }
        for node in self.nodes.values_mut() {
            match node {
                Node::File(file) => file.cut(dice.as_deref_mut()),
                Node::Directory(directory) => directory.now = directory.safe.clone(),
            }
        }
        let reachable = self.reachable();
        self.nodes.retain(|number, _| reachable.contains(number));
    }

    fn reachable(&self) -> BTreeSet<u64> {
        let mut reachable = BTreeSet::new();
        let mut left = vec![ROOT];
        while let Some(number) = left.pop() {
            if reachable.insert(number)
                && let Some(Node::Directory(directory)) = self.nodes.get(&number)
            {
                left.extend(directory.now.values());
            }
        }
        reachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Node {
        Node::File(File::default())
    }

    fn names(tree: &mut Tree) -> Vec<String> {
        tree.list(ROOT).unwrap().into_iter().map(|(name, _)| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_name_is_safe_after_its_directory_was_synced() {
        let mut tree = Tree::new(false);
        let a = tree.create(ROOT, "a".as_ref(), file()).unwrap();
        tree.file(a).unwrap().write(0, b"text");
        tree.sync(a).unwrap();
        tree.cut(None);
        assert_eq!(names(&mut tree), [""; 0], "the file was synced, its name was not");

        let a = tree.create(ROOT, "a".as_ref(), file()).unwrap();
        tree.file(a).unwrap().write(0, b"text");
        tree.sync(a).unwrap();
        tree.sync(ROOT).unwrap();
        tree.rename(ROOT, "a".as_ref(), ROOT, "b".as_ref()).unwrap();
        assert_eq!(names(&mut tree), ["b"]);
        tree.cut(None);
        assert_eq!(names(&mut tree), ["a"]);
        assert_eq!(tree.file(a).unwrap().read(0, 9), b"text");

        tree.remove(ROOT, "a".as_ref()).unwrap();
        assert_eq!(tree.lookup(ROOT, "a".as_ref()), Err(Fault::Missing));
        tree.sync(ROOT).unwrap();
        tree.cut(None);
        assert_eq!(names(&mut tree), [""; 0]);
        assert_eq!(tree.file(a).map(|_| ()), Err(Fault::Missing));
    }

    #[test]
    fn a_rename_replaces_and_a_cut_takes_it_back() {
        let mut tree = Tree::new(false);
        let old = tree.create(ROOT, "state".as_ref(), file()).unwrap();
        tree.sync(ROOT).unwrap();
        let new = tree.create(ROOT, "state.new".as_ref(), file()).unwrap();
        tree.rename(ROOT, "state.new".as_ref(), ROOT, "state".as_ref()).unwrap();
        assert_eq!(tree.lookup(ROOT, "state".as_ref()), Ok(new));
        tree.cut(None);
        assert_eq!(tree.lookup(ROOT, "state".as_ref()), Ok(old));
        assert_eq!(names(&mut tree), ["state"]);
    }

    #[test]
    fn a_journal_makes_all_names_safe() {
        let mut tree = Tree::new(true);
        let directory = Node::Directory(Directory::default());
        let directory = tree.create(ROOT, "d".as_ref(), directory).unwrap();
        let a = tree.create(directory, "a".as_ref(), file()).unwrap();
        tree.create(directory, "b".as_ref(), file()).unwrap();
        tree.sync(a).unwrap();
        tree.cut(None);
        assert_eq!(tree.list(directory).unwrap().len(), 2);
    }

    #[test]
    fn faults_are_told() {
        let mut tree = Tree::new(false);
        let d = tree.create(ROOT, "d".as_ref(), Node::Directory(Directory::default())).unwrap();
        let a = tree.create(d, "a".as_ref(), file()).unwrap();
        assert_eq!(tree.create(d, "a".as_ref(), file()), Err(Fault::Exists));
        assert_eq!(tree.remove(ROOT, "d".as_ref()), Err(Fault::NotEmpty));
        assert_eq!(tree.lookup(a, "x".as_ref()), Err(Fault::NotDirectory));
        assert_eq!(tree.file(d).map(|_| ()), Err(Fault::IsDirectory));
        assert_eq!(tree.sync(99), Err(Fault::Missing));
    }
}
