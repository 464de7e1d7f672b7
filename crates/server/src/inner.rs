//! Connections of the node to itself: what comes by HTTP, and what the coordinator of transactions does, is asked as a client of
//! another protocol asks it.
//!
//! So there is one way for a command, with its user's rights, its place in the order and its answer, whoever sends it. The
//! connection is a pair of sockets on the loopback; one end is handed to a worker, as the listener hands it a client.

use crate::inbox::{Mail, Postbox};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use synod_wire::resp::{self, Value};
use tokio::net::{TcpListener, TcpStream};

/// The longest reply that is passed on.
const REPLY_BYTES_MAX: usize = 16 << 20;
/// How much is read at once.
const READ_BYTES: usize = 16 << 10;
/// How many strangers may come in between before the pair is given up.
const STRANGERS_MAX: usize = 16;

/// The client's end of a connection.
pub struct Pair(TcpStream, usize);

impl Pair {
    /// Makes a pair and gives the other end away.
    pub async fn open(give: impl FnOnce(mio::net::TcpStream, SocketAddr)) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        let own = stream.local_addr()?;
        for _ in 0..STRANGERS_MAX {
            let (other, from) = listener.accept().await?;
            if from == own {
                give(mio::net::TcpStream::from_std(other.into_std()?), from);
                stream.set_nodelay(true)?;
                return Ok(Self(stream, REPLY_BYTES_MAX));
            }
        }
        Err(ErrorKind::ConnectionRefused.into())
    }

    /// The client's end of a connection to another server.
    pub async fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self(stream, REPLY_BYTES_MAX))
    }

    /// Writes all of it.
    pub async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.0.writable().await?;
            match self.0.try_write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends what has come; 0 at the end.
    pub async fn read(&mut self, input: &mut Vec<u8>) -> io::Result<usize> {
        if input.len() > self.1 {
            return Err(io::Error::other("the reply is too long to be passed on"));
        }
        let mut buffer = vec![0; READ_BYTES];
        loop {
            self.0.readable().await?;
            match self.0.try_read(&mut buffer) {
                Ok(n) => {
                    input.extend_from_slice(&buffer[..n]);
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A Redis client of this node.
pub struct Inner {
    pair: Pair,
    input: Vec<u8>,
}

impl Inner {
    /// Connects to a worker.
    pub async fn open(postbox: &Postbox) -> io::Result<Self> {
        let pair =
            Pair::open(|stream, from| postbox.send(Mail::Client(stream.into(), from))).await?;
        Ok(Self { pair, input: Vec::new() })
    }

    /// Connects to a worker as the node's own coordinator, which may do everything.
    pub async fn open_trusted(postbox: &Postbox) -> io::Result<Self> {
        let pair =
            Pair::open(|stream, from| postbox.send(Mail::Trusted(stream.into(), from))).await?;
        Ok(Self { pair, input: Vec::new() })
    }

    /// Connects to another server.
    pub async fn connect(to: SocketAddr) -> io::Result<Self> {
        Ok(Self { pair: Pair::connect(to).await?, input: Vec::new() })
    }

    /// Takes replies of up to so many bytes.
    pub fn with_replies_of(self, bytes_max: usize) -> Self {
        Self { pair: Pair(self.pair.0, bytes_max), ..self }
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&mut self, words: &[&[u8]]) -> io::Result<Value> {
        self.send(words).await?;
        self.receive().await
    }

    /// Asks.
    pub async fn send(&mut self, words: &[&[u8]]) -> io::Result<()> {
        let mut request = Vec::new();
        resp::write_request(&mut request, words);
        self.pair.write(&request).await
    }

    /// Waits for the next answer.
    pub async fn receive(&mut self) -> io::Result<Value> {
        loop {
            let value = Value::decode(&self.input).map_err(io::Error::other)?;
            if let Some((value, len)) = value {
                self.input.drain(..len);
                return Ok(value);
            }
            if self.pair.read(&mut self.input).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
