//! A turn of a process, as the server's worker takes it: mail in, one turn of the node, its wishes out.

use crate::client::ToClient;
use crate::faults::Fault;
use crate::files::Task;
use crate::machine::{Job, Mail, Process, Session, Step};
use crate::points::{CrashPoint, Place, Side};
use crate::world::{Event, World};
use std::collections::VecDeque;
use synod_log::AppendError;
use synod_node::{Flow, Log, TICK_MS};
use synod_types::plant::planted;
use synod_types::{NodeId, Now};

/// How many chunks of a snapshot may wait to be written.
const CHUNKS_MAX: usize = 4;
/// How often a full disk is tried again.
const FULL_RETRY_US: u64 = 250_000;
/// How long the log may be idle before its tail is proven durable.
const IDLE_US: u64 = 200_000;

impl World {
    pub(crate) fn turn(&mut self, at: usize) {
        let time = self.time;
        let machine = &mut self.machines[at];
        let now = machine.now(time);
        let paused = machine.paused_until;
        let Some(process) = &mut machine.process else { return };
        if process.turn_at != Some(time) {
            return; // an earlier turn has taken its place
        }
        process.turn_at = None;
        if time < paused {
            return self.wake(at, paused);
        }
        let told = Told::of(&process.inbox);
        if self.dies_told(at, told, Side::Before) {
            return;
        }
        let lease_reads = self.params.lease_reads;
        let Some(process) = &mut self.machines[at].process else { return };
        process.node.begin_turn(now);
        let ticked = process.tick(now, lease_reads);
        for mail in std::mem::take(&mut process.inbox) {
            process.take(mail);
        }
        process.go_on();
        while process.chunks < CHUNKS_MAX && process.node.snapshot_step() {
            process.chunks += 1;
        }
        process.node.end_turn();
        let took = self.random.between(10, 60);
        if let Some(process) = &mut self.machines[at].process {
            process.busy_until = time + took;
            process.node.turn_took(took);
        }
        if self.dies_told(at, told, Side::After) || self.dies_applying(at) {
            return;
        }
        self.hand_out(at);
        if ticked {
            self.sample(at);
        }
        let due = self.machines[at]
            .process
            .as_ref()
            .map_or(0, |p| (p.ticked_us + TICK_MS * 1000).saturating_sub(now.mono_us));
        self.wake(at, time + due.max(1));
    }

    /// Hands everything out that the turn has brought forth.
    fn hand_out(&mut self, at: usize) {
        if !self.keeps_identity(at) {
            return;
        }
        let Some(process) = &mut self.machines[at].process else { return };
        process.gather_log();
        let output = process.node.output();
        let files = std::mem::take(&mut output.files);
        let map = output.map.take();
        let frames = std::mem::take(&mut output.frames);
        let dirty = std::mem::take(&mut output.dirty);
        let after = std::mem::take(&mut process.tasks_after);
        if !process.node.output().resumed.is_empty() {
            self.wake(at, self.time);
        }
        for task in after.into_iter().chain(files.into_iter().map(Task::Work)) {
            self.do_file(at, task);
        }
        if let Some(map) = map {
            self.do_file(at, Task::Map(map));
            self.check_peers(at);
        }
        self.flush(at);
        let sent: Vec<&[u8]> = frames.values().map(Vec::as_slice).collect();
        if self.passes_sending(at, &sent, Side::Before) {
            return;
        }
        for (to, bytes) in &frames {
            if !bytes.is_empty()
                && let Some(to) = self.node_of(to.node)
            {
                self.send(at, to, false, bytes);
            }
        }
        if self.passes_sending(at, &sent, Side::After) {
            return;
        }
        for id in dirty {
            self.write_session(at, id);
        }
    }

    /// Whether what is known of the members is durable; the process ends where the disk refuses it.
    fn keeps_identity(&mut self, at: usize) -> bool {
        let machine = &mut self.machines[at];
        let Some(process) = &mut machine.process else { return false };
        let Err(error) = process.keep_identity(&machine.disk) else { return true };
        if self.stops_inside(at) {
            return false;
        }
        if self.trouble.is_full(at) || self.trouble.expects_error(at) {
            self.stop(at, false, "could not write down whom it knows");
        } else {
            self.fail("log", format!("node {}: {error}", at + 1));
        }
        false
    }

