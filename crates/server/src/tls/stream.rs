//! A socket with or without TLS on it, which is read and written like a bare one.
//!
//! TLS is a transformer of bytes between the socket and who reads: its buffers are those of one record and a piece of
//! output, so a connection holds little more than a bare one, whatever its other side does or leaves undone. A bare socket pays for
//! it with one branch.

use mio::net::TcpStream;
use rustls::Connection;
use rustls::pki_types::CertificateDer;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

/// The most encrypted output that waits for the socket; what comes behind it stays with who writes.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// After so many pieces of input without a byte of content the other side is up to nothing good: it could send empty records for
/// ever. Each piece has 4 KiB at most; a handshake has 64 KiB at most.
const EMPTY_READS_MAX: usize = 64;

/// A socket of a client or peer.
pub enum Stream {
    /// Without TLS.
    Bare(TcpStream),
    /// With it.
    Tls(Box<TlsStream>),
}

/// The state of TLS on a socket.
pub struct TlsStream {
    socket: TcpStream,
    connection: Connection,
    /// The other side will send no more.
    at_end: bool,
    /// What ended it, to be told by the next read: content came before it.
    broken: Option<io::Error>,
    /// The handshake was seen to be over.
    established: bool,
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Bare(stream)
    }
}

impl Stream {
    /// TLS on a socket, at its beginning.
    pub fn tls(socket: TcpStream, mut connection: Connection) -> Self {
        connection.set_buffer_limit(Some(OUTPUT_BYTES_MAX));
        let (at_end, broken, established) = (false, None, false);
        Self::Tls(Box::new(TlsStream { socket, connection, at_end, broken, established }))
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Bare(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }

    /// The socket, to be watched.
    pub fn socket_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Bare(socket) => socket,
            Self::Tls(tls) => &mut tls.socket,
        }
    }

    /// Whether there is TLS on it.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Who is at the other side.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Whether the other side has yet to say who it is.
    pub fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.connection.is_handshaking())
    }

    /// Whether the handshake is over, said once.
    pub fn was_established(&mut self) -> bool {
        match self {
            Self::Tls(tls) if !tls.established && !tls.connection.is_handshaking() => {
                tls.established = true;
                true
            }
            _ => false,
        }
    }

    /// The certificate that the other side has shown, verified.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        match self {
            Self::Tls(tls) if !tls.connection.is_handshaking() => {
                tls.connection.peer_certificates()?.first()
            }
            _ => None,
        }
    }

    /// Whether a read would find something, or the end, that the socket does not tell of.
    pub fn has_more(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.at_end || tls.broken.is_some())
    }

    /// Whether output waits for the socket.
    pub fn has_output(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.connection.wants_write())
    }

    /// Reads what comes and looks at nothing of it.
    pub fn read_unseen(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket_mut().read(buffer)
    }

    /// Says that nothing more will be written; false while what was written has not left.
    pub fn finish(&mut self) -> io::Result<bool> {
        if let Self::Tls(tls) = self {
            tls.connection.send_close_notify();
            if !tls.push()? {
                return Ok(false);
            }
        }
        self.socket().shutdown(Shutdown::Write).map(|()| true)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bare(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Bare(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    /// Has what waits taken by the socket, as far as it takes it.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Bare(_) => Ok(()),
            Self::Tls(tls) => tls.push().map(|_| ()),
        }
    }
}

impl TlsStream {
    /// Fills the buffer as far as there is content: less than all of it means that the socket is empty, as with a bare one.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (mut filled, mut empty) = (0, 0);
        loop {
            match self.connection.reader().read(&mut buffer[filled..]) {
                Ok(0) => self.at_end = true,
                Ok(n) => (filled, empty) = (filled + n, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // It hung up without a word, as many do.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.at_end = true,
                Err(error) => return Err(error),
            }
            if filled == buffer.len() {
                return Ok(filled);
            }
            if self.at_end || self.broken.is_some() {
                return match (filled, self.broken.take_if(|_| filled == 0)) {
                    (0, Some(error)) => Err(error),
                    (filled, _) => Ok(filled),
                };
            }
            if empty == EMPTY_READS_MAX {
                self.broken = Some(invalid("records without content, one after the other"));
                continue;
            }
            empty += 1;
            match self.pull() {
                Ok(true) => {}
                Ok(false) if filled > 0 => return Ok(filled),
                Ok(false) => return Err(ErrorKind::WouldBlock.into()),
                Err(error) => self.broken = Some(error),
            }
        }
    }

    /// Takes a piece from the socket and decrypts it; false if there is none.
    fn pull(&mut self) -> io::Result<bool> {
        match self.connection.read_tls(&mut self.socket) {
            Ok(0) if self.connection.is_handshaking() => {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_not_now(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        let processed = self.connection.process_new_packets();
        // An answer of the handshake, or the alert that says what was wrong.
        let pushed = self.push();
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        pushed.map(|_| true)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.push()? && !self.connection.is_handshaking() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = self.connection.writer().write(bytes)?;
        if taken == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.push()?;
        Ok(taken)
    }

    /// Gives the socket what waits for it; whether it took all of it.
    fn push(&mut self) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_not_now(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// A socket that is not connected yet will be, or report why not.
fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
