//! A keyspace of all slots on which the commands of a transaction run, made of the values that its partitions sent.
//!
//! The commands are the same as everywhere. What is there begins with version 0; so what has another version afterwards,
//! or is gone, is what the transaction writes.

use crate::events::{Classes, Event};
use crate::op;
use crate::snapshot::{put_image, take_image};
use crate::{Context, Garbage, Keyspace, lookup};
use synod_types::{Millis, ReplySink, SLOT_COUNT, Slot, key_slot};

/// The keyspace, empty between two transactions.
#[derive(Debug)]
pub struct Scratch {
    keyspace: Keyspace,
}

/// A key and what it holds, if anything.
type Value = (Vec<u8>, Option<Vec<u8>>);

impl Default for Scratch {
    fn default() -> Self {
        Self { keyspace: Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1)) }
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

impl Scratch {
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
        self.keyspace.is_empty() && self.keyspace.object_bytes() == 0
    }

    /// What is to be freed where nobody waits.
    pub fn take_garbage(&mut self) -> Option<Garbage> {
        self.keyspace.take_garbage()
    }

    /// Runs commands on these values, whose keys are all that the commands name. The values that differ afterwards; `None`
    /// when a value cannot be read, and nothing was run then.
    pub fn run(
        &mut self,
        values: &[(&[u8], Option<&[u8]>)],
        commands: &Commands<'_, '_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> Option<Vec<Value>> {
        let loaded = self.load(values);
        if loaded.is_some() {
            match commands {
                Commands::One(args) => {
                    if let Some(command) = args.first().and_then(|name| lookup(name)) {
                        self.keyspace.execute_write(command, args, ctx, out);
                    }
                }
                Commands::Several(commands) => {
                    let commands: Vec<&[&[u8]]> = commands.iter().map(|args| &args[..]).collect();
                    self.keyspace.execute_transaction(&[], &commands, ctx, out);
                }
            }
        }
        let changed = values.iter().filter_map(|(key, before)| {
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
        let changed: Vec<Value> = changed.collect();
        for (key, _) in values {
            let spot = self.keyspace.open(key, Millis(0));
            if let Some(object) = self.keyspace.remove(spot) {
                self.keyspace.discard(object);
            }
        }
        loaded.map(|()| changed)
    }

    fn load(&mut self, values: &[(&[u8], Option<&[u8]>)]) -> Option<()> {
        for (key, image) in values {
            let Some(image) = image else { continue };
            let mut object = take_image(image).filter(|object| object.key() == *key)?;
            object.set_version(0);
            self.keyspace.append(key_slot(key), object)?;
        }
        Some(())
    }
}
