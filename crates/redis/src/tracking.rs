//! Client-side caching: which of this worker's clients may hold which keys, and how they are told that one has changed.
//!
//! A key is remembered when its read is taken, before it sets out. A reply may still be under way when its key
//! changes; then the client is told behind that reply, so that it never keeps what it was told to drop before.
//!
//! Source: Redis, "Client-side caching in Redis" and tracking.c of 7.0.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use synod_types::{ClientId, ReplySink, limits};
use synod_wire::resp::{Proto, RespWriter};

/// The channel on which a connection that speaks RESP2 hears of changed keys.
pub const INVALIDATE_CHANNEL: &[u8] = b"__redis__:invalidate";

/// CLIENT TRACKING of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// It hears of all keys with its prefixes, whatever it has read.
    pub broadcasts: bool,
    /// These; the empty one is of all keys.
    pub prefixes: BTreeSet<Vec<u8>>,
    /// Only what is read behind CLIENT CACHING YES is remembered.
    pub opts_in: bool,
    /// What is read behind CLIENT CACHING NO is not remembered.
    pub opts_out: bool,
    /// It does not hear of its own changes.
    pub skips_own: bool,
    /// The id of the connection that is told in its place.
    pub redirect: Option<u64>,
    /// That connection is gone.
    pub is_broken: bool,
    /// CLIENT CACHING was sent for the next command.
    pub caching: bool,
    /// It has run scripts whose reads are remembered.
    pub runs_scripts: bool,
    /// It may keep something since it was told last that everything may have changed.
    pub keeps: bool,
}

impl Tracking {
    /// Whether the keys of the command that comes now are remembered.
    #[must_use]
    pub fn remembers(&self) -> bool {
        match (self.opts_in, self.opts_out) {
            _ if self.broadcasts => false,
            (true, _) => self.caching,
            (_, true) => !self.caching,
            _ => true,
        }
    }
}

/// How a client stands to a key that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The place of the newest reply with its value.
    pub seq: u64,
    /// Whether an earlier such reply had left when that was asked for.
    pub holds: bool,
}

/// Who has read each key.
type Readers = BTreeMap<ClientId, Reader>;

/// What the clients of one worker may hold.
#[derive(Debug, Default)]
pub struct Tracked {
    clients: BTreeSet<ClientId>,
    keys: BTreeMap<Vec<u8>, Readers>,
    /// How many readers all keys have.
    items: usize,
    /// The keys' bytes.
    bytes: usize,
    prefixes: BTreeMap<Vec<u8>, BTreeSet<ClientId>>,
    /// Where the last key was dropped because there were too many.
    dropped: Vec<u8>,
}

impl Tracked {
    /// A client tracks from now on.
    pub fn begin(&mut self, client: ClientId, tracking: &Tracking) {
        self.clients.insert(client);
        for prefix in &tracking.prefixes {
            self.prefixes.entry(prefix.clone()).or_default().insert(client);
        }
    }

    /// A client tracks no longer; what it had read is forgotten when it changes.
    pub fn end(&mut self, client: ClientId, tracking: &Tracking) {
        self.clients.remove(&client);
        for prefix in &tracking.prefixes {
            if let Some(clients) = self.prefixes.get_mut(prefix) {
                clients.remove(&client);
                if clients.is_empty() {
                    self.prefixes.remove(prefix);
                }
            }
        }
    }

    /// Who tracks.
    #[must_use]
    pub fn clients(&self) -> &BTreeSet<ClientId> {
        &self.clients
    }

    /// The prefixes, and who hears of their keys.
    #[must_use]
    pub fn prefixes(&self) -> &BTreeMap<Vec<u8>, BTreeSet<ClientId>> {
        &self.prefixes
    }

