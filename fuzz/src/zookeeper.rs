//! What ZooKeeper's clients send, and the calls, replies and snapshots of the tree behind them.

use std::net::{IpAddr, Ipv4Addr};
use synod_machine::{Context, Machine, Restore};
use synod_tree::{Acl, Call, Change, Fading, Mode, Read, Reply, Request, Restorer, Tree};
use synod_types::Millis;
use synod_wire::jute;
use synod_zookeeper::{Gate, Outcome};

/// A connection that sends anything: every operation that comes of it can be read by the tree, and the gate goes on
/// whatever becomes of them.
pub fn connection(input: &[u8]) {
    let mut gate = Gate::new(1);
    let id = gate.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let middle = input.len() / 2;
    gate.input(id, &input[..middle]);
    gate.input(id, &input[middle..]);
    for submit in gate.take_submits() {
        let operation = synod_machine::Operation::take(&mut &submit.op[..]);
        let operation = operation.expect("a gate submits operations");
        assert!(Call::decode(operation.body).is_some(), "a gate submits calls");
        let mut reply = Vec::new();
        let answer = synod_tree::Answer::Done;
        Reply { zxid: 1, answer }.encode(&mut reply);
        gate.outcome(submit.ticket, Outcome::Done(&reply));
    }
    let _ = jute::Request::decode(input);
    let _ = jute::ConnectRequest::decode(input);
}

/// The tree, from the log or from a snapshot: bytes that are a call survive being written and read again, and bytes that
/// become a tree become the same tree again.
pub fn tree(input: &[u8]) {
    if let Some(call) = Call::decode(input) {
        let mut bytes = Vec::new();
        call.encode(&mut bytes);
        assert_eq!(Call::decode(&bytes), Some(call));
        Tree::default().apply(input, &Context { now: Millis(1), seed: 1 }, &mut ());
    }
    if let Some(reply) = Reply::decode(input) {
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        assert_eq!(Reply::decode(&bytes), Some(reply));
    }
    let mut restorer = Restorer::default();
    if restorer.chunk(input).is_ok()
        && let Ok(mut tree) = restorer.finish()
    {
        let digest = tree.digest();
        tree.snapshot_begin();
        let mut again = Restorer::default();
        while let Some(chunk) = tree.snapshot_next(64) {
            again.chunk(&chunk).expect("a chunk that was written is read");
        }
        let again = again.finish().expect("a snapshot that was written is whole");
        assert_eq!(again.digest(), digest);
    }
}

/// A session being opened.
pub fn connection_seeds() -> Vec<Vec<u8>> {
    let mut connect = 45i32.to_be_bytes().to_vec();
    connect.extend_from_slice(&[0; 12]);
    connect.extend_from_slice(&10_000i32.to_be_bytes());
    connect.extend_from_slice(&[0; 8]);
    connect.extend_from_slice(&16i32.to_be_bytes());
    connect.extend_from_slice(&[0; 17]);
    vec![connect, b"ruok".to_vec(), vec![0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 11]]
}

/// Calls, and the snapshot of what they make.
pub fn tree_seeds() -> Vec<Vec<u8>> {
    let mut tree = Tree::default();
    let mut seeds = Vec::new();
    let create = |path| {
        let mode = Mode { ephemeral: false, sequential: true, fading: Fading::No };
        Change::Create { path, data: Some(b"data"), acl: Acl::open(), mode, with_stat: true }
    };
    let fading = |path, fading| {
        let mode = Mode { fading, ..Mode::default() };
        Change::Create { path, data: None, acl: Acl::open(), mode, with_stat: false }
    };
    for request in [
        Request::Open { timeout_ms: 1_000 },
        Request::Change(create("/a")),
        Request::Multi(vec![create("/b"), Change::Check { path: "/", version: 0 }]),
        Request::Multi(vec![fading("/c", Fading::Childless), fading("/t", Fading::After(9))]),
        Request::MultiRead(vec![Read::Data("/"), Read::Children("/")]),
        Request::Reap(vec!["/c", "/t"]),
        Request::GetData("/"),
    ] {
        let session = tree.sessions().next().map_or(0, |(id, _)| id);
        let mut body = Vec::new();
        Call { session, owner: 0, ids: Vec::new(), request }.encode(&mut body);
        tree.apply(&body, &Context { now: Millis(1), seed: 1 }, &mut ());
        seeds.push(body);
    }
    tree.snapshot_begin();
    let mut snapshot = Vec::new();
    while let Some(chunk) = tree.snapshot_next(usize::MAX) {
        snapshot.extend_from_slice(&chunk);
    }
    seeds.push(snapshot);
    seeds
}
