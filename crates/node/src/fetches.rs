//! Long replies of other nodes and workers, which come in parts: whether there is room for one is decided when its length is
//! known, before more of it than the first part is here.
//!
//! What a client waits for stands in line until there is room. What is one part of a greater whole could wait for its own
//! other parts, so it is refused where there is none.

use crate::answers::{self, Asker};
use crate::attempts::Attempt;
use crate::forward;
use crate::node::Node;
use crate::steps::TOO_LARGE;
use crate::submit::LONG_REPLY;
use crate::waits::in_flight_deadline_us;
use synod_replica::Origin;
use synod_types::{NodeId, PartitionId, RequestId};

/// Says that no part of the reply is wanted any more.
const NO_PART: u64 = u64::MAX;

/// What has come of a reply that comes in parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    bytes: Vec<u8>,
    /// How long it will be; 0: that was not said yet.
    total: usize,
    fetched: bool,
}

impl Parts {
    pub fn add(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    pub fn announce(&mut self, total: usize) {
        self.total = total;
    }

    pub fn fetch(&mut self) {
        self.fetched = true;
        self.bytes.reserve_exact(self.missing());
    }

    /// Whether there was room for the whole.
    pub fn are_fetched(&self) -> bool {
        self.fetched
    }

    /// How many bytes are missing.
    pub fn missing(&self) -> usize {
        self.total.saturating_sub(self.bytes.len())
    }

    /// How many bytes there are, or will be when all that is fetched is here.
    pub fn held_bytes(&self) -> usize {
        if self.fetched { self.total.max(self.bytes.len()) } else { self.bytes.len() }
    }
}

impl Node {
    /// A part of a long reply has come: the next one is fetched, or the whole handed over.
    pub(crate) fn answered_in_part(
        &mut self,
        id: RequestId,
        (offset, total): (u64, u64),
        part: &[u8],
    ) {
        self.under_way.wait_no_longer(id);
        let in_place = |f: &forward::Forward| f.parts.bytes.len() as u64 == offset;
        if !self.under_way.ledger().get(id).is_some_and(in_place) {
            return;
        }
        let deadline_us = in_flight_deadline_us(self.local.now().mono_us);
        let Some(forward) = self.under_way.ledger_mut().add_part(id, part) else { return };
        if forward.parts.bytes.len() as u64 >= total {
            if let Some(forward) = self.under_way.ledger_mut().take(id) {
                self.groups.leaders_mut().found(forward.partition, forward.to);
                self.desk(forward.partition).relay(forward.origin, &forward.parts.bytes);
            }
            return;
        }
        forward.deadline_us = deadline_us;
        if forward.parts.fetched {
            return self.fetch_on(id);
        }
        let origin = forward.origin;
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        match self.why_not_fetched(origin, total) {
            Some(error) => self.refuse_announced(id, error),
            None => {
                self.under_way.ledger_mut().stand_in_line(id, total);
                self.fetch_in_line();
            }
        }
    }

    /// Fetches what stands in line as far as there is room. One reply is fetched in any case.
    pub(crate) fn fetch_in_line(&mut self) {
        while let Some((id, missing)) = self.under_way.ledger_mut().first_in_line() {
            if self.under_way.ledger().fetching() > 0
                && self.held_bytes() + missing > self.held_bytes_max()
            {
                return;
            }
            self.under_way.ledger_mut().begin_fetch(id);
            self.fetch_on(id);
        }
    }

    /// Why a part of a transaction or of what is asked of several partitions is not fetched.
    fn why_not_fetched(&mut self, origin: Origin, total: usize) -> Option<&'static str> {
        match origin {
            Origin::Step { ticket } => {
                let most = self.transaction_bytes_max();
                (!self.conductor.announce(ticket, total, most)).then_some(TOO_LARGE)
            }
            Origin::Gather { .. } => {
                let others =
                    self.under_way.ledger().fetching() > 0 || self.clients.gathers().bytes() > 0;
                let much = self.held_bytes() + total > self.held_bytes_max();
                (others && much).then_some(LONG_REPLY)
            }
            _ => None,
        }
    }

    /// A reply is not fetched, which whoever keeps it is told.
    fn refuse_announced(&mut self, id: RequestId, error: &str) {
        let Some(forward) = self.under_way.ledger_mut().take(id) else { return };
        self.put_fetch((forward.partition, forward.to, forward.attempt), id, NO_PART);
        self.refuse(forward.partition, forward.origin, error);
    }

    /// Asks for the part that comes next.
    fn fetch_on(&mut self, id: RequestId) {
        let Some(forward) = self.under_way.ledger().get(id) else { return };
        let offset = forward.parts.bytes.len() as u64;
        self.put_fetch((forward.partition, forward.to, forward.attempt), id, offset);
    }

