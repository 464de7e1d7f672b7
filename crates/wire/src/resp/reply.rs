//! Replies, read back. For those who stand on the client's side: tests, the command line, the
//! benchmark, and what comes by HTTP. The server never reads a reply of somebody else.

use super::number::parse_i64;

/// How deep aggregates may lie within each other.
const DEPTH_MAX: usize = 32;
/// The longest string or the most elements that are believed.
const LEN_MAX: usize = 1 << 30;

/// One reply, of either version of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+OK`.
    Simple(String),
    /// `-ERR ...`, or RESP3's `!` error.
    Error(String),
    /// `:1`.
    Integer(i64),
    /// `$3` and any bytes.
    Bulk(Vec<u8>),
    /// `_`, `$-1` or `*-1`.
    Null,
    /// `*2` and its elements.
    Array(Vec<Value>),
    /// `%1` and its pairs.
    Map(Vec<(Value, Value)>),
    /// `~2` and its elements.
    Set(Vec<Value>),
    /// `>2` and its elements: a message that answers no request.
    Push(Vec<Value>),
    /// `,3.1`.
    Double(f64),
    /// `#t` or `#f`.
    Boolean(bool),
    /// `(` and digits.
    BigNumber(String),
    /// `=`, three letters for the format, and the text.
    Verbatim(String, Vec<u8>),
}

