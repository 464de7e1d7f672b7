//! A turn of a process: mail in, the turn of `synod_worker`, what it wants done out.

use crate::client::ToClient;
use crate::faults::Fault;
use crate::machine::{Mail, Process, Step};
use crate::points::{CrashPoint, Place, Side};
use crate::world::{Event, World, turn_length};
use synod_log::AppendError;
use synod_types::plant::planted;
use synod_worker::{Report, Task};

/// How often a full disk is tried again.
const FULL_RETRY_US: u64 = 250_000;
/// How long the log may be idle before its tail is proven durable.
const IDLE_US: u64 = 200_000;
/// How long a turn may be that is full of operations that look at much.
const TURN_FULL_US: u64 = 5_000;
/// Longer than this no turn may be: heartbeats come ten times a second, and an election needs six tenths of one without.
const TURN_US_MAX: u64 = 200_000;
/// How long it may take at most, besides, until an operation that is run beside the turns is begun and told of.
const ASIDE_US_MAX: u64 = 5_000;

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
        let Some(process) = &mut self.machines[at].process else { return };
        let ticked = process.worker.begin_turn(now);
        process.connections.begin_turn(now.mono_us, process.worker.node());
        if let Some(gate) = process.gate.as_mut().filter(|_| ticked) {
            gate.tick(now.mono_us, process.worker.node_ref());
        }
        for mail in std::mem::take(&mut process.inbox) {
            process.take(mail);
        }
        process.serve_clients();
        let Process { worker, gate, .. } = process;
        worker.end_turn(|node| match gate {
            Some(gate) => gate.end_turn(node),
            None => node.end_turn(),
        });
        let mut took = self.random.between(10, 60);
        let process = self.machines[at].process.as_mut();
        let spent = process.map_or(0, |process| process.worker.node().take_spent());
        took += self.long_us(at, spent);
        if took > TURN_US_MAX {
            self.fail("turn", format!("a turn of node {} takes {} ms", at + 1, took / 1_000));
        }
        if let Some(process) = &mut self.machines[at].process {
            process.busy_until = time + took;
            process.worker.node().turn_took(took);
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
            .map_or(0, |p| p.worker.due_us().saturating_sub(now.mono_us));
        self.wake(at, time + due.max(1));
    }

    /// Hands everything out that the turn has brought forth.
    fn hand_out(&mut self, at: usize) {
        if !self.keeps_identity(at) {
            return;
        }
        let Some(process) = &mut self.machines[at].process else { return };
        let output = process.worker.node().output();
        let records = std::mem::take(&mut output.log);
        records.into_iter().for_each(|record| process.next_flush.add(record));
        let tasks: Vec<Task> = process.worker.take_tasks().collect();
        let output = process.worker.node().output();
        let map_changed = output.map.take().is_some();
        let frames = std::mem::take(&mut output.frames);
        let dirty = std::mem::take(&mut output.ready.dirty);
        process.note_resumed();
        if !process.again.is_empty() || process.connections.has_yielded() {
            self.wake(at, self.time);
        }
        for task in tasks {
            self.do_file(at, task);
        }
        self.run_asides(at);
        if map_changed {
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
        self.write_gate(at);
    }

    /// How long it takes to look at so many bytes of values: what fills a turn takes 5 ms.
    fn long_us(&self, at: usize, bytes: usize) -> u64 {
        match turn_length(self.params.seed, at) as u64 {
            0 => 0,
            full => bytes as u64 * TURN_FULL_US / full,
        }
    }

    /// Long operations are run beside the turns, which takes the longer the more they look at.
    fn run_asides(&mut self, at: usize) {
        let life = self.machines[at].life;
        let Some(process) = &mut self.machines[at].process else { return };
        for mut aside in process.worker.take_asides() {
            aside.run();
            let us = self.long_us(at, aside.length()) + self.random.skewed(10, ASIDE_US_MAX);
            let mail = Box::new(Mail::Report(Report::Ran(aside)));
            self.at(self.time + us, Event::ToNode { node: at, life, mail });
        }
    }

    /// What the gate has for its clients.
    fn write_gate(&mut self, at: usize) {
        let Some(process) = &mut self.machines[at].process else { return };
        let Some(gate) = &mut process.gate else { return };
        for (client, conn, bytes, close) in gate.take_output() {
            if !bytes.is_empty() {
                self.send_to_client(client, conn, ToClient::Bytes(bytes));
            }
            if close {
                self.send_to_client(client, conn, ToClient::Closed);
            }
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

    /// A client reads again what it is sent.
    pub(crate) fn reads_again(&mut self, client: usize) {
        let conn = self.clients[client].conn;
        for at in 0..self.machines.len() {
            let session = self.machines[at].process.as_ref().and_then(|p| p.sessions.get(&client));
            if let Some(id) = session.filter(|s| s.conn == conn).map(|s| s.id) {
                self.write_session(at, id);
            }
        }
    }

    fn write_session(&mut self, at: usize, id: synod_types::ClientId) {
        let Some(process) = &mut self.machines[at].process else { return };
        let Some(client) = process.of_session.get(&id).copied() else {
            // Nobody is there to read it.
            let output = process.worker.node().session_output(id);
            return output.into_iter().for_each(|(out, _)| out.clear());
        };
        let Some(session) = process.sessions.get(&client) else { return };
        let (conn, place) = (session.conn, session.at);
        let node = process.worker.node();
        let (_, unanswered) = node.session_load(id);
        let Some((out, _)) = node.session_output(id) else { return };
        let Some(connection) = process.connections.get(place) else { return };
        connection.take_output(out, unanswered);
        if self.clients[client].deaf_until > self.time {
            return;
        }
        let bytes = connection.outbox.rest().to_vec();
        connection.outbox.wrote(bytes.len());
        if connection.can_resume(node) {
            process.again.push(place);
            self.wake(at, self.time);
        }
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
        let groups = process.worker.node_ref().status().groups;
        let applied = groups.iter().map(|group| group.applied.0).sum();
        let before = process.applied.replace(applied);
        before.is_some_and(|before| before < applied) && self.passes(at, Place::Apply, Side::After)
    }

    /// Starts the next flush, unless one is under way: then what comes is gathered for the one after it.
    fn flush(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        let Some(process) = &mut machine.process else { return };
        if process.flushing.is_some() || process.next_flush.job.is_empty() {
            return;
        }
        let flush = process.flushing.insert(std::mem::take(&mut process.next_flush));
        machine.promises.give_up(&flush.promises);
        let (hard_states, marks) = (flush.hard_states, flush.job.has_marks());
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
        let flush = process.flushing.as_ref();
        let (hard_states, marks) =
            flush.map_or((false, false), |flush| (flush.hard_states, flush.job.has_marks()));
        match process.finish_flush() {
            Ok(promises) => self.machines[at].promises.keep(promises),
            Err(error) => return self.log_failed(at, &error),
        }
        if self.dies_flushing(at, hard_states, marks, Side::After) {
            return;
        }
        let Some(process) = &mut self.machines[at].process else { return };
        let idle = process.next_flush.job.is_empty();
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
                let us = if process.commit.is_prepared() { IDLE_US } else { 1_000 };
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
        if done.trouble.is_some() && self.stops_inside(at) {
            return;
        }
        for report in done.reports {
            self.tell(at, Mail::Report(report));
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
            written: has(|mail| matches!(mail, Mail::Report(Report::SnapshotWritten(..)))),
            loaded: has(|mail| matches!(mail, Mail::Report(Report::SnapshotLoaded(..)))),
        }
    }
}
