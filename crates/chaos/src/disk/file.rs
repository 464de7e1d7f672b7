//! One file: what it holds now, and what a power cut would leave of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dice::Dice;

/// What a disk writes as a whole or not at all, in bytes.
pub const SECTOR: u64 = 512;

type Sector = Arc<[u8; SECTOR as usize]>;

/// Contents; a sector that is not there is zeros.
#[derive(Clone, Debug, Default)]
struct Image {
    size: u64,
    sectors: BTreeMap<u64, Sector>,
}

/// A file of a [`super::tree::Tree`].
#[derive(Clone, Debug, Default)]
pub struct File {
    now: Image,
    safe: Image,
    /// The sectors in which `now` and `safe` may differ.
    dirty: BTreeSet<u64>,
    /// Up to here the disk has given it space; a write that ends before it needs none.
    allocated: u64,
}

impl File {
    /// How long it is now.
    pub fn size(&self) -> u64 {
        self.now.size
    }

    /// Up to `len` bytes from `offset`; fewer at the end.
    pub fn read(&self, offset: u64, len: usize) -> Vec<u8> {
        let end = self.now.size.min(offset.saturating_add(len as u64));
        let mut out = vec![0; end.saturating_sub(offset) as usize];
        for (sector, within, place, len) in pieces(offset, out.len()) {
            if let Some(bytes) = self.now.sectors.get(&sector) {
                out[place..place + len].copy_from_slice(&bytes[within..within + len]);
            }
        }
        out
    }

    /// Whether such a write needs space that the file does not have yet. A file grown by its length alone
    /// has holes, not space.
    pub fn needs_space(&self, offset: u64, len: usize) -> bool {
        offset.saturating_add(len as u64) > self.allocated
    }

    /// Gives it space up to there, and that length at least; what was not written reads as zeros.
    pub fn reserve(&mut self, end: u64) {
        self.now.size = self.now.size.max(end);
        self.allocated = self.allocated.max(end);
    }

    /// Writes into it and makes it longer if need be.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        for (sector, within, place, len) in pieces(offset, data.len()) {
            self.write_sector(sector, within, &data[place..place + len]);
        }
        let end = offset + data.len() as u64;
        self.now.size = self.now.size.max(end);
        self.allocated = self.allocated.max(end);
    }

    fn write_sector(&mut self, sector: u64, within: usize, part: &[u8]) {
        self.dirty.insert(sector);
        let bytes =
            self.now.sectors.entry(sector).or_insert_with(|| Arc::new([0; SECTOR as usize]));
        Arc::make_mut(bytes)[within..within + part.len()].copy_from_slice(part);
        if bytes.iter().all(|byte| *byte == 0) {
            self.now.sectors.remove(&sector);
        }
    }

    /// Cuts it off, or makes it longer with zeros.
    pub fn set_size(&mut self, size: u64) {
        let cut = self.now.sectors.split_off(&size.div_ceil(SECTOR));
        self.dirty.extend(cut.into_keys());
        let (last, within) = (size / SECTOR, (size % SECTOR) as usize);
        if self.now.sectors.contains_key(&last) {
            self.write_sector(last, within, &[0; SECTOR as usize][within..]);
        }
        self.now.size = size;
        self.allocated = self.allocated.min(size);
    }

    /// Makes all of it safe.
    pub fn sync(&mut self) {
        for sector in std::mem::take(&mut self.dirty) {
            copy(&self.now, &mut self.safe, sector);
        }
        self.safe.size = self.now.size;
    }

    /// Makes the sectors of one write safe, and nothing else; the length only as far as the write reaches.
    pub fn sync_part(&mut self, offset: u64, len: usize) {
        for (sector, ..) in pieces(offset, len) {
            if self.dirty.remove(&sector) {
                copy(&self.now, &mut self.safe, sector);
            }
        }
        let end = offset.saturating_add(len as u64);
        self.safe.size = self.safe.size.max(end.min(self.now.size));
    }

    /// What the power cut leaves: what is safe, and of the rest what `dice` lets pass, if any is passed.
    pub fn cut(&mut self, mut dice: Option<&mut Dice>) {
        let mut survives = || dice.as_mut().is_some_and(|dice| dice.chance(50));
        for sector in std::mem::take(&mut self.dirty) {
            if survives() {
                copy(&self.now, &mut self.safe, sector);
            }
        }
        if survives() {
            self.safe.size = self.now.size;
        }
        let size = self.safe.size;
        self.now = self.safe.clone();
        // Sectors of which the length was lost are lost too.
        self.set_size(size);
        self.sync();
    }
}

