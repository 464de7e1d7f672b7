//! Requests for keys of transactions over several partitions wait at the leader, in line.
//!
//! A transaction locks its keys here before it is prepared, and its intent holds them once it is. Whoever wants one of them
//! meanwhile waits, and behind it whoever wants a key of theirs or may be of the same connection, so that the
//! requests of a connection keep their order. Locks and line are this leader's own: another one begins without, and what
//! then meets an intent is refused by the keyspace. So everything here is about waiting, nothing about safety.
//!
//! ```text
//!   request --> its keys are free, nobody before it wants them ----> as ever
//!          \--> in line --> the keys come free ----> as ever
//!                      \--> after a while, or when there are too many: refused, nothing was done
//!                      \--> the leader steps down: given back, in order
//! ```

mod bar;
mod line;
mod silent;

pub(crate) use line::Gate;
pub use silent::Silent;

use crate::pending::{Access, Audience, Bounced, Origin};
use crate::replica::{Output, Replica};
use line::{Connection, Held, Line, Lock, Wanted, wanted};
use synod_consensus::Role;
use synod_data::BUSY;
use synod_data::op::{Op, put_command};
use synod_machine::{MachineId, Operation};
use synod_txn::{Locking, Step, TxnId};
use synod_types::plant::planted;
use synod_types::{Index, limits};

/// How long a tick of the replica is, in milliseconds.
const TICK_MS: u64 = 50;
const WAITED: &str =
    "TRYAGAIN The key waited too long for a transaction over it; nothing was written";
const MALFORMED: &str = "ERR malformed operation";

impl Replica {
    /// Whether a request may go on without a look at its keys.
    #[inline]
    pub(crate) fn gate_is_open(&self) -> bool {
        self.gate.is_open()
            && match self.state.keyspace() {
                Some(keyspace) => !keyspace.transactions().holds_some(),
                None => !self.gate.intents,
            }
    }

    /// Whether the request has to wait; then it stands in line.
    pub(crate) fn holds_back(&mut self, origin: Origin, op: &[u8], access: Access) -> bool {
        self.holds_back_as(origin, op, access, None)
    }

    /// As [`Self::holds_back`], for a command that may wait for its keys to be filled.
    pub(crate) fn holds_wait_back(
        &mut self,
        origin: Origin,
        args: &[&[u8]],
        wait: (Option<u64>, Option<Index>),
    ) -> bool {
        if self.gate_is_open() {
            return false;
        }
        let mut op = Vec::new();
        put_command(&mut op, args);
        self.holds_back_as(origin, &op, Access::Write, Some(wait))
    }

    fn holds_back_as(
        &mut self,
        origin: Origin,
        op: &[u8],
        access: Access,
        wait: Option<(Option<u64>, Option<Index>)>,
    ) -> bool {
        if self.role != Role::Leader
            || origin == Origin::Internal
            || planted("read-past-intent")
            || is_step(op)
        {
            return false;
        }
        let (wanted, connection) = (wanted(op), Connection::of(origin));
        if self.gate.is_free(&wanted, None, self.state.keyspace())
            && !self.gate.line.precedes(&wanted, connection)
        {
            return false;
        }
        let (op, since) = (op.to_vec(), self.ticks);
        let held = Held { origin, op, access, wanted, locks_for: None, connection, wait, since };
        self.gate.changed |= self.is_away();
        self.gate.put_in_line(held);
        true
    }

    /// Takes in a step of a transaction that reads: locks are taken or given back.
    pub fn take_step(&mut self, origin: Origin, op: &[u8]) {
        let operation = Operation::take(&mut &*op);
        let decoded = operation.and_then(|operation| Op::decode(operation.body));
        let Some(Op::Step(step)) = decoded else {
            return self.gate.refused.push((origin, MALFORMED)); // a frame of a peer may hold anything
        };
        match step {
            Step::Fetch { txn, locking, .. } if self.role == Role::Leader => {
                self.take_fetch(origin, op, txn, locking);
            }
            Step::Release { txn } => {
                self.gate.unlock(txn);
                self.read_open(origin, false, |bytes| bytes.extend_from_slice(op));
            }
            _ => self.read_open(origin, true, |bytes| bytes.extend_from_slice(op)),
        }
    }

    fn take_fetch(&mut self, origin: Origin, op: &[u8], txn: TxnId, locking: Locking) {
        let wanted = wanted(op);
        let free = self.gate.is_free(&wanted, Some(txn), self.state.keyspace())
            && (self.gate.is_locked_for(&wanted, txn) || !self.gate.line.precedes(&wanted, None));
        match (free, locking) {
            (true, Locking::None) => {}
            // No safety rests on locks; what that rests on is planted away here.
            (true, _) if planted("version-unchecked") => {}
            (true, _) => {
                if let Wanted::Keys(keys) = &wanted {
                    self.gate.lock(txn, keys, self.ticks);
                }
            }
            (false, Locking::Try) => return self.gate.refused.push((origin, BUSY)),
            (false, _) => {
                let (op, since) = (op.to_vec(), self.ticks);
                let locks_for = (locking == Locking::Wait).then_some(txn);
                let (access, connection, wait) = (Access::Read, None, None);
                let held = Held { origin, op, access, wanted, locks_for, connection, wait, since };
                self.gate.changed |= self.is_away();
                return self.gate.put_in_line(held);
            }
        }
        // Behind everything that was written here so far: a version that is about to change is of no use.
        self.read_open(origin, true, |bytes| bytes.extend_from_slice(op));
    }

