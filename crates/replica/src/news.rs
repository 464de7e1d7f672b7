//! Gates that follow a tree from afar: a question what has happened since a change waits at the leader until something has.
//! So does the question of one who stands in line for a lock, until it holds the lock or is in line no longer.
//!
//! The question is a read, so it holds nothing up and may be asked again; what waits here is bounded in number and in
//! time, and is given back when the leader is one no longer.

use crate::pending::{Audience, Origin};
use crate::replica::{Output, Replica};
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_machine::Operation;
use synod_tree::{Call, Tree};
use synod_types::{tree_lock, tree_path};

/// The most gates that wait to be told what has happened; a further one is answered at once.
const GATES_MAX: usize = 1_024;
/// The most of those in line for locks that wait to be told where they stand; a further one is answered at once.
const PLACES_MAX: usize = 16_384;
/// How long one waits, in ticks: half a second. Requests of its node may have to stand behind it when the leader changes.
const WAIT_TICKS: u64 = 10;

/// A question that waits.
#[derive(Debug)]
struct Question {
    origin: Origin,
    op: Vec<u8>,
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

/// Those who want one lock, by token; one token may be asked for again before the first question is answered.
type Line = BTreeMap<(i64, u64), Question>;

/// The questions that wait.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// By namespace and change.
    since: Vec<(Box<str>, i64, Question)>,
    /// By the name of the lock. So a lock that changes hands costs those who hold it then, however many wait.
    lines: BTreeMap<Vec<u8>, Line>,
    /// How many there are in all lines.
    places: usize,
    /// How many were put in lines so far.
    asked: u64,
    /// How many changes of all trees those who wait were told.
    told_changes: i64,
}

impl Questions {
    fn is_full(&self, about: &About) -> bool {
        match about {
            About::Since(_) => self.since.len() >= GATES_MAX,
            About::Place(..) => self.places >= PLACES_MAX,
        }
    }

    fn put(&mut self, namespace: &str, about: About, question: Question) {
        match about {
            About::Since(since) => self.since.push((namespace.into(), since, question)),
            About::Place(path, token) => {
                self.asked += 1;
                self.places += 1;
                let line = self.lines.entry(tree_lock(namespace, &path)).or_default();
                line.insert((token, self.asked), question);
            }
        }
    }

    /// Takes those in line for a lock out that hold it.
    fn take_holders(&mut self, name: &[u8], holders: &[u64], due: &mut Vec<Question>) {
        let Some(line) = self.lines.get_mut(name) else { return };
        for token in holders.iter().map(|token| token.cast_signed()) {
            let of = line.extract_if((token, 0)..=(token, u64::MAX), |_, _| true);
            due.extend(of.map(|(_, question)| question));
        }
        if line.is_empty() {
            self.lines.remove(name);
        }
    }

    /// Takes those out that wait since this tick or longer.
    fn take_old(&mut self, until: u64) -> Vec<Question> {
        let since = self.since.extract_if(.., |(_, _, question)| question.tick <= until);
        let mut old: Vec<Question> = since.map(|(_, _, question)| question).collect();
        for line in self.lines.values_mut() {
            let places = line.extract_if(.., |_, question| question.tick <= until);
            let before = old.len();
            old.extend(places.map(|(_, question)| question));
            self.places -= old.len() - before;
        }
        self.lines.retain(|_, line| !line.is_empty());
        old
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
        let full = self.questions.is_full(&about);
        if is_new || full || self.role != Role::Leader {
            return false;
        }
        let mut bytes = Vec::new();
        put_again(op, &mut bytes);
        self.questions.put(namespace, about, Question { origin, op: bytes, tick: self.ticks });
        true
    }

    /// Answers those to whom there is something to say now. One in line that is there no longer is told so when it has
    /// waited long enough.
    pub(crate) fn tell_news(&mut self, audience: &mut dyn Audience) {
        let changed_locks = self.state.take_changed_locks();
        // None of them ever falls, so their sum says whether there is anything new.
        let changes: i64 = self.state.trees().map(|(_, tree)| tree.zxid()).sum();
        if changes == self.questions.told_changes {
            return;
        }
        self.questions.told_changes = changes;
        let (state, questions) = (&self.state, &mut self.questions);
        let is_due = |(namespace, since, _): &mut (Box<str>, i64, Question)| {
            state.tree(namespace).is_some_and(|tree| tree.zxid() > *since)
        };
        let told = questions.since.extract_if(.., is_due).map(|(_, _, question)| question);
        let mut due: Vec<Question> = told.collect();
        let gates = due.len();
        for name in changed_locks {
            let tree = tree_path(&name).and_then(|(namespace, path)| {
                Some((state.tree(namespace)?, std::str::from_utf8(path).ok()?))
            });
            if let Some((tree, path)) = tree {
                questions.take_holders(&name, &tree.holders(path), &mut due);
            }
        }
        questions.places -= due.len() - gates;
        self.answer_questions(due, audience);
    }

    /// Answers those who have waited long enough, whatever there is to say.
    pub(crate) fn age_questions(&mut self, audience: &mut dyn Audience) {
        let old = self.questions.take_old(self.ticks.saturating_sub(WAIT_TICKS));
        self.answer_questions(old, audience);
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
        let all = self.questions.take_old(u64::MAX);
        let origins: Vec<Origin> = all.into_iter().map(|question| question.origin).collect();
        if !origins.is_empty() {
            out.push(Output::Voided(origins));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(count: i64) -> Questions {
        let mut questions = Questions::default();
        for token in 1..=count {
            let question = Question { origin: Origin::Internal, op: Vec::new(), tick: 7 };
            questions.put("", About::Place("/l".into(), token), question);
        }
        questions
    }

    #[test]
    fn a_lock_that_changes_hands_is_told_to_those_who_hold_it_then() {
        let mut questions = line_of(3);
        let again = Question { origin: Origin::Internal, op: Vec::new(), tick: 8 };
        questions.put("", About::Place("/l".into(), 2), again);
        let (mut due, name) = (Vec::new(), tree_lock("", "/l"));
        questions.take_holders(&tree_lock("jobs", "/l"), &[1], &mut due);
        assert_eq!(due.len(), 0, "the lock of another namespace");
        questions.take_holders(&name, &[2], &mut due);
        assert_eq!(due.len(), 2, "it was asked for twice");
        questions.take_holders(&name, &[2, 1, 3, 99], &mut due);
        assert_eq!(due.len(), 4);
        assert!(questions.lines.is_empty());
    }

    #[test]
    fn so_many_wait_and_none_for_longer_than_that() {
        let mut questions = line_of(PLACES_MAX as i64);
        assert!(questions.is_full(&About::Place("/l".into(), 0)));
        assert!(!questions.is_full(&About::Since(0)), "gates have room of their own");
        assert_eq!(questions.take_old(6).len(), 0);
        assert_eq!(questions.take_old(7).len(), PLACES_MAX);
        assert_eq!((questions.places, questions.lines.len()), (0, 0));
    }
}
