//! What a node does with the frames of its peers once their checksums fit.
//!
//! Messages of consensus are left out: their decoder has a target of its own, and what a member of a group promises in
//! them the others rely on.

use crate::connection::trial::Trial;
use bytes::Bytes;
use std::cell::RefCell;
use synod_types::{NodeId, PartitionId};
use synod_wire::peer::{Frame, FrameKind, Hello};

thread_local! {
    /// With how many inputs it was used. What peers say of leaders stays, so a node is replaced now and then.
    static TRIAL: RefCell<(u32, Trial)> = RefCell::new((0, Trial::new()));
}
const INPUTS_PER_NODE: u32 = 500;

/// Takes (kind, group, length, body) off the input again and again. 0 is a hello, 14 lets time pass, 15 ends the
/// connection, anything else is a frame of a peer.
pub fn frames(input: &[u8]) {
    TRIAL.with_borrow_mut(|(used, trial)| {
        *used += 1;
        if *used > INPUTS_PER_NODE {
            (*used, *trial) = (0, Trial::new());
        }
        run(trial, input);
    });
}

fn run(trial: &mut Trial, mut input: &[u8]) {
    while let [kind, group, len, rest @ ..] = input {
        let (body, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        input = rest;
        let (from, group) =
            (NodeId(2 + u64::from(*group % 2)), PartitionId(u32::from(*group >> 1)));
        match kind % 16 {
            0 => {
                if let Ok(hello) = Hello::decode(body) {
                    let _it_may_be_refused = trial.node.admit(&hello);
                }
            }
            14 => trial.pass(),
            15 => trial.node.peer_down(from),
            kind => {
                let kind = FrameKind::from_u8(kind).filter(|kind| *kind != FrameKind::Consensus);
                let body = Bytes::copy_from_slice(body);
                if let Some(kind) = kind {
                    trial.node.frame(from, Frame { kind, group, body });
                }
            }
        }
    }
    trial.pass();
    trial.node.output().frames.clear();
}

/// A frame of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let words = |words: &[u64]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let heartbeat =
        [&[3, 0][..], &[0; 4], &[1, 0, 0, 0], &[0; 8], &[1, 0, 0, 0], &[1, 0, 0, 0], &[3; 8]];
    let introduction = [&[0, 2, 0, 0, 0][..], &words(&[1, 7, 2, 9])];
    let members = [&words(&[9])[..], &[1, 0, 0, 0], &words(&[1, 7, 1, 5])];
    let frame = |kind: FrameKind, group: u8, body: Vec<u8>| {
        [&[kind as u8, group, body.len() as u8][..], &body].concat()
    };
    vec![
        frame(FrameKind::Heartbeat, 0, heartbeat.concat()),
        frame(FrameKind::Introduction, 0, introduction.concat()),
        frame(FrameKind::Members, 1, members.concat()),
        frame(FrameKind::Forward, 2, vec![0; 48]),
        frame(FrameKind::ForwardReply, 2, vec![0; 24]),
        frame(FrameKind::SnapshotFetch, 2, vec![0; 40]),
        frame(FrameKind::SnapshotChunk, 2, vec![0; 40]),
        frame(FrameKind::Unwait, 2, vec![0; 16]),
        frame(FrameKind::Publish, 0, vec![0; 20]),
        frame(FrameKind::ReplyFetch, 2, vec![0; 26]),
        vec![14, 0, 0, 15, 0, 0, 14, 1, 0],
    ]
}
