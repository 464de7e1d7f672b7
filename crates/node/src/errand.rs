//! What a worker can be asked, and its bytes.

use crate::commands::hotkeys;
use crate::commands::pubsub::Query;
use crate::settings::Change;
use crate::tracking::Redirected;
use synod_redis::LatencyEvent;
use synod_redis::Refusal;
use synod_types::varint;

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
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.ids.len() as u64);
        self.ids.iter().for_each(|id| varint::put(out, *id));
        varint::put_bytes(out, &self.addr);
        varint::put_bytes(out, &self.laddr);
        varint::put_bytes(out, &self.user);
        varint::put(out, self.asker);
        out.push(u8::from(self.skip_asker));
        out.push(self.of_type.map_or(0, |of_type| of_type as u8));
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Setting;
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