    fn write_session(&mut self, at: usize, id: synod_types::ClientId) {
        let Some(process) = &mut self.machines[at].process else { return };
        let Some(client) = process.of_session.get(&id).copied() else { return };
        let Some((out, _)) = process.node.session_output(id) else { return };
        let bytes = std::mem::take(out);
        let conn = process.sessions.get(&client).map_or(0, |s| s.conn);
        if bytes.is_empty() || self.passes(at, Place::Reply, Side::Before) {
            return;
        }
        self.send_to_client(client, conn, ToClient::Bytes(bytes));
        self.passes(at, Place::Reply, Side::After);
    }

    /// Whether the machine dies before or after the turn in which its node learns of a snapshot.
    fn dies_told(&mut self, at: usize, told: Told, side: Side) -> bool {
        told.written && self.passes(at, Place::SnapshotTold, side)
            || told.loaded && self.passes(at, Place::Install, side)
    }

    /// Whether the machine dies after a turn that has applied something.
    fn dies_applying(&mut self, at: usize) -> bool {
        let point = CrashPoint { place: Place::Apply, side: Side::After };
        if !self.machines[at].armed.contains_key(&point) {
            return false;
        }
        let Some(process) = &mut self.machines[at].process else { return false };
        let groups = process.node.status().groups;
        let applied = groups.iter().map(|group| group.applied.0).sum();
        let before = process.applied.replace(applied);
        before.is_some_and(|before| before < applied) && self.passes(at, Place::Apply, Side::After)
    }

    /// Starts the next flush, unless one is under way: then what comes is gathered for the one after it.
    fn flush(&mut self, at: usize) {
        let Some(process) = &mut self.machines[at].process else { return };
        if process.flushing.is_some() || process.job.batch.is_empty() {
            return;
        }
        let job = process.flushing.insert(std::mem::take(&mut process.job));
        let (hard_states, marks) = (job.hard_states, !job.marks.is_empty());
        if !self.dies_flushing(at, hard_states, marks, Side::Before) {
            self.append(at);
        }
    }

    fn dies_flushing(&mut self, at: usize, hard_states: bool, marks: bool, side: Side) -> bool {
        hard_states && self.passes(at, Place::HardState, side)
            || marks && self.passes(at, Place::Mark, side)
    }

    pub(crate) fn append(&mut self, at: usize) {
        let (least, most) = self.machines[at].flush_us;
        let life = self.machines[at].life;
        let Some(process) = &mut self.machines[at].process else { return };
        match process.append() {
            Ok(Step::Done) => {
                if planted("ack-before-fsync") {
                    process.acknowledge_early();
                }
                let done = self.time + self.random.skewed(least, most);
                self.at(done, Event::Flushed { node: at, life });
                self.wake(at, self.time);
            }
            Ok(Step::Full) => {
                self.at(self.time + FULL_RETRY_US, Event::Append { node: at, life });
                self.wake(at, self.time);
            }
            Err(error) => self.log_failed(at, &error),
        }
    }

    pub(crate) fn flushed(&mut self, at: usize) {
        let Some(process) = &mut self.machines[at].process else { return };
        let job = process.flushing.as_ref();
        let (hard_states, marks) =
            job.map_or((false, false), |job| (job.hard_states, !job.marks.is_empty()));
        match process.finish_flush() {
            Ok(promises) => self.machines[at].promises.keep(promises),
            Err(error) => return self.log_failed(at, &error),
        }
        if self.dies_flushing(at, hard_states, marks, Side::After) {
            return;
        }
        let Some(process) = &mut self.machines[at].process else { return };
        let idle = process.job.batch.is_empty();
        self.wake(at, self.time);
        self.flush(at);
        if idle {
            self.rest_later(at, 1_000);
        }
    }

