//! The trees of namespaces that have names: each for itself, in one machine.

#![allow(clippy::unwrap_used)]

use synod_machine::{Context, Machine, MachineId, Operation, Restore};
use synod_tree::{
    Acl, Call, Change, Mode, NAMED_TREES_MAX, NamedRestorer, NamedTrees, Request, taken_apart,
};
use synod_types::{DEFAULT_NAMESPACE, Millis, ReplySink};

/// What was answered: a bulk, or an error's text.
#[derive(Default)]
struct Taken {
    answered: bool,
    error: String,
}

impl ReplySink for Taken {
    fn bulk(&mut self, _: &[u8]) {
        self.answered = true;
    }
    fn simple(&mut self, _: &str) {}
    fn error(&mut self, text: &str) {
        self.error = text.to_owned();
    }
    fn integer(&mut self, _: i64) {}
    fn null(&mut self) {}
    fn null_array(&mut self) {}
    fn array(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}
    fn set(&mut self, _: usize) {}
    fn double(&mut self, _: f64) {}
    fn boolean(&mut self, _: bool) {}
    fn verbatim(&mut self, _: &str) {}
    fn is_resp3(&self) -> bool {
        false
    }
}

fn run(trees: &mut NamedTrees, namespace: &str, call: &Call<'_>) -> Taken {
    let (mut bytes, mut taken) = (Vec::new(), Taken::default());
    call.put(namespace, &mut bytes);
    let op = Operation::take(&mut &bytes[..]).unwrap();
    assert_eq!(op.machine, MachineId::NAMED_TREES);
    trees.apply(op.body, &Context { now: Millis(9_000), seed: 3 }, &mut taken);
    taken
}

fn open(trees: &mut NamedTrees, namespace: &str) -> i64 {
    let request = Request::Open { timeout_ms: 4_000 };
    let call = Call { session: 0, owner: 1, ids: Vec::new(), request };
    assert!(run(trees, namespace, &call).answered);
    trees.get(namespace).unwrap().sessions().last().unwrap().0
}

fn create(trees: &mut NamedTrees, namespace: &str, session: i64, path: &str) {
    let (mode, with_stat) = (Mode::default(), false);
    let change =
        Change::Create { path, data: Some(b"d".as_slice()), acl: Acl::open(), mode, with_stat };
    let request = Request::Change(change);
    let call = Call { session, owner: 1, ids: Vec::new(), request };
    assert!(run(trees, namespace, &call).answered);
}

#[test]
fn what_is_done_in_one_is_not_seen_in_another_and_counts_there_as_nothing() {
    let mut trees = NamedTrees::default();
    let (a, b) = (open(&mut trees, "a"), open(&mut trees, "b"));
    for n in 0..5 {
        create(&mut trees, "a", a, &format!("/n{n}"));
    }
    create(&mut trees, "b", b, "/n0");
    let zxids: Vec<i64> = trees.iter().map(|(_, tree)| tree.zxid()).collect();
    assert_eq!(zxids, [6, 2]);
    assert!(trees.get("c").is_none(), "nothing was asked of it");
}

#[test]
fn an_operation_says_whose_tree_it_is_for() {
    let call = Call { session: 7, owner: 1, ids: Vec::new(), request: Request::Close };
    let mut body = Vec::new();
    call.encode(&mut body);
    for namespace in [DEFAULT_NAMESPACE, "jobs"] {
        let mut bytes = Vec::new();
        call.put(namespace, &mut bytes);
        let op = Operation::take(&mut &bytes[..]).unwrap();
        let (told, of_tree) = taken_apart(&op).unwrap();
        assert_eq!((told, of_tree.body), (namespace, &body[..]));
        assert_eq!(of_tree.machine, MachineId::TREE);
    }
    for body in [&b""[..], b"\x02a", b"\x03a/b", b"\x00rest", b"\x02\xff\xff"] {
        let op = Operation { machine: MachineId::NAMED_TREES, body };
        assert_eq!(taken_apart(&op), None, "{body:?}");
        let mut taken = Taken::default();
        NamedTrees::default().apply(body, &Context::default(), &mut taken);
        assert!(taken.error.starts_with("ERR malformed"), "{}", taken.error);
    }
    let keyspace = Operation { machine: MachineId::KEYSPACE, body: b"\x01a" };
    assert_eq!(taken_apart(&keyspace), None);
}

#[test]
fn a_partition_has_so_many_trees_and_no_more() {
    let mut trees = NamedTrees::default();
    for n in 0..NAMED_TREES_MAX {
        open(&mut trees, &format!("n{n}"));
    }
    let request = Request::Open { timeout_ms: 4_000 };
    let call = Call { session: 0, owner: 1, ids: Vec::new(), request };
    assert!(run(&mut trees, "one-more", &call).error.contains("too many namespaces"));
    assert!(run(&mut trees, "n0", &call).answered);
    assert_eq!(trees.iter().count(), NAMED_TREES_MAX);
}

#[test]
fn a_snapshot_holds_every_tree_as_it_was_when_it_began() {
    let mut trees = NamedTrees::default();
    for namespace in ["b", "a", "c"] {
        let session = open(&mut trees, namespace);
        for n in 0..20 {
            create(&mut trees, namespace, session, &format!("/{namespace}{n}"));
        }
    }
    let before = trees.digest();
    trees.snapshot_begin();
    let (mut chunks, mut round) = (Vec::new(), 0);
    while let Some(chunk) = trees.snapshot_next(64) {
        chunks.push(chunk);
        // All of them change meanwhile, and there are more of them.
        for namespace in ["a", "b", "c", "ab", "d"] {
            let session = open(&mut trees, namespace);
            create(&mut trees, namespace, session, &format!("/late{round}"));
        }
        round += 1;
    }
    assert!(chunks.len() > 6, "{}", chunks.len());
    assert_ne!(trees.digest(), before);
    let restored = |chunks: &[Vec<u8>]| {
        let mut restorer = NamedRestorer::default();
        for chunk in chunks {
            restorer.chunk(chunk)?;
        }
        restorer.finish()
    };
    assert_eq!(restored(&chunks).unwrap().digest(), before);
    assert!(restored(&chunks[..chunks.len() - 1]).is_err(), "the end of one is missing");
    assert!(restored(&[b"\x03a/b\x01\x01".to_vec()]).is_err(), "no namespace has this name");

    trees.snapshot_begin();
    trees.snapshot_next(64).unwrap();
    trees.snapshot_cancel();
    assert_eq!(trees.snapshot_next(64), None);
}
