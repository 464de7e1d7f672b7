//! What requests cost, key by key: of one in so many of those that are executed here, which is where their partition is led,
//! so that each counts once in a cluster.
//!
//! ```text
//!   begin --> executed --> end: time, bytes of the reply --> note: its keys, each with its share
//! ```
//!
//! The largest keys are found by a slow walk over the partitions that are led here.

mod counted;

pub(crate) use counted::CountedReply;

use crate::node::Node;
use crate::settings::Setting;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use synod_consensus::Role;
use synod_data::Command;
use synod_data::op::{Args, Op};
use synod_hotkeys::{
    Cost, Heat, Largest, Measure, ProcessTimes, Report, Sampler, Tracking, Wanted, sample_of,
};
use synod_machine::{MachineId, Operation};
use synod_replica::Replica;
use synod_tree::{Call, taken_apart};
use synod_txn::Step;
use synod_types::{Now, PartitionId, Slot, key_slot, tree_lock};

/// Of a request with more keys, so many stand for all.
const KEYS_MAX: usize = 16;
/// Of a request with more znodes, the first so many are counted.
const PATHS_MAX: usize = 64;
/// How many keys a walk looks at per tick, all partitions led here together: some 10,000 a second.
const WALK_KEYS: usize = 500;
/// After a walk over a partition the next one begins so much later.
const WALK_REST_US: u64 = 5_000_000;
/// How often it is looked after partitions that are asked for nothing any more.
const FORGET_TICKS: u64 = 200;

/// A picked request is being executed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    at_ns: u64,
    picked: Picked,
}

/// What a request is picked for.
#[derive(Clone, Copy, Debug)]
struct Picked {
    heat: bool,
    tracking: bool,
}

/// A picked request has been executed; its keys are not known yet.
#[derive(Clone, Copy, Debug)]
struct Executed {
    picked: Picked,
    took_ns: u64,
    reply_bytes: usize,
}

/// The sketches of one worker.
#[derive(Debug)]
pub(crate) struct Heats {
    sampler: Sampler,
    /// Nanoseconds since some moment. The one clock of a node: only what a picked request took is read off it, and that goes
    /// nowhere but into the sketches.
    stopwatch: fn() -> u64,
    executed: Option<Executed>,
    now: Now,
    /// What HOTKEYS START began.
    tracking: Option<Tracking>,
    heats: BTreeMap<PartitionId, Heat>,
    largest: BTreeMap<PartitionId, Largest>,
    /// What the process has spent so far; of one worker of a node, of the others nothing.
    process: ProcessTimes,
    /// The partition whose walk goes on with the next tick.
    walking: PartitionId,
}

impl Heats {
    pub fn new(seed: u64) -> Self {
        Self {
            sampler: sample_of(0, seed),
            stopwatch: || 0,
            executed: None,
            now: Now::default(),
            tracking: None,
            heats: BTreeMap::new(),
            largest: BTreeMap::new(),
            process: [0; 2],
            walking: PartitionId(0),
        }
    }

    pub fn begin_turn(&mut self, now: Now) {
        self.now = now;
        if let Some(tracking) = &mut self.tracking
            && !tracking.is_active(now.wall.0)
        {
            tracking.stop(now.wall.0, self.process);
        }
    }

    /// A request is about to be executed; set if it is picked, and then [`Self::end`] is called.
    #[inline]
    pub fn begin(&mut self) -> Option<Begun> {
        let heat = self.sampler.pick();
        let tracking = self.tracking.is_some() && self.is_tracked();
        (heat || tracking).then(|| {
            self.executed = None;
            Begun { at_ns: (self.stopwatch)(), picked: Picked { heat, tracking } }
        })
    }

    #[cold]
    fn is_tracked(&mut self) -> bool {
        let now_ms = self.now.wall.0;
        self.tracking.as_mut().is_some_and(|tracking| tracking.is_active(now_ms) && tracking.pick())
    }

