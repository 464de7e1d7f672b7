//! The locks of one leader, and those who stand in line for them.

use super::bar::Bar;
use crate::pending::{Access, Origin};
use crate::waits::Told;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use synod_data::op::Op;
use synod_data::{Keyspace, lookup};
use synod_machine::{MachineId, Operation};
use synod_txn::{Records, Step, TxnId};
use synod_types::{ClientId, Index, NodeId, limits};

const CROWDED: &str = "TRYAGAIN Too many requests wait for transactions; nothing was written";

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No key.
    Nothing,
    Keys(Vec<Vec<u8>>),
    /// Every key of the partition.
    All,
}

/// Who may be of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Connection {
    Client(ClientId),
    Peer(NodeId, u16),
    /// Of some client here.
    Gather,
}

impl Connection {
    pub(super) fn of(origin: Origin) -> Option<Self> {
        match origin {
            Origin::Internal | Origin::Call { .. } | Origin::Step { .. } => None,
            Origin::Client { client, .. } => Some(Self::Client(client)),
            Origin::Peer { node, worker, .. } => Some(Self::Peer(node, worker)),
            Origin::Gather { .. } => Some(Self::Gather),
        }
    }
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) origin: Origin,
    /// The encoded operation.
    pub(super) op: Vec<u8>,
    pub(super) access: Access,
    pub(super) wanted: Wanted,
    /// Whose lock it is to become.
    pub(super) locks_for: Option<TxnId>,
    /// A transaction's steps stand in no connection's order.
    pub(super) connection: Option<Connection>,
    /// Of a command that may wait for its keys to be filled: until when, and whether it was armed before.
    pub(super) wait: Option<(Option<u64>, Option<Index>)>,
    pub(super) since: u64,
}

/// What stands in line.
#[derive(Debug, Default)]
pub(super) struct Line {
    keys: BTreeSet<Vec<u8>>,
    connections: BTreeSet<Connection>,
    clients: usize,
    all: bool,
}

impl Line {
    pub(super) fn add(&mut self, held: &Held) {
        match &held.wanted {
            Wanted::Nothing => {}
            Wanted::Keys(keys) => self.keys.extend(keys.iter().cloned()),
            Wanted::All => self.all = true,
        }
        if let Some(connection) = held.connection {
            self.clients += usize::from(matches!(connection, Connection::Client(_)));
            self.connections.insert(connection);
        }
    }

    /// Whether somebody in line is to go first.
    pub(super) fn precedes(&self, wanted: &Wanted, connection: Option<Connection>) -> bool {
        let keys = match wanted {
            Wanted::Nothing => false,
            Wanted::Keys(keys) => self.all || keys.iter().any(|key| self.keys.contains(key)),
            Wanted::All => self.all || !self.keys.is_empty(),
        };
        keys || match connection {
            None => false,
            Some(Connection::Gather) => {
                self.clients > 0 || self.connections.contains(&Connection::Gather)
            }
            Some(client @ Connection::Client(_)) => {
                self.connections.contains(&Connection::Gather) || self.connections.contains(&client)
            }
            Some(peer) => self.connections.contains(&peer),
        }
    }
}

#[derive(Debug)]
pub(super) struct Lock {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) since: u64,
}

/// The locks and the line of one leader.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(super) locked: BTreeMap<Vec<u8>, TxnId>,
    pub(super) locks: BTreeMap<TxnId, Lock>,
    pub(super) held: VecDeque<Held>,
    pub(super) line: Line,
    pub(super) bytes: usize,
    /// Whether some key was held by an intent when the last step was applied.
    pub(super) intents: bool,
    /// Whether somebody in line may go on.
    pub(super) changed: bool,
    /// To be refused in this turn, with these words.
    pub(super) refused: Vec<(Origin, &'static str)>,
    /// To be told in this turn to those that wait for keys of several partitions.
    pub(crate) told: Vec<(Origin, Told)>,
    /// Keys whose locks were given back, until those are looked at who wait for them to be filled.
    pub(crate) freed: Vec<Vec<u8>>,
    /// The slots that are to go, if they cannot because of transactions.
    pub(super) bar: Option<Bar>,
    /// When each intent and each decision was seen first, or asked about last, in ticks.
    pub(super) seen: BTreeMap<TxnId, u64>,
}

impl Gate {
    pub(super) fn is_open(&self) -> bool {
        self.locks.is_empty() && self.held.is_empty()
    }

