//! Multi-Paxos: what tells it from the other engines.
//!
//! * **Election**: whoever reaches a quorum of members that hear no leader may propose. That is asked first, of each
//!   member by itself (survey.rs), so that who is badly connected disturbs nobody, and who alone is well connected
//!   always gets through, however old its log is. No member has to know who reaches whom.
//! * **Recovery of the log**: phase 1 (phase1.rs). An acceptor promises a ballot to one proposer and answers with
//!   what it accepted behind what the proposer has. The proposer takes over the newest log of its quorum, in as
//!   many messages as that takes, before it leads.
//! * **Commit**: phase 2 is the pipeline that all engines share. A majority's acceptance counts once it
//!   includes the first entry of the ballot: only then has it accepted the proposer's whole log in this ballot.
//!
//! `Term` is the ballot's number, `HardState::vote` the proposer to whom it is promised. Two proposers may take the same
//! number, but no acceptor promises it to both, so that one of them at most leads.
//!
//! Sources: van Renesse and Altinbuken, "Paxos Made Moderately Complex" (2015); Ng, Haridi and Carbone, "Omni-Paxos:
//! Breaking the Barriers of Partial Connectivity" (EuroSys 2023), for leaders that are quorum-connected and logs that are
//! adopted whole; Howard and Mortier, "Paxos vs Raft" (2020).

mod phase1;
mod survey;

pub use crate::message::paxos::Ask;

use crate::Protocol;
use crate::contract::Role;
use crate::member::{Cause, Member, Rules, leader::Leader};
use crate::message::{Body, Message};
use phase1::Preparing;
use survey::Survey;
use synod_types::{Index, NodeId};

/// The rules of Multi-Paxos.
#[derive(Debug)]
pub(crate) struct Paxos;

/// A proposer that does not lead yet.
#[derive(Debug)]
pub(crate) enum Election {
    /// Asks who is there.
    Surveying(Survey),
    /// In phase 1.
    Preparing(Preparing),
}

impl Rules for Paxos {
    const PROTOCOL: Protocol = Protocol::Paxos;
    type Election = Election;

    fn role(election: &Election) -> Role {
        match election {
            Election::Surveying(_) => Role::PreCandidate,
            Election::Preparing(_) => Role::Candidate,
        }
    }

    fn stand(member: &mut Member<Self>, cause: Cause) {
        match cause {
            Cause::Silence => member.begin_survey(),
            Cause::Transfer => member.prepare(member.term().next(), true),
        }
    }

    fn tick(member: &mut Member<Self>) {
        if member.is_beat() {
            match member.election() {
                Some(Election::Surveying(_)) => member.survey_again(),
                Some(Election::Preparing(_)) => member.prepare_again(),
                None => {}
            }
        }
    }

    fn receive(member: &mut Member<Self>, from: NodeId, message: Message) {
        let Body::Paxos(ask) = message.body else { return };
        let term = message.term;
        match ask {
            Ask::Survey { round } => member.answer_survey(from, round),
            Ask::SurveyReply { round, free } => member.take_answer(from, term, round, free),
            Ask::Prepare { transfer, after } => member.take_prepare(from, term, transfer, after),
            Ask::Promise { .. } if term == member.term() => member.take_promise(from, ask),
            Ask::Offer(meta) if term == member.term() => member.take_base(from, meta),
            Ask::Promise { .. } | Ask::Offer(_) => {}
        }
    }

    /// An acceptor that holds the ballot's first entry has accepted in this ballot all that comes before it. One
    /// that holds less may hold it in an older ballot's name, for which no later proposer would have to care.
    fn may_commit(leader: &Leader, reached: Index) -> bool {
        reached >= leader.first
    }
}
