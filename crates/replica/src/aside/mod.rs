//! Operations that take long are run beside the turns, so that heartbeats, elections and other partitions do not wait.
//!
//! The keyspace is lent to the operation as a whole: to a thread of its own in the server, to a moment of its own in the
//! simulator. Until it comes back nothing is applied and nothing is read here; committed entries and confirmed reads wait
//! in the order in which they came ([`Progress`]). So the state goes through the same states in the same order, and
//! whether an operation is run in its turn or beside it makes no difference to any replica.
//!
//! ```text
//!   apply, read --> a turn's work?  yes: run
//!                        | no
//!                        v
//!                      lent -- Output::Aside --> run -- come_back --> answer, go on with what waits
//! ```

mod progress;

pub(crate) use progress::{EntryUnderWay, Progress, ReadsUnderWay};

use crate::apply::Hearers;
use crate::pending::{Audience, Failure, Origin};
use crate::replica::{Output, Replica};
use std::fmt;
use synod_data::{Command, Context, Garbage, Keyspace, KeyspaceStats};
use synod_machine::{Machine, MachineId, Operation};
use synod_types::PartitionId;
use synod_types::plant::planted;
use synod_wire::resp::{Proto, RespWriter};

/// An operation with the keyspace that it is run on.
pub struct Aside {
    group: PartitionId,
    number: u64,
    keyspace: Box<Keyspace>,
    body: Vec<u8>,
    ctx: Context,
    writes: bool,
    proto: Option<Proto>,
    reply: Vec<u8>,
    length: usize,
    /// Nanoseconds, if whoever ran it says so.
    took_ns: u64,
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside").field("group", &self.group).field("number", &self.number).finish()
    }
}

impl Aside {
    /// The group whose keyspace it is.
    #[must_use]
    pub fn group(&self) -> PartitionId {
        self.group
    }

    /// How long it takes, about, in bytes of values looked at.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// It took so many nanoseconds.
    pub fn took(&mut self, ns: u64) {
        self.took_ns = ns;
    }

    /// Gives the keyspace up, where nobody wants it back.
    #[must_use]
    pub fn into_garbage(self) -> Garbage {
        self.keyspace.into_garbage()
    }

    /// Runs the operation. Once.
    pub fn run(&mut self) {
        let (mut nobody, mut writer);
        let out: &mut dyn synod_types::ReplySink = match self.proto {
            Some(proto) => {
                writer = RespWriter::new(&mut self.reply, proto);
                &mut writer
            }
            None => {
                nobody = ();
                &mut nobody
            }
        };
        let keyspace = &mut *self.keyspace;
        match self.writes {
            true => Machine::apply(keyspace, &self.body, &self.ctx, out),
            false => Machine::read(keyspace, &self.body, &self.ctx, out),
        }
    }
}

/// The operation that the keyspace is lent to.
#[derive(Debug)]
pub(crate) struct Borrower {
    number: u64,
    origin: Option<Origin>,
    writes: bool,
    /// What the counts are set to in the meantime.
    stats: Option<KeyspaceStats>,
}

impl Replica {
    /// How long an operation may be, in bytes of values looked at, to be run in a turn; 0 for none at all.
    pub fn set_turn_length(&mut self, bytes: usize) {
        self.turn_length = bytes;
    }

