//! Commands on strings.

mod append;
mod delifeq;
mod expire_option;
mod get;
mod getdel;
mod getex;
mod getrange;
mod getset;
mod incr;
mod incrbyfloat;
mod lcs;
mod mget;
mod mset;
mod msetex;
mod set;
mod setex;
mod setnx;
mod setrange;
mod strlen;

use crate::command::Command;
use crate::commands::prelude::ReplySink;
use crate::object::Text;

/// The rows of this family, file by file.
pub(crate) const FILES: &[&[Command]] = &[
    append::ROWS,
    delifeq::ROWS,
    get::ROWS,
    getdel::ROWS,
    getex::ROWS,
    getrange::ROWS,
    getset::ROWS,
    incr::ROWS,
    incrbyfloat::ROWS,
    lcs::ROWS,
    mget::ROWS,
    mset::ROWS,
    msetex::ROWS,
    set::ROWS,
    setex::ROWS,
    setnx::ROWS,
    setrange::ROWS,
    strlen::ROWS,
];

/// Answers a string or its absence.
#[inline]
fn reply_text(text: Option<Text<'_>>, out: &mut dyn ReplySink) {
    match text {
        Some(text) => text.with(|bytes| out.bulk(bytes)),
        None => out.null(),
    }
}
