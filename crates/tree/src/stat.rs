//! What is known of a znode besides its data.

use crate::codec::{put_signed, take_int, take_signed};

/// ZooKeeper's `Stat`, field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The change that created it.
    pub czxid: i64,
    /// The change that set its data last.
    pub mzxid: i64,
    /// When it was created, in Unix milliseconds.
    pub ctime: i64,
    /// When its data was set last.
    pub mtime: i64,
    /// How often its data was set.
    pub version: i32,
    /// How often its children changed.
    pub cversion: i32,
    /// How often its access list was set.
    pub aversion: i32,
    /// The session it lives as long as; 0 for a persistent one.
    pub ephemeral_owner: i64,
    /// The length of its data.
    pub data_length: i32,
    /// How many children it has.
    pub num_children: i32,
    /// The change that changed its children last.
    pub pzxid: i64,
}

impl Stat {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for n in [self.czxid, self.mzxid, self.ctime, self.mtime] {
            put_signed(out, n);
        }
        for n in [self.version, self.cversion, self.aversion, self.data_length, self.num_children] {
            put_signed(out, n.into());
        }
        put_signed(out, self.ephemeral_owner);
        put_signed(out, self.pzxid);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            czxid: take_signed(bytes)?,
            mzxid: take_signed(bytes)?,
            ctime: take_signed(bytes)?,
            mtime: take_signed(bytes)?,
            version: take_int(bytes)?,
            cversion: take_int(bytes)?,
            aversion: take_int(bytes)?,
            data_length: take_int(bytes)?,
            num_children: take_int(bytes)?,
            ephemeral_owner: take_signed(bytes)?,
            pzxid: take_signed(bytes)?,
        })
    }
}
