//! An open file of the disk in memory.

use super::{DirectFile, DiskFile};
use super::{DirectWrites, InodeId, MemDisk, Operation};
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(super) struct MemFile {
    pub(super) disk: MemDisk,
    pub(super) inode: InodeId,
    pub(super) life: u64,
    pub(super) _open: Arc<()>,
}

impl DiskFile for MemFile {
    fn size(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.begin(Operation::Read, Path::new(""))?;
        Ok(state.file(self.inode, self.life)?.data.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.begin(Operation::Read, Path::new(""))?;
        let data = &state.file(self.inode, self.life)?.data;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        match start.checked_add(buf.len()).and_then(|end| data.get(start..end)) {
            Some(bytes) => buf.copy_from_slice(bytes),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let path = state.path_of(self.inode);
        state.begin(Operation::Write, &path)?;
        let len = state.file(self.inode, self.life)?.data.len() as u64;
        state.room_for((offset + data.len() as u64).saturating_sub(len))?;
        state.file(self.inode, self.life)?.write(data, offset as usize);
        state.snare.end(())
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let path = state.path_of(self.inode);
        state.begin(Operation::Write, &path)?;
        let len = state.file(self.inode, self.life)?.data.len() as u64;
        state.room_for(bytes.saturating_sub(len))?;
        state.file(self.inode, self.life)?.set_len(bytes as usize);
        state.snare.end(())
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        let size = self.size()?;
        if bytes > size {
            self.set_size(bytes)?;
        }
        Ok(true)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let path = state.path_of(self.inode);
        let result = state.begin(Operation::Sync, &path);
        let dead = state.snare.dead;
        let inode = state.file(self.inode, self.life)?;
        match result {
            Ok(()) => inode.sync(),
            Err(_) if dead => {}
            Err(_) => inode.sync_failed(),
        }
        result.and_then(|()| state.snare.end(()))
    }
}

/// A direct write is a write and a sync of what it wrote; the machine may stop, or the disk fail, at either.
impl DirectFile for MemFile {
    fn write_durably_at(&mut self, data: &[u8], offset: u64) -> io::Result<()> {
        if self.disk.state().direct == DirectWrites::NotWritten {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.write_all_at(data, offset)?;
        let mut state = self.disk.state();
        let path = state.path_of(self.inode);
        let result = state.begin(Operation::Sync, &path);
        let dead = state.snare.dead;
        let inode = state.file(self.inode, self.life)?;
        let end = offset + data.len() as u64;
        match result {
            Ok(()) => inode.sync_part(offset, end),
            Err(_) if dead => {}
            Err(_) => inode.sync_part_failed(offset, end),
        }
        result.and_then(|()| state.snare.end(()))
    }
}
