//! Commands that block and whose keys lie in several partitions.
//!
//! ```text
//!   Trying: the command as a transaction, which does not wait --it found something--> answered
//!      ^                     |
//!      |                     | it found nothing, and has changed nothing
//!      |                     v
//!      +--a key is filled- Armed: Await at the leader of each partition of its keys
//!                            |   ^
//!      an error, tried in vain   | at the next tick
//!                            v   |
//!                          Resting
//!   time is over, CLIENT UNBLOCK, connection closed: answered, and disarmed everywhere
//! ```
//!
//! A leader that tells of a key has locked it for the next attempt, which is for that key alone, so that who waits longest is
//! served first there. Nothing depends on that: what is found is found by a transaction, and leaders that were lost are asked anew.

use super::admitted::{detail_of, known};
use super::{Asked, Conducted, TOO_MANY};
use crate::colleagues::NODE;
use crate::desk::DISK_FULL;
use crate::node::Node;
use crate::settings::{PARALLEL, Setting};
use crate::waits::ForwardedWait;
use std::collections::BTreeMap;
use std::ops::Range;
use synod_data::Group;
use synod_data::op::{Args, Op};
use synod_data::waiting::{Wait, narrowed};
use synod_redis::{Flow, Kind, Told, Tried, encoded, told, tried};
use synod_replica::{Origin, WaitEnd};
use synod_txn::{Action, Coordinator, Step, TxnId};
use synod_types::{ClientId, PartitionId, ReplySink, RequestId, key_slot, limits};
use synod_wire::resp::Proto;

/// The most clients of a worker that wait for keys that lie apart.
const WAITERS_MAX: usize = 16_384;
/// How often one is armed between two ticks.
const ARMED_AT_ONCE_MAX: u32 = 4;
/// How many of those that rest are armed again at one tick.
const RESTED_MAX: usize = 1_024;

/// How far one who waits has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Trying,
    Armed,
    /// To be armed again at the next tick.
    Resting,
}

/// A leader that was asked to tell when a key is filled.
#[derive(Clone, Copy, Debug)]
struct Armed {
    partition: PartitionId,
    ticket: u64,
    request: RequestId,
}

/// One who waits.
#[derive(Debug)]
struct Waiter {
    seq: u64,
    kind: Kind,
    proto: Proto,
    args: Vec<Vec<u8>>,
    /// The places of the keys that it waits for.
    keys: Range<usize>,
    deadline_us: Option<u64>,
    stage: Stage,
    armed: Vec<Armed>,
    /// The name of the next attempt, for which leaders lock.
    name: Option<TxnId>,
    /// Whether it was armed before, so that it outlives times without a leader.
    has_waited: bool,
    /// How often it was armed since the last tick.
    armed_at_once: u32,
    /// How it ends should it find nothing.
    end: Option<WaitEnd>,
}

impl Waiter {
    /// The command, for this key alone if it is one of those that it waits for.
    fn words_for(&self, key: Option<&[u8]>) -> Vec<Vec<u8>> {
        let at = self.keys.clone().find(|at| Some(&self.args[*at][..]) == key);
        let words: Args<'_> = self.args.iter().map(Vec::as_slice).collect();
        match (at, known(&words)) {
            (Some(at), Some(command)) => {
                narrowed(command, &words, at).into_iter().map(<[u8]>::to_vec).collect()
            }
            _ => self.args.clone(),
        }
    }

    /// Whether it takes from one of the keys that it waits for, and touches no other key.
    fn only_takes(&self) -> bool {
        let words: Args<'_> = self.args.iter().map(Vec::as_slice).collect();
        known(&words).is_some_and(|command| {
            matches!(command.group, Group::List | Group::SortedSet)
                && command.key_positions(&words).count() == self.keys.len()
        })
    }
}

/// Those who wait at this worker.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    waiters: BTreeMap<ClientId, Waiter>,
    /// The last who had rested and was armed again.
    rested: ClientId,
}

