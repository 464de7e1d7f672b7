//! A group whose links keep their order, and which can be torn and mended.

use crate::member::{Command, Member};
use std::collections::{BTreeSet, VecDeque};

/// Messages of one tick; more would be a storm.
const MESSAGES_MAX: usize = 100_000;

/// A group.
pub struct Cluster<M: Member> {
    members: Vec<M>,
    down: BTreeSet<u64>,
    /// Pairs that do not hear each other, the smaller first.
    cut: BTreeSet<(u64, u64)>,
    mail: VecDeque<(u64, u64, M::Message)>,
}

fn pair(a: u64, b: u64) -> (u64, u64) {
    (a.min(b), a.max(b))
}

impl<M: Member> Cluster<M> {
    /// So many members, numbered from 1.
    #[must_use]
    pub fn new(size: u64) -> Self {
        let nodes: Vec<u64> = (1..=size).collect();
        let archive = M::Archive::default();
        let members = nodes.iter().map(|id| M::new(*id, &nodes, &archive)).collect();
        Self { members, down: BTreeSet::new(), cut: BTreeSet::new(), mail: VecDeque::new() }
    }

    fn ids(&self) -> impl Iterator<Item = u64> + use<M> {
        1..=self.members.len() as u64
    }

    fn member(&mut self, id: u64) -> &mut M {
        &mut self.members[id as usize - 1]
    }

    fn hears(&self, a: u64, b: u64) -> bool {
        !self.down.contains(&a) && !self.down.contains(&b) && !self.cut.contains(&pair(a, b))
    }

    /// Whether some member reaches a majority, itself included.
    #[must_use]
    pub fn is_quorum_connected(&self) -> bool {
        let majority = self.members.len() / 2 + 1;
        self.ids().any(|a| self.ids().filter(|b| self.hears(a, *b)).count() >= majority)
    }

    /// Tears the network along these pairs, and mends it everywhere else.
    pub fn tear(&mut self, pairs: &[(u64, u64)]) {
        let before = std::mem::take(&mut self.cut);
        self.cut = pairs.iter().map(|(a, b)| pair(*a, *b)).collect();
        for (a, b) in self.cut.clone() {
            if !before.contains(&(a, b)) {
                self.part(a, b);
            }
        }
        for (a, b) in before {
            if self.hears(a, b) {
                self.member(a).reconnected(b);
                self.member(b).reconnected(a);
            }
        }
        self.settle();
    }

    fn part(&mut self, a: u64, b: u64) {
        for (one, other) in [(a, b), (b, a)] {
            if !self.down.contains(&one) {
                self.member(one).disconnected(other);
            }
        }
    }

    /// A member stops; what is on its way to it or from it is lost.
    pub fn crash(&mut self, id: u64) {
        self.down.insert(id);
        self.ids().filter(|other| *other != id).for_each(|other| self.part(id, other));
        self.mail.retain(|(from, to, _)| *from != id && *to != id);
    }

    /// A member that stopped comes back with what its disk has.
    pub fn restart(&mut self, id: u64) {
        if !self.down.remove(&id) {
            return;
        }
        self.member(id).restart();
        for other in self.ids() {
            if other != id && self.hears(id, other) {
                self.member(id).reconnected(other);
                self.member(other).reconnected(id);
            }
        }
        self.settle();
    }

    /// Every running member ticks so often, and everything said arrives in between.
    pub fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            for id in self.ids() {
                if !self.down.contains(&id) {
                    self.member(id).tick();
                }
            }
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut said = Vec::new();
        for count in 0.. {
            for id in self.ids() {
                if self.down.contains(&id) {
                    continue;
                }
                self.member(id).speak(&mut said);
                self.mail.extend(said.drain(..).map(|(to, message)| (id, to, message)));
            }
            let Some((from, to, message)) = self.mail.pop_front() else { return };
            if self.hears(from, to) {
                self.member(to).hear(from, message);
            }
            assert!(count < MESSAGES_MAX, "they do not stop talking");
        }
    }

    /// Asks whoever leads in the highest ballot to have this decided. Whether it is, some ticks later.
    pub fn decide(&mut self, command: Command, ticks: u32) -> bool {
        let leads = |id: u64| Some((self.members[id as usize - 1].leads()?, id));
        let up = self.ids().filter(|id| !self.down.contains(id));
        let Some((_, leader)) = up.filter_map(leads).max() else { return false };
        if !self.member(leader).propose(command) {
            return false;
        }
        self.run(ticks);
        self.member(leader).decided().contains(&command)
    }

    /// What the members know to be decided, the longest; all others are beginnings of it.
    ///
    /// # Panics
    /// They are not.
    #[must_use]
    pub fn decided(&self) -> Vec<Command> {
        let mut logs: Vec<Vec<Command>> = self.members.iter().map(Member::decided).collect();
        logs.sort_by_key(Vec::len);
        let longest = logs.pop().unwrap_or_default();
        for log in logs {
            assert_eq!(log[..], longest[..log.len()], "two members differ");
        }
        longest
    }

    /// Whether every member knows the same to be decided.
    #[must_use]
    pub fn is_even(&self) -> bool {
        let all = self.decided().len();
        self.members.iter().all(|member| member.decided().len() == all)
    }
}
