//! The steps of a transaction as bytes: how they stand in the logs and travel to the leaders.
//!
//! ```text
//! step:   tag u8 | txn | fields as varints and length-prefixed byte strings
//! reads:  count, (key, version)*           writes: count, (key, 0 or 1, image if 1)*
//! guards: count, (lock, newest token, oldest good token)*
//! staged: count, (partition, until)*
//! ```

use crate::fields::{
    Guards, Reads, Rests, Source, Writes, put_guards, put_names, put_partitions, put_reads,
    put_rests, put_source, put_writes, take_byte, take_count, take_flag, take_guards, take_millis,
    take_names, take_partition, take_partitions, take_reads, take_rests, take_source, take_writes,
};
use crate::id::TxnId;
use synod_types::{Millis, PartitionId, varint};

const FETCH: u8 = 0;
const VERIFY: u8 = 1;
const RELEASE: u8 = 2;
const PREPARE: u8 = 3;
const DECIDE: u8 = 4;
const RESOLVE: u8 = 5;
const FINISH: u8 = 6;
const FORGET: u8 = 7;
const PREPARE_UNTIL: u8 = 8;
const STAGE: u8 = 9;
const CONCLUDE: u8 = 10;
const INQUIRE: u8 = 11;
/// Far behind the others, which may become more.
const AWAIT: u8 = 32;

/// Whether a Fetch locks its keys at the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// No.
    None,
    /// Yes, if they are free at once.
    Try,
    /// Yes, as soon as they are free.
    Wait,
}

/// How much of its values a Fetch answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// All of them.
    #[default]
    Values,
    /// Strings; a key that holds anything else counts as absent.
    Strings,
    /// That they are there: for each an empty string stands.
    Presence,
}

/// One step at one partition. The first three are reads; their locks are the leader's own, and no safety rests on them.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    /// Answers the time, for each key its version and image, for each lock its tokens, and the texts.
    Fetch {
        /// Whose.
        txn: TxnId,
        /// Whether the keys are locked.
        locking: Locking,
        /// How much is answered.
        detail: Detail,
        /// The keys.
        keys: Vec<&'a [u8]>,
        /// The locks that guard what is written; their names are among the keys.
        locks: Vec<&'a [u8]>,
        /// The texts.
        sources: Vec<Source<&'a [u8]>>,
    },
    /// Answers whether the keys still have these versions.
    Verify {
        /// Whose.
        txn: TxnId,
        /// The versions.
        reads: Reads<'a>,
        /// The tokens.
        guards: Guards<'a>,
    },
    /// Gives the leader's locks back.
    Release {
        /// Whose.
        txn: TxnId,
    },
    /// Keeps what is to be written, if nothing that was read has changed.
    Prepare {
        /// Whose.
        txn: TxnId,
        /// Where it is decided.
        home: PartitionId,
        /// No decision for it is taken later, by home's log.
        deadline: Millis,
        /// Of a transaction that home stages: it is not kept later, by the log of this partition, nor if it was inquired of before.
        until: Option<Millis>,
        /// What was read here.
        reads: Reads<'a>,
        /// The locks that were looked at here.
        guards: Guards<'a>,
        /// What is to be written here.
        writes: Writes<'a>,
    },
    /// Decides for it and writes, if nothing that was read has changed.
    Decide {
        /// Whose.
        txn: TxnId,
        /// As in [`Step::Prepare`].
        deadline: Millis,
        /// Where it is prepared.
        others: Vec<PartitionId>,
        /// What was read here.
        reads: Reads<'a>,
        /// The locks that were looked at here.
        guards: Guards<'a>,
        /// What is to be written here.
        writes: Writes<'a>,
    },
    /// Keeps what is to be written at home, if nothing that was read has changed. The transaction is committed from the moment
    /// at which this and a Prepare in each of the others were kept.
    Stage {
        /// Whose.
        txn: TxnId,
        /// The partition that this is for.
        home: PartitionId,
        /// As in [`Step::Prepare`].
        deadline: Millis,
        /// Where it is prepared at the same time.
        others: Rests,
        /// What was read here.
        reads: Reads<'a>,
        /// The locks that were looked at here.
        guards: Guards<'a>,
        /// What is to be written here.
        writes: Writes<'a>,
    },
    /// Records how a staged transaction ended, and ends what home keeps of it; answers the decision.
    Conclude {
        /// Whose.
        txn: TxnId,
        /// Whether everything that it rests on was found; only the first that comes counts.
        commit: bool,
    },
    /// Answers whether its Prepare was kept here; if not, it never will be.
    Inquire {
        /// Whose.
        txn: TxnId,
        /// As in [`Step::Prepare`].
        until: Millis,
    },
    /// Decides against it, if nothing was decided and nothing staged; answers the decision.
    Resolve {
        /// Whose.
        txn: TxnId,
        /// As in [`Step::Prepare`].
        deadline: Millis,
    },
    /// Ends what was prepared.
    Finish {
        /// Whose.
        txn: TxnId,
        /// Whether it is written.
        commit: bool,
    },
    /// Every other partition has ended it: home need not remember its decision.
    Forget {
        /// Whose.
        txn: TxnId,
    },
    /// Answers when a key holds what a command waits for, and locks the keys of this partition then.
    Await {
        /// Whose the locks become; zeros for a command that only reads, which takes none.
        txn: TxnId,
        /// The keys of this partition that it waits for.
        keys: Vec<&'a [u8]>,
        /// The words of the command.
        command: Vec<&'a [u8]>,
    },
}

