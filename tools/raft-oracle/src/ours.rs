//! A member that runs the project's Raft.

use crate::member::{Entry, Matter, Member, Members, Out, View};
use bytes::Bytes;
use synod_consensus::{Config, Effect, Engine, Message, Protocol, Recovered, Role};
use synod_types::{self as types, EntryKind, Membership, NodeId, PartitionId, SnapshotMeta};

/// The member.
pub struct Ours {
    config: Config,
    raft: Box<dyn Engine + Send>,
    durable: Recovered,
    applied: SnapshotMeta,
}

fn entry(entry: &types::Entry) -> Entry {
    let matter = match entry.kind {
        EntryKind::Noop => Matter::Noop,
        EntryKind::Commands => Matter::Command(entry.payload.to_vec()),
        EntryKind::Membership => Matter::Change,
    };
    Entry { index: entry.index.0, term: entry.term.0, matter }
}

fn nodes(ids: &[u64]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn ids(nodes: &[NodeId]) -> Vec<u64> {
    nodes.iter().map(|node| node.0).collect()
}

impl Ours {
    fn write(&mut self, hard: Option<types::HardState>, entries: Vec<types::Entry>) {
        self.durable.hard_state = hard.unwrap_or(self.durable.hard_state);
        for entry in entries {
            self.durable.entries.retain(|old| old.index < entry.index);
            self.durable.entries.push(entry);
        }
    }

    fn apply(&mut self, entries: &[types::Entry]) {
        for entry in entries {
            (self.applied.index, self.applied.term) = (entry.index, entry.term);
            if entry.kind == EntryKind::Membership {
                self.applied.membership =
                    Membership::decode(&entry.payload).expect("a committed one is legal");
            }
        }
        self.raft.applied(self.applied.index);
    }

    fn keep(&mut self, meta: &SnapshotMeta) {
        self.durable.entries.retain(|entry| entry.index > meta.index);
        self.durable.snapshot = meta.clone();
    }

    fn carry_out(&mut self, effect: Effect, out: &mut Out<Message>) {
        match effect {
            Effect::Persist { token, hard_state, entries } => {
                self.write(hard_state, entries);
                self.raft.persisted(token);
            }
            Effect::Send { to, message } => out.mail.push((to.0, message)),
            Effect::Commit(entries) => {
                self.apply(&entries);
                out.committed.extend(entries.iter().map(entry));
            }
            Effect::FetchSnapshot { meta, .. } => {
                self.keep(&meta);
                self.applied = meta.clone();
                self.raft.snapshot_installed(meta);
            }
            Effect::SnapshotWanted { .. } => self.snapshot(),
            Effect::RoleChanged { .. }
            | Effect::MembershipChanged(_)
            | Effect::ReadReady { .. }
            | Effect::ReadAborted { .. } => {}
        }
    }
}

impl Member for Ours {
    type Message = Message;

    fn new(id: u64, founders: &[u64], election_ticks: u32) -> Self {
        let config = Config {
            id: NodeId(id),
            group: PartitionId(1),
            election_ticks,
            heartbeat_ticks: 1,
            lease_reads: false,
            append_bytes_max: 1 << 20,
            inflight_bytes_max: 1 << 20,
            cache_bytes_max: 1 << 20,
            seed: id,
        };
        let membership = Membership::of_voters(nodes(founders));
        let applied = SnapshotMeta { membership, ..SnapshotMeta::default() };
        let durable = Recovered { snapshot: applied.clone(), ..Recovered::default() };
        let raft = synod_consensus::start(Protocol::Raft, config.clone(), durable.clone());
        Self { config, raft, durable, applied }
    }

    fn restart(&mut self) {
        self.applied = self.durable.snapshot.clone();
        self.raft =
            synod_consensus::start(Protocol::Raft, self.config.clone(), self.durable.clone());
    }

    fn hear(&mut self, from: u64, message: Message) {
        self.raft.step(NodeId(from), message);
    }

    fn campaign(&mut self) {
        self.raft.campaign();
    }

    fn tick(&mut self) {
        self.raft.tick();
    }

    fn propose(&mut self, command: &[u8]) -> bool {
        self.raft.propose(Bytes::copy_from_slice(command)).is_ok()
    }

    fn change(&mut self, target: &Members) -> bool {
        let target = Membership {
            voters: nodes(&target.voters),
            learners: nodes(&target.learners),
            ..Membership::default()
        };
        self.raft.change_membership(target).is_ok()
    }

    fn transfer(&mut self, to: u64) {
        // A refusal shows: leadership stays where it is.
        let _refused = self.raft.transfer_leadership(NodeId(to)).is_err();
    }

    fn snapshot(&mut self) {
        let meta = self.applied.clone();
        if meta.index > self.durable.snapshot.index {
            self.keep(&meta);
        }
        let meta = self.durable.snapshot.clone();
        self.raft.snapshot_taken(meta);
    }

    fn drain(&mut self) -> Out<Message> {
        let mut out = Out::default();
        loop {
            let effects = std::mem::take(self.raft.effects());
            if effects.is_empty() {
                return out;
            }
            for effect in effects {
                self.carry_out(effect, &mut out);
            }
        }
    }

    fn view(&self) -> View {
        let status = self.raft.status();
        View {
            leads: status.role == Role::Leader,
            leader: status.leader.map_or(0, |leader| leader.0),
            term: status.term.0,
            commit: status.commit.0,
            last: status.last.0,
            log: self.durable.entries.iter().map(entry).collect(),
            members: Members {
                voters: ids(&self.applied.membership.voters),
                learners: ids(&self.applied.membership.learners),
            },
        }
    }
}
