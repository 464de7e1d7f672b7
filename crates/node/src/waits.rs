//! Clients that wait: blocking commands as their session's worker sees them.
//!
//! The partition's leader keeps the wait, with its place in the order of service and the end of its time. The
//! session's worker keeps what it takes to arm the wait again at the next leader: until the wait is over the session
//! takes no further request.
//!
//! ```text
//!   request -> the leader's replica, here or behind a Forward frame with its wait
//!            <- Waiting(since)       it is armed there; the request no longer counts as under way
//!            <- a reply              it is over
//!            <- NotLeader            armed again at the next leader: it was not served
//!            (the leader is lost)    armed again with `since`: the next leader knows whether it was served
//!   Unwait -> the leader             CLIENT UNBLOCK, or the client is gone: the wait ends with a reply
//! ```

use crate::desk::{NO_LEADER, UNKNOWN};
use crate::forward::{self, Forward};
use crate::node::Node;
use crate::redirect::{MOVED, Way};
use synod_data::Command;
use synod_data::op::{Op, put_command};
use synod_machine::{MachineId, Operation};
use synod_redis::{Blocked, Flow, Kind};
use synod_replica::{Audience, Origin, WaitEnd};
use synod_txn::Step;
use synod_types::plant::planted;
use synod_types::{ClientId, Index, PartitionId, RequestId, limits};

/// The wait of a forwarded request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ForwardedWait {
    /// The end of its time.
    pub deadline_us: Option<u64>,
    /// No entry up to this one has ended it; `None` when nothing may have ended it at all.
    pub since: Option<Index>,
    /// Whether a leader has ever armed it: then it outlives any time without a leader.
    pub armed: bool,
    /// Whether the leader that had it was lost, so that it may have been served.
    pub lost: bool,
}

impl Node {
    /// A command that may wait.
    pub(crate) fn wait_request(
        &mut self,
        client: ClientId,
        partition: PartitionId,
        args: &[&[u8]],
        timeout_ms: Option<u64>,
    ) -> Flow {
        let deadline_us =
            timeout_ms.map(|ms| self.local.now().mono_us.saturating_add(ms.saturating_mul(1000)));
        if self.room.disk_is_full() {
            return self.refuse_request(client, crate::desk::DISK_FULL);
        }
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let seq = session.reserve_barrier(Kind::Write);
        let mut op = Vec::new();
        put_command(&mut op, args);
        session.block(Blocked::new(seq, partition, op, deadline_us));
        self.arm(client);
        Flow::Next
    }

    /// Arms the wait of a session that nobody has armed, or no longer.
    fn arm(&mut self, client: ClientId) {
        let Some(blocked) = self.clients.session(client).and_then(|s| s.blocked().cloned()) else {
            return;
        };
        let wait = ForwardedWait { deadline_us: blocked.deadline_us(), ..ForwardedWait::default() };
        let origin = Origin::Client { client, seq: blocked.seq() };
        let partition = match self.way_of(blocked.partition(), blocked.op()) {
            Way::Same => blocked.partition(),
            Way::Other(partition) => partition,
            Way::Torn => return self.refuse(blocked.partition(), origin, MOVED),
        };
        if let Some(blocked) = self.clients.session(client).and_then(|s| s.blocked_mut()) {
            blocked.wait_at(partition);
        }
        let id = self.route_wait(partition, origin, blocked.op().to_vec(), wait);
        if let Some(blocked) = self.clients.session(client).and_then(|s| s.blocked_mut()) {
            blocked.sent(id);
        }
    }

    /// Arms again what leaders gave back.
    pub(crate) fn arm_given_back(&mut self) {
        for client in self.clients.sessions_mut().take_given_back() {
            if !planted("wait-lost-at-leader-change") {
                self.arm(client);
            }
        }
    }

    /// A request that waits is served by the replica here.
    pub(crate) fn wait_here(
        &mut self,
        partition: PartitionId,
        origin: Origin,
        op: &[u8],
        wait: &ForwardedWait,
    ) {
        let Some(operation) = Operation::take(&mut &*op) else { return };
        let Some(op) = Op::decode(operation.body) else { return };
        if let Some((replica, asked)) = self.groups.open(partition) {
            match op {
                Op::Command(args) => {
                    replica.wait(origin, &args, wait.deadline_us, wait.since, asked);
                }
                Op::Step(Step::Await { txn, keys, command }) => {
                    replica.arm_apart(origin, txn, &keys, &command, asked);
                }
                _ => return,
            }
            self.groups.touch(partition);
        }
        self.absorb(partition);
    }

