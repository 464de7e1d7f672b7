//! A turn: what is gathered is proposed, what is committed is applied, what replicas ask for is passed on.

use crate::forward;
use crate::node::Node;
use crate::output::{FileWork, Log};
use crate::settings::Setting;
use synod_consensus::Role;
use synod_data::Measures;
use synod_replica::{Aside, Step};
use synod_types::{Now, PartitionId, limits};
use synod_wire::peer::FrameKind;

/// How long one tick of the consensus engines is, in milliseconds.
pub const TICK_MS: u64 = 50;

/// How many expired keys may be deleted per tick, by all partitions led here that are behind: some 320,000 a second, a
/// quarter or so of the worker's time.
const EXPIRE_KEYS_MAX: usize = 16_000;
/// A preferred leader gets its partitions back after it has been up for this long.
const PREFERRED_UP_US: u64 = 3_000_000;
/// How many entries an heir may still lack when it is chosen.
const HEIR_LAG_MAX: u64 = 1_000;
/// Members that come and go, and replicas that move, are looked after this often.
const SHAPE_TICKS: u64 = 4;
/// Leaders are looked at this often.
const PLACE_TICKS: u64 = 10;

impl Node {
    /// A turn begins at this time.
    pub fn begin_turn(&mut self, now: Now) {
        self.local.begin_turn(now);
        self.clients.sessions_mut().latency().begin_turn(now.mono_us);
        self.counted.heats_mut().begin_turn(now);
        self.check_memory();
    }

    /// Another [`TICK_MS`] have passed.
    pub fn tick(&mut self) {
        self.local.tick();
        self.under_way.tick();
        for peer in self.others.peers_mut().at(self.local.now().mono_us) {
            self.lose(peer);
        }
        let (wall, us) = (self.local.now().wall, self.local.now().mono_us);
        self.counted.counters_mut().tick(us);
        let behind = self.groups.replicas().filter(|r| r.is_behind_expiry()).count();
        let expire_max = if self.room.disk_is_full() { 0 } else { EXPIRE_KEYS_MAX / behind.max(1) };
        for group in self.groups.numbers() {
            let seed = self.local.random();
            if let Some((replica, asked)) = self.groups.open(group) {
                replica.at(Step { wall, seed });
                replica.engine().tick();
                // What has given its slots away has nothing to propose.
                let is_given = replica.state().is_given();
                replica.expire(if is_given { 0 } else { expire_max }, asked);
                if is_given || self.room.disk_is_full() {
                    replica.pass_time(us);
                } else {
                    replica.expire_sessions(us, asked);
                    replica.expire_locks(us, asked);
                }
                // A large keyspace is written less often: a snapshot costs as much as it holds.
                let bytes = replica.bytes_since_snapshot();
                let is_much = |keyspace: Measures| bytes >= keyspace.memory / 2;
                if bytes >= self.local.config().snapshot_bytes
                    && replica.state().measures().is_none_or(is_much)
                {
                    replica.begin_snapshot();
                }
                self.groups.touch(group);
            }
            self.absorb(group);
            self.expire_waits(group);
            self.with_desk(group, |replica, desk| {
                replica.age_proposals(limits::REQUEST_WAIT_MS_MAX / TICK_MS, desk);
            });
        }
        self.expire_requests();
        self.tend_contenders();
        self.tend_apart();
        self.tend_pause();
        self.tend_memory();
        self.cut_log();
        let data_bytes = self.keyspace_bytes() as u64;
        self.counted.counters_mut().hold(data_bytes);
        self.close_idle_clients();
        self.close_slow_subscribers();
        self.expire_awaited();
        self.tend_map();
        self.collect_events();
        self.tend_transactions();
        self.tend_streams();
        self.tend_engines();
        self.tend_heats();
        self.tend_splits();
        self.tend_merges();
        self.tend_sizes();
        if self.local.is_due(2) {
            self.introduce();
            self.send_heartbeats();
        }
        if self.local.is_due(SHAPE_TICKS) {
            self.tend_shape();
            self.tend_slots();
        }
        if self.local.is_due(PLACE_TICKS) {
            self.join_if_known();
            self.tend_replacements();
        }
        if self.local.is_due(PLACE_TICKS) || self.local.retires() {
            self.place_leaders();
        }
        self.tend_fetches();
    }

    /// How long the turn took, deliveries included: what requests answered within it have waited.
    pub fn turn_took(&mut self, us: u64) {
        self.clients.sessions_mut().latency().turn_took(us);
        self.note_latency(us);
        let tracked = self.settings.get(Setting::LatencyTracking) != 0;
        self.counted.calls_mut().close_turn(us, tracked, self.clients.sessions_mut().answered());
        let (worker, workers) =
            (u64::from(self.local.config().worker), u64::from(self.local.config().workers));
        let id = |nth| nth * workers + worker;
        self.clients.sessions_mut().close_slow_turn(us, self.local.now().wall.0 / 1000, id);
    }

    /// The turn ends: everything that can be done is done, and stands in the output.
    pub fn end_turn(&mut self) {
        self.arm_given_back();
        self.conduct();
        self.release();
        self.pump_busy();
        self.finish_transactions();
        // A transaction may have asked partitions for what its session is to answer.
        while self.groups.has_busy() {
            self.pump_busy();
            self.finish_transactions();
        }
        self.tell_of_changes();
        self.make_room();
    }