fn copy(from: &Image, to: &mut Image, sector: u64) {
    match from.sectors.get(&sector) {
        Some(bytes) => to.sectors.insert(sector, Arc::clone(bytes)),
        None => to.sectors.remove(&sector),
    };
}

/// `(sector, place in it, place in the buffer, length)` of each part of a buffer.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let at = offset + place as u64;
        let within = (at % SECTOR) as usize;
        let part = (len - place).min(SECTOR as usize - within);
        let piece = (at / SECTOR, within, place, part);
        place += part;
        (part > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_only_what_is_synced_stays() {
        let mut file = File::default();
        file.write(500, b"hello world, over a border");
        assert_eq!(file.read(500, 100), b"hello world, over a border");
        assert_eq!(file.read(0, 3), [0; 3]);
        file.sync();
        file.write(506, b"there");
        file.write(2_000, b"more");
        assert_eq!(file.read(500, 11), b"hello there");
        assert_eq!(file.size(), 2_004);
        file.cut(None);
        assert_eq!(file.read(500, 100), b"hello world, over a border");
        assert_eq!(file.size(), 526);
    }

    #[test]
    fn only_growing_needs_space() {
        let mut file = File::default();
        file.set_size(4_096);
        assert!(file.needs_space(0, 1), "a hole");
        file.write(0, &[0; 2_000]);
        assert!(!file.needs_space(0, 2_000) && file.needs_space(1_999, 2));
        file.set_size(100);
        assert!(!file.needs_space(0, 100) && file.needs_space(0, 101));
        file.reserve(5_000);
        assert!(!file.needs_space(0, 5_000) && file.needs_space(0, 5_001));
        assert_eq!(file.size(), 5_000);
        file.cut(None);
        assert_eq!(file.size(), 0, "a length is as volatile as what is written");
    }

    #[test]
    fn a_cut_may_tear_a_write_between_sectors_only() {
        let mut torn = BTreeSet::new();
        for seed in 0..40 {
            let mut file = File::default();
            file.write(0, &[1; 1024]);
            file.sync();
            file.write(0, &[2; 1024]);
            file.cut(Some(&mut Dice::new(seed, 0)));
            let (a, b) = (file.read(0, 512), file.read(512, 512));
            assert!(a.iter().all(|byte| *byte == a[0]) && b.iter().all(|byte| *byte == b[0]));
            torn.insert((a[0], b[0]));
        }
        assert_eq!(torn, BTreeSet::from([(1, 1), (1, 2), (2, 1), (2, 2)]));
    }

    #[test]
    fn a_durable_write_makes_itself_safe_and_nothing_else() {
        let mut file = File::default();
        file.write(0, &[1; 2_048]);
        file.sync();
        file.write(0, &[2; 2_048]);
        file.sync_part(512, 1_024);
        file.cut(None);
        let sectors: Vec<u8> = (0..4).map(|sector| file.read(sector * 512, 1)[0]).collect();
        assert_eq!(sectors, [1, 2, 2, 1]);
    }

    #[test]
    fn shorter_and_longer_again_is_zeros() {
        let mut file = File::default();
        file.write(0, &[7; 2_000]);
        file.sync();
        file.set_size(700);
        file.set_size(1_500);
        assert_eq!(file.read(0, 2_000), [vec![7; 700], vec![0; 800]].concat());
        file.cut(None);
        assert_eq!(file.read(0, 3_000), vec![7; 2_000]);
        file.set_size(700);
        file.sync();
        file.cut(None);
        file.set_size(2_000);
        assert_eq!(file.read(600, 1_400), [vec![7; 100], vec![0; 1_300]].concat());
    }
}
