//! Replies, written straight into a connection's output buffer.

use super::double::DoubleText;
use synod_types::ReplySink;

/// Up to this length the room for replies doubles, in bytes.
const DOUBLED_BYTES_MAX: usize = 64 << 10;

/// Which version of the protocol a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// What every connection begins with.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// Appends replies to a buffer.
#[derive(Debug)]
pub struct RespWriter<'a> {
    out: &'a mut Vec<u8>,
    proto: Proto,
}

impl<'a> RespWriter<'a> {
    /// A writer that appends to `out`.
    #[inline]
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, proto: Proto) -> Self {
        Self { out, proto }
    }

    /// The version it writes.
    #[must_use]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Announces a message of `len` elements that answers no request (RESP2: an array).
    pub fn push(&mut self, len: usize) {
        let kind = if self.is_resp3() { b'>' } else { b'*' };
        header(self.out, kind, len);
    }

    /// Appends bytes that are replies already, such as those a peer has sent.
    #[inline]
    pub fn raw(&mut self, replies: &[u8]) {
        make_room(self.out, replies.len());
        self.out.extend_from_slice(replies);
    }
}

/// Appends `+OK`.
#[inline]
pub fn write_ok(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+OK\r\n");
}

/// Appends `+PONG`.
#[inline]
pub fn write_pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+PONG\r\n");
}

/// Appends `+QUEUED`.
#[inline]
pub fn write_queued(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+QUEUED\r\n");
}

/// Appends a request: an array of bulk strings.
pub fn write_request(out: &mut Vec<u8>, args: &[&[u8]]) {
    header(out, b'*', args.len());
    for arg in args {
        bulk_of_kind(out, b'$', arg);
    }
}

#[inline]
fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    // One digit is the common case and needs no conversion.
    if len < 10 {
        out.extend_from_slice(&[kind, b'0' + len as u8, b'\r', b'\n']);
        return;
    }
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Makes room for so many bytes more. What is long already does not double: of replies that wait for their clients nearly
/// all would be room for more.
#[inline]
fn make_room(out: &mut Vec<u8>, more: usize) {
    if out.len() > DOUBLED_BYTES_MAX && out.capacity() - out.len() < more {
        out.reserve_exact(more.max(out.len() / 4));
    } else {
        out.reserve(more);
    }
}

#[inline]
fn bulk_of_kind(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    make_room(out, bytes.len() + 16);
    header(out, kind, bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, kind: u8, text: &str) {
    out.reserve(text.len() + 3);
    out.push(kind);
    out.extend(text.bytes().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }));
    out.extend_from_slice(b"\r\n");
}

impl ReplySink for RespWriter<'_> {
    #[inline]
    fn simple(&mut self, text: &str) {
        line(self.out, b'+', text);
    }

    fn error(&mut self, text: &str) {
        line(self.out, b'-', text);
    }

    #[inline]
    fn integer(&mut self, n: i64) {
        if (0..10).contains(&n) {
            self.out.extend_from_slice(&[b':', b'0' + n as u8, b'\r', b'\n']);
            return;
        }
        self.out.push(b':');
        self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn bulk(&mut self, bytes: &[u8]) {
        bulk_of_kind(self.out, b'$', bytes);
    }

    #[inline]
    fn null(&mut self) {
        let null: &[u8] = if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" };
        self.out.extend_from_slice(null);
    }

    fn null_array(&mut self) {
        let null: &[u8] = if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" };
        self.out.extend_from_slice(null);
    }

    #[inline]
    fn array(&mut self, len: usize) {
        header(self.out, b'*', len);
    }

    fn map(&mut self, len: usize) {
        if self.is_resp3() {
            header(self.out, b'%', len);
        } else {
            header(self.out, b'*', 2 * len);
        }
    }

    fn set(&mut self, len: usize) {
        header(self.out, if self.is_resp3() { b'~' } else { b'*' }, len);
    }

    fn double(&mut self, x: f64) {
        let text = DoubleText::new(x);
        if self.is_resp3() {
            self.out.push(b',');
            self.out.extend_from_slice(text.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text.as_bytes());
        }
    }

    fn double_bulk(&mut self, x: f64) {
        self.bulk(DoubleText::new(x).as_bytes());
    }

    fn boolean(&mut self, b: bool) {
        match (self.proto, b) {
            (Proto::Resp3, true) => self.out.extend_from_slice(b"#t\r\n"),
            (Proto::Resp3, false) => self.out.extend_from_slice(b"#f\r\n"),
            (Proto::Resp2, b) => self.integer(i64::from(b)),
        }
    }

    fn verbatim(&mut self, text: &str) {
        self.verbatim_as("txt", text.as_bytes());
    }

    fn verbatim_as(&mut self, format: &str, text: &[u8]) {
        if self.is_resp3() && format.len() == 3 {
            self.out.reserve(text.len() + 20);
            header(self.out, b'=', text.len() + 4);
            self.out.extend_from_slice(format.as_bytes());
            self.out.push(b':');
            self.out.extend_from_slice(text);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    fn attribute(&mut self, len: usize) -> bool {
        if self.is_resp3() {
            header(self.out, b'|', len);
        }
        self.is_resp3()
    }

    fn big_number(&mut self, digits: &str) {
        if self.is_resp3() {
            self.out.push(b'(');
            self.out.extend_from_slice(digits.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(digits.as_bytes());
        }
    }

    #[inline]
    fn is_resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
