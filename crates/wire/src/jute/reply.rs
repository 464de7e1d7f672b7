//! Replies and events.

use super::request::AclEntry;
use super::write::{put_buffer, put_frame, put_int, put_long, put_string, put_strings};

/// What is told of a znode, in the order of zookeeper.jute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of zookeeper.jute
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

/// What stands behind the header of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of zookeeper.jute
pub enum Body<'a> {
    Empty,
    Path {
        path: &'a str,
        stat: Option<Stat>,
    },
    Stat(Stat),
    Data {
        data: Option<&'a [u8]>,
        stat: Stat,
    },
    Names {
        names: &'a [String],
        stat: Option<Stat>,
    },
    Acl {
        acl: Vec<AclEntry<'a>>,
        stat: Stat,
    },
    Number(i32),
    /// Whom a connection has proven to be: schemes with names.
    Who(Vec<(&'a str, &'a str)>),
    /// The results of a multi: `Err` holds a code, `Ok` the body of a change that was done and its opcode.
    Multi(Vec<Result<(i32, Body<'a>), i32>>),
}

impl Stat {
    fn put(&self, out: &mut Vec<u8>) {
        for n in [self.czxid, self.mzxid, self.ctime, self.mtime] {
            put_long(out, n);
        }
        for n in [self.version, self.cversion, self.aversion] {
            put_int(out, n);
        }
        put_long(out, self.ephemeral_owner);
        put_int(out, self.data_length);
        put_int(out, self.num_children);
        put_long(out, self.pzxid);
    }
}

impl Body<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Path { path, stat } => {
                put_string(out, path);
                put_stat(out, stat.as_ref());
            }
            Self::Stat(stat) => stat.put(out),
            Self::Data { data, stat } => {
                match data {
                    Some(data) => put_buffer(out, data),
                    None => put_int(out, -1),
                }
                stat.put(out);
            }
            Self::Names { names, stat } => {
                put_strings(out, names);
                put_stat(out, stat.as_ref());
            }
            Self::Acl { acl, stat } => {
                put_int(out, i32::try_from(acl.len()).unwrap_or(i32::MAX));
                for entry in acl {
                    put_int(out, entry.perms);
                    put_string(out, entry.scheme);
                    put_string(out, entry.id);
                }
                stat.put(out);
            }
            Self::Number(n) => put_int(out, *n),
            Self::Who(all) => {
                put_int(out, i32::try_from(all.len()).unwrap_or(i32::MAX));
                for (scheme, name) in all {
                    put_string(out, scheme);
                    put_string(out, name);
                }
            }
            Self::Multi(results) => {
                for result in results {
                    put_result(out, result);
                }
                put_multi_header(out, -1, true, -1);
            }
        }
    }
}

fn put_stat(out: &mut Vec<u8>, stat: Option<&Stat>) {
    if let Some(stat) = stat {
        stat.put(out);
    }
}

fn put_result(out: &mut Vec<u8>, result: &Result<(i32, Body<'_>), i32>) {
    match result {
        Ok((number, body)) => {
            put_multi_header(out, *number, false, 0);
            body.put(out);
        }
        Err(code) => {
            put_multi_header(out, -1, false, *code);
            put_int(out, *code);
        }
    }
}

fn put_multi_header(out: &mut Vec<u8>, number: i32, done: bool, code: i32) {
    put_int(out, number);
    out.push(u8::from(done));
    put_int(out, code);
}

/// Appends a reply. With an error there is no body.
pub fn put_reply(out: &mut Vec<u8>, xid: i32, zxid: i64, result: &Result<Body<'_>, i32>) {
    put_frame(out, |out| {
        put_int(out, xid);
        put_long(out, zxid);
        match result {
            Ok(body) => {
                put_int(out, 0);
                body.put(out);
            }
            Err(code) => put_int(out, *code),
        }
    });
}

/// The state of a client's session that an event tells along with it: connected.
const STATE_CONNECTED: i32 = 3;

/// Appends what a watch tells (`WatcherEvent`); `kind` is ZooKeeper's number.
pub fn put_event(out: &mut Vec<u8>, kind: i32, path: &str) {
    put_frame(out, |out| {
        put_int(out, -1);
        put_long(out, -1);
        put_int(out, 0);
        put_int(out, kind);
        put_int(out, STATE_CONNECTED);
        put_string(out, path);
    });
}
