//! A client's request: which command it is, whether it may run, and where.

use crate::authority::{acting, runs_script};
use crate::commands;
use crate::desk::DISK_FULL;
use crate::heats::CountedReply;
use crate::memory::OOM;
use crate::node::Node;
use crate::submit::LONG_REPLY;
use synod_redis::Join;

use smallvec::SmallVec;
use synod_consensus::Role;
use synod_data::op::{Args, Op, put_command};
use synod_data::{Command, Flags, Group, Handler};
use synod_machine::{MachineId, put_operation};
use synod_redis::{Answered, Called, Flow, Kind, Session, Waits};
use synod_replica::{Access, Origin};
use synod_ring::{ClusterMap, MetaCommand};
use synod_types::{ClientId, PartitionId, RESERVED, ReplySink, Term, is_coordinators, key_slot};
use synod_wire::resp::Proto;

pub(crate) const CROSSSLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";
pub(crate) const NOT_READY: &str = "CLUSTERDOWN The cluster is not formed yet";

/// How a request of this kind stands in the order of its connection.
#[inline]
pub(crate) fn access(session: &Session, kind: Kind) -> Access {
    match kind {
        Kind::Write => Access::Write,
        Kind::Read if session.is_writing() => Access::ReadBehind,
        Kind::Read => Access::Read,
    }
}

/// What the slow log shows of a request that may contain a secret.
pub(crate) fn redacted<'a>(command: &Command, args: &[&'a [u8]]) -> Args<'a> {
    const HIDDEN: &[u8] = b"(redacted)";
    let mut shown: Args<'a> = SmallVec::from_slice(args);
    match command.name {
        "auth" => shown.iter_mut().skip(1).for_each(|arg| *arg = HIDDEN),
        "hello" => {
            let auth = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"auth"));
            let secrets = auth.map_or(args.len(), |at| at + 1);
            shown.iter_mut().skip(secrets).take(2).for_each(|arg| *arg = HIDDEN);
        }
        "acl" => shown.iter_mut().skip(2).for_each(|arg| *arg = HIDDEN),
        "migrate" => {
            for at in 7..args.len() {
                let is = |n: usize, w: &[u8]| at >= 6 + n && args[at - n].eq_ignore_ascii_case(w);
                if is(1, b"auth") || is(1, b"auth2") || is(2, b"auth2") {
                    shown[at] = HIDDEN;
                }
            }
        }
        "config" => {
            for at in 3..args.len() {
                if args[at - 1].eq_ignore_ascii_case(b"requirepass") {
                    shown[at] = HIDDEN;
                }
            }
        }
        _ => {}
    }
    shown
}

/// Whether a command may look at keys of any partition though those that it names lie in one.
pub(crate) fn looks_around(map: &ClusterMap, command: &Command, args: &[&[u8]]) -> bool {
    if command.group != Group::Generic || map.partitions().len() < 2 {
        return false;
    }
    let home = args.get(1).and_then(|key| map.partition_of(key_slot(key)));
    synod_data::patterns_of(command, args).into_iter().any(|pattern| {
        // With a hash tag before the star all keys of the pattern lie in one slot.
        let fixed = pattern.split(|byte| *byte == b'*').next().unwrap_or_default();
        let has_tag = fixed.iter().position(|byte| *byte == b'{').is_some_and(|open| {
            fixed[open + 1..].iter().position(|byte| *byte == b'}').is_some_and(|len| len > 0)
        });
        !has_tag || map.partition_of(key_slot(pattern)) != home
    })
}

/// Whether a command writes keys of the coordinator of transactions.
#[inline]
fn writes_reserved(command: &Command, args: &[&[u8]]) -> bool {
    match command.handler {
        Handler::Write(_) if command.keys.is_just_first() => is_coordinators(args[1]),
        Handler::Write(_) => command.key_positions(args).any(|at| is_coordinators(args[at])),
        _ => false,
    }
}

impl Node {
    /// Takes a client's request. `args` holds the command's name first and is not empty.
    pub fn request(&mut self, client: ClientId, args: &[&[u8]]) -> Flow {
        let flow = self.take_request(client, args);
        if flow != Flow::Stalled
            && let Some(session) = self.clients.session(client)
        {
            session.end_skip();
        }
        flow
    }

