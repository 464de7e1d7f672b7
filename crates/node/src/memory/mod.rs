//! `maxmemory`: what this worker holds, what goes when that is too much, and who is refused then.
//!
//! The leader of a partition decides, by its own memory and its own knowledge of which keys are used, and proposes what
//! is to go; replicas drop what the entry names. What counts is the memory of all keyspaces and trees here, led here or
//! not, of replies that clients have not read yet, and of what is proposed here and will be memory when it is applied. Of a tree nothing is given up, it only grows no further. A worker
//! has its share of the node's limit.

mod access;
mod elsewhere;
mod policy;
mod unread;

pub(crate) use policy::EvictionPolicy;

use crate::node::Node;
use crate::settings::Setting;
use access::AccessLog;
use elsewhere::{Elsewhere, SETTLE_US};
use synod_data::op::Op;
use synod_data::{Command, Flags, Keyspace};
use synod_machine::{MachineId, Operation};
use synod_replica::Replica;
use synod_tree::{Call, taken_apart};
use synod_txn::Step;
use synod_types::plant::planted;
use synod_types::{PartitionId, is_coordinators, limits};

/// The error of a write that may need memory when there is none left, as Redis words it.
pub(crate) const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// How many keys one entry evicts at most.
const KEYS_PER_ENTRY_MAX: usize = 1_000;

/// What is known of memory, and what follows from it for this turn.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// This worker's share of `maxmemory`, in bytes; 0: no limit.
    limit: usize,
    /// What the ceiling leaves for everything else that the process does, in bytes; `None`: no limit.
    spare: Option<usize>,
    /// How long a value here is on average, with its key; what replies to reads under way are taken to be.
    value_bytes: usize,
    policy: EvictionPolicy,
    /// What tables, buffers and replies took at the last tick.
    beside_objects: usize,
    /// Whether writes that may need memory are refused in this turn.
    refusing: bool,
    /// Whether clients have left much unread.
    many_unread: bool,
    /// How many requests of a connection may be under way; 0 before the first tick.
    window_max: usize,
    /// Whether the others were told that this worker has no room.
    told: bool,
    /// When keys of partitions led here went last, in microseconds of the monotonic clock.
    evicted_us: u64,
    /// The ceilings of others.
    elsewhere: Elsewhere,
    /// Only while the policy goes by the use of keys.
    access: Option<Box<AccessLog>>,
}

/// Whether it runs a script that may write and did not say `allow-oom`.
#[cold]
fn is_script_without_promise(replica: &Replica, command: &Command, args: &[&[u8]]) -> bool {
    let keyspace = || replica.state().keyspace();
    command.runs_writing_script()
        && !keyspace().is_some_and(|keyspace| keyspace.script_allows_oom(command.name, args))
}

/// Whether a script writes the coordinator's keys alone.
fn is_step_of_coordinator(command: &Command, args: &[&[u8]]) -> bool {
    let mut keys = command.key_positions(args).peekable();
    command.runs_writing_script()
        && keys.peek().is_some()
        && keys.all(|at| is_coordinators(args[at]))
}

impl Memory {
    /// Whether this command on keys of the partition is refused now. What a script writes is known when it runs, which is too late, unless it
    /// promised something. Steps of the coordinator are taken: each brings something to an end that is held elsewhere.
    #[inline]
    pub fn refuses(&self, replica: &Replica, command: &Command, args: &[&[u8]]) -> bool {
        (self.refusing || self.elsewhere.refuses(replica.group()))
            && (command.flags.has(Flags::DENYOOM)
                || is_script_without_promise(replica, command, args))
            && !is_step_of_coordinator(command, args)
    }

    /// Whether the use of keys is to be told by [`Self::touch`].
    #[inline]
    pub fn counts_access(&self) -> bool {
        self.access.is_some()
    }

