//! The waits that were ended by an entry, and what they were answered: so that a client whose leader was lost with
//! the answer gets that answer from the next leader, and no second element.
//!
//! Every replica keeps this beside its state, from the entries it applies. It is no part of the state: it is bounded,
//! and a replica that began later knows less. It therefore knows since when it is complete, and one that does not
//! reach back far enough says so.

use super::recorded::Recorded;
use std::collections::{BTreeMap, VecDeque};
use synod_data::op::Ticket;
use synod_types::{Index, limits};

/// What became of a wait.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It was answered this.
    Answered(Recorded),
    /// Nothing has ended it.
    Open,
    /// That is not known here.
    Unknown,
}

/// See the file's page. `complete_since`: every wait ended by a later entry is here.
#[derive(Debug, Default)]
pub(crate) struct Served {
    answers: BTreeMap<Ticket, Recorded>,
    order: VecDeque<(Index, Ticket)>,
    bytes: usize,
    complete_since: Index,
}

impl Served {
    /// Nothing is known of entries up to this index.
    pub fn since(index: Index) -> Self {
        Self { complete_since: index, ..Self::default() }
    }

    /// The entry at this index ended a wait.
    pub fn note(&mut self, index: Index, ticket: Ticket, answer: Recorded) {
        self.bytes += answer.bytes();
        self.order.push_back((index, ticket));
        if let Some(before) = self.answers.insert(ticket, answer) {
            self.bytes -= before.bytes();
        }
        while self.order.len() > limits::WAITS_SERVED_MAX
            || self.bytes > limits::WAITS_SERVED_BYTES_MAX
        {
            let Some((index, ticket)) = self.order.pop_front() else { return };
            self.complete_since = index;
            if let Some(answer) = self.answers.remove(&ticket) {
                self.bytes -= answer.bytes();
            }
        }
    }

    /// What became of a wait that no entry up to `since` has ended.
    pub fn fate(&self, ticket: Ticket, since: Index) -> Fate {
        match self.answers.get(&ticket) {
            Some(answer) => Fate::Answered(answer.clone()),
            None if since >= self.complete_since => Fate::Open,
            None => Fate::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_types::{NodeId, ReplySink, RequestId};

    fn ticket(n: u64) -> Ticket {
        Ticket { node: NodeId(1), worker: 0, request: RequestId(n), resp3: false }
    }

    #[test]
    fn what_is_forgotten_is_not_taken_for_open() {
        let mut served = Served::since(Index(10));
        assert_eq!(served.fate(ticket(1), Index(10)), Fate::Open);
        assert_eq!(served.fate(ticket(1), Index(9)), Fate::Unknown);
        let mut answer = Recorded::new(false);
        answer.bulk(&vec![0; limits::WAITS_SERVED_BYTES_MAX / 2]);
        served.note(Index(11), ticket(1), answer.clone());
        assert_eq!(served.fate(ticket(1), Index(2)), Fate::Answered(answer.clone()));
        served.note(Index(12), ticket(2), answer.clone());
        assert_eq!(served.fate(ticket(1), Index(10)), Fate::Unknown);
        assert_eq!(served.fate(ticket(3), Index(11)), Fate::Open);
        assert_eq!(served.fate(ticket(2), Index(11)), Fate::Answered(answer));
    }
}
