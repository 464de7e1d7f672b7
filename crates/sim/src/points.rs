//! Crash points: the named places at which the simulator ends a machine, each before and after what happens there.
//!
//! Those of the disk are operations by kind of file; the others are steps of a turn. A run counts the points at which
//! a machine really died, so that a place that is never reached is seen.

use crate::faults::Fault;
use crate::random::Random;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use synod_consensus::{Body, Message, paxos, raft, zab};
use synod_log::disk::{Operation, Struck, Trap};
use synod_wire::peer::{FrameDecoder, FrameKind};

/// What is done at a crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A batch, a mark or a trailer is written to the log.
    LogWrite,
    /// The log is synced.
    LogSync,
    /// The next segment's file is made.
    NextCreate,
    /// The next segment is zeroed, or begun.
    NextWrite,
    /// The next segment is synced.
    NextSync,
    /// The next segment gets its name.
    NextRename,
    /// What an earlier life left of a next segment is removed.
    NextRemove,
    /// The log's directory is synced.
    LogDirSync,
    /// A segment that nobody needs is removed: compaction.
    LogRemove,
    /// A snapshot's file is made.
    SnapshotCreate,
    /// A piece of a snapshot is written.
    SnapshotWrite,
    /// A snapshot is synced.
    SnapshotSync,
    /// A finished snapshot gets its name.
    SnapshotRename,
    /// The directory of the snapshots is synced.
    SnapshotDirSync,
    /// A snapshot that a newer one replaces is removed.
    SnapshotRemove,
    /// The file of a fetched snapshot is made.
    FetchCreate,
    /// A piece of a fetched snapshot is written.
    FetchWrite,
    /// A fetched snapshot is synced.
    FetchSync,
    /// A fetched snapshot gets its name.
    FetchRename,
    /// A term or a vote is flushed.
    HardState,
    /// A snapshot's mark is flushed.
    Mark,
    /// A request for a vote or a granted vote is sent.
    VoteSend,
    /// Entries are sent to a follower.
    EntriesSend,
    /// A follower's acknowledgement is sent.
    AckSend,
    /// A request is forwarded.
    ForwardSend,
    /// The answer to a forwarded request is sent.
    AnswerSend,
    /// A client is answered.
    Reply,
    /// Entries are applied.
    Apply,
    /// The node learns that its snapshot is durable.
    SnapshotTold,
    /// A fetched snapshot is installed.
    Install,
    /// The process starts from what the disk holds.
    Start,
}

/// On which side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It was not begun.
    Before,
    /// It was done.
    After,
}

/// One crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrashPoint {
    /// What is done there.
    pub place: Place,
    /// Before or after it.
    pub side: Side,
}

/// Tells the files of a place by their paths.
type Files = fn(&Path) -> bool;

/// How often machines died at each point.
pub type CrashPoints = BTreeMap<CrashPoint, u64>;

impl Place {
    /// All of them, those of the disk first.
    pub const ALL: [Self; 31] = [
        Self::LogWrite,
        Self::LogSync,
        Self::NextCreate,
        Self::NextWrite,
        Self::NextSync,
        Self::NextRename,
        Self::NextRemove,
        Self::LogDirSync,
        Self::LogRemove,
        Self::SnapshotCreate,
        Self::SnapshotWrite,
        Self::SnapshotSync,
        Self::SnapshotRename,
        Self::SnapshotDirSync,
        Self::SnapshotRemove,
        Self::FetchCreate,
        Self::FetchWrite,
        Self::FetchSync,
        Self::FetchRename,
        Self::HardState,
        Self::Mark,
        Self::VoteSend,
        Self::EntriesSend,
        Self::AckSend,
        Self::ForwardSend,
        Self::AnswerSend,
        Self::Reply,
        Self::Apply,
        Self::SnapshotTold,
        Self::Install,
        Self::Start,
    ];

