//! Requests decoded ahead of their execution, so that whoever executes them knows what is coming.
//!
//! Nothing is copied: a [`Lookahead`] notes where the arguments lie in buffers that its user keeps.

use super::decode::Span;
use super::{Args, Decoded, Decoder, ProtocolError};
use std::ops::Range;

/// Why [`Lookahead::decode`] went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// The request there is not complete yet.
    Incomplete,
    /// It has decoded as many as it was asked for.
    Full,
    /// An inline request of this many bytes stands there. Its words lie in the decoder, so it has to be
    /// executed before the decoder is used again.
    Inline {
        /// How long it is, in bytes.
        consumed: usize,
    },
    /// What stands there is no request.
    Failed(ProtocolError),
}

/// More bookkeeping than this is given back when it is done with.
const SPANS_KEPT: usize = 64 << 10;

#[derive(Clone, Copy, Debug)]
struct Request {
    start: usize,
    end: usize,
    /// Its arguments are those before this one and behind the previous request's.
    spans_end: usize,
}

/// Requests, in the order in which they were decoded.
#[derive(Debug, Default)]
pub struct Lookahead {
    spans: Vec<Span>,
    requests: Vec<Request>,
}

impl Lookahead {
    /// Forgets all requests.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.requests.clear();
        if self.spans.capacity() > SPANS_KEPT {
            self.spans.shrink_to(SPANS_KEPT);
        }
    }

    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Adds up to `max` requests that stand in `buf` from `from` on; says where it stopped and why.
    /// `decoder` is at the start of a request, or has seen all of `buf[from..]` but its new end.
    pub fn decode(
        &mut self,
        decoder: &mut Decoder,
        buf: &[u8],
        mut from: usize,
        max: usize,
    ) -> (usize, Ahead) {
        let full = self.requests.len() + max;
        while self.requests.len() < full {
            match decoder.decode(&buf[from..]) {
                Ok(Decoded::Incomplete) => return (from, Ahead::Incomplete),
                Ok(Decoded::Empty { consumed }) => from += consumed,
                Ok(Decoded::Request { consumed }) => {
                    let Some(spans) = decoder.spans_in_buffer() else {
                        return (from, Ahead::Inline { consumed });
                    };
                    self.spans.extend_from_slice(spans);
                    let (start, end) = (from, from + consumed);
                    self.requests.push(Request { start, end, spans_end: self.spans.len() });
                    from = end;
                }
                Err(error) => return (from, Ahead::Failed(error)),
            }
        }
        (from, Ahead::Full)
    }

    /// Where request `n` stands in `buf`, the buffer it was decoded from, and its arguments; `n < len`.
    #[inline]
    #[must_use]
    pub fn get<'a>(&'a self, n: usize, buf: &'a [u8]) -> (Range<usize>, Args<'a>) {
        let request = self.requests[n];
        let first = n.checked_sub(1).map_or(0, |before| self.requests[before].spans_end);
        let args = Args::new(&buf[request.start..], &self.spans[first..request.spans_end]);
        (request.start..request.end, args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(ahead: &Lookahead, buf: &[u8]) -> Vec<Vec<String>> {
        let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        (0..ahead.len()).map(|n| ahead.get(n, buf).1.iter().map(text).collect()).collect()
    }

    #[test]
    fn requests_are_found_in_order_up_to_what_stops_it() {
        let two = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n\r\n*1\r\n$4\r\nPING\r\n";
        let rest: [(&[u8], Ahead); 4] = [
            (b"", Ahead::Incomplete),
            (b"*1\r\n$4\r\nPI", Ahead::Incomplete),
            (b"PING x\r\n", Ahead::Inline { consumed: 8 }),
            (b"*1\r\n!", Ahead::Incomplete),
        ];
        for (rest, stop) in rest {
            let buf = [&two[..], rest].concat();
            let (mut ahead, mut decoder) = (Lookahead::default(), Decoder::default());
            assert_eq!(ahead.decode(&mut decoder, &buf, 0, 9), (two.len(), stop));
            assert_eq!(words(&ahead, &buf), [vec!["GET", "a"], vec!["PING"]]);
            assert_eq!(ahead.get(0, &buf).0, 0..20);
        }
    }

    #[test]
    fn what_is_no_request_is_told_behind_those_that_are() {
        let buf = b"*1\r\n$4\r\nPING\r\n*1\r\n!4\r\nPING\r\n";
        let (mut ahead, mut decoder) = (Lookahead::default(), Decoder::default());
        let (at, stop) = ahead.decode(&mut decoder, buf, 0, 9);
        assert_eq!((at, ahead.len()), (14, 1));
        assert_eq!(stop, Ahead::Failed(ProtocolError::ExpectedDollar(b'!')));
    }

    #[test]
    fn it_goes_on_where_it_was_full_and_a_decoder_can_start_over() {
        let buf = b"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n*1\r\n$4";
        let (mut ahead, mut decoder) = (Lookahead::default(), Decoder::default());
        assert_eq!(ahead.decode(&mut decoder, buf, 0, 1), (14, Ahead::Full));
        let (at, stop) = ahead.decode(&mut decoder, buf, 14, 5);
        assert_eq!((ahead.len(), stop), (2, Ahead::Incomplete));
        assert!(at < buf.len());
        decoder.restart();
        ahead.clear();
        ahead.decode(&mut decoder, buf, 14, 5);
        assert_eq!(words(&ahead, buf), [vec!["ECHO", "x"]]);
    }
}
