//! What one worker asks of all workers of its node, itself included: for commands that speak of the node as a
//! whole, such as CLIENT LIST and INFO.
//!
//! An errand travels as a `Forward` frame of a group that no partition has, its answer as the `ForwardReply`; the
//! parts are gathered like those of a command over partitions.
//!
//! ```text
//! errand:  tag u8 | fields as varints and length-prefixed byte strings
//! filter:  count, id* | addr | laddr | user | asker | skip_asker u8 | type u8        an absent address is empty
//! ```

use crate::attempts::Attempt;
use crate::commands::pubsub::{self, Query};
use crate::commands::{client, hotkeys, info};
use crate::forward::{self, Forward};
use crate::node::Node;
use crate::settings::{Change, Setting};
use crate::tracking::Redirected;
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::LatencyEvent;
use synod_redis::{Kind, Refusal, Waits};
use synod_replica::{Access, Audience, Origin};
use synod_types::{ClientId, Epoch, PartitionId, ReplySink, limits, varint};
use synod_wire::resp::{Proto, RespWriter};

/// The group of errands. Partitions have smaller numbers: `limits::PARTITIONS_MAX`.
pub(crate) const NODE: PartitionId = PartitionId(u32::MAX);

const LIST_CLIENTS: u8 = 0;
const KILL_CLIENTS: u8 = 1;
const PAUSE: u8 = 2;
const UNPAUSE: u8 = 3;
const TALLY: u8 = 4;
const RESET_STAT: u8 = 5;
const CHANGE: u8 = 6;
const SLOW_LOG: u8 = 7;
const SLOW_LOG_LEN: u8 = 8;
const SLOW_LOG_RESET: u8 = 9;
const UNBLOCK: u8 = 10;
const PUBLISH: u8 = 11;
const PUBSUB: u8 = 12;
const SNAPSHOT: u8 = 13;
const DENIED: u8 = 14;
const ACL_LOG: u8 = 15;
const ACL_LOG_RESET: u8 = 16;
const KNOW: u8 = 17;
const INVALIDATE: u8 = 18;
const UNREDIRECT: u8 = 19;
const LATENCY_NOTE: u8 = 20;
const LATENCY_EVENTS: u8 = 21;
const LATENCY_RESET: u8 = 22;
const MONITORS: u8 = 23;
const MONITORED: u8 = 24;
const HOT_KEYS: u8 = 25;

/// Some of the connections: those that fit everything that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Their ids, as CLIENT ID tells them; empty: any.
    pub ids: Vec<u64>,
    /// The client's address; empty: any.
    pub addr: Vec<u8>,
    /// The server's address; empty: any.
    pub laddr: Vec<u8>,
    /// The user; empty: any.
    pub user: Vec<u8>,
    /// Who asks.
    pub asker: u64,
    /// Whether the asker itself does not count.
    pub skip_asker: bool,
    /// Of this type; `None`: of any.
    pub of_type: Option<Type>,
}

/// A type of connection, as CLIENT LIST and CLIENT KILL tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Type {
    Normal = 1,
    /// It listens to something.
    Subscriber = 2,
    /// A replica or a master. No client is one.
    Replica = 3,
}

/// No requests are taken from clients until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub until_us: u64,
    /// Whether reads wait too.
    pub all: bool,
}

/// What a worker can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// One line of text for each of these connections.
    ListClients(Filter),
    /// Close these connections; how many there were.
    KillClients(Filter),
    Pause(Pause),
    Unpause,
    /// What INFO sums up.
    Tally,
    /// Count from zero again.
    ResetStat,
    /// Change settings.
    Change(Change),
    /// The newest so many entries of the slow log.
    SlowLog(u64),
    /// How many entries it has.
    SlowLogLen,
    /// Forget its entries.
    SlowLogReset,
    /// End the wait of the connection with this id, with an error or not; how many there were.
    Unblock(u64, bool),
    /// Deliver a message; how many received it.
    Publish {
        shard: bool,
        channel: Vec<u8>,
        message: Vec<u8>,
    },
    /// What PUBSUB asks.
    PubSub(Query),
    /// A connection is told of changed keys in the place of another worker's clients; nobody waits for an answer.
    Invalidate(Redirected),
    /// A request took so many milliseconds; for worker 0.
    LatencyNote(LatencyEvent, u64),
    /// What took long, of worker 0.
    LatencyEvents,
    /// Forget these kinds, or all; how many there were.
    LatencyReset(Vec<Vec<u8>>),
    /// This worker has clients that hear of all commands, or none any more.
    Monitors(u16, bool),
    /// A line for them.
    Monitored(Vec<u8>),
    /// There is no connection with this id, which clients have named to be told.
    Unredirect(u64),
    /// Begin a snapshot of every replica that has something new.
    Snapshot,
    /// A client was refused something; for worker 0, which answers nothing.
    Denied(Refusal),
    /// The newest so many refusals, of worker 0.
    AclLog(u64),
    /// Forget them.
    AclLogReset,
    /// What HOTKEYS asks; the only one that other nodes are sent.
    HotKeys(hotkeys::Question),
    /// Answer when you know a map of this epoch.
    Know(u64),
}

