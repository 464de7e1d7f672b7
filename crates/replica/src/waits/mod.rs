//! Waits: commands that found nothing, and are run again when one of their keys was filled.
//!
//! A wait is not part of the state. The leader keeps it, whoever waits arms it again at the next leader.
//!
//! ```text
//!   wait ---> running: its command is in the log ---> answered: it found something
//!               ^                        |
//!               | a key was filled       | it found nothing, and has changed nothing
//!               |                        v
//!               +--------------------- resting ---> ended: time is over, CLIENT UNBLOCK, connection closed
//!                                        |
//!                                        +--------> given back: the leader is one no longer
//! ```
//!
//! Order of service: the command that fills a key is followed, in the same batch, by the commands of those who have
//! rested longest on that key, so that nothing that is proposed later comes in between. It is not known then whether
//! the key will be filled; who finds nothing rests again in its old place. A wait is run for the key that was filled
//! alone, as in Redis. What fills a key otherwise (more elements than arguments, a script) is seen when it is applied.
//!
//! A wait is in the log at most once at any time. So a leader that is deposed knows of each whether it may have been
//! served. When a leader dies it is the next one that knows, from the entries ([`served`]).

mod apart;
mod recorded;
mod served;
mod table;

pub(crate) use apart::Told;
pub(crate) use served::Served;
pub use table::WaitEnd;
pub(crate) use table::Waits;

use crate::pending::{Audience, Failure, Origin};
use crate::replica::{Output, Replica};
use recorded::Recorded;
use served::Fate;
use std::collections::{BTreeSet, VecDeque};
use synod_consensus::Role;
use synod_data::op::{Args, Op, Ticket};
use synod_data::waiting::{
    begun, fills, in_the_end, is_filled, narrowed, suits, takes_turn, wait_of,
};
use synod_data::{Command, Context, Group, Keyspace, lookup};
use synod_machine::{MachineId, Operation};
use synod_types::{Index, NodeId, limits};
use table::Turn;

const TOO_MANY: &str = "ERR too many clients wait for keys of this partition";

/// A wait that was armed at another leader before.
#[derive(Debug)]
pub(crate) struct Rearmed {
    origin: Origin,
    args: Vec<Vec<u8>>,
    deadline_us: Option<u64>,
    since: Index,
}

impl Replica {
    /// Takes in a command that may wait, until `deadline_us` of the node's clock. `since`: it was armed elsewhere, and
    /// no entry up to there has ended it.
    pub fn wait(
        &mut self,
        origin: Origin,
        args: &[&[u8]],
        deadline_us: Option<u64>,
        since: Option<Index>,
        out: &mut Vec<Output>,
    ) {
        if self.role != Role::Leader {
            return out.push(Output::Voided(vec![origin]));
        }
        if !self.holds_wait_back(origin, args, (deadline_us, since)) {
            self.wait_open(origin, args, deadline_us, since);
        }
    }

