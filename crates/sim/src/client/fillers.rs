//! Keys that fill the memory, in runs with the fault `memory-ceiling`: each node has a `maxmemory`, and all have one policy.
//!
//! Under `noeviction` and the policies for keys with an expiry time the other clients go on, and lose nothing; only what
//! has a time to live is left out, since it may go. Under the policies for all keys there are fillers alone. The judge
//! knows what clients were told:
//!
//! | rule | what it says |
//! |---|---|
//! | eviction | what is read was written, and not overwritten or deleted before; to be gone is always right |
//! | ceiling | with nothing to be given up, and where partitions stay where they are, no node exceeds its ceiling by more than what was under way |
//! | eviction | nothing is refused for want of memory unless the policy is one that may refuse it |
//!
//! That replicas give up the same keys is seen by their states.

use super::{Waiting, words};
use crate::faults::Fault;
use crate::random::Random;
use crate::world::World;
use std::collections::BTreeMap;
use synod_checker::Outcome;
use synod_wire::resp::Value;

/// How many fillers there are.
const KEYS: u64 = 80;
/// How long one is, in bytes.
const LEN: (u64, u64) = (200, 3_000);
/// How often a client turns to them when there are other keys too, in a thousand.
const SHARE: u64 = 350;
/// How much memory a node has beyond what empty tables take, in bytes: less than all fillers together.
const ROOM: (u64, u64) = (10_000, 80_000);
/// By how much a node may exceed that with what clients have under way, in bytes.
const UNDER_WAY: u64 = 48_000;
/// Where these happen, partitions come to nodes with all that they hold, which nobody refused.
const MOVING: [Fault; 4] = [Fault::Membership, Fault::Reshape, Fault::Wipe, Fault::OlderCopy];
/// A node of many that was away has not told the others of its ceiling, and is told what they took in meanwhile.
const KEEPING_AWAY: [Fault; 16] = [
    Fault::Disconnect,
    Fault::Partition,
    Fault::OneWay,
    Fault::Isolate,
    Fault::Clog,
    Fault::Kill,
    Fault::Power,
    Fault::PowerInside,
    Fault::CrashPoint,
    Fault::Blackout,
    Fault::Pause,
    Fault::SyncError,
    Fault::DiskFull,
    Fault::BitFlip,
    Fault::ReadError,
    Fault::Moved,
];
const POLICIES: [&str; 8] = [
    "noeviction",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
];

/// What is asked of a filler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is written with this number.
    Put(u64),
    Get,
    Delete,
}

/// A question about a filler: which, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    key: u64,
    deed: Deed,
    call_us: u64,
}

/// A write that may have happened: its number, 0 for a deletion.
#[derive(Clone, Copy, Debug)]
struct Write {
    value: u64,
    call_us: u64,
    /// When it was acknowledged.
    return_us: u64,
    refused: bool,
}

/// What is drawn for fillers, and what clients know of them.
#[derive(Default)]
pub(crate) struct Fillers {
    /// Only in runs that have them.
    random: Option<Random>,
    /// The least room that a node has, in bytes, and the policy of all.
    ceiling: Option<(u64, &'static str)>,
    /// Whether nodes can be held to it.
    stays: bool,
    writes: BTreeMap<u64, Vec<Write>>,
    /// How many questions were answered.
    pub answered: u64,
}

impl Fillers {
    fn policy(&self) -> &'static str {
        self.ceiling.map_or(POLICIES[0], |(_, policy)| policy)
    }

    /// Whether all nodes have the same room.
    fn alike(&self) -> bool {
        self.ceiling.is_none_or(|(room, _)| room % 2 == 1)
    }

    /// The room that a node has, in bytes, of so many: all the same, or one of them less than the others.
    fn room_of(&self, at: usize, machines: usize) -> u64 {
        let (room, _) = self.ceiling.unwrap_or_default();
        let has_least = room / 2 % machines as u64 == at as u64;
        if self.alike() || has_least { room } else { room * 10 }
    }

    fn evicts_all(&self) -> bool {
        self.policy().starts_with("allkeys")
    }

    /// Whether keys with an expiry time may go before it.
    pub fn evicts(&self) -> bool {
        self.policy() != POLICIES[0]
    }

