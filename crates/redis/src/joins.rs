//! Commands that were split over partitions, and how their parts become one answer.

use crate::acl_log;
use crate::calls::KnownName;
use crate::hotkeys::{self, TopQuery};
use crate::info::{MemoryQuery, Page, Tally};
use crate::latency_events::{self, LatencyQuery};
use crate::slowlog;
use std::collections::{BTreeMap, BTreeSet};
use synod_data::Joined;
use synod_types::{ClientId, ReplySink};
use synod_wire::resp::{RespWriter, Value};

/// What becomes of the parts: of those of an operation over partitions as the keyspace says ([`Joined`]), of what workers
/// tell of themselves as their command wants.
#[derive(Debug)]
pub enum Join {
    /// The sum of integers (DBSIZE).
    Sum,
    /// All elements one after another (LOCK LIST).
    Concat,
    /// All keys one after another, however many (KEYS).
    Keys,
    /// The answer of the first part, when none is an error (SCRIPT LOAD).
    Same,
    /// Of numbers at the same place the smallest (SCRIPT EXISTS).
    Least,
    /// `OK` when every part said so (FLUSHALL).
    AllOk,
    /// All names that any part has, once each (PUBSUB CHANNELS).
    Union,
    /// How many they are (PUBSUB NUMPAT).
    UnionLen,
    /// For each of these names the sum of the parts' numbers (PUBSUB NUMSUB).
    SumEach(Vec<Vec<u8>>),
    /// The first part that is not null (RANDOMKEY).
    FirstSome,
    /// The sum of integers, but at most this (SLOWLOG LEN).
    SumUpTo(i64),
    /// The newest so many entries of slow logs (SLOWLOG GET).
    SlowLog(usize),
    /// `OK` when the sum of the integers is not 0, else null (HOTKEYS STOP).
    SomeStopped,
    /// What was watched by workers of these nodes (HOTKEYS GET).
    HotKeys(Vec<u64>),
    /// What keys cost now (HOTKEYS TOP).
    HotKeysTop(TopQuery),
    /// The texts one after another (CLIENT LIST).
    Text,
    /// This text, when no part is an error (BGSAVE).
    Said(&'static str),
    /// What LATENCY asks of the events that worker 0 keeps.
    Latency(LatencyQuery),
    /// Of the summed tallies how long these commands, or all, took (LATENCY HISTOGRAM).
    LatencyHistogram(Vec<Vec<u8>>, KnownName),
    /// Of the summed tallies what MEMORY tells, beside this page.
    Memory(MemoryQuery, Box<Page>),
    /// Of the summed tallies what ROLE tells.
    Role(KnownName),
    /// Of the tallies when a snapshot was durable last; before the first one, this time, in seconds (LASTSAVE).
    LastSave(u64, KnownName),
    /// `OK` when the sum of the integers is not 0 (CLIENT KILL with an address).
    SomeKilled,
    /// Tallies, summed up and written on the page (INFO).
    Info(Box<Page>),
    /// The parts are versions of these keys; they go into the session (WATCH).
    Watch(Vec<Vec<u8>>),
    /// Refusals, told at this time in milliseconds since 1970 (ACL LOG).
    AclLog(u64),
    /// The part is what the metadata group answers to a change of users; these are the words that stand for its rules, and
    /// whether the number of deleted users is asked for. The node goes on when it is there.
    Users(Vec<Vec<u8>>, bool),
    /// This number, when no part is an error (ACL DELUSER).
    Number(i64),
    /// A transaction: its commands, and which of them the session runs once the first part is there. The other
    /// parts are tallies.
    Exec(Vec<Vec<Vec<u8>>>, Vec<bool>),
}

impl From<Joined> for Join {
    fn from(joined: Joined) -> Self {
        match joined {
            Joined::Sum => Self::Sum,
            Joined::Concat => Self::Concat,
            Joined::Keys => Self::Keys,
            Joined::Same => Self::Same,
            Joined::Least => Self::Least,
            Joined::AllOk => Self::AllOk,
            Joined::FirstSome => Self::FirstSome,
        }
    }
}

/// A command under way.
#[derive(Debug)]
pub struct Gather {
    client: ClientId,
    seq: u64,
    join: Join,
    parts: Vec<Option<Vec<u8>>>,
    left: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Gathers {
    open: BTreeMap<u64, Gather>,
    next: u64,
    /// The sum of the parts' lengths.
    bytes: usize,
    /// Transactions whose parts are all there.
    answered: Vec<Gather>,
}

impl Gathers {
    /// Begins a command of `parts` parts.
    pub fn open(&mut self, client: ClientId, seq: u64, join: Join, parts: usize) -> u64 {
        self.next += 1;
        let gather = Gather { client, seq, join, parts: vec![None; parts], left: parts };
        self.open.insert(self.next, gather);
        self.next
    }

