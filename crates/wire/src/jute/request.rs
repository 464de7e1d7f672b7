//! Requests behind the first message.

use super::read::{Fields, Malformed};

/// The numbers of requests (`ZooDefs.OpCode`).
#[allow(missing_docs)] // they are what their names say
pub mod opcode {
    pub const CREATE: i32 = 1;
    pub const DELETE: i32 = 2;
    pub const EXISTS: i32 = 3;
    pub const GET_DATA: i32 = 4;
    pub const SET_DATA: i32 = 5;
    pub const GET_ACL: i32 = 6;
    pub const SET_ACL: i32 = 7;
    pub const GET_CHILDREN: i32 = 8;
    pub const SYNC: i32 = 9;
    pub const PING: i32 = 11;
    pub const GET_CHILDREN2: i32 = 12;
    pub const CHECK: i32 = 13;
    pub const MULTI: i32 = 14;
    pub const CREATE2: i32 = 15;
    pub const RECONFIG: i32 = 16;
    pub const CHECK_WATCHES: i32 = 17;
    pub const REMOVE_WATCHES: i32 = 18;
    pub const CREATE_CONTAINER: i32 = 19;
    pub const CREATE_TTL: i32 = 21;
    pub const MULTI_READ: i32 = 22;
    pub const AUTH: i32 = 100;
    pub const SET_WATCHES: i32 = 101;
    pub const SASL: i32 = 102;
    pub const GET_EPHEMERALS: i32 = 103;
    pub const GET_ALL_CHILDREN_NUMBER: i32 = 104;
    pub const SET_WATCHES2: i32 = 105;
    pub const ADD_WATCH: i32 = 106;
    pub const WHO_AM_I: i32 = 107;
    pub const CLOSE: i32 = -11;
}

/// The most operations of one multi; each takes at least 13 bytes of its frame.
const MULTI_MAX: usize = super::FRAME_BYTES_MAX / 13;

/// One entry of an access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclEntry<'a> {
    /// The permission bits.
    pub perms: i32,
    /// The scheme.
    pub scheme: &'a str,
    /// The identity in it.
    pub id: &'a str,
}

/// The paths of `setWatches` and `setWatches2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchPaths<'a> {
    /// The newest change that the client has seen.
    pub relative_zxid: i64,
    /// Watched for their data.
    pub data: Vec<&'a str>,
    /// Watched for coming into being.
    pub exist: Vec<&'a str>,
    /// Watched for their children.
    pub child: Vec<&'a str>,
    /// Watched until further notice.
    pub persistent: Vec<&'a str>,
    /// Watched until further notice, with everything below.
    pub recursive: Vec<&'a str>,
}

/// A request with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The client's number for it, which its reply repeats.
    pub xid: i32,
    /// What is asked.
    pub op: Op<'a>,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of zookeeper.jute
