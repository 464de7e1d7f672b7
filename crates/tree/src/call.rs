//! What a gate asks of a tree.

use crate::acl::{Acl, Id};
use crate::contend::Contend;

/// One request, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The session; 0 for the gate itself.
    pub session: i64,
    /// The connection that the session is served by; a call of another one is refused.
    pub owner: u64,
    /// Whom the connection has proven to be.
    pub ids: Vec<Id>,
    /// What is asked.
    pub request: Request<'a>,
}

/// How long a new znode lives and how it is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// It goes with its session.
    pub ephemeral: bool,
    /// Its name gets a number from its parent.
    pub sequential: bool,
    /// What becomes of it while it has no children.
    pub fading: Fading,
}

/// When a znode that belongs to no session goes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fading {
    /// Never.
    #[default]
    No,
    /// When its last child is gone (a container).
    Childless,
    /// When it has no children and its data was not set for so many milliseconds (a time to live).
    After(u64),
}

/// One read among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// Data and stat.
    Data(&'a str),
    /// The names of the children.
    Children(&'a str),
}

/// A change of one znode. A `version` of -1 is any.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are what their names say
pub enum Change<'a> {
    /// A new znode.
    Create { path: &'a str, data: Option<&'a [u8]>, acl: Vec<Acl>, mode: Mode, with_stat: bool },
    /// A znode goes.
    Delete { path: &'a str, version: i32 },
    /// Other data.
    SetData { path: &'a str, data: Option<&'a [u8]>, version: i32 },
    /// Nothing, if the version is this one.
    Check { path: &'a str, version: i32 },
}

/// The paths that a connection watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched<'a> {
    /// For their data.
    pub data: Vec<&'a str>,
    /// For coming into being.
    pub exist: Vec<&'a str>,
    /// For their children.
    pub child: Vec<&'a str>,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are what their names say
pub enum Request<'a> {
    /// A new session, served by `owner`.
    Open { timeout_ms: u32 },
    /// The session is served by `owner` from now on, if the password is right.
    Attach { password: [u8; 16], timeout_ms: u32 },
    /// The session ends, and its ephemerals with it.
    Close,
    /// These sessions were not heard of in time.
    Expire(Vec<i64>),
    /// One change.
    Change(Change<'a>),
    /// Another access list.
    SetAcl { path: &'a str, acl: Vec<Acl>, version: i32 },
    /// All of these changes, or none.
    Multi(Vec<Change<'a>>),
    /// Those of these znodes go that have faded.
    Reap(Vec<&'a str>),
    /// About a lock, on behalf of somebody who has no session.
    Contend(Contend<'a>),
    /// Read: all of these, each for itself.
    MultiRead(Vec<Read<'a>>),
    /// Read: every session with its ephemerals.
    Dump,
    /// Read: how much there is.
    Census,
    /// Read: whether it is there.
    Exists(&'a str),
    /// Read: data and stat.
    GetData(&'a str),
    /// Read: the names of the children, and the stat.
    GetChildren(&'a str),
    /// Read: access list and stat.
    GetAcl(&'a str),
    /// Read: the ephemerals of this session below a prefix.
    GetEphemerals(&'a str),
    /// Read: how many znodes there are below.
    CountChildren(&'a str),
    /// Read: nothing; the answer is as new as any write before it.
    Sync,
    /// Read: what a connection that has seen everything up to `since` has missed of what it watches.
    Missed { since: i64, watched: Watched<'a> },
    /// Read: every change since.
    Events { since: i64 },
    /// Read: whether there is this session and its password is right. It stays with the connection that serves it.
    Recognise { password: [u8; 16] },
    /// Read: these sessions are heard from. The leader notes it; the tree does not change.
    Touch(Vec<i64>),
}

impl<'a> Request<'a> {
    /// Whether the tree may need more memory by it.
    #[must_use]
    pub fn grows(&self) -> bool {
        let grows =
            |change: &Change<'_>| matches!(change, Change::Create { .. } | Change::SetData { .. });
        match self {
            Self::Change(change) => grows(change),
            Self::Multi(changes) => changes.iter().any(grows),
            Self::SetAcl { .. } | Self::Open { .. } => true,
            Self::Contend(ask) => matches!(ask, Contend::Enqueue { .. }),
            _ => false,
        }
    }

    /// The znodes that a client has named in it to look at or to change.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        let changed = |change: &Change<'a>| match change {
            Change::Create { path, .. }
            | Change::Delete { path, .. }
            | Change::SetData { path, .. }
            | Change::Check { path, .. } => *path,
        };
        match self {
            Self::Change(change) => vec![changed(change)],
            Self::Multi(changes) => changes.iter().map(changed).collect(),
            Self::SetAcl { path, .. }
            | Self::Exists(path)
            | Self::GetData(path)
            | Self::GetChildren(path)
            | Self::GetAcl(path)
            | Self::GetEphemerals(path)
            | Self::CountChildren(path) => vec![path],
            Self::MultiRead(reads) => reads
                .iter()
                .map(|read| match read {
                    Read::Data(path) | Read::Children(path) => *path,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether nothing in the tree changes by it.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        if let Self::Contend(ask) = self {
            return ask.is_read();
        }
        !matches!(
            self,
            Self::Open { .. }
                | Self::Attach { .. }
                | Self::Close
                | Self::Expire(_)
                | Self::Change(_)
                | Self::SetAcl { .. }
                | Self::Multi(_)
                | Self::Reap(_)
        )
    }
}