    /// A transaction has all of its parts; the session goes on with it at the end of the turn.
    pub fn set_aside(&mut self, whole: Gather) {
        self.answered.push(whole);
    }

    /// A transaction whose parts are all there.
    pub fn take_answered(&mut self) -> Option<Gather> {
        self.answered.pop()
    }

    /// Who asked for it, and its place in the order of replies.
    #[must_use]
    pub fn place(&self, gather: u64) -> Option<(ClientId, u64)> {
        self.open.get(&gather).map(|whole| (whole.client, whole.seq))
    }

    /// How long the parts of those that are not complete are together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many are not complete.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether all are complete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a part in; the whole, when it was the last.
    pub fn complete(&mut self, gather: u64, part: u32, reply: Vec<u8>) -> Option<Gather> {
        let whole = self.open.get_mut(&gather)?;
        let place = whole.parts.get_mut(part as usize)?;
        if place.is_none() {
            whole.left -= 1;
            self.bytes += reply.len();
            *place = Some(reply);
        }
        if whole.left > 0 {
            return None;
        }
        let whole = self.open.remove(&gather)?;
        self.bytes -= whole.parts.iter().flatten().map(Vec::len).sum::<usize>();
        Some(whole)
    }
}

impl Gather {
    /// Who asked for it, and its place in the order of replies.
    #[must_use]
    pub fn asked_by(&self) -> (ClientId, u64) {
        (self.client, self.seq)
    }

    /// What becomes of the parts.
    #[must_use]
    pub fn join(&self) -> &Join {
        &self.join
    }

    /// What becomes of the parts, to be taken apart.
    #[must_use]
    pub fn into_join(self) -> Join {
        self.join
    }

    /// The values of the parts. A part that is an error is the answer of the whole.
    fn values(&mut self) -> Result<Vec<Value>, String> {
        let broken = || "ERR a part of the reply could not be read".to_owned();
        self.parts
            .iter_mut()
            .map(|part| {
                let bytes = part.take().ok_or_else(broken)?;
                match Value::decode(&bytes).ok().flatten() {
                    Some((Value::Error(text), _)) => Err(text),
                    Some((value, _)) => Ok(value),
                    None => Err(broken()),
                }
            })
            .collect()
    }

    /// The parts as they came.
    pub fn take_parts(&mut self) -> Vec<Vec<u8>> {
        self.parts.iter_mut().map(|part| part.take().unwrap_or_default()).collect()
    }

    /// The versions that a WATCH fetched, key by key.
    ///
    /// # Errors
    /// The text of the error that a part is.
    pub fn versions(&mut self) -> Result<Vec<(Vec<u8>, u64)>, String> {
        let values = self.values()?;
        let Join::Watch(keys) = &mut self.join else { return Ok(Vec::new()) };
        let versions = values.into_iter().flat_map(elements).filter_map(|value| match value {
            Value::Integer(n) => Some(n as u64),
            _ => None,
        });
        Ok(std::mem::take(keys).into_iter().zip(versions).collect())
    }

    /// Writes the answer of the whole.
    pub fn write(&mut self, out: &mut RespWriter<'_>) {
        if matches!(self.join, Join::Keys)
            && let Some((count, elements)) = self.elements()
        {
            out.array(count);
            return elements.iter().for_each(|elements| out.raw(elements));
        }
        match self.values() {
            Ok(values) => self.join_values(values, out),
            Err(text) => out.error(&text),
        }
    }

    /// How many elements the parts have, and their bytes, if all parts are arrays. Strings are spelled the same in every
    /// version of the protocol, so nothing has to be taken apart.
    fn elements(&self) -> Option<(usize, Vec<&[u8]>)> {
        let mut count = 0;
        let mut all = Vec::new();
        for part in &self.parts {
            let part = part.as_deref()?.strip_prefix(b"*")?;
            let end = part.windows(2).position(|bytes| bytes == b"\r\n")?;
            count += std::str::from_utf8(&part[..end]).ok()?.parse::<usize>().ok()?;
            all.push(&part[end + 2..]);
        }
        Some((count, all))
    }

