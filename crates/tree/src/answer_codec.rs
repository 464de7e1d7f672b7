//! Replies as bytes, on their way from the replica that executed to the gate that asked.

use crate::acl::Acl;
use crate::answer::{Answer, Census, Reply};
use crate::code::Code;
use crate::codec::{
    put_list, put_signed, put_str, take_byte, take_int, take_list, take_signed, take_str,
};
use crate::events::{Event, Kind};
use crate::stat::Stat;
use synod_types::varint;

impl Reply {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.zxid);
        self.answer.encode(out);
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let zxid = take_signed(&mut bytes)?;
        let answer = Answer::take(&mut bytes)?;
        bytes.is_empty().then_some(Self { zxid, answer })
    }
}

impl Answer {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Error(code) => {
                out.push(0);
                put_signed(out, code.number().into());
            }
            Self::Done => out.push(1),
            Self::Session { id, password, timeout_ms } => {
                out.push(2);
                put_signed(out, *id);
                out.extend_from_slice(password);
                varint::put(out, (*timeout_ms).into());
            }
            Self::Created { path, stat } => {
                out.push(if stat.is_some() { 4 } else { 3 });
                put_str(out, path);
                if let Some(stat) = stat {
                    stat.encode(out);
                }
            }
            Self::Stat(stat) => {
                out.push(5);
                stat.encode(out);
            }
            Self::Data { data, stat } => {
                out.push(if data.is_some() { 6 } else { 15 });
                if let Some(data) = data {
                    varint::put_bytes(out, data);
                }
                stat.encode(out);
            }
            Self::Sessions(sessions) => {
                out.push(16);
                put_list(out, sessions, |out, (id, paths)| {
                    put_signed(out, *id);
                    put_list(out, paths, |out, path| put_str(out, path));
                });
            }
            Self::Census(Census { znodes, ephemerals, bytes, sessions }) => {
                out.push(17);
                for n in [znodes, ephemerals, bytes, sessions] {
                    varint::put(out, *n);
                }
            }
            Self::Children { names, stat } => {
                out.push(7);
                put_list(out, names, |out, name| put_str(out, name));
                stat.encode(out);
            }
            Self::Acl { acl, stat } => {
                out.push(8);
                put_list(out, acl, |out, entry| entry.encode(out));
                stat.encode(out);
            }
            Self::Multi(answers) => {
                out.push(9);
                put_list(out, answers, |out, answer| answer.encode(out));
            }
            Self::Paths(paths) => {
                out.push(10);
                put_list(out, paths, |out, path| put_str(out, path));
            }
            Self::Number(n) => {
                out.push(11);
                put_signed(out, i64::from(*n));
            }
            Self::Missed(missed) => {
                out.push(12);
                put_list(out, missed, |out, (kind, path)| {
                    out.push(*kind as u8);
                    put_str(out, path);
                });
            }
            Self::Events(None) => out.push(13),
            Self::Events(Some(events)) => {
                out.push(14);
                put_list(out, events, |out, event| event.encode(out));
            }
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        match take_byte(bytes)? {
            9 => Some(Self::Multi(take_list(bytes, |bytes| {
                let tag = take_byte(bytes)?;
                Self::take_single(tag, bytes)
            })?)),
            tag => Self::take_single(tag, bytes),
        }
    }

    fn take_single(tag: u8, bytes: &mut &[u8]) -> Option<Self> {
        let own = |text: &str| text.to_owned();
        Some(match tag {
            0 => Self::Error(Code::from_number(take_int(bytes)?)?),
            1 => Self::Done,
            2 => {
                let id = take_signed(bytes)?;
                let (password, rest) = bytes.split_first_chunk::<16>()?;
                *bytes = rest;
                let timeout_ms = varint::take(bytes)?.try_into().ok()?;
                Self::Session { id, password: *password, timeout_ms }
            }
            3 => Self::Created { path: own(take_str(bytes)?), stat: None },
            4 => Self::Created { path: own(take_str(bytes)?), stat: Some(Stat::take(bytes)?) },
            5 => Self::Stat(Stat::take(bytes)?),
            6 => {
                let data = Some(varint::take_bytes(bytes)?.to_vec());
                Self::Data { data, stat: Stat::take(bytes)? }
            }
            15 => Self::Data { data: None, stat: Stat::take(bytes)? },
            16 => Self::Sessions(take_list(bytes, |bytes| {
                let id = take_signed(bytes)?;
                Some((id, take_list(bytes, |bytes| take_str(bytes).map(own))?))
            })?),
            17 => Self::Census(Census {
                znodes: varint::take(bytes)?,
                ephemerals: varint::take(bytes)?,
                bytes: varint::take(bytes)?,
                sessions: varint::take(bytes)?,
            }),
            7 => {
                let names = take_list(bytes, |bytes| take_str(bytes).map(own))?;
                Self::Children { names, stat: Stat::take(bytes)? }
            }
            8 => Self::Acl { acl: Acl::take_all(bytes)?, stat: Stat::take(bytes)? },
            10 => Self::Paths(take_list(bytes, |bytes| take_str(bytes).map(own))?),
            11 => Self::Number(take_int(bytes)?),
            12 => Self::Missed(take_list(bytes, |bytes| {
                Some((Kind::from_byte(take_byte(bytes)?)?, own(take_str(bytes)?)))
            })?),
            13 => Self::Events(None),
            14 => Self::Events(Some(take_list(bytes, Event::take)?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::What;

    #[test]
    fn every_reply_round_trips_and_no_prefix_of_one_is_taken_for_another() {
        let stat = Stat { czxid: 9, version: -1, pzxid: i64::MAX, ..Stat::default() };
        let path = || "/a".to_owned();
        let happened = What::Node(Kind::Deleted, path().into());
        let answers = [
            Answer::Error(Code::NoNode),
            Answer::Done,
            Answer::Session { id: -3, password: [1; 16], timeout_ms: 9_000 },
            Answer::Created { path: path(), stat: None },
            Answer::Created { path: path(), stat: Some(stat) },
            Answer::Stat(stat),
            Answer::Data { data: Some(vec![0; 200]), stat },
            Answer::Data { data: None, stat },
            Answer::Sessions(vec![(-1, vec![path()]), (7, vec![])]),
            Answer::Census(Census { znodes: 1, ephemerals: 300, bytes: 1 << 40, sessions: 0 }),
            Answer::Children { names: vec![path(), String::new()], stat },
            Answer::Acl { acl: Acl::open(), stat },
            Answer::Multi(vec![Answer::Done, Answer::Error(Code::Ok), Answer::Stat(stat)]),
            Answer::Paths(vec![path()]),
            Answer::Number(-1),
            Answer::Missed(vec![(Kind::Created, path())]),
            Answer::Events(None),
            Answer::Events(Some(vec![
                Event { zxid: 4, what: happened },
                Event { zxid: 5, what: What::SessionEnded(7) },
                Event { zxid: 6, what: What::SessionMoved(7, 8) },
            ])),
        ];
        for answer in answers {
            let reply = Reply { zxid: 1 << 33, answer };
            let mut bytes = Vec::new();
            reply.encode(&mut bytes);
            assert_eq!(Reply::decode(&bytes).as_ref(), Some(&reply));
            for cut in 0..bytes.len() {
                assert_eq!(Reply::decode(&bytes[..cut]), None);
            }
        }
    }
}
