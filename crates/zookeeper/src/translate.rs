//! From jute's requests to calls of the tree.

use crate::gate::CONFIG;
use crate::pending::{Pending, WatchWish};
use synod_tree::{Acl, Change, Fading, Id, Mode, Read, Request, Watched};
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
            let wish = watch(*wanted, path, false, false);
            let pending = if *path == CONFIG { Pending::Config } else { Pending::Plain };
            (Request::GetData(path), pending(wish))
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
        Op::MultiRead(ops) => {
            let reads = ops.iter().map(read).collect::<Result<Vec<_>, i32>>()?;
            (Request::MultiRead(reads), Pending::Multi(ops.iter().map(number).collect()))
        }
        Op::AddWatch { path, recursive } => {
            let path = (*path).to_owned();
            (Request::Sync, Pending::AddWatch { path, recursive: *recursive })
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
                persistent: own(&paths.persistent),
                recursive: own(&paths.recursive),
            };
            (Request::Missed { since: paths.relative_zxid, watched }, pending)
        }
        Op::Close => (Request::Close, Pending::Close),
        // A check stands only in a multi.
        Op::Check { .. } => return Err(UNIMPLEMENTED),
        Op::Create { .. } | Op::Delete { .. } | Op::SetData { .. } => {
            (Request::Change(change(op)?), Pending::Plain(None))
        }
        Op::Ping | Op::Auth { .. } | Op::RemoveWatches { .. } | Op::WhoAmI | Op::Other(_) => {
            return Err(UNIMPLEMENTED);
        }
    })
}

fn change<'a>(op: &Op<'a>) -> Result<Change<'a>, i32> {
    Ok(match op {
        Op::Create { path, data, acl, flags, ttl, number } => Change::Create {
            path,
            data: *data,
            acl: list(acl),
            mode: mode(*flags, *ttl)?,
            with_stat: *number != opcode::CREATE,
        },
        Op::Delete { path, version } => Change::Delete { path, version: *version },
        Op::SetData { path, data, version } => {
            Change::SetData { path, data: *data, version: *version }
        }
        Op::Check { path, version } => Change::Check { path, version: *version },
        _ => return Err(UNIMPLEMENTED),
    })
}

fn read<'a>(op: &Op<'a>) -> Result<Read<'a>, i32> {
    match op {
        Op::GetData { path, .. } => Ok(Read::Data(path)),
        Op::GetChildren { path, .. } => Ok(Read::Children(path)),
        _ => Err(UNIMPLEMENTED),
    }
}

/// `CreateMode`: 4 is a container, 5 and 6 have a time to live.
fn mode(flags: i32, ttl: Option<i64>) -> Result<Mode, i32> {
    let (ephemeral, sequential) = (flags & 1 != 0, flags & 2 != 0);
    match (flags, ttl.map(u64::try_from)) {
        (0..=3, None) => Ok(Mode { ephemeral, sequential, fading: Fading::No }),
        (4, None) => Ok(Mode { fading: Fading::Childless, ..Mode::default() }),
        (5 | 6, Some(Ok(ms))) => {
            Ok(Mode { ephemeral: false, sequential, fading: Fading::After(ms) })
        }
        _ => Err(BAD_ARGUMENTS),
    }
}

fn number(op: &Op<'_>) -> i32 {
    match op {
        Op::Create { number, .. } => *number,
        Op::GetData { .. } => opcode::GET_DATA,
        Op::GetChildren { .. } => opcode::GET_CHILDREN,
        Op::Delete { .. } => opcode::DELETE,
        Op::SetData { .. } => opcode::SET_DATA,
        _ => opcode::CHECK,
    }
}

fn list(acl: &[AclEntry<'_>]) -> Vec<Acl> {
    acl.iter().map(|e| Acl { perms: e.perms, id: Id::new(e.scheme, e.id) }).collect()
}
