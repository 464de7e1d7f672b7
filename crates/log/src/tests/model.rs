//! What a log should hold, kept the plainest way, and a source of random batches that follow from it.

use super::*;
use crate::{Fill, MemDisk};

/// A random number generator that a seed decides (Steele et al., SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn payload(&mut self) -> Vec<u8> {
        let len = match self.below(4) {
            0 => self.below(30),
            1 | 2 => self.below(300),
            _ => self.below(2500),
        };
        // Payloads of zeros are the ones that could be taken for sectors never written.
        match self.below(3) {
            0 => vec![0; len as usize],
            1 => vec![0xff; len as usize],
            _ => (0..len).map(|_| self.next() as u8).collect(),
        }
    }
}

/// Every group as it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model(pub(crate) Groups);

impl Model {
    fn last(log: &GroupLog) -> (u64, u64) {
        let last = log.entries.last().map(|entry| (entry.index.0, entry.term.0));
        last.unwrap_or((log.snapshot.index.0, log.snapshot.term.0))
    }

    fn put(&mut self, group: PartitionId, entry: Entry) {
        let log = self.0.entry(group).or_default();
        log.entries.retain(|old| old.index < entry.index);
        log.entries.push(entry);
    }

    fn snapshot(&mut self, group: PartitionId, meta: SnapshotMeta) {
        let log = self.0.entry(group).or_default();
        let at = log.entries.iter().position(|entry| entry.index == meta.index);
        let follows = match at {
            Some(at) => log.entries[at].term == meta.term,
            None => (log.snapshot.index, log.snapshot.term) == (meta.index, meta.term),
        };
        if follows {
            log.entries.retain(|entry| entry.index > meta.index);
        } else {
            log.entries.clear();
        }
        log.snapshot = meta;
    }

    /// One to four random records that follow from the model, which takes them into account.
    pub(crate) fn batch(&mut self, random: &mut Random) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..=random.below(4) {
            self.record(random, &mut batch);
        }
        batch
    }

    fn record(&mut self, random: &mut Random, batch: &mut Batch) {
        let group = PartitionId(random.below(3) as u32);
        let log = self.0.entry(group).or_default();
        let (last, term) = Self::last(log);
        let start = log.snapshot.index.0;
        match random.below(20) {
            0 => {
                batch.remove_group(group);
                self.0.remove(&group);
            }
            1 | 2 => {
                log.hard_state = vote(random.below(100), last);
                if random.below(4) == 0 {
                    log.hard_state.floor = (Term(random.below(100)), Index(random.below(100)));
                }
                batch.hard_state(group, &log.hard_state);
            }
            3..=5 => {
                let index = start + random.below(last - start + 1);
                let at = log.entries.iter().find(|entry| entry.index.0 == index);
                let taken = meta(index, at.map_or(log.snapshot.term.0, |entry| entry.term.0));
                batch.snapshot(group, &taken);
                self.snapshot(group, taken);
            }
            6 => {
                let installed = meta(start + 1 + random.below(5), term + random.below(2));
                batch.snapshot(group, &installed);
                self.snapshot(group, installed);
            }
            7 if last > start => {
                let over = entry(last - random.below(last - start), term + 1, &random.payload());
                batch.entry(group, &over);
                self.put(group, over);
            }
            _ => {
                let next = entry(last + 1, term + random.below(10) / 9, &random.payload());
                batch.entry(group, &next);
                self.put(group, next);
            }
        }
    }
}

/// A log with a record of what it should hold.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) disk: MemDisk,
    pub(crate) model: Model,
    /// The states that a restart may come back with: the acknowledged one, and one more for every batch
    /// appended since.
    pub(crate) possible: Vec<Model>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(SMALL)
    }

    pub(crate) fn with(options: Options) -> Self {
        Self {
            options,
            disk: MemDisk::new(),
            model: Model::default(),
            possible: vec![Model::default()],
        }
    }

    pub(crate) fn acknowledge(&mut self) {
        self.possible = vec![self.model.clone()];
    }

    pub(crate) fn open(&self) -> Result<(Wal, Recovered), OpenError> {
        open_with(&self.disk, self.options)
    }

    /// Does one random thing to the log; false once it failed.
    pub(crate) fn step(&mut self, wal: &mut Wal, random: &mut Random) -> bool {
        match random.below(10) {
            0..5 if self.options.direct && random.below(3) > 0 => {
                let mut batch = self.model.batch(random);
                self.possible.push(self.model.clone());
                let done = wal.append_durably(&mut batch).is_ok();
                if done {
                    self.acknowledge();
                }
                done
            }
            0..5 => {
                let mut batch = self.model.batch(random);
                self.possible.push(self.model.clone());
                wal.append(&mut batch).is_ok()
            }
            5..8 => {
                let done = wal.sync().is_ok();
                if done {
                    self.acknowledge();
                }
                done
            }
            8 => match random.below(3) {
                0 => wal.mark_durable().is_ok(),
                _ => {
                    let fill = [Fill::Written, Fill::Reserved][random.below(2) as usize];
                    wal.prepare_next(fill, random.below(6000)).is_ok()
                }
            },
            _ => wal.release().is_ok(),
        }
    }

    /// Restarts after whatever happened, demands a possible state, and goes on from there.
    pub(crate) fn restart(&mut self, context: &str) -> Wal {
        let (wal, recovered) = match self.open() {
            Ok(opened) => opened,
            Err(error) => panic!("{context}: {error}"),
        };
        let found = Model(recovered.groups);
        assert!(
            self.possible.contains(&found),
            "{context}: found {found:#?}\nacknowledged {:#?}",
            self.possible[0]
        );
        self.model = found;
        // What was recovered counts as durable from here on.
        self.acknowledge();
        wal
    }

    /// Demands that the log still takes a batch and keeps it, however hard the next crash is.
    pub(crate) fn check_goes_on(&mut self, mut wal: Wal, random: &mut Random, context: &str) {
        for _ in 0..2 {
            let mut batch = self.model.batch(random);
            wal.append(&mut batch).unwrap();
        }
        wal.sync().unwrap();
        self.acknowledge();
        self.disk.crash_with(&mut |_| false);
        self.restart(context);
    }
}
