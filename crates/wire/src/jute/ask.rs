//! Requests as a client writes them: the mirror of [`Request::decode`].

use super::request::{AclEntry, Op, Request, WatchPaths, opcode};
use super::write::{put_buffer, put_frame, put_int, put_long, put_string};

/// Appends a client's first message, which opens a new session.
pub fn put_connect(out: &mut Vec<u8>, timeout_ms: i32) {
    put_frame(out, |out| {
        put_int(out, 0);
        put_long(out, 0);
        put_int(out, timeout_ms);
        put_long(out, 0);
        put_buffer(out, &[0; 16]);
        out.push(0); // a server that cannot write will not do
    });
}

impl Request<'_> {
    /// Appends it with its length.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_frame(out, |out| {
            put_int(out, self.xid);
            put_int(out, self.op.number());
            self.op.put(out);
        });
    }
}

impl Op<'_> {
    /// The opcode.
    #[must_use]
    pub fn number(&self) -> i32 {
        match self {
            Self::Create { number, .. } | Self::Other(number) => *number,
            Self::Delete { .. } => opcode::DELETE,
            Self::Exists { .. } => opcode::EXISTS,
            Self::GetData { .. } => opcode::GET_DATA,
            Self::SetData { .. } => opcode::SET_DATA,
            Self::GetAcl { .. } => opcode::GET_ACL,
            Self::SetAcl { .. } => opcode::SET_ACL,
            Self::GetChildren { with_stat: false, .. } => opcode::GET_CHILDREN,
            Self::GetChildren { with_stat: true, .. } => opcode::GET_CHILDREN2,
            Self::Sync { .. } => opcode::SYNC,
            Self::Ping => opcode::PING,
            Self::Check { .. } => opcode::CHECK,
            Self::Multi(_) => opcode::MULTI,
            Self::MultiRead(_) => opcode::MULTI_READ,
            Self::AddWatch { .. } => opcode::ADD_WATCH,
            Self::WhoAmI => opcode::WHO_AM_I,
            Self::RemoveWatches { check_only: true, .. } => opcode::CHECK_WATCHES,
            Self::RemoveWatches { check_only: false, .. } => opcode::REMOVE_WATCHES,
            Self::Auth { .. } => opcode::AUTH,
            Self::SetWatches(paths) if paths.stays() => opcode::SET_WATCHES2,
            Self::SetWatches(_) => opcode::SET_WATCHES,
            Self::GetEphemerals { .. } => opcode::GET_EPHEMERALS,
            Self::GetAllChildrenNumber { .. } => opcode::GET_ALL_CHILDREN_NUMBER,
            Self::Close => opcode::CLOSE,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create { path, data, acl, flags, ttl, .. } => {
                put_string(out, path);
                put_data(out, *data);
                put_acl(out, acl);
                put_int(out, *flags);
                ttl.iter().for_each(|ms| put_long(out, *ms));
            }
            Self::Delete { path, version } | Self::Check { path, version } => {
                put_string(out, path);
                put_int(out, *version);
            }
            Self::Exists { path, watch }
            | Self::GetData { path, watch }
            | Self::GetChildren { path, watch, .. } => {
                put_string(out, path);
                out.push(u8::from(*watch));
            }
            Self::SetData { path, data, version } => {
                put_string(out, path);
                put_data(out, *data);
                put_int(out, *version);
            }
            Self::SetAcl { path, acl, version } => {
                put_string(out, path);
                put_acl(out, acl);
                put_int(out, *version);
            }
            Self::GetAcl { path }
            | Self::Sync { path }
            | Self::GetAllChildrenNumber { path }
            | Self::GetEphemerals { prefix: path } => put_string(out, path),
            Self::Multi(ops) | Self::MultiRead(ops) => {
                for op in ops {
                    put_int(out, op.number());
                    out.push(0);
                    put_int(out, -1);
                    op.put(out);
                }
                put_int(out, -1);
                out.push(1);
                put_int(out, -1);
            }
            Self::AddWatch { path, recursive } => {
                put_string(out, path);
                put_int(out, i32::from(*recursive));
            }
            Self::RemoveWatches { path, kind, .. } => {
                put_string(out, path);
                put_int(out, *kind);
            }
            Self::Auth { scheme, auth } => {
                put_int(out, 0);
                put_string(out, scheme);
                put_buffer(out, auth);
            }
            Self::SetWatches(paths) => paths.put(out),
            Self::Ping | Self::WhoAmI | Self::Close | Self::Other(_) => {}
        }
    }
}

impl WatchPaths<'_> {
    fn stays(&self) -> bool {
        !(self.persistent.is_empty() && self.recursive.is_empty())
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_long(out, self.relative_zxid);
        let standing = if self.stays() { &[&self.persistent, &self.recursive][..] } else { &[] };
        for paths in
            [&self.data, &self.exist, &self.child].into_iter().chain(standing.iter().copied())
        {
            put_count(out, paths.len());
            paths.iter().for_each(|path| put_string(out, path));
        }
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    put_int(out, i32::try_from(count).unwrap_or(i32::MAX));
}

fn put_data(out: &mut Vec<u8>, data: Option<&[u8]>) {
    match data {
        Some(data) => put_buffer(out, data),
        None => put_int(out, -1),
    }
}

fn put_acl(out: &mut Vec<u8>, acl: &[AclEntry<'_>]) {
    put_count(out, acl.len());
    for AclEntry { perms, scheme, id } in acl {
        put_int(out, *perms);
        put_string(out, scheme);
        put_string(out, id);
    }
}
