//! MULTI, EXEC, DISCARD, WATCH, UNWATCH: transactions whose keys lie in one partition.
//!
//! WATCH fetches the versions of its keys from the leader; EXEC sends them along with the commands, and the
//! partition's state machine runs the commands only if no version has changed, on every replica alike.

use super::exec::{self, Runner};
use crate::authority::{self, acting};
use crate::node::Node;
use crate::requests::{NOT_READY, looks_around};
use synod_data::Command;
use synod_data::op::{Args, Op};
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::{Kind, Multi, Waits};
use synod_types::{ClientId, PartitionId, ReplySink, key_slot, limits};

impl Node {
    /// Queues a command between MULTI and EXEC.
    pub(crate) fn queue_command(
        &mut self,
        client: ClientId,
        command: &'static Command,
        args: &[&[u8]],
    ) -> Flow {
        match exec::runner(self, command, args) {
            Ok(Runner::Partition | Runner::Session) => {}
            Ok(Runner::Nobody) => {
                return self.refuse_request(client, "ERR Command not allowed inside a transaction");
            }
            Err(text) => return self.refuse_request(client, &text),
        }
        let bytes: usize = args.iter().map(|arg| arg.len()).sum();
        let Some(multi) = self.clients.session(client).and_then(|s| s.multi_mut()) else {
            return Flow::Next;
        };
        if multi.commands.len() >= limits::MULTI_COMMANDS_MAX {
            return self.refuse_request(client, "ERR too many commands in a transaction");
        }
        if multi.bytes + bytes > limits::MULTI_BYTES_MAX {
            return self.refuse_request(client, "ERR too many bytes in a transaction");
        }
        multi.bytes += bytes;
        multi.commands.push(args.iter().map(|a| a.to_vec()).collect());
        self.reply(client, |out| out.simple("QUEUED"));
        Flow::Next
    }
}

pub(super) fn multi(node: &mut Node, client: ClientId) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.multi().is_some() {
        return node.refuse_without_abort(client, "ERR MULTI calls can not be nested");
    }
    session.begin_multi();
    super::connection::ok(node, client)
}

pub(super) fn discard(node: &mut Node, client: ClientId) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.multi().is_none() {
        return node.refuse_request(client, "ERR DISCARD without MULTI");
    }
    let _discarded = session.end_multi();
    session.end_watches();
    super::connection::ok(node, client)
}

pub(super) fn unwatch(node: &mut Node, client: ClientId) -> Flow {
    if let Some(session) = node.clients.session(client) {
        session.end_watches();
    }
    super::connection::ok(node, client)
}

pub(super) fn watch(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.multi().is_some() {
        return node.refuse_without_abort(client, "ERR WATCH inside MULTI is not allowed");
    }
    if !session.may_watch(&args[1..]) {
        return node.refuse_request(client, "ERR too many watched keys, or too long ones");
    }
    let mut parts: Vec<(PartitionId, Args<'_>)> = Vec::new();
    for key in &args[1..] {
        let Some(partition) = node.groups.map().partition_of(key_slot(key)) else {
            return node.refuse_request(client, NOT_READY);
        };
        match parts.iter_mut().find(|(p, _)| *p == partition) {
            Some((_, keys)) => keys.push(key),
            None => parts.push((partition, Args::from_slice(&[*key]))),
        }
    }
    let keys = parts.iter().flat_map(|(_, keys)| keys.iter().map(|k| k.to_vec())).collect();
    let ops = parts.into_iter().map(|(p, keys)| (p, Op::Versions(keys))).collect();
    node.run_parts(client, Kind::Read, Join::Watch(keys), ops)
}

pub(super) fn exec(node: &mut Node, client: ClientId) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.multi().is_none() {
        return node.refuse_request(client, "ERR EXEC without MULTI");
    }
    let chooses_protocol =
        |multi: &Multi| multi.commands.iter().any(|args| args[0].eq_ignore_ascii_case(b"hello"));
    if session.multi().is_some_and(chooses_protocol) && !session.is_idle() {
        return session.wait_for(Waits::Idle);
    }
    let multi = session.end_multi().unwrap_or_default();
    let watches = session.end_watches();
    if multi.refused {
        let text = "EXECABORT Transaction discarded because of previous errors.";
        return node.refuse_request(client, text);
    }
    node.remember_queued_reads(client, &multi.commands);
    node.tell_monitors_of_queued(client, &multi.commands);
    let rights = node.rights_of(client);
    let denied = denied(node, client, &multi.commands);
    if denied.contains(&true) || multi.commands.iter().any(|args| exec::is_own(node, args)) {
        return exec::exec_mixed(node, client, multi, &watches, &denied);
    }
    let commands: Vec<Args<'_>> =
        multi.commands.iter().map(|c| c.iter().map(Vec::as_slice).collect()).collect();
    for command in commands.iter().filter_map(|args| synod_data::lookup(args[0])) {
        node.counted.call(command);
    }
    if commands.is_empty() && watches.is_empty() {
        node.reply(client, |out| out.array(0));
        return Flow::Next;
    }
    let partition = match home(node, &commands, &watches) {
        Ok(Some(partition)) => partition,
        Ok(None) => return node.refuse_request(client, crate::desk::NO_LEADER),
        Err(()) => return node.conduct_exec(client, &commands, &watches),
    };
    let watched = watches.iter().map(|(key, version)| (key.as_slice(), *version)).collect();
    let rights = rights.as_ref().filter(|_| exec::has_scripts(&commands));
    let op = acting(rights, Op::Transaction { watched, commands });
    node.run_op(client, partition, Kind::Write, &op)
}

/// Which of the queued commands the client may not run any more.
fn denied(node: &mut Node, client: ClientId, commands: &[Vec<Vec<u8>>]) -> Vec<bool> {
    let Some(rights) = node.rights_of(client) else { return Vec::new() };
    let is_denied = |args: &Vec<Vec<u8>>| {
        let args: Args<'_> = args.iter().map(Vec::as_slice).collect();
        let command = synod_data::lookup(args[0]);
        command.is_some_and(|command| authority::check(&rights, command, &args).is_err())
    };
    commands.iter().map(is_denied).collect()
}

/// The partition of everything that a transaction touches.
///
/// # Errors
/// There are several.
pub(super) fn home(
    node: &Node,
    commands: &[Args<'_>],
    watches: &[(Vec<u8>, u64)],
) -> Result<Option<PartitionId>, ()> {
    let mut home = None;
    let mut see = |partition: Option<PartitionId>| match (home, partition) {
        (Some(h), Some(p)) if h != p => Err(()),
        (_, Some(p)) => {
            home = Some(p);
            Ok(())
        }
        (_, None) => Ok(()),
    };
    for (key, _) in watches {
        see(node.groups.map().partition_of(key_slot(key)))?;
    }
    for args in commands {
        let Some(command) = synod_data::lookup(args[0]) else { continue };
        if looks_around(node.groups.map(), command, args) {
            return Err(());
        }
        for at in command.key_positions(args) {
            see(node.groups.map().partition_of(key_slot(args[at])))?;
        }
    }
    Ok(home.or_else(|| node.groups.map().partitions().keys().next().copied()))
}

impl Node {
    /// Answers an error that leaves a transaction as it is.
    pub(crate) fn refuse_without_abort(&mut self, client: ClientId, text: &str) -> Flow {
        self.counted.counters_mut().refused += 1;
        self.reply(client, |out| out.error(text));
        Flow::Next
    }
}
