//! The bytes of one file of the model, and what a crash would make of them.

use super::Unsynced;
use crate::disk::SECTOR_BYTES;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

type Sector = [u8; SECTOR_BYTES];

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    /// What a reader sees.
    pub(super) data: Vec<u8>,
    /// Sectors written since the last sync, with what they held then.
    dirty: BTreeMap<u64, Sector>,
    /// Sectors whose sync failed: readable, believed clean, gone at the next crash.
    doomed: BTreeMap<u64, Sector>,
    /// The length at the last sync.
    durable_len: usize,
    /// Shared with every open file, so that a removed file lives until it is closed.
    pub(super) open: Arc<()>,
}

impl Inode {
    pub(super) fn sector(&self, number: u64) -> Sector {
        let mut sector = [0; SECTOR_BYTES];
        let start = number as usize * SECTOR_BYTES;
        let end = self.data.len().min(start + SECTOR_BYTES);
        if start < end {
            sector[..end - start].copy_from_slice(&self.data[start..end]);
        }
        sector
    }

    pub(super) fn put_sector(&mut self, number: u64, sector: &Sector) {
        let start = number as usize * SECTOR_BYTES;
        let end = self.data.len().min(start + SECTOR_BYTES);
        if start < end {
            self.data[start..end].copy_from_slice(&sector[..end - start]);
        }
    }

    /// Those that a crash would leave as they are and that are not zeros.
    pub(super) fn durable_sectors(&self) -> Vec<u64> {
        let numbers = 0..self.durable_len.min(self.data.len()).div_ceil(SECTOR_BYTES) as u64;
        let kept = |number: &u64| {
            !self.dirty.contains_key(number)
                && !self.doomed.contains_key(number)
                && self.sector(*number) != [0; SECTOR_BYTES]
        };
        numbers.filter(kept).collect()
    }

    fn touch(&mut self, start: usize, end: usize) {
        if start >= end {
            return;
        }
        for number in start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let number = number as u64;
            if !self.dirty.contains_key(&number) {
                let before = self.doomed.remove(&number).unwrap_or_else(|| self.sector(number));
                self.dirty.insert(number, before);
            }
        }
    }

    pub(super) fn write(&mut self, data: &[u8], offset: usize) {
        let end = offset + data.len();
        self.touch(offset, end);
        if end > self.data.len() {
            self.data.resize(end, 0);
        }
        self.data[offset..end].copy_from_slice(data);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.touch(len, self.data.len());
        self.data.resize(len, 0);
    }

    pub(super) fn sync(&mut self) {
        self.dirty.clear();
        self.durable_len = self.data.len();
    }

    pub(super) fn sync_failed(&mut self) {
        for (number, before) in std::mem::take(&mut self.dirty) {
            self.doomed.entry(number).or_insert(before);
        }
    }

    /// The sectors between two borders are durable, and nothing else than before; the length neither.
    pub(super) fn sync_part(&mut self, from: u64, to: u64) {
        self.take_dirty(from, to);
    }

    pub(super) fn sync_part_failed(&mut self, from: u64, to: u64) {
        for (number, before) in self.take_dirty(from, to) {
            self.doomed.entry(number).or_insert(before);
        }
    }

    fn take_dirty(&mut self, from: u64, to: u64) -> BTreeMap<u64, Sector> {
        let sector = SECTOR_BYTES as u64;
        let mut part = self.dirty.split_off(&(from / sector));
        self.dirty.append(&mut part.split_off(&to.div_ceil(sector)));
        part
    }

    /// Makes everything as it is durable, even what a failed sync lost.
    pub(super) fn settle(&mut self) {
        self.doomed.clear();
        self.sync();
    }

    pub(super) fn crash(&mut self, path: &Path, keep: &mut dyn FnMut(Unsynced<'_>) -> bool) {
        let len_now = self.data.len();
        let keep_len = len_now == self.durable_len || keep(Unsynced::Length(path));
        self.data.resize(len_now.max(self.durable_len), 0);
        for (number, before) in std::mem::take(&mut self.doomed) {
            self.put_sector(number, &before);
        }
        for (number, before) in std::mem::take(&mut self.dirty) {
            if !keep(Unsynced::Sector(path, number)) {
                self.put_sector(number, &before);
            }
        }
        self.data.truncate(if keep_len { len_now } else { self.durable_len });
        self.durable_len = self.data.len();
    }
}
