//! What may be part of a transaction over several partitions, and where its keys lie.

use crate::node::Node;
use crate::requests::NOT_READY;
use std::collections::{BTreeMap, BTreeSet};
use synod_data::op::Args;
use synod_data::{Command, Group, Handler};
use synod_redis::Kind;
use synod_txn::Part;
use synod_types::{PartitionId, key_slot, limits};

const TOO_MANY_KEYS: &str = "ERR too many keys for a transaction over several partitions";
const TOO_MANY_PARTITIONS: &str = "ERR too many partitions for one transaction";

/// Whether a command may be part of a transaction over several partitions: it touches the keys that it names, and nothing else.
pub(super) fn fits(command: &Command, args: &[&[u8]], single: bool) -> bool {
    let follows_patterns = matches!(command.name, "sort" | "sort_ro")
        && args
            .iter()
            .any(|arg| arg.eq_ignore_ascii_case(b"by") || arg.eq_ignore_ascii_case(b"get"));
    let waits = single && crate::waits::wait_of(command, args).is_some();
    match command.handler {
        Handler::Session => !single && matches!(command.name, "ping" | "echo" | "unwatch"),
        _ if matches!(command.name, "lock" | "fence") => false,
        _ => command.group != Group::Scripting && !follows_patterns && !waits,
    }
}

pub(super) fn known(args: &Args<'_>) -> Option<&'static Command> {
    args.first().and_then(|name| synod_data::lookup(name))
}

pub(super) fn kind_of(commands: &[Args<'_>]) -> Kind {
    let writes = |command: &Command| matches!(command.handler, Handler::Write(_));
    if commands.iter().filter_map(known).any(writes) { Kind::Write } else { Kind::Read }
}

impl Node {
    /// The keys of these commands, partition by partition.
    pub(super) fn parts_of(
        &self,
        commands: &[Args<'_>],
        watches: &[(Vec<u8>, u64)],
    ) -> Result<Vec<Part>, &'static str> {
        let mut parts: BTreeMap<PartitionId, BTreeSet<&[u8]>> = BTreeMap::new();
        let mut add = |key| {
            let partition = self.map.partition_of(key_slot(key)).ok_or(NOT_READY)?;
            parts.entry(partition).or_default().insert(key);
            Ok(())
        };
        for (key, _) in watches {
            add(key.as_slice())?;
        }
        for args in commands {
            let Some(command) = synod_data::lookup(args[0]) else { continue };
            for at in command.key_positions(args) {
                add(args[at])?;
            }
        }
        if parts.values().map(BTreeSet::len).sum::<usize>() > limits::TXN_KEYS_MAX {
            return Err(TOO_MANY_KEYS);
        }
        if parts.len() > limits::TXN_PARTITIONS_MAX {
            return Err(TOO_MANY_PARTITIONS);
        }
        let part = |(partition, keys): (PartitionId, BTreeSet<&[u8]>)| Part {
            partition,
            keys: keys.into_iter().map(<[u8]>::to_vec).collect(),
        };
        Ok(parts.into_iter().map(part).collect())
    }
}
