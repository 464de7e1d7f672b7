//! Who of a tree's sessions is still heard from: the leader's own knowledge, which no log holds.
//!
//! Time is that of the process's own steady clock, so a wall clock that jumps ends no session. A new leader has heard from
//! nobody yet and gives every session its whole timeout anew; so a session may live longer than it should, never shorter.
//! A session is heard from by every call of it, as soon as it is here, and by what its node says ([`Request::Touch`]).
//! Once its end is proposed it is too late: what comes then is behind that end in the log, and a read waits for it.
//!
//! [`Request::Touch`]: synod_tree::Request::Touch

use std::collections::{BTreeMap, BTreeSet};
use synod_tree::Tree;
use synod_types::plant::planted;

/// How many sessions end in one entry.
const EXPIRE_MAX: usize = 1_000;
/// What is heard between two looks counts as heard at the earlier one, so a session is given this much more.
const LOOK_US: u64 = 100_000;

/// The leases of all trees of a partition, by namespace.
#[derive(Debug, Default)]
pub(crate) struct AllLeases {
    now_us: u64,
    of: BTreeMap<Box<str>, Leases>,
}

impl AllLeases {
    /// Leadership was lost or gained.
    pub fn forget(&mut self) {
        self.of.clear();
    }

    /// It is that late now.
    pub fn pass_time(&mut self, now_us: u64) {
        self.now_us = now_us;
        self.of.values_mut().for_each(|leases| leases.now_us = now_us);
    }

    /// Those of this tree.
    pub fn of(&mut self, namespace: &str) -> &mut Leases {
        if !self.of.contains_key(namespace) {
            let leases = Leases { now_us: self.now_us, ..Leases::default() };
            self.of.insert(namespace.into(), leases);
        }
        self.of.entry(namespace.into()).or_default()
    }

    /// Whether the end of one of these sessions of this tree, which are there, was proposed.
    pub fn ends_any(&self, namespace: &str, tree: &Tree, sessions: &[i64]) -> bool {
        let of = self.of.get(namespace);
        of.is_some_and(|leases| sessions.iter().any(|id| leases.ends(tree, *id)))
    }
}

/// When each session was heard from last.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    now_us: u64,
    heard: BTreeMap<i64, u64>,
    /// What was promised to those whom nobody has looked at yet.
    promised: BTreeMap<i64, u32>,
    /// Those whose end was proposed.
    ending: BTreeSet<i64>,
}

impl Leases {
    /// These sessions are heard from.
    pub fn touch(&mut self, sessions: &[i64]) {
        for session in sessions {
            if let Some(heard) = self.heard.get_mut(session) {
                *heard = self.now_us;
            }
        }
    }

    /// The lease of this session is asked to be so long from now on. Until the answer is known nobody ends it by the length
    /// that it has had.
    pub fn promise(&mut self, session: i64, lease_ms: u32) {
        match self.heard.get_mut(&session) {
            Some(heard) => *heard = self.now_us + u64::from(lease_ms) * 1_000,
            // Nobody has looked at it yet, and what time it is may be long ago.
            None => _ = self.promised.insert(session, lease_ms),
        }
    }

    /// Whether the end of a session that is there was proposed.
    pub fn ends(&self, tree: &Tree, session: i64) -> bool {
        self.ending.contains(&session) && tree.has_session(session)
    }

