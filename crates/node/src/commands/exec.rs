//! EXEC of a transaction in which the session answers some of the commands: CLIENT, CONFIG GET, INFO and the like.
//!
//! The partition runs its commands as one, as always. When its answer is there, the session runs its own, one after the
//! other, and puts their replies where they belong; a command whose answer comes from other workers or partitions is waited
//! for. What INFO needs from the other workers is asked for at the same time as the partition.

use super::subcommand;
use crate::authority::{acting, runs_script};
use crate::colleagues::NODE;
use crate::errand::Errand;
use crate::node::Node;
use std::collections::VecDeque;
use synod_data::op::{Args, Op};
use synod_data::{Command, Handler};
use synod_redis::Flow;
use synod_redis::{Gather, Join};
use synod_redis::{Kind, Multi, ReplyMode, Tally, elements, sections};
use synod_replica::{Access, Origin};
use synod_types::{ClientId, ReplySink, SLOT_COUNT, Slot};
use synod_wire::resp::{Proto, RespWriter};

/// Who runs a queued command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    Partition,
    Session,
    /// Nobody: it needs the answers of other workers or nodes, or steers the connection itself.
    Nobody,
}

/// Subcommands that cannot run inside a transaction, though others of their command can: what the partitions' commands
/// beside them would see, they would change or count too late.
const OUTSIDE: [&str; 15] = [
    "acl|deluser",
    "acl|setuser",
    "client|reply",
    "cluster|countkeysinslot",
    "cluster|getkeysinslot",
    "debug|loadaof",
    "debug|object",
    "debug|reload",
    "debug|set-active-expire",
    "function|delete",
    "function|flush",
    "function|load",
    "function|restore",
    "script|flush",
    "script|load",
];

/// Who runs this command inside a transaction.
///
/// # Errors
/// It has no such subcommand, or not with so many arguments.
pub(super) fn runner(node: &Node, command: &Command, args: &[&[u8]]) -> Result<Runner, String> {
    if command.name == "memory" && args.len() > 1 && super::memory::is_of_node(args[1]) {
        return Ok(Runner::Session);
    }
    if !matches!(command.handler, Handler::Session) {
        return Ok(Runner::Partition);
    }
    let table = super::subcommands_of(command.name);
    if !table.is_empty() && args.len() > 1 {
        let Some(sub) = subcommand::find(table, args[1]) else {
            let name = command.name.to_ascii_uppercase();
            return Err(super::unknown_subcommand(&name, args[1]));
        };
        if !sub.check_arity(args.len()) {
            return Err(super::wrong_arity(sub.name));
        }
        let outside = OUTSIDE.contains(&sub.name);
        return Ok(if outside { Runner::Nobody } else { Runner::Session });
    }
    Ok(match command.name {
        "ping" | "echo" | "unwatch" => Runner::Partition,
        "dbsize" | "flushall" | "flushdb" | "keys" | "randomkey"
            if node.groups.map().partitions().len() == 1 =>
        {
            Runner::Partition
        }
        "publish" | "spublish" => Runner::Session,
        "acl" | "asking" | "auth" | "bgrewriteaof" | "bgsave" | "client" | "cluster"
        | "command" | "config" | "debug" | "function" | "hello" | "hotkeys" | "info"
        | "lastsave" | "latency" | "lolwut" | "module" | "move" | "pubsub" | "readonly"
        | "readwrite" | "replicaof" | "role" | "save" | "scan" | "script" | "select"
        | "slaveof" | "slowlog" | "swapdb" | "time" | "wait" => Runner::Session,
        _ => Runner::Nobody,
    })
}

/// Whether the session runs this queued command.
pub(super) fn is_own(node: &Node, args: &[Vec<u8>]) -> bool {
    let args: Args<'_> = args.iter().map(Vec::as_slice).collect();
    synod_data::lookup(args[0])
        .is_some_and(|command| runner(node, command, &args) == Ok(Runner::Session))
}