    fn rest_later(&mut self, at: usize, us: u64) {
        let life = self.machines[at].life;
        let Some(process) = &mut self.machines[at].process else { return };
        if !std::mem::replace(&mut process.resting, true) {
            self.at(self.time + us, Event::Rest { node: at, life });
        }
    }

    pub(crate) fn rest(&mut self, at: usize) {
        let Some(process) = &mut self.machines[at].process else { return };
        process.resting = false;
        if process.flushing.is_some() {
            return;
        }
        match process.rest() {
            Ok(true) => {
                let us = if process.prepared { IDLE_US } else { 1_000 };
                self.rest_later(at, us);
            }
            Ok(false) => {}
            Err(error) => self.log_failed(at, &error),
        }
    }

    /// The process ends on an error that leaves the state of the disk unknown.
    fn log_failed(&mut self, at: usize, error: &AppendError) {
        if self.stops_inside(at) {
            return;
        }
        if matches!(error, AppendError::Failed(_)) && self.trouble.expects_error(at) {
            self.count(Fault::SyncError);
            return self.stop(at, false, "the disk reported an error");
        }
        if matches!(error, AppendError::Failed(_)) && self.trouble.expects_read_error(at) {
            self.count(Fault::ReadError);
            return self.stop(at, false, "the disk could not be read");
        }
        self.fail("log", format!("node {}: {error}", at + 1));
    }

    /// Stops a machine whose disk has stopped working. Whether it has.
    fn stops_inside(&mut self, at: usize) -> bool {
        let Some(fault) = self.died_inside(at) else { return false };
        self.count(fault);
        let power = fault == Fault::PowerInside || self.random.permille(600);
        self.stop(at, power, "stopped inside a disk operation");
        true
    }

    fn do_file(&mut self, at: usize, task: Task) {
        let Some(process) = &mut self.machines[at].process else { return };
        process.tasks.push_back(task);
        if process.tasks.len() == 1 {
            self.file_later(at);
        }
    }

    fn file_later(&mut self, at: usize) {
        let (least, most) = self.machines[at].flush_us;
        let life = self.machines[at].life;
        let done = self.time + self.random.skewed(least, most);
        self.at(done, Event::File { node: at, life });
    }

    pub(crate) fn file(&mut self, at: usize) {
        let Some(process) = &mut self.machines[at].process else { return };
        let Some(task) = process.tasks.pop_front() else { return };
        let done = process.files.run(task);
        let more = !process.tasks.is_empty();
        if done.failed && self.stops_inside(at) {
            return;
        }
        for mail in done.mail {
            self.tell(at, mail);
        }
        if let Some((to, frame)) = done.frame
            && let Some(to) = self.node_of(to)
        {
            self.send(at, to, true, &frame);
        }
        if more {
            self.file_later(at);
        }
    }
}

/// What a process is about to learn of its snapshots.
#[derive(Clone, Copy)]
struct Told {
    written: bool,
    loaded: bool,
}

impl Told {
    fn of(inbox: &[Mail]) -> Self {
        let has = |which: fn(&Mail) -> bool| inbox.iter().any(which);
        Self {
            written: has(|mail| matches!(mail, Mail::SnapshotWritten(..))),
            loaded: has(|mail| matches!(mail, Mail::SnapshotLoaded(..))),
        }
    }
}

impl Process {
    /// Time passes before anything else happens in a turn: one tick, or with lease reads all that were missed, so that
    /// a process that was stopped finds its lease gone.
    fn tick(&mut self, now: Now, lease_reads: bool) -> bool {
        let missed = now.mono_us.saturating_sub(self.ticked_us) / (TICK_MS * 1000);
        if missed == 0 {
            return false;
        }
        self.ticked_us = now.mono_us;
        let made_up = lease_reads && !planted("lease-ignores-pause");
        for _ in 0..if made_up { missed } else { 1 } {
            self.node.tick();
        }
        true
    }

