//! What Paxos's members say to each other before there is a leader.

use super::codec::{put_all, put_entries, put_meta, take_all, take_entries, take_flags, take_meta};
use super::sane::{are_sane, is_known, is_offer};
use bytes::Bytes;
use synod_types::{Entry, Index, SnapshotMeta, Term};

/// Of phase 1, and of the question that comes before it. The term of a survey and of its answer is the lowest ballot that
/// the sender has not promised yet, of everything else the ballot it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Asks who can be reached, and whether they hear a leader. Promises nothing.
    Survey {
        /// Which survey of the sender's.
        round: u64,
    },
    /// Answers `Survey`.
    SurveyReply {
        /// The round of the survey.
        round: u64,
        /// The sender hears no leader.
        free: bool,
    },
    /// Phase 1a: asks for the promise of this ballot, and for what was accepted behind `after`.
    Prepare {
        /// The leader itself asked for this election, so its being alive is no reason to refuse.
        transfer: bool,
        /// The proposer has everything up to here.
        after: Index,
    },
    /// Phase 1b: nothing of an older ballot is accepted any more; and what was accepted.
    Promise {
        /// The last entry accepted.
        last: Index,
        /// Its term, which is the ballot in which the log was last accepted.
        last_term: Term,
        /// What the sender knows to be committed.
        commit: Index,
        /// Where the entries begin: as asked, unless the sender has less.
        after: Index,
        /// The term there.
        after_term: Term,
        /// The first of the entries behind it, as many as fit into one message.
        entries: Vec<Entry>,
    },
    /// What was asked for behind `after` is only to be had as part of this snapshot.
    Offer(SnapshotMeta),
}

const SURVEY: u8 = 16;
const SURVEY_REPLY: u8 = 17;
const PREPARE: u8 = 18;
const PROMISE: u8 = 19;
const OFFER: u8 = 20;

impl Ask {
    /// Whether a correct member could have sent it.
    pub(crate) fn is_sane(&self, term: Term) -> bool {
        match self {
            Self::Survey { .. } | Self::SurveyReply { .. } => true,
            Self::Prepare { after, .. } => is_known(*after),
            Self::Promise { last, last_term, commit, after, after_term, entries } => {
                is_known(*last)
                    && *last_term <= term
                    && commit <= last
                    && after <= last
                    && (after.0 > 0 || after_term.0 == 0)
                    && after.0 + entries.len() as u64 <= last.0
                    && are_sane(*last_term, *after, *after_term, entries)
            }
            Self::Offer(meta) => is_offer(term, meta),
        }
    }

    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Survey { .. } => SURVEY,
            Self::SurveyReply { .. } => SURVEY_REPLY,
            Self::Prepare { .. } => PREPARE,
            Self::Promise { .. } => PROMISE,
            Self::Offer(_) => OFFER,
        }
    }

    /// The entries in it.
    pub(crate) fn entries(&self) -> &[Entry] {
        match self {
            Self::Promise { entries, .. } => entries,
            _ => &[],
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Survey { round } => put_all(out, &[*round]),
            Self::SurveyReply { round, free } => {
                put_all(out, &[*round]);
                out.push(u8::from(*free));
            }
            Self::Prepare { transfer, after } => {
                put_all(out, &[after.0]);
                out.push(u8::from(*transfer));
            }
            Self::Promise { last, last_term, commit, after, after_term, entries } => {
                put_all(out, &[last.0, last_term.0, commit.0, after.0, after_term.0]);
                put_entries(out, entries);
            }
            Self::Offer(meta) => put_meta(out, meta),
        }
    }

    pub(crate) fn decode(kind: u8, bytes: &mut Bytes) -> Option<Self> {
        Some(match kind {
            SURVEY => {
                let [round] = take_all(bytes)?;
                Self::Survey { round }
            }
            SURVEY_REPLY => {
                let [round] = take_all(bytes)?;
                let [free, other] = take_flags(bytes)?;
                (!other).then_some(Self::SurveyReply { round, free })?
            }
            PREPARE => {
                let [after] = take_all(bytes)?;
                let [transfer, other] = take_flags(bytes)?;
                (!other).then_some(Self::Prepare { transfer, after: Index(after) })?
            }
            PROMISE => {
                let [last, last_term, commit, after, after_term] = take_all(bytes)?;
                let after = Index(after);
                Self::Promise {
                    last: Index(last),
                    last_term: Term(last_term),
                    commit: Index(commit),
                    after,
                    after_term: Term(after_term),
                    entries: take_entries(bytes, after)?,
                }
            }
            OFFER => Self::Offer(take_meta(bytes)?),
            _ => return None,
        })
    }
}
