//! One replica of a partition: an engine of our own, its disk, and what the partition remembers of transactions.

use super::message::{Message, said, word};
use super::{SILENT_TICKS, decision, leads};
use bytes::Bytes;
use std::collections::BTreeMap;
use synod_consensus::{Config, Effect, Engine, Protocol, Recovered, Token};
use synod_txn::textbook::Decision;
use synod_txn::{Answer, Intent, Records, Resolved, Step};
use synod_types::{
    Entry, EntryKind, HardState, Membership, Millis, NodeId, PartitionId, SnapshotMeta, Term,
};

/// A follower stands for election after so many ticks of silence at least.
const ELECTION_TICKS: u32 = 10;
const HEARTBEAT_TICKS: u32 = 3;
/// More than all that a run holds.
const BYTES_MAX: usize = 1 << 20;

/// What is to be forced to the disk for one replica.
#[derive(Debug)]
pub(crate) struct Durable {
    pub of: usize,
    token: Token,
    hard_state: Option<HardState>,
    entries: Vec<Entry>,
}

pub(super) struct Replica {
    config: Config,
    pub engine: Box<dyn Engine + Send>,
    disk: Recovered,
    pub records: Records,
    /// What was proposed here, by index: its term, and who wants the answer under which ticket.
    proposals: BTreeMap<u64, (Term, Option<(usize, u64)>)>,
    led: Option<Term>,
    /// Since which tick there is something to see to.
    since: Option<u64>,
    /// Whether home has decided here, as far as the log was applied. What is forgotten afterwards counts as aborted to whoever
    /// asks, and changes nothing.
    decided: bool,
}

/// What is to be done for a replica.
#[derive(Default)]
pub(super) struct Drained {
    pub busy: bool,
    pub durable: Vec<Durable>,
    pub sends: Vec<(usize, Message)>,
    pub ended: Vec<Decision>,
    pub notes: Vec<String>,
    /// It leads since now, in this term.
    pub leads: Option<u64>,
}

fn start(config: &Config, disk: &Recovered) -> Box<dyn Engine + Send> {
    synod_consensus::start(Protocol::Raft, config.clone(), disk.clone())
}

impl Replica {
    pub fn new(me: usize, of: usize, hosts: impl Iterator<Item = usize>) -> Self {
        let voters = hosts.map(|host| NodeId(host as u64 + 1)).collect();
        let membership = Membership::of_voters(voters);
        let snapshot = SnapshotMeta { membership, ..SnapshotMeta::default() };
        let disk = Recovered { snapshot, ..Recovered::default() };
        let config = Config {
            id: NodeId(me as u64 + 1),
            group: PartitionId(of as u32),
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            lease_reads: false,
            append_bytes_max: BYTES_MAX,
            inflight_bytes_max: BYTES_MAX,
            cache_bytes_max: BYTES_MAX,
            seed: (me * 31 + of) as u64,
        };
        Self {
            engine: start(&config, &disk),
            config,
            disk,
            records: Records::default(),
            proposals: BTreeMap::new(),
            led: None,
            since: None,
            decided: false,
        }
    }

    pub fn restart(&mut self) {
        self.config.seed += 1_000;
        self.engine = start(&self.config, &self.disk);
        self.records = Records::default();
        self.proposals.clear();
        (self.led, self.since, self.decided) = (None, None, false);
    }

    /// Proposes a step, if it leads. Its time is decided here. If it follows it wakes, since there is work and nobody may
    /// lead.
    pub fn propose(&mut self, who: Option<(usize, u64)>, step: &[u8], now: Millis) {
        let payload = [&now.0.to_le_bytes()[..], step].concat();
        match self.engine.propose(Bytes::from(payload)) {
            Ok(position) => {
                self.proposals.insert(position.index.0, (position.term, who));
            }
            Err(_) => self.engine.wake(),
        }
    }

