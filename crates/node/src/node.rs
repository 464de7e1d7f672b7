//! The node: its parts, and the events that concern one of them only.

use crate::authority::Authority;
use crate::bootstrap::Announced;
use crate::clients::Clients;
use crate::config::{NodeConfig, RecoveredGroup};
use crate::contenders::Contenders;
use crate::counted::Counted;
use crate::desk::Desk;
use crate::groups::Groups;
use crate::local::Local;
use crate::memory::Memory;
use crate::migrations::Migrations;
use crate::others::Others;
use crate::output::Output;
use crate::planner::Planner;
use crate::room::Room;
use crate::settings::Settings;
use crate::sizing::Sizes;
use crate::split::Births;
use crate::tracking::Caching;
use crate::transactions::Conductor;
use crate::under_way::UnderWay;
use std::sync::Arc;
use synod_consensus::Token;
use synod_redis::Facts;
use synod_redis::Waits;
use synod_replica::{Failure, Replica};
use synod_ring::ClusterMap;
use synod_types::{ClientId, NodeId, Now, PartitionId};
use synod_wire::resp::RespWriter;

/// One worker of one node. See the crate's page for how it is driven.
///
/// Each part keeps its fields to itself, in a file of its own. What is done by methods of `Node` concerns more than one of
/// them.
pub struct Node {
    /// The worker itself: configuration, time, random numbers.
    pub(crate) local: Local,
    /// The replicas here, the map, and who leads what.
    pub(crate) groups: Groups,
    /// Partitions that were split off those here, until they are replicas.
    pub(crate) births: Births,
    pub(crate) sizes: Sizes,
    /// The other nodes.
    pub(crate) others: Others,
    /// The users, and what they may do.
    pub(crate) authority: Authority,
    /// The clients here, and what is put together for them.
    pub(crate) clients: Clients,
    /// What clients keep copies of.
    pub(crate) caching: Caching,
    /// Requests that are out, or wait for a leader or at one.
    pub(crate) under_way: UnderWay,
    /// The transactions over several partitions of the clients here.
    pub(crate) conductor: Conductor,
    /// The clients here that wait for a lock of the tree.
    pub(crate) contenders: Contenders,
    /// What the leader of the metadata group knows beside the map.
    pub(crate) planner: Planner,
    /// What this node has said of itself.
    pub(crate) announced: Announced,
    /// What clients can set.
    pub(crate) settings: Settings,
    /// How much memory each purpose may take, and which keys to give up.
    pub(crate) memory: Memory,
    /// Keys on their way to other servers.
    pub(crate) migrations: Migrations,
    /// What there is no room for at the moment.
    pub(crate) room: Room,
    /// Counts, for people.
    pub(crate) counted: Counted,
    /// What the world is to do.
    pub(crate) output: Output,
}

impl Node {
    /// A node with what its log holds.
    #[must_use]
    pub fn new(config: NodeConfig, recovered: Vec<RecoveredGroup>, now: Now) -> Self {
        let heat_seed = config.seed;
        let mut node = Self {
            under_way: UnderWay::new(process_number(config.seed)),
            others: Others::new(&config),
            authority: Authority::new(config.password),
            caching: Caching::new(config.seed),
            local: Local::new(config, now),
            groups: Groups::new(),
            births: Births::default(),
            sizes: Sizes::default(),
            clients: Clients::default(),
            conductor: Conductor::default(),
            contenders: Contenders::default(),
            room: Room::default(),
            planner: Planner::default(),
            output: Output::default(),
            settings: Settings::default(),
            memory: Memory::default(),
            migrations: Migrations::default(),
            counted: Counted::new(heat_seed),
            announced: Announced::default(),
        };
        let maxmemory = i64::try_from(node.local.config().maxmemory).unwrap_or(i64::MAX);
        node.settings.begin_with(crate::settings::Setting::MaxMemory, maxmemory);
        node.configure_slowlog();
        node.configure_heats();
        node.recover(recovered);
        node
    }

