//! Which keys have changed, and which scripts have read, for clients that keep copies of what they read.
//!
//! Every change of a key passes one of the few primitives that give it a new version, and these note it here, whatever
//! command, script, transaction or passing of time caused it. What a script reads is known only when it runs. No part of
//! the state: a replica notes what somebody wants to hear of, and its leader tells.

use super::Keyspace;
use crate::{Args, Command};
use std::cell::RefCell;
use synod_types::limits;

/// What is noted of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It has changed.
    Changed,
    /// A script has read it.
    Read,
}

/// What became of keys since this was asked last.
#[derive(Debug, Default)]
pub struct ChangedKeys {
    /// Every key may have changed.
    pub all: bool,
    /// In order; what one operation noted of a key several times in a row is there once.
    pub keys: Vec<(Vec<u8>, Noted)>,
    bytes: usize,
    /// Where those of the running operation begin.
    from: usize,
}

impl ChangedKeys {
    fn add(&mut self, key: &[u8], noted: Noted) {
        let own = self.keys.get(self.from..).unwrap_or_default();
        if self.all || own.last().is_some_and(|(last, was)| last == key && *was == noted) {
            return;
        }
        self.bytes += key.len();
        self.keys.push((key.to_vec(), noted));
        if self.keys.len() > limits::CHANGED_KEYS_MAX || self.bytes > limits::CHANGED_BYTES_MAX {
            *self = Self { all: true, ..Self::default() };
        }
    }
}

/// Where that is noted. A reading script adds to it, hence the cell.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    wanted: bool,
    keys: RefCell<ChangedKeys>,
}

impl Changed {
    /// A key has changed.
    #[inline]
    pub fn note(&self, key: &[u8]) {
        if self.wanted {
            self.keys.borrow_mut().add(key, Noted::Changed);
        }
    }

    /// Every key may have changed.
    pub fn note_all(&self) {
        if self.wanted {
            *self.keys.borrow_mut() = ChangedKeys { all: true, ..ChangedKeys::default() };
        }
    }
}

impl Keyspace {
    /// Whether anything is noted.
    #[inline]
    pub fn want_changes(&mut self, wanted: bool) {
        if self.changed.wanted != wanted {
            self.changed = Changed { wanted, ..Changed::default() };
        }
    }

    /// A script is about to run a reading command.
    pub fn note_reads(&self, command: &Command, args: &Args<'_>) {
        if self.changed.wanted {
            let mut keys = self.changed.keys.borrow_mut();
            command.key_positions(args).for_each(|at| keys.add(args[at], Noted::Read));
        }
    }

    /// An operation was done: how much was noted and not taken by now. The next one notes its own.
    pub fn end_of_changes(&self) -> usize {
        let mut keys = self.changed.keys.borrow_mut();
        keys.from = keys.keys.len();
        keys.from
    }

    /// Whether something was noted and not taken.
    #[inline]
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.changed.wanted && {
            let keys = self.changed.keys.borrow();
            keys.all || !keys.keys.is_empty()
        }
    }

    /// What was noted since this was asked last.
    #[inline]
    pub fn take_changes(&mut self) -> ChangedKeys {
        self.changed.keys.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, lookup};
    use synod_types::{Millis, Slot};

    fn run(keyspace: &mut Keyspace, line: &str, now: u64) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let ctx = Context { now: Millis(now), seed: 1 };
        let command = lookup(words[0]).expect(line);
        keyspace.execute_write(command, &words, &ctx, &mut ());
    }

    /// Whatever a WATCH would see is noted, and no more than that.
    #[test]
    fn every_new_version_is_noted() {
        let lines = [
            "SET a 1",
            "SET a 2",
            "SET a 222",
            "GET a",
            "INCR b",
            "APPEND a x",
            "EXPIRE a 100",
            "PERSIST a",
            "RENAME a b",
            "COPY b c",
            "MSET a 1 b 2 c 3",
            "DEL a nosuch",
            "RPUSH l 1 2",
            "LPOP l",
            "LMOVE l m LEFT LEFT",
            "SADD s 1",
            "SADD s 1",
            "SMOVE s t 1",
            "HSET h f v",
            "HDEL h nosuch",
            "HDEL h f",
            "ZADD z 1 m",
            "ZADD z 1 m",
            "XADD x 1-1 f v",
            "XTRIM x MAXLEN 0",
            "SETBIT bits 3 1",
            "PFADD hll a",
            "SET e v PX 5",
            "GET e",
            "SETRANGE e 0 zz",
            "GETDEL c",
        ]; // every so often a key's time passes
        let names =
            ["a", "b", "c", "e", "l", "m", "s", "t", "h", "z", "x", "bits", "hll", "nosuch"];
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(16383));
        keyspace.want_changes(true);
        for (at, line) in lines.iter().enumerate() {
            let now = at as u64 * 4;
            let versions = |k: &Keyspace| names.map(|n| k.version(n.as_bytes(), Millis(now)));
            let before = versions(&keyspace);
            run(&mut keyspace, line, now);
            keyspace.end_of_changes();
            let after = versions(&keyspace);
            let told = keyspace.take_changes();
            for (nth, name) in names.iter().enumerate() {
                let there = before[nth] & 1 == 0 || after[nth] & 1 == 0;
                let changed = there && before[nth] != after[nth];
                let noted = told.keys.iter().any(|(key, _)| key == name.as_bytes());
                // A key whose time has passed is noted when it goes, its version was another one before.
                assert!(noted || !changed, "{line}: {name}");
                assert!(!noted || changed || *name == "e", "{line}: {name} is noted in vain");
            }
        }
        run(&mut keyspace, "SET a 1", 1000);
        keyspace.clear(Millis(1000));
        let told = keyspace.take_changes();
        assert!(told.all && told.keys.is_empty());
        keyspace.want_changes(false);
        run(&mut keyspace, "SET a 1", 1000);
        assert!(!keyspace.has_changes());
    }

    #[test]
    fn too_many_changes_are_all_changes() {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(16383));
        keyspace.want_changes(true);
        for n in 0..=limits::CHANGED_KEYS_MAX {
            keyspace.changed.note(n.to_string().as_bytes());
        }
        let told = keyspace.take_changes();
        assert!(told.all && told.keys.is_empty());
        keyspace.changed.note(&vec![0; limits::CHANGED_BYTES_MAX + 1]);
        assert!(keyspace.take_changes().all);
    }
}
