//! Requests, decoded as they arrive.
//!
//! A [`Decoder`] belongs to one connection. It is shown the bytes received and not yet consumed, always
//! from the start of the current request, and remembers how far it has read them, so that a request
//! arriving in a thousand pieces is still scanned once. Arguments are not copied: [`Args`] is a view of
//! the caller's buffer.

use super::ProtocolError;
use super::inline::split_words;
use super::number::parse_i64;
use synod_types::limits;

/// What one request may cost. Lengths are in bytes and at most `u32::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest argument.
    pub bulk_bytes_max: usize,
    /// The most arguments.
    pub args_max: usize,
    /// The longest inline command, and the longest line that holds a length.
    pub inline_bytes_max: usize,
    /// The longest request, framing included.
    pub request_bytes_max: usize,
    /// Whether the client may be told that it would be allowed more after logging in.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bulk_bytes_max: limits::BULK_BYTES_MAX,
            args_max: limits::ARGS_MAX,
            inline_bytes_max: limits::INLINE_BYTES_MAX,
            request_bytes_max: limits::REQUEST_BYTES_MAX,
            authenticated: true,
        }
    }
}

impl Limits {
    /// What a client may send before it has logged in: the numbers of Redis, enough for `HELLO` and
    /// `AUTH`.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self {
            bulk_bytes_max: 16 << 10,
            args_max: 10,
            inline_bytes_max: limits::INLINE_BYTES_MAX,
            request_bytes_max: 256 << 10,
            authenticated: false,
        }
    }
}

/// What [`Decoder::decode`] found at the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// The request goes on behind the bytes received so far.
    Incomplete,
    /// A request; see [`Decoder::args`].
    Request {
        /// How long it is, in bytes.
        consumed: usize,
    },
    /// An empty line, `*0` or `*-1`. Redis passes over these without an answer.
    Empty {
        /// How long it is, in bytes.
        consumed: usize,
    },
}

/// Where an argument lies. Offsets fit u32 because a request is at most `u32::MAX` bytes long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    #[inline]
    pub(super) fn new(start: usize, len: usize) -> Self {
        Self { start: start as u32, len: len as u32 }
    }

    #[inline]
    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &bytes[start..start + self.len as usize]
    }
}

/// What the decoder expects at `pos`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// The first byte of a request.
    Start,
    /// The line `*<n>`.
    Count,
    /// The line `$<n>` of the next argument.
    Length,
    /// An argument of this many bytes and its line end.
    Body(usize),
    /// The end of an inline command.
    InlineEnd,
    /// Nothing: the request is complete, its arguments lie in the caller's buffer.
    Done,
    /// Nothing: the request is complete, its arguments lie in `words`.
    DoneInline,
    /// Nothing: nobody knows where the next request begins.
    Failed(ProtocolError),
}

/// Requests beyond these sizes give their bookkeeping back when they are done with.
const SPANS_KEPT: usize = 1024;
const WORDS_KEPT: usize = 4096;

