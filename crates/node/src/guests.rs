//! Calls of gates that live beside the node: in with a ticket, out with an outcome. The node reads neither the operation
//! nor the answer.

use crate::node::Node;
use crate::output::{CallOutcome, Output};
use synod_machine::{Context, Machine, Operation};
use synod_redis::{CallAnswer, call_answer, encoded};
use synod_replica::{Access, Origin};
use synod_tree::{Tree, taken_apart};
use synod_types::{ReplySink, Slot};
use synod_wire::resp::Proto;

impl Node {
    /// Takes a call in; its outcome is among [`Output::outcomes`] once it is known. Calls of one kind to one slot are run
    /// in the order in which they come; reads are linearizable.
    pub fn submit(&mut self, ticket: u64, slot: Slot, op: Vec<u8>, read: bool) {
        match self.groups.map().partition_of(slot) {
            Some(partition) => {
                let access = if read { Access::Read } else { Access::Write };
                self.route(partition, Origin::Call { ticket }, op, access);
            }
            None => self.output.outcomes.push((ticket, CallOutcome::Lost)),
        }
    }

    /// The answer of the replica on this worker to a read of a gate, however old it is; `None` when there is none.
    #[must_use]
    pub fn read_here(&self, slot: Slot, op: &[u8]) -> Option<Vec<u8>> {
        let operation = Operation::take(&mut &*op)?;
        let (namespace, operation) = taken_apart(&operation)?;
        let tree = self.tree(slot, namespace)?;
        let ctx = Context { now: self.local.now().wall, seed: 0 };
        let reply = encoded(Proto::Resp2, |out| tree.read(operation.body, &ctx, out));
        match call_answer(&reply) {
            CallAnswer::Done(bytes) => Some(bytes),
            CallAnswer::Full | CallAnswer::Lost => None,
        }
    }

    /// Whether this node leads the slot's partition, on whichever worker; `None` when it has no replica of it.
    #[must_use]
    pub fn leads_slot(&self, slot: Slot) -> Option<bool> {
        let partition = self.groups.map().partition_of(slot)?;
        let replicas = &self.groups.map().partition(partition)?.replicas;
        replicas
            .contains(&self.id())
            .then(|| self.groups.leaders().get(partition) == Some(self.id()))
    }

    /// The tree of a namespace, in its slot, as the replica here has it, if there is a replica of it on this worker.
    #[must_use]
    pub fn tree(&self, slot: Slot, namespace: &str) -> Option<&Tree> {
        let partition = self.groups.map().partition_of(slot)?;
        self.groups.replica(partition)?.state().tree(namespace)
    }
}

/// A machine answers a call with one bulk string; anything else says that it was not run, or perhaps was.
pub(crate) fn end(output: &mut Output, ticket: u64, write: &mut dyn FnMut(&mut dyn ReplySink)) {
    end_with(output, ticket, &encoded(Proto::Resp2, |out| write(out)));
}

/// As [`end`], with a reply that came from another node.
pub(crate) fn end_with(output: &mut Output, ticket: u64, reply: &[u8]) {
    let outcome = match call_answer(reply) {
        CallAnswer::Done(bytes) => CallOutcome::Done(bytes),
        CallAnswer::Full => CallOutcome::DiskFull,
        CallAnswer::Lost => CallOutcome::Lost,
    };
    output.outcomes.push((ticket, outcome));
}
