//! The keyspace's part in transactions over several partitions: the steps, as its log runs them.
//!
//! A key of an intent is held: until home has decided, no command reads or writes it, and neither expiry nor eviction
//! takes it. The leader has whoever wants it wait; what reaches the keyspace all the same is refused and changes
//! nothing, on every replica alike.

mod scratch;
#[cfg(test)]
mod tests;

pub use scratch::{Changes, Commands, Scratch, Surroundings};

use crate::keyspace::text_object;
use crate::object::Object;
use crate::snapshot::{put_image, take_image};
use crate::value::Kind;
use crate::{Args, Command, Context, Keyspace};
use std::sync::Arc;
use synod_txn::{Detail, Intent, Locking, Records, Resolved, Source, Step, Tokens};
use synod_types::plant::planted;
use synod_types::{Millis, PartitionId, ReplySink, limits};

/// The answer to Fetch when a key is held, or locked and not to be waited for.
pub const BUSY: &str = "BUSY a key is taken";
/// The answer to what went as it should.
pub const YES: &str = "YES";
/// The answer to what met a conflict.
pub const NO: &str = "NO";
/// The answer to Resolve about what is staged.
pub const STAGED: &str = "STAGED";
const TOO_LARGE: &str =
    "ERR the values of a transaction over several partitions take too many bytes";
const MOVED: &str = "TRYAGAIN a key has moved to another partition; nothing was written";
const TOO_MANY: &str = "TRYAGAIN too many transactions are undecided here";

impl Keyspace {
    /// What this partition remembers of transactions.
    #[must_use]
    pub fn transactions(&self) -> &Records {
        &self.transactions
    }

    /// Whether any of a command's keys is held.
    pub(crate) fn holds(&self, command: &Command, args: &Args<'_>) -> bool {
        self.transactions.holds_some()
            && !planted("read-past-intent")
            && command.key_positions(args).any(|at| self.is_held(args[at]))
    }

    pub(crate) fn is_held(&self, key: &[u8]) -> bool {
        self.transactions.holds_some() && self.transactions.holder(key).is_some()
    }