    /// How many keys were read, how many readers they have together, and how many prefixes there are.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.keys.len(), self.items, self.prefixes.len())
    }

    /// A client is about to read a key, and gets its value with the reply at `seq`. `has_left` tells of an earlier
    /// place whether its reply has left.
    pub fn remember(
        &mut self,
        key: &[u8],
        client: ClientId,
        seq: u64,
        has_left: impl Fn(u64) -> bool,
    ) {
        let readers = match self.keys.get_mut(key) {
            Some(readers) => readers,
            None => {
                self.bytes += key.len();
                self.keys.entry(key.to_vec()).or_default()
            }
        };
        let before = readers.get(&client);
        let holds = before.is_some_and(|before| before.holds || has_left(before.seq));
        if readers.insert(client, Reader { seq, holds }).is_none() {
            self.items += 1;
        }
    }

    /// A key has changed: who has read it. All of them are to be told and have read it no longer, but for the one that
    /// changed it itself and does not want to hear of that.
    pub fn forget(&mut self, key: &[u8], but: Option<ClientId>) -> Readers {
        let Some(mut readers) = self.keys.remove(key) else { return Readers::new() };
        self.bytes -= key.len();
        self.items -= readers.len();
        if let Some(client) = but
            && let Some(reader) = readers.remove(&client)
        {
            self.bytes += key.len();
            self.items += 1;
            self.keys.insert(key.to_vec(), Readers::from([(client, reader)]));
        }
        readers
    }

    /// Everything may have changed: nobody has read anything.
    pub fn forget_all(&mut self) {
        self.keys.clear();
        (self.items, self.bytes) = (0, 0);
    }

    /// A key that is one too many, if at most so many are remembered. They go in order, round and round.
    pub fn superfluous(&mut self, keys_max: usize) -> Option<Vec<u8>> {
        if self.keys.len() <= keys_max && self.bytes <= limits::TRACKED_BYTES_MAX {
            return None;
        }
        let behind = (Bound::Excluded(self.dropped.as_slice()), Bound::Unbounded);
        let next = self.keys.range::<[u8], _>(behind).next().or_else(|| self.keys.iter().next());
        self.dropped = next?.0.clone();
        Some(self.dropped.clone())
    }
}

/// The message that tells a connection of changed keys, or that all keys may have changed.
#[must_use]
pub fn invalidation(keys: Option<&[&[u8]]>, proto: Proto) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = RespWriter::new(&mut bytes, proto);
    match proto {
        Proto::Resp3 => {
            out.push(2);
            out.bulk(b"invalidate");
        }
        Proto::Resp2 => {
            out.array(3);
            out.bulk(b"message");
            out.bulk(INVALIDATE_CHANNEL);
        }
    }
    match keys {
        Some(keys) => {
            out.array(keys.len());
            keys.iter().for_each(|key| out.bulk(key));
        }
        None => out.null(),
    }
    bytes
}

/// The message that the connection which was to be told is gone.
#[must_use]
pub fn redirection_broken(redirect: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = RespWriter::new(&mut bytes, Proto::Resp3);
    out.push(2);
    out.bulk(b"tracking-redir-broken");
    out.integer(redirect.cast_signed());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ClientId = ClientId(1);
    const B: ClientId = ClientId(2);

    #[test]
    fn readers_are_told_once_and_the_author_stays_a_reader() {
        let mut tracked = Tracked::default();
        tracked.remember(b"k", A, 5, |_| true);
        tracked.remember(b"k", B, 7, |_| true);
        tracked.remember(b"l", B, 8, |_| true);
        assert_eq!(tracked.sizes(), (2, 3, 0));
        let told = tracked.forget(b"k", Some(A));
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), [B]);
        assert_eq!(tracked.sizes(), (2, 2, 0));
        assert_eq!(tracked.forget(b"k", None).len(), 1);
        assert!(tracked.forget(b"k", None).is_empty());
        tracked.forget_all();
        assert_eq!(tracked.sizes(), (0, 0, 0));
    }

    #[test]
    fn who_reads_again_still_holds_what_it_read_before() {
        let mut tracked = Tracked::default();
        tracked.remember(b"k", A, 5, |_| true);
        tracked.remember(b"k", A, 6, |seq| seq < 6);
        assert_eq!(tracked.forget(b"k", None)[&A], Reader { seq: 6, holds: true });
        tracked.remember(b"k", A, 7, |_| false);
        tracked.remember(b"k", A, 8, |_| false);
        assert_eq!(tracked.forget(b"k", None)[&A], Reader { seq: 8, holds: false });
    }

    #[test]
    fn what_is_too_much_goes_round_and_round() {
        let mut tracked = Tracked::default();
        for key in ["a", "b", "c"] {
            tracked.remember(key.as_bytes(), A, 0, |_| true);
        }
        let mut dropped = Vec::new();
        while let Some(key) = tracked.superfluous(1) {
            tracked.forget(&key, None);
            dropped.push(key);
        }
        tracked.remember(b"a", A, 0, |_| true);
        dropped.extend(tracked.superfluous(1));
        assert_eq!(dropped, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn messages_are_spelled_as_redis_does() {
        let keys: &[&[u8]] = &[b"k", b"l"];
        assert_eq!(
            invalidation(Some(keys), Proto::Resp3),
            b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nk\r\n$1\r\nl\r\n"
        );
        assert_eq!(invalidation(None, Proto::Resp3), b">2\r\n$10\r\ninvalidate\r\n_\r\n");
        assert_eq!(
            invalidation(None, Proto::Resp2),
            b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n"
        );
        assert_eq!(redirection_broken(7), b">2\r\n$21\r\ntracking-redir-broken\r\n:7\r\n");
    }
}
