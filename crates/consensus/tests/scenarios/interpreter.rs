//! The commands of a story.
//!
//! ```text
//! group 1 2 3 [engine=NAME] [lease] [cache=N] [append=N] [inflight=N]   members that vote, and how all are set up
//! blank 4                      a node that knows nothing
//! campaign|wake|tick|crash|start|status N.. [xTIMES]      each node in turn; tick x10 ticks ten times
//! tear N                       crashes in the middle of a write: the hard state got to the disk, the entries did not
//! give_up N                    its replica is dropped, and begins anew with what must be remembered of it
//! lose N count                 the disk of a node that is down has lost its last entries
//! propose N text.. | read N id | transfer N to
//! change N [voters=..] [learners=..] [engine=NAME]         voters and learners stay as they are where only an engine is named
//! persist N | apply N          the disk, the state machine of one node catch up
//! snapshot N | install N | fail N    a snapshot is taken; a fetch ends well, or not
//! deliver [A->B..]             what is in the mail now arrives; only these links, if any are named
//! drop [A->B..]                what is in the mail is lost
//! cut A->B.. | heal            whatever is sent there from now on is lost
//! mail                         shows what is on its way
//! run N [NODE..]               N times: everyone ticks once, then settle; the clocks and disks of these alone, if any are named
//! settle                       disks, state machines and mail until nothing is left to do; shows no mail
//! ```

use crate::show;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use synod_consensus::{Config, Effect, Engine, Message, Protocol, Recovered, Refused, Token};
use synod_types::{Entry, EntryKind, HardState, Membership, NodeId, PartitionId, SnapshotMeta};

type Link = (NodeId, NodeId);
type Write = (Token, Option<HardState>, Vec<Entry>);

/// One node.
struct Node {
    config: Config,
    protocol: Protocol,
    engine: Option<Box<dyn Engine + Send>>,
    durable: Recovered,
    writes: VecDeque<Write>,
    to_apply: Vec<Entry>,
    applied: SnapshotMeta,
    fetch: Option<SnapshotMeta>,
}

/// Where a story plays.
#[derive(Default)]
pub struct Stage {
    nodes: BTreeMap<NodeId, Node>,
    mail: Vec<(Link, Message)>,
    cut: BTreeSet<Link>,
    config: Option<Config>,
    protocol: Protocol,
    /// What came of the commands since the last outcome.
    pub outcome: Vec<String>,
    quiet: bool,
    /// The only nodes whose clocks and disks go on; all if there is none.
    alive: Vec<NodeId>,
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("{word} is not a number"))
}

fn id(word: &str) -> NodeId {
    NodeId(number(word))
}

fn ids(list: &str) -> Vec<NodeId> {
    list.split(',').map(id).collect()
}

fn link(word: &str) -> Link {
    let (from, to) = word.split_once("->").unwrap_or_else(|| panic!("{word} is not a link"));
    (id(from), id(to))
}

fn default_config() -> Config {
    Config {
        id: NodeId(0),
        group: PartitionId(1),
        election_ticks: 10,
        heartbeat_ticks: 2,
        lease_reads: false,
        append_bytes_max: 1 << 20,
        inflight_bytes_max: 1 << 20,
        cache_bytes_max: 1 << 20,
        seed: 0,
    }
}

impl Stage {
    pub fn run(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let command = words.next().expect("a line is not empty");
        let words: Vec<&str> = words.collect();
        match command {
            "group" => self.group(&words),
            "blank" => self.add(id(words[0]), Membership::default()),
            "deliver" | "drop" => self.mail(command == "deliver", &words),
            "cut" => self.cut.extend(words.iter().map(|word| link(word))),
            "heal" => self.cut.clear(),
            "mail" => {
                for ((from, to), message) in &self.mail {
                    self.outcome.push(format!("{from}->{to} {}", show::message(message)));
                }
            }
            "settle" => self.settle(),
            "run" => {
                self.alive = words[1..].iter().map(|word| id(word)).collect();
                (0..number(words[0])).for_each(|_| self.run_once());
                self.alive.clear();
            }
            "campaign" | "wake" | "tick" | "crash" | "tear" | "start" | "give_up" | "status" => {
                let times = words.iter().find_map(|word| word.strip_prefix('x')).map_or(1, number);
                for word in words.iter().filter(|word| !word.starts_with('x')) {
                    (0..times).for_each(|_| self.simple(command, id(word)));
                }
            }
            _ => self.request(command, id(words[0]), &words[1..]),
        }
    }