    fn put_fetch(
        &mut self,
        (partition, to, attempt): (PartitionId, NodeId, Attempt),
        request: RequestId,
        offset: u64,
    ) {
        let worker = self.worker_of(partition);
        let asker =
            Asker { node: self.local.id(), worker: self.local.config().worker, request, attempt };
        let frames = forward::queue(&mut self.output, self.local.id(), to, worker);
        answers::put_fetch(frames, partition, asker, offset);
    }

    /// Somebody wants the next part of a long reply, or no more of it.
    pub(crate) fn serve_reply(&mut self, from: NodeId, group: PartitionId, body: &[u8]) {
        let Some((asker, offset)) = answers::take_fetch(from, body) else { return };
        let now_us = self.local.now().mono_us;
        if offset == NO_PART {
            return self.under_way.long_replies_mut().end(&asker);
        }
        let frames = forward::queue(&mut self.output, self.local.id(), from, asker.worker);
        self.under_way.long_replies_mut().put_part(frames, group, asker, offset, now_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{Outcome, Status};
    use crate::forward::Forward;
    use synod_replica::Access;
    use synod_types::ClientId;

    const PEER: NodeId = NodeId(2);

    fn ask(node: &mut Node, origin: Origin) -> RequestId {
        let id = node.under_way.ledger_mut().next_id();
        let forward = Forward {
            partition: PartitionId(1),
            origin,
            op: vec![1],
            access: Access::Read,
            resp3: false,
            deadline_us: 5,
            to: PEER,
            attempt: Attempt(7),
            epoch: synod_types::Epoch(0),
            parts: Parts::default(),
            wait: None,
        };
        node.under_way.ledger_mut().insert(id, forward);
        id
    }

    fn part(node: &mut Node, id: RequestId, (offset, total): (usize, usize), bytes: usize) {
        let status = Status::Part { offset: offset as u64, total: total as u64 };
        let reply = &vec![b'x'; bytes][..];
        node.answered(PEER, &Outcome { request: id, attempt: Some(Attempt(7)), status, reply });
    }

    #[test]
    fn a_long_reply_for_which_there_is_no_room_stands_in_line() {
        let mut node = crate::node::started(1);
        let all = node.held_bytes_max();
        let client = |n| Origin::Client { client: ClientId(n), seq: 1 };
        let first = ask(&mut node, client(1));
        let second = ask(&mut node, client(2));
        part(&mut node, first, (0, 2 * all), 10);
        part(&mut node, second, (0, 20), 10);
        assert_eq!(node.under_way.ledger().fetching(), 1, "one is fetched, however long it is");
        assert_eq!(node.under_way.ledger().bytes(), 2 * all + 10 + 2);
        assert_eq!(node.under_way.ledger_mut().first_in_line(), Some((second, 10)));
        node.under_way.ledger_mut().take(first);
        node.fetch_in_line();
        assert_eq!(
            (node.under_way.ledger().fetching(), node.under_way.ledger_mut().first_in_line()),
            (1, None)
        );
        part(&mut node, second, (10, 20), 10);
        assert_eq!(
            (
                node.under_way.ledger().len(),
                node.under_way.ledger().bytes(),
                node.under_way.ledger().fetching()
            ),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_part_of_something_greater_is_refused_instead() {
        let mut node = crate::node::started(1);
        let all = node.held_bytes_max();
        let client = Origin::Client { client: ClientId(1), seq: 1 };
        let first = ask(&mut node, client);
        part(&mut node, first, (0, all), 10);
        let second = ask(&mut node, Origin::Gather { gather: 1, part: 0, resp3: false });
        part(&mut node, second, (0, 20), 10);
        assert!(node.under_way.ledger().get(second).is_none());
        assert_eq!(node.under_way.ledger().fetching(), 1);
        let frames: usize = node.output.frames.values().map(Vec::len).sum();
        assert!(frames > 0, "whoever keeps it is told");
    }

    #[test]
    fn a_reply_that_is_given_up_is_counted_no_longer() {
        let mut node = crate::node::started(1);
        let id = ask(&mut node, Origin::Client { client: ClientId(1), seq: 1 });
        part(&mut node, id, (0, 1000), 10);
        assert_eq!(node.under_way.ledger().bytes(), 1001);
        let now = node.local.now();
        node.local.begin_turn(synod_types::Now { mono_us: u64::MAX, ..now });
        node.expire_requests();
        assert_eq!(
            (
                node.under_way.ledger().bytes(),
                node.under_way.ledger().fetching(),
                node.under_way.ledger().len()
            ),
            (0, 0, 0)
        );
    }
}
