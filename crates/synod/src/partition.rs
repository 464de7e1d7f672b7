//! `synod partition`: the partitions of a running cluster, a partition that becomes two, and two that become one.

use crate::node::Whom;
use crate::status::partition_table;
use anyhow::Result;

/// What is to be done with a partition.
#[derive(clap::Args, Debug)]
pub struct PartitionOptions {
    #[command(subcommand)]
    task: PartitionTask,
}

#[derive(clap::Subcommand, Debug)]
enum PartitionTask {
    /// Show the partitions, their slots, and who holds them
    List(Whom),
    /// Make two partitions of one
    #[command(long_about = SPLIT_ABOUT)]
    Split(SplitOptions),
    /// Make a partition part of the one below it
    #[command(long_about = MERGE_ABOUT)]
    Merge(MergeOptions),
    /// Say whether partitions are split and merged by themselves
    #[command(long_about = AUTO_ABOUT)]
    Auto(AutoOptions),
}

const SPLIT_ABOUT: &str = "\
Make two partitions of one, while clients read and write. The new one has the upper slots and begins on the same nodes as the old \
one; no data travels. Afterwards each has a leader and a log of its own, and replicas move by themselves until every node holds \
its share.

Requests for the upper slots wait until the new partition has a leader. A request whose keys lie on both sides, or that speaks of all \
keys (DBSIZE, KEYS, FLUSHALL), answers TRYAGAIN if it meets the split; nothing of it is done then.

The split waits while a transaction over several partitions is undecided in the upper slots, and while the partition is sealed. \
`synod partition merge` takes it back.";

const MERGE_ABOUT: &str = "\
Make a partition part of the one whose slots are right below its own, while clients read and write. Its replicas are moved to where \
those of the other one are; then its content is taken in, and it exists no more. It is for partitions that hold little: one of more \
than 64 MiB stays what it is.

Requests for its slots wait meanwhile. A request whose keys lie in both, or that speaks of all keys (DBSIZE, KEYS, FLUSHALL), answers \
TRYAGAIN if it meets the merge; nothing of it is done then.

Both have to live on the same worker of every node: what was split off is where it came from, and with one worker all are.";

const AUTO_ABOUT: &str = "\
Say whether partitions are split and merged by themselves; at first they are not. One that has held more than 1 GiB, or was asked for \
more than 50,000 times a second, for a minute is split in the middle of that load, as long as there are fewer than 64 partitions for \
each node. Two neighbours with less than 16 MiB and 500 requests a second together for a minute become one, as long as there are more \
partitions than nodes and one node leads both. One of these is done at a time.";

#[derive(clap::Args, Debug)]
struct SplitOptions {
    /// The partition's number
    #[arg(value_name = "PARTITION", value_parser = clap::value_parser!(u32).range(1..))]
    partition: u32,

    /// The first slot of the new partition; without it, the one that leaves both the same load
    #[arg(long, value_name = "SLOT", value_parser = clap::value_parser!(u16).range(1..16384))]
    at: Option<u16>,

    /// What both are to have the same of
    #[arg(long, value_enum, default_value_t, conflicts_with = "at")]
    by: By,

    #[command(flatten)]
    whom: Whom,
}

/// What the halves of a partition are to have the same of.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default)]
enum By {
    Keys,
    #[default]
    Bytes,
    Operations,
}

#[derive(clap::Args, Debug)]
struct AutoOptions {
    /// `on` or `off`
    #[arg(value_enum)]
    whether: Whether,

    #[command(flatten)]
    whom: Whom,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Whether {
    On,
    Off,
}

#[derive(clap::Args, Debug)]
struct MergeOptions {
    /// The partition's number
    #[arg(value_name = "PARTITION", value_parser = clap::value_parser!(u32).range(1..))]
    partition: u32,

    #[command(flatten)]
    whom: Whom,
}

/// Does it.
pub fn run(options: &PartitionOptions) -> Result<()> {
    match &options.task {
        PartitionTask::List(whom) => print!("{}", partition_table(&whom.look()?)),
        PartitionTask::Split(SplitOptions { partition, at, by, whom }) => {
            let by = format!(" BY {}", format!("{by:?}").to_uppercase());
            let at = at.map_or(by, |slot| format!(" {slot}"));
            whom.order(&format!("CLUSTER SPLIT {partition}{at}"))?;
            println!(
                "partition {partition} is being split; `synod partition list` shows when it is done"
            );
        }
        PartitionTask::Auto(AutoOptions { whether, whom }) => {
            let (word, told) = match whether {
                Whether::On => ("YES", "partitions are split and merged by themselves now"),
                Whether::Off => ("NO", "partitions are split and merged only by command now"),
            };
            whom.order(&format!("CLUSTER RESIZING {word}"))?;
            println!("{told}");
        }
        PartitionTask::Merge(MergeOptions { partition, whom }) => {
            whom.order(&format!("CLUSTER MERGE {partition}"))?;
            println!(
                "partition {partition} is being merged; `synod partition list` shows when it is gone"
            );
        }
    }
    Ok(())
}