    /// Who this node is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.local.id()
    }

    /// The cluster map as far as it is known here.
    #[must_use]
    pub fn map(&self) -> &Arc<ClusterMap> {
        self.groups.map()
    }

    /// What is to be done; drain it after every turn.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// The settings that clients can change, for those that the world acts upon.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// There are descriptors for so many clients only: `maxclients` is not more.
    pub fn limit_clients(&mut self, max: usize) {
        self.settings.limit_clients(i64::try_from(max).unwrap_or(i64::MAX));
    }

    /// Tells the node what only its world knows.
    pub fn set_facts(&mut self, facts: Facts) {
        *self.local.facts_mut() = facts;
        self.note_process_times();
    }

    /// Tells whether writes are refused because space is short. What was accepted goes on: there is room for it.
    pub fn refuse_writes(&mut self, refuse: bool) {
        self.room.refuse_writes(refuse);
    }

    /// The memory of all keyspaces here, in bytes: about what their snapshots would take.
    #[must_use]
    pub fn keyspace_bytes(&self) -> usize {
        self.groups
            .replicas()
            .filter_map(|r| r.state().measures())
            .map(|keyspace| keyspace.memory)
            .sum()
    }

    /// A connection was turned away because there are too many.
    pub fn count_rejected(&mut self) {
        self.counted.counters_mut().rejected += 1;
    }

    /// Counts what went over the connections of clients.
    pub fn count_traffic(&mut self, bytes_in: usize, bytes_out: usize) {
        self.counted.traffic(bytes_in, bytes_out);
    }

    /// The log takes no entries: besides that writes are refused, those who wait for one are told that its fate is not
    /// known. Reads go on.
    pub fn disk_is_full(&mut self) {
        self.refuse_writes(true);
        for group in self.groups.numbers() {
            self.with_desk(group, |replica, desk| replica.abandon_proposals(Failure::Stuck, desk));
        }
    }

    pub(crate) fn replica(&mut self, group: PartitionId) -> Option<&mut Replica> {
        self.groups.replica_mut(group)
    }

    /// Notes that the group is to be pumped at the end of the turn.
    pub(crate) fn touch(&mut self, group: PartitionId) {
        self.groups.touch(group);
    }

    /// Everything of this group up to the token is durable.
    pub fn persisted(&mut self, group: PartitionId, token: Token) {
        if let Some(replica) = self.replica(group) {
            replica.persisted(token);
            self.touch(group);
            self.beginning_is_durable(group);
        }
    }

    /// A client connected; `addr` is for people.
    pub fn open_session(&mut self, addr: String) -> ClientId {
        self.counted.counters_mut().connections += 1;
        let client = self.clients.sessions_mut().open(addr, self.local.now().mono_us);
        if let Some(session) = self.clients.session(client) {
            session.set_identity(self.authority.stranger());
        }
        client
    }

    /// A client is gone. What it sent may still be executed.
    pub fn close_session(&mut self, client: ClientId) {
        self.end_wait_of(client, synod_replica::WaitEnd::Timeout);
        self.clients.unsubscribe_all(client);
        self.end_tracking(client);
        self.end_monitor(client);
        self.forget_running(client);
        self.clients.sessions_mut().close(client);
    }

    /// How many clients there are.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.clients.sessions().len()
    }

    /// The bytes to be written to a client's socket, and whether it is to be closed once they are; `None` when
    /// the session is closed. The world removes what it has written.
    pub fn session_output(&mut self, client: ClientId) -> Option<(&mut Vec<u8>, bool)> {
        let session = self.clients.session(client)?;
        session.untouch();
        let close = session.is_over();
        Some((session.out_mut(), close))
    }

    /// How many bytes of replies a session has that the world has not taken, and how many requests are under way.
    #[inline]
    #[must_use]
    pub fn session_load(&mut self, client: ClientId) -> (usize, usize) {
        self.clients
            .session(client)
            .map_or((0, 0), |session| (session.out().len(), session.unanswered()))
    }

    /// About how many bytes of large values the commands taken since the last call have to look at.
    #[inline]
    #[must_use]
    pub fn take_work(&mut self) -> usize {
        self.counted.take_work()
    }

    /// How many bytes of values were looked at in turns since the last call, by operations that look at many.
    #[must_use]
    pub fn take_spent(&mut self) -> usize {
        self.counted.take_spent()
    }

    /// Whether the session was closed by another, so that nothing more is written to its client.
    #[must_use]
    pub fn session_killed(&mut self, client: ClientId) -> bool {
        self.clients.session(client).is_none_or(|session| session.is_killed())
    }

    /// Whether the session's next request waits for what may take as long as it likes: the end of CLIENT PAUSE, or of a
    /// blocking command before it.
    #[must_use]
    pub fn session_held_back(&mut self, client: ClientId) -> bool {
        let session = self.clients.session(client);
        session.is_some_and(|s| s.waits() == Some(Waits::Pause) || s.blocked().is_some())
    }

    /// Whether every request of the client is answered.
    pub fn session_idle(&mut self, client: ClientId) -> bool {
        self.clients.session(client).is_none_or(|session| session.is_idle())
    }

    /// The worker that a `ForwardReply` is for.
    #[must_use]
    pub fn reply_worker(body: &[u8]) -> Option<u16> {
        crate::answers::reply_worker(body)
    }

    /// A client sent something that is no request: answers `error` (an encoded reply) and closes.
    pub fn protocol_error(&mut self, client: ClientId, error: &[u8]) {
        let Some(session) = self.clients.session(client) else { return };
        session.reply_now(|out| out.raw(error));
        session.close_when_answered();
        session.touch(&mut self.output.ready);
    }

    /// Writes a reply to a client behind those still awaited.
    pub(crate) fn reply(&mut self, client: ClientId, write: impl FnOnce(&mut RespWriter<'_>)) {
        if let Some(session) = self.clients.session(client) {
            session.reply_now(write);
            session.touch(&mut self.output.ready);
        }
    }

    /// Splits the node into one replica and those who receive its answers.
    pub(crate) fn with_desk<R>(
        &mut self,
        group: PartitionId,
        run: impl FnOnce(&mut Replica, &mut Desk<'_>) -> R,
    ) -> Option<R> {
        let replica = self.groups.replica_mut(group)?;
        let (sessions, gathers) = self.clients.answered();
        let mut desk = Desk {
            node: self.local.id(),
            group,
            sessions,
            gathers,
            long_replies: self.under_way.long_replies_mut(),
            now_us: self.local.now().mono_us,
            output: &mut self.output,
            heats: self.counted.heats_mut(),
        };
        Some(run(replica, &mut desk))
    }
}

/// A number for this process of the node, from its seed, that no other one is likely to have.
const fn process_number(seed: u64) -> u32 {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// A node that was just made.
#[cfg(test)]
pub(crate) fn started(seed: u64) -> Node {
    let config = NodeConfig {
        id: NodeId(1),
        worker: 0,
        workers: 1,
        info: synod_ring::NodeInfo::default(),
        initial_cluster: [(NodeId(1), String::new())].into(),
        joins: false,
        roster: std::collections::BTreeMap::new(),
        process: seed,
        past: [0; 7],
        turn_length: synod_types::limits::TURN_LENGTH_BYTES,
        partitions: 1,
        replicas: 1,
        ack_early: false,
        lease_reads: false,
        engine: synod_consensus::Protocol::Raft,
        snapshot_bytes: 1 << 20,
        weight: None,
        zone: None,
        maxmemory: 0,
        memory: 0,
        password: None,
        secret: [0; 32],
        seed,
    };
    Node::new(config, Vec::new(), Now { wall: synod_types::Millis(1), mono_us: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to a request of the process before must not be taken for one to a request of this process, nor its
    /// attempt for one of this process.
    #[test]
    fn a_restarted_process_numbers_its_requests_anew() {
        let (group, to) = (PartitionId(1), NodeId(2));
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..1000 {
            let mut node = started(seed);
            let attempt =
                node.under_way.ledger_mut().attempt(group, to).map(|attempt| attempt.0 >> 32);
            let process = node.under_way.ledger_mut().next_id().0 >> 32;
            assert_eq!(attempt, Some(process));
            assert_eq!(
                node.under_way.ledger_mut().next_id().0 >> 32,
                process,
                "one process, one range"
            );
            assert!(seen.insert(process), "seed {seed}");
        }
    }
}