    fn join_values(&self, values: Vec<Value>, out: &mut RespWriter<'_>) {
        match &self.join {
            Join::Sum => out.integer(sum(&values)),
            Join::Union => {
                let names = names(values);
                out.array(names.len());
                names.iter().for_each(|name| out.bulk(name));
            }
            Join::UnionLen => out.integer(names(values).len() as i64),
            Join::SumEach(names) => {
                let parts: Vec<Vec<Value>> = values.into_iter().map(elements).collect();
                out.array(2 * names.len());
                for (at, name) in names.iter().enumerate() {
                    let number = |part: &Vec<Value>| match part.get(at) {
                        Some(Value::Integer(n)) => *n,
                        _ => 0,
                    };
                    out.bulk(name);
                    out.integer(parts.iter().map(number).sum());
                }
            }
            Join::SumUpTo(max) => out.integer(sum(&values).min(*max)),
            Join::SlowLog(count) => {
                let bytes = |value| if let Value::Bulk(bytes) = value { Some(bytes) } else { None };
                let parts: Vec<Vec<u8>> = values.into_iter().filter_map(bytes).collect();
                slowlog::write(&parts, *count, out);
            }
            Join::SomeStopped => match sum(&values) {
                0 => out.null(),
                _ => out.simple("OK"),
            },
            Join::HotKeys(nodes) => hotkeys::write_tracked(&values, nodes, out),
            Join::HotKeysTop(query) => hotkeys::write_top(&values, query, out),
            Join::SomeKilled => match sum(&values) {
                0 => out.error("ERR No such client"),
                _ => out.simple("OK"),
            },
            Join::Text => {
                let texts: String = values.iter().filter_map(Value::as_str).collect();
                out.verbatim(&texts);
            }
            Join::Info(page) => {
                out.verbatim(&page.render(&Tally::of_values(values.into_iter(), page.known_name)))
            }
            Join::Latency(query) => match values.first() {
                Some(Value::Bulk(bytes)) => latency_events::write(bytes, query, out),
                _ => out.array(0),
            },
            Join::LatencyHistogram(names, known_name) => {
                Tally::of_values(values.into_iter(), *known_name).calls.write_durations(names, out);
            }
            Join::Memory(query, page) => {
                page.memory_reply(
                    *query,
                    &Tally::of_values(values.into_iter(), page.known_name),
                    out,
                );
            }
            Join::Role(known_name) => {
                out.array(3);
                out.bulk(b"master");
                out.integer(Tally::of_values(values.into_iter(), *known_name).applied as i64);
                out.array(0);
            }
            Join::LastSave(started_s, known_name) => {
                out.integer(
                    Tally::of_values(values.into_iter(), *known_name).snapshot_s.max(*started_s)
                        as i64,
                );
            }
            Join::Said(text) => out.simple(text),
            Join::Number(number) => out.integer(*number),
            Join::AclLog(now_ms) => match values.first() {
                Some(Value::Bulk(bytes)) => acl_log::write(bytes, *now_ms, out),
                _ => out.array(0),
            },
            Join::AllOk | Join::Watch(_) | Join::Users(..) | Join::Exec(..) => out.simple("OK"),
            Join::Same => match values.first() {
                Some(value) => write_value(value, out),
                None => out.null(),
            },
            Join::Least => {
                let parts: Vec<Vec<Value>> = values.into_iter().map(elements).collect();
                let len = parts.iter().map(Vec::len).min().unwrap_or(0);
                out.array(len);
                for at in 0..len {
                    let number = |part: &Vec<Value>| match &part[at] {
                        Value::Integer(n) => *n,
                        _ => 0,
                    };
                    out.integer(parts.iter().map(number).min().unwrap_or(0));
                }
            }
            Join::FirstSome => {
                match values.iter().find(|v| matches!(v, Value::Bulk(_))) {
                    Some(Value::Bulk(key)) => out.bulk(key),
                    _ => out.null(),
                };
            }
            Join::Concat | Join::Keys => {
                let all: Vec<Value> = values.into_iter().flat_map(elements).collect();
                out.array(all.len());
                all.iter().for_each(|v| write_value(v, out));
            }
        }
    }
}

fn sum(values: &[Value]) -> i64 {
    values.iter().map(|v| if let Value::Integer(n) = v { *n } else { 0 }).sum()
}

/// All names in the parts, once each.
fn names(values: Vec<Value>) -> BTreeSet<Vec<u8>> {
    let bulk = |value| if let Value::Bulk(bytes) = value { Some(bytes) } else { None };
    values.into_iter().flat_map(elements).filter_map(bulk).collect()
}

fn elements(value: Value) -> Vec<Value> {
    match value {
        Value::Array(elements) => elements,
        _ => Vec::new(),
    }
}

fn write_value(value: &Value, out: &mut RespWriter<'_>) {
    match value {
        Value::Bulk(bytes) => out.bulk(bytes),
        Value::Integer(n) => out.integer(*n),
        Value::Simple(text) => out.simple(text),
        _ => out.null(),
    }
}
