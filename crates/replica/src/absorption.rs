//! A partition that takes in the content of the one right above it.
//!
//! ```text
//!   the claim is to be applied -> Awaited: which partition, given in which epoch -> its state, copied from the replica here -> applied
//!      -> a snapshot behind it is durable, and so is the log's mark of it: the entries up to it are forgotten, and the other one is needed no more
//! ```
//! The other partition has given its slots away, so all of its replicas that know of it have the same content, and keep it. A
//! replica that comes to the claim first waits: it votes and acknowledges, and applies nothing more.

use crate::changes::Changes;
use crate::loader::Loader;
use crate::replica::{Output, Replica};
use crate::slots::{Claim, Claimed};
use crate::state::State;
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_machine::{Context, MachineId, Operation};
use synod_tree::NAMED_TREES_MAX;
use synod_types::{EntryKind, Epoch, Index, Millis, PartitionId, limits};

/// A partition whose content is waited for, and the epoch in which it has given it.
pub type Awaited = (PartitionId, Epoch);

/// What a state takes in.
#[derive(Debug, Default)]
pub(crate) struct Absorption {
    /// The content that the claim about to be applied is for.
    content: Option<(Awaited, Box<State>)>,
    /// Which partition was taken in by the entry being applied.
    done: Option<PartitionId>,
}

/// What a replica has to see to because of partitions that it takes in.
#[derive(Debug, Default)]
pub(crate) struct Absorptions {
    /// What the next entry waits for.
    content_wanted: Option<Awaited>,
    /// Partitions taken in by entries that no durable snapshot covers, which the log counts on.
    not_durable: BTreeMap<PartitionId, Index>,
    /// How far the last snapshot goes that was written.
    written: Index,
    /// The state was read from a snapshot that goes so far, and the log does not durably count on it yet.
    unmarked: Option<Index>,
}

impl State {
    /// Takes the content in that is here for this claim; `false`, and nothing is changed, if it is not that.
    pub(crate) fn absorb(&mut self, claim: Claim, ctx: &Context) -> bool {
        let Claimed::Absorb { upper, sealed, .. } = claim.what else { return false };
        let is_it = |((of, epoch), _): &mut (Awaited, Box<Self>)| (*of, *epoch) == (upper, sealed);
        let content = self.absorption.content.take_if(is_it);
        let (Some((_, content)), Some(owned), Some(keyspace)) =
            (content, &mut self.owned, &mut self.keyspace)
        else {
            return false;
        };
        let Self { keyspace: Some(above), tree, named, .. } = *content else { return false };
        if keyspace.absorb(*above).is_err() {
            return false;
        }
        owned.begin(claim, ctx.now);
        // A snapshot of trees under way is given up with that of the keyspace.
        if self.tree.is_none() {
            self.tree = tree;
        }
        match (&mut self.named, named) {
            (Some(own), Some(named)) => own.absorb(*named),
            (own @ None, named) => *own = named,
            _ => {}
        }
        self.absorption.done = Some(upper);
        true
    }

    /// Whether it may become part of a partition with this state: it is small enough, and both together are not too much.
    #[must_use]
    pub fn fits_into(&self, lower: &Self) -> bool {
        let fits = self.keyspace().zip(lower.keyspace()).is_none_or(|(above, below)| {
            above.locks().len() + below.locks().len() <= limits::LOCKS_TOGETHER_MAX
        });
        let trees = self.trees().count() + lower.trees().count();
        self.object_bytes() <= limits::MERGE_BYTES_MAX && fits && trees <= NAMED_TREES_MAX
    }

    /// The same state once more, by way of a snapshot. None is being taken, and the keyspace is here.
    fn copied(&mut self) -> Option<Self> {
        let mut loader = Loader::data();
        for machine in self.snapshot_begin() {
            while let Some(chunk) = self.snapshot_next(machine, limits::SNAPSHOT_CHUNK_BYTES) {
                loader.chunk(&chunk).ok()?;
            }
        }
        loader.finish().ok()
    }
}

impl Replica {
    /// What the next committed entry waits for: the content of a partition, as of the epoch in which it has given it.
    #[must_use]
    pub fn content_wanted(&self) -> Option<Awaited> {
        self.absorptions.content_wanted
    }