impl Node {
    /// A command that blocks, and whose keys lie apart.
    pub(super) fn wait_apart(
        &mut self,
        client: ClientId,
        kind: Kind,
        args: &[&[u8]],
        wait: Wait,
    ) -> Flow {
        if let Err(text) = self.parts_of(&[Args::from_slice(args)], &[]) {
            return self.refuse_request(client, text);
        }
        if kind == Kind::Write && self.room.disk_is_full() {
            return self.refuse_request(client, DISK_FULL);
        }
        if self.conductor.waiting.waiters.len() >= WAITERS_MAX
            || self.conductor.conducted.len() >= limits::TXN_CONDUCTED_MAX
        {
            return self.refuse_request(client, TOO_MANY);
        }
        let now_us = self.local.now().mono_us;
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let waiter = Waiter {
            seq: session.reserve_barrier(kind),
            kind,
            proto: session.proto(),
            args: args.iter().map(|arg| arg.to_vec()).collect(),
            keys: wait.keys,
            deadline_us: wait.timeout_ms.map(|ms| now_us.saturating_add(ms.saturating_mul(1000))),
            stage: Stage::Trying,
            armed: Vec::new(),
            name: None,
            has_waited: false,
            armed_at_once: 0,
            end: None,
        };
        self.conductor.waiting.waiters.insert(client, waiter);
        self.try_apart(client, None);
        Flow::Next
    }

    /// Conducts the command as a transaction, for one of its keys alone where one is named.
    fn try_apart(&mut self, client: ClientId, key: Option<&[u8]>) {
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        waiter.stage = Stage::Trying;
        let (kind, proto, name) = (waiter.kind, waiter.proto, waiter.name);
        let command = waiter.words_for(key);
        let commands: [Args<'_>; 1] = [command.iter().map(Vec::as_slice).collect()];
        let parts = match kind == Kind::Write && self.room.disk_is_full() {
            true => Err(DISK_FULL),
            false => self.parts_of(&commands, &[]),
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(text) => return self.end_apart(client, &mut |out| out.error(text)),
        };
        let ticket = self.conductor.ticket(Asked::Tried { of: client });
        let reads_only = kind == Kind::Read;
        let coordinator = Coordinator::new(parts, reads_only, self.local.now().mono_us)
            .with_detail(detail_of(&commands))
            .with_parallel_commit(self.settings.get(Setting::TransactionCommit) == PARALLEL);
        let origins = vec![Origin::Step { ticket }];
        let conducted = Conducted {
            name,
            ..Conducted::new(coordinator, origins, proto, vec![command.clone()])
        };
        self.counted.counters_mut().transactions += 1;
        let number = self.ledger_number();
        self.go_on(number, conducted, vec![Action::Again]);
    }

    /// The command ran, and this is what it waits with from now on if it found nothing.
    pub(super) fn begin_rest_apart(&mut self, origins: &[Origin], begun: Option<Vec<Vec<u8>>>) {
        if let (Some(args), [Origin::Step { ticket }]) = (begun, origins)
            && let Some(Asked::Tried { of }) = self.conductor.asked.get(ticket)
            && let Some(waiter) = self.conductor.waiting.waiters.get_mut(of)
        {
            waiter.args = args;
        }
    }

    /// The transaction is over.
    pub(super) fn tried_apart(&mut self, client: ClientId, reply: &[u8]) {
        let now_us = self.local.now().mono_us;
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        let tried = tried(reply);
        let is_later = tried == Tried::Later;
        // Who waits already passes over what became something else.
        let goes_on = match tried {
            Tried::Nothing => true,
            Tried::Later => waiter.has_waited,
            Tried::WrongType => waiter.has_waited && waiter.only_takes(),
            Tried::Answered => false,
        };
        if !goes_on {
            return self.end_apart_with(client, reply);
        }
        if waiter.has_waited {
            self.unlock_apart(client);
        }
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        let late = waiter.deadline_us.filter(|at| *at <= now_us).map(|_| WaitEnd::Timeout);
        if let Some(end) = waiter.end.or(late) {
            return self.end_apart(client, &mut |out| end.reply(out));
        }
        if waiter.armed_at_once < ARMED_AT_ONCE_MAX && !is_later {
            return self.arm_apart(client);
        }
        waiter.stage = Stage::Resting;
    }

    /// Asks the leaders of all its keys to tell when one is filled.
    fn arm_apart(&mut self, client: ClientId) {
        let name = self.next_txn();
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        (waiter.stage, waiter.has_waited) = (Stage::Armed, true);
        waiter.armed_at_once += 1;
        waiter.name = (waiter.kind == Kind::Write).then_some(name);
        let txn = waiter.name.unwrap_or_default();
        let args = waiter.args.clone();
        let mut parts: BTreeMap<PartitionId, Vec<&[u8]>> = BTreeMap::new();
        for key in &args[waiter.keys.clone()] {
            let Some(partition) = self.groups.map().partition_of(key_slot(key)) else {
                waiter.stage = Stage::Resting;
                return;
            };
            parts.entry(partition).or_default().push(key);
        }
        let command: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        for (partition, keys) in parts {
            let mut op = Vec::new();
            Op::Step(Step::Await { txn, keys, command: command.clone() }).encode(&mut op);
            let ticket = self.conductor.ticket(Asked::Filled { of: client });
            let origin = Origin::Step { ticket };
            let request = self.route_wait(partition, origin, op, ForwardedWait::default());
            if let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) {
                waiter.armed.push(Armed { partition, ticket, request });
            }
        }
    }