impl<'a> Step<'a> {
    /// Whose step it is.
    #[must_use]
    pub const fn txn(&self) -> TxnId {
        match self {
            Self::Fetch { txn, .. }
            | Self::Verify { txn, .. }
            | Self::Release { txn }
            | Self::Prepare { txn, .. }
            | Self::Decide { txn, .. }
            | Self::Stage { txn, .. }
            | Self::Conclude { txn, .. }
            | Self::Inquire { txn, .. }
            | Self::Resolve { txn, .. }
            | Self::Finish { txn, .. }
            | Self::Forget { txn }
            | Self::Await { txn, .. } => *txn,
        }
    }

    /// The keys that it names.
    #[must_use]
    pub fn keys(&self) -> Vec<&'a [u8]> {
        match self {
            Self::Fetch { keys, .. } | Self::Await { keys, .. } => keys.clone(),
            Self::Verify { reads, .. } => reads.iter().map(|(key, _)| *key).collect(),
            Self::Prepare { reads, writes, .. }
            | Self::Stage { reads, writes, .. }
            | Self::Decide { reads, writes, .. } => {
                let read = reads.iter().map(|(key, _)| *key);
                read.chain(writes.iter().map(|(key, _)| *key)).collect()
            }
            Self::Release { .. }
            | Self::Conclude { .. }
            | Self::Inquire { .. }
            | Self::Resolve { .. }
            | Self::Finish { .. }
            | Self::Forget { .. } => Vec::new(),
        }
    }

    /// Whether it changes nothing that is replicated.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Fetch { .. } | Self::Verify { .. } | Self::Release { .. } | Self::Await { .. }
        )
    }

    /// Appends it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let tag = match self {
            Self::Fetch { .. } => FETCH,
            Self::Verify { .. } => VERIFY,
            Self::Release { .. } => RELEASE,
            Self::Prepare { until: None, .. } => PREPARE,
            Self::Prepare { until: Some(_), .. } => PREPARE_UNTIL,
            Self::Decide { .. } => DECIDE,
            Self::Stage { .. } => STAGE,
            Self::Conclude { .. } => CONCLUDE,
            Self::Inquire { .. } => INQUIRE,
            Self::Resolve { .. } => RESOLVE,
            Self::Finish { .. } => FINISH,
            Self::Forget { .. } => FORGET,
            Self::Await { .. } => AWAIT,
        };
        out.push(tag);
        self.txn().put(out);
        match self {
            Self::Fetch { locking, detail, keys, locks, sources, .. } => {
                out.push(match locking {
                    Locking::None => 0,
                    Locking::Try => 1,
                    Locking::Wait => 2,
                });
                out.push(match detail {
                    Detail::Values => 0,
                    Detail::Strings => 1,
                    Detail::Presence => 2,
                });
                put_names(out, keys);
                put_names(out, locks);
                varint::put(out, sources.len() as u64);
                sources.iter().for_each(|source| put_source(out, source));
            }
            Self::Verify { reads, guards, .. } => {
                put_reads(out, reads);
                put_guards(out, guards);
            }
            Self::Prepare { home, deadline, until, reads, guards, writes, .. } => {
                varint::put(out, home.0.into());
                varint::put(out, deadline.0);
                if let Some(until) = until {
                    varint::put(out, until.0);
                }
                put_reads(out, reads);
                put_guards(out, guards);
                put_writes(out, writes);
            }
            Self::Decide { deadline, others, reads, guards, writes, .. } => {
                varint::put(out, deadline.0);
                put_partitions(out, others);
                put_reads(out, reads);
                put_guards(out, guards);
                put_writes(out, writes);
            }
            Self::Stage { home, deadline, others, reads, guards, writes, .. } => {
                varint::put(out, home.0.into());
                varint::put(out, deadline.0);
                put_rests(out, others);
                put_reads(out, reads);
                put_guards(out, guards);
                put_writes(out, writes);
            }
            Self::Inquire { until: deadline, .. } | Self::Resolve { deadline, .. } => {
                varint::put(out, deadline.0);
            }
            Self::Conclude { commit, .. } | Self::Finish { commit, .. } => {
                out.push(u8::from(*commit));
            }
            Self::Await { keys, command, .. } => {
                put_names(out, keys);
                put_names(out, command);
            }
            Self::Release { .. } | Self::Forget { .. } => {}
        }
    }

    /// Takes one off the front; `None` when the bytes are not one.
    #[must_use]
    pub fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let tag = take_byte(bytes)?;
        let txn = TxnId::take(bytes)?;
        Some(match tag {
            FETCH => {
                let locking = match take_byte(bytes)? {
                    0 => Locking::None,
                    1 => Locking::Try,
                    2 => Locking::Wait,
                    _ => return None,
                };
                let detail = match take_byte(bytes)? {
                    0 => Detail::Values,
                    1 => Detail::Strings,
                    2 => Detail::Presence,
                    _ => return None,
                };
                let (keys, locks) = (take_names(bytes)?, take_names(bytes)?);
                let count = take_count(bytes)?;
                let sources = (0..count).map(|_| take_source(bytes)).collect::<Option<_>>()?;
                Self::Fetch { txn, locking, detail, keys, locks, sources }
            }
            VERIFY => Self::Verify { txn, reads: take_reads(bytes)?, guards: take_guards(bytes)? },
            RELEASE => Self::Release { txn },
            PREPARE | PREPARE_UNTIL => Self::Prepare {
                txn,
                home: take_partition(bytes)?,
                deadline: take_millis(bytes)?,
                until: if tag == PREPARE { None } else { Some(take_millis(bytes)?) },
                reads: take_reads(bytes)?,
                guards: take_guards(bytes)?,
                writes: take_writes(bytes)?,
            },
            STAGE => Self::Stage {
                txn,
                home: take_partition(bytes)?,
                deadline: take_millis(bytes)?,
                others: take_rests(bytes)?,
                reads: take_reads(bytes)?,
                guards: take_guards(bytes)?,
                writes: take_writes(bytes)?,
            },
            CONCLUDE => Self::Conclude { txn, commit: take_flag(bytes)? },
            INQUIRE => Self::Inquire { txn, until: take_millis(bytes)? },
            DECIDE => Self::Decide {
                txn,
                deadline: take_millis(bytes)?,
                others: take_partitions(bytes)?,
                reads: take_reads(bytes)?,
                guards: take_guards(bytes)?,
                writes: take_writes(bytes)?,
            },
            RESOLVE => Self::Resolve { txn, deadline: take_millis(bytes)? },
            FINISH => Self::Finish { txn, commit: take_flag(bytes)? },
            FORGET => Self::Forget { txn },
            AWAIT => Self::Await { txn, keys: take_names(bytes)?, command: take_names(bytes)? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::NodeId;

    #[test]
    fn every_step_is_read_as_it_was_written_and_no_prefix_of_one_is_taken_for_another() {
        let txn = TxnId { node: NodeId(3), worker: 1, number: 7 << 32 };
        let deadline = Millis(1_000);
        let reads = || vec![(&b"a"[..], 4), (b"", u64::MAX)];
        let writes = || vec![(&b"a"[..], Some(&b"image"[..])), (b"b", None)];
        let guards = || vec![(&b"lock"[..], (7, 300)), (b"", (0, 0))];
        let fetch = |locking, detail, keys: Vec<&'static [u8]>, locks, sources| Step::Fetch {
            txn,
            locking,
            detail,
            keys,
            locks,
            sources,
        };
        let sources = vec![Source::Script(&b"sha"[..]), Source::Library(b"f"), Source::Known(b"")];
        let steps = [
            fetch(Locking::Wait, Detail::Strings, vec![b"a", b""], vec![b"lock"], sources),
            fetch(Locking::None, Detail::Presence, Vec::new(), Vec::new(), Vec::new()),
            fetch(Locking::Try, Detail::Values, vec![b"a"], Vec::new(), Vec::new()),
            Step::Verify { txn, reads: reads(), guards: guards() },
            Step::Release { txn },
            Step::Prepare {
                txn,
                home: PartitionId(9),
                deadline,
                until: None,
                reads: reads(),
                guards: guards(),
                writes: writes(),
            },
            Step::Prepare {
                txn,
                home: PartitionId(9),
                deadline,
                until: Some(Millis(300)),
                reads: reads(),
                guards: guards(),
                writes: writes(),
            },
            Step::Stage {
                txn,
                home: PartitionId(9),
                deadline,
                others: vec![(PartitionId(1), Millis(2)), (PartitionId(300), Millis(1 << 40))],
                reads: reads(),
                guards: guards(),
                writes: writes(),
            },
            Step::Conclude { txn, commit: true },
            Step::Inquire { txn, until: Millis(300) },
            Step::Decide {
                txn,
                deadline,
                others: vec![PartitionId(1), PartitionId(300)],
                reads: reads(),
                guards: guards(),
                writes: writes(),
            },
            Step::Resolve { txn, deadline },
            Step::Finish { txn, commit: true },
            Step::Forget { txn },
            Step::Await { txn, keys: vec![b"a"], command: vec![b"BLPOP", b"a", b"0"] },
        ];
        for step in steps {
            let mut bytes = Vec::new();
            step.put(&mut bytes);
            let mut rest = &bytes[..];
            assert_eq!(Step::take(&mut rest).as_ref(), Some(&step));
            assert!(rest.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(Step::take(&mut &bytes[..cut]), None, "{step:?} cut at {cut}");
            }
        }
    }
}
