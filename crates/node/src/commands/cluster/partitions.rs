//! CLUSTER SPLIT, MERGE and RESIZING: Synod's own words for a partition that becomes two, for two that become one, and for
//! whether that happens by itself. `synod partition` says them; what the metadata group makes of them is told in
//! `synod_ring::Split` and `synod_ring::Merge`.

use super::{NOT_AN_INTEGER, parse_slot};
use crate::node::Node;
use synod_data::number;
use synod_redis::Flow;
use synod_ring::{MetaCommand, Reshape, Weight};
use synod_types::limits::MERGE_BYTES_MAX;
use synod_types::{ClientId, PartitionId};

const SYNTAX: &str = "ERR syntax error";

/// `CLUSTER SPLIT partition [slot | BY KEYS|BYTES|OPERATIONS]`: the slot is the first one of the new partition; without it, the
/// one that leaves the halves the same load, in bytes unless something else is said.
pub(super) fn split(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let partition = number::parse_i64(args[2]).and_then(|n| u32::try_from(n).ok()).map(PartitionId);
    let Some(partition) = partition else { return node.refuse_request(client, NOT_AN_INTEGER) };
    let reshape = match args {
        [_, _, _] => Ok(Reshape::SplitByLoad { partition, weight: Weight::Bytes }),
        [_, _, _, slot] => {
            parse_slot(slot, "ERR Invalid slot").map(|at| Reshape::Split { partition, at })
        }
        [_, _, _, by, weight] if by.eq_ignore_ascii_case(b"by") => {
            let is_it = |known: &Weight| weight.eq_ignore_ascii_case(known.name().as_bytes());
            let weight = Weight::ALL.into_iter().find(is_it).ok_or(SYNTAX);
            weight.map(|weight| Reshape::SplitByLoad { partition, weight })
        }
        _ => Err(SYNTAX),
    };
    match reshape {
        Ok(reshape) => node.change_map(client, &MetaCommand::Reshape(reshape)),
        Err(text) => node.refuse_request(client, text),
    }
}

/// `CLUSTER RESIZING YES|NO`: whether partitions are split and merged by themselves.
pub(super) fn resizing(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let said = |word: &str| args[2].eq_ignore_ascii_case(word.as_bytes());
    match (said("yes"), said("no")) {
        (false, false) => node.refuse_request(client, SYNTAX),
        (yes, _) => node.change_map(client, &MetaCommand::Reshape(Reshape::Resizing(yes))),
    }
}

/// `CLUSTER MERGE partition`: it becomes part of the one whose slots are right below its own. What does not fit is refused if the
/// replicas here tell; else its leader gives the merge up.
pub(super) fn merge(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let upper = number::parse_i64(args[2]).and_then(|n| u32::try_from(n).ok()).map(PartitionId);
    let Some(upper) = upper else { return node.refuse_request(client, NOT_AN_INTEGER) };
    if node.is_known_not_to_fit(upper) {
        let most = MERGE_BYTES_MAX >> 20;
        let text = format!(
            "ERR partition {upper} is not merged: it holds more than {most} MiB, or more locks or trees than go together with those of \
             the one below it"
        );
        return node.refuse_request(client, &text);
    }
    node.change_map(client, &MetaCommand::Reshape(Reshape::Merge { upper }))
}