    pub(super) fn is_free(
        &self,
        wanted: &Wanted,
        own: Option<TxnId>,
        keyspace: Option<&Keyspace>,
    ) -> bool {
        if own.is_some_and(|txn| self.is_barred(txn, wanted)) {
            return false;
        }
        let records = keyspace.map(Keyspace::transactions);
        // Which keys intents hold cannot be told while the keyspace is lent to a long operation, but whether they hold any.
        let some = records.map_or(self.intents, Records::holds_some);
        match (wanted, records) {
            (Wanted::Nothing, _) => true,
            (Wanted::All, _) => self.locked.is_empty() && !some,
            (Wanted::Keys(keys), records) => keys.iter().all(|key| {
                let holder = records.and_then(|records| records.holder(key));
                self.locked.get(key).is_none_or(|txn| Some(*txn) == own)
                    && (records.is_some() || !some)
                    && holder.is_none_or(|txn| Some(txn) == own)
            }),
        }
    }

    pub(super) fn lock(&mut self, txn: TxnId, keys: &[Vec<u8>], since: u64) {
        for key in keys {
            self.locked.insert(key.clone(), txn);
        }
        let lock = self.locks.entry(txn).or_insert_with(|| Lock { keys: Vec::new(), since });
        lock.keys.extend_from_slice(keys);
    }

    /// Locks these keys if no other transaction has one of them, and nobody in line wants one; whether it has.
    pub(crate) fn lock_if_free(
        &mut self,
        txn: TxnId,
        keys: Vec<Vec<u8>>,
        keyspace: Option<&Keyspace>,
        since: u64,
    ) -> bool {
        let wanted = Wanted::Keys(keys);
        let free = self.is_free(&wanted, Some(txn), keyspace) && !self.line.precedes(&wanted, None);
        if let (true, Wanted::Keys(keys)) = (free, &wanted) {
            self.lock(txn, keys, since);
        }
        free
    }

    /// Whether a transaction has locked this key.
    pub(crate) fn has_lock_of(&self, key: &[u8]) -> bool {
        self.locked.contains_key(key)
    }

    /// Whether a transaction has the locks of all these already.
    pub(super) fn is_locked_for(&self, wanted: &Wanted, txn: TxnId) -> bool {
        matches!(wanted, Wanted::Keys(keys) if keys.iter().all(|key| self.locked.get(key) == Some(&txn)))
    }

    /// Takes a transaction's locks back.
    pub(super) fn unlock(&mut self, txn: TxnId) {
        let Some(lock) = self.locks.remove(&txn) else { return };
        for key in lock.keys {
            if self.locked.get(&key) == Some(&txn) {
                self.locked.remove(&key);
                self.freed.push(key);
            }
        }
        self.changed = true;
    }

    pub(super) fn put_in_line(&mut self, held: Held) {
        let is_full = self.held.len() >= limits::TXN_WAITING_MAX
            || self.bytes + held.op.len() > limits::TXN_WAITING_BYTES_MAX;
        if is_full {
            return self.refused.push((held.origin, CROWDED));
        }
        self.bytes += held.op.len();
        self.line.add(&held);
        self.held.push_back(held);
    }

