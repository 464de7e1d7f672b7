//! What is known of all trees' znodes, from what any client was told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Default)]
pub(crate) struct Trees {
    /// The changes of each path that a client was told of.
    changes: BTreeMap<String, BTreeSet<i64>>,
    /// The numbers that a sequence has given.
    numbers: BTreeSet<i64>,
    /// Znodes of the sequence that may be deleted.
    numbered: VecDeque<String>,
    /// Ephemerals whose sessions are known to be over.
    gone: Vec<String>,
    /// Of those, the ones that somebody has found absent since.
    seen_gone: BTreeSet<String>,
    /// Ephemerals of sessions that nobody goes on with.
    left_behind: Vec<String>,
}

impl Trees {
    pub fn wrote(&mut self, path: &str, zxid: i64) {
        self.changes.entry(path.to_owned()).or_default().insert(zxid);
    }

    /// A path that is watched and has changed behind what its watcher has seen, up to a zxid.
    pub fn untold(&self, armed: &BTreeMap<String, i64>, zxid: i64) -> Option<String> {
        let changed = |path: &str, seen: i64| {
            let changes = self.changes.get(path)?;
            (seen < zxid).then(|| changes.range(seen + 1..=zxid).next()).flatten()
        };
        armed.iter().find(|(path, seen)| changed(path, **seen).is_some()).map(|(p, _)| p.clone())
    }

    /// The greatest number that the sequence has given.
    pub fn greatest(&self) -> i64 {
        self.numbers.last().copied().unwrap_or(-1)
    }

    /// The sequence gave a name; what is wrong with it.
    pub fn numbered(&mut self, path: String, floor: i64) -> Option<String> {
        let number: i64 = path.strip_prefix("/q/n-").and_then(|n| n.parse().ok())?;
        let fresh = self.numbers.insert(number);
        let detail = format!("{path} was given when {floor} had been, or twice");
        self.numbered.push_back(path);
        (!fresh || number <= floor).then_some(detail)
    }

    /// A znode of the sequence, to be deleted.
    pub fn dropped(&mut self) -> Option<String> {
        self.numbered.pop_front()
    }

    /// Sessions are over that owned these.
    pub fn over(&mut self, owned: Vec<String>) {
        self.gone.extend(owned);
    }

    /// One of those that are gone.
    pub fn gone(&self, nth: u64) -> Option<String> {
        let count = self.gone.len() as u64;
        (count > 0).then(|| self.gone[(nth % count) as usize].clone())
    }

    pub fn left_behind(&mut self, owned: Vec<String>) {
        self.left_behind.extend(owned);
    }

    pub fn all_are_over(&mut self) {
        let left = std::mem::take(&mut self.left_behind);
        self.over(left);
    }

    pub fn seen_gone(&mut self, path: &str) {
        self.seen_gone.insert(path.to_owned());
    }

    pub fn not_seen_gone(&self) -> Option<String> {
        self.gone.iter().find(|path| !self.seen_gone.contains(*path)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_untold_from_the_change_behind_what_was_seen() {
        let mut trees = Trees::default();
        trees.wrote("/w", 5);
        let armed = |seen| BTreeMap::from([("/w".to_owned(), seen)]);
        assert_eq!(trees.untold(&armed(4), 5), Some("/w".to_owned()));
        assert_eq!(trees.untold(&armed(4), 4), None, "it is not shown yet");
        assert_eq!(trees.untold(&armed(5), i64::MAX), None, "it was seen");
    }

    #[test]
    fn a_number_that_is_not_greater_or_comes_twice_is_found() {
        let mut trees = Trees::default();
        let mut give =
            |n: i64, floor: i64| trees.numbered(format!("/q/n-{n:010}"), floor).is_some();
        assert!(!give(4, -1) && !give(3, -1) && give(3, -1) && give(5, 5));
    }
}
