//! Quotas: how much there may be at a path and below, and how much there is.
//!
//! They lie where ZooKeeper keeps them: the limits of `/a` are the data of `/zookeeper/quota/a/zookeeper_limits`, which
//! clients write, and what there is the data of `/zookeeper/quota/a/zookeeper_stats`, which the tree keeps up without
//! counting it as a change. Only hard limits refuse anything; the others are there for whoever reads them.
//!
//! Source: `StatsTrack` and `DataTree` of Apache ZooKeeper 3.8.

use crate::code::Code;
use crate::tree::{Tree, Znode};
use std::fmt;

const QUOTAS: &str = "/zookeeper/quota";
const LIMITS: &str = "/zookeeper_limits";
const STATS: &str = "/zookeeper_stats";

/// `count=3,bytes=100;byteHardLimit=200;countHardLimit=5`; -1 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Track {
    count: i64,
    bytes: i64,
    count_hard: i64,
    bytes_hard: i64,
}

impl Track {
    /// What cannot be read limits nothing.
    fn parse(data: Option<&[u8]>) -> Self {
        let mut track = Self { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };
        let text = data.and_then(|data| std::str::from_utf8(data).ok()).unwrap_or_default();
        for field in text.split([',', ';']) {
            let Some((name, value)) = field.split_once('=') else { continue };
            let place = match name {
                "count" => &mut track.count,
                "bytes" => &mut track.bytes,
                "countHardLimit" => &mut track.count_hard,
                "byteHardLimit" => &mut track.bytes_hard,
                _ => continue,
            };
            *place = value.parse().unwrap_or(-1);
        }
        track
    }
}

impl fmt::Display for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count={},bytes={}", self.count, self.bytes)
    }
}

/// How much more, or less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub count: i64,
    pub bytes: i64,
}

/// The path that a quota is of, if this is the znode of its limits.
pub(crate) fn limited(path: &str) -> Option<&str> {
    path.strip_prefix(QUOTAS)?.strip_suffix(LIMITS).filter(|path| !path.is_empty())
}

fn len(node: &Znode) -> i64 {
    node.data.as_ref().map_or(0, |data| data.len() as i64)
}

impl Tree {
    /// The nearest path, itself or above, that has a quota. What the servers keep for themselves has none.
    fn quota_of(&self, path: &str) -> Option<Box<str>> {
        if self.quotas.is_empty() || path.starts_with("/zookeeper/") {
            return None;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let mut all: Vec<&str> = ends.map(|end| &path[..end]).collect();
        all.reverse();
        all.into_iter().find_map(|path| self.quotas.get(path).cloned())
    }

    /// Whether a hard limit forbids so much more at a path.
    pub(crate) fn check_quota(&self, path: &str, more: Change) -> Result<(), Code> {
        let Some(of) = self.quota_of(path) else { return Ok(()) };
        let track = |end: &str| {
            let node = self.nodes.get(&format!("{QUOTAS}{of}{end}"));
            Track::parse(node.and_then(|node| node.data.as_deref()))
        };
        let (limits, stats) = (track(LIMITS), track(STATS));
        let over = |more: i64, there: i64, hard: i64| {
            more > 0 && hard > -1 && there.saturating_add(more) > hard
        };
        let count = over(more.count, stats.count.max(0), limits.count_hard);
        let bytes = over(more.bytes, stats.bytes.max(0), limits.bytes_hard);
        if count || bytes { Err(Code::QuotaExceeded) } else { Ok(()) }
    }

    /// There is so much more at a path, or less.
    pub(crate) fn count_quota(&mut self, path: &str, more: Change) {
        let Some(of) = self.quota_of(path) else { return };
        let stats = format!("{QUOTAS}{of}{STATS}");
        let Some(node) = self.nodes.get(&stats) else { return };
        let before = Track::parse(node.data.as_deref());
        let sum = |there: i64, more: i64| there.max(0).saturating_add(more).max(0);
        let (count, bytes) = (sum(before.count, more.count), sum(before.bytes, more.bytes));
        self.note_quota(&stats, Track { count, bytes, ..before });
    }

    /// A znode came into being: if it is where a quota's stats are kept, they are counted.
    pub(crate) fn begin_quota(&mut self, path: &str) {
        let Some(of) = path.strip_prefix(QUOTAS).and_then(|path| path.strip_suffix(STATS)) else {
            return;
        };
        let mut track = Track::parse(None);
        (track.count, track.bytes) = (0, 0);
        if let Some(node) = self.nodes.get(of) {
            let below = self.nodes.below(of).map(|(_, node)| node);
            for node in [node].into_iter().chain(below) {
                track.count += 1;
                track.bytes += len(node);
            }
        }
        self.note_quota(path, track);
    }

    fn note_quota(&mut self, stats: &str, track: Track) {
        let text = track.to_string();
        let Some(node) = self.change(stats) else { return };
        let data: Box<[u8]> = text.into_bytes().into();
        let after = data.len();
        let before = node.data.replace(data).map_or(0, |data| data.len());
        self.weigh_data(before, after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_clients_write_them() {
        let none = Track { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };
        let cases: [(&[u8], Track); 5] = [
            (b"count=3,bytes=-1", Track { count: 3, ..none }),
            (
                b"count=-1,bytes=7;byteHardLimit=9;countHardLimit=2",
                Track { bytes: 7, bytes_hard: 9, count_hard: 2, ..none },
            ),
            (b"count=x,other=1", none),
            (b"", none),
            (b"\xff", none),
        ];
        for (data, track) in cases {
            assert_eq!(Track::parse(Some(data)), track);
        }
        assert_eq!(Track::parse(None), none);
    }

    #[test]
    fn the_limits_of_a_path_lie_under_its_name() {
        assert_eq!(limited("/zookeeper/quota/a/b/zookeeper_limits"), Some("/a/b"));
        assert_eq!(limited("/zookeeper/quota/zookeeper_limits"), None);
        assert_eq!(limited("/zookeeper/quota/a/zookeeper_stats"), None);
        assert_eq!(limited("/a/zookeeper_limits"), None);
    }
}
