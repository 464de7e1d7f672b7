//! What a node hears from other nodes, or from whoever else connects to its peer port.

use bytes::{Bytes, BytesMut};
use synod_consensus::{Body, Message, Protocol, paxos, raft, zab};
use synod_types::{
    ClusterId, Entry, EntryKind, Incarnation, Index, Membership, NodeId, PartitionId, SnapshotMeta,
    Term,
};
use synod_wire::peer::{
    EngineName, FrameDecoder, FrameKind, HEADER_BYTES, Hello, PROTOCOL_VERSION, Purpose,
    encode_frame,
};

/// Frames: first the bytes as they are, then the same bytes cut into frames with right checksums, which
/// must all arrive.
pub fn frames(input: &[u8]) {
    let mut decoder = FrameDecoder::new();
    decoder.established();
    let mut buf = BytesMut::from(input);
    while let Ok(Some(frame)) = decoder.decode(&mut buf) {
        assert!(frame.body.len() + HEADER_BYTES <= input.len());
    }
    sealed_frames(input);
}

/// Takes (kind, group, length, body) off the input again and again.
fn sealed_frames(mut input: &[u8]) {
    let (mut sent, mut bytes) = (Vec::new(), Vec::new());
    while let [kind, group, len, rest @ ..] = input {
        let (body, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        input = rest;
        let Some(kind) = FrameKind::from_u8(*kind % 13) else { continue };
        let group = PartitionId(u32::from(*group) << 20);
        let written = encode_frame(&mut bytes, kind, group, |out| out.extend_from_slice(body));
        assert_eq!(written, Ok(()));
        sent.push((kind, group, body));
    }
    let mut decoder = FrameDecoder::new();
    let mut buf = BytesMut::new();
    let mut sent = sent.into_iter();
    for piece in bytes.chunks(17) {
        buf.extend_from_slice(piece);
        while let Some(frame) = decoder.decode(&mut buf).expect("a sealed frame is intact") {
            assert_eq!(sent.next(), Some((frame.kind, frame.group, &frame.body[..])));
        }
    }
    assert!(sent.next().is_none() && buf.is_empty());
}

/// Hellos: what can be read is written the same way again.
pub fn hello(input: &[u8]) {
    if let Ok(hello) = Hello::decode(input) {
        let mut bytes = Vec::new();
        hello.encode(&mut bytes);
        assert_eq!(bytes, input);
        let _ = hello.check(NodeId(1), ClusterId(2), EngineName::new("raft"));
    }
}

/// Messages of consensus engines: what can be read survives being written and read again.
pub fn messages(input: &[u8]) {
    if let Some(message) = Message::decode(Bytes::copy_from_slice(input)) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(Message::decode(bytes.into()), Some(message));
    }
}

/// Two frames, and a description of two for the sealed ones.
pub fn frame_seeds() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    for kind in [FrameKind::Hello, FrameKind::Consensus] {
        let written = encode_frame(&mut bytes, kind, PartitionId(3), |out| out.extend(b"body"));
        assert_eq!(written, Ok(()));
    }
    vec![bytes, b"\x01\x00\x04body\x03\x07\x02xy".to_vec()]
}

/// A hello, and one of another version.
pub fn hello_seeds() -> Vec<Vec<u8>> {
    let hello = Hello {
        protocol_version: PROTOCOL_VERSION,
        cluster: ClusterId(2),
        from: NodeId(2),
        to: NodeId(1),
        incarnation: Incarnation(5),
        starts: 1,
        process: 6,
        past: [5, 4, 0, 0, 0, 0, 0],
        known: Incarnation(7),
        address: 8,
        worker: 0,
        workers: 1,
        purpose: Purpose::Data,
        engine: EngineName::new("raft"),
    };
    let mut bytes = Vec::new();
    hello.encode(&mut bytes);
    vec![bytes, b"\x04\0\0\0later".to_vec()]
}

/// One message of each shape of encoding.
pub fn message_seeds() -> Vec<Vec<u8>> {
    let entry = |index, kind, payload: &'static [u8]| Entry {
        term: Term(3),
        index: Index(index),
        kind,
        payload: Bytes::from_static(payload),
    };
    let membership = Membership::of_voters(vec![NodeId(1), NodeId(2), NodeId(3)]);
    let (index, term) = (Index(7), Term(3));
    let moved = Membership { engine: Some(Protocol::Zab), ..membership.clone() };
    let snapshot = SnapshotMeta { index, term, membership: moved };
    let entries = vec![entry(8, EntryKind::Commands, b"decided")];
    [
        Body::Raft(raft::Ask::Vote { pre: true, transfer: false, last: index, last_term: term }),
        Body::Raft(raft::Ask::VoteReply { pre: false, granted: true }),
        Body::Append {
            prev: index,
            prev_term: term,
            commit: Index(5),
            shared: Index(4),
            entries: vec![
                entry(8, EntryKind::Noop, b""),
                entry(9, EntryKind::Commands, b"a batch of commands"),
            ],
        },
        Body::AppendReply { matched: index, commit: Index(5) },
        Body::AppendReject { prev: index, hint: Index(6), hint_term: Term(2) },
        Body::Heartbeat { commit: index, shared: index, round: 9, sleep: Some((index, term)) },
        Body::HeartbeatReply { round: 9, commit: index },
        Body::SnapshotOffer(SnapshotMeta { index, term, membership }),
        Body::TimeoutNow,
        Body::Known { commit: index, commit_term: term },
        Body::Lacking { commit: index },
        Body::Decided { prev: index, prev_term: term, entries: entries.clone() },
        Body::DecidedSnapshot(snapshot.clone()),
        Body::Paxos(paxos::Ask::Survey { round: 2 }),
        Body::Paxos(paxos::Ask::SurveyReply { round: 2, free: true }),
        Body::Paxos(paxos::Ask::Prepare { transfer: true, after: index }),
        Body::Paxos(paxos::Ask::Promise {
            last: Index(8),
            last_term: term,
            commit: index,
            after: index,
            after_term: term,
            entries,
        }),
        Body::Paxos(paxos::Ask::Offer(snapshot)),
        Body::Zab(zab::Ask::Notification {
            round: 2,
            looking: true,
            leader: NodeId(2),
            last: index,
            last_term: term,
        }),
        Body::Zab(zab::Ask::FollowerInfo),
        Body::Zab(zab::Ask::NewEpoch { transfer: false, leading: true }),
        Body::Zab(zab::Ask::AckEpoch { last: index, last_term: term }),
    ]
    .into_iter()
    .map(|body| {
        let mut bytes = Vec::new();
        let protocol = match &body {
            Body::Paxos(_) => Protocol::Paxos,
            Body::Zab(_) => Protocol::Zab,
            _ => Protocol::Raft,
        };
        let message = Message { protocol, term: Term(4), body };
        message.encode(&mut bytes);
        bytes
    })
    .collect()
}