    pub(crate) fn take_request(&mut self, client: ClientId, args: &[&[u8]]) -> Flow {
        let now_us = self.local.now().mono_us;
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if session.is_closing() {
            return Flow::Closing;
        }
        if let Some(obstacle) = session.obstacle()
            && !(obstacle == Waits::Barrier && self.may_gather(client, args))
        {
            let Some(session) = self.clients.session(client) else { return Flow::Closing };
            return session.wait_for(obstacle);
        }
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        session.be_active(now_us);
        let Some(command) = synod_data::lookup(args[0]) else {
            return self.refuse_request(client, &commands::unknown_command(args));
        };
        if !command.check_arity(args.len()) {
            let mut text = commands::wrong_arity(command.name);
            if command.name == "exec" {
                // An EXEC that is refused ends the transaction all the same.
                let _discarded = session.end_multi();
                text = text.replacen("ERR", "EXECABORT Transaction discarded because of:", 1);
            }
            return self.reject(client, command, &text);
        }
        session.set_last_command(command.name, Called::command(command));
        let free = session.identity().is_free();
        if !free && let Some(flow) = self.judge(client, command, args) {
            return flow;
        }
        self.take_admitted(client, command, args)
    }

    /// A request that its connection may make.
    pub(crate) fn take_admitted(
        &mut self,
        client: ClientId,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if session.proto() == Proto::Resp2
            && !session.subscriptions().is_empty()
            && !commands::pubsub::is_allowed_to_subscribers(command.name)
        {
            let text = commands::pubsub::not_for_subscribers(command.name);
            return self.reject(client, command, &text);
        }
        if session.fence().is_some() && crate::fence::concerns(command) {
            return self.fenced_request(client, command, args);
        }
        let in_multi = session.multi().is_some();
        if writes_reserved(command, args) && !session.identity().coordinates() {
            return self.reject(client, command, RESERVED);
        }
        if self.clients.has_pause() && self.is_paused(client, command) {
            let Some(session) = self.clients.session(client) else { return Flow::Closing };
            return session.wait_for(Waits::Pause);
        }
        if self.holds_too_much() && (command.name == "exec" || !(in_multi || command.is_session()))
        {
            self.room.wait();
            let Some(session) = self.clients.session(client) else { return Flow::Closing };
            return session.wait_for(Waits::NodeRoom);
        }
        if in_multi && !commands::runs_inside_multi(command.name) {
            return self.queue_command(client, command, args);
        }
        if self.would_overtake(client, command, args) {
            let Some(session) = self.clients.session(client) else { return Flow::Closing };
            return session.wait_for(Waits::Writes);
        }
        if self.clients.session(client).is_some_and(|session| session.tracking().is_some()) {
            self.remember_reads(client, command, args);
        }
        let refused = self.counted.counters().refused;
        let flow = match command.handler {
            Handler::Session => self.session_request(client, command, args),
            Handler::Read(_) | Handler::Write(_) => self.data_request(client, command, args),
        };
        if self.is_monitored() && matches!(flow, Flow::Next | Flow::Closing) {
            self.tell_monitors(client, command, args);
        }
        let is_data = !matches!(command.handler, Handler::Session);
        match flow {
            Flow::Next if is_data && self.counted.counters().refused > refused => {
                self.counted.calls_mut().count_rejected(Called::command(command));
            }
            Flow::Next => self.counted.call(command),
            _ => {}
        }
        flow
    }

