//! FENCE name token command [arg...]: the command runs if nobody has been granted the lock since the token was, in one
//! atomic step.
//!
//! The lock and the keys have to lie in one partition, which one hash tag in all of their names makes sure of.

use crate::commands::prelude::*;
use crate::{lookup, waiting};
use smallvec::SmallVec;
use synod_locks::Fenced;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Generic, "fence", -4, fence).keys_of_its_command(key_positions).flags(Flags::DENYOOM.and(Flags::NOSCRIPT))
        .syntax("name token command [argument]...")
        .about("7.0.0", "Runs a writing command unless the lock was granted anew since the token was."),
];

const STALE: Failure = Failure("FENCED the lock was granted anew since this token was");
const UNKNOWN: Failure = Failure("FENCED this lock never had this token");
const NO_LOCK: Failure = Failure("FENCED no such lock");
const NO_HOLDER: Failure = Failure("FENCED this token does not hold the lock");
const NO_WRITE: Failure =
    Failure("ERR FENCE runs a command that writes keys of one partition and does not wait");

/// The fenced command among the arguments of FENCE; empty when there is none.
pub(crate) fn inner<'a, 'b>(args: &'b [&'a [u8]]) -> &'b [&'a [u8]] {
    args.get(3..).unwrap_or_default()
}

/// The positions of the lock's name and of the fenced command's keys.
pub(crate) fn key_positions(args: &Args<'_>) -> SmallVec<[usize; 4]> {
    let inner = inner(args);
    let mut positions = SmallVec::from_slice(&[1]);
    if let Some(command) = fenced(inner) {
        positions.extend(command.key_positions(inner).map(|at| at + 3));
    }
    positions
}

/// The command, if it is one that can be fenced.
fn fenced(inner: &Args<'_>) -> Option<&'static Command> {
    let command = lookup(inner.first()?)?;
    let plain = command.is_write() && !matches!(command.name, "fence" | "lock");
    (plain && waiting::wait_of(command, inner).is_none()).then_some(command)
}

fn fence(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let token = super::token(args[2])?;
    let inner = inner(args);
    let command = fenced(inner).ok_or(NO_WRITE)?;
    if !command.check_arity(inner.len()) {
        return Err(error::ARITY);
    }
    match keyspace.locks.check(args[1], token) {
        Ok(()) => keyspace.run_write(command, inner, ctx, out),
        Err(Fenced::Stale) => Err(STALE),
        Err(Fenced::Unknown) => Err(UNKNOWN),
        Err(Fenced::NoHolder) => Err(NO_HOLDER),
        Err(Fenced::NoLock) => Err(NO_LOCK),
    }
}
