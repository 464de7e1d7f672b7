//! `redis.call`: a command of a script's, run at once by the handlers of `data`.

use crate::captured::{Captured, Reply};
use crate::number::general;
use mlua::{MultiValue, Value};
use synod_data::authority::{Denied, Named};
use synod_data::scripting::Reach;
use synod_data::{Command, Context, Flags, Handler, Keyspace, lookup, random};
use synod_types::{RESERVED, ReplySink, SLOT_COUNT, is_coordinators, key_slot};

/// The commands of one call.
#[derive(Debug)]
pub(crate) struct Commands<'a> {
    access: Reach<'a>,
    /// Whether the script promised to write nothing, or its caller did for it.
    read_only: bool,
    ctx: Context,
    seed: u64,
    /// Whether the script chose RESP3.
    pub resp3: bool,
    /// Whether it is one of the coordinator's, which declare their keys.
    of_coordinator: bool,
}

impl<'a> Commands<'a> {
    pub fn new(access: Reach<'a>, read_only: bool, ctx: &Context) -> Self {
        let read_only = read_only || matches!(access, Reach::Read(_));
        Self { access, read_only, ctx: *ctx, seed: ctx.seed, resp3: false, of_coordinator: false }
    }

    /// The same with the keys that were declared: nobody but the coordinator can declare keys of its own.
    pub fn declaring(self, keys: &[&[u8]]) -> Self {
        Self { of_coordinator: keys.iter().any(|key| is_coordinators(key)), ..self }
    }

    /// The seed of the entry.
    pub fn seed(&self) -> u64 {
        self.ctx.seed
    }

    /// Runs a command; what cannot run answers an error in Redis's words.
    pub fn call(&mut self, values: &MultiValue) -> Reply {
        let refused = |text: &str| Reply::Error(text.to_owned());
        if values.is_empty() {
            return refused("ERR Please specify at least one argument for this redis lib call");
        }
        let args: Option<Vec<Vec<u8>>> = values.iter().map(argument).collect();
        let Some(args) = args else {
            return refused("ERR Lua redis lib command arguments must be strings or integers");
        };
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let command = match self.admit(&args) {
            Ok(command) => command,
            Err(text) => return refused(text),
        };
        let mut out = Captured::new(self.resp3);
        let ctx = Context { now: self.ctx.now, seed: random(&mut self.seed) };
        match command.handler {
            Handler::Read(_) | Handler::Write(_) => match &mut self.access {
                Reach::Read(keyspace) if command.only_reads() => {
                    keyspace.note_reads(command, &args);
                    keyspace.execute_read(command, &args, &ctx, &mut out);
                }
                Reach::Write(keyspace) if command.only_reads() => {
                    keyspace.note_reads(command, &args);
                    keyspace.execute_write(command, &args, &ctx, &mut out);
                }
                Reach::Read(keyspace) => keyspace.execute_read(command, &args, &ctx, &mut out),
                Reach::Write(keyspace) => keyspace.execute_write(command, &args, &ctx, &mut out),
            },
            _ => self.run_session(command, &args, &ctx, &mut out),
        }
        out.into_reply()
    }

    /// Whether a script may run this command here.
    fn admit(&self, args: &[&[u8]]) -> Result<&'static Command, &'static str> {
        let command = lookup(args[0]).ok_or("ERR Unknown Redis command called from script")?;
        if !command.check_arity(args.len()) {
            return Err("ERR Wrong number of args calling Redis command from script");
        }
        // It gives the same on every replica and harms nobody; tests of clients call it from scripts.
        if command.name == "debug" && args[1].eq_ignore_ascii_case(b"protocol") {
            return Ok(command);
        }
        if command.flags.has(Flags::NOSCRIPT) || !runs_here(command) {
            return Err("ERR This Redis command is not allowed from script");
        }
        if let Some(text) = self.refusal(command, args) {
            return Err(text);
        }
        if self.read_only && command.flags.has(Flags::WRITE) {
            return Err("ERR Write commands are not allowed from read-only scripts.");
        }
        let mut keys = command.key_positions(args).map(|at| args[at]);
        if command.is_write() && !self.of_coordinator && keys.any(is_coordinators) {
            return Err(RESERVED);
        }
        let keyspace = self.keyspace();
        if let Some(text) = keyspace.refuse_overstep(command, args) {
            return Err(text);
        }
        let owned = keyspace.slots();
        let all = usize::from(owned.end().0 - owned.start().0) + 1 == usize::from(SLOT_COUNT);
        let foreign = match command.handler {
            Handler::Read(_) | Handler::Write(_) => {
                command.key_positions(args).any(|at| !owned.contains(&key_slot(args[at])))
            }
            // What speaks of every key speaks of all partitions.
            _ => command.flags.has(Flags::READONLY) || command.flags.has(Flags::WRITE),
        };
        if !all && foreign {
            return Err("ERR Script attempted to access a non local key in a cluster node");
        }
        Ok(command)
    }

