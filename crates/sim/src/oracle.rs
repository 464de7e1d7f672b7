//! Rules that hold at every moment, whatever clients see.
//!
//! | rule | source |
//! |---|---|
//! | election safety: one leader per group and term | Ongaro, "Consensus: Bridging Theory and Practice", figure 3.2 |
//! | state-machine safety: equal position, equal state | same |
//! | commit and applied never go backwards in one life of a process | contract of the engine |
//! | a sealed partition changes nothing: what was sent under an older epoch is executed by nobody | decision 27 |

use crate::trace::Item;
use crate::world::World;
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_node::GroupStatus;
use synod_types::{Index, PartitionId};

/// States are compared every so many ticks.
const DIGEST_TICKS: u64 = 4;
/// How many positions of a group are remembered with their state.
const DIGESTS_MAX: usize = 4_000;

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Oracle {
    leaders: BTreeMap<(PartitionId, u64), usize>,
    progress: BTreeMap<(usize, PartitionId), (Index, Index)>,
    digests: BTreeMap<PartitionId, BTreeMap<Index, (u64, usize)>>,
    counted: BTreeMap<usize, (u64, u64)>,
    ticks: u64,
    pub snapshots: (u64, u64),
}

impl Oracle {
    pub fn new_life(&mut self, node: usize) {
        self.progress.retain(|(of, _), _| *of != node);
        self.counted.remove(&node);
    }

    /// Who led the group in the latest term that was seen.
    pub fn leader(&self, group: PartitionId) -> Option<usize> {
        self.leaders.range((group, 0)..=(group, u64::MAX)).next_back().map(|(_, node)| *node)
    }

    pub fn elections(&self) -> u64 {
        self.leaders.len() as u64
    }
}

impl World {
    pub(crate) fn saw_leader(&mut self, group: PartitionId, term: u64, node: usize) {
        match self.oracle.leaders.get(&(group, term)) {
            Some(known) if *known == node => {}
            Some(known) => {
                let (a, b) = (known + 1, node + 1);
                let detail = format!("nodes {a} and {b} both lead group {group} in term {term}");
                self.fail("election safety", detail);
            }
            None => {
                self.oracle.leaders.insert((group, term), node);
                let time = self.time;
                self.recorder.keep(time, || Item::Leader(node, group.0, term));
                self.depose_later(group, node);
            }
        }
    }

    /// Looks at everything that a node tells of itself.
    pub(crate) fn sample(&mut self, at: usize) {
        let Some(process) = &self.machines[at].process else { return };
        let status = process.worker.node_ref().status();
        let seen = (status.counters.snapshots, status.counters.snapshots_installed);
        let before = self.oracle.counted.insert(at, seen).unwrap_or_default();
        self.oracle.snapshots.0 += seen.0 - before.0;
        self.oracle.snapshots.1 += seen.1 - before.1;
        for group in &status.groups {
            if group.role == Role::Leader {
                self.saw_leader(group.group, group.term.0, at);
            }
            let now = (group.commit, group.applied);
            let before = self.oracle.progress.insert((at, group.group), now).unwrap_or_default();
            if now.0 < before.0 || now.1 < before.1 || now.1 > now.0 {
                let detail = format!(
                    "group {} on node {}: commit and applied went from {before:?} to {now:?}",
                    group.group,
                    at + 1
                );
                self.fail("progress", detail);
            }
            self.recorder.mix(group.commit.0 << 8 | group.role as u64);
        }
        // A replica that was dropped may come back, and begins anew then.
        if self.shaped {
            let has = |group: PartitionId| status.groups.iter().any(|held| held.group == group);
            self.oracle.progress.retain(|(node, group), _| *node != at || has(*group));
        }
        for group in &status.groups {
            self.tell_position(at, group);
        }
        self.check_seals(at);
        self.check_health(at, &status);
        self.set_ceiling(at);
        self.check_ceiling(at);
        self.note_identities();
        self.measure_queues(at);
        self.oracle.ticks += 1;
        if self.oracle.ticks.is_multiple_of(DIGEST_TICKS) {
            self.compare_states(at);
        }
    }

    /// What a sealed partition holds is what the seal found.
    fn check_seals(&mut self, at: usize) {
        let Some(process) = &self.machines[at].process else { return };
        let node = process.worker.node_ref();
        let changed = (1..=self.partitions_max())
            .map(PartitionId)
            .find(|partition| node.changed_while_sealed(*partition));
        if let Some(partition) = changed {
            let detail = format!(
                "node {}: keys of partition {partition} changed while it was sealed",
                at + 1
            );
            self.fail("seal", detail);
        }
    }

    fn tell_position(&mut self, node: usize, status: &GroupStatus) {
        let time = self.time;
        self.recorder.keep(time, || Item::Group {
            node,
            group: status.group.0,
            role: match status.role {
                Role::Leader => 'L',
                Role::Candidate | Role::PreCandidate => 'C',
                Role::Follower => 'F',
            },
            term: status.term.0,
            last: status.last.0,
            commit: status.commit.0,
            applied: status.applied.0,
        });
    }

    /// Replicas at the same position must hold the same.
    pub(crate) fn compare_states(&mut self, at: usize) {
        for group in 0..=self.partitions_max() {
            let group = PartitionId(group);
            let Some(process) = &self.machines[at].process else { return };
            let Some((applied, digest)) = process.worker.node_ref().digest(group) else { continue };
            let known = self.oracle.digests.entry(group).or_default();
            let (other, whose) = *known.entry(applied).or_insert((digest, at));
            if known.len() > DIGESTS_MAX {
                known.pop_first();
            }
            self.recorder.mix(digest);
            if other != digest {
                let detail = format!(
                    "nodes {} and {} differ in group {group} after entry {applied}",
                    whose + 1,
                    at + 1
                );
                return self.fail("state-machine safety", detail);
            }
        }
    }
}
