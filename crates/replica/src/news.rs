//! Gates that follow a tree from afar: a question what has happened since a change waits at the leader until something has.
//! So does the question of one who stands in line for a lock, until it holds the lock or is in line no longer.
//!
//! The question is a read, so it holds nothing up and may be asked again; what waits here is bounded in number and in
//! time, and is given back when the leader is one no longer.

use crate::pending::{Audience, Origin};
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_machine::Operation;
use synod_tree::{Call, Tree};

/// The most questions that wait; a further one is answered at once.
const WAITING_MAX: usize = 1_024;
/// How long one waits, in ticks: half a second. Requests of its node may have to stand behind it when the leader changes.
const WAIT_TICKS: u64 = 10;

/// A question that waits.
#[derive(Debug)]
pub(crate) struct Question {
    origin: Origin,
    op: Vec<u8>,
    namespace: Box<str>,
    about: About,
    tick: u64,
}

/// What a question asks for.
#[derive(Debug)]
enum About {
    /// What has happened since this change.
    Since(i64),
    /// Where this contender of this lock stands.
    Place(String, i64),
}

impl About {
    fn of(op: &Operation<'_>) -> Option<Self> {
        let since = Call::follows(op).map(Self::Since);
        since.or_else(|| Call::awaits(op).map(|(path, token)| Self::Place(path.to_owned(), token)))
    }

    /// Whether there is an answer now.
    fn is_due(&self, tree: &Tree) -> bool {
        match self {
            Self::Since(since) => tree.zxid() > *since,
            Self::Place(path, token) => !tree.waits(path, *token),
        }
    }
}

/// Appends an operation that was taken apart.
pub(crate) fn put_again(op: Operation<'_>, out: &mut Vec<u8>) {
    synod_machine::put_operation(out, op.machine, |out| out.extend_from_slice(op.body));
}

impl Replica {
    /// Lets a question wait to which there is nothing to say yet; whether it waits.
    /// `asked` is the operation as it is for that namespace's tree alone.
    pub(crate) fn wait_for_news(
        &mut self,
        origin: Origin,
        op: Operation<'_>,
        namespace: &str,
        asked: Operation<'_>,
    ) -> bool {
        let Some(about) = About::of(&asked) else { return false };
        let is_new = self.state.tree(namespace).is_none_or(|tree| about.is_due(tree));
        let full = self.questions.len() >= WAITING_MAX;
        if is_new || full || self.role != Role::Leader {
            return false;
        }
        let mut bytes = Vec::new();
        put_again(op, &mut bytes);
        let (namespace, tick) = (namespace.into(), self.ticks);
        self.questions.push(Question { origin, op: bytes, namespace, about, tick });
        true
    }

    /// Answers those to whom there is something to say now.
    pub(crate) fn tell_news(&mut self, audience: &mut dyn Audience) {
        // None of them ever falls, so their sum says whether there is anything new.
        let changes: i64 = self.state.trees().map(|(_, tree)| tree.zxid()).sum();
        if changes == self.told_changes {
            return;
        }
        self.told_changes = changes;
        let state = &self.state;
        let is_due = |question: &Question| {
            let tree = state.tree(&question.namespace);
            tree.is_some_and(|tree| question.about.is_due(tree))
        };
        let (due, rest) = std::mem::take(&mut self.questions).into_iter().partition(is_due);
        self.questions = rest;
        self.answer_questions(due, audience);
    }

    /// Answers those who have waited long enough, whatever there is to say.
    pub(crate) fn age_questions(&mut self, audience: &mut dyn Audience) {
        let until = self.ticks.saturating_sub(WAIT_TICKS);
        if self.questions.iter().all(|question| question.tick > until) {
            return;
        }
        let (due, rest) = std::mem::take(&mut self.questions)
            .into_iter()
            .partition(|question| question.tick <= until);
        self.questions = rest;
        self.answer_questions(due, audience);
    }

    fn answer_questions(&mut self, due: Vec<Question>, audience: &mut dyn Audience) {
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
