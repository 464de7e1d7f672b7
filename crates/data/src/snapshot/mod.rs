//! Snapshots of a keyspace, taken slot by slot while writes go on.
//!
//! ```text
//! header   01 format:u8 first:u16 last:u16 changes:varint
//! script   07 loaded:u8 len:varint bytes          one that EVALSHA finds; all of them follow the header
//! library  08 name:bytes text:bytes functions:varint (name:bytes flags:u8 described:u8 description:bytes)...
//! lock     09 len:varint bytes                    one lock, see `synod_locks`; all of them follow the libraries
//! txn      0A len:varint bytes                    one record of a transaction, see `synod_txn`; all follow the locks
//! slot     02 slot:u16 absent_version:varint      the objects that follow are of this slot
//! packed   03 len:varint bytes                    an object in its packed layout, as it lies in memory
//! full     04 form:u8 version:varint expire:varint(0: none, else + 1) key:bytes value:bytes
//! end      05 keys:varint
//! part     06 last:u8 bytes                       a piece of a packed or full record that is too long for a chunk
//! ```
//!
//! Little-endian. A form is the kind of the value, or 6 for a hash whose fields expire. One header, one end, and between them slots in any order; a slot may come in several
//! runs, whose objects are appended in dense order, so a restored replica makes the same random
//! choices. Parts follow each other with nothing in between. A write to a slot not yet emitted emits it first: the snapshot is the state at its begin.

mod read;
mod run;

pub(crate) use read::{take_full, take_image, take_library, take_packed};
pub(crate) use run::{Head, Run, put_image};

/// The version of the format written, and the only one read.
pub(crate) const FORMAT: u8 = 2;

/// The record tags.
pub(crate) mod tag {
    pub const HEADER: u8 = 1;
    pub const SLOT: u8 = 2;
    pub const PACKED: u8 = 3;
    pub const FULL: u8 = 4;
    pub const END: u8 = 5;
    pub const PART: u8 = 6;
    pub const SCRIPT: u8 = 7;
    pub const LIBRARY: u8 = 8;
    pub const LOCK: u8 = 9;
    pub const TRANSACTION: u8 = 10;
}
