//! command
use crate::node::Node;
use crate::requests::Flow;
use synod_types::ClientId;
pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    node.refuse_request(client, &super::unknown_command(args))
}
