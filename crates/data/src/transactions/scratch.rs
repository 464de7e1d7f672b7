//! A keyspace of all slots on which the commands of a transaction run, made of the values that its partitions sent.
//!
//! The commands are the same as everywhere. What is there begins with version 0; so what has another version afterwards,
//! or is gone, is what the transaction writes.

use crate::authority::Rights;
use crate::events::{Classes, Event};
use crate::keyspace::{Confines, Sought};
use crate::op;
#[cfg(test)]
use crate::scripting::Scripts;
use crate::scripting::{Collision, Engine, Libraries, sha1_hex};
use crate::snapshot::{put_image, take_image};
use crate::{Context, Garbage, Keyspace, lookup};
use std::collections::BTreeSet;
use std::sync::Arc;
use synod_locks::Locks;
use synod_txn::Tokens;
use synod_types::{Millis, ReplySink, SLOT_COUNT, Slot, key_slot};

/// The keyspace, empty between two transactions.
#[derive(Debug)]
pub struct Scratch {
    keyspace: Keyspace,
    /// The texts of the libraries that are loaded.
    libraries: Vec<Vec<u8>>,
}

/// A key and what it holds, if anything.
type Value = (Vec<u8>, Option<Vec<u8>>);

impl Default for Scratch {
    fn default() -> Self {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        keyspace.sought = Some(Sought::default());
        Self { keyspace, libraries: Vec::new() }
    }
}

/// What is to be run.
#[derive(Debug)]
pub enum Commands<'a, 'k> {
    /// One command, which answers for itself.
    One(&'a [&'k [u8]]),
    /// Several, which answer in an array.
    Several(&'a [op::Args<'k>]),
}

/// What the commands find.
#[derive(Debug, Default)]
pub struct Surroundings<'a> {
    /// All keys that the commands name.
    pub values: Vec<(&'a [u8], Option<&'a [u8]>)>,
    /// The locks that guard what is written.
    pub locks: Vec<(&'a [u8], Tokens)>,
    /// The scripts that EVALSHA finds.
    pub scripts: Vec<&'a [u8]>,
    /// The libraries of the functions that are called.
    pub libraries: Vec<&'a [u8]>,
    /// What scripts may do; `None`: everything.
    pub rights: Option<Arc<Rights>>,
    /// Whether a script is among the commands, which is kept to those keys.
    pub confined: bool,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The values that differ.
    pub values: Vec<Value>,
    /// The scripts that EVAL brought along.
    pub scripts: Vec<Vec<u8>>,
    /// A script asked for what it did not declare: nothing of this may be written.
    pub overstepped: bool,
    /// Keys that patterns of SORT named and that were not among the values: with them it is to be run again.
    pub missing: Vec<Vec<u8>>,
    /// The command as it waits from now on if it found nothing, where that is another (see [`crate::waiting::begun`]).
    pub begun: Option<Vec<Vec<u8>>>,
}

impl Scratch {
    /// Lets scripts run.
    #[must_use]
    pub fn with_engine(self, engine: &'static Engine) -> Self {
        Self { keyspace: self.keyspace.with_engine(engine), ..self }
    }

    /// Which kinds of events are collected.
    pub fn want_events(&mut self, classes: Classes) {
        self.keyspace.want_events(classes);
    }

