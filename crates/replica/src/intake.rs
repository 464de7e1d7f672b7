//! How writes and reads come in: into the batch, into the queue of reads, or executed at once.

use crate::pending::{Access, Bounced, Origin};
use crate::replica::{Output, Replica};
use synod_consensus::Role;
use synod_data::{Command, Context, random};
use synod_machine::Operation;
use synod_tree::{Call, taken_apart};
use synod_types::plant::planted;
use synod_types::{Index, Millis};

impl Replica {
    /// Takes a write in; `encode` appends its operation. It is proposed with the rest of the turn, and bounced then
    /// if this replica does not lead.
    pub fn write(
        &mut self,
        origin: Origin,
        encode: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<Output>,
    ) {
        if self.gate_is_open() {
            return self.write_open(origin, encode, out);
        }
        let mut op = Vec::new();
        encode(&mut op);
        if !self.holds_back(origin, &op, Access::Write) {
            self.write_open(origin, |bytes| bytes.extend_from_slice(&op), out);
        }
    }

    /// As [`Self::write`], for what need not wait for a transaction.
    pub(crate) fn write_open(
        &mut self,
        origin: Origin,
        encode: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<Output>,
    ) {
        let bytes = self.batch.add(origin, self.state.epoch());
        let start = bytes.len();
        encode(bytes);
        if self.role == Role::Leader && self.state.trees().next().is_some() {
            self.hear(start);
        }
        if !self.waits.is_empty() {
            self.follow_up(start);
        }
        if self.batch.is_full() {
            self.propose(out);
        }
    }

    /// Notes who is heard from by the operation that stands in the batch from here on: already now, so that no end of a
    /// session is proposed behind a request of it.
    fn hear(&mut self, start: usize) {
        let op = Operation::take(&mut &self.batch.payload()[start..]);
        if let Some((namespace, op)) = op.as_ref().and_then(taken_apart) {
            let tree = self.state.tree(namespace);
            let leases = self.leases.of(namespace);
            leases.touch(&Call::touched(&op, tree));
            if let Some((session, lease_ms)) = Call::renews(&op, tree) {
                leases.promise(session, lease_ms);
            }
        }
    }

    /// Whether reads are answered at once here, because nobody else's word is needed.
    #[must_use]
    pub fn reads_at_once(&self) -> bool {
        self.solo && self.role == Role::Leader && self.applied_term == self.term
    }

    /// Whether [`Self::read_now`] may be called for this command, now that it is `wall`; `behind` as with
    /// [`Self::read`].
    #[must_use]
    pub fn can_read_now(
        &mut self,
        wall: Millis,
        behind: bool,
        command: &Command,
        args: &[&[u8]],
    ) -> bool {
        self.now.wall = wall;
        self.reads_at_once()
            && !self.is_behind()
            && !self.is_draining()
            && !self.is_too_long(command, args)
            && (!behind || (self.batch.is_empty() && self.proposals.is_empty()))
            && self.reads.is_empty()
            && self.gate_is_open()
            && self.doubt_of_command(command, args).is_none()
    }

    /// Runs a reading command now.
    pub fn read_now(
        &mut self,
        command: &Command,
        args: &[&[u8]],
        out: &mut dyn synod_types::ReplySink,
    ) {
        let ctx = self.read_context();
        if let Some(keyspace) = self.state.keyspace() {
            keyspace.execute_read(command, args, &ctx, out);
        }
    }

    /// Takes a read in; `encode` appends its operation. `behind` says that its connection may have writes here which
    /// are not answered: it is executed after everything that was written here so far.
    pub fn read(&mut self, origin: Origin, behind: bool, encode: impl FnOnce(&mut Vec<u8>)) {
        if self.gate_is_open() {
            return self.read_open(origin, behind, encode);
        }
        let mut op = Vec::new();
        encode(&mut op);
        let access = if behind { Access::ReadBehind } else { Access::Read };
        if !self.holds_back(origin, &op, access) {
            self.read_open(origin, behind, |bytes| bytes.extend_from_slice(&op));
        }
    }

    /// As [`Self::read`], of an encoded operation, which may be a step of a transaction.
    pub fn take_read(&mut self, origin: Origin, behind: bool, op: &[u8]) {
        match crate::gate::is_step(op) {
            true => self.take_step(origin, op),
            false => self.read(origin, behind, |bytes| bytes.extend_from_slice(op)),
        }
    }

    /// As [`Self::read`], for what need not wait for a transaction.
    pub(crate) fn read_open(
        &mut self,
        origin: Origin,
        behind: bool,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.is_draining() {
            return self.batch.ride(origin, encode);
        }
        if !behind || planted("read-before-own-write") {
            return self.reads.add(origin, encode);
        }
        if !self.batch.is_empty() {
            return self.batch.ride(origin, encode);
        }
        if !self.refused.is_empty() {
            let mut op = Vec::new();
            encode(&mut op);
            return self.refused.push(Bounced { origin, op, access: Access::ReadBehind });
        }
        match self.proposals.last() {
            Some(last) => self.reads.add_behind(origin, last.index, encode),
            None => self.reads.add(origin, encode),
        }
    }

    /// Whether one of these keys has expired since the time that reads are of: then the entry to wait for.
    pub(crate) fn doubt<'k>(&mut self, mut keys: impl Iterator<Item = &'k [u8]>) -> Option<Index> {
        let keyspace = self.state.keyspace().filter(|keyspace| keyspace.has_deadlines())?;
        let (barrier, present) = self.stamps.present(self.now.wall)?;
        let time = self.stamps.read(self.now.wall);
        keys.any(|key| keyspace.expires_within(key, time, present)).then_some(barrier)
    }

    /// The same for the keys of a command.
    pub(crate) fn doubt_of_command(&mut self, command: &Command, args: &[&[u8]]) -> Option<Index> {
        if !self.state.keyspace()?.has_deadlines() {
            return None;
        }
        self.doubt(command.key_positions(args).map(|at| args[at]))
    }

    /// What time it is for a read.
    pub(crate) fn read_time(&mut self) -> Millis {
        self.stamps.read(self.now.wall)
    }

    /// What one reading command knows: the time, and randomness of its own, for many are answered in one turn.
    pub(crate) fn read_context(&mut self) -> Context {
        let seed = random(&mut self.now.seed);
        Context { now: self.stamps.read(self.now.wall), seed }
    }
}
