//! Requests under way: sent to other workers and nodes, waiting for a leader, waiting at one; and what was heard of
//! those that others sent here.

use crate::answers::LongReplies;
use crate::attempts::Attempts;
use crate::forward::{Forward, Ledger};
use crate::unrouted::Unrouted;
use std::collections::BTreeMap;
use synod_types::{Epoch, NodeId, PartitionId, RequestId};

/// The requests under way of one worker. A request is in one of three places: out at a node, without a leader to send it
/// to, or waiting at a leader.
#[derive(Debug)]
pub(crate) struct UnderWay {
    ledger: Ledger,
    unrouted: Unrouted,
    /// Requests that wait at the leader of their partition. Their answer may take any time.
    waiting: BTreeMap<RequestId, Forward>,
    attempts: Attempts,
    long_replies: LongReplies,
    /// Groups led here that gave a request back since the last tick, as a leader does while it hands over: what
    /// they are asked waits for the next tick, or it would go round in circles within the turn.
    refusing: Vec<PartitionId>,
    /// Partitions that have to wait for what was sent to another one, of which they have slots now, before that was of the epoch.
    heirs: BTreeMap<(PartitionId, PartitionId), Epoch>,
}

impl UnderWay {
    /// None yet. `process` tells the numbers of this process's requests from those of the one before.
    pub(crate) fn new(process: u32) -> Self {
        Self {
            ledger: Ledger::new(process),
            unrouted: Unrouted::default(),
            waiting: BTreeMap::new(),
            attempts: Attempts::default(),
            long_replies: LongReplies::default(),
            refusing: Vec::new(),
            heirs: BTreeMap::new(),
        }
    }

    /// Those that are out.
    #[inline]
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// As [`Self::ledger`], to change them.
    #[inline]
    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Those that wait for a leader to be known.
    #[inline]
    pub(crate) fn unrouted(&self) -> &Unrouted {
        &self.unrouted
    }

    /// As [`Self::unrouted`], to change them.
    #[inline]
    pub(crate) fn unrouted_mut(&mut self) -> &mut Unrouted {
        &mut self.unrouted
    }

    /// In which attempts others sent their requests here.
    pub(crate) fn attempts_mut(&mut self) -> &mut Attempts {
        &mut self.attempts
    }

    /// Replies to others that are fetched in parts.
    #[inline]
    pub(crate) fn long_replies_mut(&mut self) -> &mut LongReplies {
        &mut self.long_replies
    }

    /// A request that is out, or waits at a leader.
    pub(crate) fn sent(&self, id: RequestId) -> Option<&Forward> {
        self.ledger.get(id).or_else(|| self.waiting.get(&id))
    }

    /// As [`Self::sent`], and it is so no longer.
    pub(crate) fn take_sent(&mut self, id: RequestId) -> Option<Forward> {
        self.ledger.take(id).or_else(|| self.waiting.remove(&id))
    }

    /// A leader has armed the wait of a request.
    pub(crate) fn wait(&mut self, id: RequestId, forward: Forward) {
        self.waiting.insert(id, forward);
    }

    /// If the request waited, it does no longer: its answer has begun to come.
    pub(crate) fn wait_no_longer(&mut self, id: RequestId) {
        if let Some(forward) = self.waiting.remove(&id) {
            self.ledger.insert(id, forward);
        }
    }

    /// Takes the requests that wait at a node.
    pub(crate) fn take_waiting_at(&mut self, node: NodeId) -> Vec<(RequestId, Forward)> {
        self.waiting.extract_if(.., |_, forward| forward.to == node).collect()
    }

    /// The bytes of all that are out or wait for a leader, and of what has come of their replies.
    pub(crate) fn bytes(&self) -> usize {
        self.ledger.bytes() + self.unrouted.bytes()
    }

    /// Whether nothing of this partition is under way, so that the next request overtakes none.
    #[inline]
    pub(crate) fn is_clear(&self, partition: PartitionId) -> bool {
        !self.unrouted.holds(partition)
            && self.ledger.out(partition) == 0
            && !self.is_heir(partition)
            && !self.is_refusing(partition)
    }

    /// A partition has slots that another one had before it was of this epoch.
    pub(crate) fn begin_heir(&mut self, heir: PartitionId, before: PartitionId, epoch: Epoch) {
        self.heirs.insert((heir, before), epoch);
    }

    /// Whether something that was sent to a partition that had slots of this one may be out.
    #[inline]
    pub(crate) fn is_heir(&self, partition: PartitionId) -> bool {
        !self.heirs.is_empty() && self.heirs.keys().any(|(heir, _)| *heir == partition)
    }

    /// Lets partitions be asked for which nothing more is to be waited for.
    pub(crate) fn end_heirs(&mut self) {
        let Self { heirs, ledger, .. } = self;
        heirs.retain(|(_, before), epoch| {
            let is_before = |f: &Forward| f.partition == *before && f.epoch < *epoch;
            !ledger.find(is_before).is_empty()
        });
    }

    /// A group led here gave a request back.
    pub(crate) fn gave_back(&mut self, group: PartitionId) {
        if !self.refusing.contains(&group) {
            self.refusing.push(group);
        }
    }

    /// Whether a group led here gave a request back since the last tick.
    #[inline]
    pub(crate) fn is_refusing(&self, group: PartitionId) -> bool {
        self.refusing.contains(&group)
    }

    /// A tick has passed: who gave requests back is asked again.
    pub(crate) fn tick(&mut self) {
        self.refusing.clear();
    }
}
