//! Calls as the bodies of operations.
//!
//! ```text
//! call:  session | owner | identities | tag u8 | fields
//! ```

use crate::acl::{Acl, Id};
use crate::call::{Call, Change, Fading, Mode, Read, Request, Watched};
use crate::codec::{
    put_list, put_signed, put_str, take_byte, take_int, take_list, take_signed, take_str,
};
use crate::contend::Contend;
use crate::limits::MULTI_MAX;
use crate::tree::Tree;
use synod_machine::{MachineId, Operation};
use synod_types::varint;

/// The tags of requests, and of changes within a multi.
mod tag {
    pub const OPEN: u8 = 1;
    pub const ATTACH: u8 = 2;
    pub const CLOSE: u8 = 3;
    pub const EXPIRE: u8 = 4;
    pub const CREATE: u8 = 5;
    pub const DELETE: u8 = 6;
    pub const SET_DATA: u8 = 7;
    pub const CHECK: u8 = 8;
    pub const SET_ACL: u8 = 9;
    pub const MULTI: u8 = 10;
    pub const EXISTS: u8 = 11;
    pub const GET_DATA: u8 = 12;
    pub const GET_CHILDREN: u8 = 13;
    pub const GET_ACL: u8 = 14;
    pub const GET_EPHEMERALS: u8 = 15;
    pub const COUNT_CHILDREN: u8 = 16;
    pub const SYNC: u8 = 17;
    pub const MISSED: u8 = 18;
    pub const EVENTS: u8 = 19;
    pub const TOUCH: u8 = 20;
    pub const REAP: u8 = 21;
    pub const MULTI_READ: u8 = 22;
    pub const SET_NULL: u8 = 23;
    pub const DUMP: u8 = 24;
    pub const CENSUS: u8 = 25;
    pub const CONTEND: u8 = 26;
    pub const RECOGNISE: u8 = 27;
}

const EPHEMERAL: u8 = 1;
const SEQUENTIAL: u8 = 2;
const WITH_STAT: u8 = 4;
/// Without data, which is not the same as empty data.
const NULL: u8 = 8;
const CONTAINER: u8 = 16;
/// The time to live follows.
const TTL: u8 = 32;

impl<'a> Call<'a> {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.session);
        varint::put(out, self.owner);
        put_list(out, &self.ids, |out, id| id.encode(out));
        self.request.encode(out);
    }

    /// Reads what [`Self::encode`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn decode(mut bytes: &'a [u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let call = Self {
            session: take_signed(bytes)?,
            owner: varint::take(bytes)?,
            ids: Id::take_all(bytes)?,
            request: Request::take(bytes)?,
        };
        bytes.is_empty().then_some(call)
    }

    /// The change behind which an operation asks what has happened; `None` if it asks something else.
    #[must_use]
    pub fn follows(op: &Operation<'_>) -> Option<i64> {
        match sessionless(op)?.request {
            Request::Events { since } => Some(since),
            _ => None,
        }
    }

    /// The contender whose place in line an operation asks for: the lock, and the token.
    #[must_use]
    pub fn awaits(op: &Operation<'a>) -> Option<(&'a str, i64)> {
        match sessionless(op)?.request {
            Request::Contend(Contend::Await { path, token }) => Some((path, token)),
            _ => None,
        }
    }

    /// The session of the lease that an operation asks to begin anew, and its new length in milliseconds.
    #[must_use]
    pub fn renews(op: &Operation<'_>, tree: Option<&Tree>) -> Option<(i64, u32)> {
        match sessionless(op)?.request {
            Request::Contend(Contend::Renew { path, token, lease_ms }) => {
                Some((tree?.leased(path, token)?, lease_ms))
            }
            _ => None,
        }
    }

    /// The sessions that are heard from by an operation: its own, those that it says, and that of the lease that it is about.
    #[must_use]
    pub fn touched(op: &Operation<'_>, tree: Option<&Tree>) -> Vec<i64> {
        if op.machine != MachineId::TREE {
            return Vec::new();
        }
        let mut body = op.body;
        match take_signed(&mut body) {
            Some(0) => match Call::decode(op.body).map(|call| call.request) {
                Some(Request::Touch(sessions)) => sessions,
                Some(Request::Contend(
                    Contend::Renew { path, token, .. } | Contend::Await { path, token },
                )) => tree.and_then(|tree| tree.leased(path, token)).into_iter().collect(),
                _ => Vec::new(),
            },
            own => own.into_iter().collect(),
        }
    }
}