    /// Gives everybody in line back.
    pub(super) fn take_all(&mut self) -> VecDeque<Held> {
        let held = std::mem::take(&mut self.held);
        let (refused, told) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.told));
        *self = Self { refused, told, intents: self.intents, ..Self::default() };
        held
    }
}
/// What an encoded operation wants. A step that is in the log wants nothing: it is not to wait.
pub(super) fn wanted(bytes: &[u8]) -> Wanted {
    let operation = Operation::take(&mut &*bytes);
    let operation = operation.filter(|operation| operation.machine == MachineId::KEYSPACE);
    let Some(op) = operation.and_then(|operation| Op::decode(operation.body)) else {
        return Wanted::Nothing;
    };
    let mut keys = Vec::new();
    let mut command = |args: &[&[u8]]| {
        if let Some(command) = args.first().and_then(|name| lookup(name)) {
            keys.extend(command.key_positions(args).map(|at| args[at].to_vec()));
        }
    };
    match op.plain() {
        Op::Command(args) | Op::Wait { args, .. } => command(args),
        Op::Transaction { watched, commands } => {
            commands.iter().for_each(|args| command(args));
            keys.extend(watched.iter().map(|(key, _)| key.to_vec()));
        }
        Op::Versions(of) => keys.extend(of.iter().map(|key| key.to_vec())),
        Op::Clear => return Wanted::All,
        Op::Step(Step::Fetch { keys: of, .. }) => keys.extend(of.iter().map(|key| key.to_vec())),
        _ => {}
    }
    if keys.is_empty() { Wanted::Nothing } else { Wanted::Keys(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_data::op::put_command;
    use synod_types::Slot;

    fn txn(number: u64) -> TxnId {
        TxnId { node: NodeId(1), worker: 0, number }
    }

    fn wants(line: &str) -> Wanted {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut op = Vec::new();
        put_command(&mut op, &words);
        wanted(&op)
    }

    fn held(client: u64, line: &str) -> Held {
        let origin = Origin::Client { client: ClientId(client), seq: 1 };
        Held {
            origin,
            op: vec![0; 10],
            access: Access::Write,
            wanted: wants(line),
            locks_for: None,
            connection: Connection::of(origin),
            wait: None,
            since: 0,
        }
    }

    #[test]
    fn what_a_request_wants_is_what_it_names() {
        let keys =
            |keys: &[&str]| Wanted::Keys(keys.iter().map(|k| k.as_bytes().to_vec()).collect());
        assert_eq!(wants("SET a 1"), keys(&["a"]));
        assert_eq!(wants("ZUNIONSTORE d 2 a b"), keys(&["d", "a", "b"]));
        assert_eq!(wants("NOSUCH a"), Wanted::Nothing);
        let of = |op: Op<'_>| {
            let mut bytes = Vec::new();
            op.encode(&mut bytes);
            wanted(&bytes)
        };
        assert_eq!(of(Op::Clear), Wanted::All);
        assert_eq!(of(Op::Stats), Wanted::Nothing);
        assert_eq!(of(Op::Expire(vec![b"a"])), Wanted::Nothing);
        let commands = vec![[&b"GET"[..], b"a"].into_iter().collect()];
        let transaction = Op::Transaction { watched: vec![(b"w", 1)], commands };
        assert_eq!(of(transaction), keys(&["a", "w"]));
        let finish = Op::Step(Step::Finish { txn: txn(1), commit: true });
        assert_eq!(of(finish), Wanted::Nothing, "it must not wait for itself");
    }

    #[test]
    fn a_lock_keeps_others_away_until_it_is_given_back() {
        let keyspace = &Keyspace::new(Slot(0)..=Slot(16_383));
        let keyspace = Some(keyspace);
        let mut gate = Gate::default();
        gate.lock(txn(1), &[b"a".to_vec(), b"b".to_vec()], 0);
        assert!(!gate.is_open());
        assert!(!gate.is_free(&wants("MGET c a"), None, keyspace));
        assert!(!gate.is_free(&Wanted::All, None, keyspace));
        assert!(gate.is_free(&wants("GET c"), None, keyspace));
        assert!(gate.is_free(&wants("MGET a b"), Some(txn(1)), keyspace), "its own");
        gate.unlock(txn(2));
        assert!(!gate.is_free(&wants("GET a"), None, keyspace));
        gate.unlock(txn(1));
        assert!(gate.is_free(&Wanted::All, None, keyspace));
        assert!(gate.is_open());
        assert!(gate.is_free(&wants("GET a"), None, None), "the keyspace is lent");
        gate.intents = true;
        assert!(!gate.is_free(&wants("GET a"), None, None), "and may hold the key");
        assert!(gate.is_free(&wants("GET a"), None, keyspace));
    }

    #[test]
    fn who_comes_later_for_the_same_key_or_of_the_same_connection_goes_behind() {
        let mut line = Line::default();
        line.add(&held(1, "SET a 1"));
        let of = |client| Some(Connection::Client(ClientId(client)));
        assert!(line.precedes(&wants("GET a"), of(2)));
        assert!(line.precedes(&wants("GET z"), of(1)));
        assert!(line.precedes(&Wanted::Nothing, of(1)));
        assert!(!line.precedes(&wants("GET z"), of(2)));
        assert!(!line.precedes(&wants("GET z"), None));
        assert!(line.precedes(&wants("GET z"), Some(Connection::Gather)), "whose is not known");
        assert!(!line.precedes(&wants("GET z"), Some(Connection::Peer(NodeId(2), 0))));
        assert!(line.precedes(&Wanted::All, None));
        line.all = true;
        assert!(line.precedes(&wants("GET z"), None), "somebody wants every key");
    }

    #[test]
    fn the_line_is_bounded() {
        let mut gate = Gate::default();
        for client in 0..=limits::TXN_WAITING_MAX as u64 {
            gate.put_in_line(held(client, "SET a 1"));
        }
        assert_eq!(gate.held.len(), limits::TXN_WAITING_MAX);
        assert_eq!(gate.refused.len(), 1);
        let mut gate = Gate::default();
        let long = || Held { op: vec![0; limits::TXN_WAITING_BYTES_MAX / 2], ..held(1, "SET a 1") };
        (0..3).for_each(|_| gate.put_in_line(long()));
        assert_eq!((gate.held.len(), gate.refused.len()), (2, 1));
        assert_eq!(gate.take_all().len(), 2);
        assert_eq!((gate.held.len(), gate.bytes, gate.refused.len()), (0, 0, 1));
    }
}