    /// It has been executed, with a reply of so many bytes.
    pub fn end(&mut self, begun: Begun, reply_bytes: usize) {
        let took_ns = (self.stopwatch)().saturating_sub(begun.at_ns);
        self.executed = Some(Executed { picked: begun.picked, took_ns, reply_bytes });
    }

    /// A request was executed elsewhere, which took so long.
    pub fn ran_aside(&mut self, took_ns: u64, reply_bytes: usize) {
        if let Some(Begun { picked, .. }) = self.begin() {
            self.executed = Some(Executed { picked, took_ns, reply_bytes });
        }
    }

    /// Whether the request that was executed last was picked.
    #[inline]
    pub fn is_picked(&self) -> bool {
        self.executed.is_some()
    }

    /// The request that was picked is this command.
    pub fn note_command(&mut self, group: PartitionId, command: &Command, args: &[&[u8]]) {
        let Some(executed) = self.executed.take() else { return };
        let args = Args::from_slice(args);
        let keys: SmallVec<[&[u8]; 8]> = command.key_positions(&args).map(|at| args[at]).collect();
        let bytes = args.iter().map(|arg| arg.len()).sum();
        self.add(group, executed, bytes, &keys);
    }

    /// The request that was picked is this operation.
    pub fn note(&mut self, group: PartitionId, op: Operation<'_>) {
        let Some(executed) = self.executed.take() else { return };
        if let Some((namespace, asked)) = taken_apart(&op) {
            // A znode is named as the lock at its path is.
            let Some(call) = Call::decode(asked.body) else { return };
            let paths = call.request.paths();
            let names: Vec<Vec<u8>> =
                paths.iter().take(PATHS_MAX).map(|path| tree_lock(namespace, path)).collect();
            let keys: SmallVec<[&[u8]; 8]> = names.iter().map(Vec::as_slice).collect();
            return self.add(group, executed, op.body.len(), &keys);
        }
        if op.machine != MachineId::KEYSPACE {
            return;
        }
        let Some(decoded) = Op::decode(op.body) else { return };
        let keys = keys_of(decoded.plain());
        self.add(group, executed, op.body.len(), &keys);
    }

    fn add(&mut self, group: PartitionId, executed: Executed, bytes: usize, keys: &[&[u8]]) {
        if keys.is_empty() {
            return;
        }
        // Some of many keys stand for those between them.
        let step = keys.len().div_ceil(KEYS_MAX);
        let offset = executed.took_ns as usize % step;
        let share = step as f64 / keys.len() as f64;
        let each = Cost {
            ops: step as f64,
            bytes: (bytes + executed.reply_bytes) as f64 * share,
            cpu_us: executed.took_ns as f64 / 1e3 * share,
        };
        let some = keys.iter().copied().skip(offset).step_by(step);
        if executed.picked.tracking
            && let Some(tracking) = &mut self.tracking
        {
            tracking.add(some.clone(), each, |key| key_slot(key).0);
        }
        if executed.picked.heat {
            let now_us = self.now.mono_us;
            let every = f64::from(self.sampler.every());
            let heat = self.heats.entry(group).or_insert_with(|| Heat::new(now_us));
            let cost = Cost {
                ops: each.ops * every,
                bytes: each.bytes * every,
                cpu_us: each.cpu_us * every,
            };
            some.for_each(|key| heat.add(key, cost, now_us));
        }
    }

    /// Begins to watch for HOTKEYS, unless what goes on was asked for later.
    pub fn start_tracking(&mut self, wanted: Wanted, seed: u64) {
        if self.tracking.as_ref().is_none_or(|t| t.wanted().started_ms <= wanted.started_ms) {
            self.tracking = Some(Tracking::new(wanted, seed, self.process));
        }
    }

    /// One in how many requests is counted all the time; 0: none.
    pub fn sample_ratio(&self) -> u32 {
        self.sampler.every()
    }

    /// Whether HOTKEYS watches.
    pub fn is_tracking(&self) -> bool {
        self.tracking.as_ref().is_some_and(|tracking| tracking.is_active(self.now.wall.0))
    }

