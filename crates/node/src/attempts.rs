//! Keeps requests in order that travel one behind the other, when the first is refused.
//!
//! A worker sends its requests for a partition to one node at a time, all under the number of an *attempt*.
//! Whoever receives them serves an attempt only while it leads in the term in which the attempt began there, and
//! once it has refused a request, refuses all of the attempt: a later request cannot be served where an earlier
//! one was not. The sender waits until everything under way has come back, and sends what was refused again, in
//! its order and as a new attempt.

use synod_types::{NodeId, PartitionId, Term, limits};

/// A number that a worker uses for one attempt and never again. The upper half is drawn anew for each process, the
/// lower half counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attempt(pub u64);

impl Attempt {
    /// Whether it was begun before `other`; `false` for attempts of different processes.
    fn is_before(self, other: Self) -> bool {
        self.0 >> 32 == other.0 >> 32 && self.0 < other.0
    }
}

/// The last attempt of one worker of one node at one partition.
#[derive(Clone, Copy, Debug)]
struct Heard {
    from: NodeId,
    worker: u16,
    attempt: Attempt,
    /// The term in which its requests are served; `None` once one was refused.
    term: Option<Term>,
}

/// What a worker remembers of the attempts that it received. Indexed by group number; within, one entry for each
/// worker that ever asked.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    heard: Vec<Vec<Heard>>,
}

impl Attempts {
    /// A request of this attempt arrived; `leads` is the term in which this node leads the group, if it does.
    /// Whether it may be served.
    pub fn admit(
        &mut self,
        group: PartitionId,
        from: NodeId,
        worker: u16,
        attempt: Attempt,
        leads: Option<Term>,
    ) -> bool {
        let at = group.0 as usize;
        if at >= self.heard.len() {
            if group.0 > limits::PARTITIONS_MAX {
                return false;
            }
            self.heard.resize(at + 1, Vec::new());
        }
        let heard = &mut self.heard[at];
        let Some(last) = heard.iter_mut().find(|h| h.from == from && h.worker == worker) else {
            heard.push(Heard { from, worker, attempt, term: leads });
            return leads.is_some();
        };
        if attempt.is_before(last.attempt) {
            return false;
        }
        if attempt != last.attempt {
            (last.attempt, last.term) = (attempt, leads);
        } else if last.term != leads {
            last.term = None;
        }
        last.term.is_some()
    }

    /// A request of this worker that was admitted could not be served after all.
    pub fn refuse(&mut self, group: PartitionId, from: NodeId, worker: u16) {
        let heard = self.heard.get_mut(group.0 as usize).into_iter().flatten();
        heard.filter(|h| h.from == from && h.worker == worker).for_each(|h| h.term = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: PartitionId = PartitionId(3);
    const A: NodeId = NodeId(1);

    #[test]
    fn nothing_of_an_attempt_is_served_behind_a_refusal() {
        let mut attempts = Attempts::default();
        let mut admit = |attempt, term: u64| {
            attempts.admit(GROUP, A, 0, Attempt(attempt), (term > 0).then_some(Term(term)))
        };
        assert!(admit(1, 5) && admit(1, 5));
        assert!(!admit(1, 0), "no longer the leader");
        assert!(!admit(1, 6), "the leader again, but an earlier one was refused");
        assert!(admit(2, 6));
        assert!(!admit(1, 6), "late");
        assert!(admit(2, 6));
        assert!(!admit(2, 7), "a request of term 6 may yet be replaced");
        assert!(!admit(2, 6));
        let another_process = 7 << 32;
        assert!(admit(another_process, 7));
    }

    #[test]
    fn a_refusal_before_anything_was_served_counts() {
        let mut attempts = Attempts::default();
        assert!(attempts.admit(GROUP, NodeId(2), 0, Attempt(1), Some(Term(1))));
        assert!(!attempts.admit(GROUP, A, 0, Attempt(1), None));
        assert!(!attempts.admit(GROUP, A, 0, Attempt(1), Some(Term(2))));
        attempts.refuse(GROUP, NodeId(2), 0);
        assert!(!attempts.admit(GROUP, NodeId(2), 0, Attempt(1), Some(Term(1))));
        assert!(attempts.admit(GROUP, NodeId(2), 1, Attempt(1), Some(Term(1))), "another worker");
    }
}