    /// What happened to keys since this was asked last.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.keyspace.take_events()
    }

    /// Whether nothing is left of the transaction before.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.keyspace.is_empty()
            && self.keyspace.object_bytes() == 0
            && self.keyspace.locks == Locks::default()
            && self.keyspace.scripts == Scripts::default()
            && self.keyspace.confines.is_none()
            && self.keyspace.acting().is_none()
    }

    /// What is to be freed where nobody waits.
    pub fn take_garbage(&mut self) -> Option<Garbage> {
        self.keyspace.take_garbage()
    }

    /// Runs commands on these values. `None` when a value cannot be read, and nothing was run then.
    pub fn run(
        &mut self,
        found: &Surroundings<'_>,
        commands: &Commands<'_, '_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> Option<Changes> {
        let loaded = self.load(found);
        let mut begun = None;
        if loaded.is_some() {
            match commands {
                Commands::One(args) => {
                    if let Some(command) = args.first().and_then(|name| lookup(name)) {
                        self.keyspace.execute_write(command, args, ctx, out);
                        begun = crate::waiting::begun(command, args, &self.keyspace, ctx);
                    }
                }
                Commands::Several(commands) => {
                    let commands: Vec<&[&[u8]]> = commands.iter().map(|args| &args[..]).collect();
                    self.keyspace.execute_transaction(&[], &commands, ctx, out);
                }
            }
        }
        let changes = Changes { begun, ..self.changes(found) };
        self.unload(found);
        loaded.map(|()| changes)
    }

    fn load(&mut self, found: &Surroundings<'_>) -> Option<()> {
        for (key, image) in &found.values {
            let Some(image) = image else { continue };
            let mut object = take_image(image).filter(|object| object.key() == *key)?;
            object.set_version(0);
            self.keyspace.append(key_slot(key), object)?;
        }
        for (name, tokens) in &found.locks {
            self.keyspace.locks.put_tokens(name, *tokens)?;
        }
        for body in &found.scripts {
            self.keyspace.scripts.pass(&sha1_hex(body), body);
        }
        self.load_libraries(&found.libraries)?;
        if found.confined {
            let keys = found.values.iter().map(|(key, _)| *key);
            self.keyspace.confines = Some(Box::new(Confines::new(keys)));
        }
        self.keyspace.act_for(found.rights.clone());
        Some(())
    }

    /// Libraries stay until others are wanted, for it takes a while to load one.
    fn load_libraries(&mut self, texts: &[&[u8]]) -> Option<()> {
        let distinct: BTreeSet<&[u8]> = texts.iter().copied().collect();
        if distinct.iter().all(|text| self.libraries.iter().any(|kept| kept == text)) {
            return Some(());
        }
        let texts: Vec<Vec<u8>> = distinct.into_iter().map(<[u8]>::to_vec).collect();
        let mut libraries = Libraries::default();
        libraries.join(self.keyspace.engine?, &texts, Collision::Replace).ok()?;
        (self.keyspace.libraries, self.libraries) = (libraries, texts);
        Some(())
    }

    fn changes(&self, found: &Surroundings<'_>) -> Changes {
        let changed = found.values.iter().filter_map(|(key, before)| {
            let after = self.keyspace.peek(key, Millis(0));
            match after {
                Some(object) if object.version() > 0 => {
                    let mut image = Vec::new();
                    put_image(&mut image, object);
                    Some((key.to_vec(), Some(image)))
                }
                None if before.is_some() => Some((key.to_vec(), None)),
                _ => None,
            }
        });
        let bodies = self.keyspace.scripts.each().map(|(_, body)| body);
        let brought = bodies.filter(|body| !found.scripts.contains(body));
        Changes {
            values: changed.collect(),
            scripts: brought.map(<[u8]>::to_vec).collect(),
            overstepped: self.keyspace.confines.as_ref().is_some_and(|c| c.are_overstepped()),
            missing: self.missing(found),
            begun: None,
        }
    }

    fn missing(&self, found: &Surroundings<'_>) -> Vec<Vec<u8>> {
        let mut keys = self.keyspace.sought.as_ref().map(Sought::take).unwrap_or_default();
        if !keys.is_empty() {
            found.values.iter().for_each(|(key, _)| _ = keys.remove(*key));
        }
        keys.into_iter().collect()
    }

    fn unload(&mut self, found: &Surroundings<'_>) {
        for (key, _) in &found.values {
            let spot = self.keyspace.open(key, Millis(0));
            if let Some(object) = self.keyspace.remove(spot) {
                self.keyspace.discard(object);
            }
        }
        self.keyspace.locks = Locks::default();
        self.keyspace.forget_scripts();
        self.keyspace.confines = None;
        self.keyspace.act_for(None);
    }
}