    /// A request that the node runs itself. What it answers in this turn is slow if the turn is.
    fn session_request(
        &mut self,
        client: ClientId,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Flow {
        let before = self.clients.session(client).map(|session| session.outcomes());
        let flow = commands::run(self, client, command, args);
        if flow == Flow::Next
            && let (Some((waiting, errors)), Some(session)) = (before, self.clients.session(client))
            && session.outcomes().0 == waiting
        {
            let (called, failed) = (session.called(), session.outcomes().1 > errors);
            self.clients.sessions_mut().answered().push(Answered { called, us: 0, failed });
        }
        // Those that are known to contain secrets do not enter.
        let secret = matches!(command.name, "auth" | "hello");
        if !secret
            && flow == Flow::Next
            && self.clients.sessions_mut().slow().wants(command.flags.has(Flags::FAST))
        {
            let shown = redacted(command, args);
            self.clients.sessions_mut().slow().note(client, 0, &shown);
        }
        flow
    }

    /// Refuses a command before it is executed.
    fn reject(&mut self, client: ClientId, command: &Command, text: &str) -> Flow {
        self.counted.calls_mut().count_rejected(Called::command(command));
        self.refuse_request(client, text)
    }

    /// Answers an error that the request itself earned.
    pub(crate) fn refuse_request(&mut self, client: ClientId, text: &str) -> Flow {
        self.counted.counters_mut().refused += 1;
        if let Some(multi) = self.clients.session(client).and_then(|s| s.multi_mut()) {
            multi.refused = true;
        }
        self.reply(client, |out| out.error(text));
        Flow::Next
    }

    fn data_request(
        &mut self,
        client: ClientId,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Flow {
        let kind = match command.handler {
            Handler::Read(_) => Kind::Read,
            _ => Kind::Write,
        };
        if command.name == "memory" && commands::memory::is_of_node(args[1]) {
            return commands::memory::run(self, client, args);
        }
        if command.name == "lock" && args.len() == 2 && args[1].eq_ignore_ascii_case(b"list") {
            return commands::list_locks(self, client, args);
        }
        if command.name == "lock"
            && let Some(flow) = self.lock_in_tree(client, args)
        {
            return flow;
        }
        let single = command.keys.is_just_first() && command.group != Group::Generic;
        let partition = match single {
            true => self.groups.map().partition_of(key_slot(args[1])),
            false => match self.one_partition(command, args) {
                Ok(partition) => partition,
                Err(()) => return self.conduct_command(client, kind, command, args),
            },
        };
        match partition {
            Some(partition) if command.flags.has(Flags::BLOCKING) => {
                match crate::waits::wait_of(command, args) {
                    // It runs through the log, whether it writes or not.
                    Some(wait) => self.wait_request(client, partition, args, wait.timeout_ms),
                    // It is refused, or it does not wait this time.
                    None => self.run_on(client, partition, kind, command, args),
                }
            }
            Some(partition) => self.run_on(client, partition, kind, command, args),
            None => self.refuse_request(client, NOT_READY),
        }
    }

    /// The partition of all keys of a command; any one for a command without keys.
    ///
    /// # Errors
    /// The keys lie in several, or may.
    pub(crate) fn one_partition(
        &self,
        command: &Command,
        args: &[&[u8]],
    ) -> Result<Option<PartitionId>, ()> {
        if looks_around(self.groups.map(), command, args) {
            return Err(());
        }
        let mut found = None;
        for at in command.key_positions(args) {
            let partition = self.groups.map().partition_of(key_slot(args[at]));
            if found.is_some_and(|f| f != partition) {
                return Err(());
            }
            found = Some(partition);
        }
        Ok(found.unwrap_or_else(|| self.groups.map().partitions().keys().next().copied()))
    }

    fn run_on(
        &mut self,
        client: ClientId,
        partition: PartitionId,
        kind: Kind,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Flow {
        let local = self.leads(partition);
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let access = access(session, kind);
        if session.identity().rights().is_some() && runs_script(command, args) {
            // What it calls is checked where it runs, and only what the log says is done for somebody.
            let rights = session.identity().rights().cloned();
            let op = acting(rights.as_ref(), Op::Command(SmallVec::from_slice(args)));
            return self.run_op(client, partition, Kind::Write, &op);
        }
        if !command.extent.is_little()
            && let Some(replica) = self.groups.replica(partition)
            && let Some(keyspace) = replica.state().keyspace()
        {
            self.counted.add_work(keyspace.weight(command, args));
        }
        if !local {
            let seq = session.reserve(kind);
            let mut op = Vec::new();
            put_command(&mut op, args);
            self.route(partition, Origin::Client { client, seq }, op, access);
            return Flow::Next;
        }
        let behind = access == Access::ReadBehind;
        if kind == Kind::Write && self.room.disk_is_full() {
            return self.refuse_request(client, DISK_FULL);
        }
        if self.memory.counts_access() {
            self.memory.touch(command, args, self.local.now().mono_us);
        }
        if let Some(replica) = self.groups.replica(partition)
            && self.memory.refuses(replica, command, args)
        {
            return self.refuse_request(client, OOM);
        }
        let Some((replica, asked)) = self.groups.open(partition) else {
            return Flow::Next; // `leads` saw it
        };
        // One value is not longer than the requests that made it.
        if let Some(most) = self.memory.reply_bytes_max()
            && kind == Kind::Read
            && !(command.flags.has(Flags::FAST) && args.len() == 2)
            && let Some(keyspace) = replica.state().keyspace()
            && keyspace.reply_bytes_of(command, &Args::from_slice(args)) > most
        {
            return self.refuse_request(client, LONG_REPLY);
        }
        match kind {
            Kind::Read if replica.can_read_now(self.local.now().wall, behind, command, args) => {
                let errors = session.outcomes().1;
                match self.counted.heats_mut().begin() {
                    None => session.reply_now(|out| replica.read_now(command, args, out)),
                    Some(begun) => {
                        let mut bytes = 0;
                        session.reply_now(|out| {
                            let mut counted = CountedReply::new(out);
                            replica.read_now(command, args, &mut counted);
                            bytes = counted.bytes;
                        });
                        self.counted.heats_mut().end(begun, bytes);
                        self.counted.heats_mut().note_command(partition, command, args);
                    }
                }
                session.touch(&mut self.output.ready);
                let failed = session.outcomes().1 > errors;
                replica.note_author(Some(Origin::Client { client, seq: 0 }));
                let tells = replica.has_events();
                self.clients.sessions_mut().latency().done(true, self.local.now().mono_us);
                let called = Called::command(command);
                self.clients.sessions_mut().answered().push(Answered { called, us: 0, failed });
                if self.clients.sessions_mut().slow().wants(command.flags.has(Flags::FAST)) {
                    self.clients.sessions_mut().slow().note(client, 0, args);
                }
                if tells {
                    self.touch(partition);
                }
            }
            Kind::Read => {
                let origin = Origin::Client { client, seq: session.reserve(kind) };
                replica.read(origin, behind, |bytes| put_command(bytes, args));
                self.touch(partition);
            }
            Kind::Write => {
                let origin = Origin::Client { client, seq: session.reserve(kind) };
                replica.write(origin, |bytes| put_command(bytes, args), asked);
                self.groups.touch(partition);
                if self.groups.has_asked() {
                    self.absorb(partition);
                }
            }
        }
        Flow::Next
    }

    /// Sends an operation to a partition on behalf of a client: the way for everything but a plain command.
    pub(crate) fn run_op(
        &mut self,
        client: ClientId,
        partition: PartitionId,
        kind: Kind,
        op: &Op<'_>,
    ) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let access = access(session, kind);
        let origin = Origin::Client { client, seq: session.reserve(kind) };
        let mut bytes = Vec::new();
        op.encode(&mut bytes);
        self.route(partition, origin, bytes, access);
        Flow::Next
    }

    /// Asks the metadata group for a change of the map, on behalf of a client.
    pub(crate) fn change_map(&mut self, client: ClientId, command: &MetaCommand) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let access = access(session, Kind::Write);
        let origin = Origin::Client { client, seq: session.reserve(Kind::Write) };
        let mut op = Vec::new();
        put_operation(&mut op, MachineId::CLUSTER_MAP, |body| command.encode(body));
        self.route(PartitionId::META, origin, op, access);
        Flow::Next
    }

    /// Runs an operation on every partition; the keyspace says how their answers become one.
    pub(crate) fn run_everywhere(&mut self, client: ClientId, op: &Op<'_>) -> Flow {
        self.run_on_each(client, self.partitions(), op)
    }

    /// As [`Self::run_everywhere`], on these partitions.
    pub(crate) fn run_on_each(
        &mut self,
        client: ClientId,
        partitions: Vec<PartitionId>,
        op: &Op<'_>,
    ) -> Flow {
        let Some(joined) = op.joined() else { return self.refuse_request(client, CROSSSLOT) };
        let kind = if op.only_reads() { Kind::Read } else { Kind::Write };
        let parts = partitions.into_iter().map(|partition| (partition, op.clone())).collect();
        self.run_parts(client, kind, joined.into(), parts)
    }

    /// Runs an operation on each of several partitions and joins the answers.
    pub(crate) fn run_parts(
        &mut self,
        client: ClientId,
        kind: Kind,
        join: Join,
        parts: Vec<(PartitionId, Op<'_>)>,
    ) -> Flow {
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        if parts.is_empty() {
            return self.refuse_request(client, NOT_READY);
        }
        let access = access(session, kind);
        let seq = match join {
            Join::Watch(_) => session.reserve_barrier(kind),
            _ => session.reserve(kind),
        };
        let gather = self.clients.gathers_mut().open(client, seq, join, parts.len());
        for (part, (partition, op)) in parts.into_iter().enumerate() {
            let mut bytes = Vec::new();
            op.encode(&mut bytes);
            let origin = Origin::Gather { gather, part: part as u32, resp3: false };
            self.route(partition, origin, bytes, access);
        }
        Flow::Next
    }

    /// Every data partition, in order of its slots.
    pub(crate) fn partitions(&self) -> Vec<PartitionId> {
        self.groups.map().partitions().keys().copied().collect()
    }

    /// Whether a replica of the group here leads it.
    pub(crate) fn is_leader(&self, group: PartitionId) -> bool {
        self.led_in(group).is_some()
    }

    /// The term in which a replica here leads the group.
    pub(crate) fn led_in(&self, group: PartitionId) -> Option<Term> {
        let (role, term, _) = self.groups.replica(group)?.role();
        (role == Role::Leader).then_some(term)
    }
}
