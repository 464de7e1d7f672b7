//! What one row of the command table says.

use crate::error::Outcome;
use crate::{Args, Context, Keyspace};
use synod_types::ReplySink;

/// One command. The texts are what COMMAND and COMMAND DOCS answer.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// In lower case.
    pub name: &'static str,
    /// The number of arguments, the name included; negative: at least that many.
    pub arity: i16,
    /// What sort of command it is.
    pub flags: Flags,
    /// Which arguments are keys.
    pub keys: KeySpec,
    /// The family.
    pub group: Group,
    /// The version of Redis that had it first.
    pub since: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What runs it.
    pub handler: Handler,
    /// Its place in the table of all commands.
    pub row: u16,
}

/// Runs a command that changes nothing.
pub type Read = fn(&Keyspace, &Args<'_>, &Context, &mut dyn ReplySink) -> Outcome;
/// Runs a command that may change keys; only its key positions.
pub type Write = fn(&mut Keyspace, &Args<'_>, &Context, &mut dyn ReplySink) -> Outcome;

/// Who runs a command.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// The partition of its keys, on a replica whose state is recent enough.
    Read(Read),
    /// The partition of its keys, when the log says so.
    Write(Write),
    /// The node: it speaks of the connection, of the cluster, or of all partitions.
    Session,
}

/// A set of properties, spelled as COMMAND spells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// None.
    pub const NONE: Self = Self(0);
    /// May change keys.
    pub const WRITE: Self = Self(1);
    /// Reads keys and changes none.
    pub const READONLY: Self = Self(1 << 1);
    /// May need more memory; refused when there is none left.
    pub const DENYOOM: Self = Self(1 << 2);
    /// Takes constant or logarithmic time.
    pub const FAST: Self = Self(1 << 3);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 4);
    /// Not in scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// Answered while data is being loaded.
    pub const LOADING: Self = Self(1 << 6);
    /// Answered by a replica that lost its leader.
    pub const STALE: Self = Self(1 << 7);
    /// Answered before the client has authenticated.
    pub const NO_AUTH: Self = Self(1 << 8);
    /// Key positions depend on the arguments; COMMAND GETKEYS knows.
    pub const MOVABLEKEYS: Self = Self(1 << 9);
    /// May wait.
    pub const BLOCKING: Self = Self(1 << 10);
    /// Not inside a transaction.
    pub const NO_MULTI: Self = Self(1 << 11);

    const NAMES: [&'static str; 12] = [
        "write",
        "readonly",
        "denyoom",
        "fast",
        "admin",
        "noscript",
        "loading",
        "stale",
        "no_auth",
        "movablekeys",
        "blocking",
        "no_multi",
    ];

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names, as COMMAND spells them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, n)| *n)
    }
}

/// Which arguments are keys: every `step`-th from `first` to `last`, and those that a count announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// The first key's position; 0: none.
    pub first: i16,
    /// The last key's position; negative counts from the end.
    pub last: i16,
    /// From key to key.
    pub step: i16,
    /// The position of a count that announces the keys after it (`ZUNIONSTORE dst 2 a b`); 0: none.
    pub count_at: i16,
}

/// The family of a command, as COMMAND DOCS names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Any kind of value.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Hashes.
    Hash,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// The connection.
    Connection,
    /// The server.
    Server,
    /// MULTI and its relatives.
    Transactions,
    /// CLUSTER and its relatives.
    Cluster,
}

impl Group {
    /// The name, as COMMAND DOCS spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Transactions => "transactions",
            Self::Cluster => "cluster",
        }
    }
}

impl Command {
    /// Whether `len` arguments, the name included, are acceptable.
    #[must_use]
    pub const fn check_arity(&self, len: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { len >= wanted } else { len == wanted }
    }

    /// Whether it may change keys.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self.handler, Handler::Write(_))
    }

    /// Whether it is the node's to run.
    #[must_use]
    pub const fn is_session(&self) -> bool {
        matches!(self.handler, Handler::Session)
    }

    /// The positions of the keys among these arguments. Only positions that exist; a count that does
    /// not parse announces none.
    pub fn key_positions(&self, args: &Args<'_>) -> impl Iterator<Item = usize> + use<> {
        let KeySpec { first, last, step, count_at } = self.keys;
        let end = match usize::try_from(last) {
            Ok(last) => (last + 1).min(args.len()),
            Err(_) => (args.len() + 1).saturating_sub(usize::from(last.unsigned_abs())),
        };
        let first = usize::try_from(first).unwrap_or(0);
        let fixed = if first == 0 { 0..0 } else { first..end };
        let announced = match usize::try_from(count_at).ok().filter(|at| *at > 0) {
            Some(at) => {
                let count = args.get(at).and_then(|arg| crate::number::parse_i64(arg));
                let count = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
                at + 1..at.saturating_add(1).saturating_add(count).min(args.len())
            }
            None => 0..0,
        };
        fixed.step_by(usize::try_from(step).unwrap_or(1).max(1)).chain(announced)
    }

    /// A row of a command that reads; it has one key, the first argument, until [`Self::keys`] says
    /// otherwise.
    pub(crate) const fn read(group: Group, name: &'static str, arity: i16, run: Read) -> Self {
        Self::row(group, name, arity, Flags::READONLY, Handler::Read(run)).keys(1, 1, 1)
    }

    /// A row of a command that writes; its key is the first argument unless [`Self::keys`] says
    /// otherwise.
    pub(crate) const fn write(group: Group, name: &'static str, arity: i16, run: Write) -> Self {
        Self::row(group, name, arity, Flags::WRITE, Handler::Write(run)).keys(1, 1, 1)
    }

    /// A row of a command that the node runs; no keys.
    pub(crate) const fn session(group: Group, name: &'static str, arity: i16) -> Self {
        Self::row(group, name, arity, Flags::NONE, Handler::Session)
    }

    const fn row(
        group: Group,
        name: &'static str,
        arity: i16,
        flags: Flags,
        handler: Handler,
    ) -> Self {
        let keys = KeySpec { first: 0, last: 0, step: 0, count_at: 0 };
        Self { name, arity, flags, keys, group, since: "", summary: "", handler, row: 0 }
    }

    /// Adds flags.
    pub(crate) const fn flags(self, flags: Flags) -> Self {
        Self { flags: self.flags.and(flags), ..self }
    }

    /// Says which arguments are keys.
    pub(crate) const fn keys(self, first: i16, last: i16, step: i16) -> Self {
        Self { keys: KeySpec { first, last, step, ..self.keys }, ..self }
    }

    /// Says which argument announces a number of keys after it.
    #[allow(dead_code)]
    pub(crate) const fn counted_keys(self, count_at: i16) -> Self {
        let keys = KeySpec { count_at, ..self.keys };
        Self { keys, flags: self.flags.and(Flags::MOVABLEKEYS), ..self }
    }

    /// Says since when it is there and what it does.
    pub(crate) const fn about(self, since: &'static str, summary: &'static str) -> Self {
        Self { since, summary, ..self }
    }
}
