//! Everything in a log, in order, with its place: for people who look into one, damaged or not.

use crate::batch;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::record::{Change, RecordHeader};
use crate::recover;
use crate::scan::{Records, SegmentReader, Step};
use bytes::Bytes;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One thing in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DumpItem {
    /// A segment begins.
    Segment {
        /// Its number.
        segment: u64,
        /// Its length.
        bytes: u64,
        /// The number of its first batch.
        sequence_first: u64,
    },
    /// A batch begins.
    Batch {
        /// The segment.
        segment: u64,
        /// The byte in it.
        offset: u64,
        /// Counts the batches of the log.
        sequence: u64,
        /// The batches up to this one were durable when it was written.
        durable: u64,
        /// How many records follow.
        records: u32,
        /// Whether it is the checkpoint of the segment.
        checkpoint: bool,
    },
    /// A record of the batch.
    Record {
        /// The segment.
        segment: u64,
        /// The byte in it.
        offset: u64,
        /// The header.
        header: RecordHeader,
        /// What it does.
        change: Change,
        /// Its payload.
        payload: Bytes,
    },
    /// The batches of the segment end.
    End {
        /// The segment.
        segment: u64,
        /// The byte in it.
        offset: u64,
        /// What comes after and is not zeros, in bytes.
        torn_bytes: u64,
    },
}

/// The things in a log. An error is about one segment and ends that one; the next one follows.
pub struct Dump {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    numbers: VecDeque<u64>,
    reader: Option<(SegmentReader, u64, Option<u32>)>,
    ready: VecDeque<Result<DumpItem, OpenError>>,
}

/// Lists what is in the log in `dir`, reading it as it goes and changing nothing.
///
/// # Errors
/// The directory cannot be read.
pub fn dump(disk: Arc<dyn Disk>, dir: &Path) -> Result<Dump, OpenError> {
    let numbers = recover::segments(&*disk, dir)?.into();
    let dir = dir.to_path_buf();
    Ok(Dump { disk, dir, numbers, reader: None, ready: VecDeque::new() })
}

impl Iterator for Dump {
    type Item = Result<DumpItem, OpenError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if let Err(error) = self.advance()? {
                self.reader = None;
                return Some(Err(error));
            }
        }
    }
}

impl Dump {
    /// Gets more things ready; `None` at the end of the log.
    fn advance(&mut self) -> Option<Result<(), OpenError>> {
        let Some((mut reader, sequence, chain)) = self.reader.take() else {
            let number = self.numbers.pop_front()?;
            return Some(self.open(number));
        };
        let segment = reader.header.number;
        match reader.next(sequence, chain) {
            Err(error) => return Some(Err(error)),
            Ok(Step::Batch { header, offset, body }) => {
                self.ready.push_back(Ok(DumpItem::Batch {
                    segment,
                    offset,
                    sequence: header.sequence,
                    durable: header.durable,
                    records: header.records,
                    checkpoint: header.checkpoint,
                }));
                self.records(&reader, offset, &body);
                self.reader = Some((reader, sequence + 1, Some(header.chain())));
            }
            Ok(Step::End) => {
                let offset = reader.offset();
                match reader.survey(sequence) {
                    Err(error) => return Some(Err(error)),
                    Ok(remains) => self.ready.push_back(Ok(DumpItem::End {
                        segment,
                        offset,
                        torn_bytes: remains.nonzero_end.saturating_sub(offset),
                    })),
                }
            }
        }
        Some(Ok(()))
    }

    fn open(&mut self, number: u64) -> Result<(), OpenError> {
        let reader = SegmentReader::open(&*self.disk, &self.dir, number)?;
        let sequence_first = reader.header.sequence_first;
        self.ready.push_back(Ok(DumpItem::Segment {
            segment: number,
            bytes: reader.header.bytes,
            sequence_first,
        }));
        self.reader = Some((reader, sequence_first, None));
        Ok(())
    }

    fn records(&mut self, reader: &SegmentReader, batch: u64, body: &Bytes) {
        for item in Records::new(body) {
            let place = |at: usize| batch + (batch::HEADER_BYTES + at) as u64;
            let item = match item {
                Err((at, group, error)) => Err(reader.damage(place(at), group, error.to_string())),
                Ok((at, header, payload)) => match Change::decode(&header, payload) {
                    Err(error) => {
                        Err(reader.damage(place(at), Some(header.group), error.to_string()))
                    }
                    Ok(change) => Ok(DumpItem::Record {
                        segment: reader.header.number,
                        offset: place(at),
                        header,
                        change,
                        payload: body.slice_ref(payload),
                    }),
                },
            };
            self.ready.push_back(item);
        }
    }
}
