//! The ends of an interval of ids, which XRANGE, XPENDING and XAUTOCLAIM read off their arguments.

use super::id;
use crate::commands::prelude::*;
use crate::value::stream::StreamId;

const START: Failure = Failure("ERR invalid start ID for the interval");
const END: Failure = Failure("ERR invalid end ID for the interval");

/// The lower end; `(` leaves the id itself out.
pub(super) fn start(arg: &[u8]) -> Result<StreamId, Failure> {
    Ok(match arg {
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        [b'(', open @ ..] => id(open, 0)?.next().ok_or(START)?,
        closed => id(closed, 0)?,
    })
}

/// The upper end.
pub(super) fn end(arg: &[u8]) -> Result<StreamId, Failure> {
    Ok(match arg {
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        [b'(', open @ ..] => id(open, u64::MAX)?.prev().ok_or(END)?,
        closed => id(closed, u64::MAX)?,
    })
}