    /// A leader has armed a forwarded wait. `begun`: the operation that waits from now on, if it is another.
    pub(crate) fn armed(&mut self, id: RequestId, since: Index, begun: &[u8]) {
        let forward = self.under_way.take_sent(id);
        let Some(mut forward) = forward else { return };
        if !begun.is_empty() {
            forward.op = begun.to_vec();
        }
        if let Some(wait) = &mut forward.wait {
            *wait = ForwardedWait {
                since: Some(since),
                armed: true,
                lost: false,
                deadline_us: wait.deadline_us,
            };
            self.under_way.wait(id, forward);
        }
    }

    /// Arms a forwarded wait again. `lost`: the leader that had it may have served it.
    pub(crate) fn arm_again(&mut self, id: RequestId, mut forward: Forward, lost: bool) {
        let Some(wait) = &mut forward.wait else { return };
        wait.lost = lost;
        if !lost {
            wait.since = None;
        }
        if wait.armed {
            forward.deadline_us = wait.deadline_us.unwrap_or(u64::MAX);
        }
        if !planted("wait-lost-at-leader-change") {
            self.send_again(id, forward);
        }
    }

    /// Whether a leader can tell what became of this request, though the one that had it is lost.
    pub(crate) fn can_arm_again(forward: &Forward) -> bool {
        forward.wait.is_some_and(|wait| wait.since.is_some())
    }

    /// A parked request's time is over.
    pub(crate) fn give_up_parked(&mut self, forward: &Forward) {
        let (partition, origin) = (forward.partition, forward.origin);
        match forward.wait.filter(|wait| wait.armed) {
            None => self.refuse(partition, origin, NO_LEADER),
            Some(wait) if wait.lost => self.refuse(partition, origin, UNKNOWN),
            Some(_) => self.desk(partition).answer(origin, &mut |out| out.null_array()),
        }
    }

    /// Waits armed at a node that is lost.
    pub(crate) fn recall_waits(&mut self, peer: synod_types::NodeId) {
        for (id, forward) in self.under_way.take_waiting_at(peer) {
            self.arm_again(id, forward, true);
        }
        for replica in self.groups.replicas_mut() {
            replica.forget_waits_of(peer);
        }
    }

    /// Ends the wait of a session, if it has one; whether it has.
    pub(crate) fn end_wait_of(&mut self, client: ClientId, end: WaitEnd) -> bool {
        if self.leave_line(client, end) || self.leave_apart(client, end) {
            return true;
        }
        let Some(blocked) = self.clients.session(client).and_then(|s| s.blocked()) else {
            return false;
        };
        let (partition, seq, request) = (blocked.partition(), blocked.seq(), blocked.request());
        self.end_wait_at(partition, Origin::Client { client, seq }, request, end);
        true
    }

    /// Ends a wait that was sent to the leader of a partition as this request.
    pub(crate) fn end_wait_at(
        &mut self,
        partition: PartitionId,
        origin: Origin,
        request: Option<RequestId>,
        end: WaitEnd,
    ) {
        if let Some(id) = request {
            if self.under_way.unrouted_mut().remove(partition, id).is_some() {
                return self.desk(partition).answer(origin, &mut |out| end.reply(out));
            }
            let at = self.under_way.sent(id).map(|f| (f.to, f.resp3));
            if let Some((node, resp3)) = at {
                let worker = self.worker_of(partition);
                let frames = forward::queue(&mut self.output, self.local.id(), node, worker);
                let name = (id, self.local.config().worker, resp3);
                return forward::put_unwait(frames, partition, name, end);
            }
        }
        self.with_desk(partition, |replica, desk| replica.end_wait(origin, end, desk));
    }

    /// Another worker's client does not wait any longer.
    pub(crate) fn unwait(
        &mut self,
        from: synod_types::NodeId,
        partition: PartitionId,
        body: &[u8],
    ) {
        let Some((request, worker, resp3, end)) = forward::take_unwait(body) else { return };
        let origin = Origin::Peer { node: from, worker, request, attempt: 0, resp3 };
        self.with_desk(partition, |replica, desk| replica.end_wait(origin, end, desk));
    }

    /// Ends the waits of this node's replicas whose time is over.
    pub(crate) fn expire_waits(&mut self, group: PartitionId) {
        let now_us = self.local.now().mono_us;
        self.with_desk(group, |replica, desk| replica.expire_waits(now_us, desk));
    }
}

/// Whether an encoded operation is a command of somebody who waits, as it stands in the log.
pub(crate) fn is_wait(mut op: &[u8]) -> bool {
    Operation::take(&mut op).is_some_and(|operation| {
        operation.machine == MachineId::KEYSPACE && synod_data::op::is_wait(operation.body)
    })
}

/// What a call waits for, if it may wait.
pub(crate) fn wait_of(command: &Command, args: &[&[u8]]) -> Option<synod_data::waiting::Wait> {
    synod_data::waiting::wait_of(command, args)
}

/// When a request under way is given up.
pub(crate) fn in_flight_deadline_us(now_us: u64) -> u64 {
    now_us + limits::REQUEST_WAIT_MS_MAX * 1000
}
