//! The command line. What `--help` says is the manual: keep it true.

use crate::settings::Usage;
use crate::{
    elect::ElectOptions, engine::EngineOptions, moving::ExportOptions, moving::ImportOptions,
    node::NodeOptions, partition::PartitionOptions, serve::ServeOptions, sim::SimOptions,
    status::StatusOptions, top::TopOptions, tx::TxOptions, up::UpOptions,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand};
use std::collections::BTreeSet;
use std::str::FromStr;
use synod_server::{AuthClients, AuthUser, Durability, Engine, LogFlush, LogWrites};

/// A durable, replicated store that Redis clients use unmodified.
///
/// Every acknowledged write is on the disks of a majority of its replicas; any node may be killed at any
/// moment and nothing that was acknowledged is lost. Any node answers for any key.
#[derive(Parser)]
#[command(name = "synod", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_long_help = "\
Examples:
  synod up                       a cluster of three nodes on this machine
  redis-cli -p 6379 SET k v      talk to it with any Redis client
  synod status                   see its nodes, partitions and leaders
  synod serve --data /srv/synod  one durable node

`synod help <COMMAND>` tells all about a command.")]
pub struct Cli {
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Subcommand)]
pub enum Task {
    /// Run one node
    #[command(long_about = SERVE_ABOUT, after_long_help = SERVE_EXAMPLES)]
    Serve(Box<ServeOptions>),
    /// Run a whole cluster on this machine
    #[command(long_about = UP_ABOUT, after_long_help = UP_EXAMPLES)]
    Up(UpOptions),
    /// Show the nodes, partitions and leaders of a running cluster
    #[command(long_about = STATUS_ABOUT, after_long_help = STATUS_EXAMPLES)]
    Status(StatusOptions),
    /// Show what a running cluster does and for which keys, live
    #[command(long_about = TOP_ABOUT, after_long_help = TOP_EXAMPLES)]
    Top(TopOptions),
    /// Show the consensus engine of a running cluster, or move it to another
    #[command(long_about = ENGINE_ABOUT, after_long_help = ENGINE_EXAMPLES)]
    Engine(EngineOptions),
    /// Run a program on the one machine that holds a lock
    #[command(long_about = ELECT_ABOUT, after_long_help = ELECT_EXAMPLES)]
    Elect(ElectOptions),
    /// Copy the tree of a ZooKeeper into this cluster
    #[command(long_about = IMPORT_ABOUT, after_long_help = IMPORT_EXAMPLES)]
    Import(ImportOptions),
    /// Copy this cluster's tree of znodes to a ZooKeeper
    #[command(long_about = EXPORT_ABOUT, after_long_help = EXPORT_EXAMPLES)]
    Export(ExportOptions),
    /// Look after one node of a running cluster
    Node(NodeOptions),
    /// Show the partitions of a running cluster, or split one
    Partition(PartitionOptions),
    /// Look after transactions over services and databases
    Tx(TxOptions),
    /// Run clusters in a simulated world full of faults
    #[command(long_about = SIM_ABOUT, after_long_help = SIM_EXAMPLES)]
    Sim(SimOptions),
}

const SERVE_ABOUT: &str = "\
Run one node, in the foreground, until Ctrl-C or SIGTERM.

Without --initial-cluster it is a cluster of one: durable, and complete in every other way. Nothing else \
has to be installed or started.

Each option may also stand in a TOML file (--config) under its long name, or in the environment as \
SYNOD_ and its name in capitals. A flag beats the environment, the environment beats the file, the file \
beats the default.";

const SERVE_EXAMPLES: &str = "\
Examples:
  One node:
    synod serve --data /srv/synod

  The first of three nodes (the others: --node-id 2 and 3, their own addresses, the same cluster):
    synod serve --node-id 1 --data /srv/synod-1 --listen 127.0.0.1:7001 \\
      --peer-listen 127.0.0.1:17001 --http 127.0.0.1:27001 \\
      --initial-cluster 1=127.0.0.1:17001,2=127.0.0.1:17002,3=127.0.0.1:17003

  A further node of a cluster that runs; replicas move to it by themselves:
    synod serve --node-id 4 --data /srv/synod-4 --listen 127.0.0.1:7004 \\
      --peer-listen 127.0.0.1:17004 --http 127.0.0.1:27004 --join 127.0.0.1:27001

  With TLS for clients alone, who need a certificate of the CA (docs/tls.md):
    synod serve --data /srv/synod --listen 0.0.0.0:6379 --tls-port 6379 --tls-ca-cert-file ca.crt \\
      --tls-cert-file node.crt --tls-key-file node.key

  From a file:
    $ cat synod.toml
    data = \"/srv/synod\"
    durability = \"everysec\"
    workers = 2
    $ SYNOD_LISTEN=127.0.0.1:7001 synod serve --config synod.toml

