//! Faults of the medium: what was durable is not what it was.
//!
//! They befall sectors that were written, synced and not written since. A reader sees them at once, as after a
//! restart of the machine: no page cache hides them.

use super::MemDisk;
use crate::disk::SECTOR_BYTES;
use std::path::{Path, PathBuf};

impl MemDisk {
    /// Replaces a file's contents durably, as a fault of the medium would.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let Some(id) = state.names.get(path).copied() else { return };
        if let Some(inode) = state.inodes.get_mut(&id) {
            change(&mut inode.data);
            inode.settle();
        }
    }

    /// The numbers of those sectors of a file that are durable as they are and not zeros.
    #[must_use]
    pub fn durable_sectors(&self, path: &Path) -> Vec<u64> {
        let state = self.state();
        let inode = state.names.get(path).and_then(|id| state.inodes.get(id));
        inode.map(|inode| inode.durable_sectors()).unwrap_or_default()
    }

    /// What a sector of a file holds; zeros behind its end.
    #[must_use]
    pub fn sector(&self, path: &Path, number: u64) -> Option<[u8; SECTOR_BYTES]> {
        let state = self.state();
        let inode = state.names.get(path).and_then(|id| state.inodes.get(id))?;
        Some(inode.sector(number))
    }

    /// Lets the medium change one sector of a file.
    pub fn rot(&self, path: &Path, number: u64, change: impl FnOnce(&mut [u8; SECTOR_BYTES])) {
        let mut state = self.state();
        let Some(id) = state.names.get(path).copied() else { return };
        if let Some(inode) = state.inodes.get_mut(&id) {
            let mut sector = inode.sector(number);
            change(&mut sector);
            inode.put_sector(number, &sector);
        }
    }

    /// The files whose names and inodes a crash would leave in place.
    #[must_use]
    pub fn durable_files(&self) -> Vec<PathBuf> {
        let state = self.state();
        let kept = |(path, id): &(&PathBuf, &u64)| state.names.get(*path) == Some(*id);
        state.durable_names.iter().filter(kept).map(|(path, _)| path.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

    #[test]
    fn only_what_is_durable_can_rot_and_it_stays_rotten() {
        let disk = MemDisk::new();
        let (dir, path) = (Path::new("/d"), Path::new("/d/f"));
        disk.create_dir_all(dir).unwrap();
        let file = disk.create(path).unwrap();
        file.write_all_at(&[1; 4 * SECTOR_BYTES], 0).unwrap();
        assert!(disk.durable_sectors(path).is_empty());
        assert!(disk.durable_files().is_empty());
        file.sync_data().unwrap();
        disk.sync_dir(dir).unwrap();
        file.write_all_at(&[2; SECTOR_BYTES], SECTOR_BYTES as u64).unwrap();
        file.write_all_at(&[0; SECTOR_BYTES], 3 * SECTOR_BYTES as u64).unwrap();
        assert_eq!(disk.durable_sectors(path), [0, 2]);
        assert_eq!(disk.durable_files(), [path]);

        disk.rot(path, 2, |sector| sector[7] ^= 4);
        disk.crash_with(&mut |_| true);
        let rotten = disk.sector(path, 2).unwrap();
        assert_eq!((rotten[6], rotten[7]), (1, 5));
        assert_eq!(disk.sector(path, 1).unwrap(), [2; SECTOR_BYTES]);
    }
}
