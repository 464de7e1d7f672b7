//! What may be part of a transaction over several partitions, where its keys lie, and what it needs besides them.

use crate::authority::runs_script;
use crate::node::Node;
use crate::requests::{CROSSSLOT, NOT_READY};
use std::collections::{BTreeMap, BTreeSet};
use synod_data::authority::fenced;
use synod_data::op::Args;
use synod_data::scripting::sha1_hex;
use synod_data::{Command, Handler};
use synod_redis::Kind;
use synod_txn::{Detail, Part, Source};
use synod_types::{PartitionId, key_slot};

const WAITS: &str = "CROSSSLOT The keys of a command that blocks have to lie in one partition";
const LOCKS: &str = "CROSSSLOT LOCK has to be alone, or its keys in one partition";

/// Whether a command may be part of a transaction over several partitions: it touches the keys that it names, and nothing else.
///
/// # Errors
/// Why not, for the client.
pub(super) fn admit(command: &Command, args: &[&[u8]], single: bool) -> Result<(), &'static str> {
    if let Some((inner, words)) = fenced(command, args) {
        return if inner.name == "fence" { Err(CROSSSLOT) } else { admit(inner, words, single) };
    }
    match command.handler {
        Handler::Session if single => Err(CROSSSLOT),
        Handler::Session if !matches!(command.name, "ping" | "echo" | "unwatch") => Err(CROSSSLOT),
        _ if command.name == "lock" => Err(LOCKS),
        _ if single && crate::waits::wait_of(command, args).is_some() => Err(WAITS),
        _ => Ok(()),
    }
}

/// Whether all these commands may be.
///
/// # Errors
/// Why not.
pub(super) fn admit_all(commands: &[Args<'_>]) -> Result<(), &'static str> {
    commands.iter().try_for_each(|args| admit(known(args).ok_or(CROSSSLOT)?, args, false))
}

pub(super) fn known(args: &Args<'_>) -> Option<&'static Command> {
    args.first().and_then(|name| synod_data::lookup(name))
}

pub(super) fn kind_of(commands: &[Args<'_>]) -> Kind {
    let writes = |command: &Command| matches!(command.handler, Handler::Write(_));
    if commands.iter().filter_map(known).any(writes) { Kind::Write } else { Kind::Read }
}

/// Whether a script is among these commands.
pub(super) fn has_scripts(commands: &[Args<'_>]) -> bool {
    commands.iter().any(|args| known(args).is_some_and(|command| runs_script(command, args)))
}

/// How much of their values these commands look at.
pub(super) fn detail_of(commands: &[Args<'_>]) -> Detail {
    let one = |args: &Args<'_>| match known(args).map_or("", |command| command.name) {
        "mget" => Detail::Strings,
        "exists" | "touch" | "del" | "unlink" => Detail::Presence,
        _ => Detail::Values,
    };
    let mut details = commands.iter().map(one);
    match details.next() {
        Some(first) if details.all(|other| other == first) => first,
        _ => Detail::Values,
    }
}

/// The texts that the scripts and functions among these commands need.
pub(super) fn sources_of(commands: &[Args<'_>]) -> Vec<Source<Vec<u8>>> {
    let mut sources = BTreeSet::new();
    for args in commands {
        let Some(command) = known(args).filter(|command| runs_script(command, args)) else {
            continue;
        };
        let (command, args) = fenced(command, args).unwrap_or((command, args));
        let Some(name) = args.get(1) else { continue };
        sources.insert(match command.name {
            "eval" => Source::Known(sha1_hex(name).into_bytes()),
            "eval_ro" => continue, // it leaves no script behind
            "evalsha" | "evalsha_ro" => Source::Script(name.to_vec()),
            _ => Source::Library(name.to_vec()),
        });
    }
    sources.into_iter().collect()
}

impl Node {
    /// The keys of these commands, partition by partition.
    pub(super) fn parts_of(
        &self,
        commands: &[Args<'_>],
        watches: &[(Vec<u8>, u64)],
    ) -> Result<Vec<Part>, &'static str> {
        self.parts_with(commands, watches, &[])
    }

    /// As [`Self::parts_of`], with more keys.
    pub(super) fn parts_with(
        &self,
        commands: &[Args<'_>],
        watches: &[(Vec<u8>, u64)],
        more: &[Vec<u8>],
    ) -> Result<Vec<Part>, &'static str> {
        #[derive(Default)]
        struct Keys<'a> {
            keys: BTreeSet<&'a [u8]>,
            locks: BTreeSet<&'a [u8]>,
        }
        let mut parts: BTreeMap<PartitionId, Keys<'_>> = BTreeMap::new();
        let mut add = |key, guards| {
            let partition = self.groups.map().partition_of(key_slot(key)).ok_or(NOT_READY)?;
            let part = parts.entry(partition).or_default();
            part.keys.insert(key);
            if guards {
                part.locks.insert(key);
            }
            Ok(())
        };
        for key in watches.iter().map(|(key, _)| key).chain(more) {
            add(key.as_slice(), false)?;
        }
        for args in commands {
            let Some(command) = synod_data::lookup(args[0]) else { continue };
            let is_fenced = fenced(command, args).is_some();
            for at in command.key_positions(args) {
                add(args[at], is_fenced && at == 1)?;
            }
        }
        let owned = |names: BTreeSet<&[u8]>| names.into_iter().map(<[u8]>::to_vec).collect();
        let part = |(partition, part): (PartitionId, Keys<'_>)| Part {
            partition,
            keys: owned(part.keys),
            locks: owned(part.locks),
        };
        self.bounded(parts.into_iter().map(part).collect())
    }
}