/// Reads the requests of one connection.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    expect: Expect,
    /// Everything before this offset is understood.
    pos: usize,
    /// `pos <= scanned`: the current line has no end before this offset.
    scanned: usize,
    /// How many arguments are still to come, the current one included.
    args_left: usize,
    /// How many bytes were missing when the buffer was last looked at; 0 when that is not known.
    missing: usize,
    spans: Vec<Span>,
    /// The unquoted words of an inline command.
    words: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            expect: Expect::Start,
            pos: 0,
            scanned: 0,
            args_left: 0,
            missing: 0,
            spans: Vec::new(),
            words: Vec::new(),
        }
    }

    /// Changes the limits, from the next line of a length on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Looks at `buf`, which begins where the current request begins: after `Request` or `Empty` the
    /// next call gets what follows the `consumed` bytes, after `Incomplete` the same bytes and more.
    ///
    /// # Errors
    /// The bytes are no request. The connection is to be closed after the reply of
    /// [`ProtocolError::write_reply`]; whatever the decoder is shown from then on is the same error.
    #[inline]
    pub fn decode(&mut self, buf: &[u8]) -> Result<Decoded, ProtocolError> {
        let decoded = self.step(buf);
        if let Err(error) = decoded {
            self.reset();
            self.expect = Expect::Failed(error);
        }
        decoded
    }

    #[inline]
    fn step(&mut self, buf: &[u8]) -> Result<Decoded, ProtocolError> {
        if matches!(self.expect, Expect::Start | Expect::Done | Expect::DoneInline) {
            self.reset();
            match buf.first() {
                None => return Ok(Decoded::Incomplete),
                Some(b'*') => self.expect = Expect::Count,
                Some(_) => self.expect = Expect::InlineEnd,
            }
        }
        match self.expect {
            Expect::InlineEnd => self.decode_inline(buf),
            Expect::Failed(error) => Err(error),
            _ => self.decode_multibulk(buf),
        }
    }

    /// The arguments of the request that [`Self::decode`] has just returned, given the same buffer.
    /// Empty before that.
    #[inline]
    #[must_use]
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> Args<'a> {
        match self.expect {
            Expect::Done => Args { bytes: buf, spans: &self.spans },
            Expect::DoneInline => Args { bytes: &self.words, spans: &self.spans },
            _ => Args { bytes: &[], spans: &[] },
        }
    }

    /// Where the arguments of the request just decoded lie in the caller's buffer; `None` for an inline
    /// request, whose words lie here.
    #[inline]
    pub(super) fn spans_in_buffer(&self) -> Option<&[Span]> {
        (self.expect == Expect::Done).then_some(&self.spans[..])
    }

    /// Forgets what it has seen: the next bytes shown begin a request.
    pub fn restart(&mut self) {
        self.reset();
    }

    /// After `Incomplete`: at least how many bytes more the request needs; 0 when that is not known.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }

    #[inline]
    fn reset(&mut self) {
        self.expect = Expect::Start;
        self.pos = 0;
        self.scanned = 0;
        self.missing = 0;
        self.spans.clear();
        self.words.clear();
        if self.spans.capacity() > SPANS_KEPT {
            self.spans.shrink_to(SPANS_KEPT);
        }
        if self.words.capacity() > WORDS_KEPT {
            self.words.shrink_to(WORDS_KEPT);
        }
    }

    #[inline]
    fn decode_multibulk(&mut self, buf: &[u8]) -> Result<Decoded, ProtocolError> {
        if self.expect == Expect::Count {
            let Some(count) = self.number_line(buf, ProtocolError::TooBigMultibulkCount)? else {
                return Ok(Decoded::Incomplete);
            };
            self.args_left = self.accept_count(count)?;
            if self.args_left == 0 {
                self.expect = Expect::Start;
                return Ok(Decoded::Empty { consumed: self.pos });
            }
            self.expect = Expect::Length;
        }
        loop {
            let len = match self.expect {
                Expect::Body(len) => len,
                _ => match self.length_line(buf)? {
                    Some(len) => len,
                    None => return Ok(Decoded::Incomplete),
                },
            };
            // The two bytes behind the argument are passed over unseen, as Redis does.
            let end = self.pos + len + 2;
            if buf.len() < end {
                self.expect = Expect::Body(len);
                self.missing = end - buf.len();
                return Ok(Decoded::Incomplete);
            }
            self.spans.push(Span::new(self.pos, len));
            self.pos = end;
            self.scanned = end;
            self.args_left -= 1;
            if self.args_left == 0 {
                self.expect = Expect::Done;
                return Ok(Decoded::Request { consumed: end });
            }
            self.expect = Expect::Length;
        }
    }

    fn accept_count(&self, count: Option<i64>) -> Result<usize, ProtocolError> {
        // Redis refuses more than i32::MAX here whatever it would have been called afterwards.
        let count = count
            .filter(|n| *n <= i64::from(i32::MAX))
            .ok_or(ProtocolError::InvalidMultibulkLength)?;
        let count = usize::try_from(count).unwrap_or(0);
        if count <= self.limits.args_max {
            Ok(count)
        } else if self.limits.authenticated {
            Err(ProtocolError::InvalidMultibulkLength)
        } else {
            Err(ProtocolError::UnauthenticatedMultibulkLength)
        }
    }

    /// Reads the line `$<n>` at `pos`, if it has arrived as a whole.
    #[inline]
    fn length_line(&mut self, buf: &[u8]) -> Result<Option<usize>, ProtocolError> {
        // Nearly every argument is shorter than 100 bytes.
        let len = match buf.get(self.pos..) {
            Some([b'$', a @ b'0'..=b'9', b'\r', _, ..]) => {
                self.pos += 4;
                usize::from(a - b'0')
            }
            Some([b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..]) => {
                self.pos += 5;
                usize::from(a - b'0') * 10 + usize::from(b - b'0')
            }
            _ => return self.length_line_any(buf),
        };
        self.check_length(len).map(Some)
    }

    fn length_line_any(&mut self, buf: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let start = self.pos;
        let Some(len) = self.number_line(buf, ProtocolError::TooBigBulkCount)? else {
            return Ok(None);
        };
        // The line is complete, so its first byte is there.
        if buf[start] != b'$' {
            return Err(ProtocolError::ExpectedDollar(buf[start]));
        }
        let len = len.and_then(|n| usize::try_from(n).ok());
        self.check_length(len.ok_or(ProtocolError::InvalidBulkLength)?).map(Some)
    }

    #[inline]
    fn check_length(&self, len: usize) -> Result<usize, ProtocolError> {
        if len > self.limits.bulk_bytes_max {
            return Err(if self.limits.authenticated || len > limits::BULK_BYTES_MAX {
                ProtocolError::InvalidBulkLength
            } else {
                ProtocolError::UnauthenticatedBulkLength
            });
        }
        if self.pos + len + 2 > self.limits.request_bytes_max {
            return Err(ProtocolError::TooBigRequest);
        }
        Ok(len)
    }

    /// Reads the line at `pos`: one byte of any kind, then a number, CR, and a byte that should be LF.
    /// The outer `None` says that the line goes on, the inner one that there is no number. An argument
    /// line that does not begin with `$` has no number either; the caller looks at that first.
    fn number_line(
        &mut self,
        buf: &[u8],
        too_long: ProtocolError,
    ) -> Result<Option<Option<i64>>, ProtocolError> {
        let end = memchr::memchr(b'\r', &buf[self.scanned..]).map(|i| self.scanned + i);
        let line_len = end.unwrap_or(buf.len()) - self.pos;
        if line_len > self.limits.inline_bytes_max {
            return Err(too_long);
        }
        match end {
            Some(end) if end + 1 < buf.len() => {
                let digits = &buf[(self.pos + 1).min(end)..end];
                self.pos = end + 2;
                self.scanned = self.pos;
                Ok(Some(parse_i64(digits)))
            }
            _ => {
                self.scanned = end.unwrap_or(buf.len());
                self.missing = 0;
                Ok(None)
            }
        }
    }

    #[cold]
    fn decode_inline(&mut self, buf: &[u8]) -> Result<Decoded, ProtocolError> {
        let end = memchr::memchr(b'\n', &buf[self.scanned..]).map(|i| self.scanned + i);
        if end.unwrap_or(buf.len()) > self.limits.inline_bytes_max {
            return Err(ProtocolError::TooBigInline);
        }
        let Some(end) = end else {
            self.scanned = buf.len();
            return Ok(Decoded::Incomplete);
        };
        let line = &buf[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        split_words(line, &mut self.words, &mut self.spans)?;
        let consumed = end + 1;
        if self.spans.is_empty() {
            self.expect = Expect::Start;
            return Ok(Decoded::Empty { consumed });
        }
        self.expect = Expect::DoneInline;
        Ok(Decoded::Request { consumed })
    }
}

/// The arguments of one request, the command's name first.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// How many there are; at least 1 in a request.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// One of them.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.bytes))
    }

    /// All of them, in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| span.of(bytes))
    }

    /// Puts them into `out` (a `Vec`, a `SmallVec`), behind what is there.
    #[inline]
    pub fn append_to(&self, out: &mut impl Extend<&'a [u8]>) {
        out.extend(self.iter());
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.escape_ascii().to_string())).finish()
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