pub enum Op<'a> {
    Create {
        path: &'a str,
        data: Option<&'a [u8]>,
        acl: Vec<AclEntry<'a>>,
        flags: i32,
        /// The time to live in milliseconds, of a request that has one.
        ttl: Option<i64>,
        /// Which of the requests that create it is.
        number: i32,
    },
    Delete {
        path: &'a str,
        version: i32,
    },
    Exists {
        path: &'a str,
        watch: bool,
    },
    GetData {
        path: &'a str,
        watch: bool,
    },
    SetData {
        path: &'a str,
        data: Option<&'a [u8]>,
        version: i32,
    },
    GetAcl {
        path: &'a str,
    },
    SetAcl {
        path: &'a str,
        acl: Vec<AclEntry<'a>>,
        version: i32,
    },
    GetChildren {
        path: &'a str,
        watch: bool,
        with_stat: bool,
    },
    Sync {
        path: &'a str,
    },
    Ping,
    Check {
        path: &'a str,
        version: i32,
    },
    Multi(Vec<Op<'a>>),
    /// Only `GetData` and `GetChildren`.
    MultiRead(Vec<Op<'a>>),
    /// A watch that stays; one with everything below if it is recursive.
    AddWatch {
        path: &'a str,
        recursive: bool,
    },
    WhoAmI,
    RemoveWatches {
        path: &'a str,
        kind: i32,
        check_only: bool,
    },
    Auth {
        scheme: &'a str,
        auth: &'a [u8],
    },
    SetWatches(WatchPaths<'a>),
    GetEphemerals {
        prefix: &'a str,
    },
    GetAllChildrenNumber {
        path: &'a str,
    },
    Close,
    /// A number that is not served; its fields are not looked at.
    Other(i32),
}

impl<'a> Request<'a> {
    /// Reads the payload of a frame.
    ///
    /// # Errors
    /// It is not a request, or not one of those that its number says.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(payload);
        let xid = fields.int()?;
        let number = fields.int()?;
        Ok(Self { xid, op: Op::take(number, &mut fields)? })
    }
}

impl<'a> Op<'a> {
    fn take(number: i32, fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        Ok(match number {
            opcode::EXISTS => Self::Exists { path: fields.string()?, watch: fields.boolean()? },
            opcode::GET_DATA => Self::GetData { path: fields.string()?, watch: fields.boolean()? },
            opcode::GET_ACL => Self::GetAcl { path: fields.string()? },
            opcode::SET_ACL => Self::SetAcl {
                path: fields.string()?,
                acl: take_acl(fields)?,
                version: fields.int()?,
            },
            opcode::GET_CHILDREN | opcode::GET_CHILDREN2 => Self::GetChildren {
                path: fields.string()?,
                watch: fields.boolean()?,
                with_stat: number == opcode::GET_CHILDREN2,
            },
            opcode::SYNC => Self::Sync { path: fields.string()? },
            opcode::PING => Self::Ping,
            opcode::MULTI => Self::Multi(take_multi(fields, Self::take_change)?),
            opcode::MULTI_READ => Self::MultiRead(take_multi(fields, Self::take_read)?),
            opcode::ADD_WATCH => Self::AddWatch {
                path: fields.string()?,
                recursive: match fields.int()? {
                    0 => false,
                    1 => true,
                    _ => return Err(Malformed),
                },
            },
            opcode::WHO_AM_I => Self::WhoAmI,
            opcode::CHECK_WATCHES | opcode::REMOVE_WATCHES => Self::RemoveWatches {
                path: fields.string()?,
                kind: fields.int()?,
                check_only: number == opcode::CHECK_WATCHES,
            },
            opcode::AUTH => {
                let _type = fields.int()?;
                Self::Auth { scheme: fields.string()?, auth: fields.buffer()? }
            }
            opcode::SET_WATCHES | opcode::SET_WATCHES2 => {
                let mut paths = WatchPaths {
                    relative_zxid: fields.long()?,
                    data: fields.vector(Fields::string)?,
                    exist: fields.vector(Fields::string)?,
                    child: fields.vector(Fields::string)?,
                    persistent: Vec::new(),
                    recursive: Vec::new(),
                };
                if number == opcode::SET_WATCHES2 {
                    paths.persistent = fields.vector(Fields::string)?;
                    paths.recursive = fields.vector(Fields::string)?;
                }
                Self::SetWatches(paths)
            }
            opcode::GET_EPHEMERALS => Self::GetEphemerals { prefix: fields.string()? },
            opcode::GET_ALL_CHILDREN_NUMBER => {
                Self::GetAllChildrenNumber { path: fields.string()? }
            }
            opcode::CLOSE => Self::Close,
            change => match Self::take_change(change, fields)? {
                Some(op) => op,
                None => Self::Other(change),
            },
        })
    }

    /// Those that may stand in a multi of reads.
    fn take_read(number: i32, fields: &mut Fields<'a>) -> Result<Option<Self>, Malformed> {
        Ok(match number {
            opcode::GET_DATA | opcode::GET_CHILDREN => Some(Self::take(number, fields)?),
            _ => None,
        })
    }

    /// Those that may also stand in a multi.
    fn take_change(number: i32, fields: &mut Fields<'a>) -> Result<Option<Self>, Malformed> {
        Ok(Some(match number {
            opcode::CREATE | opcode::CREATE2 | opcode::CREATE_CONTAINER | opcode::CREATE_TTL => {
                Self::Create {
                    path: fields.string()?,
                    data: fields.data()?,
                    acl: take_acl(fields)?,
                    flags: fields.int()?,
                    ttl: (number == opcode::CREATE_TTL).then(|| fields.long()).transpose()?,
                    number,
                }
            }
            opcode::DELETE => Self::Delete { path: fields.string()?, version: fields.int()? },
            opcode::SET_DATA => Self::SetData {
                path: fields.string()?,
                data: fields.data()?,
                version: fields.int()?,
            },
            opcode::CHECK => Self::Check { path: fields.string()?, version: fields.int()? },
            _ => return Ok(None),
        }))
    }
}

fn take_acl<'a>(fields: &mut Fields<'a>) -> Result<Vec<AclEntry<'a>>, Malformed> {
    fields.vector(|fields| {
        Ok(AclEntry { perms: fields.int()?, scheme: fields.string()?, id: fields.string()? })
    })
}

fn take_multi<'a>(
    fields: &mut Fields<'a>,
    take: impl Fn(i32, &mut Fields<'a>) -> Result<Option<Op<'a>>, Malformed>,
) -> Result<Vec<Op<'a>>, Malformed> {
    let mut ops = Vec::new();
    loop {
        let number = fields.int()?;
        let done = fields.boolean()?;
        let _error = fields.int()?;
        if done {
            return Ok(ops);
        }
        if ops.len() >= MULTI_MAX {
            return Err(Malformed);
        }
        ops.push(take(number, fields)?.ok_or(Malformed)?);
    }
}
