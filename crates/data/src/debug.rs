//! What DEBUG asks of a partition. Tests of clients use it; nothing here is on the way of a command that stores data.

use crate::keyspace::Keyspace;
use crate::{Args, Context, args, rdb};
use synod_types::ReplySink;

impl Keyspace {
    /// RELOAD, or SET-ACTIVE-EXPIRE with 0 or 1: as every replica runs it.
    pub(crate) fn debug(&mut self, words: &Args<'_>, out: &mut dyn ReplySink) {
        match words {
            [word] if args::is(word, "RELOAD") => match self.reload() {
                Ok(()) => out.simple("OK"),
                Err(corrupt) => out.error(&format!("ERR {corrupt}")),
            },
            [word, b"0" | b"1"] if args::is(word, "SET-ACTIVE-EXPIRE") => {
                self.expires_actively = words[1] == b"1";
                out.simple("OK");
            }
            _ => out.error("ERR malformed operation"),
        }
    }

    /// OBJECT: how a value is kept.
    pub(crate) fn debug_object(&self, key: &[u8], ctx: &Context, out: &mut dyn ReplySink) {
        let Some(object) = self.get(key, ctx.now) else { return out.error("ERR no such key") };
        // Redis counts what DUMP would write, without its type and footer.
        let serialized = rdb::dump(object).len() - rdb::FRAME_BYTES;
        out.simple(&format!(
            "Value at:0x0 refcount:1 encoding:{} serializedlength:{serialized} lru:0 lru_seconds_idle:0",
            object.encoding(),
        ));
    }
}

/// PROTOCOL: a reply of a type.
pub fn debug_protocol(kind: &[u8], out: &mut dyn ReplySink) {
    const UNKNOWN: &str = "ERR Wrong protocol type name. Please use one of the following: string|integer|double|null|array|set|map|attrib|verbatim|true|false|bignum";
    match &kind.to_ascii_lowercase()[..] {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.integer(12345),
        b"double" => out.double(3141.0 / 1000.0),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            (0..3).for_each(|n| out.integer(n));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|n| out.integer(n));
        }
        b"map" => {
            out.map(3);
            for n in 0..3 {
                out.integer(n);
                out.boolean(n == 1);
            }
        }
        b"attrib" => {
            if out.attribute(1) {
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.integer(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"verbatim" => out.verbatim("This is a verbatim\nstring"),
        b"true" => out.boolean(true),
        b"false" => out.boolean(false),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        _ => out.error(UNKNOWN),
    }
}
