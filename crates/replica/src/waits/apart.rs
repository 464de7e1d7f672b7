//! Waits for keys of several partitions: each leader tells the node of the client when a key of its own is filled.
//!
//! Such a wait stands in the same line as the others, but never runs here: when it is its turn, the node of the client is told,
//! and conducts the command as a transaction. So that nobody takes the element meanwhile, its keys are locked for that transaction
//! from the moment at which it is told on. Whoever waits behind it is looked at again when the locks are given back.

use super::table::{Apart, Turn};
use super::{TOO_MANY, is_filled, wait_of};
use crate::pending::{Audience, Origin};
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_data::{Context, lookup};
use synod_txn::TxnId;

/// What those are told at the end of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Its wait is armed.
    Armed,
    /// It is to try this key.
    Filled(Vec<u8>),
    /// There are too many.
    Crowded,
}

impl Replica {
    /// Takes in a command that waits for keys of several partitions, of which these lie here. It is answered the key that
    /// holds what it waits for, as soon as one does, and they are locked for `txn` then, if they are free.
    pub fn arm_apart(
        &mut self,
        origin: Origin,
        txn: TxnId,
        keys: &[&[u8]],
        args: &[&[u8]],
        out: &mut Vec<Output>,
    ) {
        if self.role != Role::Leader {
            return out.push(Output::Voided(vec![origin]));
        }
        // A frame of a peer may hold anything: what is no command that waits is dropped.
        let command = args.first().and_then(|name| lookup(name));
        let command = command.filter(|command| command.check_arity(args.len()));
        let Some(command) = command.filter(|command| wait_of(command, args).is_some()) else {
            return;
        };
        let ctx = Context { now: self.wall(), seed: 0 };
        let filled = match self.state.keyspace() {
            // Who asks knows an older map.
            Some(keyspace) if !keys.iter().all(|key| keyspace.owns(key)) => {
                return out.push(Output::Voided(vec![origin]));
            }
            Some(keyspace) => keys.iter().find(|key| is_filled(command, args, keyspace, key, &ctx)),
            // It is lent to a long operation. Who tries in vain comes back.
            None => keys.first(),
        };
        let owned = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect();
        let apart = Apart { txn, keys: owned(keys) };
        if !self.waits.add_apart(origin, owned(args), apart) {
            return self.gate.told.push((origin, Told::Crowded));
        }
        match filled {
            Some(key) => _ = self.tell(origin, key),
            None => self.gate.told.push((origin, Told::Armed)),
        }
    }

    /// If it waits for keys of several partitions it is told that it is its turn with this key; `None` if it does not. Whether the keys are
    /// locked for it, so that those behind it have to wait.
    pub(super) fn tell_apart(&mut self, turn: Turn, key: &[u8]) -> Option<bool> {
        let waiter = self.waits.at(turn)?;
        let (origin, _) = (waiter.origin, waiter.apart.as_ref()?);
        Some(self.tell(origin, key))
    }

    fn tell(&mut self, origin: Origin, key: &[u8]) -> bool {
        self.gate.told.push((origin, Told::Filled(key.to_vec())));
        let apart = self.waits.remove(origin).and_then(|waiter| waiter.apart);
        let Some(Apart { txn, keys }) = apart.filter(|apart| apart.txn != TxnId::default()) else {
            return false;
        };
        self.gate.lock_if_free(txn, keys, self.state.keyspace(), self.ticks)
    }

    /// Tells those what there is to tell.
    pub(crate) fn tell_those_apart(&mut self, audience: &mut dyn Audience) {
        for (origin, told) in std::mem::take(&mut self.gate.told) {
            match told {
                Told::Armed => audience.waiting(origin, self.applied, None),
                Told::Filled(key) => audience.answer(origin, &mut |out| out.bulk(&key)),
                Told::Crowded => audience.answer(origin, &mut |out| out.error(TOO_MANY)),
            }
        }
    }

    /// Keys whose locks were given back: who waits for them and was passed over has its turn now.
    pub(crate) fn wake_freed(&mut self) {
        for key in std::mem::take(&mut self.gate.freed) {
            if self.waits.has(&key) && !self.filled.contains(&key) {
                self.filled.push(key);
            }
        }
        if !self.filled.is_empty() {
            self.wake_filled(&Context { now: self.wall(), seed: 0 });
        }
    }
}