/// Whether a script is among these commands.
pub(super) fn has_scripts(commands: &[Args<'_>]) -> bool {
    commands
        .iter()
        .any(|args| synod_data::lookup(args[0]).is_some_and(|command| runs_script(command, args)))
}

/// EXEC of commands some of which the session runs.
pub(super) fn exec_mixed(
    node: &mut Node,
    client: ClientId,
    multi: Multi,
    watches: &[(Vec<u8>, u64)],
    denied: &[bool],
) -> Flow {
    let rights = node.rights_of(client);
    let own: Vec<bool> = multi
        .commands
        .iter()
        .enumerate()
        .map(|(at, args)| denied.get(at) == Some(&true) || is_own(node, args))
        .collect();
    let theirs: Vec<Args<'_>> = multi
        .commands
        .iter()
        .zip(&own)
        .filter(|(_, own)| !**own)
        .map(|(args, _)| args.iter().map(Vec::as_slice).collect())
        .collect();
    for command in theirs.iter().filter_map(|args| synod_data::lookup(args[0])) {
        node.counted.call(command);
    }
    let partition = match super::transaction::home(node, &theirs, watches) {
        Ok(partition) => {
            match partition.or_else(|| node.groups.map().partition_of(Slot(SLOT_COUNT - 1))) {
                Some(partition) => Some(partition),
                None => return node.refuse_request(client, crate::desk::NO_LEADER),
            }
        }
        Err(()) => None,
    };
    let watched = watches.iter().map(|(key, version)| (key.as_slice(), *version)).collect();
    let alone = theirs.is_empty() && watches.is_empty();
    let owned = |args: &Args<'_>| args.iter().map(|arg| arg.to_vec()).collect();
    let apart: Vec<Vec<Vec<u8>>> = match partition {
        Some(_) => Vec::new(),
        None => theirs.iter().map(owned).collect(),
    };
    let mut op = Vec::new();
    let script_rights = rights.as_ref().filter(|_| has_scripts(&theirs));
    acting(script_rights, Op::Transaction { watched, commands: theirs }).encode(&mut op);
    let asks_info = multi.commands.iter().any(|args| args[0].eq_ignore_ascii_case(b"info"));
    let workers = if asks_info { node.local.config().workers } else { 0 };
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let proto = session.proto();
    let resp3 = proto == Proto::Resp3;
    let seq = session.reserve_barrier(Kind::Write);
    let join = Join::Exec(multi.commands, own);
    let gather = node.clients.gathers_mut().open(client, seq, join, 1 + usize::from(workers));
    for worker in 0..workers {
        let origin = Origin::Gather { gather, part: 1 + u32::from(worker), resp3: false };
        node.ask_colleague(worker, origin, &Errand::Tally);
    }
    let origin = Origin::Gather { gather, part: 0, resp3 };
    match partition {
        _ if alone => node.desk(NODE).relay(origin, b"*0\r\n"),
        Some(partition) => node.route(partition, origin, op, Access::Write),
        None => {
            let apart: Vec<Args<'_>> =
                apart.iter().map(|args| args.iter().map(Vec::as_slice).collect()).collect();
            node.conduct_inside(origin, proto, &apart, watches, rights);
        }
    }
    Flow::Next
}

/// A transaction whose partitions have answered, and whose session runs its own commands, one after the other.
#[derive(Debug)]
pub(crate) struct Running {
    /// Its place in the order of replies.
    seq: u64,
    commands: Vec<Vec<Vec<u8>>>,
    /// Which of them the session runs.
    own: Vec<bool>,
    /// The replies to the others, in order.
    theirs: VecDeque<Vec<u8>>,
    /// What INFO tells.
    tally: Tally,
    /// How many commands have their replies, and these.
    at: usize,
    reply: Vec<u8>,
    /// What CLIENT REPLY had asked for when the command under way began.
    mode: ReplyMode,
}

impl Node {
    /// Answers the transactions whose partitions have answered, and goes on with those that waited for a command of the session.
    pub(crate) fn finish_transactions(&mut self) {
        loop {
            while let Some(whole) = self.clients.gathers_mut().take_answered() {
                match whole.join() {
                    Join::Users(..) => self.finish_users(whole),
                    _ => self.finish_transaction(whole),
                }
            }
            let captured = self.clients.sessions_mut().take_captured();
            if captured.is_empty() {
                return;
            }
            captured.into_iter().for_each(|client| self.take_captured(client));
        }
    }

    fn finish_transaction(&mut self, mut whole: Gather) {
        let (client, seq) = whole.asked_by();
        let parts = whole.take_parts();
        let Join::Exec(commands, own) = whole.into_join() else { return };
        let Some(session) = self.clients.session(client) else { return };
        let proto = session.proto();
        let tally = Tally::of_replies(&parts[1..], super::known_name);
        let wanted = own.iter().filter(|own| !**own).count();
        let Some(theirs) = elements(&parts[0], wanted) else {
            // Nothing was executed.
            let ready = &mut self.output.ready;
            return self
                .clients
                .sessions_mut()
                .complete(client, seq, ready, &mut |out| out.raw(&parts[0]));
        };
        let theirs = theirs.into_iter().map(<[u8]>::to_vec).collect();
        let mut reply = Vec::new();
        RespWriter::new(&mut reply, proto).array(commands.len());
        let mode = ReplyMode::On;
        let running = Running { seq, commands, own, theirs, tally, at: 0, reply, mode };
        self.go_on_with(client, running);
    }

    /// Runs what is left, as far as it is answered at once.
    fn go_on_with(&mut self, client: ClientId, mut running: Running) {
        while let Some(args) = running.commands.get(running.at) {
            if running.own[running.at] {
                let Some(mode) = self.begin_own(client, args, &running.tally) else { return };
                running.mode = mode;
                if self.clients.session(client).is_some_and(|session| session.expects_captured()) {
                    self.clients.set_aside(client, running);
                    return;
                }
                self.end_own(client, &mut running);
            } else {
                running.reply.extend_from_slice(&running.theirs.pop_front().unwrap_or_default());
                running.at += 1;
            }
        }
        let Running { seq, reply, .. } = running;
        let ready = &mut self.output.ready;
        self.clients.sessions_mut().complete(client, seq, ready, &mut |out| out.raw(&reply));
    }

    /// The reply to a command that a transaction waited for is there.
    fn take_captured(&mut self, client: ClientId) {
        if self.clients.session(client).is_none_or(|session| session.expects_captured()) {
            return;
        }
        if let Some(mut running) = self.clients.take_aside(client) {
            self.end_own(client, &mut running);
            self.go_on_with(client, running);
        }
    }

    /// Its client is gone.
    pub(crate) fn forget_running(&mut self, client: ClientId) {
        self.clients.take_aside(client);
    }

    fn end_own(&mut self, client: ClientId, running: &mut Running) {
        if let Some(session) = self.clients.session(client) {
            running.reply.extend_from_slice(&session.end_capture(running.mode));
        }
        running.at += 1;
    }

    /// Begins a command of the session, whose reply is kept; what CLIENT REPLY had asked for. `None`: the session is gone.
    fn begin_own(
        &mut self,
        client: ClientId,
        args: &[Vec<u8>],
        tally: &Tally,
    ) -> Option<ReplyMode> {
        let args: Args<'_> = args.iter().map(Vec::as_slice).collect();
        let mode = self.clients.session(client)?.begin_capture();
        if let Some(refusal) = self.refusal_of_own(client, &args) {
            self.reply(client, |out| out.error(&refusal));
            return Some(mode);
        }
        let command = synod_data::lookup(args[0])?;
        self.counted.call(command);
        if command.name == "info" {
            let page = super::info::page_of(self, sections(&args)).render(tally);
            self.reply(client, |out| out.verbatim(&page));
        } else if command.name == "memory" {
            let _answered_or_awaited = super::memory::run(self, client, &args);
        } else {
            let _answered_or_awaited = super::run(self, client, command, &args);
        }
        Some(mode)
    }

    /// Why a command of the session is not run after all.
    fn refusal_of_own(&mut self, client: ClientId, args: &Args<'_>) -> Option<String> {
        let command = synod_data::lookup(args[0])?;
        let runs = runner(self, command, args) == Ok(Runner::Session);
        let session_free = self.clients.session(client).is_some_and(|s| s.identity().is_free());
        if runs && session_free {
            return None;
        }
        let refusal = self.judge_queued(client, args).err();
        // One that was refused when EXEC came, and is not any more, was left out of the transaction all the same.
        refusal.or_else(|| (!runs).then(|| crate::desk::NOT_EXECUTED.to_owned()))
    }
}
