//! What one row of the command table says.

use super::{Access, Categories, Extent, Flags};
use crate::error::Outcome;
use crate::{Args, Context, Keyspace};
use smallvec::SmallVec;
use std::ops::Range;
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
    /// What becomes of the first key.
    pub first_access: Access,
    /// What becomes of the other keys.
    pub access: Access,
    /// What its time grows with.
    pub extent: Extent,
    /// The family.
    pub group: Group,
    /// Categories that do not follow from family and flags.
    pub categories_also: Categories,
    /// Categories that would follow from family and flags, but do not hold.
    pub categories_not: Categories,
    /// The version of Redis that had it first.
    pub since: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its arguments in the notation of Redis's documentation; empty when it has none.
    pub syntax: &'static str,
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

/// Which arguments are keys: every `step`-th from `first` to `last`, and those that a count announces.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// The first key's position; 0: none.
    pub first: i16,
    /// The last key's position; negative counts from the end.
    pub last: i16,
    /// From key to key, also where a count announces them.
    pub step: i16,
    /// The position of a count that announces the keys after it (`ZUNIONSTORE dst 2 a b`); 0: none.
    pub count_at: i16,
    /// Keys that a word announces.
    pub words: KeyWords,
}

/// The positions of all keys of a command that runs another one: its own, and those of the inner command.
pub type InnerKeys = fn(&Args<'_>) -> SmallVec<[usize; 4]>;

/// Keys that stand behind a word, wherever that is.
#[derive(Clone, Copy, Debug)]
pub enum KeyWords {
    /// None.
    None,
    /// STREAMS: the first half of what follows it.
    Streams,
    /// STORE and STOREDIST from this position on: the last one's next argument (`GEORADIUS`, `SORT`).
    Store(i16),
    /// KEYS: all that follows it, if the third argument is empty; otherwise that is the only key (`MIGRATE`).
    Migrated,
    /// None, but the first argument is one, and from the third on stands a command that has keys of its own (`FENCE`).
    Command(InnerKeys),
}

impl KeyWords {
    /// Words of options, each with how many arguments belong to it.
    const OPTIONS: [(&'static str, usize); 6] =
        [("BLOCK", 1), ("COUNT", 1), ("GROUP", 2), ("LIMIT", 2), ("GET", 1), ("BY", 1)];

    /// The positions of the keys.
    fn positions(self, args: &Args<'_>) -> Range<usize> {
        let (mut at, words): (_, &[&str]) = match self {
            Self::None | Self::Command(_) => return 0..0,
            Self::Migrated => return migrated(args),
            Self::Streams => (1, &["STREAMS"]),
            Self::Store(first) => (usize::try_from(first).unwrap_or(1), &["STORE", "STOREDIST"]),
        };
        let mut found = 0..0;
        while let Some(word) = args.get(at) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let skip = Self::OPTIONS.iter().find(|(name, _)| is(name)).map_or(0, |(_, n)| *n);
            if words.iter().any(|name| is(name)) {
                if matches!(self, Self::Streams) {
                    let streams = args.len() - at - 1;
                    return if streams.is_multiple_of(2) {
                        at + 1..at + 1 + streams / 2
                    } else {
                        0..0
                    };
                }
                if at + 1 < args.len() {
                    found = at + 1..at + 2;
                }
                at += 1;
            }
            at += 1 + skip;
        }
        found
    }
}

/// The keys of `MIGRATE host port key db timeout ...`.
fn migrated(args: &Args<'_>) -> Range<usize> {
    const KEY: usize = 3;
    let mut at = 6;
    while let Some(word) = args.get(at).filter(|_| args[KEY].is_empty()) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("KEYS") && at + 1 < args.len() {
            return at + 1..args.len();
        }
        // A password may be any word.
        at += 1 + usize::from(is("AUTH")) + 2 * usize::from(is("AUTH2"));
    }
    KEY.min(args.len())..(KEY + 1).min(args.len())
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
    /// Bits of strings.
    Bitmap,
    /// HyperLogLogs.
    HyperLogLog,
    /// Places on earth.
    Geo,
    /// The connection.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
    /// MULTI and its relatives.
    Transactions,
    /// Publish and subscribe.
    PubSub,
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
            Self::Bitmap => "bitmap",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::Transactions => "transactions",
            Self::PubSub => "pubsub",
            Self::Cluster => "cluster",
        }
    }
}

impl KeySpec {
    /// Whether the first argument is a key, and no other ever is.
    #[must_use]
    #[inline]
    pub const fn is_just_first(&self) -> bool {
        self.first == 1
            && self.last == 1
            && self.count_at == 0
            && matches!(self.words, KeyWords::None)
    }
}

impl Command {
    /// Whether `len` arguments, the name included, are acceptable.
    #[must_use]
    pub const fn check_arity(&self, len: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { len >= wanted } else { len == wanted }
    }

    /// The categories that access lists know it by.
    #[must_use]
    pub const fn categories(&self) -> Categories {
        Categories::of(self.group, self.flags)
            .and(self.categories_also)
            .without(self.categories_not)
    }

