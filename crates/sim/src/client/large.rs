//! Long values: written whole, three at once, in the middle, and grown by APPEND, in runs with the fault `large-values`.
//! They are longer than a segment of the simulated log and than a piece of a snapshot.
//!
//! | keys | what they are | judged as |
//! |---|---|---|
//! | `b` | one long value | a register |
//! | `w` | three of them, by `MSET` and `MGET` | a register |
//! | `z` | a number far behind the beginning of a value, by `SETRANGE` and `GETRANGE` | a register |
//! | `g` | pieces of one length, by `APPEND` | a list |
//!
//! A value begins with its number, which decides its length and what it is filled with: a value that was cut, or made of
//! two, is none.

use super::{Waiting, words};
use crate::faults::Fault;
use crate::random::Random;
use crate::world::World;
use synod_checker::{Input, Output};
use synod_wire::resp::Value;

/// How often a client turns to long values, in a thousand.
const SHARE: u64 = 80;
/// How long the longest value of a run is: least and most, in bytes.
const LEN_MAX: (u64, u64) = (20_000, 300_000);
/// How many digits a number has.
const DIGITS: usize = 20;
/// How long a piece is that is appended.
const PIECE: usize = 5_000;
/// So many appends are asked for until the next key has its turn.
const PIECES_MAX: u64 = 24;
/// How many keys of one tag are written as one.
const TOGETHER: usize = 3;
/// How long a client pauses in the middle of a burst, so that what it asks then finds unread replies, in microseconds.
const HALFWAY_US: (u64, u64) = (20_000, 400_000);
/// How many values are tried for a long one.
const TRIES: usize = 20;
/// An offset from which a value would be longer than any may be.
const BEYOND: usize = synod_types::limits::BULK_BYTES_MAX - 5;

/// What is drawn for long values.
#[derive(Default)]
pub(crate) struct Large {
    /// Only in runs that have them.
    random: Option<Random>,
    len_max: u64,
    appended: u64,
}

impl Large {
    /// How much so many clients may have under way, in bytes.
    pub fn under_way(&self, clients: usize) -> usize {
        self.len_max as usize * TOGETHER * clients
    }

    /// How much a burst of requests and their replies may take beyond what short ones do, in bytes.
    pub fn burst_bytes(&self) -> usize {
        self.len_max as usize * TOGETHER * 10
    }
}

/// A number, filled up to a length.
fn filled(value: u64, len: usize) -> Vec<u8> {
    let mut text = format!("{value:0DIGITS$}").into_bytes();
    text.resize(len.max(DIGITS), b'a' + (value % 26) as u8);
    text
}

fn len_of(value: u64, len_max: u64) -> usize {
    Random::new(value).skewed(DIGITS as u64, len_max) as usize
}

/// The number of a filled value; `None` when it is not as it was written.
fn number(text: &str, len: impl Fn(u64) -> usize) -> Option<u64> {
    let value = text.get(..DIGITS)?.parse().ok()?;
    (text.as_bytes() == filled(value, len(value))).then_some(value)
}

/// Whether the key is one of these.
pub(super) fn is_long(key: &str) -> bool {
    matches!(key.as_bytes().first(), Some(b'b' | b'g' | b'w' | b'z'))
}

fn offset(key: &str) -> usize {
    PIECE * (1 + key.len())
}

/// The request for a long value, as a client sends it.
pub(super) fn command(key: &str, input: &Input, large: &Large) -> Vec<Vec<u8>> {
    let long = |value: u64| filled(value, len_of(value, large.len_max));
    let parts = || (0..TOGETHER).map(|n| format!("{{{key}}}{n}").into_bytes());
    match (key.as_bytes().first(), input) {
        (Some(b'g'), Input::Append(value)) => {
            vec![b"APPEND".to_vec(), key.into(), filled(*value, PIECE)]
        }
        (Some(b'w'), Input::Write(value)) => {
            let pairs = parts().flat_map(|part| [part, long(*value)]);
            std::iter::once(b"MSET".to_vec()).chain(pairs).collect()
        }
        (Some(b'w'), _) => std::iter::once(b"MGET".to_vec()).chain(parts()).collect(),
        (Some(b'z'), Input::Write(value)) => {
            let at = offset(key).to_string();
            vec![b"SETRANGE".to_vec(), key.into(), at.into(), filled(*value, DIGITS)]
        }
        (Some(b'z'), _) => {
            let (first, last) = (offset(key), offset(key) + DIGITS - 1);
            words(&["GETRANGE", key, &first.to_string(), &last.to_string()])
        }
        (_, Input::Write(value)) => vec![b"SET".to_vec(), key.into(), long(*value)],
        _ => words(&["GET", key]),
    }
}

/// What a reply says in the words of the checkers; `None` when it cannot be an answer to this.
pub(super) fn output(key: &str, input: &Input, value: &Value, large: &Large) -> Option<Output> {
    let long = |text: &str| number(text, |value| len_of(value, large.len_max));
    match (key.as_bytes().first(), input, value) {
        (Some(b'g'), Input::Append(_), Value::Integer(len)) => {
            let piece = PIECE as i64;
            (len % piece == 0).then_some(Output::Number(len / piece))
        }
        (Some(b'g'), Input::Items, Value::Null) => Some(Output::List(Vec::new())),
        (Some(b'g'), Input::Items, value) => {
            let text = value.as_str()?;
            let pieces = (0..text.len()).step_by(PIECE);
            let one = |at: usize| number(text.get(at..at + PIECE)?, |_| PIECE);
            pieces.map(one).collect::<Option<_>>().map(Output::List)
        }
        (Some(b'z'), Input::Write(_), Value::Integer(len)) => {
            (*len as usize == offset(key) + DIGITS).then_some(Output::Done)
        }
        (Some(b'z'), Input::Read, value) => match value.as_str()? {
            "" => Some(Output::Value(None)),
            text => number(text, |_| DIGITS).map(|value| Output::Value(Some(value))),
        },
        (_, Input::Write(_), Value::Simple(_)) => Some(Output::Done),
        (Some(b'w'), Input::Read, Value::Array(parts)) => {
            let first = parts.first()?;
            (parts.len() == TOGETHER && parts.iter().all(|part| part == first)).then_some(())?;
            output("b", input, first, large)
        }
        (_, Input::Read, Value::Null) => Some(Output::Value(None)),
        (_, Input::Read, value) => long(value.as_str()?).map(|value| Output::Value(Some(value))),
        _ => None,
    }
}

