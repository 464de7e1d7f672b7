//! Who of a tree's sessions is still heard from: the leader's own knowledge, which no log holds.
//!
//! Time is counted in ticks of this process, not read off a clock, so a clock that jumps ends no session. A new leader
//! has heard from nobody yet and gives every session its whole timeout anew; so a session may live longer than it should,
//! never shorter.

use std::collections::BTreeMap;
use synod_tree::Tree;

/// How many sessions end in one entry.
const EXPIRE_MAX: usize = 1_000;

/// When each session was heard from last, by tick.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    tick: u64,
    heard: BTreeMap<i64, u64>,
}

impl Leases {
    /// Leadership was lost or gained.
    pub fn forget(&mut self) {
        self.heard.clear();
    }

    /// These sessions are heard from.
    pub fn touch(&mut self, sessions: &[i64]) {
        for session in sessions {
            if let Some(heard) = self.heard.get_mut(session) {
                *heard = self.tick;
            }
        }
    }

    /// Another tick has passed, which is so many milliseconds; the sessions whose time is over.
    pub fn tick(&mut self, tree: &Tree, tick_ms: u64) -> Vec<i64> {
        self.tick += 1;
        let tick = self.tick;
        if self.heard.len() > tree.sessions().count() {
            self.heard.retain(|session, _| tree.has_session(*session));
        }
        let mut over = Vec::new();
        for (id, session) in tree.sessions() {
            let silent = tick - *self.heard.entry(id).or_insert(tick);
            if silent * tick_ms > u64::from(session.timeout_ms()) && over.len() < EXPIRE_MAX {
                over.push(id);
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_machine::{Context, Machine};
    use synod_tree::{Call, Request};

    #[test]
    fn a_session_ends_its_timeout_after_it_was_heard_from_or_a_leader_began() {
        let mut tree = Tree::default();
        let mut body = Vec::new();
        let request = Request::Open { timeout_ms: 200 };
        Call { session: 0, owner: 1, ids: Vec::new(), request }.encode(&mut body);
        tree.apply(&body, &Context::default(), &mut ());
        let id = tree.sessions().next().unwrap().0;
        let mut leases = Leases::default();
        let quiet = |leases: &mut Leases, ticks: usize| {
            (0..ticks).for_each(|_| assert_eq!(leases.tick(&tree, 50), []));
        };
        quiet(&mut leases, 5);
        leases.touch(&[id, 999]);
        quiet(&mut leases, 4);
        assert_eq!(leases.tick(&tree, 50), [id]);
        leases.forget();
        quiet(&mut leases, 5);
        assert_eq!(leases.tick(&tree, 50), [id], "nobody heard from it");
    }
}
