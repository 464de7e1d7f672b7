//! One connection to a peer, with or without TLS: bytes in, frames out, and a bounded queue of bytes to send.

use crate::tls::Stream;
use bytes::{Buf, BytesMut};
use std::io::{self, ErrorKind, Read, Write};
use synod_types::limits;
use synod_wire::peer::{Frame, FrameDecoder};

const READ_BYTES: usize = 64 << 10;
/// The most bytes that are read of one connection in one turn: others wait, and the node's own heartbeats are due.
const TURN_BYTES: usize = 8 << 20;
/// An empty buffer larger than this is given back.
pub(super) const KEEP_BYTES_MAX: usize = 1 << 20;

/// A connection with its buffers.
pub struct Link {
    pub stream: Stream,
    decoder: FrameDecoder,
    input: BytesMut,
    /// Where bytes are read to before they join `input`; clearing that much of `input` each time would cost more.
    scratch: Box<[u8]>,
    output: BytesMut,
    blocked: bool,
    /// The socket may hold more than was read of it; it is not reported again.
    unread: bool,
}

impl Link {
    pub fn new(stream: Stream) -> Self {
        let _only_latency_suffers = stream.socket().set_nodelay(true);
        Self {
            stream,
            decoder: FrameDecoder::new(),
            input: BytesMut::new(),
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            output: BytesMut::new(),
            blocked: false,
            unread: false,
        }
    }

    /// Whether there may be more to read that no event will tell of.
    pub fn is_unread(&self) -> bool {
        self.unread
    }

    /// How many bytes are missing of a frame that has begun to arrive.
    pub fn missing(&self) -> usize {
        if self.input.is_empty() { 0 } else { self.decoder.missing() }
    }

    /// Whether bytes wait for the other side to take those before them.
    pub fn is_behind(&self) -> bool {
        !self.output.is_empty()
    }

    /// The other side has said who it is: long frames may follow.
    pub fn established(&mut self) {
        self.decoder.established();
    }

    /// Puts bytes in front of what is read from the socket.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// What was read and is no frame yet.
    pub fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input).to_vec()
    }

    /// Reads what is there, up to what one turn may take.
    ///
    /// # Errors
    /// The connection is at its end or broken.
    pub fn fill(&mut self) -> io::Result<()> {
        if self.input.is_empty() && self.input.capacity() > KEEP_BYTES_MAX {
            self.input = BytesMut::new();
        }
        let full = self.input.len() + TURN_BYTES;
        self.unread = false;
        loop {
            if self.input.len() >= full {
                self.unread = true;
                return Ok(());
            }
            match self.stream.read(&mut self.scratch) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.input.extend_from_slice(&self.scratch[..n]);
                    if n < self.scratch.len() && !self.stream.has_more() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// The bytes are no frame; the connection is to be closed.
    pub fn frame(&mut self) -> io::Result<Option<Frame>> {
        self.decoder.decode(&mut self.input).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
    }

    /// Queues bytes and writes what the socket takes. Whole batches are dropped while the queue is full: consensus
    /// repeats what matters, and a request that is lost runs into its deadline.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.output.len() + bytes.len() > limits::PEER_QUEUE_BYTES_MAX {
            tracing::warn!(
                queued = self.output.len(),
                "a peer takes too little; frames are dropped"
            );
            return Ok(());
        }
        if !self.output.is_empty() || self.blocked {
            self.output.extend_from_slice(bytes);
            return self.flush();
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    self.output.extend_from_slice(rest);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Queues bytes until the socket takes them.
    pub fn queue(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        self.blocked = true;
    }

    /// The socket takes more.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn writable(&mut self) -> io::Result<()> {
        self.blocked = false;
        self.stream.flush()?;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() && !self.blocked {
            match self.stream.write(&self.output) {
                Ok(n) => {
                    self.output.advance(n);
                    if self.output.is_empty() && self.output.capacity() > KEEP_BYTES_MAX {
                        self.output = BytesMut::new();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
