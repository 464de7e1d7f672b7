//! Fields and frames, written.

pub(super) fn put_int(out: &mut Vec<u8>, n: i32) {
    out.extend_from_slice(&n.to_be_bytes());
}

pub(super) fn put_long(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(&n.to_be_bytes());
}

pub(super) fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_int(out, i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    out.extend_from_slice(bytes);
}

pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    put_buffer(out, text.as_bytes());
}

pub(super) fn put_strings(out: &mut Vec<u8>, texts: &[String]) {
    put_int(out, i32::try_from(texts.len()).unwrap_or(i32::MAX));
    texts.iter().for_each(|text| put_string(out, text));
}

/// Appends a frame around what `write` appends.
pub(super) fn put_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    put_int(out, 0);
    write(out);
    let len = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
}