    /// Whether it may change keys.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self.handler, Handler::Write(_))
    }

    /// Whether it runs a script that may write, so that what it writes is known only when it runs.
    #[must_use]
    pub const fn runs_writing_script(&self) -> bool {
        matches!(self.group, Group::Scripting) && self.is_write()
    }

    /// Whether it is the node's to run.
    #[must_use]
    pub const fn is_session(&self) -> bool {
        matches!(self.handler, Handler::Session)
    }

    /// Whether it only reads keys.
    #[inline]
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(self.handler, Handler::Read(_))
    }

    /// The positions of the keys among these arguments. Only positions that exist; a count that does
    /// not parse announces none.
    pub fn key_positions(&self, args: &Args<'_>) -> impl Iterator<Item = usize> + use<> {
        let KeySpec { first, last, step, count_at, words } = self.keys;
        let end = match usize::try_from(last) {
            Ok(last) => (last + 1).min(args.len()),
            Err(_) => (args.len() + 1).saturating_sub(usize::from(last.unsigned_abs())),
        };
        let first = usize::try_from(first).unwrap_or(0);
        let is_fixed = first > 0 && !matches!(words, KeyWords::Migrated);
        let fixed = if is_fixed { first..end } else { 0..0 };
        let step = usize::try_from(step).unwrap_or(1).max(1);
        let announced = match usize::try_from(count_at).ok().filter(|at| *at > 0) {
            Some(at) => {
                let count = args.get(at).and_then(|arg| crate::number::parse_i64(arg));
                let count = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
                let end = at.saturating_add(1).saturating_add(count.saturating_mul(step));
                at + 1..end.min(args.len())
            }
            None => 0..0,
        };
        let inner = match words {
            KeyWords::Command(inner) => inner(args),
            _ => Default::default(),
        };
        let counted = fixed.step_by(step).chain(announced.step_by(step));
        counted.chain(words.positions(args)).chain(inner)
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

    /// A row of a command that runs a script, which may write or not.
    pub(crate) const fn script(name: &'static str, arity: i16, handler: Handler) -> Self {
        Self::row(Group::Scripting, name, arity, Flags::NONE, handler)
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
        let access = match handler {
            Handler::Write(_) => Access::UPDATE,
            Handler::Read(_) | Handler::Session => Access::READ,
        };
        Self {
            name,
            arity,
            flags,
            keys: KeySpec { first: 0, last: 0, step: 0, count_at: 0, words: KeyWords::None },
            first_access: access,
            access,
            extent: match (group, handler) {
                (Group::Scripting, Handler::Read(_) | Handler::Write(_)) => Extent::Script,
                _ => Extent::Little,
            },
            group,
            categories_also: Categories::NONE,
            categories_not: Categories::NONE,
            since: "",
            summary: "",
            syntax: "",
            handler,
            row: 0,
        }
    }

    /// Says what its time grows with.
    pub(crate) const fn extent(self, extent: Extent) -> Self {
        Self { extent, ..self }
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
    pub(crate) const fn counted_keys(self, count_at: i16) -> Self {
        let keys = KeySpec { count_at, ..self.keys };
        Self { keys, flags: self.flags.and(Flags::MOVABLEKEYS), ..self }
    }

    /// Says that keys stand behind the word STREAMS, as many as ids behind them.
    pub(crate) const fn keys_behind_streams(self) -> Self {
        self.key_words(KeyWords::Streams)
    }

    /// Says that a key stands behind the word STORE, at or behind a position.
    pub(crate) const fn key_behind_store(self, from: i16) -> Self {
        self.key_words(KeyWords::Store(from))
    }

    /// Says that its keys are those of MIGRATE.
    pub(crate) const fn migrated_keys(self) -> Self {
        self.keys(3, 3, 1).key_words(KeyWords::Migrated)
    }

    /// Says that its first argument is a key, and that it names a command with keys from the third on.
    pub(crate) const fn keys_of_its_command(self, inner: InnerKeys) -> Self {
        self.keys(0, 0, 0).key_words(KeyWords::Command(inner))
    }

    const fn key_words(self, words: KeyWords) -> Self {
        let keys = KeySpec { words, ..self.keys };
        Self { keys, flags: self.flags.and(Flags::MOVABLEKEYS), ..self }
    }

    /// Says what becomes of its keys, where it is not the usual: a reading command reads, a writing one changes.
    pub(crate) const fn access(self, access: Access) -> Self {
        self.accesses(access, access)
    }

    /// As [`Self::access`], where the first key is treated otherwise than the rest.
    pub(crate) const fn accesses(self, first_access: Access, access: Access) -> Self {
        Self { first_access, access, ..self }
    }

    /// Adds categories that do not follow from family and flags.
    pub(crate) const fn also_in(self, categories: Categories) -> Self {
        Self { categories_also: self.categories_also.and(categories), ..self }
    }

    /// Takes away categories that would follow from family and flags.
    pub(crate) const fn not_in(self, categories: Categories) -> Self {
        Self { categories_not: self.categories_not.and(categories), ..self }
    }

    /// Says what its arguments are, in the notation that COMMAND DOCS is told from.
    pub(crate) const fn syntax(self, syntax: &'static str) -> Self {
        Self { syntax, ..self }
    }

    /// Says since when it is there and what it does.
    pub(crate) const fn about(self, since: &'static str, summary: &'static str) -> Self {
        Self { since, summary, ..self }
    }
}
