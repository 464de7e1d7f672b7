//! `synod partition`: the partitions of a running cluster, and a partition that becomes two.

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
}

const SPLIT_ABOUT: &str = "\
Make two partitions of one, while clients read and write. The new one has the upper slots and begins on the same nodes as the old \
one; no data travels. Afterwards each has a leader and a log of its own, and replicas move by themselves until every node holds \
its share.

Requests for the upper slots wait until the new partition has a leader. A request whose keys lie on both sides, or that speaks of all \
keys (DBSIZE, KEYS, FLUSHALL), answers TRYAGAIN if it meets the split; nothing of it is done then.

The split waits while a transaction over several partitions is undecided in the upper slots, and while the partition is sealed. It \
cannot be taken back: partitions are not merged.";

#[derive(clap::Args, Debug)]
struct SplitOptions {
    /// The partition's number
    #[arg(value_name = "PARTITION", value_parser = clap::value_parser!(u32).range(1..))]
    partition: u32,

    /// The first slot of the new partition; without it, the one in the middle of the slots
    #[arg(long, value_name = "SLOT", value_parser = clap::value_parser!(u16).range(1..16384))]
    at: Option<u16>,

    #[command(flatten)]
    whom: Whom,
}

/// Does it.
pub fn run(options: &PartitionOptions) -> Result<()> {
    match &options.task {
        PartitionTask::List(whom) => print!("{}", partition_table(&whom.look()?)),
        PartitionTask::Split(SplitOptions { partition, at, whom }) => {
            let at = at.map_or(String::new(), |slot| format!(" {slot}"));
            whom.order(&format!("CLUSTER SPLIT {partition}{at}"))?;
            println!(
                "partition {partition} is being split; `synod partition list` shows when it is done"
            );
        }
    }
    Ok(())
}
