//! What the decoder promises: the same requests however the bytes are cut, no panic on garbage, and no
//! buffer beyond the limits.

use super::*;
use crate::resp::write_request;
use proptest::collection::vec;
use proptest::prelude::*;

type Request = Vec<Vec<u8>>;

const SMALL: Limits = Limits {
    bulk_bytes_max: 64,
    args_max: 8,
    inline_bytes_max: 32,
    request_bytes_max: 200,
    authenticated: true,
};

/// A connection in small: receives pieces, decodes all it can after each, drops what is consumed.
fn receive<'a>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Request>, Option<ProtocolError>) {
    let mut decoder = Decoder::new(limits);
    let mut buf = Vec::new();
    let mut requests = Vec::new();
    let mut complete_from = 0;
    for piece in pieces {
        buf.extend_from_slice(piece);
        let mut pos = 0;
        loop {
            match decoder.decode(&buf[pos..]) {
                Err(error) => return (requests, Some(error)),
                Ok(Decoded::Incomplete) => {
                    complete_from = buf.len() - pos + decoder.missing();
                    break;
                }
                Ok(Decoded::Empty { consumed }) => {
                    assert!(decoder.args(&buf[pos..]).is_empty());
                    pos += consumed;
                }
                Ok(Decoded::Request { consumed }) => {
                    assert!(consumed >= complete_from, "fewer bytes than were said to be missing");
                    requests.push(decoder.args(&buf[pos..]).iter().map(<[u8]>::to_vec).collect());
                    pos += consumed;
                }
            }
            complete_from = 0;
        }
        buf.drain(..pos);
        assert!(buf.len() <= limits.request_bytes_max + limits.inline_bytes_max);
    }
    (requests, None)
}

/// Cuts `bytes` at the given places, taken modulo its length.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|at| at % (bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..at]);
        start = at;
    }
    pieces
}

fn request() -> impl Strategy<Value = Request> {
    vec(prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => vec(any::<u8>(), 90..400)], 1..6)
}

/// Pieces of which right and wrong requests are made, likelier to go deep than random bytes are.
fn nearly_request() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        6 => prop::sample::select(vec![
            "*1\r\n", "*2\r\n", "*3\r\n", "*0\r\n", "*-1\r\n", "*9\r\n", "*", "$", "\r\n", "\r", "\n",
            "$4\r\nPING\r\n", "$0\r\n\r\n", "$1\r\n", "$60\r\n", "$64\r\n", "$65\r\n", "$-1\r\n", "GET ",
            "\"", "'", "\\x", "\\", "4", "aaaaaaaaaaaaaaaaaaaa", "\0",
        ]).prop_map(|token| token.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(token, 0..30).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_cut_gives_the_same_requests(
        requests in vec(request(), 0..5),
        places in vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for request in &requests {
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            write_request(&mut bytes, &args);
        }
        prop_assert_eq!(receive(Limits::default(), cut(&bytes, &places)), (requests, None));
    }

    #[test]
    fn garbage_is_treated_alike_whole_or_byte_by_byte(bytes in nearly_request()) {
        let whole = receive(SMALL, [&bytes[..]]);
        let single = receive(SMALL, bytes.chunks(1));
        prop_assert_eq!(whole, single);
    }

    #[test]
    fn any_words_survive_quoting(words in vec(vec(any::<u8>(), 0..10), 1..5)) {
        let mut line = Vec::new();
        for word in &words {
            line.push(b'"');
            for byte in word {
                line.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
            }
            line.extend_from_slice(b"\" ");
        }
        line.extend_from_slice(b"\r\n");
        prop_assert_eq!(receive(Limits::default(), [&line[..]]), (vec![words], None));
    }
}

#[test]
fn a_long_argument_in_small_pieces_says_what_it_still_needs() {
    let mut bytes = Vec::new();
    write_request(&mut bytes, &[b"SET", b"key", &[7; 100_000]]);
    let mut decoder = Decoder::default();
    for end in (60..bytes.len()).step_by(1000) {
        assert_eq!(decoder.decode(&bytes[..end]), Ok(Decoded::Incomplete));
        assert_eq!(decoder.missing(), bytes.len() - end);
    }
    assert_eq!(decoder.decode(&bytes), Ok(Decoded::Request { consumed: bytes.len() }));
    assert_eq!(decoder.args(&bytes).get(2).map(<[u8]>::len), Some(100_000));
}

#[test]
fn bookkeeping_of_a_huge_request_is_given_back() {
    let args = vec![&b""[..]; 100_000];
    let mut bytes = Vec::new();
    write_request(&mut bytes, &args);
    let mut decoder = Decoder::default();
    assert_eq!(decoder.decode(&bytes), Ok(Decoded::Request { consumed: bytes.len() }));
    assert_eq!(decoder.args(&bytes).len(), args.len());
    assert_eq!(decoder.decode(b""), Ok(Decoded::Incomplete));
    assert!(decoder.spans.capacity() <= SPANS_KEPT);
}

#[test]
fn every_limit_has_its_own_refusal() {
    let login = Limits::unauthenticated();
    let zeros = "$0\r\n\r\n".repeat(8);
    for (limits, bytes, expected) in [
        (SMALL, "*9\r\n".to_string(), ProtocolError::InvalidMultibulkLength),
        (SMALL, "*1\r\n$65\r\n".into(), ProtocolError::InvalidBulkLength),
        (SMALL, "a".repeat(33), ProtocolError::TooBigInline),
        (SMALL, format!("{}\r\n", "a".repeat(40)), ProtocolError::TooBigInline),
        (SMALL, format!("*{}", "1".repeat(33)), ProtocolError::TooBigMultibulkCount),
        (SMALL, format!("*1\r\n${}", "1".repeat(33)), ProtocolError::TooBigBulkCount),
        (
            SMALL,
            format!("*4\r\n{}", format!("$60\r\n{}\r\n", "a".repeat(60)).repeat(3)),
            ProtocolError::TooBigRequest,
        ),
        (login, format!("*11\r\n{zeros}"), ProtocolError::UnauthenticatedMultibulkLength),
        (login, "*1\r\n$16385\r\n".into(), ProtocolError::UnauthenticatedBulkLength),
        (login, "*1\r\n$999999999999\r\n".into(), ProtocolError::InvalidBulkLength),
    ] {
        let (_, refused) = receive(limits, [bytes.as_bytes()]);
        assert_eq!(refused, Some(expected), "{bytes}");
        assert_eq!(receive(limits, bytes.as_bytes().chunks(1)).1, Some(expected), "{bytes}");
    }
}
