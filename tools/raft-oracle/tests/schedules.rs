//! Both engines go through the same elections, cuts, crashes, snapshots and changes of membership, and after
//! every act the same node leads, the same things are decided and the same logs are on disk.
//!
//! `SEED=n` runs one schedule and tells it; `SEEDS=n` runs that many.

#![allow(clippy::unwrap_used)] // a test may panic

use fastrand::Rng;
use synod_raft_oracle::cluster::{Cluster, Log};
use synod_raft_oracle::ours::Ours;
use synod_raft_oracle::schedule::{Act, draw};
use synod_raft_oracle::theirs::Theirs;

const ACTS: usize = 40;

/// How much came about; a schedule in which nothing does proves nothing.
#[derive(Default)]
struct Tally {
    decided: usize,
    elected: usize,
    refused: usize,
    changed: usize,
    handed_over: usize,
}

struct Pair {
    ours: Cluster<Ours>,
    theirs: Cluster<Theirs>,
    nodes: u64,
    told: Vec<String>,
}

impl Pair {
    fn new(random: &mut Rng) -> Self {
        let voters = random.u64(1..=5);
        let nodes = random.u64(voters..=5).max(3);
        Self {
            ours: Cluster::new(voters, nodes),
            theirs: Cluster::new(voters, nodes),
            nodes,
            told: vec![format!("{voters} voters of {nodes} nodes")],
        }
    }

    fn act(&mut self, act: &Act, nth: usize, tally: &mut Tally) {
        self.told.push(format!("{act:?}"));
        let led_by = self.ours.leader();
        let ours = act.on(&mut self.ours, nth);
        let theirs = act.on(&mut self.theirs, nth);
        self.told.push(format!("    {ours} {:?}", self.ours.picture()));
        assert_eq!(ours, theirs, "the answers differ\n{}", self.told.join("\n"));
        self.compare();
        match act {
            Act::Stand { .. } if ours.ends_with("true") => tally.elected += 1,
            Act::Stand { .. } => tally.refused += 1,
            Act::Change(..) if ours.ends_with("true") => tally.changed += 1,
            Act::Transfer(..) if self.ours.leader() != led_by => tally.handed_over += 1,
            _ => {}
        }
    }

    fn compare(&self) {
        let told = || self.told.join("\n");
        assert_eq!(self.ours.picture(), self.theirs.picture(), "ours, theirs\n{}", told());
        let (ours, theirs) = (self.ours.decisions(), self.theirs.decisions());
        assert_eq!(ours, theirs, "decided by ours, by theirs\n{}", told());
        for node in (1..=self.nodes).filter(|node| self.ours.is_up(*node)) {
            let (ours, theirs) = (self.ours.log(node), self.theirs.log(node));
            let both = |log: &Log, other: &Log| -> Log {
                log.range(other.keys().next().copied().unwrap_or(u64::MAX)..)
                    .map(|(index, entry)| (*index, entry.clone()))
                    .collect()
            };
            let (ours, theirs) = (both(&ours, &theirs), both(&theirs, &ours));
            assert_eq!(ours, theirs, "the logs of node {node}, ours, theirs\n{}", told());
        }
    }
}

fn run(seed: u64, tally: &mut Tally) -> Vec<String> {
    let mut random = Rng::with_seed(seed);
    let mut pair = Pair::new(&mut random);
    for nth in 0..ACTS {
        let act = draw(&pair.ours, pair.nodes, &mut random);
        pair.act(&act, nth, tally);
    }
    tally.decided += pair.ours.decided.len();
    pair.told
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_same_acts_lead_to_the_same_group() {
    let mut tally = Tally::default();
    if let Some(seed) = number("SEED") {
        println!("{}", run(seed, &mut tally).join("\n"));
        return;
    }
    let seeds = number("SEEDS").unwrap_or(3_000);
    for seed in 0..seeds {
        // The last line before a failure names the seed.
        println!("SEED={seed}");
        run(seed, &mut tally);
    }
    let Tally { decided, elected, refused, changed, handed_over } = tally;
    println!(
        "{seeds} schedules: {decided} entries decided, {elected} elections won and {refused} not, \
         {changed} changes of membership, {handed_over} transfers"
    );
    for count in [decided as u64 / 5, elected as u64, refused as u64, 8 * changed as u64] {
        assert!(count > seeds, "too little came about");
    }
    assert!(handed_over as u64 > seeds / 20, "too little was handed over");
}