    /// A leader has told something.
    pub(super) fn filled_apart(&mut self, client: ClientId, ticket: u64, reply: &[u8]) {
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        waiter.armed.retain(|armed| armed.ticket != ticket);
        if waiter.stage != Stage::Armed {
            return;
        }
        match told(reply) {
            Told::Key(key) => {
                self.disarm(client);
                self.try_apart(client, Some(&key));
            }
            Told::Refused(text) => self.end_apart(client, &mut |out| out.error(&text)),
            Told::Lost => {
                self.disarm(client);
                self.unlock_apart(client);
                if let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) {
                    waiter.stage = Stage::Resting;
                }
            }
        }
    }

    /// No leader is to tell it anything any more.
    fn disarm(&mut self, client: ClientId) {
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        for Armed { partition, ticket, request } in std::mem::take(&mut waiter.armed) {
            self.conductor.asked.remove(&ticket);
            let origin = Origin::Step { ticket };
            self.end_wait_at(partition, origin, Some(request), WaitEnd::Timeout);
        }
    }

    /// Gives back what leaders may have locked for an attempt that is not made.
    fn unlock_apart(&mut self, client: ClientId) {
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return };
        let Some(txn) = waiter.name.take() else { return };
        let keys = waiter.args[waiter.keys.clone()].iter();
        let mut partitions: Vec<PartitionId> =
            keys.filter_map(|key| self.groups.map().partition_of(key_slot(key))).collect();
        partitions.sort_unstable();
        partitions.dedup();
        for partition in partitions {
            self.send_step(partition, 0, Step::Release { txn });
        }
    }

    fn end_apart(&mut self, client: ClientId, write: &mut dyn FnMut(&mut dyn ReplySink)) {
        let Some(waiter) = self.conductor.waiting.waiters.get(&client) else { return };
        let reply = encoded(waiter.proto, |out| write(out));
        self.end_apart_with(client, &reply);
    }

    fn end_apart_with(&mut self, client: ClientId, reply: &[u8]) {
        self.disarm(client);
        self.unlock_apart(client);
        let Some(waiter) = self.conductor.waiting.waiters.remove(&client) else { return };
        self.desk(NODE).relay(Origin::Client { client, seq: waiter.seq }, reply);
    }

    /// A tick has passed: who rests is armed again, and who has waited for long enough is answered.
    pub(crate) fn tend_apart(&mut self) {
        if self.conductor.waiting.waiters.is_empty() {
            return;
        }
        let now_us = self.local.now().mono_us;
        let Waiting { waiters, rested } = &mut self.conductor.waiting;
        waiters.values_mut().for_each(|waiter| waiter.armed_at_once = 0);
        let is_late = |waiter: &Waiter| {
            waiter.stage != Stage::Trying && waiter.deadline_us.is_some_and(|at| at <= now_us)
        };
        let late: Vec<ClientId> =
            waiters.iter().filter(|(_, w)| is_late(w)).map(|(client, _)| *client).collect();
        let after = (std::ops::Bound::Excluded(*rested), std::ops::Bound::Unbounded);
        let line = waiters.range(after).chain(waiters.range(..=*rested));
        let rests = line.filter(|(_, w)| w.stage == Stage::Resting && !is_late(w));
        let again: Vec<ClientId> = rests.map(|(client, _)| *client).take(RESTED_MAX).collect();
        for client in late {
            self.end_apart(client, &mut |out| WaitEnd::Timeout.reply(out));
        }
        if let Some(last) = again.last() {
            self.conductor.waiting.rested = *last;
        }
        again.into_iter().for_each(|client| self.arm_apart(client));
    }

    /// Ends the wait of a client for keys that lie apart, if it has one; whether it has.
    pub(crate) fn leave_apart(&mut self, client: ClientId, end: WaitEnd) -> bool {
        let Some(waiter) = self.conductor.waiting.waiters.get_mut(&client) else { return false };
        match waiter.stage {
            Stage::Trying => waiter.end = Some(end),
            Stage::Armed | Stage::Resting => self.end_apart(client, &mut |out| end.reply(out)),
        }
        true
    }
}
