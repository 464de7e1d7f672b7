//! What partitions answer to steps, read back.

use synod_data::{BUSY, NO, YES};
use synod_txn::{Answer, Fetched};
use synod_types::Millis;
use synod_wire::resp::Value;

/// What a partition answered to a step.
pub(super) fn answer(reply: &[u8]) -> Answer {
    match Value::decode(reply) {
        Ok(Some((Value::Simple(text), _))) if text == YES => Answer::Yes,
        Ok(Some((Value::Simple(text), _))) if text == NO => Answer::No,
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
    let mut values = values.into_iter();
    let integer = |value: Value| if let Value::Integer(n) = value { Some(n as u64) } else { None };
    let now = Millis(integer(values.next()?)?);
    let mut items = Vec::new();
    while let Some(version) = values.next() {
        let image = match values.next()? {
            Value::Bulk(image) => Some(image),
            Value::Null => None,
            _ => return None,
        };
        items.push((integer(version)?, image));
    }
    Some(Fetched { now, items })
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
        assert_eq!(answer(&error(BUSY)), Answer::Busy);
        for text in [UNKNOWN, STUCK] {
            assert_eq!(answer(&error(text)), Answer::Unknown);
        }
        for text in [NO_LEADER, NOT_EXECUTED] {
            assert_eq!(answer(&error(text)), Answer::Refused(text.to_owned()));
        }
        let items = vec![(3, Some(b"image".to_vec())), (1, None)];
        let bytes = b"*5\r\n:9\r\n:3\r\n$5\r\nimage\r\n:1\r\n$-1\r\n";
        assert_eq!(answer(bytes), Answer::Fetched(Fetched { now: Millis(9), items }));
        for broken in [&b"+OK\r\n"[..], b"", b"*2\r\n:9\r\n:3\r\n", b":1\r\n"] {
            assert_eq!(answer(broken), Answer::Unknown, "nobody knows what that was");
        }
    }
}
