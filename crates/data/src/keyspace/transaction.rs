//! EXEC: several commands as one, or none when a watched key has changed.

use super::Keyspace;
use crate::context::random;
use crate::{Context, Handler, error, lookup};
use synod_types::ReplySink;
use synod_types::plant::planted;

impl Keyspace {
    /// Runs the commands in order and answers an array of their replies; answers the null array and
    /// runs nothing when a watched key's version is no longer the one it was watched at. A command that
    /// fails is an error inside the array and stops nothing, as in Redis.
    pub fn execute_transaction<'a, C: AsRef<[&'a [u8]]>>(
        &mut self,
        watched: &[(&[u8], u64)],
        commands: &[C],
        ctx: &Context,
        out: &mut dyn ReplySink,
    ) {
        let watched = if planted("watch-ignored") { &[] } else { watched };
        if watched.iter().any(|(key, version)| self.version(key, ctx.now) != *version) {
            out.null_array();
            return;
        }
        out.array(commands.len());
        let mut seed = ctx.seed;
        for args in commands {
            let ctx = Context { now: ctx.now, seed: random(&mut seed) };
            self.execute_inside(args.as_ref(), &ctx, out);
        }
    }

    fn execute_inside(&mut self, args: &[&[u8]], ctx: &Context, out: &mut dyn ReplySink) {
        let Some(command) = args.first().and_then(|name| lookup(name)) else {
            return out.error("ERR unknown command");
        };
        if !command.check_arity(args.len()) {
            return out.error(error::ARITY.0);
        }
        match (command.handler, command.name) {
            (Handler::Read(_) | Handler::Write(_), _) => {
                self.execute_write(command, args, ctx, out)
            }
            // What a session answers without leaving the partition.
            // EXEC has forgotten the watched keys already.
            (Handler::Session, "unwatch") => out.simple("OK"),
            (Handler::Session, "ping") if args.len() == 1 => out.simple("PONG"),
            (Handler::Session, "ping" | "echo") if args.len() == 2 => out.bulk(args[1]),
            // What speaks of all keys is sent here only where this partition is the only one.
            (Handler::Session, "dbsize") => out.integer(self.len() as i64),
            (Handler::Session, "flushall" | "flushdb") => {
                self.clear(ctx.now);
                out.simple("OK");
            }
            (Handler::Session, "randomkey") => match self.random_key(ctx.seed, ctx.now) {
                Some(key) => out.bulk(key),
                None => out.null(),
            },
            (Handler::Session, "keys") => {
                let mut keys: Vec<Vec<u8>> = Vec::new();
                self.keys(args[1], ctx.now, &mut |key| keys.push(key.to_vec()));
                out.array(keys.len());
                keys.iter().for_each(|key| out.bulk(key));
            }
            (Handler::Session, _) => out.error(error::NOT_IN_TRANSACTION.0),
        }
    }
}