    /// Lets those in line go on whose keys are free.
    pub(crate) fn open_gate(&mut self, out: &mut Vec<Output>) {
        if !self.gate.changed || self.is_away() {
            return;
        }
        self.gate.changed = false;
        self.wake_freed();
        let waiting = std::mem::take(&mut self.gate.held);
        self.gate.line = Line::default();
        self.gate.bytes = 0;
        for held in waiting {
            let goes = self.gate.is_free(&held.wanted, held.locks_for, self.state.keyspace())
                && !self.gate.line.precedes(&held.wanted, held.connection);
            if !goes {
                self.gate.put_in_line(held);
                continue;
            }
            let Held { origin, op, access, wanted, locks_for, wait, .. } = held;
            if let (Some(txn), Wanted::Keys(keys)) = (locks_for, &wanted) {
                self.gate.lock(txn, keys, self.ticks);
            }
            if let Some((deadline_us, since)) = wait {
                self.rearm_behind(origin, &op, deadline_us, since);
                continue;
            }
            match access {
                Access::Write => self.write_open(origin, |bytes| bytes.extend_from_slice(&op), out),
                // Behind what was let go before it.
                _ => self.read_open(origin, true, |bytes| bytes.extend_from_slice(&op)),
            }
        }
    }

    /// Answers those who are not to wait, or not any longer.
    pub(crate) fn refuse_at_gate(&mut self, audience: &mut dyn Audience) {
        for (origin, text) in std::mem::take(&mut self.gate.refused) {
            audience.answer(origin, &mut |out| out.error(text));
        }
        self.tell_those_apart(audience);
    }

    /// A step of a transaction was applied.
    pub(crate) fn step_applied(&mut self, operation: Operation<'_>) {
        let Some(Op::Step(step)) = Op::decode(operation.body) else { return };
        if matches!(step, Step::Finish { .. } | Step::Decide { .. } | Step::Conclude { .. }) {
            self.gate.unlock(step.txn());
        }
        let Some(keyspace) = self.state.keyspace_mut() else { return };
        let released = keyspace.take_released();
        self.gate.intents = keyspace.transactions().holds_some();
        if !released.is_empty() {
            self.gate.changed = true;
        }
        for key in released {
            if self.waits.has(&key) && !self.filled.contains(&key) {
                self.filled.push(key);
            }
        }
    }

    /// A command that may wait was held back, and is not any longer.
    fn rearm_behind(
        &mut self,
        origin: Origin,
        op: &[u8],
        deadline_us: Option<u64>,
        since: Option<Index>,
    ) {
        let operation = Operation::take(&mut &*op);
        if let Some(Op::Command(args)) = operation.and_then(|op| Op::decode(op.body)) {
            self.wait_open(origin, &args, deadline_us, since);
        }
    }

    /// Whether such a command stands in line; it does not any more.
    pub(crate) fn leave_line(&mut self, origin: Origin) -> bool {
        let is_it = |held: &Held| held.wait.is_some() && held.origin.request() == origin.request();
        let Some(at) = self.gate.held.iter().position(is_it) else { return false };
        self.gate.held.remove(at);
        self.gate.changed = true;
        true
    }

    /// Drops the commands that may wait of these.
    pub(crate) fn forget_in_line(&mut self, whose: impl Fn(Origin) -> bool) {
        let before = self.gate.held.len();
        self.gate.held.retain(|held| held.wait.is_none() || !whose(held.origin));
        self.gate.changed |= self.gate.held.len() < before;
    }

    /// This replica leads no longer: nobody waits here.
    pub(crate) fn close_gate(&mut self, out: &mut Vec<Output>) {
        let mut waits = Vec::new();
        for Held { origin, op, access, wait, .. } in self.gate.take_all() {
            match wait {
                Some(_) => waits.push(origin),
                None => self.refused.push(Bounced { origin, op, access }),
            }
        }
        if !waits.is_empty() {
            out.push(Output::Voided(waits));
        }
    }

    /// Another tick has passed: locks that nobody gave back are taken back, and nobody waits too long.
    pub(crate) fn age_gate(&mut self, audience: &mut dyn Audience) {
        self.gate.age_bar(self.ticks);
        if self.gate.is_open() {
            return;
        }
        let now = self.ticks;
        let is_old = |since: u64, ms: u64| now.saturating_sub(since) >= ms / TICK_MS;
        let old = |(txn, lock): (&TxnId, &Lock)| {
            is_old(lock.since, limits::TXN_LOCK_MS_MAX).then_some(*txn)
        };
        for txn in self.gate.locks.iter().filter_map(old).collect::<Vec<_>>() {
            self.gate.unlock(txn);
        }
        while let Some(held) =
            self.gate.held.pop_front_if(|held| is_old(held.since, limits::TXN_WAIT_MS_MAX))
        {
            self.gate.changed = true;
            audience.answer(held.origin, &mut |out| out.error(WAITED));
        }
    }

    /// How many transactions are prepared here and not ended.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.state.keyspace().map_or(0, |keyspace| keyspace.transactions().counts().0)
    }

    /// How many requests wait for transactions, and how many transactions have locks.
    #[must_use]
    pub fn gate_load(&self) -> (usize, usize) {
        (self.gate.held.len(), self.gate.locks.len())
    }
}

/// Whether an encoded operation is a step of a transaction.
pub(crate) fn is_step(op: &[u8]) -> bool {
    Operation::take(&mut &*op).is_some_and(|operation| {
        operation.machine == MachineId::KEYSPACE && synod_data::op::is_step(operation.body)
    })
}
