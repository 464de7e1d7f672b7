//! Which sectors a log would miss if the disk lost them: for tests that lose them on purpose.
//!
//! It is the rule of docs/log-format.md ("Torn or damaged") from the side of the disk, worked out without recovery, so
//! that it can be held against it. A lost sector reads as zeros, as a write that a crash swallowed does. What tells the
//! two apart is a batch written after a sync that covered the lost one: its header says so. The checkpoint of a segment
//! and its header were durable before the segment had its name, and an older segment was before the next one existed.

use crate::batch::BatchHeader;
use crate::disk::{MemDisk, SECTOR_BYTES};
use crate::segment;
use std::path::Path;

/// Whether recovery must refuse the log once this sector of it, durable as it is, holds zeros again. Where it is
/// `false`, and only there, the log is cut as torn, or nothing of worth was lost (a trailer, a mark). `also_hit` is a
/// sector of the same file that can say nothing any more. The file has no other damage.
#[must_use]
pub fn is_missed(disk: &MemDisk, segment: &Path, sector: u64, also_hit: Option<u64>) -> bool {
    let Some(number) = number_of(segment) else { return false };
    if sector == 0 {
        return true;
    }
    let Some(lost) = batch_over(disk, segment, number, sector) else { return false };
    let files = disk.durable_files();
    let beside = files.iter().filter(|path| path.parent() == segment.parent());
    let is_newest = beside.filter_map(|path| number_of(path)).all(|other| other <= number);
    let says_so = |at: &u64| {
        *at > sector
            && Some(*at) != also_hit
            && header_at(disk, segment, number, *at).is_some_and(|it| it.durable >= lost.sequence)
    };
    !is_newest || lost.checkpoint || disk.durable_sectors(segment).iter().any(says_so)
}

fn number_of(segment: &Path) -> Option<u64> {
    segment::number_of(segment.file_name()?.to_str()?)
}

/// The batch that this sector is part of.
fn batch_over(disk: &MemDisk, segment: &Path, number: u64, sector: u64) -> Option<BatchHeader> {
    let first = (1..=sector).rev().find_map(|at| header_at(disk, segment, number, at))?;
    let sectors = (first.padded_bytes() / SECTOR_BYTES) as u64;
    (sector < u64::from(first.sector) + sectors).then_some(first)
}

fn header_at(disk: &MemDisk, segment: &Path, number: u64, at: u64) -> Option<BatchHeader> {
    let header = BatchHeader::decode(&disk.sector(segment, at)?)?;
    (header.segment == number && u64::from(header.sector) == at).then_some(header)
}