    fn take(&mut self, mail: Mail) {
        let node = &mut self.node;
        let id = |peer: usize| NodeId(peer as u64 + 1);
        match mail {
            Mail::Frames(from, frames) => {
                frames.into_iter().for_each(|frame| node.frame(id(from), frame));
            }
            Mail::PeerUp(peer) => node.peer_up(id(peer)),
            Mail::PeerDown(peer) => node.peer_down(id(peer)),
            Mail::Open { client, conn } => self.open(client, conn),
            Mail::Request { client, conn, args } => self.offer(client, conn, args),
            Mail::Close { client, conn } => {
                if self.sessions.get(&client).is_some_and(|s| s.conn == conn) {
                    self.close(client);
                }
            }
            Mail::Flushed(job) => {
                for (group, token) in job.acks {
                    node.persisted(group, token);
                }
                for (group, meta) in job.marks.into_iter().filter(|(_, m)| m.index.0 > 0) {
                    self.tasks_after.push(Task::Prune(group, meta));
                }
            }
            Mail::DiskFull(full) => node.set_disk_full(full),
            Mail::Pins(groups) => groups.into_iter().for_each(|g| node.snapshot_now(g)),
            Mail::SnapshotNow(group) => node.snapshot_now(group),
            Mail::ChunkWritten => self.chunks -= 1,
            Mail::SnapshotWritten(group, meta) => node.snapshot_written(group, meta),
            Mail::SnapshotFailed(group) => node.snapshot_failed(group),
            Mail::SnapshotProgress(group, meta, offset, complete) => {
                node.snapshot_progress(group, &meta, offset, complete);
            }
            Mail::SnapshotLoaded(group, meta, state) => node.snapshot_loaded(group, meta, *state),
        }
    }

    /// The bug planted as `ack-before-fsync`: what was appended counts as durable.
    fn acknowledge_early(&mut self) {
        if let Some(job) = &mut self.flushing {
            let acks = std::mem::take(&mut job.acks);
            self.inbox.push(Mail::Flushed(Job { acks, ..Job::default() }));
        }
    }

    fn open(&mut self, client: usize, conn: u64) {
        self.close(client);
        let id = self.node.open_session(format!("client-{client}"));
        let session = Session { id, conn, queue: VecDeque::new(), stalled: false };
        self.sessions.insert(client, session);
        self.of_session.insert(id, client);
    }

    fn close(&mut self, client: usize) {
        if let Some(session) = self.sessions.remove(&client) {
            self.of_session.remove(&session.id);
            self.node.close_session(session.id);
        }
    }

    fn offer(&mut self, client: usize, conn: u64, args: Vec<Vec<u8>>) {
        let Some(session) = self.sessions.get_mut(&client).filter(|s| s.conn == conn) else {
            return;
        };
        session.queue.push_back(args);
        self.take_requests(client);
    }

    fn take_requests(&mut self, client: usize) {
        let Some(session) = self.sessions.get_mut(&client) else { return };
        while !session.stalled
            && let Some(args) = session.queue.pop_front()
        {
            let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            match self.node.request(session.id, &words) {
                Flow::Next => {}
                Flow::Stalled => {
                    session.stalled = true;
                    session.queue.push_front(args);
                }
                Flow::Closing => session.queue.clear(),
            }
        }
    }

    /// Offers requests again that were stalled.
    fn go_on(&mut self) {
        for id in std::mem::take(&mut self.node.output().resumed) {
            let Some(client) = self.of_session.get(&id).copied() else { continue };
            if let Some(session) = self.sessions.get_mut(&client) {
                session.stalled = false;
            }
            self.take_requests(client);
        }
    }

    /// Moves what is for the log into the next flush.
    fn gather_log(&mut self) {
        let Job { batch, acks, marks, promises, hard_states } = &mut self.job;
        for record in self.node.output().log.drain(..) {
            match record {
                Log::Append { group, token, hard_state, entries } => {
                    promises.append(group, hard_state.as_ref(), &entries);
                    if let Some(state) = hard_state {
                        batch.hard_state(group, &state);
                        *hard_states = true;
                    }
                    entries.iter().for_each(|entry| batch.entry(group, entry));
                    acks.extend(token.map(|token| (group, token)));
                }
                Log::Snapshot { group, meta } => {
                    promises.snapshot(group, &meta);
                    batch.snapshot(group, &meta);
                    marks.push((group, meta));
                }
            }
        }
    }
}