    /// The keys that intents let go of, and those that a decision wrote, since this was asked last.
    pub fn take_released(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.released)
    }

    /// Runs a step that stands in the log.
    pub(crate) fn run_step(&mut self, step: &Step<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        let yes = match step {
            _ if !self.owns_all_of(step) => return out.error(MOVED),
            Step::Prepare { txn, home, deadline, until, reads, guards, writes } => {
                let unchanged =
                    self.are_unchanged(reads, guards, ctx) || planted("version-unchecked");
                unchanged && {
                    let intent = intent(*home, *deadline, reads, writes);
                    match until {
                        None => self.transactions.prepare(*txn, intent),
                        Some(until) => {
                            self.transactions.prepare_until(*txn, intent, *until, ctx.now)
                        }
                    }
                }
            }
            Step::Stage { txn, home, deadline, others, reads, guards, writes } => {
                let unchanged =
                    self.are_unchanged(reads, guards, ctx) || planted("version-unchecked");
                let intent = || intent(*home, *deadline, reads, writes);
                unchanged && self.transactions.stage(*txn, intent(), others.clone(), ctx.now)
            }
            Step::Conclude { txn, commit } => {
                let (committed, intent) = self.transactions.conclude(*txn, *commit);
                if let Some(intent) = intent {
                    self.end(&intent, committed, ctx);
                }
                committed
            }
            Step::Inquire { txn, until } => {
                match self.transactions.inquire(*txn, *until, ctx.now) {
                    Some(kept) => kept,
                    None => return out.error(TOO_MANY),
                }
            }
            Step::Decide { txn, deadline, others, reads, guards, writes } => {
                let may = self.transactions.may_commit(*txn, *deadline, ctx.now)
                    && self.are_unchanged(reads, guards, ctx);
                if may {
                    self.transactions.commit(*txn, others.clone());
                    for (key, image) in writes {
                        self.install(key, *image, ctx);
                    }
                }
                may
            }
            Step::Resolve { txn, deadline } => {
                match self.transactions.resolve(*txn, *deadline, ctx.now) {
                    Some(Resolved::Staged) => return out.simple(STAGED),
                    Some(resolved) => resolved == Resolved::Committed,
                    None => return out.error(TOO_MANY),
                }
            }
            Step::Finish { txn, commit } => {
                if let Some(intent) = self.transactions.take(*txn) {
                    self.end(&intent, *commit, ctx);
                }
                true
            }
            Step::Forget { txn } => {
                self.transactions.forget(*txn);
                true
            }
            Step::Fetch { .. }
            | Step::Verify { .. }
            | Step::Release { .. }
            | Step::Await { .. } => {
                return self.read_step(step, ctx, out);
            }
        };
        out.simple(if yes { YES } else { NO });
    }

    /// Lets go of the keys of an intent that was kept, and writes it if it is committed.
    fn end(&mut self, intent: &Intent, commit: bool, ctx: &Context) {
        self.released.extend(intent.keys().map(<[u8]>::to_vec));
        for (key, image) in intent.writes.iter().filter(|_| commit) {
            self.install(key, image.as_deref(), ctx);
        }
    }

    /// Whether the keys of a step lie in these slots. Who conducts the transaction may know an older map.
    fn owns_all_of(&self, step: &Step<'_>) -> bool {
        step.keys().into_iter().all(|key| self.owns(key))
    }

    /// Runs a step that reads.
    pub(crate) fn read_step(&self, step: &Step<'_>, ctx: &Context, out: &mut dyn ReplySink) {
        match step {
            _ if !self.owns_all_of(step) => out.error(MOVED),
            Step::Fetch { locking, detail, keys, locks, sources, .. } => {
                // Who takes no lock only reads, and asks once as a rule.
                let counted = keys.iter().filter(|_| *locking == Locking::None);
                counted.for_each(|key| self.count_lookup(self.peek(key, ctx.now).is_some()));
                self.fetch(keys, *detail, (locks, sources), ctx, out);
            }
            Step::Verify { reads, guards, .. } => {
                out.simple(if self.are_unchanged(reads, guards, ctx) { YES } else { NO });
            }
            Step::Release { .. } => out.simple(YES),
            _ => out.error("ERR not a reading operation"),
        }
    }

    fn fetch(
        &self,
        keys: &[&[u8]],
        detail: Detail,
        (locks, sources): (&[&[u8]], &[Source<&[u8]>]),
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) {
        if keys.iter().any(|key| self.is_held(key)) && !planted("read-past-intent") {
            return out.error(BUSY);
        }
        let objects = || {
            let wanted =
                |object: &&Object| detail != Detail::Strings || object.kind() == Kind::String;
            keys.iter().map(move |key| self.peek(key, ctx.now).filter(wanted))
        };
        let bytes: usize = match detail {
            Detail::Presence => 0,
            _ => objects().flatten().map(Object::heap_bytes).sum(),
        };
        if bytes > limits::TXN_BYTES_MAX {
            return out.error(TOO_LARGE);
        }
        out.array(4);
        out.integer(ctx.now.0 as i64);
        out.array(2 * keys.len());
        for (key, object) in keys.iter().zip(objects()) {
            out.integer(self.version(key, ctx.now) as i64);
            match object {
                Some(object) if detail == Detail::Presence => {
                    let mut image = Vec::new();
                    put_image(&mut image, &text_object(object.key(), b""));
                    out.bulk(&image);
                }
                Some(object) => {
                    let mut image = Vec::new();
                    put_image(&mut image, object);
                    out.bulk(&image);
                }
                None => out.null(),
            }
        }
        out.array(2 * locks.len());
        for (newest, floor) in locks.iter().map(|name| self.locks.tokens(name)) {
            out.integer(newest as i64);
            out.integer(floor as i64);
        }
        out.array(sources.len());
        for source in sources {
            match self.source(source) {
                Some(text) => out.bulk(&text),
                None => out.null(),
            }
        }
    }

    /// A text that commands need.
    fn source(&self, source: &Source<&[u8]>) -> Option<Arc<[u8]>> {
        match source {
            Source::Script(sha) => self.scripts.find(sha).map(|(_, body)| body),
            Source::Known(sha) => self.scripts.find(sha).map(|_| Arc::default()),
            Source::Library(name) => {
                self.libraries.function(name).map(|(library, _)| library.text.clone())
            }
        }
    }

    /// Whether these keys have these versions, none is held, and nobody was granted these locks.
    fn are_unchanged(
        &self,
        reads: &[(&[u8], u64)],
        guards: &[(&[u8], Tokens)],
        ctx: &Context,
    ) -> bool {
        let reads = reads
            .iter()
            .all(|(key, version)| !self.is_held(key) && self.version(key, ctx.now) == *version);
        reads && guards.iter().all(|(name, tokens)| self.locks.tokens(name) == *tokens)
    }

    /// Writes what a transaction decided: a value as it was made elsewhere, or none.
    fn install(&mut self, key: &[u8], image: Option<&[u8]>, ctx: &Context) {
        if !self.owns(key) {
            return;
        }
        let object = image.and_then(take_image).filter(|object| object.key() == key);
        let spot = self.open(key, ctx.now);
        match object {
            Some(object) => self.put(spot, object),
            None => {
                if let Some(old) = self.remove(spot) {
                    self.discard(old);
                }
            }
        }
        self.released.push(key.to_vec());
    }
}

/// What a step has a partition keep.
fn intent(
    home: PartitionId,
    deadline: Millis,
    reads: &[(&[u8], u64)],
    writes: &[(&[u8], Option<&[u8]>)],
) -> Intent {
    let owned = |(key, image): &(&[u8], Option<&[u8]>)| (key.to_vec(), image.map(<[u8]>::to_vec));
    Intent {
        home,
        deadline,
        reads: reads.iter().map(|(key, _)| key.to_vec()).collect(),
        writes: writes.iter().map(owned).collect(),
    }
}
