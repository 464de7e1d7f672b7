//! What each engine needs for the same work: messages, bytes and syncs per commit, and ticks to a new leader. Counted, not
//! timed, so that it is the same on every machine. `cargo test -p synod-consensus --test comparison -- --nocapture`
//! prints the table of docs/engines.md.

mod allocations;
mod group;

use group::{Cost, ELECTION_TICKS, Group};
use synod_consensus::Protocol;
use synod_types::NodeId;

const SEEDS: u64 = 25;
const COMMITS: u64 = 200;
const PAYLOAD: &[u8] = &[7; 100];

/// A group that has a leader.
fn led(protocol: Protocol, size: u64, seed: u64) -> (Group, NodeId) {
    let mut group = Group::new(protocol, size, seed);
    group.campaign(NodeId(1));
    group.ticks_to_leader(None, 100).expect("a healthy group has a leader soon");
    let leader = group.leader().expect("it was there a moment ago");
    (group, leader)
}

/// One proposal at a time: the most that a commit can cost.
fn per_commit(protocol: Protocol, size: u64) -> Cost {
    let (mut group, leader) = led(protocol, size, 1);
    group.settle();
    group.cost = Cost::default();
    for _ in 0..COMMITS {
        group.propose(leader, PAYLOAD).expect("it leads");
        group.settle();
    }
    group.cost
}

/// The median over the seeds of how many ticks `trouble` leaves a group without a leader.
fn ticks(protocol: Protocol, size: u64, trouble: impl Fn(&mut Group, NodeId)) -> u32 {
    let mut all: Vec<u32> = (0..SEEDS)
        .map(|seed| {
            let (mut group, leader) = led(protocol, size, seed);
            (0..3).for_each(|_| group.tick());
            trouble(&mut group, leader);
            let most = 100 * ELECTION_TICKS;
            group.ticks_to_leader(Some(leader), most).unwrap_or(u32::MAX)
        })
        .collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn crash(protocol: Protocol, size: u64) -> u32 {
    ticks(protocol, size, |group, leader| group.kill(leader))
}

/// Everyone reaches the hub and nobody else; the leader is not the hub.
fn star(group: &mut Group, leader: NodeId, stale: bool) {
    let nodes: Vec<NodeId> = (1..=5).map(NodeId).collect();
    let hub = nodes.iter().copied().find(|node| *node != leader).expect("there are five");
    if stale {
        // The hub misses what the others have, and the leader is out of reach for all.
        group.part(leader, hub);
        group.propose(leader, PAYLOAD).expect("it leads");
        group.settle();
        nodes.iter().for_each(|node| group.part(leader, *node));
    }
    for a in &nodes {
        for b in nodes.iter().filter(|b| **b != *a && *a != hub && **b != hub) {
            group.part(*a, *b);
        }
    }
}

fn quorum_loss(protocol: Protocol) -> u32 {
    ticks(protocol, 5, |group, leader| star(group, leader, false))
}

fn constrained(protocol: Protocol) -> u32 {
    ticks(protocol, 5, |group, leader| star(group, leader, true))
}

/// Ticks in which a member that missed 2,000 entries has them all.
fn catch_up(protocol: Protocol) -> (u32, Cost) {
    let (mut group, leader) = led(protocol, 3, 1);
    let late = (1..=3).map(NodeId).find(|node| *node != leader).expect("there are three");
    (1..=3).map(NodeId).for_each(|node| group.part(late, node));
    let mut last = synod_types::Index(0);
    for n in 0..2000 {
        last = group.propose(leader, PAYLOAD).expect("it leads");
        if n % 100 == 0 {
            group.settle();
        }
    }
    (0..60).for_each(|_| group.tick());
    group.heal();
    group.cost = Cost::default();
    let took = (1..1000).find(|_| {
        group.tick();
        group.applied(late) >= last
    });
    (took.expect("it catches up"), group.cost)
}

fn shown(ticks: u32) -> String {
    if ticks == u32::MAX { "none".to_owned() } else { ticks.to_string() }
}

#[test]
fn engines_cost_the_same_where_they_share_and_differ_where_they_elect() {
    println!("| {ELECTION_TICKS} ticks to an election | raft | paxos | zab |\n|---|---|---|---|");
    let row = |name: &str, cell: &dyn Fn(Protocol) -> String| {
        let cells: Vec<String> = Protocol::ALL.into_iter().map(cell).collect();
        println!("| {name} | {} |", cells.join(" | "));
        cells
    };
    for size in [3, 5] {
        let costs = row(&format!("messages, bytes, syncs per commit, {size} nodes"), &|protocol| {
            let Cost { messages, bytes, syncs } = per_commit(protocol, size);
            let per = |n: u64| n as f64 / COMMITS as f64;
            format!("{:.2}, {:.0}, {:.2}", per(messages), per(bytes), per(syncs))
        });
        assert!(costs.iter().all(|cost| *cost == costs[0]), "the data path is one: {costs:?}");
        let cells = row(&format!("ticks to a leader after a crash, {size} nodes"), &|protocol| {
            shown(crash(protocol, size))
        });
        assert!(!cells.contains(&"none".to_owned()));
    }
    row("ticks to a leader after quorum loss", &|protocol| shown(quorum_loss(protocol)));
    row("ticks to a leader in a constrained election", &|protocol| shown(constrained(protocol)));
    row("ticks and bytes to catch up with 2,000 entries", &|protocol| {
        let (ticks, cost) = catch_up(protocol);
        format!("{ticks}, {}", cost.bytes)
    });
    for ticks in [quorum_loss(Protocol::Paxos), constrained(Protocol::Paxos)] {
        assert!(ticks <= 4 * ELECTION_TICKS, "who alone reaches a quorum leads soon: {ticks}");
    }
}
