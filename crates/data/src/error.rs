//! The errors a command may answer, in Redis's own words (7.0); clients match on these texts.

/// A command that answers an error. Nothing was changed and nothing was written to the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub &'static str);

/// What a handler returns: `Ok` when the reply is in the sink.
pub type Outcome = Result<(), Failure>;

/// The key holds a value of another type.
pub const WRONG_TYPE: Failure =
    Failure("WRONGTYPE Operation against a key holding the wrong kind of value");
/// Options that do not parse, or exclude each other.
pub const SYNTAX: Failure = Failure("ERR syntax error");
/// An argument or a value that should be a 64-bit integer.
pub const NOT_INTEGER: Failure = Failure("ERR value is not an integer or out of range");
/// An argument or a value that should be a floating-point number.
pub const NOT_FLOAT: Failure = Failure("ERR value is not a valid float");
/// An index that must be positive or in a range.
pub const OUT_OF_RANGE: Failure = Failure("ERR index out of range");
/// RENAME, LSET and others on an absent key.
pub const NO_SUCH_KEY: Failure = Failure("ERR no such key");
/// SETRANGE, APPEND: the result would be larger than a bulk string may be.
pub const STRING_TOO_LONG: Failure =
    Failure("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
/// INCR and relatives.
pub const OVERFLOW: Failure = Failure("ERR increment or decrement would overflow");
/// DECRBY with the one number that has no negative.
pub const DECREMENT_OVERFLOW: Failure = Failure("ERR decrement would overflow");
/// INCRBYFLOAT and relatives.
pub const NAN_OR_INFINITY: Failure = Failure("ERR increment would produce NaN or Infinity");
/// A key that this partition does not own; the node routes, so a client never sees it.
pub const FOREIGN_KEY: Failure = Failure("ERR key belongs to another partition");
/// A command of the wrong length inside a transaction.
pub const ARITY: Failure = Failure("ERR wrong number of arguments");
/// A command inside a transaction that only the node can run.
pub const NOT_IN_TRANSACTION: Failure = Failure("ERR Command not allowed inside a transaction");
/// A key that a prepared transaction holds.
pub const HELD: Failure =
    Failure("TRYAGAIN A transaction over the key is not decided yet; nothing was written");
/// No error: a command found nothing and would wait. Whoever ran it arms the wait, or answers that there is nothing
/// where nothing may wait; no client ever sees this text.
pub const WAITING: Failure = Failure("WAITING");
