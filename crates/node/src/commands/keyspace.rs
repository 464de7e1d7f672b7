//! DBSIZE, KEYS, SCAN, RANDOMKEY, FLUSHALL, FLUSHDB: commands over every partition.
//!
//! How the answers become one is the keyspace's to say ([`synod_data::Joined`]).

use super::LONG_PATTERN;
use crate::node::Node;
use crate::requests::NOT_READY;
use synod_data::op::Op;
use synod_data::{Keyspace, number};
use synod_redis::Flow;
use synod_redis::Kind;
use synod_types::{ClientId, Slot, limits};

/// The most keys that one SCAN looks at.
const SCAN_COUNT_MAX: u64 = 100_000;
const SYNTAX: &str = "ERR syntax error";

pub(super) fn dbsize(node: &mut Node, client: ClientId) -> Flow {
    node.run_everywhere(client, &Op::Stats)
}

pub(super) fn random_key(node: &mut Node, client: ClientId) -> Flow {
    let mut partitions = node.partitions();
    if !partitions.is_empty() {
        let turn = node.local.random() as usize % partitions.len();
        partitions.rotate_left(turn);
    }
    node.run_on_each(client, partitions, &Op::RandomKey)
}

pub(super) fn flush(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let known =
        |arg: &[u8]| arg.eq_ignore_ascii_case(b"sync") || arg.eq_ignore_ascii_case(b"async");
    if args.len() > 2 || !args[1..].iter().all(|a| known(a)) {
        return node.refuse_request(client, SYNTAX);
    }
    node.run_everywhere(client, &Op::Clear)
}

pub(super) fn list_locks(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    node.run_everywhere(client, &Op::Command(args.into()))
}

pub(super) fn keys(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if args[1].len() > limits::PATTERN_BYTES_MAX {
        return node.refuse_request(client, LONG_PATTERN);
    }
    let op = Op::Scan { cursor: 0, count: u64::MAX, pattern: Some(args[1]), kind: None };
    node.run_everywhere(client, &op)
}

pub(super) fn scan(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let cursor = std::str::from_utf8(args[1]).ok().and_then(|text| text.parse::<u64>().ok());
    let Some(cursor) = cursor else {
        return node.refuse_request(client, "ERR invalid cursor");
    };
    let (mut count, mut pattern, mut kind) = (10, None, None);
    let mut rest = &args[2..];
    while let [option, value, tail @ ..] = rest {
        if option.eq_ignore_ascii_case(b"match") {
            if value.len() > limits::PATTERN_BYTES_MAX {
                return node.refuse_request(client, LONG_PATTERN);
            }
            pattern = Some(*value);
        } else if option.eq_ignore_ascii_case(b"type") {
            kind = Some(*value);
        } else if option.eq_ignore_ascii_case(b"count") {
            match number::parse_i64(value) {
                Some(n) if n > 0 => count = (n as u64).min(SCAN_COUNT_MAX),
                Some(_) => return node.refuse_request(client, SYNTAX),
                None => {
                    return node
                        .refuse_request(client, "ERR value is not an integer or out of range");
                }
            }
        } else {
            return node.refuse_request(client, SYNTAX);
        }
        rest = tail;
    }
    if !rest.is_empty() {
        return node.refuse_request(client, SYNTAX);
    }
    let slot = match cursor {
        0 => Some(Slot(0)),
        cursor => Keyspace::cursor_slot(cursor),
    };
    let Some(slot) = slot else { return node.refuse_request(client, "ERR invalid cursor") };
    let Some(partition) = node.groups.map().partition_of(slot) else {
        return node.refuse_request(client, NOT_READY);
    };
    let op = Op::Scan { cursor, count, pattern, kind };
    node.run_op(client, partition, Kind::Read, &op)
}
