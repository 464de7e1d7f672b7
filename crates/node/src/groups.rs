//! The groups that this worker hosts, and what it knows of the others: their map, their leaders, their engines.

use crate::engines::Engines;
use crate::leaders::Leaders;
use crate::reshape::Dropped;
use crate::snapshots::Fetches;
use std::sync::Arc;
use synod_consensus::{Protocol, Role};
use synod_replica::{Output, Replica};
use synod_ring::ClusterMap;
use synod_types::PartitionId;

/// The replicas of this worker, and the map by which it finds the others.
pub(crate) struct Groups {
    map: Arc<ClusterMap>,
    /// `None` where a group lives elsewhere. Indexed by group number.
    replicas: Vec<Option<Box<Replica>>>,
    /// Groups that something happened to in this turn.
    busy: Vec<PartitionId>,
    leaders: Leaders,
    engines: Engines,
    fetches: Fetches,
    dropped: Dropped,
    /// The buffer for what replicas ask for; it keeps its room from one to the next.
    asked: Vec<Output>,
}

impl Groups {
    /// No replica, and a map that was not founded.
    pub(crate) fn new() -> Self {
        Self {
            map: Arc::default(),
            replicas: Vec::new(),
            busy: Vec::new(),
            leaders: Leaders::default(),
            engines: Engines::default(),
            fetches: Fetches::new(),
            dropped: Dropped::default(),
            asked: Vec::new(),
        }
    }

    /// The cluster map as far as it is known here.
    #[inline]
    pub(crate) fn map(&self) -> &Arc<ClusterMap> {
        &self.map
    }

    /// Takes a newer map.
    pub(crate) fn set_map(&mut self, map: Arc<ClusterMap>) {
        self.map = map;
    }

    /// The replica of a group, if it is here.
    #[inline]
    pub(crate) fn replica(&self, group: PartitionId) -> Option<&Replica> {
        self.replicas.get(group.0 as usize)?.as_deref()
    }

    /// As [`Self::replica`], to change it; [`Self::touch`] says that something is to come of it.
    #[inline]
    pub(crate) fn replica_mut(&mut self, group: PartitionId) -> Option<&mut Replica> {
        self.replicas.get_mut(group.0 as usize)?.as_deref_mut()
    }

    /// As [`Self::replica_mut`], with the buffer for what the replica asks for.
    #[inline]
    pub(crate) fn open(&mut self, group: PartitionId) -> Option<(&mut Replica, &mut Vec<Output>)> {
        let replica = self.replicas.get_mut(group.0 as usize)?.as_deref_mut()?;
        Some((replica, &mut self.asked))
    }

    /// All replicas here, by group number.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().flatten().map(|replica| &**replica)
    }

    /// As [`Self::replicas`], to change them.
    pub(crate) fn replicas_mut(&mut self) -> impl Iterator<Item = &mut Replica> {
        self.replicas.iter_mut().flatten().map(|replica| &mut **replica)
    }

    /// The numbers of all groups up to the last one here, whether they are here or not.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.replicas.len() as u32).map(PartitionId)
    }

    /// A replica comes to be here.
    pub(crate) fn add(&mut self, group: PartitionId, replica: Replica) {
        let at = group.0 as usize;
        if at >= self.replicas.len() {
            self.replicas.resize_with(at + 1, || None);
        }
        self.replicas[at] = Some(Box::new(replica));
        self.touch(group);
    }

    /// A replica is here no longer.
    pub(crate) fn remove(&mut self, group: PartitionId) -> Option<Box<Replica>> {
        self.replicas.get_mut(group.0 as usize)?.take()
    }

    /// Notes that the group is to be pumped at the end of the turn.
    #[inline]
    pub(crate) fn touch(&mut self, group: PartitionId) {
        if !self.busy.contains(&group) {
            self.busy.push(group);
        }
    }

    /// Whether a group is still to be pumped.
    pub(crate) fn has_busy(&self) -> bool {
        !self.busy.is_empty()
    }

    /// The groups to be pumped, which are taken as pumped.
    pub(crate) fn take_busy(&mut self) -> Vec<PartitionId> {
        std::mem::take(&mut self.busy)
    }

    /// Gives the buffer of [`Self::take_busy`] back, empty, if no group was touched meanwhile; whether that is so.
    pub(crate) fn give_back_busy(&mut self, buffer: Vec<PartitionId>) -> bool {
        let rests = self.busy.is_empty();
        if rests {
            self.busy = buffer;
        }
        rests
    }

    /// What replicas asked for and was not passed on yet; the buffer goes back by [`Self::give_back_asked`].
    #[inline]
    pub(crate) fn take_asked(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.asked)
    }

    /// Gives the buffer back, with what was asked for.
    #[inline]
    pub(crate) fn give_back_asked(&mut self, asked: Vec<Output>) {
        self.asked = asked;
    }

    /// Whether a replica asked for something that was not passed on yet.
    #[inline]
    pub(crate) fn has_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Who leads each group.
    #[inline]
    pub(crate) fn leaders(&self) -> &Leaders {
        &self.leaders
    }

    /// As [`Self::leaders`], for what was learnt of them.
    pub(crate) fn leaders_mut(&mut self) -> &mut Leaders {
        &mut self.leaders
    }

    /// Which engine each group runs.
    pub(crate) fn engines(&self) -> &Engines {
        &self.engines
    }

    /// As [`Self::engines`], for what was learnt of them.
    pub(crate) fn engines_mut(&mut self) -> &mut Engines {
        &mut self.engines
    }

    /// Learns which engines the groups led here run; those that do not run the one wanted.
    pub(crate) fn led_under_other_engine(&mut self, wanted: Protocol) -> Vec<PartitionId> {
        let mut others = Vec::new();
        let replicas = self.replicas.iter().flatten();
        for replica in replicas.filter(|replica| replica.role().0 == Role::Leader) {
            self.engines.learn(replica.group(), replica.protocol());
            if replica.protocol() != wanted {
                others.push(replica.group());
            }
        }
        others
    }

    /// The snapshots that are being fetched.
    pub(crate) fn fetches(&self) -> &Fetches {
        &self.fetches
    }

    /// As [`Self::fetches`], to go on with them.
    pub(crate) fn fetches_mut(&mut self) -> &mut Fetches {
        &mut self.fetches
    }

    /// Groups whose replica here was dropped.
    pub(crate) fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    /// As [`Self::dropped`], to change them.
    pub(crate) fn dropped_mut(&mut self) -> &mut Dropped {
        &mut self.dropped
    }
}
