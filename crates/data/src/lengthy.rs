//! How long an operation will take, told before it is run, so that what takes long is not run in a turn.
//!
//! The measure is bytes of values looked at; what is not reading of values counts as many as take as long, at some
//! nanoseconds each. It is a guess, and nothing that is replicated depends on it.

use crate::command::{Command, Extent};
use crate::keyspace::Keyspace;
use crate::number::parse_i64;
use crate::op::{Op, is_brief};
use crate::{Args, digest, lookup};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What one element of a range, or one key of a scan, counts.
const ELEMENT_BYTES: usize = 64;
/// What an instruction of a script counts.
const INSTRUCTION_BYTES: u64 = 2;
/// What a script counts that has a loop or calls itself and was not seen here yet.
const UNKNOWN_SCRIPT_BYTES: usize = 4 << 20;
/// Without one of these words the time of a script grows with its text alone.
const REPEATING: [&[u8]; 5] = [b"for", b"while", b"repeat", b"function", b"goto"];
/// How many scripts are remembered; beyond that all are forgotten.
const SCRIPTS_MAX: usize = 4_096;

/// What scripts took when they ran here last, in instructions, by a hash of their text. No part of the state.
#[derive(Debug, Default)]
pub(crate) struct ScriptCosts(RefCell<BTreeMap<u64, u64>>);

impl ScriptCosts {
    /// A script, or the function of this name in it, took so many instructions.
    pub fn note(&self, name: &str, text: &[u8], instructions: u64) {
        let mut costs = self.0.borrow_mut();
        if costs.len() >= SCRIPTS_MAX {
            costs.clear();
        }
        // One that takes long now and then is remembered for it a while.
        let known = costs.entry(hash(name, text)).or_default();
        *known = instructions.max(*known - *known / 8);
    }

    fn weight(&self, name: &str, text: &[u8]) -> usize {
        match self.0.borrow().get(&hash(name, text)) {
            Some(known) => usize::try_from(known * INSTRUCTION_BYTES).unwrap_or(usize::MAX),
            None if has_any(text, &REPEATING) => UNKNOWN_SCRIPT_BYTES,
            None => 0,
        }
    }
}

fn hash(name: &str, text: &[u8]) -> u64 {
    digest::bytes(digest::bytes(0, name.as_bytes()), text)
}

fn has_any(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| text.windows(word.len()).any(|window| window == *word))
}

/// Commands whose replies grow with the values of their keys, which may be many or large. Those that change something
/// and tell it are not among them: what they tell was written by requests of bounded length.
const TELLING: [&str; 32] = [
    "dump",
    "get",
    "getex",
    "getrange",
    "hgetall",
    "hkeys",
    "hmget",
    "hrandfield",
    "hvals",
    "lrange",
    "mget",
    "sdiff",
    "sinter",
    "smembers",
    "sort",
    "sort_ro",
    "spop",
    "srandmember",
    "substr",
    "sunion",
    "xrange",
    "xrevrange",
    "zdiff",
    "zinter",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
    "zunion",
    "zrandmember",
];

impl Keyspace {
    /// How long the reply to an operation may be, in bytes: the values that its commands may tell of, and 0 for most.
    #[must_use]
    pub fn reply_bytes(&self, body: &[u8]) -> usize {
        let Some(op) = Op::decode(body) else { return 0 };
        let told = |args: &Args<'_>| match args.first().and_then(|name| lookup(name)) {
            Some(command) if command.check_arity(args.len()) => self.reply_bytes_of(command, args),
            _ => 0,
        };
        match op.plain() {
            Op::Command(args) => told(args),
            Op::Transaction { commands, .. } => {
                commands.iter().fold(0, |sum, args| sum.saturating_add(told(args)))
            }
            _ => 0,
        }
    }

    /// The same for a command with as many arguments as it takes.
    #[must_use]
    pub fn reply_bytes_of(&self, command: &Command, args: &Args<'_>) -> usize {
        if TELLING.contains(&command.name) { self.value_bytes(command, args).sum() } else { 0 }
    }

    /// How long an operation is, in bytes of values; 0 for nearly all.
    #[must_use]
    pub fn length_of(&self, body: &[u8]) -> usize {
        if is_brief(body) {
            return 0;
        }
        Op::decode(body).map_or(0, |op| self.length_of_op(op.plain()))
    }

    fn length_of_op(&self, op: &Op<'_>) -> usize {
        match op {
            Op::Command(args) => self.length_of_command(args),
            Op::Transaction { commands, .. } => commands
                .iter()
                .fold(0, |sum, args| sum.saturating_add(self.length_of_command(args))),
            Op::Scan { count, pattern, .. } => {
                let keys = usize::try_from(*count).unwrap_or(usize::MAX).min(self.len());
                // With each key a pattern may have to be read to its end.
                keys.saturating_mul(ELEMENT_BYTES.max(pattern.map_or(0, <[u8]>::len)))
            }
            _ => 0,
        }
    }

    /// The same for a command.
    #[must_use]
    pub fn length_of_command(&self, args: &Args<'_>) -> usize {
        let Some(command) = args.first().and_then(|name| lookup(name)) else { return 0 };
        if !command.check_arity(args.len()) {
            return 0;
        }
        match command.extent {
            Extent::Little => 0,
            Extent::Whole => self.value_bytes(command, args).sum(),
            Extent::Span(at) => {
                let at = usize::from(at);
                let elements = args.get(at..at + 2).map_or(0, |ends| span(ends[0], ends[1]));
                let bytes = self.value_bytes(command, args).sum();
                elements.saturating_mul(ELEMENT_BYTES).min(bytes)
            }
            Extent::Elements(count) => count(self, args).saturating_mul(ELEMENT_BYTES),
            Extent::Product => {
                self.value_bytes(command, args).fold(1, |all, bytes| all.saturating_mul(bytes))
            }
            Extent::Script => self.length_of_script(command, args[1]),
        }
    }

    fn value_bytes<'k>(
        &'k self,
        command: &Command,
        args: &'k Args<'k>,
    ) -> impl Iterator<Item = usize> + use<'k> {
        command.key_positions(args).filter_map(|at| {
            let (table, hash) = self.place(args[at])?;
            table.find(hash, args[at]).map(|found| table.object(found).heap_bytes())
        })
    }

    fn length_of_script(&self, command: &Command, called: &[u8]) -> usize {
        match command.name {
            "evalsha" | "evalsha_ro" => {
                let script = self.scripts.find(called);
                script.map_or(0, |(_, body)| self.script_costs.weight("", &body))
            }
            "fcall" | "fcall_ro" => match self.libraries.function(called) {
                Some((library, function)) => {
                    self.script_costs.weight(&function.name, &library.text)
                }
                None => 0,
            },
            _ => self.script_costs.weight("", called),
        }
    }
}

