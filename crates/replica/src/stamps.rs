//! The time of a group: the stamp that its leader gives to entries, and by which reads judge what has expired.
//!
//! A read and an entry that is not applied yet have to agree on what time it was. If reads went by the clock, one could
//! find a key gone which an entry, stamped earlier and applied later, then keeps alive. So:
//!
//! - while an own entry is on its way, reads are of the time of the oldest one; a read of a key that has expired
//!   since waits until all that is on its way now is applied;
//! - otherwise they are of the present, and no entry is stamped earlier from then on.
//!
//! So no read is of an earlier time than the one before it, and none finds what was over when it came. An entry of another leader that is not applied yet
//! does not matter: a new leader reads nothing before it has applied an entry of its own.

use std::collections::VecDeque;
use synod_types::{Index, Millis};

/// The stamps of one group as one member knows them.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    /// The last stamp given, applied or read by. No later one is before it.
    last: Millis,
    /// The entries proposed here and not applied: ascending indexes, stamps that do not fall.
    proposed: VecDeque<(Index, Millis)>,
}

impl Stamps {
    /// The stamp of the next entry.
    pub fn next(&mut self, wall: Millis) -> Millis {
        self.last = self.last.max(wall);
        self.last
    }

    /// The entry with the last stamp has this index; what stood there and behind it is replaced.
    pub fn propose(&mut self, index: Index) {
        while self.proposed.pop_back_if(|(at, _)| *at >= index).is_some() {}
        self.proposed.push_back((index, self.last));
    }

    /// Leadership has changed: what was proposed before is applied before this member reads again, or never.
    pub fn forget_proposed(&mut self) {
        self.proposed.clear();
    }

    /// An entry with this stamp takes effect.
    pub fn learn(&mut self, stamp: Millis) {
        self.last = self.last.max(stamp);
    }

    /// Everything up to this index is applied.
    pub fn apply(&mut self, index: Index) {
        while self.proposed.pop_front_if(|(at, _)| *at <= index).is_some() {}
    }

    /// Where a read that needs the present has to wait, and the present: the last entry on its way.
    pub fn present(&self, wall: Millis) -> Option<(Index, Millis)> {
        self.proposed.back().map(|(index, _)| (*index, self.last.max(wall)))
    }

    /// What time it is for a leader's read.
    pub fn read(&mut self, wall: Millis) -> Millis {
        match self.proposed.front() {
            Some((_, stamp)) => *stamp,
            None => self.next(wall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_entries_agree_on_the_time() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.next(Millis(100)), Millis(100));
        stamps.propose(Index(5));
        assert_eq!(stamps.next(Millis(140)), Millis(140));
        stamps.propose(Index(6));
        assert_eq!(stamps.read(Millis(900)), Millis(100), "entry 5 is on its way");
        assert_eq!(stamps.present(Millis(900)), Some((Index(6), Millis(900))));
        stamps.apply(Index(5));
        assert_eq!(stamps.read(Millis(900)), Millis(140));
        stamps.apply(Index(6));
        assert_eq!(stamps.read(Millis(900)), Millis(900));
        assert_eq!(stamps.next(Millis(300)), Millis(900), "the clock went back");
    }

    #[test]
    fn a_replaced_entry_holds_no_read_back() {
        let mut stamps = Stamps::default();
        stamps.next(Millis(100));
        stamps.propose(Index(5));
        stamps.propose(Index(6));
        stamps.next(Millis(200));
        stamps.propose(Index(5));
        assert_eq!(stamps.read(Millis(300)), Millis(200));
        stamps.apply(Index(5));
        assert_eq!(stamps.read(Millis(300)), Millis(300));
    }

    /// A leader is deposed with entries 5 to 7 on their way; its successor's log ends at 6, and it leads again.
    #[test]
    fn what_a_deposed_leader_proposed_holds_no_read_back() {
        let mut stamps = Stamps::default();
        stamps.next(Millis(100));
        (5..=7).for_each(|index| stamps.propose(Index(index)));
        stamps.forget_proposed();
        stamps.learn(Millis(150));
        stamps.apply(Index(6));
        assert_eq!(stamps.present(Millis(900)), None, "entry 7 never comes");
        assert_eq!(stamps.read(Millis(900)), Millis(900));
        assert_eq!(stamps.next(Millis(120)), Millis(900), "what was read by is not forgotten");
    }
}
