//! The slow log: requests that took long, as SLOWLOG tells them.
//!
//! There is no clock here, and none is asked for a request. A request has taken the time from the turn that took it to
//! the turn that answered it; one answered in the turn that took it has taken that turn's whole length, which is
//! known when the turn is over and the reply has left.

use std::collections::VecDeque;
use synod_types::{ClientId, ReplySink, varint};

/// How many arguments an entry shows, and how many bytes of each (Redis: the same).
const ARGS_MAX: usize = 32;
const ARG_BYTES_MAX: usize = 128;
/// How many requests of one turn can enter, so that a slow disk does not have all of them copied.
const TURN_MAX: usize = 16;

/// One slow request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Grows; unique within the node as long as the process runs.
    pub id: u64,
    /// Seconds since 1970.
    pub at_s: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The client's address.
    pub addr: Vec<u8>,
    /// The client's name.
    pub name: Vec<u8>,
    /// The count and the arguments, shortened, each behind its length.
    args: Vec<u8>,
}

impl Entry {
    /// The arguments, shortened.
    #[must_use]
    pub fn args(&self) -> Vec<&[u8]> {
        let mut bytes = self.args.as_slice();
        let count = varint::take(&mut bytes).unwrap_or(0);
        (0..count).map_while(|_| varint::take_bytes(&mut bytes)).collect()
    }

    /// Appends the entry.
    pub fn encode(&self, out: &mut Vec<u8>) {
        [self.id, self.at_s, self.took_us].into_iter().for_each(|n| varint::put(out, n));
        [&self.addr, &self.name, &self.args].into_iter().for_each(|b| varint::put_bytes(out, b));
    }

    /// Takes an entry off the front; `None` when there is no whole one.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut number = || varint::take(bytes);
        let (id, at_s, took_us) = (number()?, number()?, number()?);
        let mut text = || varint::take_bytes(bytes).map(<[u8]>::to_vec);
        let (addr, name, args) = (text()?, text()?, text()?);
        Some(Self { id, at_s, took_us, addr, name, args })
    }
}

fn put_args(out: &mut Vec<u8>, args: &[&[u8]]) {
    let shown = if args.len() > ARGS_MAX { ARGS_MAX - 1 } else { args.len() };
    varint::put(out, args.len().min(ARGS_MAX) as u64);
    for arg in &args[..shown] {
        match arg.len().checked_sub(ARG_BYTES_MAX) {
            None | Some(0) => varint::put_bytes(out, arg),
            Some(more) => {
                let rest = format!("... ({more} more bytes)");
                varint::put_bytes(out, &[&arg[..ARG_BYTES_MAX], rest.as_bytes()].concat());
            }
        }
    }
    if shown < args.len() {
        let rest = format!("... ({} more arguments)", args.len() - shown);
        varint::put_bytes(out, rest.as_bytes());
    }
}

/// A request that has entered, or will if the turn takes long.
#[derive(Debug)]
struct Noted {
    client: ClientId,
    /// `None`: as long as the turn.
    took_us: Option<u64>,
    /// Where its arguments end in [`SlowLog::bytes`]; they begin where the ones before end.
    end: usize,
}

/// The slow requests of one worker.
#[derive(Debug)]
pub struct SlowLog {
    /// From how many microseconds on; `u64::MAX`: none.
    threshold_us: u64,
    len_max: usize,
    /// The newest first.
    entries: VecDeque<Entry>,
    /// How many have ever entered.
    entered: u64,
    /// Of this turn; at most [`TURN_MAX`].
    noted: Vec<Noted>,
    bytes: Vec<u8>,
}

impl Default for SlowLog {
    fn default() -> Self {
        Self {
            threshold_us: u64::MAX,
            len_max: 0,
            entries: VecDeque::new(),
            entered: 0,
            noted: Vec::new(),
            bytes: Vec::new(),
        }
    }
}

impl SlowLog {
    /// From how long on requests enter (negative: never), and how many are kept.
    pub fn configure(&mut self, threshold_us: i64, len_max: usize) {
        self.threshold_us = u64::try_from(threshold_us).unwrap_or(u64::MAX);
        self.len_max = len_max;
        self.entries.truncate(len_max);
    }

    /// Whether a request that is answered at once has to be noted: every one if all are wanted, else those that are
    /// not known to be quick.
    #[inline]
    #[must_use]
    pub fn wants(&self, quick: bool) -> bool {
        (!quick || self.threshold_us == 0) && self.threshold_us != u64::MAX
    }

    /// Whether a request that took so long is slow, or may turn out to be, and can still enter in this turn.
    #[inline]
    #[must_use]
    pub fn is_slow(&self, took_us: u64) -> bool {
        let slow = took_us >= self.threshold_us || (took_us == 0 && self.threshold_us != u64::MAX);
        slow && self.noted.len() < TURN_MAX
    }

