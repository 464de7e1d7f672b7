//! Reads a whole log back. Nothing on the disk is changed here; the argument for what is taken as a torn
//! write and what as damage stands in docs/log-format.md.

use crate::batch::{self, BatchHeader};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::group::{GroupState, Restart};
use crate::ledger::{Applied, Ledger};
use crate::record::{Change, RecordHeader};
use crate::scan::{Records, SegmentReader, Step};
use crate::segment::{self, SegmentHeader};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use synod_types::plant::planted;
use synod_types::{Entry, HardState, Index, PartitionId, SnapshotMeta};

/// How far reading the log has come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Read so far; never goes backwards.
    pub bytes_read: u64,
    /// The length of all segments; what was never written of the last one counts.
    pub bytes_total: u64,
}

/// What one group remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLog {
    /// Term, vote, known commit.
    pub hard_state: HardState,
    /// Where the group starts from. The state up to its index is in a snapshot file, unless that is 0.
    pub snapshot: SnapshotMeta,
    /// The entries after the snapshot, without a gap.
    pub entries: Vec<Entry>,
}

/// What was found in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Every group of the log.
    pub groups: BTreeMap<PartitionId, GroupLog>,
    /// How it went.
    pub report: Report,
}

/// Counts, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments read.
    pub segments: u64,
    /// Batches read.
    pub batches: u64,
    /// Records read, checkpoints included.
    pub records: u64,
    /// Bytes that a crash left behind of writes that were never made durable, and that were cleared.
    pub torn_bytes: u64,
}

/// A log that was read, and the place where it goes on.
pub(crate) struct Replayed {
    pub recovered: Recovered,
    pub ledger: Ledger,
    pub tail: Tail,
}

/// The end of the last segment.
pub(crate) struct Tail {
    pub reader: SegmentReader,
    /// Where the batches end.
    pub end: u64,
    /// The first batch that no later one proves to have been durable.
    pub unproven_from: u64,
    /// The end of what must be cleared.
    pub torn_end: u64,
    /// The sequence number of the next batch, and what it must carry as `previous`.
    pub sequence_next: u64,
    pub chain: u32,
}

/// The entries of a group that are at hand.
#[derive(Default)]
struct Kept {
    /// Consecutive; the last one is the group's last, or there is none.
    entries: Vec<Entry>,
    /// Entries up to here were in segments that are gone. In the end the snapshot must contain them.
    missing_to: Index,
}

struct Replay<'a> {
    ledger: Ledger,
    kept: BTreeMap<PartitionId, Kept>,
    report: Report,
    sequence_next: u64,
    chain: Option<u32>,
    /// Batches of the present segment not yet proven durable: sequence and offset.
    unproven: VecDeque<(u64, u64)>,
    bytes_before: u64,
    bytes_total: u64,
    progress: &'a mut dyn FnMut(Progress),
}