    /// Whether it leads and there was something to see to for so long; the time is counted anew then.
    pub fn is_silent(&mut self, ticks: u64) -> bool {
        if self.records.is_idle() || !leads(self.engine.role().0) {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(ticks);
        let silent = ticks >= since + SILENT_TICKS;
        if silent {
            self.since = Some(ticks);
        }
        silent
    }

    pub fn persisted(&mut self, durable: Durable) {
        self.disk.hard_state = durable.hard_state.unwrap_or(self.disk.hard_state);
        for entry in durable.entries {
            self.disk.entries.retain(|old| old.index < entry.index);
            self.disk.entries.push(entry);
        }
        self.engine.persisted(durable.token);
    }

    /// Takes the effects of the engine, and applies what is committed.
    pub fn drain(&mut self, of: usize, says_no: bool) -> Drained {
        let mut drained = Drained::default();
        let effects = std::mem::take(self.engine.effects());
        drained.busy = !effects.is_empty();
        for effect in effects {
            match effect {
                Effect::Persist { token, hard_state, entries } => {
                    drained.durable.push(Durable { of, token, hard_state, entries });
                }
                Effect::Send { to, message } => {
                    drained.sends.push((to.0 as usize - 1, Message::Peer(of, message)));
                }
                Effect::Commit(entries) => {
                    for entry in entries {
                        self.apply(of, &entry, says_no, &mut drained);
                        self.engine.applied(entry.index);
                    }
                }
                Effect::RoleChanged { role, term, .. } => {
                    if leads(role) && self.led != Some(term) {
                        self.led = Some(term);
                        drained.leads = Some(term.0);
                    }
                }
                // Nobody reads, changes members, or lags behind what memory holds.
                Effect::ReadReady { .. }
                | Effect::ReadAborted { .. }
                | Effect::MembershipChanged(_)
                | Effect::SnapshotWanted { .. }
                | Effect::FetchSnapshot { .. } => {}
            }
        }
        drained
    }

    fn apply(&mut self, of: usize, entry: &Entry, says_no: bool, drained: &mut Drained) {
        let who = self.proposals.remove(&entry.index.0);
        if entry.kind != EntryKind::Commands {
            return;
        }
        let Some((stamp, step)) = entry.payload.split_first_chunk::<8>() else { return };
        let now = Millis(u64::from_le_bytes(*stamp));
        let Some(answer) = self.run(step, now, says_no, drained) else { return };
        drained.notes.push(format!("p{of}: {}, {}", word(step), said(&answer)));
        if let Some((term, Some((to, ticket)))) = who
            && term == entry.term
        {
            drained.sends.push((to, Message::Answer { of, ticket, answer }));
        }
    }

    /// A step as the keyspace runs it, but for the values.
    fn run(
        &mut self,
        step: &[u8],
        now: Millis,
        says_no: bool,
        drained: &mut Drained,
    ) -> Option<Answer> {
        let records = &mut self.records;
        let yes = match Step::take(&mut &step[..])? {
            Step::Prepare { txn, home, deadline, until, reads, writes, .. } => {
                let intent = intent(home, deadline, &reads, &writes);
                let yes = !says_no
                    && match until {
                        None => records.prepare(txn, intent),
                        Some(until) => records.prepare_until(txn, intent, until, now),
                    };
                drained.ended.extend((!yes).then_some(Decision::Abort));
                yes
            }
            Step::Stage { txn, home, deadline, others, reads, writes, .. } => {
                let intent = intent(home, deadline, &reads, &writes);
                let yes = !says_no && records.stage(txn, intent, others, now);
                if !yes && !std::mem::replace(&mut self.decided, true) {
                    drained.ended.push(Decision::Abort);
                }
                yes
            }
            Step::Conclude { txn, commit } => {
                let (yes, intent) = records.conclude(txn, commit);
                if intent.is_some() {
                    self.decided = true;
                    drained.ended.push(decision(yes));
                }
                yes
            }
            Step::Inquire { txn, until } => records.inquire(txn, until, now)?,
            Step::Decide { txn, deadline, others, .. } => {
                let yes = records.may_commit(txn, deadline, now) && !says_no;
                if yes {
                    records.commit(txn, others);
                }
                self.decided = true;
                drained.ended.push(decision(yes));
                yes
            }
            Step::Resolve { txn, deadline } => {
                let yes = match records.resolve(txn, deadline, now)? {
                    Resolved::Staged => return Some(Answer::Staged),
                    resolved => resolved == Resolved::Committed,
                };
                if !std::mem::replace(&mut self.decided, true) {
                    drained.ended.push(decision(yes));
                }
                yes
            }
            Step::Finish { txn, commit } => {
                let taken = records.take(txn);
                drained.ended.extend(taken.map(|_| decision(commit)));
                true
            }
            Step::Forget { txn } => {
                records.forget(txn);
                true
            }
            Step::Fetch { .. }
            | Step::Verify { .. }
            | Step::Release { .. }
            | Step::Await { .. } => return None,
        };
        Some(if yes { Answer::Yes } else { Answer::No })
    }
}

/// What a step has a partition keep.
fn intent(
    home: PartitionId,
    deadline: Millis,
    reads: &[(&[u8], u64)],
    writes: &[(&[u8], Option<&[u8]>)],
) -> Intent {
    let owned = |bytes: &[u8]| bytes.to_vec();
    Intent {
        home,
        deadline,
        reads: reads.iter().map(|(key, _)| owned(key)).collect(),
        writes: writes.iter().map(|(key, to)| (owned(key), to.map(owned))).collect(),
    }
}