    /// Ends that.
    pub fn stop_tracking(&mut self) {
        if let Some(tracking) = &mut self.tracking {
            tracking.stop(self.now.wall.0, self.process);
        }
    }

    /// Forgets what was watched.
    pub fn reset_tracking(&mut self) {
        self.tracking = None;
    }

    /// What HOTKEYS GET tells of this worker, encoded; nothing if nothing was watched.
    pub fn tracked(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.tracking.as_ref()?.tracked(self.now.wall.0, self.process).encode(&mut bytes);
        Some(bytes)
    }

    /// How often a partition is asked for something, a second; 0 if nothing is known.
    pub fn ops_per_second(&self, group: PartitionId) -> f64 {
        let heat = self.heats.get(&group);
        heat.map_or(0.0, |heat| heat.total_per_second(Measure::Ops, self.now.mono_us))
    }

    /// The slots of its hottest keys, and how often each is asked for.
    pub fn hottest(&self, group: PartitionId) -> Vec<(Slot, f64)> {
        let hot = self.heats.get(&group).map(|heat| heat.hottest(self.now.mono_us));
        let whole = hot.into_iter().flatten().filter(|(key, _)| key.is_whole());
        whole.map(|(key, ops)| (key_slot(key.head()), ops)).collect()
    }

    /// What is known of the partitions here.
    pub fn report(&self) -> Report {
        Report::of(
            self.heats.iter().map(|(group, heat)| (group.0, heat)),
            self.largest.iter().map(|(group, largest)| (group.0, largest)),
            self.now.mono_us,
        )
    }
}

/// The keys that an operation is about.
fn keys_of<'a>(op: &Op<'a>) -> SmallVec<[&'a [u8]; 8]> {
    let of_command = |args: &Args<'a>| -> SmallVec<[&'a [u8]; 8]> {
        let command = args.first().and_then(|name| synod_data::lookup(name));
        command.into_iter().flat_map(|c| c.key_positions(args)).map(|at| args[at]).collect()
    };
    match op {
        Op::Command(args) | Op::Wait { args, .. } => of_command(args),
        Op::Transaction { commands, .. } => commands.iter().flat_map(of_command).collect(),
        Op::Versions(keys) => keys.clone(),
        Op::DebugObject(key) => SmallVec::from_slice(&[*key]),
        Op::Step(Step::Fetch { keys, .. }) => SmallVec::from_slice(keys),
        _ => SmallVec::new(),
    }
}

impl Node {
    /// A clock for what single requests take, in nanoseconds. Without one they take no time.
    pub fn set_stopwatch(&mut self, stopwatch: fn() -> u64) {
        self.counted.heats_mut().stopwatch = stopwatch;
    }

    /// The setting has changed, or is set for the first time.
    pub(crate) fn configure_heats(&mut self) {
        let every = u32::try_from(self.settings.get(Setting::HotkeysSampleRatio)).unwrap_or(0);
        if every != self.counted.heats().sampler.every() {
            self.counted.heats_mut().sampler.set(every);
        }
    }

    /// What the world told of the process.
    pub(crate) fn note_process_times(&mut self) {
        if self.local.config().worker == 0 {
            let ms = |seconds: f64| (seconds * 1e3) as u64;
            self.counted.heats_mut().process =
                [ms(self.local.facts().cpu_user_s), ms(self.local.facts().cpu_sys_s)];
        }
    }

