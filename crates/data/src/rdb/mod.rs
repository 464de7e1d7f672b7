//! Values in Redis's own format, as DUMP and RESTORE carry them: data moves between Synod and Redis both ways.
//!
//! ```text
//! payload:  type u8 | value | version u16 | CRC-64 of all before it
//! ```
//! Little-endian. Written is the plainest form that Redis 7.0 and all later ones load; read is every form that Redis
//! 2.6 to 7.4 writes, except what modules need. A hash whose fields expire is written as 7.4 and later load it.

mod crc64;
mod intset;
mod listpack;
mod lzf;
mod reader;
mod stream_reader;
mod stream_writer;
mod value_reader;
mod value_writer;
mod ziplist;

#[cfg(test)]
mod tests;

use crate::error::Failure;
use crate::object::Object;
use crc64::crc64;
use reader::Reader;

/// The version that is written: Redis 7.0's.
const VERSION_WRITTEN: u16 = 10;
/// The version that is written where fields of a hash expire: Redis 7.4's.
const VERSION_WITH_FIELD_TIMES: u16 = 12;
/// The highest version that is read: Redis 7.4's.
const VERSION_MAX: u16 = 12;
/// The version and the checksum behind a value.
const FOOTER_BYTES: usize = 10;

/// What a payload has besides the value: its type, the version and the checksum.
pub(crate) const FRAME_BYTES: usize = 1 + FOOTER_BYTES;

/// A version from the future, or bytes that are not as they were written.
const FOOTER_WRONG: Failure = Failure("ERR DUMP payload version or checksum are wrong");
/// Bytes that no Redis writes.
const MALFORMED: Failure = Failure("ERR Bad data format");

/// The types of a value. The names are those of Redis's `rdb.h`.
mod tag {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const ZSET_2: u8 = 5;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM_LISTPACKS: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_LISTPACKS_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_LISTPACKS_3: u8 = 21;
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
    /// No value: a library of functions.
    pub const FUNCTION: u8 = 245;
}

/// What DUMP answers for a value.
pub(crate) fn dump(object: &Object) -> Vec<u8> {
    let mut payload = Vec::with_capacity(object.heap_bytes() + FOOTER_BYTES);
    value_writer::put(&mut payload, object);
    end(
        &mut payload,
        if object.due().field.is_some() { VERSION_WITH_FIELD_TIMES } else { VERSION_WRITTEN },
    );
    payload
}

/// What FUNCTION DUMP answers for the texts of libraries.
pub(crate) fn dump_libraries<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut payload = Vec::new();
    for text in texts {
        payload.push(tag::FUNCTION);
        value_writer::put_string(&mut payload, text);
    }
    end(&mut payload, VERSION_WRITTEN);
    payload
}

/// Puts the footer behind what was written.
fn end(payload: &mut Vec<u8>, version: u16) {
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = crc64(payload);
    payload.extend_from_slice(&sum.to_le_bytes());
}

/// The value of a payload, under a key.
///
/// # Errors
/// Redis's words for what is wrong with it.
pub(crate) fn restore(key: &[u8], payload: &[u8]) -> Result<Object, Failure> {
    let mut reader = Reader::new(content(payload)?);
    let object = value_reader::take(&mut reader, key).ok_or(MALFORMED)?;
    if reader.is_done() { Ok(object) } else { Err(MALFORMED) }
}

/// The texts of the libraries of a payload.
///
/// # Errors
/// Redis's words for what is wrong with it.
pub(crate) fn restore_libraries(payload: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    const FOREIGN: Failure = Failure("ERR given type is not a function");
    const BROKEN: Failure = Failure("ERR failed loading the given functions payload");
    let mut reader = Reader::new(content(payload)?);
    let mut texts = Vec::new();
    while !reader.is_done() {
        if reader.byte() != Some(tag::FUNCTION) {
            return Err(FOREIGN);
        }
        texts.push(reader.string().ok_or(BROKEN)?.into_owned());
    }
    Ok(texts)
}

/// What stands before the footer.
fn content(payload: &[u8]) -> Result<&[u8], Failure> {
    let at = payload.len().checked_sub(FOOTER_BYTES).ok_or(FOOTER_WRONG)?;
    let (version, sum) = payload[at..].split_first_chunk::<2>().ok_or(FOOTER_WRONG)?;
    let summed = crc64(&payload[..at + 2]).to_le_bytes();
    match u16::from_le_bytes(*version) <= VERSION_MAX && *sum == summed {
        true => Ok(&payload[..at]),
        false => Err(FOOTER_WRONG),
    }
}