    /// Whether the keyspace is lent, so that nothing is applied and nothing read.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.borrower.is_some()
    }

    /// Whether what is committed is not all applied yet, or not as a whole, because of a long operation.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.borrower.is_some() || self.progress.is_under_way()
    }

    /// How long an operation of the keyspace is if it is not to be run in this turn; counts it where it is.
    pub(crate) fn too_long(&mut self, op: Operation<'_>) -> Option<usize> {
        // A step of a transaction is as long as its bytes, which are bounded, and what follows from it follows at once.
        let stays = synod_data::op::is_wait(op.body) || synod_data::op::is_step(op.body);
        if op.machine != MachineId::KEYSPACE || stays {
            return None;
        }
        let length = self.state.keyspace()?.length_of(op.body);
        self.exceeds_turn(length).then_some(length)
    }

    /// The same of a command that is not encoded.
    pub(crate) fn is_too_long(&mut self, command: &Command, args: &[&[u8]]) -> bool {
        if command.extent.is_little() && self.turn_length > 0 {
            return false;
        }
        let length = self.state.keyspace().map(|keyspace| keyspace.length_of_command(args));
        length.is_none_or(|length| self.exceeds_turn(length))
    }

    fn exceeds_turn(&mut self, length: usize) -> bool {
        let exceeds = length > self.turn_length || self.turn_length == 0;
        if exceeds && !planted("long-in-turn") {
            return true;
        }
        self.spent += length;
        false
    }

    /// How many bytes of values were looked at in turns since the last call, by operations that look at many.
    pub fn take_spent(&mut self) -> usize {
        std::mem::take(&mut self.spent)
    }

    /// Lends the keyspace to an operation.
    pub(crate) fn run_aside(
        &mut self,
        (op, length): (Operation<'_>, usize),
        origin: Option<Origin>,
        ctx: &Context,
        writes: bool,
        hearers: &mut Hearers<'_>,
    ) {
        let Some(keyspace) = self.state.lend() else { return };
        self.lendings += 1;
        let origin = origin.filter(|origin| *origin != Origin::Internal);
        self.borrower = Some(Borrower { number: self.lendings, origin, writes, stats: None });
        let proto = origin.map(|origin| hearers.audience.proto(origin));
        hearers.out.push(Output::Aside(Box::new(Aside {
            group: self.group,
            number: self.lendings,
            keyspace,
            body: op.body.to_vec(),
            ctx: *ctx,
            writes,
            proto,
            reply: Vec::new(),
            length,
            took_ns: 0,
        })));
    }

    /// An operation was run: its answer is given, and what waited goes on with the next [`Self::pump`].
    pub fn come_back(&mut self, aside: Aside, audience: &mut dyn Audience, out: &mut Vec<Output>) {
        let Some(borrower) = self.borrower.take_if(|known| known.number == aside.number) else {
            // The state was replaced in the meantime.
            return out.push(Output::Discard(aside.into_garbage()));
        };
        self.state.take_back(aside.keyspace, borrower.stats);
        self.note_author(borrower.origin);
        self.renew_want();
        if let Some(origin) = borrower.origin {
            audience.ran_aside(aside.took_ns, aside.reply.len());
            audience.answer_with(origin, &aside.reply);
            audience
                .answered(origin, Operation { machine: MachineId::KEYSPACE, body: &aside.body });
        }
    }

    /// The counts of a lent keyspace go on from these.
    pub(crate) fn set_stats_of_lent(&mut self, stats: KeyspaceStats) {
        if let Some(borrower) = &mut self.borrower {
            borrower.stats = Some(stats);
        }
    }

    /// Another state takes the place of this one: what is run aside is run in vain, and its answer is given to nobody.
    /// Who waits for that, and for the rest of an entry that was applied in part, is told that it is not known.
    pub(crate) fn give_up_aside(&mut self, audience: &mut dyn Audience) {
        let borrower = self.borrower.take();
        let (entry, reads) = self.progress.give_up();
        if let Some(Borrower { origin: Some(origin), writes, .. }) = borrower {
            match writes {
                true => audience.fail(origin, Failure::Unknown),
                false => self.unread.push(origin),
            }
        }
        if let Some(entry) = entry {
            self.forget_waits(entry.unanswered());
            entry.unanswered().iter().for_each(|origin| audience.fail(*origin, Failure::Unknown));
            self.unread.extend(entry.unread());
        }
        self.unread.extend(reads.iter().flat_map(ReadsUnderWay::unread));
    }

    /// Whether a snapshot may begin: the state is that of an entry, and here.
    pub(crate) fn can_begin_snapshot(&self) -> bool {
        !self.is_behind() && !self.has_unborn()
    }
}