/// The call of an operation of a tree, if no session's: most are, and are not read for what only these ask.
fn sessionless<'a>(op: &Operation<'a>) -> Option<Call<'a>> {
    let no_session = op.machine == MachineId::TREE && take_signed(&mut &*op.body) == Some(0);
    no_session.then(|| Call::decode(op.body)).flatten()
}

impl<'a> Change<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create { path, data, acl, mode, with_stat } => {
                out.push(tag::CREATE);
                put_str(out, path);
                varint::put_bytes(out, data.unwrap_or_default());
                put_list(out, acl, |out, entry| entry.encode(out));
                put_mode(out, *mode, *with_stat, data.is_none());
            }
            Self::Delete { path, version } => {
                out.push(tag::DELETE);
                put_str(out, path);
                put_signed(out, i64::from(*version));
            }
            Self::SetData { path, data, version } => {
                out.push(if data.is_some() { tag::SET_DATA } else { tag::SET_NULL });
                put_str(out, path);
                if let Some(data) = data {
                    varint::put_bytes(out, data);
                }
                put_signed(out, i64::from(*version));
            }
            Self::Check { path, version } => {
                out.push(tag::CHECK);
                put_str(out, path);
                put_signed(out, i64::from(*version));
            }
        }
    }

    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let tag = take_byte(bytes)?;
        Self::take_tagged(tag, bytes)
    }

    fn take_tagged(tag: u8, bytes: &mut &'a [u8]) -> Option<Self> {
        let path = take_str(bytes)?;
        Some(match tag {
            tag::CREATE => {
                let data = varint::take_bytes(bytes)?;
                let acl = Acl::take_all(bytes)?;
                let flags = take_byte(bytes)?;
                let fading = match flags & (CONTAINER | TTL) {
                    0 => Fading::No,
                    CONTAINER => Fading::Childless,
                    TTL => Fading::After(varint::take(bytes)?),
                    _ => return None,
                };
                let mode = Mode {
                    ephemeral: flags & EPHEMERAL != 0,
                    sequential: flags & SEQUENTIAL != 0,
                    fading,
                };
                let data = (flags & NULL == 0).then_some(data);
                Self::Create { path, data, acl, mode, with_stat: flags & WITH_STAT != 0 }
            }
            tag::DELETE => Self::Delete { path, version: take_int(bytes)? },
            tag::SET_DATA => {
                let data = Some(varint::take_bytes(bytes)?);
                Self::SetData { path, data, version: take_int(bytes)? }
            }
            tag::SET_NULL => Self::SetData { path, data: None, version: take_int(bytes)? },
            tag::CHECK => Self::Check { path, version: take_int(bytes)? },
            _ => return None,
        })
    }
}

fn put_mode(out: &mut Vec<u8>, mode: Mode, with_stat: bool, null: bool) {
    let flag = |set, bit| if set { bit } else { 0 };
    let fading = match mode.fading {
        Fading::No => 0,
        Fading::Childless => CONTAINER,
        Fading::After(_) => TTL,
    };
    out.push(
        flag(mode.ephemeral, EPHEMERAL)
            | flag(mode.sequential, SEQUENTIAL)
            | flag(with_stat, WITH_STAT)
            | flag(null, NULL)
            | fading,
    );
    if let Fading::After(ms) = mode.fading {
        varint::put(out, ms);
    }
}

impl<'a> Read<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        let (tag, path) = match self {
            Self::Data(path) => (tag::GET_DATA, path),
            Self::Children(path) => (tag::GET_CHILDREN, path),
        };
        out.push(tag);
        put_str(out, path);
    }

    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        match take_byte(bytes)? {
            tag::GET_DATA => Some(Self::Data(take_str(bytes)?)),
            tag::GET_CHILDREN => Some(Self::Children(take_str(bytes)?)),
            _ => None,
        }
    }
}

