//! Who can be reached, and do they hear a leader? Asked before anything is promised.
//!
//! A member stands only if a quorum answers that it hears no leader. So a member that is cut off from the leader but not
//! from a quorum that follows it keeps still (the chained case of Omni-Paxos); and when the leader has lost its quorum and
//! steps down, whoever does reach one gets through (quorum loss, constrained election). Connectivity is a matter of two
//! members: nothing is passed on from a third, and nothing is asked while a leader is heard.

use super::{Ask, Election, Paxos};
use crate::member::Member;
use crate::message::Body;
use crate::quorum::{self, Tally};
use synod_types::{NodeId, Term};

/// One survey.
#[derive(Debug)]
pub(crate) struct Survey {
    round: u64,
    /// The lowest ballot that nobody who answered has promised.
    ballot: Term,
    /// Who answered what; small, so a list.
    answers: Vec<(NodeId, bool)>,
}

impl Survey {
    fn answer(&self, node: NodeId) -> Option<bool> {
        self.answers.iter().find(|(known, _)| *known == node).map(|(_, free)| *free)
    }
}

impl Member<Paxos> {
    pub(super) fn begin_survey(&mut self) {
        if !self.may_stand() || self.is_bound_by_lease() {
            return;
        }
        let (round, ballot) = (self.next_round(), self.term().next());
        let survey = Survey { round, ballot, answers: vec![(self.id(), true)] };
        self.begin_election(Election::Surveying(survey));
        self.survey_again();
        self.count_answers();
    }

    /// Asks whoever has not answered.
    pub(super) fn survey_again(&mut self) {
        let Some(Election::Surveying(survey)) = self.election() else { return };
        let round = survey.round;
        let mut silent = self.other_voters();
        silent.retain(|node| survey.answer(*node).is_none());
        for node in silent {
            self.send_of(self.term().next(), node, Body::Paxos(Ask::Survey { round }));
        }
    }

    pub(super) fn answer_survey(&mut self, from: NodeId, round: u64) {
        let free = self.admits_vote(false);
        let reply = Ask::SurveyReply { round, free };
        self.send_of(self.term().next(), from, Body::Paxos(reply));
    }

    pub(super) fn take_answer(&mut self, from: NodeId, ballot: Term, round: u64, free: bool) {
        let Some(Election::Surveying(survey)) = self.election_mut() else { return };
        if survey.round == round && survey.answer(from).is_none() {
            survey.ballot = survey.ballot.max(ballot);
            survey.answers.push((from, free));
            self.count_answers();
        }
    }

    fn count_answers(&mut self) {
        let Some(Election::Surveying(survey)) = self.election() else { return };
        let ballot = survey.ballot;
        match quorum::tally(self.membership(), |node| survey.answer(node)) {
            Tally::Won => self.prepare(ballot, false),
            Tally::Lost => self.become_follower(self.term(), None),
            Tally::Pending => {}
        }
    }
}