    /// A command uses its keys.
    #[cold]
    pub fn touch(&mut self, command: &Command, args: &[&[u8]], now_us: u64) {
        let Some(access) = &mut self.access else { return };
        for at in command.key_positions(args) {
            access.touch(args[at], now_us / 1_000_000);
        }
    }

    /// The same as [`Self::touch`] and [`Self::refuses`], for an operation that came from elsewhere.
    pub fn admits(&mut self, replica: &Replica, operation: &[u8], now_us: u64) -> bool {
        let refusing = self.refusing || self.elsewhere.refuses(replica.group());
        if !refusing && self.access.is_none() {
            return true;
        }
        let operation = Operation::take(&mut &*operation);
        if let Some((_, operation)) = operation.as_ref().and_then(taken_apart) {
            let grows = |call: Call<'_>| call.request.grows();
            return !(refusing && Call::decode(operation.body).is_some_and(grows));
        }
        let keyspace = operation.filter(|operation| operation.machine == MachineId::KEYSPACE);
        let op = keyspace.and_then(|operation| Op::decode(operation.body));
        let commands = match op.as_ref().map(Op::plain) {
            Some(Op::Command(args)) => std::slice::from_ref(args),
            Some(Op::Transaction { commands, .. }) => commands,
            Some(Op::Step(
                Step::Prepare { writes, .. }
                | Step::Stage { writes, .. }
                | Step::Decide { writes, .. },
            )) => {
                return !(refusing && writes.iter().any(|(_, image)| image.is_some()));
            }
            _ => return true,
        };
        commands.iter().all(|args| match args.first().and_then(|name| synod_data::lookup(name)) {
            Some(command) => {
                self.touch(command, args, now_us);
                !self.refuses(replica, command, args)
            }
            None => true,
        })
    }

    /// How much of what the ceiling leaves one purpose may take in a node: a share of it, within bounds.
    fn part(&self, share: usize, least: usize, most: usize) -> usize {
        self.spare.map_or(most, |spare| (spare / share).clamp(least, most))
    }

    /// How long a reply may be, if that is limited.
    #[inline]
    pub fn reply_bytes_max(&self) -> Option<usize> {
        self.spare.map(|spare| (spare / 4).max(limits::REPLY_BYTES_MIN))
    }

    /// Takes the settings over.
    fn configure(&mut self, limit: usize, policy: EvictionPolicy, now_s: u64) {
        (self.limit, self.policy) = (limit, policy);
        match &mut self.access {
            Some(access) if limit > 0 && policy.by_access() => access.decay(now_s),
            None if limit > 0 && policy.by_access() => {
                self.access = Some(Box::new(AccessLog::new(now_s)));
            }
            access => *access = None,
        }
    }

    /// The keys of one partition to give up, some `bytes` of them or as many as one entry takes: for each, the one of
    /// `samples` that the policy gives up most willingly.
    fn choose(
        &self,
        keyspace: &Keyspace,
        bytes: usize,
        samples: usize,
        mut seed: u64,
        now_s: u64,
    ) -> Vec<Vec<u8>> {
        let mut chosen = std::collections::BTreeSet::new();
        let mut freed = 0;
        for _ in 0..KEYS_PER_ENTRY_MAX {
            seed = synod_data::random(&mut seed);
            let drawn = keyspace.draw_candidates(seed, samples, self.policy.volatile());
            let weigh =
                |c: &synod_data::Candidate<'_>| self.policy.weigh(c, self.access.as_deref(), now_s);
            let Some(candidate) = drawn.max_by_key(weigh) else { break };
            if chosen.insert(candidate.key.to_vec()) {
                freed += candidate.bytes;
            }
            // With few keys in many slots a draw is a long walk: none is made when there is nothing more to find.
            if freed >= bytes || chosen.len() >= keyspace.candidates(self.policy.volatile()) {
                break;
            }
        }
        chosen.into_iter().collect()
    }
}