    /// In a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogWrite => "log write",
            Self::LogSync => "log sync",
            Self::NextCreate => "next segment's create",
            Self::NextWrite => "next segment's write",
            Self::NextSync => "next segment's sync",
            Self::NextRename => "next segment's rename",
            Self::NextRemove => "next segment's remove",
            Self::LogDirSync => "log directory sync",
            Self::LogRemove => "segment remove",
            Self::SnapshotCreate => "snapshot create",
            Self::SnapshotWrite => "snapshot write",
            Self::SnapshotSync => "snapshot sync",
            Self::SnapshotRename => "snapshot rename",
            Self::SnapshotDirSync => "snapshot directory sync",
            Self::SnapshotRemove => "snapshot remove",
            Self::FetchCreate => "fetched snapshot's create",
            Self::FetchWrite => "fetched snapshot's write",
            Self::FetchSync => "fetched snapshot's sync",
            Self::FetchRename => "fetched snapshot's rename",
            Self::HardState => "hard state flush",
            Self::Mark => "snapshot mark flush",
            Self::VoteSend => "vote send",
            Self::EntriesSend => "entries send",
            Self::AckSend => "acknowledgement send",
            Self::ForwardSend => "forward send",
            Self::AnswerSend => "forward's answer send",
            Self::Reply => "reply",
            Self::Apply => "apply",
            Self::SnapshotTold => "snapshot told",
            Self::Install => "install",
            Self::Start => "start",
        }
    }

    fn is_sending(self) -> bool {
        matches!(
            self,
            Self::VoteSend
                | Self::EntriesSend
                | Self::AckSend
                | Self::ForwardSend
                | Self::AnswerSend
        )
    }

    /// The operation and the files of a place of the disk.
    fn on_disk(self) -> Option<(Operation, Files)> {
        let aim: (Operation, Files) = match self {
            Self::LogWrite => (Operation::Write, is_segment),
            Self::LogSync => (Operation::Sync, is_segment),
            Self::NextCreate => (Operation::Create, is_next),
            Self::NextWrite => (Operation::Write, is_next),
            Self::NextSync => (Operation::Sync, is_next),
            Self::NextRename => (Operation::Rename, is_next),
            Self::NextRemove => (Operation::Remove, is_next),
            Self::LogDirSync => (Operation::SyncDir, |p| p.ends_with("wal")),
            Self::LogRemove => (Operation::Remove, is_segment),
            Self::SnapshotCreate => (Operation::Create, is_writing),
            Self::SnapshotWrite => (Operation::Write, is_writing),
            Self::SnapshotSync => (Operation::Sync, is_writing),
            Self::SnapshotRename => (Operation::Rename, is_writing),
            Self::SnapshotDirSync => (Operation::SyncDir, |p| p.ends_with("snapshots")),
            Self::SnapshotRemove => (Operation::Remove, is_snapshot),
            Self::FetchCreate => (Operation::Create, is_fetched),
            Self::FetchWrite => (Operation::Write, is_fetched),
            Self::FetchSync => (Operation::Sync, is_fetched),
            Self::FetchRename => (Operation::Rename, is_fetched),
            _ => return None,
        };
        Some(aim)
    }
}

fn ends_with(path: &Path, suffix: &str) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(suffix))
}

fn is_segment(path: &Path) -> bool {
    ends_with(path, ".wal")
}

fn is_next(path: &Path) -> bool {
    ends_with(path, "next.tmp")
}

fn is_snapshot(path: &Path) -> bool {
    ends_with(path, ".snap")
}

fn is_writing(path: &Path) -> bool {
    ends_with(path, ".snap.tmp")
}

fn is_fetched(path: &Path) -> bool {
    ends_with(path, ".snap.part")
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.side == Side::Before { "before" } else { "after" };
        write!(f, "{side} {}", self.place.name())
    }
}

impl CrashPoint {
    /// All of them. What is applied leaves no trace before it is answered or sent, so there is only one side to it;
    /// before a start there is no process that could die.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let both = |place| [Side::Before, Side::After].map(|side| Self { place, side });
        let one_sided = |point: &Self| {
            matches!(point.place, Place::Apply | Place::Start) && point.side == Side::Before
        };
        Place::ALL.into_iter().flat_map(both).filter(|point| !one_sided(point)).collect()
    }

    /// The point at which a disk stopped working, if it is one of these.
    fn struck(struck: &Struck) -> Option<Self> {
        let here = |place: &Place| {
            place.on_disk().is_some_and(|(on, of)| on == struck.on && of(&struck.path))
        };
        let place = Place::ALL.into_iter().find(here)?;
        let side = if struck.late { Side::After } else { Side::Before };
        Some(Self { place, side })
    }
}

