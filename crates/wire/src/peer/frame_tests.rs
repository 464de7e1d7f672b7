//! Frames arrive as they were sent, however they are cut, or are refused.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn encoded(kind: FrameKind, group: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_frame(&mut out, kind, PartitionId(group), |out| out.extend_from_slice(body)).unwrap();
    out
}

fn established() -> FrameDecoder {
    let mut decoder = FrameDecoder::new();
    decoder.established();
    decoder
}

fn decode_all(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    established().decode(&mut BytesMut::from(bytes))
}

#[test]
fn the_layout_is_the_documented_one() {
    let bytes = encoded(FrameKind::Forward, 0x0102_0304, b"ab");
    assert_eq!(&bytes[..12], b"SY\x04\x00\x04\x03\x02\x01\x02\x00\x00\x00");
    assert_eq!(&bytes[16..], b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ab");
    let mut covered = bytes.clone();
    covered.drain(12..16);
    assert_eq!(bytes[12..16], crc32c::crc32c(&covered).to_le_bytes());
}

#[test]
fn a_body_is_not_copied() {
    let mut input = BytesMut::from(&encoded(FrameKind::Consensus, 1, &[9; 1000])[..]);
    let at = input.as_ptr() as usize + HEADER_BYTES;
    let frame = established().decode(&mut input).unwrap().unwrap();
    assert_eq!(frame.body.as_ptr() as usize, at);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = encoded(FrameKind::Consensus, 3, b"the body");
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let outcome = decode_all(&damaged);
        // A length that has grown waits for bytes, which then fail the checksum.
        let waits = matches!(outcome, Ok(None)) && (LENGTH..CRC).contains(&(bit / 8));
        assert!(outcome.is_err() || waits, "bit {bit}: {outcome:?}");
    }
}

#[test]
fn what_is_no_frame_is_refused_by_name() {
    let good = encoded(FrameKind::Hello, 0, b"");
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode_all(&bytes).unwrap_err()
    };
    assert_eq!(with(0, b'G'), FrameError::Magic(*b"GY"));
    assert_eq!(with(2, 0), FrameError::Kind(0));
    assert_eq!(with(2, 200), FrameError::Kind(200));
    assert_eq!(with(3, 1), FrameError::Reserved);
    assert_eq!(with(31, 1), FrameError::Reserved);
    assert!(matches!(with(11, 0xff), FrameError::TooLong { len: 0xff00_0000, .. }));
    assert!(matches!(with(4, 1), FrameError::Checksum { .. }));
}

#[test]
fn only_short_frames_pass_before_the_hello() {
    let bytes = encoded(FrameKind::Hello, 0, &[0; 1025]);
    let refused = FrameDecoder::new().decode(&mut BytesMut::from(&bytes[..]));
    assert_eq!(refused, Err(FrameError::TooLong { len: 1025, max: 1024 }));
    assert!(decode_all(&bytes).unwrap().is_some());
}

#[test]
fn a_frame_too_long_to_send_leaves_no_trace() {
    let mut out = b"before".to_vec();
    let result = encode_frame(&mut out, FrameKind::Consensus, PartitionId(1), |out| {
        out.resize(out.len() + limits::FRAME_BYTES_MAX, 0);
    });
    assert!(matches!(result, Err(FrameError::TooLong { .. })));
    assert_eq!(out, b"before");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_cut_gives_the_same_frames(
        frames in vec((1u8..13, any::<u32>(), vec(any::<u8>(), 0..300)), 0..6),
        step in 1usize..200,
    ) {
        let sent: Vec<Frame> = frames
            .into_iter()
            .map(|(kind, group, body)| Frame {
                kind: FrameKind::from_u8(kind).unwrap(),
                group: PartitionId(group),
                body: body.into(),
            })
            .collect();
        let bytes: Vec<u8> =
            sent.iter().flat_map(|frame| encoded(frame.kind, frame.group.0, &frame.body)).collect();
        let mut decoder = established();
        let mut input = BytesMut::new();
        let mut received = Vec::new();
        let mut complete_from = 0;
        for piece in bytes.chunks(step) {
            input.extend_from_slice(piece);
            while let Some(frame) = decoder.decode(&mut input).unwrap() {
                prop_assert!(HEADER_BYTES + frame.body.len() >= complete_from);
                complete_from = 0;
                received.push(frame);
            }
            complete_from = input.len() + decoder.missing();
        }
        prop_assert_eq!(received, sent);
        prop_assert!(input.is_empty());
    }

    #[test]
    fn garbage_is_no_panic(bytes in vec(any::<u8>(), 0..200)) {
        let mut input = BytesMut::from(&b"SY\x03\0"[..]);
        input.extend_from_slice(&bytes);
        let mut decoder = established();
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
    }
}
