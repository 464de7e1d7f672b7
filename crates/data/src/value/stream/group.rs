//! Consumer groups: how far each has read, and which entries wait for whose acknowledgement.

use super::{StreamId, put_id, take_id};
use crate::allocation::allocation;
use crate::digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use synod_types::{Millis, varint};

/// What a pending entry takes in the group's map and in its consumer's set.
const PENDING_BYTES: usize = size_of::<(StreamId, Pending)>() + size_of::<StreamId>() + 16;

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// To whom; always one of the group's consumers.
    pub consumer: Arc<[u8]>,
    pub delivered: Millis,
    pub times: u64,
}

/// One reader of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consumer {
    /// When it last asked for anything.
    pub seen: Millis,
    /// Its part of the group's pending entries.
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    pub(crate) fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

/// One group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// The highest id delivered.
    pub last: StreamId,
    /// How many entries were read, of all that were ever added; unknown after jumps.
    pub read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
    /// The bytes of the consumers' names.
    names: usize,
}

impl Group {
    /// A group that has read up to `last`.
    pub(crate) fn new(last: StreamId, read: Option<u64>) -> Self {
        Self { last, read, ..Self::default() }
    }

    pub(crate) fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    pub(crate) fn consumers(&self) -> &BTreeMap<Arc<[u8]>, Consumer> {
        &self.consumers
    }

    /// The name under which a consumer is known, who is made if need be; whether it is new.
    pub(crate) fn consumer(&mut self, name: &[u8], now: Millis) -> (Arc<[u8]>, bool) {
        if let Some((known, _)) = self.consumers.get_key_value(name) {
            return (known.clone(), false);
        }
        let name: Arc<[u8]> = name.into();
        self.names += allocation(name.len() + 16);
        self.consumers.insert(name.clone(), Consumer { seen: now, ..Consumer::default() });
        (name, true)
    }

    /// Notes that a consumer asked for something.
    pub(crate) fn see(&mut self, name: &[u8], now: Millis) {
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.seen = now;
        }
    }

    /// Removes a consumer and what was pending for it; how much that was.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) -> usize {
        let Some(consumer) = self.consumers.remove(name) else { return 0 };
        self.names -= allocation(name.len() + 16);
        consumer.pending.iter().for_each(|id| {
            self.pending.remove(id);
        });
        consumer.pending.len()
    }

    /// Makes an entry pending for a consumer, whoever had it.
    pub(crate) fn deliver(&mut self, id: StreamId, pending: Pending) {
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.insert(id);
        }
        let to = pending.consumer.clone();
        if let Some(before) = self.pending.insert(id, pending)
            && before.consumer != to
            && let Some(old) = self.consumers.get_mut(&before.consumer)
        {
            old.pending.remove(&id);
        }
    }

    /// Forgets a pending entry; whether it was one.
    pub(crate) fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }

    fn heap(&self) -> usize {
        self.pending.len() * PENDING_BYTES
            + self.names
            + self.consumers.len() * (size_of::<(Arc<[u8]>, Consumer)>() + 16)
    }

    fn digest(&self, mut state: u64) -> u64 {
        let read = self.read.map_or(0, |read| read.wrapping_add(1));
        for word in [self.last.ms, self.last.seq, read] {
            state = digest::mix(state, word);
        }
        for (name, consumer) in &self.consumers {
            state = digest::mix(digest::bytes(state, name), consumer.seen.0);
        }
        for (id, pending) in &self.pending {
            state = digest::bytes(state, &pending.consumer);
            for word in [id.ms, id.seq, pending.delivered.0, pending.times] {
                state = digest::mix(state, word);
            }
        }
        state
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_id(out, self.last);
        varint::put(out, self.read.map_or(0, |read| read.saturating_add(1)));
        varint::put(out, self.consumers.len() as u64);
        for (name, consumer) in &self.consumers {
            varint::put_bytes(out, name);
            varint::put(out, consumer.seen.0);
            varint::put(out, consumer.pending.len() as u64);
            for (id, pending) in
                consumer.pending.iter().filter_map(|id| self.pending.get_key_value(id))
            {
                put_id(out, *id);
                varint::put(out, pending.delivered.0);
                varint::put(out, pending.times);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let last = take_id(bytes)?;
        let read = varint::take(bytes)?.checked_sub(1);
        let mut group = Self::new(last, read);
        for _ in 0..varint::take(bytes)? {
            let name = varint::take_bytes(bytes)?;
            let (name, is_new) = group.consumer(name, Millis(varint::take(bytes)?));
            if !is_new {
                return None;
            }
            for _ in 0..varint::take(bytes)? {
                let id = take_id(bytes)?;
                let (delivered, times) = (Millis(varint::take(bytes)?), varint::take(bytes)?);
                if group.pending.contains_key(&id) {
                    return None;
                }
                group.deliver(id, Pending { consumer: name.clone(), delivered, times });
            }
        }
        Some(group)
    }
}

/// The groups of one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    groups: BTreeMap<Box<[u8]>, Group>,
    /// The sum of the groups' heap, names included.
    heap: usize,
}

impl Groups {
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Adds a group; false when the name is taken.
    pub(crate) fn add(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.heap += Self::heap_of(name, &group);
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group; whether it was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        self.heap -= Self::heap_of(name, &group);
        true
    }

    /// Changes a group.
    pub(crate) fn change<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        self.heap -= Self::heap_of(name, group);
        let result = change(group);
        self.heap += Self::heap_of(name, group);
        Some(result)
    }

    fn heap_of(name: &[u8], group: &Group) -> usize {
        allocation(name.len()) + size_of::<(Box<[u8]>, Group)>() + group.heap()
    }

    pub(super) fn heap(&self) -> usize {
        self.heap
    }

    pub(super) fn digest(&self, state: u64) -> u64 {
        self.iter().fold(state, |state, (name, group)| group.digest(digest::bytes(state, name)))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (name, group) in self.iter() {
            varint::put_bytes(out, name);
            group.encode(out);
        }
    }

    /// Reads all of the bytes.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut groups = Self::default();
        while !bytes.is_empty() {
            let name = varint::take_bytes(&mut bytes)?;
            let group = Group::decode(&mut bytes)?;
            if !groups.add(name, group) {
                return None;
            }
        }
        Some(groups)
    }
}
