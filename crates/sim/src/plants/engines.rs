//! The part of the catalogue that is about one engine, or about the way from one to another.

use super::Plant;
use synod_types::Protocol;

/// The planted bugs of Multi-Paxos, of ZAB, and of a change of the engine.
pub const ENGINES: &[Plant] = &[
    // How Multi-Paxos elects, and what a proposer takes over.
    Plant::new(
        "paxos-promised-twice",
        "B4 a vote that does not count is counted",
        "consensus",
        "an acceptor promises one ballot to two proposers",
    )
    .nodes(5)
    .under("duplicate,reorder,delay,kill,isolate,one-way,depose")
    .by(Protocol::Paxos)
    .seed(7),
    Plant::new(
        "paxos-promise-not-durable",
        "B8 a promise is made before it is durable",
        "consensus",
        "a promise leaves before it is in the log",
    )
    .seconds(60)
    .under("crash-point,power,slow-disk,kill,isolate")
    .by(Protocol::Paxos)
    .seed(147),
    Plant::new(
        "paxos-log-not-adopted",
        "B6 everything lost on failover",
        "consensus",
        "a proposer leads with its own log, whatever was promised",
    )
    .by(Protocol::Paxos)
    .seed(1),
    Plant::new(
        "paxos-shortest-adopted",
        "B6 everything lost on failover",
        "consensus",
        "a proposer takes over the oldest log of its quorum",
    )
    .by(Protocol::Paxos)
    .seed(1),
    Plant::new(
        "paxos-own-word-early",
        "B8 entries are acknowledged before they are durable",
        "consensus",
        "a leader counts itself before its log has the entry",
    )
    .under("power,blackout,slow-disk")
    .by(Protocol::Paxos)
    .seed(27),
    Plant::new(
        "paxos-joint-not-recounted",
        "B4 a quorum of the wrong members",
        "consensus",
        "promises are not counted again under a membership that came with the log",
    )
    .nodes(7)
    .seconds(60)
    .under("membership,kill,isolate,partition")
    .by(Protocol::Paxos)
    .seed(150),
    Plant::new(
        "paxos-decided-taken-back",
        "B8 what was decided is taken back",
        "consensus",
        "a late message takes the decided index back",
    )
    .by(Protocol::Paxos)
    .seed(1),
    // How ZAB elects, discovers and synchronises.
    Plant::new(
        "zab-trunc-skipped",
        "B18 replicas differ after a change of leader",
        "consensus",
        "a follower keeps what the leader does not have",
    )
    .by(Protocol::Zab)
    .seed(58),
    Plant::new(
        "zab-discovery-skipped",
        "B4 two leaders",
        "consensus",
        "the elected leads before a quorum has accepted its epoch",
    )
    .by(Protocol::Zab)
    .seed(53),
    Plant::new(
        "zab-vote-by-id",
        "B26 an election race wedges the group",
        "consensus",
        "votes are compared by id alone, not by history first",
    )
    .by(Protocol::Zab)
    .seed(3),
    Plant::new(
        "zab-newleader-not-awaited",
        "B6 an entry of an older epoch is committed by counting",
        "consensus",
        "a leader commits before a quorum has acknowledged NEWLEADER",
    )
    .seconds(60)
    .under("depose")
    .by(Protocol::Zab)
    .seed(21),
    Plant::new(
        "zab-newer-history-ignored",
        "B6 everything lost on failover",
        "consensus",
        "the elected leads though a follower has a newer history",
    )
    .by(Protocol::Zab)
    .seed(13),
    // How one engine takes over from another.
    Plant::new(
        "engine-change-cuts-tail",
        "B8 acknowledged entries are truncated",
        "consensus",
        "a new engine begins with the committed log and drops what was acknowledged behind it",
    )
    .under("engine,kill,isolate,power")
    .seed(31),
    Plant::new(
        "engine-change-untold",
        "B26 members disagree and the group is wedged",
        "consensus",
        "who missed a change of engine is not told of it",
    )
    .under("engine,kill,isolate")
    .seed(9),
];
