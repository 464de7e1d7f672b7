//! MEMORY STATS, DOCTOR, PURGE and MALLOC-STATS, which speak of the node; MEMORY USAGE is the keyspace's.

use crate::errand::Errand;
use crate::node::Node;
use synod_redis::{Flow, Join, MemoryQuery, Section};
use synod_types::{ClientId, ReplySink};

const NOT_TOLD: &[u8] = b"Stats not supported for the current allocator";
const NOT_PURGED: &str = "ERR MEMORY PURGE is not supported: the allocator gives back by itself what is not used for a while";

/// Whether this subcommand of MEMORY speaks of the node.
pub(crate) fn is_of_node(word: &[u8]) -> bool {
    ["stats", "doctor", "purge", "malloc-stats"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

pub(crate) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let name = format!("memory|{}", String::from_utf8_lossy(args[1]).to_ascii_lowercase());
    if args.len() != 2 {
        return node.refuse_request(client, &super::wrong_arity(&name));
    }
    let query = match name.as_str() {
        "memory|stats" => MemoryQuery::Stats,
        "memory|doctor" => MemoryQuery::Doctor,
        "memory|purge" => return node.refuse_request(client, NOT_PURGED),
        _ => {
            node.reply(client, |out| out.bulk(NOT_TOLD));
            return Flow::Next;
        }
    };
    let page = super::info::page_of(node, vec![Section::Memory]);
    node.ask_colleagues(client, Join::Memory(query, Box::new(page)), &Errand::Tally)
}
