//! Transactions whose keys lie in several partitions: this worker conducts those of its clients, and asks what became of
//! those whose intents its leaders keep and hear nothing of.
//!
//! ```text
//!   EXEC, MSET, ... -> Coordinator -> steps -> the leaders -> answers -> Coordinator -> ... -> the reply
//!                          |   ^
//!                          v   |    the commands run here, on the values that were fetched
//!                        Scratch
//! ```
//!
//! A session waits for its transaction before it takes another request, so nothing of its connection overtakes it.

mod admitted;
mod answers;
mod apart;
mod bounds;
mod gathered;
mod inquiring;
mod settling;
mod sought;

use crate::colleagues::NODE;
use crate::desk::{DISK_FULL, UNKNOWN};
use crate::node::Node;
use crate::settings::{PARALLEL, Setting};
use crate::steps::TOO_LARGE;
use admitted::{admit, admit_all, detail_of, has_scripts, kind_of, sources_of};
pub(crate) use bounds::CROWDED;
use gathered::Gathered;
use inquiring::Inquiring;
use settling::Settling;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_data::authority::Rights;
use synod_data::events::Event;
use synod_data::op::{Args, Op};
use synod_data::scripting::sha1_hex;
use synod_data::{Command, Commands, Context, Scratch, Surroundings, UNDECLARED};
use synod_redis::{Flow, Kind, elements, encoded};
use synod_replica::{Access, Origin, State};
use synod_txn::{Action, Ask, Coordinator, Detail, Outcome, Part, Source, Step, TxnId};
use synod_types::{ClientId, Millis, PartitionId, ReplySink, limits};
use synod_wire::resp::{Proto, RespWriter};

const TOO_MANY: &str =
    "TRYAGAIN too many transactions over several partitions are under way; nothing was written";
const UNREADABLE: &str = "ERR a value of the transaction could not be read; nothing was written";

/// A transaction under way.
#[derive(Debug)]
struct Conducted {
    coordinator: Coordinator,
    /// Whom to answer: one, or each of several looks that are taken together.
    origins: Vec<Origin>,
    proto: Proto,
    commands: Vec<Vec<Vec<u8>>>,
    /// Whether it is one command, which answers for itself, and no EXEC.
    single: bool,
    watches: Vec<(Vec<u8>, u64)>,
    /// The name of the first attempt, if it has locks already.
    name: Option<TxnId>,
    /// Whether an attempt was made.
    begun: bool,
    /// Whether a script is among the commands, and what it may do; `None`: everything.
    scripts: bool,
    rights: Option<Arc<Rights>>,
    /// What the commands answered when they ran last.
    reply: Vec<u8>,
    /// What they would have subscribers told.
    events: Vec<Event>,
    /// How long the answers are that come in parts in this attempt, as was announced, in bytes.
    announced: usize,
}

impl Conducted {
    /// One command, without a script.
    fn new(
        coordinator: Coordinator,
        origins: Vec<Origin>,
        proto: Proto,
        commands: Vec<Vec<Vec<u8>>>,
    ) -> Self {
        Self {
            coordinator,
            origins,
            proto,
            commands,
            single: true,
            watches: Vec::new(),
            name: None,
            begun: false,
            scripts: false,
            rights: None,
            reply: Vec::new(),
            events: Vec::new(),
            announced: 0,
        }
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// It is for a transaction that is conducted here.
    Part { of: u64, part: usize },
    /// Home says what it decided about an intent in this partition.
    Resolve { at: PartitionId, txn: TxnId },
    /// A partition says whether it keeps its part of what home staged.
    Inquire { of: u64 },
    /// Home says how what it staged ended.
    Conclude { of: u64 },
    /// A partition has ended what home decided for.
    Settle { of: u64 },
    /// A tree says where one stands who waits for a lock.
    Lock { of: u64 },
    /// A partition tells one that waits for its keys to be filled.
    Filled { of: ClientId },
    /// Such a one has tried, and this is what the commands answered.
    Tried { of: ClientId },
}

/// All transactions that this worker conducts.
#[derive(Debug, Default)]
pub(crate) struct Conductor {
    conducted: BTreeMap<u64, Conducted>,
    settling: BTreeMap<u64, Settling>,
    inquiring: BTreeMap<u64, Inquiring>,
    asked: BTreeMap<u64, Asked>,
    /// The last ticket; 0 is the one whose answer nobody wants.
    tickets: u64,
    /// How long the values are that the transactions under way keep.
    bytes: usize,
    /// What connections asked for behind a look that is under way.
    gathered: BTreeMap<ClientId, Gathered>,
    /// Made for the first transaction.
    scratch: Option<Box<Scratch>>,
    /// Who waits for keys that lie apart.
    waiting: apart::Waiting,
}

impl Conductor {
    fn ticket(&mut self, asked: Asked) -> u64 {
        self.tickets += 1;
        self.asked.insert(self.tickets, asked);
        self.tickets
    }