impl Filter {
    fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.ids.len() as u64);
        self.ids.iter().for_each(|id| varint::put(out, *id));
        varint::put_bytes(out, &self.addr);
        varint::put_bytes(out, &self.laddr);
        varint::put_bytes(out, &self.user);
        varint::put(out, self.asker);
        out.push(u8::from(self.skip_asker));
        out.push(self.of_type.map_or(0, |of_type| of_type as u8));
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let count = usize::try_from(varint::take(bytes)?).ok().filter(|n| *n <= bytes.len())?;
        let ids = (0..count).map(|_| varint::take(bytes)).collect::<Option<_>>()?;
        let addr = varint::take_bytes(bytes)?.to_vec();
        let laddr = varint::take_bytes(bytes)?.to_vec();
        let user = varint::take_bytes(bytes)?.to_vec();
        let asker = varint::take(bytes)?;
        let ([skip, of_type], rest) = bytes.split_first_chunk::<2>()?;
        *bytes = rest;
        let of_type = match of_type {
            1 => Some(Type::Normal),
            2 => Some(Type::Subscriber),
            3 => Some(Type::Replica),
            _ => None,
        };
        Some(Self { ids, addr, laddr, user, asker, skip_asker: *skip == 1, of_type })
    }
}

impl Errand {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::ListClients(filter) => {
                out.push(LIST_CLIENTS);
                filter.encode(out);
            }
            Self::KillClients(filter) => {
                out.push(KILL_CLIENTS);
                filter.encode(out);
            }
            Self::Pause(pause) => {
                out.extend_from_slice(&[PAUSE, u8::from(pause.all)]);
                varint::put(out, pause.until_us);
            }
            Self::Unpause => out.push(UNPAUSE),
            Self::Tally => out.push(TALLY),
            Self::ResetStat => out.push(RESET_STAT),
            Self::SlowLog(count) => {
                out.push(SLOW_LOG);
                varint::put(out, *count);
            }
            Self::SlowLogLen => out.push(SLOW_LOG_LEN),
            Self::SlowLogReset => out.push(SLOW_LOG_RESET),
            Self::Snapshot => out.push(SNAPSHOT),
            Self::Denied(refusal) => {
                out.push(DENIED);
                refusal.encode(out);
            }
            Self::AclLog(count) => {
                out.push(ACL_LOG);
                varint::put(out, *count);
            }
            Self::AclLogReset => out.push(ACL_LOG_RESET),
            Self::Know(epoch) => {
                out.push(KNOW);
                varint::put(out, *epoch);
            }
            Self::Publish { shard, channel, message } => {
                out.extend_from_slice(&[PUBLISH, u8::from(*shard)]);
                varint::put_bytes(out, channel);
                varint::put_bytes(out, message);
            }
            Self::PubSub(query) => {
                out.push(PUBSUB);
                query.encode(out);
            }
            Self::Invalidate(told) => {
                out.push(INVALIDATE);
                varint::put(out, told.to);
                let keys = told.keys.as_deref();
                varint::put(out, keys.map_or(0, |keys| keys.len() as u64 + 1));
                keys.into_iter().flatten().for_each(|key| varint::put_bytes(out, key));
            }
            Self::LatencyNote(event, ms) => {
                out.extend_from_slice(&[LATENCY_NOTE, *event as u8]);
                varint::put(out, *ms);
            }
            Self::LatencyEvents => out.push(LATENCY_EVENTS),
            Self::LatencyReset(names) => {
                out.push(LATENCY_RESET);
                names.iter().for_each(|name| varint::put_bytes(out, name));
            }
            Self::Monitors(worker, any) => {
                out.extend_from_slice(&[MONITORS, u8::from(*any)]);
                varint::put(out, u64::from(*worker));
            }
            Self::Monitored(line) => {
                out.push(MONITORED);
                varint::put_bytes(out, line);
            }
            Self::HotKeys(question) => {
                out.push(HOT_KEYS);
                question.encode(out);
            }
            Self::Unredirect(id) => {
                out.push(UNREDIRECT);
                varint::put(out, *id);
            }
            Self::Unblock(id, error) => {
                out.extend_from_slice(&[UNBLOCK, u8::from(*error)]);
                varint::put(out, *id);
            }
            Self::Change(change) => {
                out.push(CHANGE);
                change.encode(out);
            }
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, mut rest) = bytes.split_first()?;
        let errand = match *tag {
            LIST_CLIENTS => Self::ListClients(Filter::decode(&mut rest)?),
            KILL_CLIENTS => Self::KillClients(Filter::decode(&mut rest)?),
            PAUSE => {
                let (all, tail) = rest.split_first()?;
                rest = tail;
                Self::Pause(Pause { all: *all == 1, until_us: varint::take(&mut rest)? })
            }
            UNPAUSE => Self::Unpause,
            TALLY => Self::Tally,
            RESET_STAT => Self::ResetStat,
            SLOW_LOG => Self::SlowLog(varint::take(&mut rest)?),
            SLOW_LOG_LEN => Self::SlowLogLen,
            SLOW_LOG_RESET => Self::SlowLogReset,
            SNAPSHOT => Self::Snapshot,
            DENIED => Self::Denied(Refusal::decode(&mut rest)?),
            ACL_LOG => Self::AclLog(varint::take(&mut rest)?),
            ACL_LOG_RESET => Self::AclLogReset,
            KNOW => Self::Know(varint::take(&mut rest)?),
            PUBLISH => {
                let (shard, tail) = rest.split_first()?;
                rest = tail;
                let channel = varint::take_bytes(&mut rest)?.to_vec();
                let message = varint::take_bytes(&mut rest)?.to_vec();
                Self::Publish { shard: *shard == 1, channel, message }
            }
            PUBSUB => Self::PubSub(Query::decode(&mut rest)?),
            INVALIDATE => {
                let to = varint::take(&mut rest)?;
                let count = usize::try_from(varint::take(&mut rest)?).ok()?;
                let mut keys = Vec::new();
                for _ in 1..count {
                    keys.push(varint::take_bytes(&mut rest)?.to_vec());
                }
                Self::Invalidate(Redirected { to, keys: (count > 0).then_some(keys) })
            }
            LATENCY_NOTE => {
                let (event, tail) = rest.split_first()?;
                rest = tail;
                Self::LatencyNote(LatencyEvent::from_u8(*event)?, varint::take(&mut rest)?)
            }
            LATENCY_EVENTS => Self::LatencyEvents,
            LATENCY_RESET => {
                let mut names = Vec::new();
                while !rest.is_empty() {
                    names.push(varint::take_bytes(&mut rest)?.to_vec());
                }
                Self::LatencyReset(names)
            }
            MONITORS => {
                let (any, tail) = rest.split_first()?;
                rest = tail;
                Self::Monitors(u16::try_from(varint::take(&mut rest)?).ok()?, *any == 1)
            }
            MONITORED => Self::Monitored(varint::take_bytes(&mut rest)?.to_vec()),
            HOT_KEYS => Self::HotKeys(hotkeys::Question::decode(&mut rest)?),
            UNREDIRECT => Self::Unredirect(varint::take(&mut rest)?),
            UNBLOCK => {
                let (error, tail) = rest.split_first()?;
                rest = tail;
                Self::Unblock(varint::take(&mut rest)?, *error == 1)
            }
            CHANGE => Self::Change(Change::decode(&mut rest)?),
            _ => return None,
        };
        rest.is_empty().then_some(errand)
    }
}

