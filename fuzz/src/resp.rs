//! What clients send, and what servers answer.

use synod_types::ReplySink;
use synod_wire::resp::{
    Decoded, Decoder, Limits, Proto, ProtocolError, RespWriter, Value, reply_len, write_request,
};

/// Small, so that inputs of a few bytes reach them.
const LIMITS: Limits = Limits {
    bulk_bytes_max: 300,
    args_max: 12,
    inline_bytes_max: 100,
    request_bytes_max: 1000,
    authenticated: true,
};

/// Requests: whole or byte by byte is the same, nothing is buffered beyond the limits, and what was
/// read can be written and read again.
pub fn requests(input: &[u8]) {
    let whole = receive([input]);
    let single = receive(input.chunks(1));
    assert_eq!(whole, single, "cutting changes what is read");
    for request in &whole.0 {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let mut bytes = Vec::new();
        write_request(&mut bytes, &args);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&bytes), Ok(Decoded::Request { consumed: bytes.len() }));
        assert!(decoder.args(&bytes).iter().eq(args));
    }
}

type Requests = Vec<Vec<Vec<u8>>>;

fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Requests, Option<ProtocolError>) {
    let mut decoder = Decoder::new(LIMITS);
    let (mut buf, mut requests) = (Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        let mut pos = 0;
        loop {
            match decoder.decode(&buf[pos..]) {
                Err(error) => return (requests, Some(error)),
                Ok(Decoded::Incomplete) => break,
                Ok(Decoded::Empty { consumed }) => pos += consumed,
                Ok(Decoded::Request { consumed }) => {
                    let args = decoder.args(&buf[pos..]);
                    assert!(!args.is_empty());
                    requests.push(args.iter().map(<[u8]>::to_vec).collect());
                    pos += consumed;
                }
            }
        }
        buf.drain(..pos);
        assert!(buf.len() <= LIMITS.request_bytes_max + LIMITS.inline_bytes_max);
    }
    (requests, None)
}

/// Replies: the two readers agree on where a reply ends, and a reply cut short is never one.
pub fn replies(input: &[u8]) {
    let len = reply_len(input);
    let decoded = Value::decode(input);
    match (len, decoded) {
        (Ok(Some(len)), Ok(Some((_, decoded_len)))) => {
            assert_eq!(len, decoded_len);
            assert_eq!(reply_len(&input[..len - 1]), Ok(None));
        }
        (Ok(None), Ok(None)) | (_, Err(_)) => {}
        other => panic!("the readers disagree: {other:?}"),
    }
}

/// Requests of all shapes.
pub fn request_seeds() -> Vec<Vec<u8>> {
    let mut set = Vec::new();
    write_request(&mut set, &[b"SET", b"key", &[b'v'; 120]]);
    write_request(&mut set, &[b"GET", b""]);
    [
        &set[..],
        b"PING\r\n*1\r\n$4\r\nPING\r\n\r\n*0\r\n*-1\r\n",
        b"SET key \"a \\x41\\n\\\"\" 'b\\''\r\n",
        b"*3\r\n$3\r\nSET\r\n$-1\r\n",
        b"*13\r\n",
        b"*1\r\n$301\r\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// Replies of all types.
pub fn reply_seeds() -> Vec<Vec<u8>> {
    let write = |proto| {
        let mut out = Vec::new();
        let mut w = RespWriter::new(&mut out, proto);
        w.map(2);
        w.simple("OK");
        w.array(3);
        w.integer(-12);
        w.bulk(b"bytes");
        w.null();
        w.error("ERR no");
        w.set(4);
        w.double(1.5);
        w.boolean(true);
        w.verbatim("text");
        w.null_array();
        out
    };
    let attribute = b"|1\r\n+ttl\r\n:3\r\n>2\r\n(123456789012345678901\r\n!5\r\nERR x\r\n".to_vec();
    vec![write(Proto::Resp2), write(Proto::Resp3), attribute]
}
