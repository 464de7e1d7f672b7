//! What becomes of the answers of partitions to steps.

use super::Asked;
use crate::node::Node;
use synod_redis::step_answer;
use synod_txn::{Answer, Step};

impl Node {
    /// Takes in the answers to steps that have come.
    pub(crate) fn conduct(&mut self) {
        while !self.output.steps.is_empty() {
            for (ticket, reply) in self.output.steps.take() {
                let Some(asked) = self.conductor.asked.remove(&ticket) else { continue };
                let answer = step_answer(&reply);
                match asked {
                    Asked::Lock { of } => self.contender_answered(of, &reply),
                    Asked::Filled { of } => self.filled_apart(of, ticket, &reply),
                    Asked::Tried { of } => self.tried_apart(of, &reply),
                    Asked::Part { of, part } => {
                        let Some(mut conducted) = self.conductor.take(of) else { continue };
                        let now_us = self.local.now().mono_us;
                        conducted.coordinator.set_room(self.transaction_room());
                        let actions = conducted.coordinator.answered(part, answer, now_us);
                        self.go_on(of, conducted, actions);
                    }
                    Asked::Resolve { at, txn } => {
                        let commit = match answer {
                            Answer::Yes => true,
                            Answer::No => false,
                            _ => continue, // it is asked again after a while
                        };
                        self.send_step(at, 0, Step::Finish { txn, commit });
                    }
                    Asked::Inquire { of } => self.inquired(of, &answer),
                    Asked::Conclude { of } => self.concluded(of, &answer),
                    Asked::Settle { of } => self.settled(of, &answer),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::desk::{NO_LEADER, NOT_EXECUTED, STUCK, UNKNOWN};
    use synod_redis::step_answer;
    use synod_txn::Answer;

    #[test]
    fn an_error_says_whether_something_may_have_been_done() {
        let error = |text: &str| format!("-{text}\r\n").into_bytes();
        for text in [UNKNOWN, STUCK] {
            assert_eq!(step_answer(&error(text)), Answer::Unknown);
        }
        for text in [NO_LEADER, NOT_EXECUTED] {
            assert_eq!(step_answer(&error(text)), Answer::Refused(text.to_owned()));
        }
    }
}
