//! Bytes on their way to a socket that takes them in pieces.

/// An empty buffer larger than this is given back.
const KEEP_BYTES_MAX: usize = 64 << 10;

/// What is to be written, and how much of it was.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// `written <= bytes.len()`.
    written: usize,
}

impl Outbox {
    /// Takes over what `more` holds, behind what is still to be written.
    pub fn take(&mut self, more: &mut Vec<u8>) {
        if self.is_empty() {
            self.clear();
            // The two buffers take turns, so that neither side has to allocate.
            std::mem::swap(&mut self.bytes, more);
        } else {
            self.bytes.extend_from_slice(more);
            more.clear();
            if more.capacity() > KEEP_BYTES_MAX {
                *more = Vec::new();
            }
        }
    }

    /// What is still to be written.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// How much is still to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Whether everything was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// The socket took this many bytes, at most [`Self::len`].
    pub fn wrote(&mut self, n: usize) {
        self.written = (self.written + n).min(self.bytes.len());
        if self.is_empty() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_leaves_in_order_whatever_the_socket_takes() {
        let mut outbox = Outbox::default();
        outbox.take(&mut b"abc".to_vec());
        outbox.wrote(2);
        outbox.take(&mut b"def".to_vec());
        assert_eq!((outbox.rest(), outbox.len()), (&b"cdef"[..], 4));
        outbox.wrote(4);
        assert!(outbox.is_empty());
        outbox.take(&mut b"g".to_vec());
        assert_eq!(outbox.rest(), b"g");
    }
}
