//! What is done to a group: the same acts, in the same order, whichever engine it runs.
//!
//! Acts are drawn from the seed with one group's state in sight, so that most of them have an effect. They
//! leave out what the two engines do differently on purpose: a membership changes only while nobody is cut off
//! (one engine puts it in force when it is appended, the other when it is applied), and nobody stands or
//! leads without a vote (one does not stand, and hands over at once; the other does, and leads on).

use crate::cluster::{Cluster, ELECTION_TICKS};
use crate::member::{Member, Members};
use fastrand::Rng;
use std::collections::BTreeSet;

/// Something that is done to a group.
#[derive(Clone, Debug)]
pub enum Act {
    /// `node` stands for election; those in `forget` begin anew first, so that they do not hear their leader.
    Stand {
        /// Who.
        node: u64,
        /// Whose loyalty ends.
        forget: Vec<u64>,
    },
    /// Commands are proposed to a node, one by one.
    Propose {
        /// To whom.
        node: u64,
        /// How many.
        count: usize,
    },
    /// These links lose everything from now on, and no others.
    Cut(BTreeSet<(u64, u64)>),
    /// A node ends.
    Crash(u64),
    /// A node begins again.
    Restart(u64),
    /// The leader hands over.
    Transfer(u64, u64),
    /// The leader asks for this membership. Who is to join is started, who is let go is stopped.
    Change(u64, Members),
    /// A node puts a snapshot in place of its log.
    Snapshot(u64),
    /// A leader that reaches no quorum hears nothing for two election time-outs.
    Starve(u64),
}

impl Act {
    /// Carries it out; tells what can be seen at once.
    pub fn on<M: Member>(&self, cluster: &mut Cluster<M>, nth: usize) -> String {
        let answer = match self {
            Self::Stand { node, forget } => stand(cluster, *node, forget),
            Self::Propose { node, count } => {
                let taken = |one| {
                    let command = format!("{nth}.{one}");
                    let taken = cluster.act(*node, |member| member.propose(command.as_bytes()));
                    cluster.deliver();
                    taken
                };
                format!("{:?}", (0..*count).map(taken).collect::<Vec<bool>>())
            }
            Self::Cut(links) => {
                cluster.cut.clone_from(links);
                String::new()
            }
            Self::Crash(node) => {
                cluster.crash(*node);
                String::new()
            }
            Self::Restart(node) => {
                cluster.restart(*node);
                String::new()
            }
            Self::Transfer(from, to) => {
                cluster.act(*from, |member| member.transfer(*to));
                String::new()
            }
            Self::Change(leader, target) => change(cluster, *leader, target),
            Self::Snapshot(node) => {
                cluster.act(*node, Member::snapshot);
                String::new()
            }
            Self::Starve(node) => {
                cluster.starve(*node, 2 * ELECTION_TICKS + 2);
                String::new()
            }
        };
        cluster.deliver();
        cluster.beat();
        answer
    }
}

/// A candidate may have to learn of a newer term first, so it stands twice if need be.
fn stand<M: Member>(cluster: &mut Cluster<M>, node: u64, forget: &[u64]) -> String {
    for id in forget {
        if cluster.is_up(*id) {
            cluster.restart(*id);
        }
    }
    let leads = |cluster: &mut Cluster<M>| cluster.act(node, |member| member.view().leads);
    for _ in 0..2 {
        if !leads(cluster) {
            cluster.act(node, Member::campaign);
            cluster.deliver();
        }
    }
    format!("leads: {}", leads(cluster))
}

fn change<M: Member>(cluster: &mut Cluster<M>, leader: u64, target: &Members) -> String {
    let all: Vec<u64> = target.voters.iter().chain(&target.learners).copied().collect();
    for id in &all {
        if !cluster.is_up(*id) {
            cluster.restart(*id);
        }
    }
    let taken = cluster.act(leader, |member| member.change(target));
    cluster.deliver();
    cluster.beat();
    let running: Vec<u64> = cluster.picture().keys().copied().collect();
    if taken {
        cluster.members.clone_from(target);
    }
    for id in running.into_iter().filter(|id| taken && !target.contains(*id)) {
        cluster.retire(id);
    }
    format!("taken: {taken}")
}

