//! Partitions whose slots change hands, and requests that were sent before they did.
//!
//! A partition's own log says what it owns, and since which epoch (`synod_replica::Claim`); the map repeats it for those who
//! send requests. A request goes out under the epoch of the map at its node:
//!
//! ```text
//!   node of the client --epoch of its map--> leader: the epoch of the state?
//!        ^                                     | yes: proposed, with the epoch; applied, if it is still that of the state
//!        |                                     | no, in either place
//!        +-- NewerEpoch(epoch), not executed --+
//!   waits until the map knows that epoch, sends again; no longer than any request waits
//! ```
//! A partition that is sealed takes nothing, and its leader does not tell the map. If nobody has taken the slots over in
//! time, the leader takes them back.

use crate::node::Node;
use synod_replica::{Bounced, Claimed, Failure, Origin, Owned};
use synod_ring::MetaCommand;
use synod_types::plant::planted;
use synod_types::{Epoch, PartitionId};

/// A partition is sealed for this many ticks at the most: a second.
const SEALED_TICKS_MAX: u64 = 20;

impl Node {
    /// Seals a partition that is led here: its log ends an epoch, and nothing is executed any more that was sent under it,
    /// nor anything else until the leader has taken the slots back. Whether that is on its way.
    pub fn seal(&mut self, partition: PartitionId) -> bool {
        self.takes_calls(partition) && self.claim(partition, Claimed::Nothing)
    }

    pub(crate) fn claim(&mut self, partition: PartitionId, what: Claimed) -> bool {
        let opened = self.groups.open(partition);
        let proposed = opened.is_some_and(|(replica, asked)| replica.claim_slots(what, asked));
        self.groups.touch(partition);
        self.absorb(partition);
        proposed
    }

    /// Takes the slots of partitions back that have been sealed for too long, and tells the map of epochs that have begun.
    pub(crate) fn tend_slots(&mut self) {
        for partition in self.partitions() {
            if !self.owns(partition) || !self.is_leader(partition) {
                continue;
            }
            let map = self.groups.map();
            let (known, slots) = (map.epoch_of(partition), map.slots_of(partition));
            let Some(replica) = self.replica(partition) else { continue };
            let epoch = replica.state().epoch();
            match replica.sealed_ticks() {
                Some(ticks) if ticks >= SEALED_TICKS_MAX => {
                    // What was given to another partition is not taken back.
                    let owned = replica
                        .state()
                        .owned()
                        .filter(|owned| owned.given().is_none() || planted("merge-taken-back"));
                    if let Some(slots) = owned.map(|owned| owned.whole().clone()) {
                        self.claim(partition, Claimed::Slots(slots));
                    }
                }
                // That it was split or merged is told with the other partition.
                None if epoch > known
                    && !replica.is_draining()
                    && replica.state().owned().and_then(Owned::slots) == slots.as_ref() =>
                {
                    self.propose_meta(&MetaCommand::Claimed { partition, epoch });
                }
                _ => {}
            }
        }
    }

    /// Whether the replica here takes requests that are sent under the epoch of the map.
    pub(crate) fn takes_calls(&self, partition: PartitionId) -> bool {
        let replica = self.groups.replica(partition);
        replica.is_some_and(|replica| replica.takes_epoch(self.groups.map().epoch_of(partition)))
    }

    /// What a request is told that was sent to the replica here under another epoch than that of its state.
    pub(crate) fn refuses_epoch(&self, group: PartitionId, sent: Epoch) -> Option<Failure> {
        let replica = self.groups.replica(group)?;
        let epoch = replica.state().epoch();
        match replica.takes_epoch(sent) {
            true => None,
            false if epoch > sent => Some(Failure::NewerEpoch(epoch)),
            // This leader has not applied yet what the map knows.
            false => Some(Failure::NotExecuted(None)),
        }
    }

    /// Requests that the replica here took under an older epoch, and did not execute. Those of this worker are sent again,
    /// if the replica leads, so that what is behind them is behind them still.
    pub(crate) fn outdated(&mut self, group: PartitionId, epoch: Epoch, requests: Vec<Bounced>) {
        let leads = self.is_leader(group);
        for Bounced { origin, op, access } in requests {
            match origin {
                Origin::Internal => {}
                Origin::Peer { node, worker, .. } => {
                    self.under_way.attempts_mut().refuse(group, node, worker);
                    self.fail(group, origin, Failure::NewerEpoch(epoch));
                }
                _ if !leads => self.fail(group, origin, Failure::NewerEpoch(epoch)),
                Origin::Client { .. } if crate::waits::is_wait(&op) => {
                    self.fail(group, origin, Failure::NewerEpoch(epoch));
                }
                _ => self.route_again(group, origin, op, access),
            }
        }
    }
}
