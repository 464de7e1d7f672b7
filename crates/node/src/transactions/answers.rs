//! What partitions answer to steps, read back, and what becomes of it.

use super::Asked;
use crate::node::Node;
use synod_data::{BUSY, NO, STAGED, YES};
use synod_txn::{Answer, Fetched, Step};
use synod_types::Millis;
use synod_wire::resp::Value;

/// What a partition answered to a step.
fn answer(reply: &[u8]) -> Answer {
    match Value::decode(reply) {
        Ok(Some((Value::Simple(text), _))) if text == YES => Answer::Yes,
        Ok(Some((Value::Simple(text), _))) if text == NO => Answer::No,
        Ok(Some((Value::Simple(text), _))) if text == STAGED => Answer::Staged,
        Ok(Some((Value::Error(text), _))) if text == BUSY => Answer::Busy,
        Ok(Some((Value::Error(text), _))) if text.starts_with("UNKNOWN") => Answer::Unknown,
        Ok(Some((Value::Error(text), _))) => Answer::Refused(text),
        Ok(Some((Value::Array(values), _))) => match fetched(values) {
            Some(fetched) => Answer::Fetched(fetched),
            None => Answer::Unknown,
        },
        _ => Answer::Unknown,
    }
}

fn fetched(values: Vec<Value>) -> Option<Fetched> {
    let [now, items, tokens, texts] = <[Value; 4]>::try_from(values).ok()?;
    let mut read = Fetched { now: Millis(integer(now)?), ..Fetched::default() };
    let mut items = array(items)?.into_iter();
    while let Some(version) = items.next() {
        read.items.push((integer(version)?, bytes(items.next()?)?));
    }
    let mut tokens = array(tokens)?.into_iter();
    while let Some(newest) = tokens.next() {
        read.tokens.push((integer(newest)?, integer(tokens.next()?)?));
    }
    read.texts = array(texts)?.into_iter().map(bytes).collect::<Option<_>>()?;
    Some(read)
}

fn integer(value: Value) -> Option<u64> {
    if let Value::Integer(n) = value { Some(n as u64) } else { None }
}

fn array(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(values) = value { Some(values) } else { None }
}

/// Bytes, or that there are none.
fn bytes(value: Value) -> Option<Option<Vec<u8>>> {
    match value {
        Value::Bulk(bytes) => Some(Some(bytes)),
        Value::Null => Some(None),
        _ => None,
    }
}

impl Node {
    /// Takes in the answers to steps that have come.
    pub(crate) fn conduct(&mut self) {
        while !self.output.steps.is_empty() {
            for (ticket, reply) in self.output.steps.take() {
                let Some(asked) = self.conductor.asked.remove(&ticket) else { continue };
                let answer = answer(&reply);
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
    use super::*;
    use crate::desk::{NO_LEADER, NOT_EXECUTED, STUCK, UNKNOWN};

    #[test]
    fn an_answer_says_whether_something_was_done_or_may_have_been() {
        let error = |text: &str| format!("-{text}\r\n").into_bytes();
        assert_eq!(answer(b"+YES\r\n"), Answer::Yes);
        assert_eq!(answer(b"+NO\r\n"), Answer::No);
        assert_eq!(answer(b"+STAGED\r\n"), Answer::Staged);
        assert_eq!(answer(&error(BUSY)), Answer::Busy);
        for text in [UNKNOWN, STUCK] {
            assert_eq!(answer(&error(text)), Answer::Unknown);
        }
        for text in [NO_LEADER, NOT_EXECUTED] {
            assert_eq!(answer(&error(text)), Answer::Refused(text.to_owned()));
        }
        let items = vec![(3, Some(b"image".to_vec())), (1, None)];
        let bytes = b"*4\r\n:9\r\n*4\r\n:3\r\n$5\r\nimage\r\n:1\r\n$-1\r\n\
            *2\r\n:8\r\n:7\r\n*2\r\n$4\r\ntext\r\n$-1\r\n";
        let texts = vec![Some(b"text".to_vec()), None];
        let fetched = Fetched { now: Millis(9), items, tokens: vec![(8, 7)], texts };
        assert_eq!(answer(bytes), Answer::Fetched(fetched));
        let odd = b"*4\r\n:9\r\n*1\r\n:3\r\n*0\r\n*0\r\n";
        for broken in [&b"+OK\r\n"[..], b"", b"*2\r\n:9\r\n*0\r\n", odd, b":1\r\n"] {
            assert_eq!(answer(broken), Answer::Unknown, "nobody knows what that was");
        }
    }
}