impl<'a> Request<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut path = |tag, path: &str| {
            out.push(tag);
            put_str(out, path);
        };
        match self {
            Self::Exists(at) => path(tag::EXISTS, at),
            Self::GetData(at) => path(tag::GET_DATA, at),
            Self::GetChildren(at) => path(tag::GET_CHILDREN, at),
            Self::GetAcl(at) => path(tag::GET_ACL, at),
            Self::GetEphemerals(at) => path(tag::GET_EPHEMERALS, at),
            Self::CountChildren(at) => path(tag::COUNT_CHILDREN, at),
            Self::Close => out.push(tag::CLOSE),
            Self::Sync => out.push(tag::SYNC),
            Self::Change(change) => change.encode(out),
            Self::Open { timeout_ms } => {
                out.push(tag::OPEN);
                varint::put(out, (*timeout_ms).into());
            }
            Self::Attach { password, timeout_ms } => {
                out.push(tag::ATTACH);
                out.extend_from_slice(password);
                varint::put(out, (*timeout_ms).into());
            }
            Self::Recognise { password } => {
                out.push(tag::RECOGNISE);
                out.extend_from_slice(password);
            }
            Self::Expire(sessions) => put_sessions(out, tag::EXPIRE, sessions),
            Self::Touch(sessions) => put_sessions(out, tag::TOUCH, sessions),
            Self::SetAcl { path, acl, version } => {
                out.push(tag::SET_ACL);
                put_str(out, path);
                put_list(out, acl, |out, entry| entry.encode(out));
                put_signed(out, i64::from(*version));
            }
            Self::Multi(changes) => {
                out.push(tag::MULTI);
                put_list(out, changes, |out, change| change.encode(out));
            }
            Self::Reap(paths) => {
                out.push(tag::REAP);
                put_list(out, paths, |out, path| put_str(out, path));
            }
            Self::MultiRead(reads) => {
                out.push(tag::MULTI_READ);
                put_list(out, reads, |out, read| read.encode(out));
            }
            Self::Contend(ask) => {
                out.push(tag::CONTEND);
                ask.encode(out);
            }
            Self::Dump => out.push(tag::DUMP),
            Self::Census => out.push(tag::CENSUS),
            Self::Missed { since, watched } => {
                out.push(tag::MISSED);
                put_signed(out, *since);
                for paths in [&watched.data, &watched.exist, &watched.child] {
                    put_list(out, paths, |out, path| put_str(out, path));
                }
            }
            Self::Events { since } => {
                out.push(tag::EVENTS);
                put_signed(out, *since);
            }
        }
    }

    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let tag = take_byte(bytes)?;
        Some(match tag {
            tag::OPEN => Self::Open { timeout_ms: varint::take(bytes)?.try_into().ok()? },
            tag::ATTACH => {
                let (password, rest) = bytes.split_first_chunk::<16>()?;
                *bytes = rest;
                let timeout_ms = varint::take(bytes)?.try_into().ok()?;
                Self::Attach { password: *password, timeout_ms }
            }
            tag::RECOGNISE => {
                let (password, rest) = bytes.split_first_chunk::<16>()?;
                *bytes = rest;
                Self::Recognise { password: *password }
            }
            tag::CLOSE => Self::Close,
            tag::EXPIRE => Self::Expire(take_list(bytes, take_signed)?),
            tag::TOUCH => Self::Touch(take_list(bytes, take_signed)?),
            tag::SET_ACL => Self::SetAcl {
                path: take_str(bytes)?,
                acl: Acl::take_all(bytes)?,
                version: take_int(bytes)?,
            },
            tag::MULTI => {
                let changes = take_list(bytes, Change::take)?;
                if changes.len() > MULTI_MAX {
                    return None;
                }
                Self::Multi(changes)
            }
            tag::REAP => Self::Reap(take_list(bytes, take_str)?),
            tag::MULTI_READ => {
                let reads = take_list(bytes, Read::take)?;
                if reads.len() > MULTI_MAX {
                    return None;
                }
                Self::MultiRead(reads)
            }
            tag::CONTEND => Self::Contend(Contend::take(bytes)?),
            tag::DUMP => Self::Dump,
            tag::CENSUS => Self::Census,
            tag::EXISTS => Self::Exists(take_str(bytes)?),
            tag::GET_DATA => Self::GetData(take_str(bytes)?),
            tag::GET_CHILDREN => Self::GetChildren(take_str(bytes)?),
            tag::GET_ACL => Self::GetAcl(take_str(bytes)?),
            tag::GET_EPHEMERALS => Self::GetEphemerals(take_str(bytes)?),
            tag::COUNT_CHILDREN => Self::CountChildren(take_str(bytes)?),
            tag::SYNC => Self::Sync,
            tag::MISSED => {
                let since = take_signed(bytes)?;
                let data = take_list(bytes, take_str)?;
                let exist = take_list(bytes, take_str)?;
                let child = take_list(bytes, take_str)?;
                Self::Missed { since, watched: Watched { data, exist, child } }
            }
            tag::EVENTS => Self::Events { since: take_signed(bytes)? },
            change => Self::Change(Change::take_tagged(change, bytes)?),
        })
    }
}