/// Draws what is done next.
pub fn draw<M: Member>(cluster: &Cluster<M>, nodes: u64, random: &mut Rng) -> Act {
    let any = random.u64(1..=nodes);
    let leader = cluster.leader();
    match random.u32(..100) {
        0..22 if cluster.members.voters.contains(&any) => {
            Act::Stand { node: any, forget: some(nodes, random) }
        }
        ..50 => {
            let node = leader.filter(|_| random.u32(..5) > 0).unwrap_or(any);
            Act::Propose { node, count: random.usize(1..4) }
        }
        50..60 => Act::Cut(halves(nodes, random)),
        60..70 => Act::Cut(BTreeSet::new()),
        70..76 if !cluster.is_retired(any) => Act::Crash(any),
        76..84 if !cluster.is_retired(any) => Act::Restart(any),
        84..88 => Act::Snapshot(any),
        88..91 => match leader {
            Some(leader) if can_transfer(cluster, leader, any) => Act::Transfer(leader, any),
            _ => Act::Snapshot(any),
        },
        91..97 => match leader.and_then(|leader| membership(cluster, leader, nodes, random)) {
            Some(change) => change,
            None => Act::Cut(BTreeSet::new()),
        },
        _ => match leader.filter(|leader| !reaches_quorum(cluster, *leader)) {
            Some(leader) => Act::Starve(leader),
            None => Act::Propose { node: any, count: 1 },
        },
    }
}

fn some(nodes: u64, random: &mut Rng) -> Vec<u64> {
    let most = random.bool();
    (1..=nodes).filter(|_| random.u32(..4) < if most { 3 } else { 1 }).collect()
}

/// Two sides that do not hear each other.
fn halves(nodes: u64, random: &mut Rng) -> BTreeSet<(u64, u64)> {
    let here: BTreeSet<u64> = (1..=nodes).filter(|_| random.bool()).collect();
    let apart = |a: &u64, b: &u64| here.contains(a) != here.contains(b);
    (1..=nodes)
        .flat_map(|a| (1..=nodes).map(move |b| (a, b)))
        .filter(|(a, b)| apart(a, b))
        .collect()
}

fn hears<M: Member>(cluster: &Cluster<M>, a: u64, b: u64) -> bool {
    cluster.is_up(b) && !cluster.cut.contains(&(a, b)) && !cluster.cut.contains(&(b, a))
}

fn can_transfer<M: Member>(cluster: &Cluster<M>, leader: u64, to: u64) -> bool {
    to != leader && hears(cluster, leader, to) && cluster.members.voters.contains(&to)
}

fn reaches_quorum<M: Member>(cluster: &Cluster<M>, leader: u64) -> bool {
    let voters = &cluster.members.voters;
    let near = voters.iter().filter(|id| **id == leader || hears(cluster, leader, **id)).count();
    2 * near > voters.len()
}

/// A membership that keeps the leader's vote, if everyone is there to agree on it.
fn membership<M: Member>(
    cluster: &Cluster<M>,
    leader: u64,
    nodes: u64,
    random: &mut Rng,
) -> Option<Act> {
    let now = &cluster.members;
    let all_there = now.voters.iter().chain(&now.learners).all(|id| cluster.is_up(*id));
    if !cluster.cut.is_empty() || !all_there || !now.voters.contains(&leader) {
        return None;
    }
    let mut next = Members { voters: vec![leader], learners: Vec::new() };
    for id in (1..=nodes).filter(|id| *id != leader) {
        match random.u32(..5) {
            0..3 => next.voters.push(id),
            3 => next.learners.push(id),
            _ => {}
        }
    }
    next.voters.sort_unstable();
    // Where nobody gains or loses a vote, one engine needs no joint step and the other only for one learner.
    let learners = |members: &Members| members.learners.iter().copied().collect::<BTreeSet<u64>>();
    let moved = learners(now).symmetric_difference(&learners(&next)).count();
    (now.voters != next.voters || moved == 1).then_some(Act::Change(leader, next))
}