    /// Goes on with the walks, and forgets what is of no use any more.
    pub(crate) fn tend_heats(&mut self) {
        let Self { groups, counted, local, .. } = self;
        let now = local.now();
        let heats = counted.heats_mut();
        let now_us = now.mono_us;
        let is_led = |r: &&Replica| r.role().0 == Role::Leader && r.state().keyspace().is_some();
        let led: Vec<PartitionId> = groups.replicas().filter(is_led).map(Replica::group).collect();
        if local.is_due(FORGET_TICKS) {
            heats.heats.retain(|_, heat| !heat.is_cold(now_us));
            heats.largest.retain(|group, _| led.contains(group));
        }
        let mut left = if heats.sampler.every() == 0 { 0 } else { WALK_KEYS };
        let first = led.partition_point(|group| *group < heats.walking);
        for group in led[first..].iter().chain(&led[..first]) {
            if left == 0 {
                break;
            }
            heats.walking = PartitionId(group.0 + 1);
            let replica = groups.replica(*group);
            let Some(keyspace) = replica.and_then(|r| r.state().keyspace()) else { continue };
            let largest = heats.largest.entry(*group).or_default();
            let Some(cursor) = largest.cursor(now_us) else { continue };
            let mut met = 0;
            let next = keyspace.walk_sizes(cursor, left, now.wall, &mut |key, bytes| {
                met += 1;
                largest.meet(key, bytes as u64);
            });
            largest.walked(next, now_us, WALK_REST_US);
            left = left.saturating_sub(met.max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: PartitionId = PartitionId(1);

    fn heats() -> Heats {
        let mut heats = Heats::new(1);
        heats.sampler.set(1);
        heats.begin_turn(Now { mono_us: 1_000_000, ..Now::default() });
        heats
    }

    fn execute(heats: &mut Heats, words: &[&[u8]], reply_bytes: usize) {
        let begun = heats.begin().expect("every one is picked");
        heats.end(begun, reply_bytes);
        let mut body = Vec::new();
        synod_data::op::put_command(&mut body, words);
        let op = Operation::take(&mut &body[..]).expect("an operation");
        heats.note(GROUP, op);
    }

    #[test]
    fn a_request_is_shared_among_its_keys() {
        let mut heats = heats();
        execute(&mut heats, &[b"GET", b"a"], 90);
        execute(&mut heats, &[b"DEL", b"a", b"b"], 4);
        let report = heats.report();
        let told: Vec<_> = report.by(Measure::Ops, 9).iter().map(|hot| hot.key.text(9)).collect();
        assert_eq!(told, ["a", "b"]);
        let ops = report.by(Measure::Ops, 9).iter().map(|hot| hot.rates[0]).collect::<Vec<_>>();
        assert!((ops[0] - 2.0 * ops[1]).abs() < 1e-9, "{ops:?}");
    }

    #[test]
    fn a_request_with_many_keys_touches_few_counters_and_counts_for_all() {
        let mut heats = heats();
        let names: Vec<Vec<u8>> = (0..1000).map(|n| format!("k{n}").into_bytes()).collect();
        let mut words: Vec<&[u8]> = vec![b"DEL"];
        words.extend(names.iter().map(Vec::as_slice));
        execute(&mut heats, &words, 4);
        let report = heats.report();
        assert!(report.hot.len() <= KEYS_MAX, "{}", report.hot.len());
        let ops: f64 = report.hot.iter().map(|hot| hot.rates[0]).sum();
        let one = {
            let mut heats = self::heats();
            execute(&mut heats, &[b"GET", b"a"], 0);
            heats.report().hot[0].rates[0]
        };
        assert!((ops / one - 1000.0).abs() < 20.0, "{}", ops / one);
    }

    #[test]
    fn a_znode_is_counted_under_the_name_of_its_lock() {
        let mut heats = heats();
        let begun = heats.begin().expect("every one is picked");
        heats.end(begun, 10);
        let request = synod_tree::Request::GetData("/app/config");
        let call = Call { session: 1, owner: 1, ids: Vec::new(), request };
        let mut body = Vec::new();
        call.encode(&mut body);
        heats.note(GROUP, Operation { machine: MachineId::TREE, body: &body });
        let report = heats.report();
        assert_eq!(report.hot[0].key.text(40), "{zookeeper}/app/config");
    }

    #[test]
    fn nothing_is_kept_of_what_is_not_picked() {
        let mut heats = heats();
        heats.sampler.set(0);
        assert!((0..100).all(|_| heats.begin().is_none()));
        assert!(!heats.is_picked() && heats.report() == Report::default());
    }
}
