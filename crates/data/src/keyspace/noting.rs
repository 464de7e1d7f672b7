//! What is noted of a command: the events that it means for its keys, seen from their versions before and after.

use super::Keyspace;
use crate::events::{Classes, Event, words};
use crate::{Args, Command, Context};
use std::collections::BTreeSet;

/// A key before a command.
struct Before {
    at: usize,
    version: u64,
}

/// Whether a version is that of a key that is there.
const fn is_there(version: u64) -> bool {
    version & 1 == 0
}

impl Keyspace {
    /// Which kinds of events are collected.
    pub fn want_events(&mut self, classes: Classes) {
        self.events.want(classes);
    }

    /// Whether something happened since they were taken.
    #[inline]
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.events.are_there()
    }

    /// What happened since this was asked last, in order. Of more than [`limits::EVENTS_MAX`] the last are missing.
    #[inline]
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.take()
    }

    /// Something happened to a stream that is no change for a watcher.
    pub(crate) fn tell_of_stream(&self, name: &'static str, key: &[u8]) {
        self.events.note(Classes::STREAM, name, key);
    }

    /// Something happened to a hash, which its version alone does not say.
    pub(crate) fn tell_of_hash(&self, name: &'static str, key: &[u8]) {
        self.events.note(Classes::HASH, name, key);
    }

    /// Runs a writing command and notes what it did to its keys. It does the same to them as without: replicas that
    /// collect no events must not differ.
    #[cold]
    pub(crate) fn run_noting<R>(
        &mut self,
        command: &Command,
        args: &Args<'_>,
        ctx: &Context,
        run: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let version = |keyspace: &Self, at: usize| keyspace.version(args[at], ctx.now);
        let keys = command.key_positions(args).map(|at| Before { at, version: version(self, at) });
        let mut before: Vec<Before> = keys.collect();
        let result = run(self);
        let moves = words::last_key_first(command.name);
        if moves {
            before.reverse();
        }
        let mut told = BTreeSet::new();
        for (nth, Before { at, version: old }) in before.iter().enumerate() {
            if !told.insert(args[*at]) && !moves {
                continue;
            }
            let new = version(self, *at);
            if new == *old || (!is_there(*old) && !is_there(new)) {
                continue;
            }
            let key = args[*at];
            if !is_there(*old) {
                self.events.note(Classes::NEW, "new", key);
            }
            let gone = !is_there(new);
            let nth = if moves { before.len() - 1 - nth } else { nth };
            let words = words::of(command, args, nth, gone);
            words.iter().for_each(|(class, word)| self.events.note(*class, word, key));
        }
        result
    }
}