    /// As [`Self::wait`], for what need not wait for a transaction.
    pub(crate) fn wait_open(
        &mut self,
        origin: Origin,
        args: &[&[u8]],
        deadline_us: Option<u64>,
        since: Option<Index>,
    ) {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.to_vec()).collect();
        match since {
            Some(since) => self.rearmed.push(Rearmed { origin, args, deadline_us, since }),
            None => self.begin_wait(origin, args, deadline_us),
        }
    }

    fn begin_wait(&mut self, origin: Origin, args: Vec<Vec<u8>>, deadline_us: Option<u64>) {
        let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        // A frame of a peer may hold anything: what is no command that waits is dropped.
        let command = words.first().and_then(|name| lookup(name));
        let wait = command
            .filter(|command| command.check_arity(words.len()))
            .and_then(|command| wait_of(command, &words));
        let Some(wait) = wait else { return };
        let bytes = self.batch.add(origin, self.state.epoch());
        let start = bytes.len();
        Op::Wait { ticket: ticket(origin), args: words.into_iter().collect() }.encode(bytes);
        if !self.waits.is_empty() {
            self.follow_up(start);
        }
        // One that finds no place any more runs all the same, and is told so should it find nothing.
        let keys = wait.keys;
        self.waits.add(origin, args, keys, deadline_us);
    }

    /// Arms again what was armed at a leader before, once it is known here whether that one has served it.
    pub(crate) fn rearm(&mut self, audience: &mut dyn Audience) {
        if self.rearmed.is_empty() || (self.role == Role::Leader && self.applied_term != self.term)
        {
            return; // a new leader knows all that was served once its first entry is applied
        }
        for Rearmed { origin, args, deadline_us, since } in std::mem::take(&mut self.rearmed) {
            if self.role != Role::Leader {
                audience.fail(origin, Failure::NotExecuted(self.leader));
                continue;
            }
            if self.waits.get(origin).is_some() {
                continue; // it never left
            }
            match self.served.fate(ticket(origin), since) {
                Fate::Answered(answer) => audience.answer(origin, &mut |out| answer.replay(out)),
                Fate::Open => self.begin_wait(origin, args, deadline_us),
                Fate::Unknown => audience.fail(origin, Failure::Unknown),
            }
        }
    }

    /// Lets those who wait for the keys that this operation may fill run right behind it. It is the last in the batch
    /// and begins there at `start`.
    pub(crate) fn follow_up(&mut self, start: usize) {
        let mut queue = VecDeque::new();
        if let Some(op) = keyspace_op(&self.batch.payload()[start..]) {
            written_keys(&op, |key, filler, many| {
                if let Some(many) = many
                    && self.waits.has(key)
                {
                    queue.push_back((key.to_vec(), filler, many));
                }
            });
        }
        while let Some((key, filler, many)) = queue.pop_front() {
            let mut served = BTreeSet::new();
            for turn in self.waits.in_line(&key, many.min(limits::WAITS_WOKEN_MAX)) {
                if !self.finds_something(turn, filler, &mut served) {
                    continue;
                }
                match self.tell_apart(turn, &key) {
                    Some(true) => break,
                    Some(false) => continue,
                    None => {}
                }
                let filler = self.waits.at(turn).and_then(|waiter| lookup(&waiter.args[0]));
                // What a wait moves to another key may end another wait.
                if let Some(next) = self.run_wait(turn, &key)
                    && self.waits.has(&next)
                    && let Some(filler) = filler
                {
                    queue.push_back((next, filler, 1));
                }
            }
        }
    }

    /// Whether a wait that rests may find something behind this command, others having been woken before it.
    fn finds_something(
        &mut self,
        turn: Turn,
        filler: &Command,
        served: &mut BTreeSet<Vec<u8>>,
    ) -> bool {
        let Some(waiter) = self.waits.at(turn) else { return false };
        let words: Vec<&[u8]> = waiter.args.iter().map(Vec::as_slice).collect();
        let Some(command) = lookup(words[0]) else { return false };
        // Of a lock, who is in the log already stands before those behind it all the same.
        if waiter.running && command.name != "lock" {
            return false;
        }
        suits(filler, command) && takes_turn(command, &words, served) && !waiter.running
    }

    /// Puts a wait's command into the batch, for this key alone. The key that it fills, if any.
    fn run_wait(&mut self, turn: Turn, key: &[u8]) -> Option<Vec<u8>> {
        let waiter = self.waits.at(turn)?;
        let at = waiter.keys.clone().find(|at| waiter.args[*at] == key)?;
        let words: Vec<&[u8]> = waiter.args.iter().map(Vec::as_slice).collect();
        let command = lookup(words[0])?;
        let op = Op::Wait {
            ticket: ticket(waiter.origin),
            args: narrowed(command, &words, at).into_iter().collect(),
        };
        op.encode(self.batch.add(waiter.origin, self.state.epoch()));
        let fills = fills(command, &words).is_some();
        (waiter.running, waiter.woken) = (true, true);
        fills.then(|| waiter.args[2].clone())
    }

    /// Runs a committed command that may wait.
    pub(crate) fn apply_wait(
        &mut self,
        index: Index,
        operation: Operation<'_>,
        origin: Option<Origin>,
        ctx: &Context,
        audience: &mut dyn Audience,
    ) {
        let (Some(Op::Wait { ticket, args }), Some(keyspace)) =
            (Op::decode(operation.body), self.state.keyspace_mut())
        else {
            return;
        };
        let mut reply = Recorded::new(ticket.resp3);
        let woken = origin.and_then(|o| self.waits.get(o)).is_some_and(|waiter| waiter.woken);
        let misled = woken && holds_something_else(&args, keyspace, ctx);
        let answered = keyspace.run_wait(&args, ctx, &mut reply) && !misled;
        // An error has changed nothing: whoever did not hear of it may run again.
        if answered && ticket.node != NodeId(0) && !reply.is_error() {
            self.served.note(index, ticket, reply.clone());
        }
        let Some(origin) = origin else { return };
        if answered {
            self.waits.remove(origin);
            audience.answer(origin, &mut |out| reply.replay(out));
            audience.answered(origin, operation);
        } else {
            self.begin_rest(origin, ctx);
            self.rest(origin, index, audience);
        }
    }

    /// What a wait reads on from is decided once, when it has found nothing for the first time.
    fn begin_rest(&mut self, origin: Origin, ctx: &Context) {
        let (Some(waiter), Some(keyspace)) = (self.waits.get(origin), self.state.keyspace()) else {
            return;
        };
        let words: Vec<&[u8]> = waiter.args.iter().map(Vec::as_slice).collect();
        let Some(command) = lookup(words[0]) else { return };
        if let Some(args) = begun(command, &words, keyspace, ctx) {
            waiter.args = args;
            waiter.begun = true;
        }
    }

    /// A wait has found nothing, up to this entry.
    fn rest(&mut self, origin: Origin, index: Index, audience: &mut dyn Audience) {
        let Some(waiter) = self.waits.get(origin) else {
            return audience.answer(origin, &mut |out| out.error(TOO_MANY));
        };
        waiter.running = false;
        match waiter.end {
            Some(end) => _ = self.end_wait(origin, end, audience),
            None if self.role == Role::Leader => {
                let words: Vec<&[u8]> = waiter.args.iter().map(Vec::as_slice).collect();
                audience.waiting(origin, index, waiter.begun.then_some(&words));
            }
            None => {
                self.waits.remove(origin);
                audience.fail(origin, Failure::NotExecuted(self.leader));
            }
        }
    }

    /// Notes the keys that a committed operation may have filled.
    pub(crate) fn note_filled(&mut self, operation: Operation<'_>) {
        let Some(op) = Op::decode(operation.body) else { return };
        let (waits, filled) = (&self.waits, &mut self.filled);
        let mut note = |key: &[u8]| {
            if waits.has(key) && !filled.iter().any(|known| known == key) {
                filled.push(key.to_vec());
            }
        };
        // What deletes a key ends the wait of a group's reader, and whoever was served may have left something.
        written_keys(&op, |key, _, _| note(key));
        match op.plain() {
            Op::Expire(keys) | Op::Evict(keys) => keys.iter().for_each(|key| note(key)),
            Op::Clear => waits.keys().for_each(&mut note),
            // A script may fill keys that it does not declare.
            op if runs_script(op) => waits.keys().for_each(&mut note),
            _ => {}
        }
    }

    /// Runs those who still rest on a key that an entry has filled.
    pub(crate) fn wake_filled(&mut self, ctx: &Context) {
        for key in std::mem::take(&mut self.filled) {
            // Whoever has the lock is before them; they are looked at when it is given back.
            if self.gate.has_lock_of(&key) {
                continue;
            }
            let mut served = BTreeSet::new();
            for turn in self.waits.in_line(&key, limits::WAITS_WOKEN_MAX) {
                let Some(waiter) = self.waits.at(turn) else { continue };
                let words: Vec<&[u8]> = waiter.args.iter().map(Vec::as_slice).collect();
                let Some(command) = lookup(words[0]) else { continue };
                let running = waiter.running;
                // Who shares a lock does not go past one who wants it alone and came earlier.
                if command.name == "lock" && !takes_turn(command, &words, &mut served) {
                    continue;
                }
                let Some(keyspace) = self.state.keyspace() else { return };
                if running || !is_filled(command, &words, keyspace, &key, ctx) {
                    continue;
                }
                match self.tell_apart(turn, &key) {
                    Some(true) => break,
                    Some(false) => {}
                    None => _ = self.run_wait(turn, &key),
                }
            }
        }
    }

    /// Ends a wait, at once if it rests, and otherwise should it find nothing. Whether there is such a wait.
    pub fn end_wait(&mut self, origin: Origin, end: WaitEnd, audience: &mut dyn Audience) -> bool {
        let rearmed = self.rearmed.len();
        self.rearmed.retain(|rearmed| rearmed.origin.request() != origin.request());
        if self.rearmed.len() < rearmed || self.leave_line(origin) {
            audience.answer(origin, &mut |out| end.reply(out));
            return true;
        }
        let Some(waiter) = self.waits.get(origin) else { return false };
        if waiter.running {
            waiter.end = Some(end);
            return true;
        }
        self.waits.remove(origin);
        audience.answer(origin, &mut |out| end.reply(out));
        true
    }

    /// Ends the waits whose time is over.
    pub fn expire_waits(&mut self, now_us: u64, audience: &mut dyn Audience) {
        while let Some(origin) = self.waits.due(now_us) {
            self.end_wait(origin, WaitEnd::Timeout, audience);
        }
    }

    /// Forgets the waits of a node that cannot be reached: it arms them again when it can.
    pub fn forget_waits_of(&mut self, peer: NodeId) {
        let of_peer = |origin| matches!(origin, Origin::Peer { node, .. } if node == peer);
        for origin in self.waits.resting_origins(of_peer) {
            self.waits.remove(origin);
        }
        self.forget_in_line(of_peer);
    }

    /// These get their answer elsewhere, or none.
    pub(crate) fn forget_waits(&mut self, origins: &[Origin]) {
        if !self.waits.is_empty() {
            origins.iter().for_each(|origin| _ = self.waits.remove(*origin));
        }
    }

    /// Gives back the waits that rest here: this replica leads no longer.
    pub(crate) fn give_waits_back(&mut self, out: &mut Vec<Output>) {
        let mut origins = self.waits.resting_origins(|_| true);
        origins.iter().for_each(|origin| _ = self.waits.remove(*origin));
        origins.extend(self.rearmed.drain(..).map(|rearmed| rearmed.origin));
        if !origins.is_empty() {
            out.push(Output::Voided(origins));
        }
    }

    /// How many clients wait here.
    #[must_use]
    pub fn waits_len(&self) -> usize {
        self.waits.len() + self.rearmed.len()
    }
}

