//! Which node leads which partition, and how a request gets there.
//!
//! Requests for a partition without a known leader are parked in the order they came, and so is everything that
//! comes behind them. They set out again once no earlier one is still under way, and what is under way together is
//! one attempt (`attempts.rs`), so a change of leader does not reorder the requests of a connection.

use crate::answers::{Outcome, Status};
use crate::attempts::Attempt;
use crate::desk::{Desk, NO_LEADER, UNKNOWN, UNREAD, text};
use crate::fetches::Parts;
use crate::forward::{self, Forward};
use crate::node::Node;
use crate::submit::Submission;
use crate::waits::{ForwardedWait, in_flight_deadline_us};
use synod_consensus::Role;
use synod_redis::Waits;
use synod_replica::{Access, Audience, Bounced, Failure, Origin};
use synod_types::plant::planted;
use synod_types::{ClientId, Epoch, NodeId, PartitionId, ReplySink, RequestId, limits};

impl Node {
    /// Whether a replica here leads the partition and nothing waits in front of it.
    #[inline]
    pub(crate) fn leads(&self, partition: PartitionId) -> bool {
        self.groups.replica(partition).is_some_and(|r| {
            r.role().0 == Role::Leader && r.takes_epoch(self.groups.map().epoch_of(partition))
        }) && self.under_way.is_clear(partition)
    }

    /// Sends an encoded operation on its way to the partition's leader.
    pub(crate) fn route(
        &mut self,
        partition: PartitionId,
        origin: Origin,
        op: Vec<u8>,
        access: Access,
    ) {
        self.route_as(partition, origin, op, access, None);
    }

    /// As [`Self::route`], for a command that may wait.
    pub(crate) fn route_wait(
        &mut self,
        partition: PartitionId,
        origin: Origin,
        op: Vec<u8>,
        wait: ForwardedWait,
    ) -> RequestId {
        self.route_as(partition, origin, op, Access::Write, Some(wait))
    }

    fn route_as(
        &mut self,
        partition: PartitionId,
        origin: Origin,
        op: Vec<u8>,
        access: Access,
        wait: Option<ForwardedWait>,
    ) -> RequestId {
        let resp3 = match origin {
            Origin::Client { client, .. } => self
                .clients
                .session(client)
                .is_some_and(|s| s.proto() == synod_wire::resp::Proto::Resp3),
            Origin::Gather { resp3, .. } => resp3,
            _ => false,
        };
        let deadline_us = self.local.now().mono_us + limits::REQUEST_WAIT_MS_MAX * 1000;
        let id = self.under_way.ledger_mut().next_id();
        if !self.caching.tracked().clients().is_empty() {
            self.note_own_request(id, origin);
        }
        let (to, attempt, epoch) = (NodeId(0), Attempt::default(), Epoch(0));
        let parts = Parts::default();
        let forward = Forward {
            partition,
            origin,
            op,
            access,
            resp3,
            deadline_us,
            to,
            attempt,
            epoch,
            parts,
            wait,
        };
        if self.under_way.unrouted().holds(partition) {
            self.park(id, forward);
        } else {
            self.send(id, forward);
        }
        id
    }

    pub(crate) fn park(&mut self, id: RequestId, forward: Forward) {
        let Some(forward) = self.towards_its_keys(forward) else { return };
        self.under_way.unrouted_mut().insert(id, forward);
    }

    /// Keeps a request that came back, for another attempt.
    pub(crate) fn send_again(&mut self, id: RequestId, mut forward: Forward) {
        forward.parts = Parts::default();
        self.under_way.ledger_mut().end_attempt(forward.partition);
        self.park(id, forward);
    }

    fn send(&mut self, id: RequestId, mut forward: Forward) {
        let partition = forward.partition;
        let own = self.local.id();
        let target = self.target(partition);
        let way =
            target.and_then(|to| Some((to, self.under_way.ledger_mut().attempt(partition, to)?)));
        match way {
            Some((node, _)) if node == own && self.owns(partition) => self.serve_here(forward),
            Some((node, attempt)) => {
                (forward.to, forward.attempt) = (node, attempt);
                forward.epoch = self.groups.map().epoch_of(partition);
                if forward.wait.is_some() {
                    forward.deadline_us = in_flight_deadline_us(self.local.now().mono_us);
                }
                let worker = self.worker_of(partition);
                let frames = forward::queue(&mut self.output, own, node, worker);
                let now_us = self.local.now().mono_us;
                forward::put_forward(frames, id, self.local.config().worker, &forward, now_us);
                self.counted.counters_mut().forwarded += 1;
                self.under_way.ledger_mut().insert(id, forward);
            }
            None => self.park(id, forward),
        }
    }

