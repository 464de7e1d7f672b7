//! What clients send, through the code of the connections: received in pieces, decoded, executed, answered, closed.

// The worker's own tests use all of it.
#[allow(dead_code)]
#[path = "../../crates/worker/tests/trial/mod.rs"]
pub(crate) mod trial;

use std::cell::RefCell;
use trial::Trial;

thread_local! {
    /// Founding a node takes longer than everything a client can ask of it in a few kilobytes.
    static TRIAL: RefCell<Trial> = RefCell::new(Trial::new());
}

/// Bytes that stand for very many: `\\x00` and a byte N, for N times 4 KiB of the byte before them.
const REPEAT: u8 = 0;
const REPEAT_BYTES: usize = 4 << 10;
/// What an input grows to at most.
const SENT_BYTES_MAX: usize = 4 << 20;

/// Words of commands whose answers speak of the connection, of time or of chance: those differ from run to run.
const UNSTEADY: [&[u8]; 10] = [
    b"client", b"info", b"rand", b"hello", b"spop", b"slowlog", b"xadd", b"config", b"object",
    b"watch",
];

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// However its bytes are cut, a client is answered the same, and once its connection is given up nothing it sends is
/// looked at. The first byte says how they are cut; runs of a byte can be long, so that large requests are reached.
pub fn pieces(input: &[u8]) {
    let Some((cut, rest)) = input.split_first() else { return };
    let sent = unfold(rest);
    let whole = answer(&sent, usize::MAX);
    let piece = match cut {
        0..=127 => usize::from(*cut) + 1,
        _ => usize::from(*cut - 127) * 1021,
    };
    // Very small pieces of very much would take seconds.
    let cut = answer(&sent, piece.max(sent.len() / 4096));
    if !UNSTEADY.iter().any(|word| contains(&sent, word)) {
        assert!(whole == cut, "cutting changes what is answered");
    }
    if whole.1 && !UNSTEADY.iter().any(|word| contains(&sent, word)) {
        let more = [&sent[..], b"\r\nPING\r\n*1\r\n$4\r\nPING\r\n", &[b'z'; 70_000]].concat();
        assert!(answer(&more, usize::MAX) == whole, "read on behind the end");
    }
}

/// What is answered, in whole, and whether the connection is over.
fn answer(sent: &[u8], piece: usize) -> (Vec<u8>, bool) {
    TRIAL.with_borrow_mut(|trial| {
        // Each run begins with the same keys: none.
        let mut first = trial.connect();
        trial.send(
            &mut first,
            b"CLIENT UNPAUSE\r\nCONFIG SET proto-max-bulk-len 64mb\r\nFLUSHALL\r\n",
            64,
        );
        trial.disconnect(&first);
        let mut client = trial.connect();
        trial.send(&mut client, sent, piece);
        trial.disconnect(&client);
        (client.received, client.closed)
    })
}

fn unfold(folded: &[u8]) -> Vec<u8> {
    let mut sent: Vec<u8> = Vec::new();
    let mut bytes = folded.iter();
    while let Some(byte) = bytes.next() {
        match (byte, sent.last().copied()) {
            (&REPEAT, Some(last)) => {
                let more = bytes.next().map_or(0, |n| usize::from(*n) * REPEAT_BYTES);
                let more = more.min(SENT_BYTES_MAX.saturating_sub(sent.len()));
                sent.extend(std::iter::repeat_n(last, more));
            }
            _ => sent.push(*byte),
        }
    }
    sent
}

/// Commands whose answers depend on nothing but what was sent: the fuzzer is to find cuts that matter, not clocks.
pub fn seeds() -> Vec<Vec<u8>> {
    let large = [
        b"\x80*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$819201\r\nx\x00\xc8\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
            .as_slice(),
    ];
    let bad_behind =
        [b"\x40*3\r\n$3\r\nSET\r\n$409601\r\nx\x00\x64\r\n#1\r\ny\x00\xff\x00\xff".as_slice()];
    let small: [&[u8]; 5] = [
        b"\x03PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nQUIT\r\nPING\r\n",
        b"\x07SET a 1\r\nGET a\r\nSET a 2\r\nGET a\r\nMULTI\r\nINCR a\r\nEXEC\r\n",
        b"\x05POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n",
        b"\xf0*600\r\n$1\r\na\x00\x05\r\n",
        b"\x10MSET a 1 b 2\r\nMGET a b\r\n*1\r\n$-1\r\n",
    ];
    large.iter().chain(&bad_behind).chain(&small).map(|seed| seed.to_vec()).collect()
}
