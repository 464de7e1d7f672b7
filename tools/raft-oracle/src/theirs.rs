//! A member that runs the published `raft` crate, with its own memory storage for a disk.

use crate::member::{Entry, Matter, Member, Members, Out, View};
use protobuf::Message as _;
use raft::eraftpb::{
    self, ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2,
    ConfState, EntryType, Message,
};
use raft::storage::MemStorage;
use raft::{Config, GetEntriesContext, RawNode, StateRole, Storage};

/// The member.
pub struct Theirs {
    config: Config,
    node: RawNode<MemStorage>,
    store: MemStorage,
    applied: u64,
}

fn entry(entry: &eraftpb::Entry) -> Entry {
    let matter = match entry.get_entry_type() {
        EntryType::EntryNormal if entry.data.is_empty() => Matter::Noop,
        EntryType::EntryNormal => Matter::Command(entry.data.to_vec()),
        EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => Matter::Change,
    };
    Entry { index: entry.index, term: entry.term, matter }
}

/// The published crate logs a lot, and says nothing that the comparison needs.
fn silence() -> slog::Logger {
    slog::Logger::root(slog::Discard, slog::o!())
}

fn start(config: &Config, store: &MemStorage) -> RawNode<MemStorage> {
    RawNode::new(config, store.clone(), &silence())
        .unwrap_or_else(|error| panic!("it does not start: {error}"))
}

impl Theirs {
    fn members(&self) -> Members {
        let state = self.conf_state();
        let sorted = |mut list: Vec<u64>| {
            list.sort_unstable();
            list
        };
        Members { voters: sorted(state.voters), learners: sorted(state.learners) }
    }

    fn conf_state(&self) -> ConfState {
        self.store.initial_state().map(|state| state.conf_state).unwrap_or_default()
    }

    /// Entries are applied at once; a change comes into force here.
    fn apply(&mut self, entries: Vec<eraftpb::Entry>, out: &mut Out<Message>) {
        for committed in entries {
            self.applied = committed.index;
            let state = match committed.get_entry_type() {
                EntryType::EntryNormal => None,
                EntryType::EntryConfChange => {
                    let mut change = ConfChange::default();
                    change.merge_from_bytes(&committed.data).expect("what was proposed");
                    Some(self.node.apply_conf_change(&change))
                }
                EntryType::EntryConfChangeV2 => {
                    let mut change = ConfChangeV2::default();
                    change.merge_from_bytes(&committed.data).expect("what was proposed");
                    Some(self.node.apply_conf_change(&change))
                }
            };
            if let Some(state) = state {
                self.store.wl().set_conf_state(state.expect("a committed change is legal"));
            }
            out.committed.push(entry(&committed));
        }
    }

    fn post(out: &mut Out<Message>, mail: Vec<Message>) {
        out.mail.extend(mail.into_iter().map(|message| (message.to, message)));
    }

    /// One round of the loop that the crate's documentation prescribes.
    fn turn(&mut self, out: &mut Out<Message>) {
        let mut ready = self.node.ready();
        Self::post(out, ready.take_messages());
        if !ready.snapshot().is_empty() {
            let index = ready.snapshot().get_metadata().index;
            let snapshot = ready.snapshot().clone();
            self.store.wl().apply_snapshot(snapshot).expect("it is newer than the log");
            self.applied = index;
        }
        self.apply(ready.take_committed_entries(), out);
        self.store.wl().append(ready.entries()).expect("entries follow each other");
        if let Some(hard) = ready.hs() {
            self.store.wl().set_hardstate(hard.clone());
        }
        Self::post(out, ready.take_persisted_messages());
        let mut light = self.node.advance(ready);
        if let Some(commit) = light.commit_index() {
            self.store.wl().mut_hard_state().commit = commit;
        }
        Self::post(out, light.take_messages());
        self.apply(light.take_committed_entries(), out);
        self.node.advance_apply();
    }
}

/// The steps from one membership to another.
fn steps(from: &Members, to: &Members) -> Vec<ConfChangeSingle> {
    let step = |kind, node_id| {
        let mut step = ConfChangeSingle { node_id, ..Default::default() };
        step.set_change_type(kind);
        step
    };
    let mut steps = Vec::new();
    for id in &to.voters {
        if !from.voters.contains(id) {
            steps.push(step(ConfChangeType::AddNode, *id));
        }
    }
    for id in &to.learners {
        if !from.learners.contains(id) {
            steps.push(step(ConfChangeType::AddLearnerNode, *id));
        }
    }
    for id in from.voters.iter().chain(&from.learners) {
        if !to.contains(*id) {
            steps.push(step(ConfChangeType::RemoveNode, *id));
        }
    }
    steps
}

impl Member for Theirs {
    type Message = Message;

    fn new(id: u64, founders: &[u64], election_ticks: u32) -> Self {
        let ticks = election_ticks as usize;
        let config = Config {
            id,
            election_tick: ticks,
            heartbeat_tick: 1,
            min_election_tick: ticks,
            max_election_tick: 2 * ticks,
            check_quorum: true,
            pre_vote: true,
            max_size_per_msg: 1 << 20,
            max_inflight_msgs: 256,
            ..Config::default()
        };
        let store = MemStorage::new_with_conf_state((founders.to_vec(), Vec::new()));
        let node = start(&config, &store);
        Self { config, node, store, applied: 0 }
    }

    fn restart(&mut self) {
        self.config.applied = self.applied;
        self.node = start(&self.config, &self.store);
    }

    fn hear(&mut self, from: u64, mut message: Message) {
        message.from = from;
        // An answer of somebody who is no member any more is refused, as it should be.
        let _refused = self.node.step(message).is_err();
    }

    fn campaign(&mut self) {
        let _refused = self.node.campaign().is_err();
    }

    fn tick(&mut self) {
        self.node.tick();
    }

    /// A follower would forward it, which ours leaves to the node around the engine.
    fn propose(&mut self, command: &[u8]) -> bool {
        self.node.raft.state == StateRole::Leader
            && self.node.propose(Vec::new(), command.to_vec()).is_ok()
    }

    fn change(&mut self, target: &Members) -> bool {
        let now = self.members();
        let mut change = ConfChangeV2::default();
        change.set_changes(steps(&now, target).into());
        if now.voters != target.voters {
            change.set_transition(ConfChangeTransition::Implicit);
        }
        self.node.propose_conf_change(Vec::new(), change).is_ok()
    }

    fn transfer(&mut self, to: u64) {
        self.node.transfer_leader(to);
    }

    fn snapshot(&mut self) {
        if self.applied > 0 {
            self.store.wl().compact(self.applied).expect("what is applied is in the log");
        }
    }

    fn drain(&mut self) -> Out<Message> {
        let mut out = Out::default();
        while self.node.has_ready() {
            self.turn(&mut out);
        }
        out
    }

    fn view(&self) -> View {
        let raft = &self.node.raft;
        let (first, last) = (self.store.first_index(), self.store.last_index());
        let (first, last) = (first.unwrap_or(1), last.unwrap_or(0));
        let context = GetEntriesContext::empty(false);
        let log = match first <= last {
            true => self.store.entries(first, last + 1, None, context).unwrap_or_default(),
            false => Vec::new(),
        };
        View {
            leads: raft.state == StateRole::Leader,
            leader: raft.leader_id,
            term: raft.term,
            commit: raft.raft_log.committed,
            last: raft.raft_log.last_index(),
            log: log.iter().map(entry).collect(),
            members: self.members(),
        }
    }
}