    /// What reading `value` at that time, in answer to a question of `call_us`, breaks.
    fn judge(&self, key: u64, value: u64, call_us: u64) -> Option<String> {
        let writes = self.writes.get(&key).map_or(&[][..], Vec::as_slice);
        let Some(write) = writes.iter().find(|write| write.value == value && !write.refused) else {
            return Some(format!("filler {key} is {value}, which nobody wrote"));
        };
        let displaced = |later: &&Write| {
            !later.refused && later.call_us > write.return_us && later.return_us < call_us
        };
        let later = writes.iter().find(displaced)?;
        Some(format!("filler {key} is {write:?} at {call_us}, after {later:?}"))
    }
}

fn content(value: u64) -> String {
    let len = Random::new(value).between(LEN.0, LEN.1) as usize;
    let mut text = value.to_string();
    text.extend(std::iter::repeat_n(' ', len.saturating_sub(text.len())));
    text
}

impl World {
    /// The run has a ceiling; which.
    pub(crate) fn lower_ceiling(&mut self, random: &mut Random) -> String {
        let room = random.between(ROOM.0, ROOM.1);
        // Each kind of policy as often as the others.
        let policy = match random.below(3) {
            0 => POLICIES[0],
            1 => POLICIES[1 + random.below(4) as usize],
            _ => POLICIES[5 + random.below(3) as usize],
        };
        self.fillers.ceiling = Some((room, policy));
        self.fillers.stays = self.partitions_stay();
        self.fillers.random = Some(random.split());
        let whose = if self.fillers.alike() { "every node" } else { "one node" };
        format!("room for {room} bytes in {whose}, {policy}")
    }

    /// Tells a process what it may use, as soon as it has its partitions; what these take without keys is measured once.
    pub(crate) fn set_ceiling(&mut self, at: usize) {
        let Some((_, policy)) = self.fillers.ceiling else { return };
        let room = self.fillers.room_of(at, self.machines.len());
        let machine = &mut self.machines[at];
        let Some(process) = machine.process.as_mut().filter(|p| !p.has_ceiling) else { return };
        let bytes = process.worker.node_ref().keyspace_bytes() as u64;
        if bytes == 0 {
            return;
        }
        process.has_ceiling = true;
        let limit = (*machine.table_bytes.get_or_insert(bytes) + room).to_string();
        process.operate(&["CONFIG", "SET", "maxmemory", &limit, "maxmemory-policy", policy]);
    }

    /// Where partitions stay where they are and nothing is given up, no node holds more than it may, but for what was under way
    /// when it came to that.
    pub(crate) fn check_ceiling(&mut self, at: usize) {
        let Some((_, "noeviction")) = self.fillers.ceiling else { return };
        let room = self.fillers.room_of(at, self.machines.len());
        let machine = &self.machines[at];
        let (Some(process), Some(empty)) = (&machine.process, machine.table_bytes) else { return };
        if !process.has_ceiling || !self.fillers.stays {
            return;
        }
        let most = empty + room + UNDER_WAY + self.large.under_way(self.clients.len()) as u64;
        let bytes = process.worker.node_ref().keyspace_bytes() as u64;
        if bytes > most {
            let detail = format!("node {} holds {bytes} bytes, more than {most}", at + 1);
            self.fail("ceiling", detail);
        }
    }

    /// Whether what a node holds is what it, or one like it, has let in.
    fn partitions_stay(&self) -> bool {
        let chosen = self.params.faults.chosen(self.params.seed);
        let same_everywhere = self.machines.len() <= 3 && self.fillers.alike();
        let strays =
            |fault| MOVING.contains(fault) || !same_everywhere && KEEPING_AWAY.contains(fault);
        !chosen.iter().any(strays)
    }

    /// Whether the client turns to fillers now.
    pub(super) fn ask_filler(&mut self, at: usize) -> bool {
        let Some(mut random) = self.fillers.random.take() else { return false };
        let asks = self.fillers.evicts_all() || random.permille(SHARE);
        for _ in 0..if asks { random.between(1, 4) } else { 0 } {
            let key = random.below(KEYS);
            let deed = match random.below(100) {
                _ if self.clients[at].reads_only => Deed::Get,
                0..55 => Deed::Put(self.fresh()),
                55..85 => Deed::Get,
                _ => Deed::Delete,
            };
            let lasts = random.permille(300);
            self.ask_about_filler(at, key, deed, lasts);
        }
        self.fillers.random = Some(random);
        asks
    }