impl Node {
    /// Once a tick: takes the settings over and counts what changes slowly.
    pub(crate) fn tend_memory(&mut self) {
        self.memory.told = false;
        self.tend_elsewhere();
        let share = usize::from(self.local.config().workers.max(1));
        let ceiling = usize::try_from(self.settings.get(Setting::MaxMemory)).unwrap_or(0);
        let limit = ceiling / share;
        // What was under way when the others were told that there is no room comes all the same.
        let taken = if limit > 0 { self.memory_used() * share } else { 0 };
        self.memory.spare = self.spare_beside(ceiling, taken.max(ceiling));
        let policy = EvictionPolicy::of(self.settings.get(Setting::MaxMemoryPolicy));
        self.memory.configure(limit, policy, self.local.now().mono_us / 1_000_000);
        let held_max = self.held_bytes_max();
        self.under_way.long_replies_mut().bound(held_max);
        let steps_max = self.transaction_bytes_max();
        self.output.steps.bound(steps_max);
        let window = self.held_bytes_max() >> 16;
        self.memory.window_max = window.clamp(limits::INFLIGHT_FIRST, limits::INFLIGHT_MAX);
        if limit > 0 {
            let keyspaces = self.groups.replicas().filter_map(|r| r.state().measures());
            let mut tables = 0;
            let (mut keys, mut bytes) = (0, 0);
            for k in keyspaces {
                tables += k.memory - k.object_bytes;
                keys += k.keys;
                bytes += k.object_bytes;
            }
            self.memory.value_bytes = bytes / keys.max(1);
            let replies = self
                .clients
                .sessions()
                .iter()
                .map(|session| session.out().capacity())
                .sum::<usize>();
            let trees = self.groups.replicas().flat_map(|r| r.state().trees());
            let trees = trees.map(|(_, tree)| tree.memory()).sum::<usize>();
            self.memory.beside_objects = tables + replies + trees;
        }
    }

    /// Once a tick: a restart reads all of the log that no snapshot contains into memory, beside what is there, so the
    /// replica that has most of it is snapshotted when that is much together.
    pub(crate) fn cut_log(&mut self) {
        let workers = usize::from(self.local.config().workers.max(1));
        let most = self.memory.part(4 * workers, limits::LOG_BYTES_MIN / workers, usize::MAX);
        let replicas = self.groups.replicas_mut();
        let all = replicas.map(|replica| replica.bytes_since_snapshot()).sum::<usize>();
        if all <= most || self.snapshot_running() {
            return;
        }
        let replicas = self.groups.replicas_mut();
        if let Some(replica) = replicas.max_by_key(|replica| replica.bytes_since_snapshot()) {
            replica.begin_snapshot();
        }
    }

    /// Once a turn: makes room, or has writes refused when there is none to be made.
    pub(crate) fn check_memory(&mut self) {
        self.memory.refusing = false;
        if self.memory.limit == 0 {
            return;
        }
        let used = self.memory_used();
        if used > self.memory.limit {
            let over = used - self.memory.limit;
            self.memory.refusing = !self.evict(over);
            if !std::mem::replace(&mut self.memory.told, true) {
                self.send_heartbeats();
            }
        }
    }

    /// What a ceiling, or what is `taken` where that is more, leaves of the memory of the process. Nodes that share a machine share what each leaves, so it is no more
    /// than three times the ceiling, which is what the default leaves where memory is least.
    fn spare_beside(&self, ceiling: usize, taken: usize) -> Option<usize> {
        let all = usize::try_from(self.local.config().memory).unwrap_or(usize::MAX);
        match (ceiling, all) {
            (0, _) => None,
            (ceiling, 0) => Some(ceiling),
            (ceiling, all) => Some(all.saturating_sub(taken).min(ceiling.saturating_mul(3))),
        }
    }

    /// How many bytes the connections of the whole node may keep for unfinished requests: little where memory is little.
    #[must_use]
    pub fn input_bytes_max(&self) -> usize {
        self.memory.part(8, limits::INPUT_BYTES_ALL_MIN, limits::INPUT_BYTES_ALL_MAX)
    }