Signals: SIGTERM or SIGINT stops the node in an orderly way; a second one stops it at once. Nothing \
that was acknowledged is lost either way. SIGHUP has the files of certificates read anew.

The exit code is 0 after an orderly stop, 2 when the options make no sense, 74 when the data \
directory could not be read or written (nothing unsafe was acknowledged), and 1 for any other reason, such as \
files that are damaged.";

const UP_ABOUT: &str = "\
Run a whole cluster on this machine: one process per node, all on loopback.

Node i serves clients on port P+i-1, its peers on 10000 above that, and /status and /metrics on 20000 \
above it, where P is --base-port. Its data and its log file synod.log are in DIR/node-i. Ctrl-C stops all \
nodes; started again with the same --data the cluster comes back with everything it held.

What the cluster was made with (nodes, partitions, replicas, workers, ports) is kept in DIR/cluster.toml \
and need not be repeated.

Each option may also stand in a TOML file (--config) under its long name, or in the environment as \
SYNOD_ and its name in capitals. A flag beats the environment, the environment beats the file, the file \
beats the default.";

const UP_EXAMPLES: &str = "\
Examples:
  synod up
  synod up --nodes 5 --base-port 7001 --data /tmp/five
  synod up --durability everysec --partitions 64

A node that dies is reported and stays down while the others go on; `up` then ends with exit code 1.";

const STATUS_ABOUT: &str = "\
Show the nodes, partitions and leaders of a running cluster, as one of its nodes sees them.

Nodes: LEADS counts the groups that a node leads, HOLDS those that it has a replica of. Groups: \
`meta` holds the members and the map, every other group is one partition of the 16384 slots. COMMIT is the last \
log entry that a majority has; LAG tells for each follower how many entries it is behind its leader.

The exit code is 0 when every node is up and every partition has a leader, and 1 otherwise.";

const STATUS_EXAMPLES: &str = "\
Examples:
  synod status
  synod status --http 127.0.0.1:27001
  synod status --json";

const TOP_ABOUT: &str = "\
Show what a running cluster does and for which keys.

Every node is asked, and one that does not answer is shown as unreachable. Partitions are shown by their leaders. Hot keys: \
each node counts what its requests cost for one in so many of them (the setting hotkeys-sample-ratio), in a table of fixed \
size for each partition; figures are per second, and what happened half a minute ago counts half. CPU is a share of one \
processor. Big keys are found by a slow walk over all keys, so a new one appears after a while.

A node that asks its clients for a password tells hashes here instead of names; `HOTKEYS TOP` of a Redis client tells the names.

In the live view o, b and c sort by requests, bytes and processor time, and q ends it.

With --once the exit code is 0 when every node has answered, and 1 otherwise.";

const TOP_EXAMPLES: &str = "\
Examples:
  synod top
  synod top --once
  synod top --once --by cpu --count 20 --http 127.0.0.1:27001";

const ENGINE_ABOUT: &str = "\
Show the consensus engine of a running cluster, or move it to another: Raft, Multi-Paxos or ZAB.

The groups move one after the other, each by an entry of its own log, while clients read and write. Every group keeps its \
leader and its log; only how it will elect its next leader changes. The command waits until all have moved, and may be \
given up at any time: the move goes on. It is the same as CLUSTER ENGINE of a Redis client.

Nodes may afterwards be started with the --engine that the cluster was founded with, or the one it has moved to.";

const ENGINE_EXAMPLES: &str = "\
Examples:
  synod engine                               what runs
  synod engine paxos                         move to Multi-Paxos
  synod engine raft --http 127.0.0.1:27001";

const ELECT_ABOUT: &str = "\
Run a program on the one machine that holds a lock.

Started on many machines, it waits on all of them for the lock and runs the program where it is granted, with the lock's \
name in SYNOD_LOCK and the fencing token in SYNOD_TOKEN. When the lease cannot be renewed in time the program is asked to \
stop (SIGTERM) and then killed, with all processes of its group, before another machine can be granted the lock; \
then it waits again. A program whose writes carry the token (FENCE, CLIENT FENCE) does no harm even if its machine \
sleeps meanwhile.