    fn group(&mut self, words: &[&str]) {
        let mut config = default_config();
        let mut voters = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some(("engine", name)) => self.protocol = name.parse().expect("an engine"),
                Some(("cache", n)) => config.cache_bytes_max = number(n) as usize,
                Some(("append", n)) => config.append_bytes_max = number(n) as usize,
                Some(("inflight", n)) => config.inflight_bytes_max = number(n) as usize,
                Some(_) => panic!("no such setting: {word}"),
                None if *word == "lease" => config.lease_reads = true,
                None => voters.push(id(word)),
            }
        }
        self.config = Some(config);
        let membership = Membership::of_voters(voters.clone());
        voters.into_iter().for_each(|node| self.add(node, membership.clone()));
    }

    fn add(&mut self, node: NodeId, membership: Membership) {
        let config = self.config.clone().unwrap_or_else(default_config);
        let snapshot = SnapshotMeta { membership, ..SnapshotMeta::default() };
        let node_state = Node {
            config: Config { id: node, seed: node.0, ..config },
            protocol: self.protocol,
            engine: None,
            applied: snapshot.clone(),
            durable: Recovered { snapshot, ..Recovered::default() },
            writes: VecDeque::new(),
            to_apply: Vec::new(),
            fetch: None,
        };
        self.nodes.insert(node, node_state);
        self.simple("start", node);
    }

    fn node(&mut self, node: NodeId) -> &mut Node {
        self.nodes.get_mut(&node).unwrap_or_else(|| panic!("there is no node {node}"))
    }

    fn engine(&mut self, node: NodeId) -> &mut dyn Engine {
        self.node(node).engine.as_deref_mut().unwrap_or_else(|| panic!("node {node} does not run"))
    }

    fn simple(&mut self, command: &str, node: NodeId) {
        match command {
            "campaign" => self.engine(node).campaign(),
            "wake" => self.engine(node).wake(),
            "tick" => self.engine(node).tick(),
            "crash" | "tear" => {
                let node = self.node(node);
                if let (Some((_, Some(hard), _)), "tear") = (node.writes.front(), command) {
                    node.durable.hard_state = *hard;
                }
                node.engine = None;
                node.writes.clear();
                node.to_apply.clear();
                node.fetch = None;
                return;
            }
            "give_up" => {
                let hard_state = self.engine(node).given_up();
                self.simple("crash", node);
                self.node(node).durable = Recovered { hard_state, ..Recovered::default() };
                return self.simple("start", node);
            }
            "start" => {
                let node = self.node(node);
                node.applied = node.durable.snapshot.clone();
                let (config, durable) = (node.config.clone(), node.durable.clone());
                node.engine = Some(synod_consensus::start(node.protocol, config, durable));
            }
            _ => {
                let status = self.engine(node).status();
                return self.outcome.push(show::status(node, &status));
            }
        }
        self.drain(node);
    }

    fn request(&mut self, command: &str, node: NodeId, words: &[&str]) {
        let answer = match command {
            "lose" => return self.lose(node, number(words[0]) as usize),
            "propose" => words.iter().try_for_each(|text| {
                let payload = Bytes::copy_from_slice(text.as_bytes());
                self.engine(node).propose(payload).map(|_| ())
            }),
            "read" => self.engine(node).read(number(words[0])),
            "transfer" => self.engine(node).transfer_leadership(id(words[0])),
            "change" => self.change(node, words),
            _ => {
                self.catch_up(command, node);
                Ok(())
            }
        };
        if let Err(refused) = answer {
            let leader = match refused {
                Refused::NotLeader(Some(leader)) => format!(", {leader} is"),
                _ => String::new(),
            };
            self.outcome.push(format!("{node} refuses: {refused}{leader}"));
        }
        self.drain(node);
    }

    fn lose(&mut self, node: NodeId, count: usize) {
        let entries = &mut self.node(node).durable.entries;
        entries.truncate(entries.len().saturating_sub(count));
    }

    fn catch_up(&mut self, command: &str, node: NodeId) {
        match command {
            "persist" => self.persist(node),
            "apply" => self.apply(node),
            "snapshot" => self.snapshot(node),
            "install" => self.install(node),
            "fail" => {
                self.node(node).fetch = None;
                self.engine(node).snapshot_failed();
            }
            _ => panic!("no such command: {command}"),
        }
    }

    fn change(&mut self, node: NodeId, words: &[&str]) -> Result<(), Refused> {
        let mut target = Membership::default();
        if let [only] = words
            && only.starts_with("engine=")
        {
            target = self.engine(node).status().membership;
        }
        for word in words {
            match word.split_once('=') {
                Some(("engine", name)) => target.engine = Some(name.parse().expect("an engine")),
                Some(("voters", list)) => target.voters = ids(list),
                Some(("learners", list)) => target.learners = ids(list),
                _ => panic!("no such list: {word}"),
            }
        }
        self.engine(node).change_membership(target).map(|_| ())
    }

    fn persist(&mut self, node: NodeId) {
        let state = self.node(node);
        let mut done = None;
        for (token, hard, entries) in state.writes.drain(..) {
            let durable = &mut state.durable;
            durable.hard_state = hard.unwrap_or(durable.hard_state);
            for entry in entries {
                durable.entries.retain(|old| old.index < entry.index);
                durable.entries.push(entry);
            }
            done = Some(token);
        }
        if let Some(token) = done {
            self.engine(node).persisted(token);
        }
    }

    fn apply(&mut self, node: NodeId) {
        let state = self.node(node);
        for entry in state.to_apply.drain(..) {
            (state.applied.index, state.applied.term) = (entry.index, entry.term);
            if entry.kind == EntryKind::Membership {
                state.applied.membership =
                    Membership::decode(&entry.payload).expect("a committed one is legal");
            }
        }
        let index = state.applied.index;
        self.engine(node).applied(index);
    }

    fn keep(&mut self, node: NodeId, meta: &SnapshotMeta) {
        let durable = &mut self.node(node).durable;
        durable.entries.retain(|entry| entry.index > meta.index);
        durable.snapshot = meta.clone();
    }

    fn snapshot(&mut self, node: NodeId) {
        let meta = self.node(node).applied.clone();
        self.keep(node, &meta);
        self.engine(node).snapshot_taken(meta);
    }

    fn install(&mut self, node: NodeId) {
        let meta = self.node(node).fetch.take().expect("a fetch is under way");
        self.keep(node, &meta);
        self.node(node).applied = meta.clone();
        self.node(node).to_apply.clear();
        self.engine(node).snapshot_installed(meta);
    }

    fn mail(&mut self, deliver: bool, words: &[&str]) {
        let links: Vec<Link> = words.iter().map(|word| link(word)).collect();
        let named = |at: &Link| links.is_empty() || links.contains(at);
        let (taken, kept) =
            std::mem::take(&mut self.mail).into_iter().partition(|(at, _)| named(at));
        self.mail = kept;
        let taken: Vec<(Link, Message)> = taken;
        for ((from, to), message) in taken {
            if deliver && self.nodes.get(&to).is_some_and(|node| node.engine.is_some()) {
                self.engine(to).step(from, message);
                self.drain(to);
            }
        }
    }

    fn settle(&mut self) {
        const ROUNDS_MAX: usize = 1000;
        self.quiet = true;
        for _ in 0..ROUNDS_MAX {
            let busy = |node: &Node| !node.writes.is_empty() || !node.to_apply.is_empty();
            let mut nodes: Vec<NodeId> =
                self.nodes.iter().filter(|(_, node)| busy(node)).map(|(id, _)| *id).collect();
            nodes.retain(|node| self.goes_on(*node));
            if nodes.is_empty() && self.mail.is_empty() {
                break;
            }
            for node in nodes {
                self.persist(node);
                self.apply(node);
                self.drain(node);
            }
            self.mail(true, &[]);
        }
        self.quiet = false;
    }

    fn goes_on(&self, node: NodeId) -> bool {
        self.alive.is_empty() || self.alive.contains(&node)
    }

    fn run_once(&mut self) {
        let running: Vec<NodeId> = self
            .nodes
            .iter()
            .filter(|(id, node)| node.engine.is_some() && self.goes_on(**id))
            .map(|(id, _)| *id)
            .collect();
        self.quiet = true;
        running.into_iter().for_each(|node| self.simple("tick", node));
        self.settle();
    }

    fn drain(&mut self, node: NodeId) {
        for effect in std::mem::take(self.engine(node).effects()) {
            if !self.quiet || !matches!(effect, Effect::Send { .. } | Effect::Persist { .. }) {
                self.outcome.push(show::effect(node, &effect));
            }
            match effect {
                Effect::Persist { token, hard_state, entries } => {
                    self.node(node).writes.push_back((token, hard_state, entries));
                }
                Effect::Send { to, message } if !self.cut.contains(&(node, to)) => {
                    self.mail.push(((node, to), message));
                }
                Effect::Commit(entries) => self.node(node).to_apply.extend(entries),
                Effect::FetchSnapshot { meta, .. } => self.node(node).fetch = Some(meta),
                _ => {}
            }
        }
    }
}
