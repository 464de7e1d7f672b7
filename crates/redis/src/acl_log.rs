//! ACL LOG: what clients were refused, the newest first. What happens again within a minute counts up.

use std::collections::VecDeque;
use synod_types::limits::ACL_LOG_TEXT_BYTES_MAX;
use synod_types::{ReplySink, varint};
use synod_wire::resp::RespWriter;

/// Refusals of the same kind within so long are one entry (Redis: the same).
const ALIKE_MS: u64 = 60_000;
/// So many entries are looked at for one of the same kind (Redis: the same).
const LOOKED_AT: usize = 10;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// A login.
    Auth,
}

impl Reason {
    const NAMES: [&'static str; 4] = ["command", "key", "channel", "auth"];
    const ALL: [Self; 4] = [Self::Command, Self::Key, Self::Channel, Self::Auth];
}

/// One refusal, or several alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How often.
    pub count: u64,
    /// What.
    pub reason: Reason,
    /// Whether a transaction was about to be queued or run.
    pub in_multi: bool,
    /// The command, key or channel, shortened.
    pub object: Vec<u8>,
    /// Who was refused it.
    pub user: Vec<u8>,
    /// When last, in milliseconds since 1970.
    pub at_ms: u64,
    /// The line of CLIENT LIST of who was refused last.
    pub client: Vec<u8>,
}

impl Refusal {
    /// One that has just happened.
    #[must_use]
    pub fn new(reason: Reason, in_multi: bool, object: &[u8], user: &[u8], at_ms: u64) -> Self {
        let short = |text: &[u8]| text[..text.len().min(ACL_LOG_TEXT_BYTES_MAX)].to_vec();
        let (object, user, client) = (short(object), short(user), Vec::new());
        Self { count: 1, reason, in_multi, object, user, at_ms, client }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.in_multi == other.in_multi
            && self.object == other.object
            && self.user == other.user
            && other.at_ms.saturating_sub(self.at_ms) <= ALIKE_MS
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.reason as u8, u8::from(self.in_multi)]);
        [self.count, self.at_ms].into_iter().for_each(|n| varint::put(out, n));
        [&self.object, &self.user, &self.client]
            .into_iter()
            .for_each(|text| varint::put_bytes(out, text));
    }

    /// Takes one off the front; `None` when there is no whole one.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let ([reason, in_multi], rest) = bytes.split_first_chunk::<2>()?;
        *bytes = rest;
        let (reason, in_multi) = (*Reason::ALL.get(usize::from(*reason))?, *in_multi == 1);
        let (count, at_ms) = (varint::take(bytes)?, varint::take(bytes)?);
        let mut text = || varint::take_bytes(bytes).map(<[u8]>::to_vec);
        let (object, user, client) = (text()?, text()?, text()?);
        Some(Self { count, reason, in_multi, object, user, at_ms, client })
    }

    fn write(&self, now_ms: u64, out: &mut RespWriter<'_>) {
        out.map(7);
        out.bulk(b"count");
        out.integer(self.count as i64);
        let context = if self.in_multi { "multi" } else { "toplevel" };
        let words = [("reason", Reason::NAMES[self.reason as usize]), ("context", context)];
        for (key, value) in words {
            out.bulk(key.as_bytes());
            out.bulk(value.as_bytes());
        }
        for (key, value) in [("object", &self.object), ("username", &self.user)] {
            out.bulk(key.as_bytes());
            out.bulk(value);
        }
        out.bulk(b"age-seconds");
        out.double(now_ms.saturating_sub(self.at_ms) as f64 / 1000.0);
        out.bulk(b"client-info");
        out.bulk(&self.client);
    }
}

/// The refusals of a node.
#[derive(Debug, Default)]
pub struct AclLog(VecDeque<Refusal>);

impl AclLog {
    /// Takes a refusal in; the oldest go when there are more than `len_max`.
    pub fn note(&mut self, new: Refusal, len_max: usize) {
        let alike = self.0.iter().take(LOOKED_AT).position(|known| known.is_like(&new));
        let count = alike.and_then(|at| self.0.remove(at)).map_or(0, |known| known.count);
        self.0.push_front(Refusal { count: count + new.count, ..new });
        self.0.truncate(len_max);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The newest so many, for [`write`].
    #[must_use]
    pub fn encode(&self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.iter().take(count).for_each(|refusal| refusal.encode(&mut bytes));
        bytes
    }
}

/// Writes what [`AclLog::encode`] has told.
pub(crate) fn write(mut bytes: &[u8], now_ms: u64, out: &mut RespWriter<'_>) {
    let mut all = Vec::new();
    while let Some(refusal) = Refusal::decode(&mut bytes) {
        all.push(refusal);
    }
    out.array(all.len());
    all.iter().for_each(|refusal| refusal.write(now_ms, out));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(object: &str, at_ms: u64) -> Refusal {
        Refusal::new(Reason::Key, false, object.as_bytes(), b"u", at_ms)
    }

    fn told(log: &AclLog) -> Vec<(String, u64)> {
        let bytes = log.encode(usize::MAX);
        let mut rest = &bytes[..];
        std::iter::from_fn(|| Refusal::decode(&mut rest))
            .map(|r| (String::from_utf8(r.object).unwrap(), r.count))
            .collect()
    }

    #[test]
    fn what_happens_again_counts_up_and_comes_first() {
        let mut log = AclLog::default();
        log.note(refusal("a", 0), 3);
        log.note(refusal("b", 1), 3);
        log.note(refusal("a", 2), 3);
        assert_eq!(told(&log), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        log.note(refusal("b", 70_000), 3);
        assert_eq!(told(&log)[0], ("b".to_owned(), 1), "a minute later it is another one");
        log.note(refusal("c", 70_000), 3);
        assert_eq!(told(&log).len(), 3, "the oldest went");
        log.note(refusal("d", 70_000), 0);
        assert_eq!(told(&log), []);
    }

    #[test]
    fn long_objects_are_shortened() {
        let long = refusal(&"k".repeat(5000), 0);
        assert_eq!(long.object.len(), ACL_LOG_TEXT_BYTES_MAX);
        let mut bytes = Vec::new();
        long.encode(&mut bytes);
        assert_eq!(Refusal::decode(&mut &bytes[..]), Some(long));
        assert_eq!(Refusal::decode(&mut &bytes[..20]), None);
    }
}