/// The operation of the keyspace that begins here.
fn keyspace_op(mut bytes: &[u8]) -> Option<Op<'_>> {
    let operation = Operation::take(&mut bytes)?;
    (operation.machine == MachineId::KEYSPACE).then(|| Op::decode(operation.body)).flatten()
}

/// Whether the key of a wait for a list or a sorted set holds neither: it was filled and has become something else since. Who
/// only begins to wait is told of that as an error, who was woken for it goes on waiting.
fn holds_something_else(args: &Args<'_>, keyspace: &Keyspace, ctx: &Context) -> bool {
    let Some(command) = lookup(args[0]) else { return false };
    let key = wait_of(command, args).and_then(|wait| args.get(wait.keys.start).copied());
    let of_one_kind = matches!(command.group, Group::List | Group::SortedSet);
    of_one_kind && key.is_some_and(|key| !is_filled(command, args, keyspace, key, ctx))
}

/// How a log entry names who waits; only those of other workers can come back without having been answered.
fn ticket(origin: Origin) -> Ticket {
    match origin {
        Origin::Peer { node, worker, request, resp3, .. } => {
            Ticket { node, worker, request, resp3 }
        }
        _ => Ticket::default(),
    }
}

/// Whether an operation runs a script.
fn runs_script(op: &Op<'_>) -> bool {
    let is_script = |args: &[&[u8]]| {
        let command = in_the_end(args).first().and_then(|name| lookup(name));
        command.is_some_and(Command::runs_writing_script)
    };
    match op.plain() {
        Op::Command(args) => is_script(args),
        Op::Transaction { commands, .. } => commands.iter().any(|args| is_script(args)),
        _ => false,
    }
}

/// The keys of an operation's commands, and with how many elements at most a command may fill them, if at all.
fn written_keys(op: &Op<'_>, mut see: impl FnMut(&[u8], &'static Command, Option<usize>)) {
    let mut command = |args: &[&[u8]]| {
        let args = in_the_end(args);
        let Some(command) = args.first().and_then(|name| lookup(name)) else { return };
        let many = fills(command, args);
        command.key_positions(args).for_each(|at| see(args[at], command, many));
    };
    match op.plain() {
        Op::Command(args) | Op::Wait { args, .. } => command(args),
        Op::Transaction { commands, .. } => commands.iter().for_each(|args| command(args)),
        _ => {}
    }
}
