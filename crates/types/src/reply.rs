//! Where a command puts its answer.
//!
//! A command writes its reply piece by piece into a sink, so that a value is copied once, from the
//! keyspace into the output buffer of the connection, and so that each protocol (RESP2, RESP3, and the
//! ones to come) spells the same answer in its own way. A replica that answers nobody uses `()`.

/// Receives one reply, in pieces: an aggregate announces its length and its elements follow.
pub trait ReplySink {
    /// A status line such as `OK`; holds no CR or LF.
    fn simple(&mut self, text: &str);
    /// An error line with its prefix, such as `ERR syntax error`; CR and LF are replaced by spaces.
    fn error(&mut self, text: &str);
    /// An integer.
    fn integer(&mut self, n: i64);
    /// A string of any bytes.
    fn bulk(&mut self, bytes: &[u8]);
    /// The absent value (RESP2: null bulk).
    fn null(&mut self);
    /// The absent array (RESP2: null array; RESP3 has one null).
    fn null_array(&mut self);
    /// An array of `len` elements, which follow.
    fn array(&mut self, len: usize);
    /// A map of `len` pairs, which follow (RESP2: an array of `2 * len`).
    fn map(&mut self, len: usize);
    /// A set of `len` elements, which follow (RESP2: an array).
    fn set(&mut self, len: usize);
    /// A floating-point number (RESP2: a bulk string), spelled as Redis does.
    fn double(&mut self, x: f64);
    /// A floating-point number that stays a bulk string in every protocol (ZSCAN), spelled as Redis does.
    fn double_bulk(&mut self, x: f64) {
        self.double(x);
    }
    /// A truth value (RESP2: the integer 1 or 0).
    fn boolean(&mut self, b: bool);
    /// Text for people (RESP2: a bulk string).
    fn verbatim(&mut self, text: &str);
    /// Text of any format, which has three letters (RESP2: a bulk string).
    fn verbatim_as(&mut self, format: &str, text: &[u8]) {
        let _ = format;
        self.bulk(text);
    }
    /// An integer of any size, in decimal digits (RESP2: a bulk string).
    fn big_number(&mut self, digits: &str) {
        self.bulk(digits.as_bytes());
    }
    /// Announces an attribute of `len` pairs, which follow, for the reply behind them. Whether the client takes it; who speaks
    /// RESP2 is sent nothing.
    fn attribute(&mut self, _len: usize) -> bool {
        false
    }
    /// Whether the client speaks RESP3; a few commands (`ZRANGE WITHSCORES`, `HRANDFIELD`) nest their
    /// answer differently then.
    fn is_resp3(&self) -> bool;
}

impl ReplySink for () {
    fn simple(&mut self, _: &str) {}
    fn error(&mut self, _: &str) {}
    fn integer(&mut self, _: i64) {}
    fn bulk(&mut self, _: &[u8]) {}
    fn null(&mut self) {}
    fn null_array(&mut self) {}
    fn array(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}
    fn set(&mut self, _: usize) {}
    fn double(&mut self, _: f64) {}
    fn boolean(&mut self, _: bool) {}
    fn verbatim(&mut self, _: &str) {}
    fn is_resp3(&self) -> bool {
        false
    }
}
