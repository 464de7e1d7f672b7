//! What is wrong with a request that cannot be read. The client is told in Redis's own words and the
//! connection is closed, because nobody knows where the next request begins.

use std::fmt;

/// A request that breaks the protocol. No part of it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// `*<n>` is not a number or more than the limit.
    InvalidMultibulkLength,
    /// `$<n>` is not a number, negative, or more than the limit.
    InvalidBulkLength,
    /// An argument does not begin with `$` but with this byte.
    ExpectedDollar(u8),
    /// An inline command longer than the limit.
    TooBigInline,
    /// The line of `*<n>` is longer than the limit.
    TooBigMultibulkCount,
    /// The line of `$<n>` is longer than the limit.
    TooBigBulkCount,
    /// A quote in an inline command is not closed, or text follows it directly.
    UnbalancedQuotes,
    /// More arguments than a client that has not logged in may send.
    UnauthenticatedMultibulkLength,
    /// A longer argument than a client that has not logged in may send.
    UnauthenticatedBulkLength,
    /// All arguments together are longer than the limit. (Redis closes without a word.)
    TooBigRequest,
}

impl ProtocolError {
    /// Whether it would be none if the client had logged in.
    #[must_use]
    pub const fn is_of_strangers(self) -> bool {
        matches!(self, Self::UnauthenticatedMultibulkLength | Self::UnauthenticatedBulkLength)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::InvalidMultibulkLength => "Protocol error: invalid multibulk length",
            Self::InvalidBulkLength => "Protocol error: invalid bulk length",
            Self::ExpectedDollar(_) => "Protocol error: expected '$', got '",
            Self::TooBigInline => "Protocol error: too big inline request",
            Self::TooBigMultibulkCount => "Protocol error: too big mbulk count string",
            Self::TooBigBulkCount => "Protocol error: too big bulk count string",
            Self::UnbalancedQuotes => "Protocol error: unbalanced quotes in request",
            Self::UnauthenticatedMultibulkLength => {
                "Protocol error: unauthenticated multibulk length"
            }
            Self::UnauthenticatedBulkLength => "Protocol error: unauthenticated bulk length",
            Self::TooBigRequest => "Protocol error: request too large",
        }
    }

    /// Appends the whole error reply, `-ERR ...\r\n`. Unlike the text of `Display` it repeats an
    /// unexpected byte as it came, even one that is no text.
    pub fn write_reply(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"-ERR ");
        out.extend_from_slice(self.text().as_bytes());
        if let Self::ExpectedDollar(byte) = self {
            out.push(if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
            out.push(b'\'');
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            Self::ExpectedDollar(byte) => write!(f, "{}'", byte.escape_ascii()),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ProtocolError {}
