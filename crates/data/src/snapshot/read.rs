//! Reading the records of a snapshot. Everything is checked: the bytes may come from another node.

use super::tag;
use crate::object::{Full, Object, Packed};
use crate::scripting::{Function, Library, Promises};
use crate::value::{Packing, Value};
use synod_types::{Millis, varint};

pub(crate) fn take_library(bytes: &mut &[u8]) -> Option<Library> {
    let name = String::from_utf8(varint::take_bytes(bytes)?.to_vec()).ok()?;
    let text = varint::take_bytes(bytes)?.into();
    let mut functions = Vec::new();
    for _ in 0..varint::take(bytes)? {
        let name = String::from_utf8(varint::take_bytes(bytes)?.to_vec()).ok()?;
        let ([flags, described], rest) = bytes.split_first_chunk::<2>()?;
        *bytes = rest;
        let description = varint::take_bytes(bytes)?;
        let description = (*described == 1).then(|| description.to_vec());
        functions.push(Function { name, description, promises: Promises(*flags) });
    }
    Some(Library { name, text, functions })
}

/// Reads one object that [`super::put_image`] wrote; `None` when the bytes are not one.
pub(crate) fn take_image(mut bytes: &[u8]) -> Option<Object> {
    let (tag, rest) = bytes.split_first()?;
    bytes = rest;
    let object = match *tag {
        tag::PACKED => take_packed(&mut bytes),
        tag::FULL => take_full(&mut bytes),
        _ => None,
    };
    object.filter(|_| bytes.is_empty())
}

pub(crate) fn take_packed(bytes: &mut &[u8]) -> Option<Object> {
    let packed = Packed::from_untrusted(varint::take_bytes(bytes)?)?;
    let valid = match Packing::of_kind(packed.form().kind()) {
        Some(packing) => (packing.is_valid)(packed.value()) && !(packing.is_gone)(packed.value()),
        None => true,
    };
    valid.then_some(Object::Packed(packed))
}

pub(crate) fn take_full(bytes: &mut &[u8]) -> Option<Object> {
    let (form, rest) = bytes.split_first()?;
    *bytes = rest;
    let version = varint::take(bytes)?;
    let expire = varint::take(bytes)?.checked_sub(1).map(Millis);
    let key = varint::take_bytes(bytes)?;
    let value = Value::decode(*form, varint::take_bytes(bytes)?)?;
    if value.as_stored().is_gone() {
        return None;
    }
    Some(Object::Full(Box::new(Full { version, expire, key: key.into(), value })))
}
