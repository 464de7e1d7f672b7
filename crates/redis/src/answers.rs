//! What the machines of partitions answer to a node itself: to the steps of transactions, to those who wait, to the calls of
//! other gates.
//!
//! An answer travels as a reply of Redis's protocol, from a replica here as from another node. What it says is read off here;
//! the node that carries it does not know how it is spelled.

use synod_data::{BUSY, NO, STAGED, YES};
use synod_txn::{Answer, Fetched};
use synod_types::Millis;
use synod_wire::resp::{Proto, RespWriter, Value, reply_len};

/// What a machine answers to the call of another gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallAnswer {
    /// It was executed: the answer.
    Done(Vec<u8>),
    /// It was not executed, for want of room on the disk or in memory.
    Full,
    /// It was not executed, or perhaps was.
    Lost,
}

/// What a tree answers to one who asks for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Others are before: the token, if it was told.
    InLine(Option<i64>),
    /// A number: the token of a lock that is held, or whether something holds.
    Number(i64),
    /// It was refused.
    Refused(String),
    /// There is no answer.
    Lost,
}

/// What a leader tells one who waits for keys of several partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// There is something in this key.
    Key(Vec<u8>),
    /// The wait makes no sense.
    Refused(String),
    /// The leader is one no longer, or cannot be reached.
    Lost,
}

/// What came of the attempt of one who waits for keys of several partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// There was nothing in the keys.
    Nothing,
    /// Nothing was done, and it may be otherwise a moment later.
    Later,
    /// A key holds something of another kind.
    WrongType,
    /// It has its answer.
    Answered,
}

/// What the metadata group answers to a change of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsersChanged {
    /// It was made.
    Done {
        /// The epoch of the map that has it.
        epoch: u64,
        /// How many users were deleted.
        deleted: i64,
    },
    /// It was not made.
    Refused(String),
    /// Nobody knows.
    Unknown,
}

