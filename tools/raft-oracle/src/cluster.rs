//! A group of one engine: its members, the network between them, what was decided, and a picture of it all in
//! which two engines can be compared.
//!
//! Nothing waits for a clock here: mail is delivered until there is none, over the links that are not cut.

use crate::member::{Entry, Matter, Member, Members};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ticks of an election time-out; longer than any schedule, so that nobody stands unasked.
pub const ELECTION_TICKS: u32 = 1_000;
/// More mail than this without an end is a quarrel.
const MAIL_MAX: usize = 20_000;
/// Rounds of heartbeats after every act: one to find out who lags, one to send what it lacks, one to tell
/// what is committed since, and one to spare.
const BEATS: usize = 4;

struct Seat<M> {
    member: M,
    up: bool,
    /// It does not belong to the group, and was stopped for that.
    retired: bool,
}

/// The group.
pub struct Cluster<M: Member> {
    seats: BTreeMap<u64, Seat<M>>,
    mail: VecDeque<(u64, u64, M::Message)>,
    /// Links that lose everything, as (from, to).
    pub cut: BTreeSet<(u64, u64)>,
    /// `decided[i]` has index `i + 1`.
    pub decided: Vec<Entry>,
    /// The membership that was asked for last, and decided.
    pub members: Members,
    /// Who led in which term.
    reigns: BTreeMap<u64, u64>,
}

/// One running member, as far as two engines must agree on it. Terms are counted by the reigns that came
/// about, since a failed election may or may not use one up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Whether it leads.
    pub leads: bool,
    /// Whom it follows; 0 is nobody.
    pub leader: u64,
    /// The last index of its log.
    pub last: u64,
    /// What it knows to be committed and whom it takes for members; `None` while it hears no leader.
    pub settled: Option<(u64, Members)>,
}

/// A log, its terms replaced by reigns.
pub type Log = BTreeMap<u64, (usize, Matter)>;

impl<M: Member> Cluster<M> {
    /// A group of `voters` founders, and further nodes that do not belong to it yet.
    #[must_use]
    pub fn new(voters: u64, nodes: u64) -> Self {
        let founders: Vec<u64> = (1..=voters).collect();
        let seat = |id| {
            let up = id <= voters;
            Seat { member: M::new(id, &founders, ELECTION_TICKS), up, retired: !up }
        };
        Self {
            seats: (1..=nodes).map(|id| (id, seat(id))).collect(),
            mail: VecDeque::new(),
            cut: BTreeSet::new(),
            decided: Vec::new(),
            members: Members { voters: founders.clone(), learners: Vec::new() },
            reigns: BTreeMap::new(),
        }
    }

    /// Whether a node runs.
    #[must_use]
    pub fn is_up(&self, id: u64) -> bool {
        self.seats[&id].up
    }

    /// Whether a node was let go, or does not belong to the group yet.
    #[must_use]
    pub fn is_retired(&self, id: u64) -> bool {
        self.seats[&id].retired
    }

    /// The node that leads in the latest term, if it runs.
    #[must_use]
    pub fn leader(&self) -> Option<u64> {
        let leads = |(id, seat): (&u64, &Seat<M>)| {
            let view = seat.member.view();
            (seat.up && view.leads).then_some((view.term, *id))
        };
        self.seats.iter().filter_map(leads).max().map(|(_, id)| id)
    }

    /// Does something to a running node; nothing happens to one that is down.
    pub fn act<T: Default>(&mut self, id: u64, act: impl FnOnce(&mut M) -> T) -> T {
        let Some(seat) = self.seats.get_mut(&id).filter(|seat| seat.up) else {
            return T::default();
        };
        let answer = act(&mut seat.member);
        self.drain(id);
        answer
    }

    fn drain(&mut self, id: u64) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let out = seat.member.drain();
        for entry in out.committed {
            match self.decided.get(entry.index as usize - 1) {
                Some(known) => assert_eq!(*known, entry, "two entries decided at {}", entry.index),
                None => {
                    assert_eq!(entry.index as usize, self.decided.len() + 1, "decided with a gap");
                    self.decided.push(entry);
                }
            }
        }
        let view = seat.member.view();
        if view.leads {
            let leader = *self.reigns.entry(view.term).or_insert(id);
            assert_eq!(leader, id, "two leaders in term {}", view.term);
        }
        self.mail.extend(out.mail.into_iter().map(|(to, message)| (id, to, message)));
    }

    /// Delivers mail until there is none.
    ///
    /// # Panics
    /// When there is no end to it.
    pub fn deliver(&mut self) {
        for _ in 0..MAIL_MAX {
            let Some((from, to, message)) = self.mail.pop_front() else { return };
            if !self.cut.contains(&(from, to)) && self.seats.contains_key(&to) {
                self.act(to, |member| member.hear(from, message));
            }
        }
        panic!("mail without end");
    }

    /// Lets whoever believes to lead send heartbeats.
    pub fn beat(&mut self) {
        for _ in 0..BEATS {
            let leads =
                |(id, seat): (&u64, &Seat<M>)| (seat.up && seat.member.view().leads).then_some(*id);
            let leaders: Vec<u64> = self.seats.iter().filter_map(leads).collect();
            for id in leaders {
                self.act(id, Member::tick);
            }
            self.deliver();
        }
    }

    /// Time passes for one node alone, and nothing reaches it or comes from it.
    pub fn starve(&mut self, id: u64, ticks: u32) {
        for _ in 0..ticks {
            self.act(id, Member::tick);
            self.mail.clear();
        }
    }

    /// Ends a node.
    pub fn crash(&mut self, id: u64) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.up = false;
        }
    }

    /// Ends a node that does not belong to the group any more.
    pub fn retire(&mut self, id: u64) {
        if let Some(seat) = self.seats.get_mut(&id) {
            (seat.up, seat.retired) = (false, true);
        }
    }

    /// Starts a node with what is on its disk, whether it ran or not.
    pub fn restart(&mut self, id: u64) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.member.restart();
            (seat.up, seat.retired) = (true, false);
            self.drain(id);
        }
    }

    fn reign(&self, term: u64) -> usize {
        self.reigns.range(..=term).count()
    }

    /// Everything that was decided, in reigns.
    #[must_use]
    pub fn decisions(&self) -> Log {
        self.in_reigns(&self.decided)
    }

    /// The log of a node behind its last snapshot, in reigns.
    #[must_use]
    pub fn log(&self, id: u64) -> Log {
        self.in_reigns(&self.seats[&id].member.view().log)
    }

    fn in_reigns(&self, log: &[Entry]) -> Log {
        log.iter()
            .map(|entry| (entry.index, (self.reign(entry.term), entry.matter.clone())))
            .collect()
    }

    /// What has to be the same with any engine, of the nodes that run.
    #[must_use]
    pub fn picture(&self) -> BTreeMap<u64, Picture> {
        let picture = |(id, seat): (&u64, &Seat<M>)| {
            let view = seat.member.view();
            let settled = (view.leader != 0).then_some((view.commit, view.members));
            let picture =
                Picture { leads: view.leads, leader: view.leader, last: view.last, settled };
            (*id, picture)
        };
        self.seats.iter().filter(|(_, seat)| seat.up).map(picture).collect()
    }
}