    /// A number for a question on behalf of one who waits for a lock of the tree.
    pub(crate) fn lock_ticket(&mut self, of: u64) -> u64 {
        self.ticket(Asked::Lock { of })
    }

    /// A part answers with so many bytes. Whether they may come: all transactions together have announced no more than `most`.
    /// An answer that nobody wants may come.
    pub(crate) fn announce(&mut self, ticket: u64, bytes: usize, most: usize) -> bool {
        let Some(Asked::Part { of, .. }) = self.asked.get(&ticket) else { return true };
        let all = self.conducted.values().map(|conducted| conducted.announced).sum::<usize>();
        if all.saturating_add(bytes) > most {
            return false;
        }
        if let Some(conducted) = self.conducted.get_mut(of) {
            conducted.announced += bytes;
        }
        true
    }

    fn keep(&mut self, number: u64, conducted: Conducted) {
        self.bytes += conducted.coordinator.bytes();
        self.conducted.insert(number, conducted);
    }

    fn take(&mut self, number: u64) -> Option<Conducted> {
        let conducted = self.conducted.remove(&number)?;
        self.bytes -= conducted.coordinator.bytes();
        Some(conducted)
    }

    /// How many are under way.
    pub fn under_way(&self) -> usize {
        self.conducted.len()
    }

    /// How long the values are that the transactions under way keep.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Node {
    /// A single command whose keys lie apart.
    pub(crate) fn conduct_command(
        &mut self,
        client: ClientId,
        kind: Kind,
        command: &Command,
        args: &[&[u8]],
    ) -> Flow {
        if self.gather(client, args) {
            return Flow::Next;
        }
        if let Some(wait) = crate::waits::wait_of(command, args) {
            return self.wait_apart(client, kind, args, wait);
        }
        let commands = [Args::from_slice(args)];
        let parts = admit(command, args, true).and_then(|()| self.parts_of(&commands, &[]));
        match parts {
            Ok(parts) => self.conduct_for(client, kind, parts, &commands, true, &[]),
            Err(text) => self.refuse_request(client, text),
        }
    }

