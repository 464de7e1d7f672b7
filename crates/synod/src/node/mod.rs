//! `synod node`: the members of a running cluster, and what is to become of one of them.

mod drain;
mod list;
mod replace;

use crate::calls::CallOptions;
use crate::client;
use crate::settings::Address;
use crate::status::Status;
use anyhow::{Context, Result, ensure};

/// What is to be done with a node.
#[derive(clap::Args, Debug)]
pub struct NodeOptions {
    #[command(subcommand)]
    task: NodeTask,
}

#[derive(clap::Subcommand, Debug)]
enum NodeTask {
    /// Show the members, what they hold, and what moves
    List(Whom),
    /// Move everything that a node holds to the others
    #[command(long_about = DRAIN_ABOUT)]
    Drain(drain::DrainOptions),
    /// Let a drained node hold something again
    #[command(long_about = ADD_ABOUT)]
    Add(OneNode),
    /// Give the seat of a node that lost its data to a new data directory
    #[command(long_about = replace::REPLACE_ABOUT)]
    Replace(replace::ReplaceOptions),
    /// Take a drained node out of the cluster
    #[command(long_about = REMOVE_ABOUT)]
    Remove(OneNode),
    /// Set how many replicas each partition has, where there are nodes enough
    #[command(long_about = COPIES_ABOUT)]
    Copies(CopiesOptions),
    /// Set how large a node's share of replicas is, and what fails as one with it
    #[command(long_about = PLACE_ABOUT)]
    Place(PlaceOptions),
}

const DRAIN_ABOUT: &str = "\
Move everything that a node holds to the others, while clients read and write.

Partitions move one after the other: a new replica learns, catches up, and takes the old one's seat in one step; a \
leader hands over first. The node drops what it gave up. A node that is down can be drained as well, where the others have \
a quorum. The command waits until nothing is left on the node, and may be given up: it goes on. `synod node add` takes \
it back.

It is refused where the rest of some partition would be without a quorum, and for the last node.";

const ADD_ABOUT: &str = "\
Let a drained node hold something again: the opposite of `synod node drain`, at any time.

A node that is not a member yet joins by itself: synod serve --join HOST:PORT, with the HTTP address of any member.";

const REMOVE_ABOUT: &str = "\
Take a drained node out of the cluster. Nobody talks to it any more, and its process can be stopped; its data directory is of \
no further use. Refused for a node that holds something or votes.";

const COPIES_ABOUT: &str = "\
Set how many replicas each partition has, where there are nodes enough. A cluster keeps the number that it was founded with \
until this is said: one that began with a single node has one copy of everything, on however many nodes it is.";

const PLACE_ABOUT: &str = "\
Set how large a node's share of replicas is, and what fails as one with it: a rack, a site. Replicas move by themselves until no zone \
holds more of a partition than it must, and every node its share.

`synod serve --zone` and `--weight` say the same at a node's start. What is not named stays as it is.";

/// Whom to ask.
#[derive(clap::Args, Debug)]
pub struct Whom {
    /// The HTTP address of any node that is up
    #[arg(long, env = "SYNOD_HTTP", value_name = "HOST:PORT", default_value = "127.0.0.1:26379")]
    http: Address,

    #[command(flatten)]
    calls: CallOptions,
}

#[derive(clap::Args, Debug)]
struct OneNode {
    /// The node's id
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    whom: Whom,
}

#[derive(clap::Args, Debug)]
struct CopiesOptions {
    /// How many
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    copies: u32,

    #[command(flatten)]
    whom: Whom,
}

#[derive(clap::Args, Debug)]
#[group(id = "place", required = true, multiple = true, args = ["zone", "weight"])]
struct PlaceOptions {
    /// The node's id
    #[arg(value_name = "ID")]
    node: u64,

    /// The name of its zone: up to 64 printing characters
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,

    /// Its share, relative to the others'
    #[arg(long, value_name = "1-64", value_parser = clap::value_parser!(u32).range(1..=64))]
    weight: Option<u32>,

    #[command(flatten)]
    whom: Whom,
}

impl PlaceOptions {
    fn command(&self) -> Result<String> {
        let mut command = format!("CLUSTER PLACE {}", self.node);
        if let Some(weight) = self.weight {
            command.push_str(&format!(" WEIGHT {weight}"));
        }
        if let Some(zone) = &self.zone {
            ensure!(
                is_zone(zone),
                "a zone is named by 1 to 64 printing characters, without spaces"
            );
            command.push_str(&format!(" ZONE {zone}"));
        }
        Ok(command)
    }
}

/// Whether this may be the name of a zone.
pub fn is_zone(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Does it.
pub fn run(options: &NodeOptions) -> Result<()> {
    match &options.task {
        NodeTask::List(whom) => {
            print!("{}", list::table(&whom.look()?));
            Ok(())
        }
        NodeTask::Drain(options) => drain::run(options),
        NodeTask::Replace(options) => replace::run(options),
        NodeTask::Add(one) => {
            one.whom.order(&format!("CLUSTER RESTORE {}", one.node))?;
            println!("node {} may hold replicas; they move to it by themselves", one.node);
            Ok(())
        }
        NodeTask::Remove(one) => {
            one.whom.order(&format!("CLUSTER REMOVE {}", one.node))?;
            println!("node {} is not a member any more; stop it if it runs", one.node);
            Ok(())
        }
        NodeTask::Copies(options) => {
            options.whom.order(&format!("CLUSTER COPIES {}", options.copies))?;
            println!("each partition is to have {} replicas", options.copies);
            Ok(())
        }
        NodeTask::Place(options) => {
            options.whom.order(&options.command()?)?;
            println!("node {} is placed; replicas move by themselves", options.node);
            Ok(())
        }
    }
}

impl Whom {
    /// What the node says, and the leaders of their groups.
    pub fn look(&self) -> Result<Status> {
        self.calls.begin()?;
        let address = self.http.to_string();
        Status::whole(&address)
            .with_context(|| format!("no status from {address}: is a node running there? (--http)"))
    }

    /// Has the node do this.
    pub fn order(&self, words: &str) -> Result<()> {
        let status = self.look()?;
        client::order(&client::address(&status, &self.http.to_string())?, words)
    }
}