/// The bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a RESP reply: {0}")]
pub struct ReplyError(&'static str);

type Cut<T> = Result<Option<T>, ReplyError>;

impl Value {
    /// Reads the reply at the start of `bytes` and says how long it is; `None` while it is not there
    /// as a whole. An attribute (`|`) is passed over.
    ///
    /// # Errors
    /// The bytes are no reply; the connection is of no more use.
    pub fn decode(bytes: &[u8]) -> Cut<(Self, usize)> {
        // Looking for the end first keeps a long reply, arriving in pieces, from being built each time.
        let Some(len) = reply_len(bytes)? else { return Ok(None) };
        let mut reader = Reader { bytes: &bytes[..len], pos: 0 };
        let value = reader.value()?;
        Ok(value.map(|value| (value, len)))
    }

    /// The text of a status, error, string or number; `None` for anything else or when it is no UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::BigNumber(text) => Some(text),
            Self::Bulk(bytes) | Self::Verbatim(_, bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// How long the reply at the start of `bytes` is; `None` while it is not there as a whole. Allocates
/// nothing.
///
/// # Errors
/// The bytes are no reply.
pub fn reply_len(bytes: &[u8]) -> Cut<usize> {
    let mut reader = Reader { bytes, pos: 0 };
    // How many values are still to come at each level.
    let mut left = [0usize; DEPTH_MAX];
    let mut depth = 0;
    left[0] = 1;
    loop {
        while left[depth] == 0 {
            if depth == 0 {
                return Ok(Some(reader.pos));
            }
            depth -= 1;
        }
        left[depth] -= 1;
        let Some(head) = reader.head()? else { return Ok(None) };
        let children = match head {
            Head::Text(..) => 0,
            Head::Null => 0,
            Head::String(_, len) => {
                if reader.take(len)?.is_none() {
                    return Ok(None);
                }
                0
            }
            Head::Aggregate(kind, len) => kind.values(len),
        };
        if children > 0 {
            depth += 1;
            *left.get_mut(depth).ok_or(ReplyError("nested too deeply"))? = children;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Array,
    Map,
    Set,
    Push,
    /// `|`: pairs, and then the value that they describe.
    Attribute,
}

impl Aggregate {
    fn values(self, len: usize) -> usize {
        match self {
            Self::Map => 2 * len,
            Self::Attribute => 2 * len + 1,
            _ => len,
        }
    }
}

enum Head<'a> {
    Text(u8, &'a [u8]),
    String(u8, usize),
    Aggregate(Aggregate, usize),
    Null,
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// `pos <= bytes.len()`: everything before it is read.
    pos: usize,
}

impl<'a> Reader<'a> {
    fn head(&mut self) -> Cut<Head<'a>> {
        let rest = &self.bytes[self.pos..];
        let Some(end) = memchr::memchr(b'\r', rest) else { return Ok(None) };
        let Some(after) = rest.get(end + 1) else { return Ok(None) };
        if *after != b'\n' || end == 0 {
            return Err(ReplyError("a line without its end"));
        }
        self.pos += end + 2;
        let text = &rest[1..end];
        let kind = match rest[0] {
            kind @ (b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(') => {
                return Ok(Some(Head::Text(kind, text)));
            }
            kind @ (b'$' | b'!' | b'=') => {
                let len = length(text)?;
                return Ok(Some(len.map_or(Head::Null, |len| Head::String(kind, len))));
            }
            b'*' => Aggregate::Array,
            b'%' => Aggregate::Map,
            b'~' => Aggregate::Set,
            b'>' => Aggregate::Push,
            b'|' => Aggregate::Attribute,
            _ => return Err(ReplyError("unknown type")),
        };
        Ok(Some(length(text)?.map_or(Head::Null, |len| Head::Aggregate(kind, len))))
    }

    fn take(&mut self, len: usize) -> Cut<&'a [u8]> {
        let rest = &self.bytes[self.pos..];
        if rest.len() < len + 2 {
            return Ok(None);
        }
        if &rest[len..len + 2] != b"\r\n" {
            return Err(ReplyError("a string without its end"));
        }
        self.pos += len + 2;
        Ok(Some(&rest[..len]))
    }

    /// Reads a value; its depth was bounded by [`reply_len`].
    fn value(&mut self) -> Cut<Value> {
        let Some(head) = self.head()? else { return Ok(None) };
        Ok(match head {
            Head::Null => Some(Value::Null),
            Head::Text(kind, text) => Some(scalar(kind, text)?),
            Head::String(kind, len) => match self.take(len)? {
                Some(bytes) => Some(string(kind, bytes)?),
                None => None,
            },
            Head::Aggregate(Aggregate::Attribute, len) => {
                for _ in 0..2 * len {
                    self.value()?;
                }
                self.value()?
            }
            Head::Aggregate(Aggregate::Map, len) => {
                let mut pairs = Vec::new();
                for _ in 0..len {
                    match (self.value()?, self.value()?) {
                        (Some(key), Some(value)) => pairs.push((key, value)),
                        _ => return Ok(None),
                    }
                }
                Some(Value::Map(pairs))
            }
            Head::Aggregate(kind, len) => self.values(len)?.map(match kind {
                Aggregate::Set => Value::Set,
                Aggregate::Push => Value::Push,
                _ => Value::Array,
            }),
        })
    }

    fn values(&mut self, len: usize) -> Cut<Vec<Value>> {
        let mut values = Vec::new();
        for _ in 0..len {
            match self.value()? {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(values))
    }
}

/// A length; `None` for -1, which says that there is no value.
fn length(text: &[u8]) -> Result<Option<usize>, ReplyError> {
    match parse_i64(text) {
        Some(-1) => Ok(None),
        Some(n) => usize::try_from(n)
            .ok()
            .filter(|n| *n <= LEN_MAX)
            .map(Some)
            .ok_or(ReplyError("an impossible length")),
        None => Err(ReplyError("a length that is no number")),
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn scalar(kind: u8, text: &[u8]) -> Result<Value, ReplyError> {
    Ok(match kind {
        b'+' => Value::Simple(utf8(text)),
        b'-' => Value::Error(utf8(text)),
        b':' => Value::Integer(parse_i64(text).ok_or(ReplyError("a bad integer"))?),
        b'_' => Value::Null,
        b',' => {
            let text = std::str::from_utf8(text).map_err(|_| ReplyError("a bad double"))?;
            Value::Double(text.parse().map_err(|_| ReplyError("a bad double"))?)
        }
        b'#' => match text {
            b"t" => Value::Boolean(true),
            b"f" => Value::Boolean(false),
            _ => return Err(ReplyError("a bad boolean")),
        },
        _ => Value::BigNumber(utf8(text)),
    })
}

fn string(kind: u8, bytes: &[u8]) -> Result<Value, ReplyError> {
    Ok(match kind {
        b'$' => Value::Bulk(bytes.to_vec()),
        b'!' => Value::Error(utf8(bytes)),
        _ => {
            let (format, text) = bytes.split_at_checked(4).ok_or(ReplyError("a bad verbatim"))?;
            Value::Verbatim(utf8(&format[..3]), text.to_vec())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_whole_or_not_at_all() {
        let bytes = b"%1\r\n$3\r\nkey\r\n*3\r\n:1\r\n_\r\n|1\r\n+a\r\n+b\r\n#t\r\n";
        let expected = Value::Map(vec![(
            Value::Bulk(b"key".to_vec()),
            Value::Array(vec![Value::Integer(1), Value::Null, Value::Boolean(true)]),
        )]);
        assert_eq!(Value::decode(bytes), Ok(Some((expected, bytes.len()))));
        for cut in 0..bytes.len() {
            assert_eq!(Value::decode(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in
            ["?\r\n", "\r\n", ":x\r\n", "$-2\r\n", "$1\r\nabc", "#x\r\n", ",x\r\n", "=1\r\na\r\n"]
        {
            assert!(Value::decode(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(Value::decode("*1\r\n".repeat(100).as_bytes()).is_err());
    }
}