    /// Why the user whose script this is may not run the command, if it may not.
    fn refusal(&self, command: &Command, args: &[&[u8]]) -> Option<&'static str> {
        let rights = self.keyspace().acting()?;
        let named = Named::of(command, args);
        match rights.check(&named, args) {
            Ok(()) => rights.refuse_patterns(&named, args),
            Err(Denied::Command) => {
                Some("ERR The user executing the script can't run this command or subcommand")
            }
            Err(Denied::Key(_)) => Some(
                "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
            ),
            Err(Denied::Channel(_)) => Some(
                "ERR The user executing the script can't publish to the channel mentioned in the command",
            ),
        }
    }

    /// `redis.acl_check_cmd`: whether the user whose script this is may run the command; `None` for one that there is not.
    pub fn may_run(&self, values: &MultiValue) -> Option<bool> {
        let args: Vec<Vec<u8>> = values.iter().map(argument).collect::<Option<_>>()?;
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let command = lookup(args.first()?)?;
        let rights = self.keyspace().acting();
        Some(rights.is_none_or(|rights| rights.check(&Named::of(command, &args), &args).is_ok()))
    }

    fn keyspace(&self) -> &Keyspace {
        match &self.access {
            Reach::Read(keyspace) => keyspace,
            Reach::Write(keyspace) => keyspace,
        }
    }

    /// The commands of the session's that make sense inside a partition.
    fn run_session(
        &mut self,
        command: &Command,
        args: &[&[u8]],
        ctx: &Context,
        out: &mut Captured,
    ) {
        match (command.name, args) {
            ("ping", [_]) => out.simple("PONG"),
            ("ping" | "echo", [_, text]) => out.bulk(text),
            ("select", [_, b"0"]) => out.simple("OK"),
            ("select", [_, index]) => match synod_data::args::database(index) {
                Ok(_) => out.error("ERR SELECT is not allowed in cluster mode"),
                Err(failure) => out.error(failure.0),
            },
            ("time", _) => {
                let ms = ctx.now.0;
                out.array(2);
                out.bulk((ms / 1000).to_string().as_bytes());
                out.bulk((ms % 1000 * 1000).to_string().as_bytes());
            }
            ("debug", [_, word, kind]) if word.eq_ignore_ascii_case(b"protocol") => {
                synod_data::debug_protocol(kind, out);
            }
            ("dbsize", _) => out.integer(self.keyspace().len() as i64),
            ("randomkey", _) => match self.keyspace().random_key(ctx.seed, ctx.now) {
                Some(key) => out.bulk(key),
                None => out.null(),
            },
            ("keys", [_, pattern]) => {
                let mut keys: Vec<Vec<u8>> = Vec::new();
                self.keyspace().keys(pattern, ctx.now, &mut |key| keys.push(key.to_vec()));
                out.array(keys.len());
                keys.iter().for_each(|key| out.bulk(key));
            }
            ("flushall" | "flushdb", _) => {
                if let Reach::Write(keyspace) = &mut self.access {
                    keyspace.clear(ctx.now);
                }
                out.simple("OK");
            }
            _ => out.error("ERR wrong number of arguments"),
        }
    }
}

/// Whether a partition can answer this command by itself.
fn runs_here(command: &Command) -> bool {
    match command.handler {
        Handler::Read(_) | Handler::Write(_) => true,
        _ => matches!(
            command.name,
            "ping"
                | "echo"
                | "select"
                | "time"
                | "dbsize"
                | "randomkey"
                | "keys"
                | "flushall"
                | "flushdb"
        ),
    }
}

/// An argument of a command: a string, or a number as Redis spells it; `None` for anything else.
fn argument(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Integer(n) => Some(n.to_string().into_bytes()),
        Value::Number(x) => Some(general(*x, 17).into_bytes()),
        _ => None,
    }
}
