//! Sessions: who holds ephemerals, and which connection speaks for whom.

use crate::codec::{put_signed, put_str, take_list, take_signed, take_str};
use std::collections::BTreeSet;
use synod_types::varint;

/// Whoever reads what a replica has, without a session: no connection has this number.
pub const READER: u64 = u64::MAX - 1;

/// A session, as all replicas know it. When it was heard from last is not here: only its leader watches that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub(crate) password: [u8; 16],
    pub(crate) timeout_ms: u32,
    pub(crate) owner: u64,
    pub(crate) ephemerals: BTreeSet<Box<str>>,
}

impl Session {
    /// How long it lives without being heard from, in milliseconds.
    #[must_use]
    pub const fn timeout_ms(&self) -> u32 {
        self.timeout_ms
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.password);
        varint::put(out, self.timeout_ms.into());
        varint::put(out, self.owner);
        varint::put(out, self.ephemerals.len() as u64);
        self.ephemerals.iter().for_each(|path| put_str(out, path));
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (password, rest) = bytes.split_first_chunk::<16>()?;
        *bytes = rest;
        Some(Self {
            password: *password,
            timeout_ms: varint::take(bytes)?.try_into().ok()?,
            owner: varint::take(bytes)?,
            ephemerals: take_list(bytes, |bytes| take_str(bytes).map(Box::from))?
                .into_iter()
                .collect(),
        })
    }
}

pub(crate) fn put_id(out: &mut Vec<u8>, id: i64) {
    put_signed(out, id);
}

pub(crate) fn take_id(bytes: &mut &[u8]) -> Option<i64> {
    take_signed(bytes)
}