    /// Notes a request of this turn; `took_us` 0: answered in the turn that took it.
    pub fn note(&mut self, client: ClientId, took_us: u64, args: &[&[u8]]) {
        if self.noted.len() < TURN_MAX {
            put_args(&mut self.bytes, args);
            let took_us = (took_us > 0).then_some(took_us);
            self.noted.push(Noted { client, took_us, end: self.bytes.len() });
        }
    }

    /// The turn is over and took so long. Takes in what was slow; `whom` tells the address and name of a client, `id`
    /// makes the number of an entry unique.
    pub fn close_turn(
        &mut self,
        turn_us: u64,
        at_s: u64,
        whom: impl Fn(ClientId) -> (Vec<u8>, Vec<u8>),
        id: impl Fn(u64) -> u64,
    ) {
        let mut start = 0;
        for noted in self.noted.drain(..) {
            let args = &self.bytes[std::mem::replace(&mut start, noted.end)..noted.end];
            let took_us = noted.took_us.unwrap_or(turn_us);
            if took_us < self.threshold_us || self.len_max == 0 {
                continue;
            }
            let (addr, name) = whom(noted.client);
            let id = id(self.entered);
            self.entered += 1;
            self.entries.truncate(self.len_max - 1);
            self.entries.push_front(Entry { id, at_s, took_us, addr, name, args: args.to_vec() });
        }
        self.bytes.clear();
    }

    /// How many entries are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The newest `count` entries, encoded one after another.
    #[must_use]
    pub fn encode(&self, count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        self.entries.iter().take(count).for_each(|entry| entry.encode(&mut out));
        out
    }
}

/// Writes the newest of what the workers told.
pub(crate) fn write(parts: &[Vec<u8>], count: usize, out: &mut dyn ReplySink) {
    let mut entries = Vec::new();
    for mut part in parts.iter().map(Vec::as_slice) {
        while let Some(entry) = Entry::decode(&mut part) {
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.at_s, entry.id)));
    entries.truncate(count);
    out.array(entries.len());
    for entry in &entries {
        out.array(6);
        [entry.id, entry.at_s, entry.took_us].into_iter().for_each(|n| out.integer(n as i64));
        let args = entry.args();
        out.array(args.len());
        args.iter().for_each(|arg| out.bulk(arg));
        out.bulk(&entry.addr);
        out.bulk(&entry.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(log: &mut SlowLog, turn_us: u64) {
        log.close_turn(turn_us, 7, |_| (b"addr".to_vec(), Vec::new()), |n| n * 2 + 1);
    }

    #[test]
    fn what_took_long_enters_and_the_oldest_leaves() {
        let mut log = SlowLog::default();
        assert!(!log.wants(false) && !log.is_slow(0));
        log.configure(1000, 2);
        assert!(log.wants(false) && !log.wants(true) && log.is_slow(1000) && !log.is_slow(999));
        log.note(ClientId(1), 0, &[b"KEYS", b"*"]);
        close(&mut log, 999);
        assert_eq!(log.len(), 0);
        for took_us in [1000, 2000, 3000] {
            log.note(ClientId(1), 0, &[b"KEYS", b"*"]);
            log.note(ClientId(1), took_us, &[b"DEL", b"a"]);
            close(&mut log, 10);
        }
        let took: Vec<_> = log.entries.iter().map(|e| (e.id, e.took_us, e.args())).collect();
        let args: Vec<&[u8]> = vec![b"DEL", b"a"];
        assert_eq!(took, [(5, 3000, args.clone()), (3, 2000, args)]);
        log.configure(1000, 1);
        assert_eq!(log.len(), 1);
    }

    #[test]
    fn one_turn_enters_no_more_than_its_share() {
        let mut log = SlowLog::default();
        log.configure(0, 1000);
        (0..100).for_each(|_| log.note(ClientId(1), 5, &[b"GET", b"a"]));
        close(&mut log, 10);
        assert_eq!(log.len(), TURN_MAX);
    }

    #[test]
    fn arguments_are_shortened_as_redis_does_and_entries_round_trip() {
        let mut log = SlowLog::default();
        log.configure(0, 10);
        let long = [b'x'; 200];
        let mut args = vec![long.as_slice(); 40];
        args[0] = b"DEL";
        log.note(ClientId(1), 0, &args);
        close(&mut log, 10);
        let bytes = log.encode(1);
        let mut rest = bytes.as_slice();
        let entry = Entry::decode(&mut rest).unwrap();
        assert!(rest.is_empty() && entry == log.entries[0]);
        let shown = entry.args();
        assert_eq!(shown.len(), 32);
        assert_eq!(shown[1], [&long[..128], b"... (72 more bytes)"].concat());
        assert_eq!(shown[31], b"... (9 more arguments)");
        for cut in 0..bytes.len() {
            assert_eq!(Entry::decode(&mut &bytes[..cut]), None);
        }
    }
}
