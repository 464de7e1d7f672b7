//! Gates that follow a tree from afar: a question what has happened since a change waits at the leader until something has.
//!
//! The question is a read, so it holds nothing up and may be asked again; what waits here is bounded in number and in
//! time, and is given back when the leader is one no longer.

use crate::pending::{Audience, Origin};
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_machine::Operation;
use synod_tree::Call;

/// The most questions that wait; a further one is answered at once.
const WAITING_MAX: usize = 1_024;
/// How long one waits, in ticks: half a second. Requests of its node may have to stand behind it when the leader changes.
const WAIT_TICKS: u64 = 10;

/// A question that waits.
#[derive(Debug)]
pub(crate) struct Question {
    origin: Origin,
    op: Vec<u8>,
    since: i64,
    tick: u64,
}

/// Appends an operation that was taken apart.
pub(crate) fn put_again(op: Operation<'_>, out: &mut Vec<u8>) {
    synod_machine::put_operation(out, op.machine, |out| out.extend_from_slice(op.body));
}

impl Replica {
    /// Lets a question wait to which there is nothing to say yet; whether it waits.
    pub(crate) fn wait_for_news(&mut self, origin: Origin, op: Operation<'_>) -> bool {
        let Some(since) = Call::follows(&op) else { return false };
        let is_new = self.state.tree().is_none_or(|tree| tree.zxid() > since);
        let full = self.questions.len() >= WAITING_MAX;
        if is_new || full || self.role != Role::Leader {
            return false;
        }
        let mut bytes = Vec::new();
        put_again(op, &mut bytes);
        self.questions.push(Question { origin, op: bytes, since, tick: self.ticks });
        true
    }

    /// Answers those to whom there is something to say now.
    pub(crate) fn tell_news(&mut self, audience: &mut dyn Audience) {
        let Some(zxid) = self.state.tree().map(synod_tree::Tree::zxid) else { return };
        self.answer_questions(|question| question.since < zxid, audience);
    }

    /// Answers those who have waited long enough, whatever there is to say.
    pub(crate) fn age_questions(&mut self, audience: &mut dyn Audience) {
        let until = self.ticks.saturating_sub(WAIT_TICKS);
        self.answer_questions(|question| question.tick <= until, audience);
    }

    fn answer_questions(&mut self, which: impl Fn(&Question) -> bool, audience: &mut dyn Audience) {
        if !self.questions.iter().any(&which) {
            return;
        }
        let (due, rest) = std::mem::take(&mut self.questions).into_iter().partition(which);
        self.questions = rest;
        let due: Vec<Question> = due;
        let ctx = self.read_context();
        for question in due {
            let Some(op) = Operation::take(&mut &question.op[..]) else { continue };
            audience.answer(question.origin, &mut |out| self.state.read(op, &ctx, out));
        }
    }

    /// Gives back what waits: this replica leads no longer.
    pub(crate) fn give_questions_back(&mut self, out: &mut Vec<Output>) {
        let origins: Vec<Origin> = self.questions.drain(..).map(|q| q.origin).collect();
        if !origins.is_empty() {
            out.push(Output::Voided(origins));
        }
    }
}
