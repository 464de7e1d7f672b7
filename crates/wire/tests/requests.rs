//! The decoder against testdata/requests.txt, and the same bytes against a genuine redis-server, so that
//! the expectations are facts.

// The crate is pure; this test talks to another program.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use synod_types::ReplySink;
use synod_wire::resp::{Decoded, Decoder, Proto, RespWriter, write_pong};

#[derive(Debug, Default)]
struct Case {
    line: usize,
    send: Vec<u8>,
    reply: Vec<u8>,
    closes: bool,
    redis_differs: bool,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../testdata/requests.txt");
    let mut cases: Vec<Case> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("line {}", i + 1));
        let value = value.strip_prefix(' ').unwrap_or(value);
        if key == "send" {
            cases.push(Case { line: i + 1, send: unescape(value), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with send");
        match key {
            "reply" => case.reply = unescape(value),
            "then" => case.closes = value == "close",
            "redis" => case.redis_differs = true,
            _ => panic!("line {}: unknown key {key}", i + 1),
        }
    }
    cases
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[1..];
        match c {
            '\\' => {
                let escape = rest.as_bytes()[0];
                rest = &rest[1..];
                match escape {
                    b'r' => out.push(b'\r'),
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'x' => {
                        out.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                        rest = &rest[2..];
                    }
                    other => out.push(other),
                }
            }
            '{' => {
                let (inside, after) = rest.split_once('}').unwrap();
                let (what, count) = inside.split_once('*').unwrap();
                out.extend_from_slice(what.repeat(count.parse().unwrap()).as_bytes());
                rest = after;
            }
            c => out.push(c as u8),
        }
    }
    out
}

/// What a server that knows PING and ECHO answers, and whether it closes.
fn answer<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let mut decoder = Decoder::default();
    let (mut buf, mut out) = (Vec::new(), Vec::new());
    let mut pos = 0;
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            match decoder.decode(&buf[pos..]) {
                Ok(Decoded::Incomplete) => break,
                Ok(Decoded::Empty { consumed }) => pos += consumed,
                Ok(Decoded::Request { consumed }) => {
                    let args = decoder.args(&buf[pos..]);
                    match (args.get(0), args.get(1)) {
                        (Some(b"PING"), None) => write_pong(&mut out),
                        (Some(b"ECHO"), Some(text)) if args.len() == 2 => {
                            RespWriter::new(&mut out, Proto::Resp2).bulk(text);
                        }
                        _ => panic!("neither PING nor ECHO: {args:?}"),
                    }
                    pos += consumed;
                }
                Err(error) => {
                    error.write_reply(&mut out);
                    return (out, true);
                }
            }
        }
    }
    (out, false)
}

#[test]
fn requests_are_answered_as_written_down() {
    for case in cases() {
        let expected = (case.reply.escape_ascii().to_string(), case.closes);
        for step in [1, 7, usize::MAX] {
            let (reply, closes) = answer(case.send.chunks(step));
            let got = (reply.escape_ascii().to_string(), closes);
            assert_eq!(got, expected, "case at line {}, in pieces of {step}", case.line);
        }
    }
}

/// A redis-server that ends with the test.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        // Somebody else may take the port before redis-server does; then the next one is tried.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
                .arg(port.to_string())
                .stdout(Stdio::null())
                .spawn()
                .expect("this test needs redis-server: apt-get install redis-server");
            let mut redis = Self { child, port };
            if redis.answers() {
                return redis;
            }
        }
        panic!("redis-server does not start");
    }

    fn answers(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Sends the bytes and collects the answer. Waits long for what is expected and shortly for more.
    fn answer(&self, case: &Case) -> (Vec<u8>, bool) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // An early close may come before everything is sent.
        let _ = stream.write_all(&case.send);
        let mut reply = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let silence_next = !case.closes && reply.len() >= case.reply.len();
            let wait_ms = if silence_next || case.redis_differs { 200 } else { 10_000 };
            stream.set_read_timeout(Some(Duration::from_millis(wait_ms))).unwrap();
            match stream.read(&mut chunk) {
                Ok(0) => return (reply, true),
                Ok(n) => reply.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return (reply, true),
                Err(_) => return (reply, false),
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_genuine_redis_server_answers_the_same() {
    let redis = Redis::start();
    std::thread::scope(|scope| {
        for case in cases() {
            let redis = &redis;
            scope.spawn(move || {
                let expected = (case.reply.escape_ascii().to_string(), case.closes);
                let (reply, closes) = redis.answer(&case);
                let got = (reply.escape_ascii().to_string(), closes);
                assert_eq!(got == expected, !case.redis_differs, "line {}: {got:?}", case.line);
            });
        }
    });
}
