//! From jute's requests to calls of the tree.

use crate::pending::{Pending, WatchWish};
use synod_tree::{Acl, Change, Id, Mode, Request, Watched};
use synod_wire::jute::{AclEntry, Op, opcode};

/// ZooKeeper's number for a request that is not served.
pub(crate) const UNIMPLEMENTED: i32 = -6;
/// ZooKeeper's number for arguments that make no sense.
pub(crate) const BAD_ARGUMENTS: i32 = -8;

/// What a request asks of the tree, and what is to be made of the answer.
pub(crate) type Asked<'a> = Result<(Request<'a>, Pending), i32>;

/// Translates a request; `Err` is the code to answer at once.
pub(crate) fn translate<'a>(op: &Op<'a>) -> Asked<'a> {
    let watch = |wanted: bool, path: &str, child, absent| {
        wanted.then(|| WatchWish { path: path.to_owned(), child, absent })
    };
    Ok(match op {
        Op::Exists { path, watch: wanted } => {
            (Request::Exists(path), Pending::Plain(watch(*wanted, path, false, true)))
        }
        Op::GetData { path, watch: wanted } => {
            (Request::GetData(path), Pending::Plain(watch(*wanted, path, false, false)))
        }
        Op::GetChildren { path, watch: wanted, with_stat } => {
            let wish = watch(*wanted, path, true, false);
            (Request::GetChildren(path), Pending::Children { with_stat: *with_stat, wish })
        }
        Op::GetAcl { path } => (Request::GetAcl(path), Pending::Plain(None)),
        Op::SetAcl { path, acl, version } => {
            let request = Request::SetAcl { path, acl: list(acl), version: *version };
            (request, Pending::Plain(None))
        }
        Op::Sync { path } => (Request::Sync, Pending::Sync((*path).to_owned())),
        Op::GetEphemerals { prefix } => (Request::GetEphemerals(prefix), Pending::Plain(None)),
        Op::GetAllChildrenNumber { path } => (Request::CountChildren(path), Pending::Plain(None)),
        Op::Multi(ops) => {
            let changes = ops.iter().map(change).collect::<Result<Vec<_>, i32>>()?;
            (Request::Multi(changes), Pending::Multi(ops.iter().map(number).collect()))
        }
        Op::SetWatches(paths) => {
            let watched = Watched {
                data: paths.data.clone(),
                exist: paths.exist.clone(),
                child: paths.child.clone(),
            };
            let own = |paths: &[&str]| paths.iter().map(ToString::to_string).collect();
            let pending = Pending::SetWatches {
                data: own(&paths.data),
                exist: own(&paths.exist),
                child: own(&paths.child),
            };
            (Request::Missed { since: paths.relative_zxid, watched }, pending)
        }
        Op::Close => (Request::Close, Pending::Close),
        // A check stands only in a multi.
        Op::Check { .. } => return Err(UNIMPLEMENTED),
        Op::Create { .. } | Op::Delete { .. } | Op::SetData { .. } => {
            (Request::Change(change(op)?), Pending::Plain(None))
        }
        Op::Ping | Op::Auth { .. } | Op::RemoveWatches { .. } | Op::Other(_) => {
            return Err(UNIMPLEMENTED);
        }
    })
}

fn change<'a>(op: &Op<'a>) -> Result<Change<'a>, i32> {
    Ok(match op {
        Op::Create { path, data, acl, flags, with_stat } => Change::Create {
            path,
            data,
            acl: list(acl),
            mode: mode(*flags)?,
            with_stat: *with_stat,
        },
        Op::Delete { path, version } => Change::Delete { path, version: *version },
        Op::SetData { path, data, version } => Change::SetData { path, data, version: *version },
        Op::Check { path, version } => Change::Check { path, version: *version },
        _ => return Err(UNIMPLEMENTED),
    })
}

/// `CreateMode`. Containers (4) and znodes with a time to live (5, 6) are not served.
fn mode(flags: i32) -> Result<Mode, i32> {
    match flags {
        0..=3 => Ok(Mode { ephemeral: flags & 1 != 0, sequential: flags & 2 != 0 }),
        4..=6 => Err(UNIMPLEMENTED),
        _ => Err(BAD_ARGUMENTS),
    }
}

fn number(op: &Op<'_>) -> i32 {
    match op {
        Op::Create { with_stat: true, .. } => opcode::CREATE2,
        Op::Create { .. } => opcode::CREATE,
        Op::Delete { .. } => opcode::DELETE,
        Op::SetData { .. } => opcode::SET_DATA,
        _ => opcode::CHECK,
    }
}

fn list(acl: &[AclEntry<'_>]) -> Vec<Acl> {
    acl.iter().map(|e| Acl { perms: e.perms, id: Id::new(e.scheme, e.id) }).collect()
}
