//! One node: an engine while it runs, its disk, and a state machine that only counts.

use crate::disk::Disk;
use std::collections::VecDeque;
use synod_consensus::{Config, Engine, Protocol, Recovered};
use synod_types::{Entry, Index, NodeId, SnapshotMeta};

/// A node.
pub struct Member {
    pub config: Config,
    pub protocol: Protocol,
    pub engine: Option<Box<dyn Engine + Send>>,
    pub disk: Disk,
    /// Handed out, not applied.
    pub to_apply: VecDeque<Entry>,
    pub handed: Index,
    pub applied: Index,
    /// A snapshot that is being fetched, from whom, and when it will be there.
    pub fetch: Option<(u64, NodeId, SnapshotMeta)>,
    /// When a snapshot that was asked for will be taken, and how late it may not be.
    pub snapshot_at: Option<(u64, Index)>,
    /// Ticks every so many steps of the world.
    pub period: u64,
}

impl Member {
    pub fn new(protocol: Protocol, config: Config, recovered: Recovered, period: u64) -> Self {
        let mut disk = Disk::default();
        disk.keep_snapshot(recovered.snapshot);
        let mut member = Self {
            config,
            protocol,
            engine: None,
            disk,
            to_apply: VecDeque::new(),
            handed: Index(0),
            applied: Index(0),
            fetch: None,
            snapshot_at: None,
            period,
        };
        member.start();
        member
    }

    pub fn start(&mut self) {
        self.config.seed = self.config.seed.wrapping_mul(31).wrapping_add(7);
        let (config, recovered) = (self.config.clone(), self.disk.recover());
        self.engine = Some(synod_consensus::start(self.protocol, config, recovered));
        self.handed = self.disk.snapshot.index;
        self.applied = self.handed;
    }

    pub fn stop(&mut self) {
        self.engine = None;
        self.to_apply.clear();
        self.fetch = None;
        self.snapshot_at = None;
    }

    pub fn hand_out(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            assert_eq!(entry.index, self.handed.next(), "handed out of order");
            self.handed = entry.index;
            self.to_apply.push_back(entry);
        }
    }

    pub fn apply_all(&mut self) {
        let Some(last) = self.to_apply.back() else { return };
        self.applied = last.index;
        self.to_apply.clear();
        if let Some(engine) = &mut self.engine {
            engine.applied(self.applied);
        }
    }

    /// The fetched snapshot is durable and loaded.
    pub fn install(&mut self, meta: SnapshotMeta) {
        assert!(meta.index > self.handed, "a snapshot must not take the state machine back");
        self.disk.keep_snapshot(meta.clone());
        self.to_apply.clear();
        self.handed = meta.index;
        self.applied = meta.index;
        if let Some(engine) = &mut self.engine {
            engine.snapshot_installed(meta);
        }
    }
}