    /// Whether the next committed entry takes in content that is not here.
    pub(crate) fn lacks_content(&mut self, out: &mut Vec<Output>) -> bool {
        if self.absorptions.content_wanted.is_some() {
            return true;
        }
        let Some(awaited) = self.content_of_next() else { return false };
        if self.state.absorption.content.as_ref().is_some_and(|(of, _)| *of == awaited) {
            return false;
        }
        self.absorptions.content_wanted = Some(awaited);
        out.push(Output::Awaits);
        true
    }

    /// Which content the next committed entry takes in. A claim is alone in its entry.
    fn content_of_next(&self) -> Option<Awaited> {
        let next = self.progress.backlog.front().filter(|next| next.kind == EntryKind::Commands)?;
        let payload = crate::payload::open_payload(&next.payload)?;
        let op = Operation::take(&mut &*payload.ops)?;
        let is_claim = op.machine == MachineId::SLOTS && payload.epoch == self.state.epoch();
        is_claim.then(|| self.state.owned()?.absorbs(op.body)).flatten()
    }

    /// The content of a partition that has given it away, once more. `None`: it has not, or it is lent.
    pub fn given_content(&mut self) -> Option<State> {
        self.state.owned()?.given()?;
        self.state.keyspace()?;
        self.give_snapshot_up();
        self.state.copied()
    }

    /// The content that is waited for is here.
    pub fn take_content(&mut self, of: Awaited, content: State) {
        if self.absorptions.content_wanted.take_if(|awaited| *awaited == of).is_some() {
            self.state.absorption.content = Some((of, Box::new(content)));
        }
    }

    /// Nothing is waited for any more: the state is another one, of a snapshot that goes so far.
    pub(crate) fn begin_absorptions_at(&mut self, index: Index) {
        self.absorptions = Absorptions { unmarked: Some(index), ..Absorptions::default() };
    }

    /// What was taken in by the entry that was applied last. Whoever led the other partition may not have told of all changes.
    pub(crate) fn note_absorbed(&mut self, out: &mut Vec<Output>) {
        if let Some(upper) = self.state.absorption.done.take() {
            self.absorptions.not_durable.insert(upper, self.applied);
            // What was heard of a session or a lease before its content went elsewhere and came back is too old.
            self.leases.forget();
            self.lock_leases.forget();
            if self.role == Role::Leader && self.wants_changes {
                out.push(Output::Changes(Changes { all: true, keys: Vec::new() }));
            }
        }
    }

    /// Takes a snapshot if something was taken in that none covers.
    pub(crate) fn cover_absorbed(&mut self) {
        let written = self.absorptions.written;
        if self.absorptions.not_durable.values().any(|at| *at > written) {
            self.begin_snapshot();
        }
    }

    /// The file of a snapshot that goes so far is durable.
    pub(crate) fn snapshot_covers(&mut self, index: Index) {
        self.absorptions.written = index;
    }

    /// The log durably counts on a snapshot that goes so far, so a restart begins there. What it covers is forgotten, so that
    /// nobody is sent what he might wait at.
    pub fn snapshot_is_marked(&mut self, index: Index) {
        self.absorptions.unmarked.take_if(|unmarked| *unmarked <= index);
        let before = self.absorptions.not_durable.len();
        self.absorptions.not_durable.retain(|_, at| *at > index);
        if self.absorptions.not_durable.len() < before {
            self.engine.forget(index);
        }
    }

    /// Whether a partition was taken in that a restart would need again.
    #[must_use]
    pub fn may_need(&self, upper: PartitionId) -> bool {
        self.absorptions.not_durable.contains_key(&upper) || self.absorptions.unmarked.is_some()
    }