    /// Whether the partition lives on this worker, if it lives on this node at all.
    pub(crate) fn owns(&self, partition: PartitionId) -> bool {
        self.worker_of(partition) == self.local.config().worker
    }

    pub(crate) fn worker_of(&self, partition: PartitionId) -> u16 {
        (partition.0 % u32::from(self.local.config().workers)) as u16
    }

    /// Where to try: the leader; without one, and without a replica here that would hear of one, any member
    /// that is up. One request at a time asks around like that: of two, the later one might meet the leader first.
    fn target(&mut self, partition: PartitionId) -> Option<NodeId> {
        let own = self.local.id();
        if self.under_way.is_heir(partition) {
            return None;
        }
        // What came before may lie in the replica here, which gives it back as a whole, and in order, when it finds in this
        // turn that it does not lead any more. Nothing goes past it on the word of others.
        if self.is_leader(partition) && !self.under_way.is_refusing(partition) {
            return self.takes_calls(partition).then_some(own);
        }
        if self.under_way.unrouted().is_outdated(partition, self.groups.map().epoch_of(partition)) {
            return None;
        }
        if let Some(leader) = self.groups.leaders().get(partition) {
            let usable = match leader == own {
                true => !self.owns(partition),
                false => self.others.peers().is_up(leader),
            };
            return usable.then_some(leader);
        }
        let members = match partition {
            PartitionId::META if self.groups.map().is_reshaped() => self.meta_voters(),
            PartitionId::META => self.local.config().initial_cluster.keys().copied().collect(),
            _ => self.groups.map().partition(partition)?.replicas.clone(),
        };
        if members.contains(&own) || self.under_way.ledger().out(partition) > 0 {
            return None;
        }
        let up: Vec<_> = members.into_iter().filter(|n| self.others.peers().is_up(*n)).collect();
        let pick = self.local.random() as usize;
        (!up.is_empty()).then(|| up[pick % up.len()])
    }

    fn serve_here(&mut self, forward: Forward) {
        let Forward { partition, origin, op, access, wait, .. } = forward;
        self.serve(Submission { partition, origin, op: &op, access, wait });
    }

    /// Requests that a replica here could not serve after all.
    pub(crate) fn bounced(&mut self, group: PartitionId, requests: Vec<Bounced>) {
        if self.is_leader(group) {
            self.under_way.gave_back(group);
        }
        for Bounced { origin, op, access } in requests {
            match origin {
                Origin::Internal => {}
                Origin::Peer { node, worker, .. } => {
                    self.under_way.attempts_mut().refuse(group, node, worker);
                    let hint = self.groups.leaders().get(group).filter(|n| *n != self.local.id());
                    self.fail(group, origin, Failure::NotExecuted(hint));
                }
                Origin::Client { .. } if crate::waits::is_wait(&op) => {
                    self.fail(group, origin, Failure::NotExecuted(None));
                }
                Origin::Client { .. }
                | Origin::Gather { .. }
                | Origin::Call { .. }
                | Origin::Step { .. } => {
                    self.route_again(group, origin, op, access);
                }
            }
        }
    }

    /// Whether the connection of this request has written behind it, to whatever partition. It does not matter whether
    /// that write is under way or answered: its reply has not left, but it may be executed.
    fn has_writes_behind(&mut self, origin: Origin) -> bool {
        let place = match origin {
            Origin::Client { client, seq } => Some((client, seq)),
            Origin::Gather { gather, .. } => self.clients.gathers().place(gather),
            Origin::Internal | Origin::Peer { .. } | Origin::Call { .. } | Origin::Step { .. } => {
                None
            }
        };
        place.is_some_and(|(client, seq)| {
            self.clients.session(client).is_some_and(|session| session.has_written_behind(seq))
        })
    }

    pub(crate) fn fail(&mut self, group: PartitionId, origin: Origin, failure: Failure) {
        self.desk(group).fail(origin, failure);
    }