impl World {
    /// The run has long values; up to which length.
    pub(crate) fn lengthen_values(&mut self, random: &mut Random) -> String {
        self.large.len_max = random.skewed(LEN_MAX.0, LEN_MAX.1);
        self.large.random = Some(random.split());
        format!("values of up to {} bytes", self.large.len_max)
    }

    /// Whether the client turns to long values now.
    pub(super) fn ask_large(&mut self, at: usize) -> bool {
        let Some(mut random) = self.large.random.take() else { return false };
        let deaf = self.clients[at].deaf_until > self.time;
        let asks = random.permille(if deaf { 800 } else { SHARE });
        if deaf && asks {
            self.ask_much(at, &mut random);
        } else if asks {
            self.draw_large(at, &mut random);
        }
        self.large.random = Some(random);
        asks
    }

    fn draw_large(&mut self, at: usize, random: &mut Random) {
        let n = random.below(2);
        let (kind, n, input) = match random.below(100) {
            0..18 => ('b', n, Input::Write(self.fresh())),
            18..35 => ('b', n, Input::Read),
            35..42 => ('w', n, Input::Write(self.fresh())),
            42..50 => ('w', n, Input::Read),
            50..60 => ('z', n, Input::Write(self.fresh())),
            60..68 => ('z', n, Input::Read),
            68..84 => {
                self.large.appended += 1;
                ('g', self.large.appended / PIECES_MAX, Input::Append(self.fresh()))
            }
            84..92 => ('g', self.large.appended / PIECES_MAX, Input::Items),
            92..96 => return self.ask_beyond(at),
            _ => return self.ask_much(at, random),
        };
        self.ask_long(at, kind, n, input);
    }

    fn ask_long(&mut self, at: usize, kind: char, n: u64, input: Input) {
        if !input.is_read() {
            self.count(Fault::LargeValues);
        }
        let key = self.key(kind, n);
        self.ask(at, key, input);
    }

    /// Reads much, and asks for more when that may be there and not be read yet.
    fn ask_much(&mut self, at: usize, random: &mut Random) {
        let value = self.fresh_and_long();
        let n = random.below(2);
        self.ask_long(at, 'w', n, Input::Write(value));
        for _ in 0..random.between(3, 6) {
            self.ask_long(at, 'w', n, Input::Read);
        }
        let halfway_us = self.time + random.between(HALFWAY_US.0, HALFWAY_US.1);
        let client = &mut self.clients[at];
        client.to_node_us = client.to_node_us.max(halfway_us);
        for _ in 0..random.between(1, 3) {
            let input = if random.permille(500) { Input::Write(self.fresh()) } else { Input::Read };
            self.ask_long(at, 'b', random.below(2), input);
        }
    }

    /// A value that nobody has written yet, and that is longer than most.
    fn fresh_and_long(&mut self) -> u64 {
        let mut value = self.fresh();
        for _ in 0..TRIES {
            if len_of(value, self.large.len_max) as u64 > self.large.len_max / 2 {
                break;
            }
            value = self.fresh();
        }
        value
    }

    /// Asks for a value that is longer than one may be.
    fn ask_beyond(&mut self, at: usize) {
        let request = words(&["SETRANGE", "beyond", &BEYOND.to_string(), "0123456789"]);
        self.request(at, request, Waiting::Beyond);
    }

    pub(super) fn beyond_answered(&mut self, at: usize, value: &Value) {
        match value {
            Value::Error(text) => {
                let refused = text.starts_with("ERR string exceeds maximum allowed size");
                if refused {
                    self.clients[at].served += 1;
                } else if super::replies::fate(text).is_none() {
                    self.fail("replies", format!("a value that is too long was answered {text}"));
                }
            }
            value => {
                self.fail("limits", format!("a value that is too long was answered {value:?}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_or_made_of_two_is_no_value() {
        let large = Large { len_max: 900, ..Large::default() };
        let text = |value| String::from_utf8(filled(value, len_of(value, 900))).expect("ASCII");
        let read = |text: &str| output("b0", &Input::Read, &Value::Bulk(text.into()), &large);
        let whole = text(7);
        assert!(whole.len() > DIGITS);
        assert_eq!(read(&whole), Some(Output::Value(Some(7))));
        assert_eq!(read(&whole[..whole.len() - 1]), None);
        assert_eq!(read(&(whole.clone() + "x")), None);
        let piece = String::from_utf8(filled(3, PIECE)).expect("ASCII");
        let items = |text: String| output("g0", &Input::Items, &Value::Bulk(text.into()), &large);
        assert_eq!(items(piece.repeat(2)), Some(Output::List(vec![3, 3])));
        assert_eq!(items(piece[1..].to_owned()), None);
    }
}