    fn ask_about_filler(&mut self, at: usize, key: u64, deed: Deed, lasts: bool) {
        let name = format!("f{key}");
        let args = match deed {
            // Long enough to outlive the run.
            Deed::Put(value) if !lasts => words(&["SET", &name, &content(value), "EX", "90000"]),
            Deed::Put(value) => words(&["SET", &name, &content(value)]),
            Deed::Get => words(&["GET", &name]),
            Deed::Delete => words(&["DEL", &name]),
        };
        let asked = Asked { key, deed, call_us: self.time };
        if let Some(value) = written(deed) {
            let write = Write { value, call_us: self.time, return_us: u64::MAX, refused: false };
            self.fillers.writes.entry(key).or_default().push(write);
        }
        self.request(at, args, Waiting::Filler(asked));
    }

    pub(super) fn filler_answered(&mut self, at: usize, asked: Asked, value: &Value) {
        let Asked { key, deed, call_us } = asked;
        let time = self.time;
        match (deed, value) {
            (Deed::Put(_), Value::Simple(_)) | (Deed::Delete, Value::Integer(0..=1)) => {
                self.settle_filler(asked, |write| write.return_us = time);
            }
            (_, Value::Error(text)) => {
                match super::replies::fate(text) {
                    Some(Outcome::Refused) => {
                        self.settle_filler(asked, |write| write.refused = true);
                    }
                    Some(_) => return,
                    None => return self.fail("replies", format!("{asked:?} was answered {text}")),
                }
                if !text.starts_with("OOM") {
                    return;
                }
                self.count(Fault::MemoryCeiling);
            }
            (Deed::Get, Value::Null) => {
                // Somebody wrote it, nobody deleted it, and it is gone.
                let writes = self.fillers.writes.get(&key).map_or(&[][..], Vec::as_slice);
                let kept = writes.iter().any(|write| write.return_us < call_us)
                    && writes.iter().all(|write| write.value != 0);
                if kept {
                    self.count(Fault::MemoryCeiling);
                }
            }
            (Deed::Get, found) => {
                let number = found.as_str().and_then(|text| {
                    let value = text.trim_end().parse().ok()?;
                    (text == content(value)).then_some(value)
                });
                let Some(number) = number else {
                    return self.fail("replies", format!("{asked:?} was answered {found:?}"));
                };
                if let Some(wrong) = self.fillers.judge(key, number, call_us) {
                    self.fail("eviction", wrong);
                }
            }
            (deed, value) => {
                return self.fail("replies", format!("{deed:?} of {key} was answered {value:?}"));
            }
        }
        self.clients[at].served += 1;
        self.fillers.answered += 1;
    }

    /// How a write of a filler ended.
    fn settle_filler(&mut self, asked: Asked, how: impl FnOnce(&mut Write)) {
        let Some(value) = written(asked.deed) else { return };
        let writes = self.fillers.writes.get_mut(&asked.key);
        let write = writes.into_iter().flatten().find(|write| {
            (write.value, write.call_us) == (value, asked.call_us) && write.return_us == u64::MAX
        });
        if let Some(write) = write {
            how(write);
        }
    }
}

/// The number of what a deed leaves, if it writes.
fn written(deed: Deed) -> Option<u64> {
    match deed {
        Deed::Put(value) => Some(value),
        Deed::Delete => Some(0),
        Deed::Get => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_displaced_is_not_read_again() {
        let write = |value, call_us, return_us| Write { value, call_us, return_us, refused: false };
        let unknown = u64::MAX;
        let refused = Write { refused: true, ..write(4, 60, unknown) };
        let writes = vec![write(1, 10, 20), write(2, 30, 40), write(3, 50, unknown), refused];
        let fillers = Fillers { writes: [(7, writes)].into(), ..Fillers::default() };
        let wrong = |value, call_us| fillers.judge(7, value, call_us).is_some();
        assert!(!wrong(1, 39), "the second may not have happened yet");
        assert!(wrong(1, 45));
        assert!(!wrong(2, 90), "the fate of the third is not known");
        assert!(!wrong(3, 90));
        assert!(wrong(4, 90), "it was refused");
        assert!(wrong(5, 90), "nobody wrote it");
    }
}