impl Node {
    /// Asks all workers of this node and joins their answers.
    pub(crate) fn ask_colleagues(&mut self, client: ClientId, join: Join, errand: &Errand) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if session.is_writing() {
            return session.wait_for(Waits::Writes);
        }
        let seq = session.reserve_barrier(Kind::Read);
        let workers = self.local.config().workers;
        let gather = self.clients.gathers_mut().open(client, seq, join, usize::from(workers));
        for worker in 0..workers {
            let origin = Origin::Gather { gather, part: worker.into(), resp3: false };
            self.ask_colleague(worker, origin, errand);
        }
        Flow::Next
    }

    /// Asks one worker of this node, which may be this one.
    pub(crate) fn ask_colleague(&mut self, worker: u16, origin: Origin, errand: &Errand) {
        if worker == self.local.config().worker {
            self.run_errand(origin, errand);
        } else {
            self.send_errand(worker, origin, errand);
        }
    }

    fn send_errand(&mut self, worker: u16, origin: Origin, errand: &Errand) {
        let own = self.local.id();
        let mut op = Vec::new();
        errand.encode(&mut op);
        let deadline_us = self.local.now().mono_us + limits::REQUEST_WAIT_MS_MAX * 1000;
        let id = self.under_way.ledger_mut().next_id();
        let forward = Forward {
            partition: NODE,
            origin,
            op,
            access: Access::Read,
            resp3: false,
            deadline_us,
            to: own,
            attempt: Attempt::default(),
            epoch: Epoch(0),
            parts: crate::fetches::Parts::default(),
            wait: None,
        };
        let frames = forward::queue(&mut self.output, own, own, worker);
        let now_us = self.local.now().mono_us;
        forward::put_forward(frames, id, self.local.config().worker, &forward, now_us);
        self.under_way.ledger_mut().insert(id, forward);
    }

    /// An errand from another worker of this node. One that cannot be read is dropped.
    pub(crate) fn errand(&mut self, origin: Origin, bytes: &[u8]) {
        if let Some(errand) = Errand::decode(bytes) {
            self.run_errand(origin, &errand);
        }
    }

    pub(crate) fn run_errand(&mut self, origin: Origin, errand: &Errand) {
        match errand {
            Errand::ListClients(filter) => {
                let lines = client::lines(self, filter);
                self.desk(NODE).answer(origin, &mut |out| out.bulk(lines.as_bytes()));
            }
            Errand::KillClients(filter) => {
                let killed = client::kill_matching(self, filter);
                self.desk(NODE).answer(origin, &mut |out| out.integer(killed));
            }
            Errand::Tally => {
                let tally = info::tally_of(self).encode();
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&tally));
            }
            Errand::Pause(pause) => {
                self.pause_clients(*pause);
                self.done(origin);
            }
            Errand::Unpause => {
                self.unpause_clients();
                self.done(origin);
            }
            Errand::SlowLog(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let entries = self.clients.sessions_mut().slow().encode(count);
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&entries));
            }
            Errand::SlowLogLen => {
                let len = self.clients.sessions_mut().slow().len() as i64;
                self.desk(NODE).answer(origin, &mut |out| out.integer(len));
            }
            Errand::SlowLogReset => {
                self.clients.sessions_mut().slow().clear();
                self.done(origin);
            }
            Errand::Publish { shard, channel, message } => {
                let receivers = self.deliver(*shard, channel, message);
                self.desk(NODE).answer(origin, &mut |out| out.integer(receivers));
            }
            Errand::PubSub(query) => {
                let mut reply = Vec::new();
                pubsub::answer(self, query, &mut RespWriter::new(&mut reply, Proto::Resp2));
                self.desk(NODE).hand_over(origin, &reply);
            }
            Errand::Invalidate(told) => {
                self.redirected(told);
                self.done(origin);
            }
            Errand::LatencyNote(event, ms) => {
                self.counted.latency_events_mut().note(*event, self.local.now().wall.0 / 1000, *ms);
                self.done(origin);
            }
            Errand::LatencyEvents => {
                let events = self.counted.latency_events_mut().encode();
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&events));
            }
            Errand::LatencyReset(names) => {
                let forgotten = self.counted.latency_events_mut().reset(names) as i64;
                self.desk(NODE).answer(origin, &mut |out| out.integer(forgotten));
            }
            Errand::Monitors(worker, any) => {
                self.note_monitors(*worker, *any);
                self.done(origin);
            }
            Errand::Monitored(line) => {
                self.show_monitors(line);
                self.done(origin);
            }
            Errand::HotKeys(question) => {
                let answer = hotkeys::answer(self, question);
                self.desk(NODE).answer(origin, &mut |out| answer.write(out));
            }
            Errand::Unredirect(id) => {
                self.unredirect(*id);
                self.done(origin);
            }
            Errand::Unblock(id, error) => {
                let unblocked = client::unblock_here(self, *id, *error);
                self.desk(NODE).answer(origin, &mut |out| out.integer(i64::from(unblocked)));
            }
            Errand::Change(change) => {
                self.settings.change(change);
                self.configure_slowlog();
                self.configure_heats();
                self.collect_events();
                self.done(origin);
            }
            Errand::Snapshot => {
                self.groups.replicas_mut().for_each(|replica| replica.begin_snapshot());
                self.done(origin);
            }
            Errand::Denied(refusal) => {
                let max = self.settings.get(Setting::AclLogMaxLen);
                self.authority.log.note(refusal.clone(), usize::try_from(max).unwrap_or(0));
                self.done(origin);
            }
            Errand::AclLog(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let refusals = self.authority.log.encode(count);
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&refusals));
            }
            Errand::AclLogReset => {
                self.authority.log.clear();
                self.done(origin);
            }
            Errand::Know(epoch) => self.know_epoch(*epoch, origin),
            Errand::ResetStat => {
                self.counted.counters_mut().reset();
                self.counted.calls_mut().reset();
                for replica in self.groups.replicas_mut() {
                    replica.set_stats(synod_data::KeyspaceStats::default());
                }
                self.clients.sessions_mut().reset_errors();
                self.done(origin);
            }
        }
    }

    fn done(&mut self, origin: Origin) {
        self.desk(NODE).answer(origin, &mut |out: &mut dyn ReplySink| out.simple("OK"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_redis::Reason;

    #[test]
    fn errands_round_trip_and_cut_ones_are_refused() {
        let filter = Filter {
            ids: vec![1, 300],
            addr: b"127.0.0.1:5".to_vec(),
            laddr: Vec::new(),
            user: b"u".to_vec(),
            asker: 7,
            skip_asker: true,
            of_type: Some(Type::Subscriber),
        };
        let errands = [
            Errand::ListClients(Filter::default()),
            Errand::KillClients(filter),
            Errand::Pause(Pause { until_us: 1 << 40, all: true }),
            Errand::Unpause,
            Errand::Tally,
            Errand::ResetStat,
            Errand::SlowLog(300),
            Errand::SlowLogLen,
            Errand::SlowLogReset,
            Errand::Snapshot,
            Errand::Denied(Refusal::new(Reason::Key, true, b"k", b"u", 300)),
            Errand::AclLog(300),
            Errand::AclLogReset,
            Errand::Know(1 << 40),
            Errand::Unblock(300, true),
            Errand::Publish { shard: true, channel: b"c".to_vec(), message: b"m".to_vec() },
            Errand::PubSub(Query::Channels { shard: true, pattern: Some(b"a*".to_vec()) }),
            Errand::PubSub(Query::NumSub { shard: false, names: vec![b"a".to_vec()] }),
            Errand::PubSub(Query::Patterns),
            Errand::Invalidate(Redirected { to: 300, keys: Some(vec![b"k".to_vec()]) }),
            Errand::Invalidate(Redirected { to: 300, keys: None }),
            Errand::Unredirect(300),
            Errand::HotKeys(hotkeys::Question::Top),
            Errand::HotKeys(hotkeys::Question::Start(synod_hotkeys::Wanted {
                count: 3,
                sample: 300,
                slots: vec![(0, 9)],
                ..synod_hotkeys::Wanted::default()
            })),
            Errand::LatencyNote(LatencyEvent::FastCommand, 300),
            Errand::LatencyEvents,
            Errand::Monitors(300, true),
            Errand::Monitored(b"+".to_vec()),
            Errand::Change(Change { asked_us: 1 << 33, values: vec![(Setting::Timeout, 7)] }),
        ];
        for errand in errands {
            let mut bytes = Vec::new();
            errand.encode(&mut bytes);
            assert_eq!(Errand::decode(&bytes), Some(errand));
            for cut in 0..bytes.len() {
                assert_eq!(Errand::decode(&bytes[..cut]), None);
            }
        }
    }
}