    /// How many bytes this worker may hold for requests under way and for replies that others fetch.
    pub(crate) fn held_bytes_max(&self) -> usize {
        let workers = usize::from(self.local.config().workers.max(1));
        self.memory.part(8 * workers, limits::HELD_BYTES_MIN / workers, limits::HELD_BYTES_MAX)
    }

    /// How many requests of a new connection may be under way: with replies of 4 MiB they would take what may be held.
    #[must_use]
    pub fn first_window(&self) -> usize {
        (self.held_bytes_max() >> 22).clamp(limits::INFLIGHT_FIRST_MIN, limits::INFLIGHT_FIRST)
    }

    /// How many requests of any connection may be under way: with replies of 64 KiB they would take what may be held.
    #[inline]
    #[must_use]
    pub fn window_max(&self) -> usize {
        match self.memory.window_max {
            0 => limits::INFLIGHT_MAX,
            most => most,
        }
    }

    /// How many bytes of values transactions may fetch. While the commands run, the values are there three times: as they came,
    /// as objects, and in the reply.
    pub(crate) fn transaction_bytes_max(&self) -> usize {
        self.memory.part(16, limits::TXN_BYTES_ALL_MIN, limits::TXN_BYTES_ALL_MAX)
    }

    /// What the replies to so many requests under way are expected to take, in bytes; 0 where memory is not limited.
    #[inline]
    #[must_use]
    pub fn expected_bytes(&self, reads: usize) -> usize {
        reads.saturating_mul(self.memory.value_bytes)
    }

    /// What counts against the limit, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory.beside_objects
            + self
                .groups
                .replicas()
                .map(|r| r.state().object_bytes() + r.bytes_under_way())
                .sum::<usize>()
    }

    fn decides(&self, group: PartitionId) -> bool {
        self.is_leader(group) || planted("evicts-for-itself")
    }

    /// Proposes that keys of the partitions led here go. Whether any do, or are about to.
    fn evict(&mut self, over: usize) -> bool {
        if self.memory.policy == EvictionPolicy::NoEviction || self.room.disk_is_full() {
            return false;
        }
        let led: Vec<PartitionId> =
            self.groups.numbers().filter(|group| self.decides(*group)).collect();
        let of_led = led.iter().filter_map(|group| self.groups.replica(*group));
        let of_led = of_led.map(|replica| replica.state().object_bytes()).sum::<usize>();
        let here = self.groups.replicas().map(|replica| replica.state().object_bytes());
        let here = here.sum::<usize>().max(1);
        let now_us = self.local.now().mono_us;
        if of_led < here && now_us < self.memory.evicted_us + SETTLE_US {
            return true;
        }
        let mut going = false;
        for group in led {
            let Some(replica) = self.groups.replica(group) else { continue };
            // Each partition gives up as much of its own as all of them have to, also those that others lead, and are told of.
            let held = replica.state().keyspace().map_or(0, |keyspace| keyspace.object_bytes());
            let part = over as u128 * held as u128 / here as u128;
            going |= self.evict_from(group, (part as usize).max(1));
        }
        if going {
            self.memory.evicted_us = now_us;
        }
        going
    }

    /// Proposes that so many bytes of keys of the partition go. Whether any do, or are about to.
    fn evict_from(&mut self, group: PartitionId, bytes: usize) -> bool {
        let samples = self.settings.get(Setting::MaxMemorySamples) as usize;
        let now_s = self.local.now().mono_us / 1_000_000;
        let seed = self.local.random();
        let Some((replica, asked)) = self.groups.open(group) else { return false };
        if replica.is_evicting() || replica.is_away() {
            return true;
        }
        let Some(keyspace) = replica.state().keyspace() else { return false };
        let keys = self.memory.choose(keyspace, bytes, samples, seed, now_s);
        if keys.is_empty() {
            return false;
        }
        replica.evict(&keys, asked);
        self.groups.touch(group);
        self.absorb(group);
        true
    }
}
