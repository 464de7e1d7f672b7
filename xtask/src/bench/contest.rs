//! Who is measured, under which loads, and what is aimed at. One table each.

use serde::Serialize;

/// A program that is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// Ours.
    Synod,
    /// redis-server.
    Redis,
    /// memcached.
    Memcached,
    /// etcd.
    Etcd,
}

impl System {
    /// The protocol, as synod-bench calls it.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Synod | Self::Redis => "resp",
            Self::Memcached => "memcached",
            Self::Etcd => "etcd",
        }
    }
}

/// When an acknowledged write is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Before the reply.
    Always,
    /// Within a second or so.
    EverySecond,
    /// When it pleases, or never.
    None,
}

/// A system as it is set up for measuring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contestant {
    /// Its name in reports.
    pub name: &'static str,
    /// What it runs.
    pub system: System,
    /// How many processes form it.
    pub nodes: usize,
    /// How it writes.
    pub durability: Durability,
}

const fn contestant(
    name: &'static str,
    system: System,
    nodes: usize,
    durability: Durability,
) -> Contestant {
    Contestant { name, system, nodes, durability }
}

pub const SYNOD_NONE: Contestant = contestant("synod, none", System::Synod, 1, Durability::None);
pub const SYNOD_ALWAYS: Contestant =
    contestant("synod, always", System::Synod, 1, Durability::Always);
pub const SYNOD_EVERYSEC: Contestant =
    contestant("synod, everysec", System::Synod, 1, Durability::EverySecond);
pub const SYNOD_3_ALWAYS: Contestant =
    contestant("synod x3, always", System::Synod, 3, Durability::Always);
pub const REDIS_NONE: Contestant = contestant("redis, no AOF", System::Redis, 1, Durability::None);
pub const REDIS_ALWAYS: Contestant =
    contestant("redis, AOF always", System::Redis, 1, Durability::Always);
pub const REDIS_EVERYSEC: Contestant =
    contestant("redis, AOF everysec", System::Redis, 1, Durability::EverySecond);
pub const MEMCACHED: Contestant = contestant("memcached", System::Memcached, 1, Durability::None);
pub const ETCD_1: Contestant = contestant("etcd", System::Etcd, 1, Durability::Always);
pub const ETCD_3: Contestant = contestant("etcd x3", System::Etcd, 3, Durability::Always);

/// Everyone whose throughput is measured, in the order of turns within a round.
pub const FIELD: &[Contestant] = &[
    REDIS_NONE,
    SYNOD_NONE,
    MEMCACHED,
    REDIS_ALWAYS,
    SYNOD_ALWAYS,
    ETCD_1,
    SYNOD_3_ALWAYS,
    ETCD_3,
];

/// A load of the closed loop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Load {
    /// `set` or `get`.
    pub op: &'static str,
    /// Requests per batch.
    pub pipeline: u32,
}

impl Load {
    /// How reports call it.
    pub fn name(self) -> String {
        format!("{} P{}", self.op.to_uppercase(), self.pipeline)
    }
}

pub const SET: Load = Load { op: "set", pipeline: 1 };
pub const GET: Load = Load { op: "get", pipeline: 1 };
pub const SET_P16: Load = Load { op: "set", pipeline: 16 };
pub const GET_P16: Load = Load { op: "get", pipeline: 16 };

/// The loads that a system is put under. etcd's protocol has no pipeline.
pub fn loads(system: System) -> &'static [Load] {
    match system {
        System::Etcd => &[SET, GET],
        _ => &[SET, GET, SET_P16, GET_P16],
    }
}

/// What of a load is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    /// Requests per second; more is better.
    Throughput,
    /// The 99th percentile of latency; less is better.
    P99,
    /// Processor time of all server processes per request; less is better. It says how much a machine can serve, whatever
    /// the client beside it costs.
    Cost,
}

/// A comparison. With a target it can be missed; without one it is only shown.
pub struct Contest {
    /// Ours.
    pub ours: Contestant,
    /// What it is compared with.
    pub theirs: Contestant,
    /// The load.
    pub load: Load,
    /// What is compared.
    pub figure: Figure,
    /// The ratio ours / theirs that is aimed at: at least (throughput), at most (latency).
    pub target: Option<f64>,
}

const fn contest(
    ours: Contestant,
    theirs: Contestant,
    load: Load,
    figure: Figure,
    target: Option<f64>,
) -> Contest {
    Contest { ours, theirs, load, figure, target }
}

use Figure::{Cost, P99, Throughput};

/// Every comparison of the report.
pub const CONTESTS: &[Contest] = &[
    contest(SYNOD_NONE, REDIS_NONE, SET, Throughput, Some(1.15)),
    contest(SYNOD_NONE, REDIS_NONE, GET, Throughput, Some(1.15)),
    contest(SYNOD_NONE, REDIS_NONE, SET_P16, Throughput, Some(1.6)),
    contest(SYNOD_NONE, REDIS_NONE, GET_P16, Throughput, Some(1.6)),
    contest(SYNOD_ALWAYS, REDIS_ALWAYS, SET, Throughput, Some(1.0)),
    contest(SYNOD_ALWAYS, REDIS_ALWAYS, SET_P16, Throughput, Some(1.5)),
    contest(SYNOD_3_ALWAYS, ETCD_3, SET, Throughput, Some(10.0)),
    contest(SYNOD_3_ALWAYS, ETCD_3, GET, Throughput, Some(10.0)),
    contest(SYNOD_3_ALWAYS, ETCD_3, SET, P99, Some(1.0)),
    contest(SYNOD_3_ALWAYS, ETCD_3, GET, P99, Some(1.0)),
    contest(SYNOD_3_ALWAYS, REDIS_ALWAYS, SET_P16, Throughput, Some(1.0)),
    contest(SYNOD_3_ALWAYS, REDIS_ALWAYS, SET, Throughput, None),
    contest(SYNOD_NONE, REDIS_NONE, SET, Cost, Some(0.72)),
    contest(SYNOD_NONE, REDIS_NONE, GET, Cost, Some(0.72)),
    contest(SYNOD_NONE, REDIS_NONE, SET_P16, Cost, None),
    contest(SYNOD_NONE, REDIS_NONE, GET_P16, Cost, None),
    contest(SYNOD_ALWAYS, REDIS_ALWAYS, SET, Cost, Some(0.7)),
    contest(SYNOD_ALWAYS, REDIS_ALWAYS, SET_P16, Cost, None),
    contest(SYNOD_3_ALWAYS, REDIS_ALWAYS, SET, Cost, Some(1.4)),
    contest(SYNOD_3_ALWAYS, REDIS_ALWAYS, SET_P16, Cost, Some(1.0)),
    contest(SYNOD_3_ALWAYS, ETCD_3, SET, Cost, None),
    contest(SYNOD_3_ALWAYS, ETCD_3, GET, Cost, None),
    contest(SYNOD_ALWAYS, ETCD_1, SET, Throughput, None),
    contest(SYNOD_ALWAYS, ETCD_1, GET, Throughput, None),
    contest(SYNOD_NONE, MEMCACHED, SET, Throughput, None),
    contest(SYNOD_NONE, MEMCACHED, GET, Throughput, None),
    contest(SYNOD_NONE, MEMCACHED, SET_P16, Throughput, None),
    contest(SYNOD_NONE, MEMCACHED, GET_P16, Throughput, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contest_is_between_measured_contestants() {
        for contest in CONTESTS {
            for side in [contest.ours, contest.theirs] {
                assert!(FIELD.contains(&side), "{}", side.name);
                assert!(loads(side.system).contains(&contest.load), "{}", side.name);
            }
        }
    }
}
