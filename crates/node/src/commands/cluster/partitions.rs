//! CLUSTER SPLIT and CLUSTER MERGE: Synod's own words for a partition that becomes two, and for two that become one. `synod
//! partition` says them; what the metadata group makes of them is told in `synod_ring::Split` and `synod_ring::Merge`.

use super::{NOT_AN_INTEGER, parse_slot};
use crate::node::Node;
use std::ops::RangeInclusive;
use synod_data::number;
use synod_redis::Flow;
use synod_ring::{MetaCommand, Reshape};
use synod_types::{ClientId, PartitionId, Slot};

/// `CLUSTER SPLIT partition [slot]`: the slot is the first one of the new partition; without it, the one in the middle.
pub(super) fn split(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let partition = number::parse_i64(args[2]).and_then(|n| u32::try_from(n).ok()).map(PartitionId);
    let Some(partition) = partition else { return node.refuse_request(client, NOT_AN_INTEGER) };
    let at = match args {
        [_, _, _, slot] => parse_slot(slot, "ERR Invalid slot"),
        [_, _, _] => match node.groups.map().slots_of(partition) {
            Some(slots) => Ok(middle(&slots)),
            // The metadata group says so in its own words.
            None => Ok(Slot(0)),
        },
        _ => Err("ERR syntax error"),
    };
    match at {
        Ok(at) => node.change_map(client, &MetaCommand::Reshape(Reshape::Split { partition, at })),
        Err(text) => node.refuse_request(client, text),
    }
}

/// `CLUSTER MERGE partition`: it becomes part of the one whose slots are right below its own.
pub(super) fn merge(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let upper = number::parse_i64(args[2]).and_then(|n| u32::try_from(n).ok()).map(PartitionId);
    let Some(upper) = upper else { return node.refuse_request(client, NOT_AN_INTEGER) };
    node.change_map(client, &MetaCommand::Reshape(Reshape::Merge { upper }))
}

fn middle(slots: &RangeInclusive<Slot>) -> Slot {
    let (first, last) = (slots.start().0, slots.end().0);
    Slot(first + (last - first).div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_inside_wherever_there_is_an_inside() {
        for (first, last, middle_of) in [(0, 16_383, 8_192), (7, 8, 8), (7, 9, 8), (7, 7, 7)] {
            assert_eq!(middle(&(Slot(first)..=Slot(last))), Slot(middle_of));
        }
    }
}