    /// EXEC of commands whose keys lie apart.
    pub(crate) fn conduct_exec(
        &mut self,
        client: ClientId,
        commands: &[Args<'_>],
        watches: &[(Vec<u8>, u64)],
    ) -> Flow {
        match admit_all(commands).and_then(|()| self.parts_of(commands, watches)) {
            Ok(parts) => {
                self.conduct_for(client, kind_of(commands), parts, commands, false, watches)
            }
            Err(text) => self.refuse_request(client, text),
        }
    }

    /// What EXEC leaves to the partitions, whose keys lie apart; the session runs the rest when the answer is there.
    pub(crate) fn conduct_inside(
        &mut self,
        origin: Origin,
        proto: Proto,
        commands: &[Args<'_>],
        watches: &[(Vec<u8>, u64)],
        rights: Option<Arc<Rights>>,
    ) {
        let kind = kind_of(commands);
        let parts = match kind == Kind::Write && self.room.disk_is_full() {
            true => Err(DISK_FULL),
            false => admit_all(commands).and_then(|()| self.parts_of(commands, watches)),
        };
        match parts {
            Ok(parts) => {
                let origins = vec![origin];
                self.conduct_to(origins, proto, kind, parts, commands, false, watches, rights);
            }
            Err(text) => self.refuse(NODE, origin, text),
        }
    }

    fn conduct_for(
        &mut self,
        client: ClientId,
        kind: Kind,
        parts: Vec<Part>,
        commands: &[Args<'_>],
        single: bool,
        watches: &[(Vec<u8>, u64)],
    ) -> Flow {
        if kind == Kind::Write && self.room.disk_is_full() {
            return self.refuse_request(client, DISK_FULL);
        }
        if self.conductor.conducted.len() >= limits::TXN_CONDUCTED_MAX {
            return self.refuse_request(client, TOO_MANY);
        }
        let rights = self.rights_of(client);
        let Some(session) = self.clients.session(client) else { return Flow::Closing };
        let proto = session.proto();
        let origin = Origin::Client { client, seq: session.reserve_barrier(kind) };
        self.conduct_to(vec![origin], proto, kind, parts, commands, single, watches, rights);
        Flow::Next
    }

    #[expect(clippy::too_many_arguments, reason = "all that a transaction consists of")]
    fn conduct_to(
        &mut self,
        origins: Vec<Origin>,
        proto: Proto,
        kind: Kind,
        parts: Vec<Part>,
        commands: &[Args<'_>],
        single: bool,
        watches: &[(Vec<u8>, u64)],
        rights: Option<Arc<Rights>>,
    ) {
        let (now_us, detail) = (self.local.now().mono_us, detail_of(commands));
        if let [Origin::Client { client, .. }, ..] = origins[..]
            && kind == Kind::Read
            && detail != Detail::Values
            && (single || origins.len() > 1)
        {
            self.conductor.gathered.insert(client, Gathered::behind(detail));
        }
        let coordinator = Coordinator::new(parts, kind == Kind::Read, now_us)
            .with_sources(sources_of(commands))
            .with_detail(detail)
            .with_parallel_commit(self.settings.get(Setting::TransactionCommit) == PARALLEL);
        let kept = commands.iter().map(|args| args.iter().map(|arg| arg.to_vec()).collect());
        let conducted = Conducted {
            single,
            watches: watches.to_vec(),
            scripts: has_scripts(commands),
            rights,
            ..Conducted::new(coordinator, origins, proto, kept.collect())
        };
        self.counted.counters_mut().transactions += 1;
        let number = self.ledger_number();
        self.go_on(number, conducted, vec![Action::Again]);
    }

    /// A number that no earlier process of this worker used.
    fn ledger_number(&mut self) -> u64 {
        self.under_way.ledger_mut().next_id().0
    }

    fn next_txn(&mut self) -> TxnId {
        TxnId {
            node: self.local.id(),
            worker: self.local.config().worker,
            number: self.ledger_number(),
        }
    }

    /// Does what a coordinator wants done, and keeps the transaction if it goes on.
    fn go_on(&mut self, number: u64, mut conducted: Conducted, actions: Vec<Action>) {
        let mut actions = std::collections::VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(part, ask) => self.ask_part(number, &conducted.coordinator, part, ask),
                Action::Run => actions.extend(self.run_commands(&mut conducted)),
                Action::Again => {
                    self.counted.counters_mut().transactions_retried += u64::from(conducted.begun);
                    conducted.begun = true;
                    conducted.announced = 0;
                    let txn = conducted.name.take().unwrap_or_else(|| self.next_txn());
                    actions.extend(conducted.coordinator.begin(txn));
                }
                Action::Answer(outcome) => self.answer_conducted(&mut conducted, &outcome),
                Action::End => return,
            }
        }
        self.conductor.keep(number, conducted);
    }

    fn ask_part(&mut self, number: u64, coordinator: &Coordinator, part: usize, ask: Ask) {
        let ticket = match ask.is_awaited() {
            true => self.conductor.ticket(Asked::Part { of: number, part }),
            false => 0,
        };
        let partition = coordinator.parts()[part].partition;
        self.send_step(partition, ticket, coordinator.step(part, ask));
    }

    fn send_step(&mut self, partition: PartitionId, ticket: u64, step: Step<'_>) {
        let access = if step.is_read() { Access::Read } else { Access::Write };
        let mut op = Vec::new();
        Op::Step(step).encode(&mut op);
        self.route(partition, Origin::Step { ticket }, op, access);
    }

    /// Runs the commands of a transaction on what was fetched.
    fn run_commands(&mut self, conducted: &mut Conducted) -> Vec<Action> {
        let proto = conducted.proto;
        conducted.reply.clear();
        let mut versions: BTreeMap<&[u8], u64> = BTreeMap::new();
        let mut found = Surroundings {
            rights: conducted.rights.clone().filter(|_| conducted.scripts),
            confined: conducted.scripts,
            ..Surroundings::default()
        };
        let mut now = Millis(u64::MAX);
        for (part, fetched) in conducted.coordinator.fetched() {
            // What is there by the time of its own partition is there at the earliest of these times.
            now = now.min(fetched.now);
            for (key, (version, image)) in part.keys.iter().zip(&fetched.items) {
                versions.insert(key, *version);
                found.values.push((key, image.as_deref()));
            }
            let tokens = fetched.tokens.iter().copied();
            found.locks.extend(part.locks.iter().map(Vec::as_slice).zip(tokens));
        }
        let mut known: Vec<&[u8]> = Vec::new();
        for (source, text) in conducted.coordinator.texts() {
            match (source, text) {
                (Source::Script(_), Some(body)) => found.scripts.push(body),
                (Source::Library(_), Some(text)) => found.libraries.push(text),
                (Source::Known(sha), Some(_)) => known.push(sha),
                (_, None) => {}
            }
        }
        let watched = |(key, version): &(Vec<u8>, u64)| versions.get(&key[..]) == Some(version);
        let mut out = RespWriter::new(&mut conducted.reply, proto);
        if !conducted.watches.iter().all(watched) {
            out.null_array();
            return conducted.coordinator.give_up(Outcome::Done);
        }
        let ctx = Context { now, seed: self.local.random() };
        let wanted = self.others.peers().wanted_events().and(self.wanted_events());
        let scratch = self.conductor.scratch.get_or_insert_with(|| Box::new(State::scratch()));
        scratch.want_events(wanted);
        let all: Vec<Args<'_>> =
            conducted.commands.iter().map(|c| c.iter().map(Vec::as_slice).collect()).collect();
        let commands = match (conducted.single, all.first()) {
            (true, Some(one)) => Commands::One(one),
            _ => Commands::Several(&all),
        };
        let changes = scratch.run(&found, &commands, &ctx, &mut out);
        conducted.events = scratch.take_events();
        let _freed_here = scratch.take_garbage();
        let refused = match &changes {
            None => Some(UNREADABLE),
            Some(changes) => changes.overstepped.then_some(UNDECLARED),
        };
        if let Some(text) = refused {
            return conducted.coordinator.give_up(Outcome::Refused(text.to_owned()));
        }
        let Some(changes) = changes else { return Vec::new() }; // it would have been refused
        if !changes.missing.is_empty() {
            drop(all);
            return self.widen(conducted, changes.missing);
        }
        self.begin_rest_apart(&conducted.origins, changes.begun);
        let bytes_max = self.settings.count(Setting::TransactionMaxBytes);
        let first = conducted.coordinator.parts()[0].partition;
        let unknown = |body: &Vec<u8>| !known.contains(&sha1_hex(body).as_bytes());
        let passed: Vec<Vec<u8>> = changes.scripts.into_iter().filter(unknown).collect();
        self.pass_scripts(first, &passed);
        let mut changed: BTreeMap<Vec<u8>, Option<Vec<u8>>> = changes.values.into_iter().collect();
        let (mut writes, mut all) = (Vec::new(), 0);
        for part in conducted.coordinator.parts() {
            let own: Vec<_> =
                part.keys.iter().filter_map(|key| changed.remove_entry(key)).collect();
            let bytes = own.iter().flat_map(|(_, image)| image).map(Vec::len).sum::<usize>();
            all += bytes;
            if bytes > limits::TXN_BYTES_MAX || all > bytes_max {
                let refused = Outcome::Refused(TOO_LARGE.to_owned());
                return conducted.coordinator.give_up(refused);
            }
            writes.push(own);
        }
        conducted.coordinator.ran(writes)
    }

    /// Has scripts that EVAL brought along remembered where EVALSHA over the same keys looks for them.
    fn pass_scripts(&mut self, partition: PartitionId, bodies: &[Vec<u8>]) {
        if self.room.disk_is_full() {
            return;
        }
        for body in bodies {
            let mut op = Vec::new();
            Op::PassScript(body).encode(&mut op);
            self.route(partition, Origin::Step { ticket: 0 }, op, Access::Write);
        }
    }

    fn answer_conducted(&mut self, conducted: &mut Conducted, outcome: &Outcome) {
        let mut reply = std::mem::take(&mut conducted.reply);
        let mut refuse = |text: &str| {
            reply = encoded(conducted.proto, |out| out.error(text));
        };
        match outcome {
            Outcome::Done => {
                let events = std::mem::take(&mut conducted.events);
                self.publish_events(&events);
            }
            Outcome::Refused(text) => {
                self.counted.counters_mut().refused += 1;
                self.counted.counters_mut().transactions_refused += 1;
                refuse(text);
            }
            Outcome::Unknown => {
                self.counted.counters_mut().transactions_unknown += 1;
                refuse(UNKNOWN);
            }
        }
        let origins = &conducted.origins;
        match origins.as_slice() {
            [one] => self.desk(NODE).relay(*one, &reply),
            // An array with the reply to each, or an error, which is the answer to all.
            several => {
                let replies = elements(&reply, several.len());
                for (at, origin) in several.iter().enumerate() {
                    let own = replies.as_ref().map_or(&reply[..], |replies| replies[at]);
                    self.desk(NODE).relay(*origin, own);
                }
            }
        }
        if let Some(Origin::Client { client, .. }) = origins.last() {
            self.look_at_gathered(*client);
        }
    }
}