    pub(crate) fn desk(&mut self, group: PartitionId) -> Desk<'_> {
        let (sessions, gathers) = self.clients.answered();
        Desk {
            node: self.local.id(),
            group,
            sessions,
            gathers,
            long_replies: self.under_way.long_replies_mut(),
            now_us: self.local.now().mono_us,
            output: &mut self.output,
            heats: self.counted.heats_mut(),
        }
    }

    /// The answer of a node to a forwarded request. A refusal of an attempt in which the request is not out any more is passed
    /// over: taken for one of the present attempt, it would have the request sent a third time, behind what came after it.
    pub(crate) fn answered(&mut self, from: NodeId, outcome: &Outcome<'_>) {
        let asked = self.under_way.sent(outcome.request);
        let is_present = |forward: &Forward| {
            forward.to == from && outcome.attempt.is_none_or(|attempt| forward.attempt == attempt)
        };
        if outcome.status != Status::Done && asked.is_some_and(|forward| !is_present(forward)) {
            return;
        }
        match outcome.status {
            Status::Waiting(since) => return self.armed(outcome.request, since, outcome.reply),
            Status::Part { offset, total } => {
                return self.answered_in_part(outcome.request, (offset, total), outcome.reply);
            }
            _ => {}
        }
        let Some(forward) = self.under_way.take_sent(outcome.request) else { return };
        // A node of an earlier version takes the group of a worker for a partition that it does not lead.
        if outcome.status != Status::Done && self.is_left_out(&forward) {
            return;
        }
        let (partition, origin) = (forward.partition, forward.origin);
        match outcome.status {
            Status::Done => {
                self.groups.leaders_mut().found(partition, forward.to);
                self.desk(partition).relay(origin, outcome.reply);
            }
            Status::NotLeader(_) | Status::NewerEpoch(_) => {
                if let Status::NotLeader(hint) = outcome.status {
                    self.groups.leaders_mut().hint(partition, forward.to, hint);
                }
                if let Status::NewerEpoch(epoch) = outcome.status {
                    self.under_way.unrouted_mut().tell_epoch(partition, epoch);
                }
                if forward.wait.is_some() {
                    return self.arm_again(outcome.request, forward, false);
                }
                self.send_again(outcome.request, forward);
            }
            Status::Unknown if planted("unknown-retried") => {
                self.send_again(outcome.request, forward);
            }
            // Its place was beside writes whose fate is not known: elsewhere it could see one that came behind it.
            Status::Unknown if forward.access.is_read() => self.refuse(partition, origin, UNREAD),
            Status::Unknown | Status::Waiting(_) | Status::Part { .. } => {
                self.refuse(partition, origin, UNKNOWN);
            }
            Status::DiskFull => self.refuse(partition, origin, text(Failure::DiskFull)),
        }
    }

    pub(crate) fn refuse(&mut self, partition: PartitionId, origin: Origin, error: &str) {
        self.desk(partition).answer(origin, &mut |out: &mut dyn ReplySink| out.error(error));
    }

    /// The peer is gone: the fate of writes is unknown. Reads that it was asked may go elsewhere, unless their connection
    /// has written behind them.
    pub(crate) fn recall(&mut self, peer: NodeId) {
        self.under_way.long_replies_mut().forget(peer);
        self.recall_waits(peer);
        for id in self.under_way.ledger().find(|f| f.to == peer) {
            let Some(forward) = self.under_way.ledger_mut().take(id) else { continue };
            if self.is_left_out(&forward) {
                continue;
            }
            if Self::can_arm_again(&forward) {
                self.arm_again(id, forward, true);
            } else if forward.access.is_read() && self.has_writes_behind(forward.origin) {
                self.refuse(forward.partition, forward.origin, UNREAD);
            } else if forward.access.is_read() || planted("unknown-retried") {
                self.send_again(id, forward);
            } else {
                let text = if planted("error-for-committed") { NO_LEADER } else { UNKNOWN };
                self.refuse(forward.partition, forward.origin, text);
            }
        }
    }

    /// Whether so much is held for requests under way that no further one is begun: operations that are out or wait for
    /// a leader, and the parts of answers.
    pub(crate) fn holds_too_much(&self) -> bool {
        self.held_bytes() > self.held_bytes_max()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let expected = self.expected_bytes(self.under_way.ledger().reads());
        expected + self.under_way.bytes() + self.clients.gathers().bytes() + self.conductor.bytes()
    }

    /// Fetches long replies for which there is room now, and lets sessions go on that wait for it, once half of it is free.
    pub(crate) fn make_room(&mut self) {
        self.fetch_in_line();
        if self.room.is_wanted() && self.held_bytes() <= self.held_bytes_max() / 2 {
            self.room.has_come();
            self.clients.sessions_mut().resume(Waits::NodeRoom, &mut self.output.ready);
        }
    }

    /// Sends out what waits for a partition whose leader is known by now, unless earlier requests are still out.
    pub(crate) fn release(&mut self) {
        self.under_way.end_heirs();
        if self.under_way.unrouted().is_empty() || planted("parked-forever") {
            return;
        }
        let ready: Vec<_> = self
            .under_way
            .unrouted()
            .partitions()
            .filter(|p| self.under_way.ledger().out(*p) == 0)
            .collect();
        for partition in ready {
            if self.target(partition).is_none() {
                continue;
            }
            for (id, forward) in self.under_way.unrouted_mut().take(partition) {
                self.send(id, forward);
            }
        }
    }

    /// Gives up on requests that waited too long.
    pub(crate) fn expire_requests(&mut self) {
        let now = self.local.now().mono_us;
        self.under_way.long_replies_mut().expire(now);
        for id in self.under_way.ledger().find(|f| f.deadline_us <= now) {
            let Some(f) = self.under_way.ledger_mut().take(id) else { continue };
            if self.is_left_out(&f) {
                continue;
            }
            if Self::can_arm_again(&f) {
                self.arm_again(id, f, true);
                continue;
            }
            self.refuse(
                f.partition,
                f.origin,
                if f.access.is_read() { NO_LEADER } else { UNKNOWN },
            );
        }
        self.drop_parked(|f| f.deadline_us <= now);
    }

    /// The client has said its last. Of what it sent and waits for a leader, nothing will be executed; if it is blocked,
    /// it is no longer.
    pub fn client_left(&mut self, client: ClientId) {
        self.end_wait_of(client, synod_replica::WaitEnd::Timeout);
        self.drop_parked(|f| matches!(f.origin, Origin::Client { client: c, .. } if c == client));
    }

    fn drop_parked(&mut self, which: impl Fn(&Forward) -> bool) {
        for f in self.under_way.unrouted_mut().take_if(which) {
            self.give_up_parked(&f);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaders::Leaders;
    use synod_types::Term;

    /// A node that had been stopped was told of its leader by what lay in its sockets, lost it in the same turn, and then heard
    /// of it from its own replica, which had read the same: it said for seconds that it served.
    #[test]
    fn a_replica_that_hears_no_leader_ends_what_is_known_of_one() {
        let (group, term, gone) = (PartitionId(3), Term(15), NodeId(2));
        let mut leaders = Leaders::default();
        leaders.learn(group, term, Some(gone));
        leaders.unheard(group, Term(14));
        assert_eq!(leaders.get(group), Some(gone), "it is of a later term");
        leaders.unheard(group, term);
        assert_eq!(leaders.get(group), None);
        assert!(leaders.learn(group, term, Some(gone)), "it says so itself");
    }

    /// A new leader's own requests waited for ever when, while it stood for election, it had been told of its
    /// predecessor, which then died.
    #[test]
    fn a_guess_gives_way_to_the_leader_of_the_term() {
        let (group, term) = (PartitionId(3), Term(134));
        let (own, dead) = (NodeId(4), NodeId(1));
        let mut guesses = [Leaders::default(), Leaders::default()];
        guesses.iter_mut().for_each(|leaders| _ = leaders.learn(group, term, None));
        guesses[0].hint(group, NodeId(5), Some(dead));
        guesses[1].found(group, dead);
        for mut leaders in guesses {
            assert_eq!(leaders.get(group), Some(dead));
            leaders.learn(group, term, Some(own));
            assert_eq!(leaders.forget(dead), []);
            assert_eq!(leaders.get(group), Some(own));
            leaders.learn(group, Term(133), Some(dead));
            assert_eq!(leaders.get(group), Some(own), "that was earlier");
        }
    }

    /// A refusal of an attempt before the present one had its request sent again, though the present one may have been served.
    #[test]
    fn an_answer_of_an_earlier_attempt_counts_only_when_it_is_the_reply() {
        let mut node = crate::node::started(1);
        let (id, peer) = (node.under_way.ledger_mut().next_id(), NodeId(2));
        let forward = Forward {
            partition: PartitionId(1),
            origin: Origin::Internal,
            op: vec![1],
            access: Access::Write,
            resp3: false,
            deadline_us: 5,
            to: peer,
            attempt: Attempt(7),
            epoch: Epoch(0),
            parts: Parts::default(),
            wait: None,
        };
        node.under_way.ledger_mut().insert(id, forward);
        let answer = |attempt: u64, status| Outcome {
            request: id,
            attempt: (status != Status::Done).then_some(Attempt(attempt)),
            status,
            reply: b"+OK",
        };
        for late in [
            Status::NotLeader(None),
            Status::Unknown,
            Status::DiskFull,
            Status::Part { offset: 0, total: 9 },
        ] {
            node.answered(peer, &answer(6, late));
            node.answered(NodeId(3), &answer(7, late));
            assert_eq!(
                (node.under_way.ledger().len(), node.under_way.unrouted().len()),
                (1, 0),
                "{late:?}"
            );
        }
        node.answered(peer, &answer(7, Status::Part { offset: 0, total: 9 }));
        assert_eq!(
            node.under_way.ledger().bytes(),
            10,
            "the operation, and the reply as long as it will be"
        );
        node.answered(peer, &answer(7, Status::Part { offset: 0, total: 9 }));
        assert_eq!(node.under_way.ledger().bytes(), 10, "the same part twice");
        node.answered(peer, &answer(7, Status::NotLeader(None)));
        assert_eq!((node.under_way.ledger().len(), node.under_way.unrouted().len()), (0, 1));
        assert_eq!(node.under_way.unrouted().bytes(), 1, "what had come of the reply is dropped");
    }
}
