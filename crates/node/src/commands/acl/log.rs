//! ACL LOG: worker 0 keeps the refusals of the whole node.

use super::unknown;
use crate::errand::Errand;
use crate::node::Node;
use synod_data::number;
use synod_redis::{Flow, Join, Kind, Waits};
use synod_replica::Origin;
use synod_types::ClientId;

/// How many refusals are told when nobody says how many.
const TOLD: u64 = 10;

pub(super) fn log(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let now_ms = node.local.now().wall.0;
    match &args[2..] {
        [] => ask(node, client, Join::AclLog(now_ms), &Errand::AclLog(TOLD)),
        [word] if word.eq_ignore_ascii_case(b"reset") => {
            ask(node, client, Join::AllOk, &Errand::AclLogReset)
        }
        [count] => match number::parse_i64(count) {
            Some(count) => {
                let count = u64::try_from(count).unwrap_or(0);
                ask(node, client, Join::AclLog(now_ms), &Errand::AclLog(count))
            }
            None => node.refuse_request(client, "ERR value is not an integer or out of range"),
        },
        _ => node.refuse_request(client, &unknown(args[1])),
    }
}

fn ask(node: &mut Node, client: ClientId, join: Join, errand: &Errand) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.is_writing() {
        return session.wait_for(Waits::Writes);
    }
    let seq = session.reserve_barrier(Kind::Read);
    let gather = node.clients.gathers_mut().open(client, seq, join, 1);
    node.ask_colleague(0, Origin::Gather { gather, part: 0, resp3: false }, errand);
    Flow::Next
}