/// The segments in `dir`, oldest first.
pub(crate) fn segments(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, OpenError> {
    let names = disk.list(dir).map_err(OpenError::io(dir))?;
    Ok(names.iter().filter_map(|name| segment::number_of(name)).collect())
}

/// Reads the log in `dir`; `None` if there is none yet.
pub(crate) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Replayed>, OpenError> {
    let numbers = segments(disk, dir)?;
    let mut readers = Vec::with_capacity(numbers.len());
    for number in &numbers {
        readers.push(SegmentReader::open(disk, dir, *number)?);
    }
    let Some(oldest) = readers.first() else { return Ok(None) };
    for pair in readers.windows(2) {
        if pair[0].header.number + 1 != pair[1].header.number {
            let missing = pair[0].header.number + 1;
            return Err(pair[1].damage(0, None, format!("segment {missing} before it is missing")));
        }
    }
    let mut replay = Replay {
        ledger: Ledger::default(),
        kept: BTreeMap::new(),
        report: Report::default(),
        sequence_next: oldest.header.sequence_first,
        chain: None,
        unproven: VecDeque::new(),
        bytes_before: 0,
        bytes_total: readers.iter().map(|reader| reader.header.bytes).sum(),
        progress,
    };
    let oldest_number = oldest.header.number;
    let last_number = numbers.last().copied().unwrap_or_default();
    let mut tail = None;
    for mut reader in readers {
        let oldest = reader.header.number == oldest_number;
        replay.segment(&mut reader, oldest)?;
        if reader.header.number == last_number {
            tail = Some(replay.tail(reader)?);
        } else {
            replay.check_end(&reader)?;
        }
    }
    match tail {
        Some(tail) => replay.finish(tail).map(Some),
        None => Ok(None),
    }
}

impl Replay<'_> {
    fn segment(&mut self, reader: &mut SegmentReader, oldest: bool) -> Result<(), OpenError> {
        let SegmentHeader { number, bytes, sequence_first, .. } = reader.header;
        if sequence_first != self.sequence_next {
            let detail = format!(
                "the segment begins with batch {sequence_first}, the one before ends before batch {}",
                self.sequence_next
            );
            return Err(reader.damage(0, None, detail));
        }
        self.ledger.add_segment(number, bytes);
        self.report.segments += 1;
        self.unproven.clear();
        let mut reported = 0;
        while let Step::Batch { header, offset, body } =
            reader.next(self.sequence_next, self.chain)?
        {
            if header.checkpoint != (offset == segment::BATCHES_AT) {
                return Err(reader.damage(offset, None, "a checkpoint is not in its place"));
            }
            if header.checkpoint {
                self.checkpoint(reader, &header, offset, &body, oldest)?;
            } else {
                self.batch(reader, &header, offset, &body)?;
            }
            self.count(&header, offset);
            if reader.bytes_read() != reported {
                reported = reader.bytes_read();
                self.report_progress(reported);
            }
        }
        if self.sequence_next == sequence_first {
            let detail = "the checkpoint at the start of the segment is missing";
            return Err(reader.damage(segment::BATCHES_AT, None, detail));
        }
        self.bytes_before += bytes;
        Ok(())
    }

    fn report_progress(&mut self, read: u64) {
        let bytes_read = self.bytes_before + read;
        (self.progress)(Progress { bytes_read, bytes_total: self.bytes_total });
    }

    fn count(&mut self, header: &BatchHeader, offset: u64) {
        while self.unproven.front().is_some_and(|(sequence, _)| *sequence <= header.durable) {
            self.unproven.pop_front();
        }
        self.unproven.push_back((header.sequence, offset));
        self.sequence_next = header.sequence + 1;
        self.chain = Some(header.chain());
        self.report.batches += 1;
        self.report.records += u64::from(header.records);
    }

    fn batch(
        &mut self,
        reader: &SegmentReader,
        batch: &BatchHeader,
        offset: u64,
        body: &Bytes,
    ) -> Result<(), OpenError> {
        each_record(reader, batch, offset, body, |header, change, payload| {
            let applied = self.ledger.apply(header.group, &change).map_err(|e| e.to_string())?;
            self.keep(header, applied, payload);
            Ok(())
        })
    }

    fn keep(&mut self, header: &RecordHeader, applied: Applied, payload: &[u8]) {
        match applied {
            Applied::Entry(index) => {
                let kept = self.kept.entry(header.group).or_default();
                while kept.entries.last().is_some_and(|entry| entry.index >= index) {
                    kept.entries.pop();
                }
                kept.missing_to = kept.missing_to.min(index.prev());
                kept.entries.push(Entry {
                    term: header.term,
                    index,
                    kind: header.entry_kind,
                    // A slice would keep all that was read with it.
                    payload: Bytes::copy_from_slice(payload),
                });
            }
            Applied::Restart(Restart::Kept) => {
                if let Some(kept) = self.kept.get_mut(&header.group) {
                    let passed = kept.entries.partition_point(|entry| entry.index <= header.index);
                    kept.entries.drain(..passed);
                }
            }
            Applied::Restart(Restart::Dropped) | Applied::Removed => {
                self.kept.remove(&header.group);
            }
            Applied::Restart(Restart::Stale) | Applied::HardState => {}
        }
    }

    /// The checkpoint of the oldest segment is where everything starts; those of later ones must agree
    /// with what was read before.
    fn checkpoint(
        &mut self,
        reader: &SegmentReader,
        batch: &BatchHeader,
        offset: u64,
        body: &Bytes,
        oldest: bool,
    ) -> Result<(), OpenError> {
        let mut groups: BTreeMap<PartitionId, GroupState> = BTreeMap::new();
        each_record(reader, batch, offset, body, |header, change, _| match change {
            Change::Checkpoint(state) => {
                groups.insert(header.group, *state);
                Ok(())
            }
            _ => Err("a checkpoint holds another record".to_owned()),
        })?;
        if oldest {
            let missing = groups.iter().filter(|(_, state)| state.last > state.snapshot.index);
            let kept = |state: &GroupState| Kept { entries: Vec::new(), missing_to: state.last };
            self.kept = missing.map(|(group, state)| (*group, kept(state))).collect();
            self.ledger.groups = groups;
        } else if groups != self.ledger.groups {
            let all = groups.keys().chain(self.ledger.groups.keys());
            let differs = |group: &&PartitionId| groups.get(group) != self.ledger.groups.get(group);
            let group = all.copied().find(|group| differs(&group));
            let detail = "the segment begins in another state than the one before it ends in";
            return Err(reader.damage(offset, group, detail));
        }
        Ok(())
    }

    /// Every segment but the last must end right before the next one begins.
    fn check_end(&self, reader: &SegmentReader) -> Result<(), OpenError> {
        let Some(trailer) = reader.trailer()? else { return Ok(()) };
        if trailer.sequence_next != self.sequence_next || trailer.end != reader.offset() {
            let detail = format!(
                "the segment ends here before batch {}, its trailer says byte {} before batch {}",
                self.sequence_next, trailer.end, trailer.sequence_next
            );
            return Err(reader.damage(reader.offset(), None, detail));
        }
        Ok(())
    }

    fn tail(&mut self, mut reader: SegmentReader) -> Result<Tail, OpenError> {
        if reader.trailer()?.is_some() {
            let missing = reader.header.number.saturating_add(1);
            let detail = format!("segment {missing} after it is missing");
            return Err(reader.damage(reader.header.bytes, None, detail));
        }
        let end = reader.offset();
        let remains = reader.survey(self.sequence_next)?;
        if let Some(proof) = remains.proof
            && !planted("damage-is-the-end")
        {
            let detail = format!(
                "batch {} should stand here, and was durable when the one at byte {proof} was written",
                self.sequence_next
            );
            return Err(reader.damage(end, None, detail));
        }
        let torn_end = remains.nonzero_end.max(end);
        self.report.torn_bytes = torn_end - end;
        Ok(Tail {
            reader,
            end,
            unproven_from: self.unproven.front().map_or(end, |(_, offset)| *offset),
            torn_end,
            sequence_next: self.sequence_next,
            chain: self.chain.unwrap_or_default(),
        })
    }

    fn finish(mut self, tail: Tail) -> Result<Replayed, OpenError> {
        let mut groups = BTreeMap::new();
        for (group, state) in &self.ledger.groups {
            let kept = self.kept.remove(group).unwrap_or_default();
            if kept.missing_to > state.snapshot.index {
                let detail = format!(
                    "entries {} to {} were in a segment before the oldest one, which is missing",
                    state.snapshot.index.next(),
                    kept.missing_to
                );
                return Err(tail.reader.damage(0, Some(*group), detail));
            }
            let log = GroupLog {
                hard_state: state.hard_state,
                snapshot: state.snapshot.clone(),
                entries: kept.entries,
            };
            groups.insert(*group, log);
        }
        self.report_progress(0);
        let recovered = Recovered { groups, report: self.report };
        Ok(Replayed { recovered, ledger: self.ledger, tail })
    }
}

/// Hands over every record of a batch; an error, its own or the callee's, becomes damage at that record.
fn each_record(
    reader: &SegmentReader,
    batch: &BatchHeader,
    offset: u64,
    body: &[u8],
    mut take: impl FnMut(&RecordHeader, Change, &[u8]) -> Result<(), String>,
) -> Result<(), OpenError> {
    let place = |at: usize| offset + (batch::HEADER_BYTES + at) as u64;
    let (mut records, mut digest) = (0, 0);
    for item in Records::new(body) {
        let (at, header, payload) =
            item.map_err(|(at, group, error)| reader.damage(place(at), group, error.to_string()))?;
        Change::decode(&header, payload)
            .map_err(|error| error.to_string())
            .and_then(|change| take(&header, change, payload))
            .map_err(|detail| reader.damage(place(at), Some(header.group), detail))?;
        records += 1;
        digest = batch::add_to_digest(digest, &body[at..]);
    }
    if (records, digest) != (batch.records, batch.digest) {
        let detail =
            format!("the batch holds {records} records that are not its {}", batch.records);
        return Err(reader.damage(offset, None, detail));
    }
    Ok(())
}