    /// The sessions whose time is over now.
    pub fn over(&mut self, tree: &Tree, now_us: u64) -> Vec<i64> {
        self.now_us = now_us;
        if self.heard.len() > tree.sessions().count() {
            self.heard.retain(|session, _| tree.has_session(*session));
        }
        self.ending.retain(|session| tree.has_session(*session));
        let part = if planted("session-cut-short") { 250 } else { 1_000 };
        let mut over = Vec::new();
        for (id, session) in tree.sessions() {
            let promised_us = self.promised.get(&id).map_or(0, |ms| u64::from(*ms) * 1_000);
            let heard_us = *self.heard.entry(id).or_insert(now_us + promised_us);
            let silent_us = now_us.saturating_sub(heard_us);
            let timeout_us = u64::from(session.timeout_ms()) * part + LOOK_US;
            if silent_us > timeout_us && over.len() < EXPIRE_MAX {
                over.push(id);
                self.ending.insert(id);
            }
        }
        self.promised.clear();
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
        let mut all = AllLeases::default();
        assert_eq!(all.of("").over(&tree, 1_000_000), []);
        assert_eq!(all.of("").over(&tree, 1_250_000), []);
        all.of("").touch(&[id, 999]);
        // Ticks that are made up for at one moment count as one.
        (0..99).for_each(|_| assert_eq!(all.of("").over(&tree, 1_550_000), []));
        assert_eq!(all.of("").over(&tree, 1_550_001), [id]);
        assert!(all.ends_any("", &tree, &[id]));
        all.of("").touch(&[id]);
        assert!(all.ends_any("", &tree, &[id]), "it is too late");
        all.forget();
        assert!(!all.ends_any("", &tree, &[id]));
        assert_eq!(all.of("").over(&tree, 2_000_000), []);
        assert_eq!(all.of("").over(&tree, 2_300_000), []);
        assert_eq!(all.of("").over(&tree, 2_300_001), [id], "nobody heard from it");
        // A lease that is asked to be longer is not ended by its old length while the answer is under way.
        all.of("").promise(id, 5_000);
        assert_eq!(all.of("").over(&tree, 7_300_000), []);
        all.of("").touch(&[id]);
        assert_eq!(all.of("").over(&tree, 7_600_000), []);
        assert_eq!(all.of("").over(&tree, 7_600_001), [id]);
        // While the disk is full nobody's session is ended, and who is heard from is.
        all.forget();
        assert_eq!(all.of("").over(&tree, 3_000_000), []);
        all.pass_time(3_200_000);
        all.of("").touch(&[id]);
        assert_eq!(all.of("").over(&tree, 3_500_000), []);
        assert_eq!(all.of("").over(&tree, 3_500_001), [id]);
    }

    #[test]
    fn sessions_of_two_trees_with_one_number_are_two() {
        let mut tree = Tree::default();
        let mut body = Vec::new();
        let request = Request::Open { timeout_ms: 200 };
        Call { session: 0, owner: 1, ids: Vec::new(), request }.encode(&mut body);
        tree.apply(&body, &Context::default(), &mut ());
        let id = tree.sessions().next().unwrap().0;
        let mut all = AllLeases::default();
        for namespace in ["", "jobs"] {
            assert_eq!(all.of(namespace).over(&tree, 1_000_000), []);
        }
        all.pass_time(1_200_000);
        all.of("jobs").touch(&[id]);
        assert_eq!(all.of("").over(&tree, 1_300_001), [id]);
        assert_eq!(all.of("jobs").over(&tree, 1_300_001), []);
        assert!(all.ends_any("", &tree, &[id]) && !all.ends_any("jobs", &tree, &[id]));
    }

    #[test]
    fn a_lease_that_is_renewed_before_anybody_has_looked_at_it_does_not_end_at_once() {
        let mut tree = Tree::default();
        let mut body = Vec::new();
        let request = Request::Open { timeout_ms: 200 };
        Call { session: 0, owner: 1, ids: Vec::new(), request }.encode(&mut body);
        tree.apply(&body, &Context::default(), &mut ());
        let id = tree.sessions().next().unwrap().0;
        let mut all = AllLeases::default();
        all.of("").promise(id, 500);
        all.of("").touch(&[id]);
        assert_eq!(all.of("").over(&tree, 9_000_000), []);
        assert_eq!(all.of("").over(&tree, 9_800_000), []);
        assert_eq!(all.of("").over(&tree, 9_800_001), [id]);
    }
}
