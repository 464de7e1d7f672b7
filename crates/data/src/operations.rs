//! The keyspace as a machine of a partition: its operations are run, its snapshot is taken and read back.

use crate::authority::Rights;
use crate::op::{Args, Op, take_command};
use crate::value::Kind;
use crate::{Context, Keyspace, Restorer, ScanFilter, error, lookup};
use std::sync::Arc;
use synod_machine::{Machine, MachineId, Restore};
use synod_types::{ReplySink, SLOT_COUNT, Slot};

impl Machine for Keyspace {
    fn id(&self) -> MachineId {
        MachineId::KEYSPACE
    }

    #[inline]
    fn apply(&mut self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        let mut args = Args::new();
        if take_command(body, &mut args) {
            return apply_command(self, &args, ctx, out);
        }
        match Op::decode(body) {
            Some(op) => apply(self, &op, ctx, out),
            None => out.error("ERR malformed operation"),
        }
    }

    fn read(&self, body: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        let mut args = Args::new();
        if take_command(body, &mut args) {
            return read_command(self, &args, ctx, out);
        }
        match Op::decode(body) {
            Some(op) => read(self, &op, ctx, out),
            None => out.error("ERR malformed operation"),
        }
    }

    fn snapshot_begin(&mut self) {
        Self::snapshot_begin(self);
    }

    fn snapshot_next(&mut self, bytes_max: usize) -> Option<Vec<u8>> {
        Self::snapshot_next(self, bytes_max)
    }

    fn snapshot_cancel(&mut self) {
        Self::snapshot_cancel(self);
    }

    fn digest(&self) -> u64 {
        Self::digest(self)
    }
}

impl Restore for Restorer {
    type Machine = Keyspace;

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), String> {
        Self::chunk(self, bytes).map_err(|corrupt| corrupt.to_string())
    }

    fn finish(self) -> Result<Keyspace, String> {
        Self::finish(self).map_err(|corrupt| corrupt.to_string())
    }
}

impl Keyspace {
    /// Runs a committed command for somebody who waits; `false` when it finds nothing, and then it has changed nothing
    /// and answered nothing.
    pub fn run_wait(&mut self, args: &[&[u8]], ctx: &Context, out: &mut dyn ReplySink) -> bool {
        match args.first().and_then(|name| lookup(name)) {
            Some(command) if self.holds(command, args) => false,
            Some(command) if command.check_arity(args.len()) => {
                self.execute_or_wait(command, args, ctx, out)
            }
            _ => {
                out.error("ERR unknown command in the log");
                true
            }
        }
    }
}

#[inline]
fn apply_command(keyspace: &mut Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) {
    match args.first().and_then(|name| lookup(name)) {
        Some(command) if command.check_arity(args.len()) => {
            keyspace.execute_write(command, args, ctx, out);
        }
        _ => out.error("ERR unknown command in the log"),
    }
}

fn read_command(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) {
    match args.first().and_then(|name| lookup(name)) {
        Some(command) if command.check_arity(args.len()) => {
            keyspace.execute_read(command, args, ctx, out);
        }
        _ => out.error("ERR unknown command"),
    }
}

fn apply(keyspace: &mut Keyspace, op: &Op<'_>, ctx: &Context, out: &mut dyn ReplySink) {
    match op {
        Op::Command(args) => apply_command(keyspace, args, ctx, out),
        Op::Wait { args, .. } => _ = keyspace.run_wait(args, ctx, out),
        Op::Transaction { watched, commands } if holds_some(keyspace, watched, commands) => {
            out.error(error::HELD.0);
        }
        Op::Transaction { watched, commands } => {
            let commands: Vec<Vec<&[u8]>> = commands.iter().map(|c| c.to_vec()).collect();
            keyspace.execute_transaction(watched, &commands, ctx, out);
        }
        Op::Expire(keys) => {
            keyspace.expire_now(keys.iter().copied(), ctx.now);
            out.simple("OK");
        }
        Op::Evict(keys) => {
            keyspace.evict(keys.iter().copied(), ctx.now);
            out.simple("OK");
        }
        Op::Step(step) => keyspace.run_step(step, ctx, out),
        Op::Clear if keyspace.transactions().holds_some() => out.error(error::HELD.0),
        Op::Clear => {
            keyspace.clear(ctx.now);
            out.simple("OK");
        }
        Op::LoadScript(body) => keyspace.load_script(body, out),
        Op::PassScript(body) => {
            keyspace.pass_script(body);
            out.simple("OK");
        }
        Op::ForgetScripts => {
            keyspace.forget_scripts();
            out.simple("OK");
        }
        Op::ChangeFunctions(args) => keyspace.change_functions(args, out),
        Op::Debug(words) => keyspace.debug(words, out),
        Op::As { rights, op } => match Rights::decode(rights) {
            Some(rights) => {
                keyspace.act_for(Some(Arc::new(rights)));
                apply(keyspace, op, ctx, out);
                keyspace.act_for(None);
            }
            None => out.error("ERR malformed operation"),
        },
        reading => read(keyspace, reading, ctx, out),
    }
}