It ends when the program ends by itself, with its exit code, or at SIGTERM or SIGINT, after the program; the lock is \
given back then.";

const ELECT_EXAMPLES: &str = "\
Examples:
  synod elect billing -- ./nightly-run
  synod elect --connect 10.0.0.1:6379,10.0.0.2:6379 --ttl 5000 cron -- /usr/sbin/cron -f
  synod elect '{orders}worker' -- sh -c 'redis-cli fence \"$SYNOD_LOCK\" $SYNOD_TOKEN incr {orders}runs'";

const IMPORT_ABOUT: &str = "\
Copy the tree of a ZooKeeper into this cluster, or the part of it below a path.

Data, access lists, containers and times to live are kept; versions, times and zxids are new. Ephemeral znodes belong to \
their sessions and are left out, and so is /zookeeper. Both sides stay in service; what is changed at the source while \
the copy runs may or may not be copied. What is there already at the target is left as it is, unless --overwrite is given, so \
a copy that was broken off may be run again.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  synod import --from zookeeper://zk1:2181,zk2:2181
  synod import --from zookeeper://zk1:2181/kafka --into zookeeper://127.0.0.1:2181/kafka --auth digest:admin:secret";

const EXPORT_ABOUT: &str = "\
Copy this cluster's tree of znodes to a ZooKeeper, or the part of it below a path: `synod import` the other way.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  synod export --to zookeeper://zk1:2181
  synod export --from zookeeper://127.0.0.1:2181/app --to zookeeper://zk1:2181/app --overwrite";

const SIM_ABOUT: &str = "\
Run clusters in a simulated world full of faults.

Whole nodes of this program, with their log and snapshot files, in a world in which networks, disks, clocks and \
power fail. A seed decides everything, so a failure can be seen again. Each run has two phases: trouble, then \
healing, in which every client must be served, all replicas must become equal, and everything that was \
acknowledged must be there. What clients saw is checked for linearizability.

With --commit-protocol there are no clusters: single transactions are committed in a small world, by two-phase commit, \
three-phase commit or the way of Synod, to see what each costs, when it blocks, and whether it splits.

The exit code is 0 when all seeds kept all rules, and 1 otherwise; a transaction that some sites committed and \
others aborted breaks a rule, one that blocks does not.";

const SIM_EXAMPLES: &str = "\
Examples:
  synod sim --seeds 500 --jobs 2        many seeds
  synod sim --seed 42 --trace run.html  one, as a page that plays it
  synod sim --seeds 100 --nodes 3 --partitions 2 --faults power,partition,sync-error
  synod sim --seed 42 --only 3,17,20    with three of its strikes and no others
  synod sim --commit-protocol 2pc --strikes crash:0@3    a transaction that blocks
  synod sim --commit-protocol all --seeds 1000           three protocols through what seeds draw

A failure prints the seed, the commit, and the strikes that are left after shrinking, with the one command that \
runs just those.";

/// The environment variables that some command reads.
pub fn variables() -> BTreeSet<String> {
    let program = Cli::command();
    let commands = std::iter::once(&program).chain(program.get_subcommands());
    let variables = commands.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env);
    variables.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Reads `--durability`.
pub fn durability() -> impl TypedValueParser<Value = Durability> {
    choice(Durability::ALL.map(Durability::as_str))
}

/// Reads `--engine`.
pub fn engine() -> impl TypedValueParser<Value = Engine> {
    choice(Engine::ALL.map(Engine::as_str))
}

/// Reads `--log-writes`.
pub fn log_writes() -> impl TypedValueParser<Value = LogWrites> {
    choice(LogWrites::ALL.map(LogWrites::as_str))
}

/// Reads `--tls-auth-clients`.
pub fn auth_clients() -> impl TypedValueParser<Value = AuthClients> {
    PossibleValuesParser::new(AuthClients::ALL.map(AuthClients::as_str))
        .try_map(|word| word.parse::<AuthClients>().map_err(Usage))
}

/// Reads `--tls-auth-clients-user`.
pub fn auth_user() -> impl TypedValueParser<Value = AuthUser> {
    PossibleValuesParser::new(AuthUser::ALL.map(AuthUser::as_str))
        .try_map(|word| word.parse::<AuthUser>().map_err(Usage))
}

/// Reads `--log-flush`.
pub fn log_flush() -> impl TypedValueParser<Value = LogFlush> {
    choice(LogFlush::ALL.map(LogFlush::as_str))
}

/// One of these words, which are also named in the help.
fn choice<T, const N: usize>(words: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}
