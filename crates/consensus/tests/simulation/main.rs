//! Random worlds of one group, for each engine: loss, doubling, delay, cuts, pauses, crashes that lose what was not flushed,
//! membership changes, changes of engine, transfers and snapshots, in a mix that the seed decides. First everything goes
//! wrong and only safety is asked for; then the world heals, and the group must get on.
//!
//! `SEED=n cargo test -p synod-consensus --test simulation raft` runs one seed of one engine; `SEEDS=n` runs that many.

#![allow(clippy::unwrap_used, reason = "a simulated world that breaks its own rules should stop")]

mod disk;
mod faults;
mod invariants;
mod member;
#[cfg(synod_plants)]
mod plants;
mod requests;
mod world;

use synod_consensus::Protocol;
use world::World;

/// How many worlds each engine must survive in every run of the tests.
#[cfg(not(synod_plants))]
const SEEDS: u64 = 200;
const STEPS: u32 = 2000;
/// Longer than any election, snapshot and change left over can take in a healed world.
const HEALED_STEPS: u32 = 6000;

fn run(protocol: Protocol, seed: u64) -> World {
    let mut world = World::new(protocol, seed);
    for step in 0..STEPS {
        world.misfortune();
        world.requests();
        world.step();
        if step % 100 == 0 {
            world.check_logs();
        }
    }
    world.heal();
    must_get_on(&mut world, seed);
    must_sleep(&mut world, seed);
    world.check_logs();
    world
}

/// There is a leader, it decides something new, and every member gets it.
fn must_get_on(world: &mut World, seed: u64) {
    let mut target = None;
    for step in 0..HEALED_STEPS {
        world.step();
        let Some(leader) = world.leader() else { continue };
        if step % 50 == 0 && target.is_none_or(|index| world.oracle.decided() < index) {
            target = world.propose(leader).or(target);
            world.read(leader);
        }
        if target
            .is_some_and(|index| world.oracle.decided() >= index && world.converged(leader, index))
        {
            let agreed = world.agree_on_engine(leader);
            assert!(agreed, "seed {seed}: engines differ\n{}", world.describe());
            return;
        }
    }
    panic!("seed {seed}: no progress after everything healed\n{}", world.describe());
}

/// When nothing happens, everyone falls asleep; a proposal wakes the group.
fn must_sleep(world: &mut World, seed: u64) {
    let leader = world.leader().expect("the group got on a moment ago");
    world.retire_removed(leader);
    let asleep = |world: &mut World| {
        (0..HEALED_STEPS).any(|_| {
            world.step();
            world.leader().is_some_and(|leader| world.all_asleep(leader))
        })
    };
    assert!(asleep(world), "seed {seed}: nobody sleeps\n{}", world.describe());
    let leader = world.leader().expect("a leader sleeps too");
    let index = world.propose(leader).expect("a sleeping leader takes proposals");
    let awake = (0..HEALED_STEPS).any(|_| {
        world.step();
        world.oracle.decided() >= index && world.converged(leader, index)
    });
    assert!(awake, "seed {seed}: nobody woke up");
}

#[cfg(not(synod_plants))]
#[allow(clippy::disallowed_methods, reason = "a test is told which seed to replay")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[cfg(not(synod_plants))]
fn survive(protocol: Protocol) {
    if let Some(seed) = number("SEED") {
        run(protocol, seed);
        return;
    }
    let (mut writes, mut reads) = (0, 0);
    for seed in 0..number("SEEDS").unwrap_or(SEEDS) {
        // The last line before a failure names the seed.
        println!("SEED={seed}");
        let world = run(protocol, seed);
        writes += world.oracle.writes_done;
        reads += world.oracle.reads_done;
    }
    // A world in which nothing gets done proves nothing.
    assert!(writes > 1000 && reads > 1000, "only {writes} writes and {reads} reads");
}

#[cfg(not(synod_plants))]
mod clean {
    use super::{Protocol, run, survive};

    #[test]
    fn raft_survives_misfortune() {
        survive(Protocol::Raft);
    }

    #[test]
    fn paxos_survives_misfortune() {
        survive(Protocol::Paxos);
    }

    #[test]
    fn zab_survives_misfortune() {
        survive(Protocol::Zab);
    }

    #[test]
    fn a_seed_decides_everything() {
        for protocol in Protocol::ALL {
            for seed in [3, 14] {
                assert_eq!(run(protocol, seed).trace, run(protocol, seed).trace);
            }
        }
    }
}

#[cfg(synod_plants)]
#[test]
#[allow(clippy::disallowed_methods, reason = "a test is told which bug to look for")]
fn planted_bugs_are_found() {
    plants::are_found(std::env::var("PLANT").ok().as_deref());
}
