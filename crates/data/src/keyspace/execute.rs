//! Running commands: who may run where, and what is noted of them.

use super::Keyspace;
use crate::{Args, Command, Context, Group, Handler, error, waiting};
use synod_types::ReplySink;

impl Keyspace {
    /// Runs a reading command. Only a key of this keyspace is ever found.
    pub fn execute_read(
        &self,
        command: &Command,
        args: &Args<'_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) {
        if !self.read_or_wait(command, args, ctx, out) {
            waiting::reply_nothing(command, out);
        }
    }

    /// As [`Self::execute_read`], but answers nothing if the command would wait: `false` then.
    pub fn read_or_wait(
        &self,
        command: &Command,
        args: &Args<'_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> bool {
        let outcome = match command.handler {
            _ if self.holds(command, args) => Err(error::HELD),
            Handler::Read(run) => self.events.reading(|| run(self, args, ctx, out)),
            Handler::Write(_) | Handler::Session => Err(error::NOT_IN_TRANSACTION),
        };
        answered(outcome, out)
    }

    /// Runs a command of either sort. A writing command with a key of another partition is refused. One that would
    /// wait answers what it would at the end of its time.
    pub fn execute_write(
        &mut self,
        command: &Command,
        args: &Args<'_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) {
        if !self.execute_or_wait(command, args, ctx, out) {
            waiting::reply_nothing(command, out);
        }
    }

    /// As [`Self::execute_write`], but answers nothing if the command would wait: `false` then, and nothing has
    /// changed.
    pub fn execute_or_wait(
        &mut self,
        command: &Command,
        args: &Args<'_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> bool {
        let outcome = match command.handler {
            _ if self.holds(command, args) => Err(error::HELD),
            Handler::Read(run) => self.events.reading(|| run(self, args, ctx, out)),
            Handler::Write(_) if !self.owns_keys(command, args) => Err(error::FOREIGN_KEY),
            Handler::Write(_) => self.run_write(command, args, ctx, out),
            Handler::Session => Err(error::NOT_IN_TRANSACTION),
        };
        answered(outcome, out)
    }

    /// Runs a writing command whose keys are here, and notes what becomes of them.
    pub(crate) fn run_write(
        &mut self,
        command: &Command,
        args: &Args<'_>,
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) -> error::Outcome {
        let Handler::Write(run) = command.handler else { return Err(error::NOT_IN_TRANSACTION) };
        if self.expiring_hashes > 0 {
            for at in command.key_positions(args) {
                self.drop_passed_fields(args[at], ctx.now, usize::MAX);
            }
        }
        // What a script does, its commands tell, and so does what is fenced.
        let by_others = command.group == Group::Scripting || command.name == "fence";
        if by_others || !self.events.are_wanted() {
            return run(self, args, ctx, out);
        }
        self.run_noting(command, args, ctx, |keyspace| run(keyspace, args, ctx, out))
    }
}

/// Answers a failure; `false` if the command waits and nothing is answered.
fn answered(outcome: error::Outcome, out: &mut dyn ReplySink) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error::WAITING) => false,
        Err(failure) => {
            out.error(failure.0);
            true
        }
    }
}