/// The places that sending these frames passes.
fn passed_by(frames: &[u8]) -> Vec<Place> {
    let mut decoder = FrameDecoder::new();
    decoder.established();
    let mut input = bytes::BytesMut::from(frames);
    let mut places = Vec::new();
    while let Ok(Some(frame)) = decoder.decode(&mut input) {
        places.extend(match frame.kind {
            FrameKind::Forward => Some(Place::ForwardSend),
            FrameKind::ForwardReply => Some(Place::AnswerSend),
            FrameKind::Consensus => match Message::decode(frame.body) {
                Some(message) => match message.body {
                    Body::Raft(
                        raft::Ask::Vote { pre: false, .. }
                        | raft::Ask::VoteReply { pre: false, granted: true },
                    )
                    | Body::Paxos(paxos::Ask::Prepare { .. } | paxos::Ask::Promise { .. })
                    | Body::Zab(zab::Ask::NewEpoch { .. } | zab::Ask::AckEpoch { .. }) => {
                        Some(Place::VoteSend)
                    }
                    Body::Append { entries, .. } if !entries.is_empty() => Some(Place::EntriesSend),
                    Body::AppendReply { .. } => Some(Place::AckSend),
                    _ => None,
                },
                None => None,
            },
            _ => None,
        });
    }
    places
}

impl World {
    /// Arms one crash point on a machine and names it. It is drawn from all: those around votes three times as often, since a
    /// promise that is broken there takes two elections to be seen, and those of fetched snapshots, which are rare.
    pub(crate) fn arm(&mut self, node: usize, random: &mut Random) -> String {
        let weighty = |p: &&CrashPoint| {
            use Place::{
                FetchCreate, FetchRename, FetchSync, FetchWrite, HardState, Install, VoteSend,
            };
            matches!(
                p.place,
                VoteSend | HardState | FetchCreate | FetchWrite | FetchSync | FetchRename | Install
            )
        };
        let all = CrashPoint::all();
        let often: Vec<_> = all.iter().filter(weighty).flat_map(|p| [*p; 2]).collect();
        let all: Vec<_> = all.into_iter().chain(often).collect();
        let point = all[random.below(all.len() as u64) as usize];
        let after = random.skewed(0, 4);
        let machine = &mut self.machines[node];
        if machine.armed.insert(point, after).is_none()
            && let Some((on, of)) = point.place.on_disk()
        {
            machine.disk.set_trap(Trap { on, of, after, late: point.side == Side::After });
        }
        if let Some(process) = &mut machine.process {
            process.applied = None;
        }
        point.to_string()
    }

    /// A machine passes a crash point. Whether it dies there.
    pub(crate) fn passes(&mut self, at: usize, place: Place, side: Side) -> bool {
        let point = CrashPoint { place, side };
        let armed = &mut self.machines[at].armed;
        match armed.get_mut(&point) {
            None => return false,
            Some(0) => armed.remove(&point),
            Some(after) => {
                *after -= 1;
                return false;
            }
        };
        *self.crash_points.entry(point).or_default() += 1;
        self.count(Fault::CrashPoint);
        let power = self.random.permille(600);
        self.stop(at, power, place.name());
        true
    }

    /// A machine sends frames. Whether it dies at that.
    pub(crate) fn passes_sending(&mut self, at: usize, frames: &[&[u8]], side: Side) -> bool {
        let armed = &self.machines[at].armed;
        if armed.keys().all(|point| !point.place.is_sending() || point.side != side) {
            return false;
        }
        let places: BTreeSet<_> = frames.iter().flat_map(|frames| passed_by(frames)).collect();
        places.into_iter().any(|place| self.passes(at, place, side))
    }

    /// Whether a disk stopped working because of a trap or a fault that was to be the machine's end.
    pub(crate) fn died_inside(&self, at: usize) -> Option<Fault> {
        let machine = &self.machines[at];
        match (machine.dying, machine.disk.is_dead()) {
            (true, _) => Some(Fault::PowerInside),
            (false, true) => Some(Fault::CrashPoint),
            (false, false) => None,
        }
    }

    /// Notes at which point of its disk a machine that stops died, if it did.
    pub(crate) fn note_crash_point(&mut self, at: usize) {
        let struck = self.machines[at].disk.take_struck();
        if self.died_inside(at).is_some()
            && let Some(struck) = struck
            && let Some(point) = CrashPoint::struck(&struck)
        {
            self.machines[at].armed.remove(&point);
            *self.crash_points.entry(point).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_name_of_its_own() {
        let names: BTreeSet<_> = CrashPoint::all().iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), CrashPoint::all().len());
        assert!(names.len() >= 40);
    }
}
