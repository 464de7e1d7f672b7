//! The parts that steps and records are written of.

use synod_types::{Millis, PartitionId, varint};

/// Keys and the versions they were read at.
pub type Reads<'a> = Vec<(&'a [u8], u64)>;
/// Keys and what they are to hold; `None`: nothing.
pub type Writes<'a> = Vec<(&'a [u8], Option<&'a [u8]>)>;

/// The tokens of a lock: the newest, and the oldest that is still good; zeros for a lock that is not there.
pub type Tokens = (u64, u64);
/// Locks that fenced writes name, and their tokens as they were read.
pub type Guards<'a> = Vec<(&'a [u8], Tokens)>;

/// The partitions that a staged transaction rests on, and until when, by the log of each, its Prepare may come there.
pub type Rests = Vec<(PartitionId, Millis)>;

/// A text that commands of a transaction need to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source<B> {
    /// The script of this digest.
    Script(B),
    /// The library of the function of this name.
    Library(B),
    /// Nothing, if the script of this digest is known: the text itself came along.
    Known(B),
}

impl<B> Source<B> {
    /// The same of another kind of bytes.
    pub fn map<'s, C>(&'s self, to: impl FnOnce(&'s B) -> C) -> Source<C> {
        match self {
            Self::Script(name) => Source::Script(to(name)),
            Self::Library(name) => Source::Library(to(name)),
            Self::Known(name) => Source::Known(to(name)),
        }
    }
}

pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

pub(crate) fn take_flag(bytes: &mut &[u8]) -> Option<bool> {
    match take_byte(bytes)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A count of things of at least one byte each.
pub(crate) fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let count = usize::try_from(varint::take(bytes)?).ok()?;
    (count <= bytes.len()).then_some(count)
}

pub(crate) fn take_partition(bytes: &mut &[u8]) -> Option<PartitionId> {
    u32::try_from(varint::take(bytes)?).ok().map(PartitionId)
}

pub(crate) fn take_millis(bytes: &mut &[u8]) -> Option<Millis> {
    varint::take(bytes).map(Millis)
}

pub(crate) fn put_rests(out: &mut Vec<u8>, rests: &[(PartitionId, Millis)]) {
    varint::put(out, rests.len() as u64);
    for (partition, until) in rests {
        varint::put(out, partition.0.into());
        varint::put(out, until.0);
    }
}

pub(crate) fn take_rests(bytes: &mut &[u8]) -> Option<Rests> {
    let count = take_count(bytes)?;
    (0..count).map(|_| Some((take_partition(bytes)?, take_millis(bytes)?))).collect()
}

pub(crate) fn put_partitions(out: &mut Vec<u8>, partitions: &[PartitionId]) {
    varint::put(out, partitions.len() as u64);
    partitions.iter().for_each(|partition| varint::put(out, partition.0.into()));
}

pub(crate) fn take_partitions(bytes: &mut &[u8]) -> Option<Vec<PartitionId>> {
    let count = take_count(bytes)?;
    (0..count).map(|_| take_partition(bytes)).collect()
}

pub(crate) fn put_names(out: &mut Vec<u8>, names: &[&[u8]]) {
    varint::put(out, names.len() as u64);
    names.iter().for_each(|name| varint::put_bytes(out, name));
}

pub(crate) fn take_names<'a>(bytes: &mut &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let count = take_count(bytes)?;
    (0..count).map(|_| varint::take_bytes(bytes)).collect()
}

pub(crate) fn put_source(out: &mut Vec<u8>, source: &Source<&[u8]>) {
    let (tag, name) = match source {
        Source::Script(name) => (0, name),
        Source::Library(name) => (1, name),
        Source::Known(name) => (2, name),
    };
    out.push(tag);
    varint::put_bytes(out, name);
}

pub(crate) fn take_source<'a>(bytes: &mut &'a [u8]) -> Option<Source<&'a [u8]>> {
    let tag = take_byte(bytes)?;
    let name = varint::take_bytes(bytes)?;
    match tag {
        0 => Some(Source::Script(name)),
        1 => Some(Source::Library(name)),
        2 => Some(Source::Known(name)),
        _ => None,
    }
}

pub(crate) fn put_guards(out: &mut Vec<u8>, guards: &Guards<'_>) {
    varint::put(out, guards.len() as u64);
    for (name, (newest, floor)) in guards {
        varint::put_bytes(out, name);
        varint::put(out, *newest);
        varint::put(out, *floor);
    }
}

pub(crate) fn take_guards<'a>(bytes: &mut &'a [u8]) -> Option<Guards<'a>> {
    let count = take_count(bytes)?;
    let mut one = || {
        let name = varint::take_bytes(bytes)?;
        Some((name, (varint::take(bytes)?, varint::take(bytes)?)))
    };
    (0..count).map(|_| one()).collect()
}

pub(crate) fn put_reads(out: &mut Vec<u8>, reads: &Reads<'_>) {
    varint::put(out, reads.len() as u64);
    for (key, version) in reads {
        varint::put_bytes(out, key);
        varint::put(out, *version);
    }
}

pub(crate) fn take_reads<'a>(bytes: &mut &'a [u8]) -> Option<Reads<'a>> {
    let count = take_count(bytes)?;
    (0..count).map(|_| Some((varint::take_bytes(bytes)?, varint::take(bytes)?))).collect()
}

pub(crate) fn put_writes(out: &mut Vec<u8>, writes: &Writes<'_>) {
    varint::put(out, writes.len() as u64);
    for (key, image) in writes {
        varint::put_bytes(out, key);
        out.push(u8::from(image.is_some()));
        if let Some(image) = image {
            varint::put_bytes(out, image);
        }
    }
}

pub(crate) fn take_writes<'a>(bytes: &mut &'a [u8]) -> Option<Writes<'a>> {
    let count = take_count(bytes)?;
    let mut one = || {
        let key = varint::take_bytes(bytes)?;
        let image = if take_flag(bytes)? { Some(varint::take_bytes(bytes)?) } else { None };
        Some((key, image))
    };
    (0..count).map(|_| one()).collect()
}
