//! The shortest way through the contract: one member alone, and three that agree.

use bytes::Bytes;
use std::collections::BTreeMap;
use synod_consensus::{Config, Effect, Engine, Message, Recovered, Role, raft::Raft};
use synod_types::{Entry, Membership, NodeId, PartitionId, SnapshotMeta};

fn member(id: u64, voters: &[u64]) -> Raft {
    let config = Config {
        id: NodeId(id),
        group: PartitionId(1),
        election_ticks: 10,
        heartbeat_ticks: 2,
        lease_reads: false,
        append_bytes_max: 1 << 20,
        inflight_bytes_max: 4 << 20,
        cache_bytes_max: 1 << 20,
        seed: id,
    };
    let membership = Membership::of_voters(voters.iter().map(|id| NodeId(*id)).collect());
    let snapshot = SnapshotMeta { membership, ..SnapshotMeta::default() };
    Raft::new(config, Recovered { snapshot, ..Recovered::default() })
}

/// Runs until nobody has anything to do; disks are instant and every message passes the codec.
fn settle(members: &mut BTreeMap<NodeId, Raft>) -> BTreeMap<NodeId, Vec<Entry>> {
    let mut applied = BTreeMap::<NodeId, Vec<Entry>>::new();
    loop {
        let mut mail = Vec::new();
        let mut busy = false;
        for (id, raft) in members.iter_mut() {
            for effect in std::mem::take(raft.effects()) {
                busy = true;
                match effect {
                    Effect::Persist { token, .. } => raft.persisted(token),
                    Effect::Send { to, message } => {
                        let mut bytes = Vec::new();
                        message.encode(&mut bytes);
                        assert_eq!(Message::decode(bytes.clone().into()).as_ref(), Some(&message));
                        mail.push((*id, to, Message::decode(bytes.into()).unwrap()));
                    }
                    Effect::Commit(entries) => {
                        raft.applied(entries.last().unwrap().index);
                        applied.entry(*id).or_default().extend(entries);
                    }
                    _ => {}
                }
            }
        }
        for (from, to, message) in mail {
            members.get_mut(&to).unwrap().step(from, message);
        }
        if !busy {
            return applied;
        }
    }
}

#[test]
fn one_alone_commits_on_its_own_disk() {
    let mut members = BTreeMap::from([(NodeId(1), member(1, &[1]))]);
    members.get_mut(&NodeId(1)).unwrap().campaign();
    settle(&mut members);
    let raft = members.get_mut(&NodeId(1)).unwrap();
    assert_eq!(raft.role().0, Role::Leader);
    let at = raft.propose(Bytes::from_static(b"x")).unwrap();
    let applied = settle(&mut members);
    assert_eq!(applied[&NodeId(1)].last().unwrap().index, at.index);
    let raft = members.get_mut(&NodeId(1)).unwrap();
    raft.read(7).unwrap();
    assert_eq!(raft.effects().pop(), Some(Effect::ReadReady { id: 7, index: at.index }));
}

#[test]
fn three_agree() {
    let mut members: BTreeMap<_, _> =
        (1..=3).map(|id| (NodeId(id), member(id, &[1, 2, 3]))).collect();
    members.get_mut(&NodeId(1)).unwrap().campaign();
    settle(&mut members);
    let leader = members.get_mut(&NodeId(1)).unwrap();
    assert_eq!(leader.role().0, Role::Leader);
    for n in 0..100u8 {
        leader.propose(Bytes::from(vec![n])).unwrap();
    }
    leader.read(7).unwrap();
    let applied = settle(&mut members);
    assert_eq!(applied[&NodeId(1)].len(), 100);
    for _ in 0..2 {
        members.get_mut(&NodeId(1)).unwrap().tick();
    }
    let applied = settle(&mut members);
    assert_eq!(applied[&NodeId(2)].len(), 100);
    assert_eq!(applied[&NodeId(2)], applied[&NodeId(3)]);
}
