//! A member that runs the project's Multi-Paxos.

use crate::member::{Command, Member};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use synod_consensus::{Config, Effect, Engine, Message, Protocol, Recovered, Role, start};
use synod_types::{
    Entry, EntryKind, HardState, Index, Membership, NodeId, PartitionId, SnapshotMeta,
};

/// What was decided at each index, `None` for what is no command. A snapshot is all of it up to its index.
pub type Archive = Rc<RefCell<BTreeMap<Index, Option<Command>>>>;

/// The member.
pub struct Ours {
    config: Config,
    engine: Box<dyn Engine + Send>,
    durable: Recovered,
    archive: Archive,
    applied: SnapshotMeta,
    decided: Vec<Command>,
    mail: Vec<(u64, Message)>,
}

impl Ours {
    fn write(&mut self, hard: Option<HardState>, entries: Vec<Entry>) {
        self.durable.hard_state = hard.unwrap_or(self.durable.hard_state);
        for entry in entries {
            self.durable.entries.retain(|old| old.index < entry.index);
            self.durable.entries.push(entry);
        }
    }

    fn carry_out(&mut self) {
        loop {
            let effects = std::mem::take(self.engine.effects());
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Persist { token, hard_state, entries } => {
                        self.write(hard_state, entries);
                        self.engine.persisted(token);
                    }
                    Effect::Send { to, message } => self.mail.push((to.0, message)),
                    Effect::Commit(entries) => self.apply(&entries),
                    Effect::SnapshotWanted { .. } => {
                        let meta = self.applied.clone();
                        self.keep(&meta);
                        self.engine.snapshot_taken(meta);
                    }
                    Effect::FetchSnapshot { meta, .. } => {
                        self.keep(&meta);
                        self.load(&meta);
                        self.engine.snapshot_installed(meta);
                    }
                    Effect::RoleChanged { .. }
                    | Effect::MembershipChanged(_)
                    | Effect::ReadReady { .. }
                    | Effect::ReadAborted { .. } => {}
                }
            }
        }
    }

    fn apply(&mut self, entries: &[Entry]) {
        for entry in entries {
            let command = (entry.kind == EntryKind::Commands).then(|| {
                let bytes = entry.payload[..].try_into().expect("a command is a number");
                u64::from_le_bytes(bytes)
            });
            let known = *self.archive.borrow_mut().entry(entry.index).or_insert(command);
            assert_eq!(known, command, "two entries decided at {}", entry.index);
            self.decided.extend(command);
            (self.applied.index, self.applied.term) = (entry.index, entry.term);
        }
        self.engine.applied(self.applied.index);
    }

    fn keep(&mut self, meta: &SnapshotMeta) {
        self.durable.entries.retain(|entry| entry.index > meta.index);
        self.durable.snapshot = meta.clone();
    }

    fn load(&mut self, meta: &SnapshotMeta) {
        let archive = self.archive.borrow();
        self.decided = archive.range(..=meta.index).filter_map(|(_, command)| *command).collect();
        self.applied = meta.clone();
    }
}

impl Member for Ours {
    type Message = Message;
    type Archive = Archive;

    fn new(id: u64, nodes: &[u64], archive: &Archive) -> Self {
        let config = Config {
            id: NodeId(id),
            group: PartitionId(1),
            election_ticks: 10,
            heartbeat_ticks: 2,
            lease_reads: false,
            append_bytes_max: 1 << 20,
            inflight_bytes_max: 1 << 20,
            cache_bytes_max: 1 << 30,
            seed: id,
        };
        let membership = Membership::of_voters(nodes.iter().copied().map(NodeId).collect());
        let snapshot = SnapshotMeta { membership, ..SnapshotMeta::default() };
        let durable = Recovered { snapshot: snapshot.clone(), ..Recovered::default() };
        let engine = start(Protocol::Paxos, config.clone(), durable.clone());
        Self {
            config,
            engine,
            durable,
            archive: Rc::clone(archive),
            applied: snapshot,
            decided: Vec::new(),
            mail: Vec::new(),
        }
    }

    fn restart(&mut self) {
        self.engine = start(Protocol::Paxos, self.config.clone(), self.durable.clone());
        let snapshot = self.durable.snapshot.clone();
        self.load(&snapshot);
        self.mail.clear();
    }

    /// A group in which nothing happens sleeps, until it is told that somebody went silent.
    fn disconnected(&mut self, _: u64) {
        self.engine.wake();
        self.carry_out();
    }

    /// Ours asks again by itself.
    fn reconnected(&mut self, _: u64) {}

    fn hear(&mut self, from: u64, message: Message) {
        self.engine.step(NodeId(from), message);
        self.carry_out();
    }

    fn tick(&mut self) {
        self.engine.tick();
        self.carry_out();
    }

    fn propose(&mut self, command: Command) -> bool {
        let payload = Bytes::copy_from_slice(&command.to_le_bytes());
        let taken = self.engine.propose(payload).is_ok();
        self.carry_out();
        taken
    }

    fn leads(&self) -> Option<u64> {
        let (role, term, _) = self.engine.role();
        (role == Role::Leader).then_some(term.0)
    }

    fn speak(&mut self, mail: &mut Vec<(u64, Message)>) {
        mail.append(&mut self.mail);
    }

    fn decided(&self) -> Vec<Command> {
        self.decided.clone()
    }
}
