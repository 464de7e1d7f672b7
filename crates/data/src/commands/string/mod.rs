//! Commands on strings.

pub(crate) mod append;
mod expire_option;
pub(crate) mod get;
pub(crate) mod getdel;
pub(crate) mod getex;
pub(crate) mod getrange;
pub(crate) mod getset;
pub(crate) mod incr;
pub(crate) mod incrbyfloat;
pub(crate) mod mget;
pub(crate) mod mset;
pub(crate) mod set;
pub(crate) mod setex;
pub(crate) mod setnx;
pub(crate) mod setrange;
pub(crate) mod strlen;

use crate::commands::prelude::ReplySink;
use crate::object::Text;

/// Answers a string or its absence.
#[inline]
fn reply_text(text: Option<Text<'_>>, out: &mut dyn ReplySink) {
    match text {
        Some(text) => text.with(|bytes| out.bulk(bytes)),
        None => out.null(),
    }
}