/// How many elements there are between two indices, at most; those from the end are negative.
fn span(start: &[u8], stop: &[u8]) -> usize {
    match (parse_i64(start), parse_i64(stop)) {
        (Some(start), Some(stop)) if (start < 0) == (stop < 0) => {
            usize::try_from(stop.saturating_sub(start).saturating_add(1)).unwrap_or(0)
        }
        (Some(_), Some(_)) => usize::MAX,
        // By score or by word.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::put_command;
    use crate::scripting::{Call, Engine, Reach, sha1_hex};
    use crate::{Context, lookup};
    use synod_machine::Operation;
    use synod_types::{ReplySink, Slot};

    /// A language whose scripts take as many instructions as they have bytes, a thousand times over.
    static SLOW: Engine = Engine {
        run: |call: &Call<'_>, _: Reach<'_>, _, out: &mut dyn ReplySink| {
            out.simple("OK");
            call.body.len() as u64 * 1_000
        },
        check: |_| Ok(()),
        describe: |_| Ok(Vec::new()),
        call: |_, _, _, _| 0,
    };

    fn words(line: &str) -> Vec<&[u8]> {
        line.split(' ').map(str::as_bytes).collect()
    }

    fn run(keyspace: &mut Keyspace, line: &str) {
        let words = words(line);
        let command = lookup(words[0]).unwrap();
        keyspace.execute_write(command, &words, &Context::default(), &mut ());
    }

    fn length(keyspace: &Keyspace, line: &str) -> usize {
        let mut op = Vec::new();
        put_command(&mut op, &words(line));
        keyspace.length_of(Operation::take(&mut &op[..]).unwrap().body)
    }

    #[test]
    fn what_takes_long_is_told_by_the_values_that_it_looks_at() {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(16_383)).with_engine(&SLOW);
        for n in 0..2_000 {
            run(&mut keyspace, &format!("SADD {{a}}s {n}"));
            run(&mut keyspace, &format!("RPUSH {{a}}l {n}"));
            run(&mut keyspace, &format!("ZADD {{a}}z {n} m{n}"));
        }
        run(&mut keyspace, &format!("SET {{a}}t {}", "x".repeat(10_000)));
        let counted = keyspace.stats();
        let brief = [
            "GET {a}t",
            "SCARD {a}s",
            "LRANGE {a}l 0 9",
            "LRANGE {a}l -10 -1",
            "ZRANGE {a}z 5 5",
            "SMEMBERS {a}none",
            "HGETALL",
            "NONE {a}s",
            "EVAL return(1) 0",
            "EVALSHA 0 0",
        ];
        for line in brief {
            assert!(length(&keyspace, line) < 1_000, "{line}: {}", length(&keyspace, line));
        }
        let long = [
            "SMEMBERS {a}s",
            "SINTERCARD 2 {a}s {a}s",
            "LRANGE {a}l 0 -1",
            "LRANGE {a}l 5 1500",
            "ZUNIONSTORE {a}d 1 {a}z",
            "SORT {a}l",
            "DUMP {a}t",
            "EVAL while(1)do(x)end 0",
        ];
        for line in long {
            assert!(length(&keyspace, line) > 4_000, "{line}: {}", length(&keyspace, line));
        }
        assert!(length(&keyspace, "LCS {a}t {a}t") > 100_000_000);
        assert_eq!(keyspace.stats(), counted, "nobody has looked");
        let mut transaction = Vec::new();
        let commands = ["SCARD {a}s", "SMEMBERS {a}s", "SMEMBERS {a}s"];
        let commands: Vec<_> = commands.iter().map(|line| words(line).into()).collect();
        Op::Transaction { watched: Vec::new(), commands }.encode(&mut transaction);
        let body = Operation::take(&mut &transaction[..]).unwrap().body;
        assert_eq!(keyspace.length_of(body), 2 * length(&keyspace, "SMEMBERS {a}s"));
    }

    #[test]
    fn a_script_is_known_by_what_it_took_last() {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(16_383)).with_engine(&SLOW);
        let line = "EVAL for(x)do 0";
        assert_eq!(length(&keyspace, line), UNKNOWN_SCRIPT_BYTES);
        run(&mut keyspace, line);
        assert_eq!(length(&keyspace, line), 8 * 1_000 * INSTRUCTION_BYTES as usize);
        let sha = sha1_hex(words(line)[1]);
        assert_eq!(length(&keyspace, &format!("EVALSHA {sha} 0")), length(&keyspace, line));
        assert_eq!(length(&keyspace, "EVALSHA_RO none 0"), 0);
    }
}
