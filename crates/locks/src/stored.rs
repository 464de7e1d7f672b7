//! Locks as they stand in a snapshot: one record each, so that a chunk holds as many as fit.
//!
//! ```text
//! record:  granted varint | name | newest varint | floor varint | shared u8 | count varint | holder*
//!          or 0 | granted varint
//! holder:  token varint | lease_ms varint | renewals varint
//! ```
//! Every record says how far tokens were granted. The second kind, of that alone, stands where there is no lock: in a partition that
//! was split, the locks may all be on the other side.

use crate::lock::{Holder, Lock};
use crate::table::Locks;
use crate::{HOLDERS_MAX, LEASE_MS_MAX, NAME_BYTES_MAX};
use std::collections::BTreeMap;
use synod_types::varint;

/// A record that no snapshot of this version holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed lock")]
pub struct Malformed;

impl Locks {
    /// Every lock as a record.
    pub fn records(&self) -> impl Iterator<Item = Vec<u8>> {
        let alone = self.iter().next().is_none() && !self.is_untouched();
        let alone = alone.then(|| {
            let mut record = vec![0];
            varint::put(&mut record, self.granted());
            record
        });
        let all = self.iter().map(|(name, lock)| {
            let mut record = Vec::with_capacity(name.len() + 32);
            varint::put(&mut record, self.granted());
            varint::put_bytes(&mut record, name);
            varint::put(&mut record, lock.newest);
            varint::put(&mut record, lock.floor);
            record.push(u8::from(lock.shared));
            varint::put(&mut record, lock.holders.len() as u64);
            for (token, holder) in lock.holders() {
                [token, holder.lease_ms, holder.renewals]
                    .into_iter()
                    .for_each(|n| varint::put(&mut record, n));
            }
            record
        });
        alone.into_iter().chain(all)
    }

    /// Takes a record in.
    ///
    /// # Errors
    /// The bytes are none, break an invariant, or name a lock that is there.
    pub fn take_record(&mut self, mut record: &[u8]) -> Result<(), Malformed> {
        let granted = varint::take(&mut record).ok_or(Malformed)?;
        if granted == 0 {
            let granted = varint::take(&mut record).filter(|granted| *granted != 0);
            let alone = record.is_empty() && self.is_untouched();
            self.set_granted(granted.filter(|_| alone).ok_or(Malformed)?);
            return Ok(());
        }
        let name = varint::take_bytes(&mut record).ok_or(Malformed)?;
        let lock = take_lock(&mut record).ok_or(Malformed)?;
        let first = self.is_untouched();
        let fits = name.len() <= NAME_BYTES_MAX
            && lock.newest <= granted
            && record.is_empty()
            && (first || granted == self.granted());
        if !fits {
            return Err(Malformed);
        }
        self.set_granted(granted);
        self.restore(name, lock).ok_or(Malformed)
    }
}

fn take_lock(bytes: &mut &[u8]) -> Option<Lock> {
    let newest = varint::take(bytes)?;
    let floor = varint::take(bytes)?;
    let (shared, rest) = bytes.split_first()?;
    *bytes = rest;
    let shared = match shared {
        0 => false,
        1 => true,
        _ => return None,
    };
    let count = usize::try_from(varint::take(bytes)?).ok()?;
    if floor == 0 || floor > newest || count > if shared { HOLDERS_MAX } else { 1 } {
        return None;
    }
    let mut holders = BTreeMap::new();
    for _ in 0..count {
        let token = varint::take(bytes)?;
        let (lease_ms, renewals) = (varint::take(bytes)?, varint::take(bytes)?);
        let fits = (floor..=newest).contains(&token) && (1..=LEASE_MS_MAX).contains(&lease_ms);
        if !fits || holders.insert(token, Holder { lease_ms, renewals }).is_some() {
            return None;
        }
    }
    (shared || holders.keys().all(|token| *token == newest)).then_some(Lock {
        newest,
        floor,
        shared,
        holders,
    })
}
