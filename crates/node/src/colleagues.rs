//! What one worker asks of all workers of its node, itself included: for commands that speak of the node as a
//! whole, such as CLIENT LIST and INFO.
//!
//! An errand travels as a `Forward` frame of a group that no partition has, its answer as the `ForwardReply`; the
//! parts are gathered like those of a command over partitions.
//!
//! ```text
//! errand:  tag u8 | fields as varints and length-prefixed byte strings
//! filter:  count, id* | addr | laddr | user | asker | skip_asker u8 | type u8        an absent address is empty
//! ```

use crate::attempts::Attempt;
use crate::commands::pubsub::{self};
use crate::commands::{client, hotkeys, info};
use crate::errand::Errand;
use crate::forward::{self, Forward};
use crate::node::Node;
use crate::settings::Setting;
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::{Kind, Waits, encoded};
use synod_replica::{Access, Audience, Origin};
use synod_types::{ClientId, Epoch, PartitionId, ReplySink, limits};
use synod_wire::resp::Proto;

/// The group of errands. Partitions have smaller numbers: `limits::PARTITIONS_MAX`.
pub(crate) const NODE: PartitionId = PartitionId(u32::MAX);

impl Node {
    /// Asks all workers of this node and joins their answers.
    pub(crate) fn ask_colleagues(&mut self, client: ClientId, join: Join, errand: &Errand) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if session.is_writing() {
            return session.wait_for(Waits::Writes);
        }
        let seq = session.reserve_barrier(Kind::Read);
        let workers = self.local.config().workers;
        let gather = self.clients.gathers_mut().open(client, seq, join, usize::from(workers));
        for worker in 0..workers {
            let origin = Origin::Gather { gather, part: worker.into(), resp3: false };
            self.ask_colleague(worker, origin, errand);
        }
        Flow::Next
    }

    /// Asks one worker of this node, which may be this one.
    pub(crate) fn ask_colleague(&mut self, worker: u16, origin: Origin, errand: &Errand) {
        if worker == self.local.config().worker {
            self.run_errand(origin, errand);
        } else {
            self.send_errand(worker, origin, errand);
        }
    }

    fn send_errand(&mut self, worker: u16, origin: Origin, errand: &Errand) {
        let own = self.local.id();
        let mut op = Vec::new();
        errand.encode(&mut op);
        let deadline_us = self.local.now().mono_us + limits::REQUEST_WAIT_MS_MAX * 1000;
        let id = self.under_way.ledger_mut().next_id();
        let forward = Forward {
            partition: NODE,
            origin,
            op,
            access: Access::Read,
            resp3: false,
            deadline_us,
            to: own,
            attempt: Attempt::default(),
            epoch: Epoch(0),
            parts: crate::fetches::Parts::default(),
            wait: None,
        };
        let frames = forward::queue(&mut self.output, own, own, worker);
        let now_us = self.local.now().mono_us;
        forward::put_forward(frames, id, self.local.config().worker, &forward, now_us);
        self.under_way.ledger_mut().insert(id, forward);
    }

    /// An errand from another worker of this node. One that cannot be read is dropped.
    pub(crate) fn errand(&mut self, origin: Origin, bytes: &[u8]) {
        if let Some(errand) = Errand::decode(bytes) {
            self.run_errand(origin, &errand);
        }
    }

    pub(crate) fn run_errand(&mut self, origin: Origin, errand: &Errand) {
        match errand {
            Errand::ListClients(filter) => {
                let lines = client::lines(self, filter);
                self.desk(NODE).answer(origin, &mut |out| out.bulk(lines.as_bytes()));
            }
            Errand::KillClients(filter) => {
                let killed = client::kill_matching(self, filter);
                self.desk(NODE).answer(origin, &mut |out| out.integer(killed));
            }
            Errand::Tally => {
                let tally = info::tally_of(self).encode();
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&tally));
            }
            Errand::Pause(pause) => {
                self.pause_clients(*pause);
                self.done(origin);
            }
            Errand::Unpause => {
                self.unpause_clients();
                self.done(origin);
            }
            Errand::SlowLog(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let entries = self.clients.sessions_mut().slow().encode(count);
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&entries));
            }
            Errand::SlowLogLen => {
                let len = self.clients.sessions_mut().slow().len() as i64;
                self.desk(NODE).answer(origin, &mut |out| out.integer(len));
            }
            Errand::SlowLogReset => {
                self.clients.sessions_mut().slow().clear();
                self.done(origin);
            }
            Errand::Publish { shard, channel, message } => {
                let receivers = self.deliver(*shard, channel, message);
                self.desk(NODE).answer(origin, &mut |out| out.integer(receivers));
            }
            Errand::PubSub(query) => {
                let reply = encoded(Proto::Resp2, |out| pubsub::answer(self, query, out));
                self.desk(NODE).hand_over(origin, &reply);
            }
            Errand::Invalidate(told) => {
                self.redirected(told);
                self.done(origin);
            }
            Errand::LatencyNote(event, ms) => {
                self.counted.latency_events_mut().note(*event, self.local.now().wall.0 / 1000, *ms);
                self.done(origin);
            }
            Errand::LatencyEvents => {
                let events = self.counted.latency_events_mut().encode();
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&events));
            }
            Errand::LatencyReset(names) => {
                let forgotten = self.counted.latency_events_mut().reset(names) as i64;
                self.desk(NODE).answer(origin, &mut |out| out.integer(forgotten));
            }
            Errand::Monitors(worker, any) => {
                self.note_monitors(*worker, *any);
                self.done(origin);
            }
            Errand::Monitored(line) => {
                self.show_monitors(line);
                self.done(origin);
            }
            Errand::HotKeys(question) => {
                let answer = hotkeys::answer(self, question);
                self.desk(NODE).answer(origin, &mut |out| answer.write(out));
            }
            Errand::Unredirect(id) => {
                self.unredirect(*id);
                self.done(origin);
            }
            Errand::Unblock(id, error) => {
                let unblocked = client::unblock_here(self, *id, *error);
                self.desk(NODE).answer(origin, &mut |out| out.integer(i64::from(unblocked)));
            }
            Errand::Change(change) => {
                self.settings.change(change);
                self.configure_slowlog();
                self.configure_heats();
                self.collect_events();
                self.done(origin);
            }
            Errand::Snapshot => {
                self.groups.replicas_mut().for_each(|replica| replica.begin_snapshot());
                self.done(origin);
            }
            Errand::Denied(refusal) => {
                let max = self.settings.get(Setting::AclLogMaxLen);
                self.authority.log.note(refusal.clone(), usize::try_from(max).unwrap_or(0));
                self.done(origin);
            }
            Errand::AclLog(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let refusals = self.authority.log.encode(count);
                self.desk(NODE).answer(origin, &mut |out| out.bulk(&refusals));
            }
            Errand::AclLogReset => {
                self.authority.log.clear();
                self.done(origin);
            }
            Errand::Know(epoch) => self.know_epoch(*epoch, origin),
            Errand::ResetStat => {
                self.counted.counters_mut().reset();
                self.counted.calls_mut().reset();
                for replica in self.groups.replicas_mut() {
                    replica.set_stats(synod_data::KeyspaceStats::default());
                }
                self.clients.sessions_mut().reset_errors();
                self.done(origin);
            }
        }
    }

    fn done(&mut self, origin: Origin) {
        self.desk(NODE).answer(origin, &mut |out: &mut dyn ReplySink| out.simple("OK"));
    }
}