impl<'a> Contend<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, path: &str, token: i64, lease_ms: u32| {
            out.push(kind);
            put_str(out, path);
            put_signed(out, token);
            varint::put(out, lease_ms.into());
        };
        match self {
            Self::Enqueue { path, lease_ms, shared, wait } => {
                put(u8::from(*shared) | u8::from(*wait) << 1, path, 0, *lease_ms);
            }
            Self::Renew { path, token, lease_ms } => put(4, path, *token, *lease_ms),
            Self::Leave { path, token } => put(5, path, *token, 0),
            Self::Await { path, token } => put(6, path, *token, 0),
            Self::Inspect { path } => put(7, path, 0, 0),
        }
    }

    fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let kind = take_byte(bytes)?;
        let (path, token) = (take_str(bytes)?, take_signed(bytes)?);
        let lease_ms = varint::take(bytes)?.try_into().ok()?;
        Some(match kind {
            0..=3 => Self::Enqueue { path, lease_ms, shared: kind & 1 != 0, wait: kind & 2 != 0 },
            4 => Self::Renew { path, token, lease_ms },
            5 => Self::Leave { path, token },
            6 => Self::Await { path, token },
            7 => Self::Inspect { path },
            _ => return None,
        })
    }
}

fn put_sessions(out: &mut Vec<u8>, tag: u8, sessions: &[i64]) {
    out.push(tag);
    put_list(out, sessions, |out, session| put_signed(out, *session));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_round_trips_and_no_prefix_of_one_is_taken_for_another() {
        let mode = Mode { ephemeral: true, sequential: true, fading: Fading::No };
        let create = Change::Create {
            path: "/a",
            data: Some(b"d"),
            acl: Acl::open(),
            mode,
            with_stat: true,
        };
        let faded = |fading, data| Change::Create {
            path: "/f",
            data,
            acl: Vec::new(),
            mode: Mode { fading, ..Mode::default() },
            with_stat: false,
        };
        let requests = [
            Request::Open { timeout_ms: 10_000 },
            Request::Attach { password: [7; 16], timeout_ms: 4_000 },
            Request::Close,
            Request::Recognise { password: [9; 16] },
            Request::Expire(vec![1, i64::MIN, i64::MAX]),
            Request::Change(create.clone()),
            Request::Change(Change::Delete { path: "/a", version: -1 }),
            Request::SetAcl { path: "/a", acl: Acl::open(), version: 3 },
            Request::Change(faded(Fading::Childless, None)),
            Request::Change(faded(Fading::After(1 << 39), Some(b""))),
            Request::Reap(vec!["/a", "/b"]),
            Request::MultiRead(vec![Read::Data("/a"), Read::Children("/")]),
            Request::Contend(Contend::Enqueue {
                path: "/l",
                lease_ms: 300,
                shared: true,
                wait: false,
            }),
            Request::Contend(Contend::Renew { path: "/l", token: 1 << 40, lease_ms: 1 }),
            Request::Contend(Contend::Leave { path: "/l", token: 7 }),
            Request::Contend(Contend::Await { path: "/l", token: 7 }),
            Request::Contend(Contend::Inspect { path: "/l" }),
            Request::Dump,
            Request::Census,
            Request::Multi(vec![
                create,
                Change::SetData { path: "/b", data: Some(b""), version: i32::MAX },
                Change::SetData { path: "/b", data: None, version: 0 },
                Change::Check { path: "/c", version: 0 },
            ]),
            Request::Exists("/"),
            Request::GetData("/a"),
            Request::GetChildren("/a"),
            Request::GetAcl("/a"),
            Request::GetEphemerals("/"),
            Request::CountChildren("/"),
            Request::Sync,
            Request::Missed {
                since: 300,
                watched: Watched { data: vec!["/a"], exist: vec![], child: vec!["/b", "/c"] },
            },
            Request::Events { since: 1 << 40 },
            Request::Touch(vec![]),
        ];
        for request in requests {
            let ids = vec![Id::new("ip", "::1")];
            let call = Call { session: -5, owner: 1 << 50, ids, request };
            let mut bytes = Vec::new();
            call.encode(&mut bytes);
            assert_eq!(Call::decode(&bytes).as_ref(), Some(&call));
            for cut in 0..bytes.len() {
                assert_eq!(Call::decode(&bytes[..cut]), None);
            }
        }
    }
}
