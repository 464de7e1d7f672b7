//! A connection of the node to itself: what comes by HTTP is asked as a Redis client asks it.
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

/// The client's end.
pub struct Inner {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Inner {
    /// Connects to a worker.
    pub async fn open(postbox: &Postbox) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        let own = stream.local_addr()?;
        for _ in 0..STRANGERS_MAX {
            let (other, from) = listener.accept().await?;
            if from == own {
                let other = mio::net::TcpStream::from_std(other.into_std()?);
                postbox.send(Mail::Client(other.into(), from));
                stream.set_nodelay(true)?;
                return Ok(Self { stream, input: Vec::new() });
            }
        }
        Err(ErrorKind::ConnectionRefused.into())
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&mut self, words: &[&[u8]]) -> io::Result<Value> {
        let mut request = Vec::new();
        resp::write_request(&mut request, words);
        let mut rest = &request[..];
        while !rest.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<Value> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let value = Value::decode(&self.input).map_err(io::Error::other)?;
            if let Some((value, len)) = value {
                self.input.drain(..len);
                return Ok(value);
            }
            if self.input.len() > REPLY_BYTES_MAX {
                return Err(io::Error::other("the reply is too long to be passed on"));
            }
            self.stream.readable().await?;
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.input.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