    /// No entry is stamped earlier from now on, and no read is of an earlier time.
    pub fn is_later_than(&mut self, stamp: Millis) {
        self.stamps.learn(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_data::lookup;
    use synod_types::Slot;

    const UPPER: PartitionId = PartitionId(2);

    fn claim(state: &mut State, epoch: u64, what: Claimed) -> bool {
        let mut bytes = Vec::new();
        Claim { epoch: Epoch(epoch), what }.put_operation(&mut bytes);
        let op = Operation::take(&mut &bytes[..]).expect("an operation");
        let ctx = Context { now: Millis(700), seed: 1 };
        state.apply(op, &ctx, &mut ());
        state.epoch() == Epoch(epoch)
    }

    fn run(state: &mut State, line: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = lookup(words[0]).expect("a command");
        let ctx = Context { now: Millis(500), seed: 1 };
        state.keyspace_mut().expect("here").execute_write(command, &words, &ctx, &mut ());
    }

    /// foo lies in slot 12182, bar in 5061.
    fn halves() -> (State, State) {
        let mut lower = State::data(Slot(0)..=Slot(8_191));
        let mut upper = State::data(Slot(8_192)..=Slot(16_383));
        run(&mut lower, "SET bar 1");
        run(&mut upper, "SET foo 2 PX 1000");
        run(&mut upper, "LOCK ACQUIRE foo 500");
        (lower, upper)
    }

    fn absorb() -> Claimed {
        let slots = Slot(8_192)..=Slot(16_383);
        Claimed::Absorb { upper: UPPER, sealed: Epoch(3), slots }
    }

    #[test]
    fn what_was_given_is_taken_in_once_it_is_here() {
        let (mut lower, mut upper) = halves();
        assert!(claim(&mut upper, 3, Claimed::Given { to: PartitionId(1) }));
        let given = upper.owned().and_then(|owned| owned.given());
        assert_eq!(given, Some((PartitionId(1), Millis(700))));
        for taken_back in [Claimed::Nothing, Claimed::Slots(Slot(8_192)..=Slot(16_383))] {
            assert!(!claim(&mut upper, 9, taken_back), "it is for good");
        }
        let mut copy = upper.copied().expect("none is being taken");
        assert_eq!(copy.digest(), upper.digest());
        assert!(!claim(&mut lower, 4, absorb()), "it is not here");
        let old = ((UPPER, Epoch(2)), Box::new(copy.copied().expect("as before")));
        lower.absorption.content = Some(old);
        assert!(!claim(&mut lower, 4, absorb()), "of another epoch");
        lower.absorption.content = Some(((UPPER, Epoch(3)), Box::new(copy)));
        assert!(claim(&mut lower, 4, absorb()));
        assert_eq!(lower.absorption.done, Some(UPPER));
        let slots = lower.owned().and_then(|owned| owned.slots().cloned());
        assert_eq!(slots, Some(Slot(0)..=Slot(16_383)));
        let keyspace = lower.keyspace().expect("here");
        assert_eq!((keyspace.len(), keyspace.expires_len()), (2, 1));
        assert_eq!(keyspace.locks().tokens(b"foo"), (1, 1));
        let again = lower.copied().expect("none is being taken");
        assert_eq!(again.digest(), lower.digest());
    }

    #[test]
    fn nothing_is_given_or_taken_in_by_one_that_is_sealed_and_nothing_from_elsewhere() {
        let (mut lower, mut upper) = halves();
        for state in [&mut lower, &mut upper] {
            assert!(claim(state, 1, Claimed::Nothing));
        }
        assert!(!claim(&mut upper, 3, Claimed::Given { to: PartitionId(1) }));
        let copy = upper.copied().expect("none is being taken");
        lower.absorption.content = Some(((UPPER, Epoch(3)), Box::new(copy)));
        assert!(!claim(&mut lower, 4, absorb()));
        assert!(claim(&mut lower, 2, Claimed::Slots(Slot(0)..=Slot(8_191))));
        let elsewhere = Slot(8_193)..=Slot(16_383);
        let elsewhere = Claimed::Absorb { upper: UPPER, sealed: Epoch(3), slots: elsewhere };
        assert!(!claim(&mut lower, 4, elsewhere));
    }

    #[test]
    fn one_that_has_given_its_slots_is_read_back_as_that() {
        let (_, mut upper) = halves();
        assert!(claim(&mut upper, 3, Claimed::Given { to: PartitionId(1) }));
        let copy = upper.copied().expect("none is being taken");
        let owned = copy.owned().expect("a partition");
        assert_eq!(owned.given(), Some((PartitionId(1), Millis(700))));
        assert_eq!((owned.slots(), owned.whole()), (None, &(Slot(8_192)..=Slot(16_383))));
    }
}
