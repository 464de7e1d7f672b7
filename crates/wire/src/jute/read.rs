//! Frames and fields, read with care: everything here came from outside.

use super::{FRAME_BYTES_MAX, REPLY_BYTES_MAX};

/// A frame longer than [`FRAME_BYTES_MAX`], or of negative length; the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes")]
pub struct Oversized(pub i32);

/// Bytes that are not the message they should be; the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed message")]
pub struct Malformed;

/// The payload of the first frame in `bytes`, and how many bytes it takes with its length; `None` while it is not complete.
///
/// # Errors
/// [`Oversized`], as soon as the length can be read.
pub fn take_frame(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Oversized> {
    take_frame_within(bytes, FRAME_BYTES_MAX)
}

/// As [`take_frame`], of a reply: servers bound what they are asked and not what they answer, since the names of many children
/// take more than any request.
///
/// # Errors
/// [`Oversized`], as soon as the length can be read.
pub fn take_reply_frame(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Oversized> {
    take_frame_within(bytes, REPLY_BYTES_MAX)
}

fn take_frame_within(bytes: &[u8], max: usize) -> Result<Option<(&[u8], usize)>, Oversized> {
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let len = i32::from_be_bytes(*len);
    let Some(wanted) = usize::try_from(len).ok().filter(|len| *len <= max) else {
        return Err(Oversized(len));
    };
    Ok(rest.get(..wanted).map(|payload| (payload, 4 + wanted)))
}

/// Takes fields off the front of a payload.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn int(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn long(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        self.array::<1>().map(|[byte]| byte != 0)
    }

    /// A buffer; none is empty.
    pub fn buffer(&mut self) -> Result<&'a [u8], Malformed> {
        self.data().map(Option::unwrap_or_default)
    }

    /// A buffer, or none.
    pub fn data(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let len = self.int()?;
        if len == -1 {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (head, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Some(head))
    }

    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.buffer()?).map_err(|_| Malformed)
    }

    /// A vector of things of at least four bytes each: a count beyond what is left is refused before anything is
    /// allocated for it.
    pub fn vector<T>(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.int()?;
        if count == -1 {
            return Ok(Vec::new());
        }
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        if count > self.0.len() / 4 {
            return Err(Malformed);
        }
        (0..count).map(|_| take(self)).collect()
    }
}