    /// Answers can release parked requests and those can touch groups again; each round has less to do.
    fn pump_busy(&mut self) {
        while self.groups.has_busy() {
            let mut busy = self.groups.take_busy();
            self.warm_committed(&busy);
            for group in busy.drain(..) {
                self.pump(group);
            }
            self.arm_given_back();
            self.conduct();
            if self.groups.give_back_busy(busy) {
                self.release();
            }
        }
    }

    /// An operation was run beside the turns.
    pub fn come_back(&mut self, aside: Aside) {
        let group = aside.group();
        let mut out = self.groups.take_asked();
        let mut aside = Some(aside);
        self.with_desk(group, |replica, desk| {
            aside.take().into_iter().for_each(|aside| replica.come_back(aside, desk, &mut out));
        });
        // The replica was dropped, and with it all who waited.
        let left = aside.map(|aside| FileWork::Discard(aside.into_garbage()));
        self.output.files.extend(left);
        self.groups.give_back_asked(out);
        self.groups.touch(group);
        self.absorb(group);
    }

    fn pump(&mut self, group: PartitionId) {
        let step = Step { wall: self.local.now().wall, seed: self.local.random() };
        let mut out = self.groups.take_asked();
        let mut spent = 0;
        let wants_changes = self.caching.streams.are_wanted();
        self.with_desk(group, |replica, desk| {
            replica.at(step);
            replica.want_changes(wants_changes);
            replica.pump(desk, &mut out);
            spent = replica.take_spent();
        });
        self.counted.add_spent(spent);
        self.groups.give_back_asked(out);
        self.absorb(group);
    }

    /// Passes on what a replica asked for.
    pub(crate) fn absorb(&mut self, group: PartitionId) {
        if !self.groups.has_asked() {
            return;
        }
        let mut outputs = self.groups.take_asked();
        for output in outputs.drain(..) {
            self.absorb_one(group, output);
        }
        self.groups.give_back_asked(outputs);
    }

    fn absorb_one(&mut self, group: PartitionId, output: synod_replica::Output) {
        use synod_replica::Output as Asked;
        match output {
            Asked::Persist { token, hard_state, entries } => {
                self.output.log.push(Log::Append { group, token, hard_state, entries });
            }
            Asked::MarkSnapshot(meta) => self.output.log.push(Log::Snapshot { group, meta }),
            Asked::Send(to, message) => {
                let own = self.local.id();
                let frames = forward::queue(&mut self.output, own, to, 0);
                forward::put_frame(frames, FrameKind::Consensus, group, |b| message.encode(b));
            }
            Asked::Led { role, term, leader } => {
                let leader = if role == Role::Leader { Some(self.local.id()) } else { leader };
                if role != Role::Leader {
                    self.groups.leaders_mut().stepped_down(group, self.local.id());
                }
                self.groups.leaders_mut().learn(group, term, leader);
                if leader.is_none() {
                    self.groups.leaders_mut().unheard(group, term);
                }
                self.counted.counters_mut().role_changes += 1;
            }
            Asked::Bounced(requests) => self.bounced(group, requests),
            Asked::Voided(origins) => {
                let hint = self.groups.leaders().get(group);
                for origin in origins {
                    self.fail(group, origin, synod_replica::Failure::NotExecuted(hint));
                }
            }
            Asked::Outdated { epoch, requests } => self.outdated(group, epoch, requests),
            Asked::Born(offspring) => self.born(offspring),
            Asked::Awaits => self.bring_content(group),
            Asked::MapChanged => self.learn_map(),
            Asked::Events(events) => self.publish_events(&events),
            Asked::Changes(changes) => self.publish_changes(&changes),
            Asked::Discard(garbage) => self.output.files.push(FileWork::Discard(garbage)),
            Asked::Aside(aside) => self.output.asides.push(aside),
            Asked::FetchSnapshot(from, meta) => self.begin_fetch(group, from, meta),
        }
    }

    /// Hands leadership to the preferred leader once it has been up for a while; when this node is about to
    /// stop, to anyone who has nearly the whole log: under load nobody ever has all of it, and the engine waits for the rest.
    fn place_leaders(&mut self) {
        let own = self.local.id();
        for group in self.groups.numbers() {
            if !self.is_leader(group) {
                continue;
            }
            let preferred = self.preferred_leader(group).filter(|n| {
                *n != own
                    && !self.local.retires()
                    && self.others.peers().up_for_us(*n) >= PREFERRED_UP_US
            });
            if preferred.is_none() && !self.local.retires() {
                continue;
            }
            let Some(replica) = self.replica(group) else { continue };
            let status = replica.status();
            let heir = status
                .peers
                .iter()
                .filter(|p| {
                    let lag = status.last.0.saturating_sub(p.matched.0);
                    p.active && lag <= HEIR_LAG_MAX && status.membership.is_voter(p.node)
                })
                .map(|p| p.node)
                .find(|n| preferred.is_none_or(|p| p == *n));
            if let Some(heir) = heir
                && replica.engine().transfer_leadership(heir).is_ok()
            {
                self.groups.touch(group);
            }
        }
    }

    /// This node is about to stop: leaderships go elsewhere. Whether none is left.
    pub fn retire(&mut self) -> bool {
        self.local.retire();
        !self
            .groups
            .replicas()
            .any(|r| r.role().0 == Role::Leader && r.status().membership.voters.len() > 1)
    }
}