/// Whether a transaction has a key that another one, over several partitions, holds.
fn holds_some(keyspace: &Keyspace, watched: &[(&[u8], u64)], commands: &[Args<'_>]) -> bool {
    keyspace.transactions().holds_some()
        && (watched.iter().any(|(key, _)| keyspace.is_held(key))
            || commands.iter().any(|args| {
                let command = args.first().and_then(|name| lookup(name));
                command.is_some_and(|command| keyspace.holds(command, args))
            }))
}

fn read(keyspace: &Keyspace, op: &Op<'_>, ctx: &Context, out: &mut dyn ReplySink) {
    match op {
        Op::Command(args) => read_command(keyspace, args, ctx, out),
        Op::Step(step) => keyspace.read_step(step, ctx, out),
        Op::Versions(keys) if keys.iter().any(|key| keyspace.is_held(key)) => {
            out.error(error::HELD.0);
        }
        Op::Versions(keys) => {
            out.array(keys.len());
            for key in keys {
                out.integer(keyspace.version(key, ctx.now) as i64);
            }
        }
        Op::Scan { cursor, count, pattern, kind } => {
            scan(keyspace, *cursor, *count, *pattern, *kind, ctx, out);
        }
        Op::RandomKey => match keyspace.random_key(ctx.seed, ctx.now) {
            Some(key) => out.bulk(key),
            None => out.null(),
        },
        Op::Stats => out.integer(keyspace.len() as i64),
        Op::SlotCount(slot) => out.integer(keyspace.slot_len(*slot) as i64),
        Op::SlotKeys { slot, count } => {
            let count = usize::try_from(*count).unwrap_or(usize::MAX);
            let keys: Vec<&[u8]> = keyspace.slot_keys(*slot, count).collect();
            out.array(keys.len());
            keys.iter().for_each(|key| out.bulk(key));
        }
        Op::FindScripts(digests) => keyspace.find_scripts(digests, out),
        Op::ReadFunctions(args) => keyspace.read_functions(args, out),
        Op::DebugObject(key) => keyspace.debug_object(key, ctx, out),
        Op::Wait { .. }
        | Op::As { .. }
        | Op::Transaction { .. }
        | Op::Expire(_)
        | Op::Evict(_)
        | Op::Clear
        | Op::LoadScript(_)
        | Op::PassScript(_)
        | Op::ChangeFunctions(_)
        | Op::Debug(_)
        | Op::ForgetScripts => {
            out.error("ERR not a reading operation");
        }
    }
}

/// One step of a SCAN: the next cursor and the keys found. At the end of this partition the cursor leads on to
/// the slot after it. A count of `u64::MAX` asks for every key at once and answers just the keys (KEYS).
fn scan(
    keyspace: &Keyspace,
    cursor: u64,
    count: u64,
    pattern: Option<&[u8]>,
    kind: Option<&[u8]>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    if count == u64::MAX {
        keyspace.keys(pattern.unwrap_or(b"*"), ctx.now, &mut |key| keys.push(key.to_vec()));
    } else {
        let wanted = kind.map(Kind::from_name);
        let filter = ScanFilter { pattern, kind: wanted.flatten() };
        let none = matches!(wanted, Some(None));
        let mut next = keyspace.scan(cursor, count as usize, filter, ctx.now, &mut |key| {
            if !none {
                keys.push(key.to_vec());
            }
        });
        let end = keyspace.slots().end().0 + 1;
        if next == 0 && end < SLOT_COUNT {
            next = Keyspace::cursor_from(Slot(end));
        }
        out.array(2);
        out.bulk(next.to_string().as_bytes());
    }
    out.array(keys.len());
    keys.iter().for_each(|key| out.bulk(key));
}