/// A reply in its spelling.
pub fn encoded(proto: Proto, write: impl FnOnce(&mut RespWriter<'_>)) -> Vec<u8> {
    let mut reply = Vec::new();
    write(&mut RespWriter::new(&mut reply, proto));
    reply
}

/// Reads the answer to the call of another gate: a machine answers one with one bulk string.
#[must_use]
pub fn call_answer(reply: &[u8]) -> CallAnswer {
    let is_full = |text: &str| text.starts_with("MISCONF") || text.starts_with("OOM");
    match value(reply) {
        Some(Value::Bulk(bytes)) => CallAnswer::Done(bytes),
        Some(Value::Error(text)) if is_full(&text) => CallAnswer::Full,
        _ => CallAnswer::Lost,
    }
}

/// Reads what a tree answered to one who asks for a lock.
#[must_use]
pub fn standing(reply: &[u8]) -> Standing {
    match value(reply) {
        Some(Value::Array(items)) => Standing::InLine(match items[..] {
            [Value::Integer(token)] => Some(token),
            _ => None,
        }),
        Some(Value::Integer(n)) => Standing::Number(n),
        Some(Value::Error(text)) => Standing::Refused(text),
        _ => Standing::Lost,
    }
}

/// Reads what a leader told one who waits.
#[must_use]
pub fn told(reply: &[u8]) -> Told {
    match value(reply) {
        Some(Value::Bulk(key)) => Told::Key(key),
        Some(Value::Error(text)) if text.starts_with("ERR") => Told::Refused(text),
        _ => Told::Lost,
    }
}

/// Reads what the metadata group answered to a change of users.
#[must_use]
pub fn users_changed(reply: &[u8]) -> UsersChanged {
    match value(reply) {
        Some(Value::Array(numbers)) => match numbers[..] {
            [Value::Integer(epoch), Value::Integer(deleted)] => {
                UsersChanged::Done { epoch: epoch.cast_unsigned(), deleted }
            }
            _ => UsersChanged::Unknown,
        },
        Some(Value::Error(text)) => UsersChanged::Refused(text),
        _ => UsersChanged::Unknown,
    }
}

/// Reads what came of the attempt of one who waits.
#[must_use]
pub fn tried(reply: &[u8]) -> Tried {
    let is_error =
        |code: &str| reply.strip_prefix(b"-").is_some_and(|r| r.starts_with(code.as_bytes()));
    match reply {
        b"*-1\r\n" | b"$-1\r\n" | b"_\r\n" => Tried::Nothing,
        _ if is_error("TRYAGAIN") || is_error("CLUSTERDOWN") => Tried::Later,
        _ if is_error("WRONGTYPE") => Tried::WrongType,
        _ => Tried::Answered,
    }
}

/// The elements of an array of so many; `None` for anything else, such as an error or the null array.
#[must_use]
pub fn elements(reply: &[u8], len: usize) -> Option<Vec<&[u8]>> {
    let header = format!("*{len}\r\n");
    let mut rest = reply.strip_prefix(header.as_bytes())?;
    let mut elements = Vec::with_capacity(len);
    for _ in 0..len {
        let (element, after) = rest.split_at_checked(reply_len(rest).ok()??)?;
        elements.push(element);
        rest = after;
    }
    Some(elements)
}

/// Reads what a partition answered to a step of a transaction.
#[must_use]
pub fn step_answer(reply: &[u8]) -> Answer {
    match value(reply) {
        Some(Value::Simple(text)) if text == YES => Answer::Yes,
        Some(Value::Simple(text)) if text == NO => Answer::No,
        Some(Value::Simple(text)) if text == STAGED => Answer::Staged,
        Some(Value::Error(text)) if text == BUSY => Answer::Busy,
        Some(Value::Error(text)) if text.starts_with("UNKNOWN") => Answer::Unknown,
        Some(Value::Error(text)) => Answer::Refused(text),
        Some(Value::Array(values)) => match fetched(values) {
            Some(fetched) => Answer::Fetched(fetched),
            None => Answer::Unknown,
        },
        _ => Answer::Unknown,
    }
}

fn value(reply: &[u8]) -> Option<Value> {
    Value::decode(reply).ok().flatten().map(|(value, _)| value)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_step_says_what_was_done() {
        assert_eq!(step_answer(b"+YES\r\n"), Answer::Yes);
        assert_eq!(step_answer(b"+NO\r\n"), Answer::No);
        assert_eq!(step_answer(b"+STAGED\r\n"), Answer::Staged);
        assert_eq!(step_answer(format!("-{BUSY}\r\n").as_bytes()), Answer::Busy);
        assert_eq!(step_answer(b"-UNKNOWN it may be\r\n"), Answer::Unknown);
        assert_eq!(step_answer(b"-ERR not\r\n"), Answer::Refused("ERR not".to_owned()));
        let items = vec![(3, Some(b"image".to_vec())), (1, None)];
        let bytes = b"*4\r\n:9\r\n*4\r\n:3\r\n$5\r\nimage\r\n:1\r\n$-1\r\n\
            *2\r\n:8\r\n:7\r\n*2\r\n$4\r\ntext\r\n$-1\r\n";
        let texts = vec![Some(b"text".to_vec()), None];
        let fetched = Fetched { now: Millis(9), items, tokens: vec![(8, 7)], texts };
        assert_eq!(step_answer(bytes), Answer::Fetched(fetched));
        let odd = b"*4\r\n:9\r\n*1\r\n:3\r\n*0\r\n*0\r\n";
        for broken in [&b"+OK\r\n"[..], b"", b"*2\r\n:9\r\n*0\r\n", odd, b":1\r\n"] {
            assert_eq!(step_answer(broken), Answer::Unknown, "nobody knows what that was");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_none() {
        for broken in [&b""[..], b"$9\r\nshort\r\n", b"+OK\r\n", b"$-1\r\n", b"?"] {
            assert_eq!(call_answer(broken), CallAnswer::Lost);
            assert_eq!(standing(broken), Standing::Lost);
            assert_eq!(told(broken), Told::Lost);
        }
        assert_eq!(standing(b"$1\r\nx\r\n"), Standing::Lost);
        assert_eq!(told(b":1\r\n"), Told::Lost);
        assert_eq!(told(b"-TRYAGAIN moved\r\n"), Told::Lost, "it is armed again");
    }

    #[test]
    fn an_attempt_that_found_nothing_is_told_from_one_that_is_answered() {
        for (reply, expected) in [
            ("*-1\r\n", Tried::Nothing),
            ("_\r\n", Tried::Nothing),
            ("$-1\r\n", Tried::Nothing),
            ("-TRYAGAIN moved\r\n", Tried::Later),
            ("-CLUSTERDOWN none\r\n", Tried::Later),
            ("-WRONGTYPE no list\r\n", Tried::WrongType),
            ("-ERR no\r\n", Tried::Answered),
            ("$8\r\nTRYAGAIN\r\n", Tried::Answered),
            ("*0\r\n", Tried::Answered),
        ] {
            assert_eq!(tried(reply.as_bytes()), expected, "{reply}");
        }
    }

    #[test]
    fn a_change_of_users_is_told_by_two_numbers() {
        let done = UsersChanged::Done { epoch: 7, deleted: 2 };
        assert_eq!(users_changed(b"*2\r\n:7\r\n:2\r\n"), done);
        let refused = UsersChanged::Refused("ERR rule 1: why".to_owned());
        assert_eq!(users_changed(b"-ERR rule 1: why\r\n"), refused);
        for broken in [&b"*1\r\n:7\r\n"[..], b"+OK\r\n", b""] {
            assert_eq!(users_changed(broken), UsersChanged::Unknown);
        }
    }

    #[test]
    fn an_array_is_taken_apart_only_if_it_has_as_many_elements_as_it_is_to_have() {
        assert_eq!(
            elements(b"*2\r\n:1\r\n$1\r\na\r\n", 2),
            Some(vec![&b":1\r\n"[..], b"$1\r\na\r\n"])
        );
        for broken in [&b"*2\r\n:1\r\n"[..], b"*-1\r\n", b"-ERR no\r\n", b"*1\r\n:1\r\n"] {
            assert_eq!(elements(broken, 2), None);
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let done = encoded(Proto::Resp2, |out| synod_types::ReplySink::bulk(out, b"node"));
        assert_eq!(call_answer(&done), CallAnswer::Done(b"node".to_vec()));
        assert_eq!(call_answer(b"-OOM full\r\n"), CallAnswer::Full);
        assert_eq!(call_answer(b"-MISCONF full\r\n"), CallAnswer::Full);
        assert_eq!(call_answer(b"-TRYAGAIN moved\r\n"), CallAnswer::Lost);
        assert_eq!(standing(b":7\r\n"), Standing::Number(7));
        assert_eq!(standing(b"*1\r\n:7\r\n"), Standing::InLine(Some(7)));
        assert_eq!(standing(b"*0\r\n"), Standing::InLine(None));
        assert_eq!(standing(b"-ERR no\r\n"), Standing::Refused("ERR no".to_owned()));
        assert_eq!(told(b"$1\r\nk\r\n"), Told::Key(b"k".to_vec()));
        assert_eq!(told(b"-ERR no\r\n"), Told::Refused("ERR no".to_owned()));
    }
}
