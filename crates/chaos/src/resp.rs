//! The smallest Redis client that does: one blocking connection, RESP2.
//!
//! It shares no code with the server on purpose: a fault in the server's codec must not hide itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No reply of this workload is longer; what claims to be is not a reply.
const REPLY_LEN_MAX: i64 = 64 << 20;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status line.
    Simple(String),
    /// An error line.
    Error(String),
    /// An integer.
    Integer(i64),
    /// A string, or none.
    Bulk(Option<Vec<u8>>),
    /// Replies, or none.
    Array(Option<Vec<Reply>>),
}

/// One connection to one node.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
}

impl Connection {
    /// Connects; every later wait for an answer ends after `timeout`.
    pub fn open(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { stream: BufReader::new(stream), request: Vec::new() })
    }

    /// Sends one request and waits for its reply. After an error the connection is of no more use, and
    /// whether the request was carried out is not known.
    pub fn call(&mut self, args: &[&str]) -> io::Result<Reply> {
        self.send(args)?;
        self.receive()
    }

    /// Sends one request; its reply comes after those of the requests before it.
    pub fn send(&mut self, args: &[&str]) -> io::Result<()> {
        self.request.clear();
        write!(self.request, "*{}\r\n", args.len())?;
        for arg in args {
            write!(self.request, "${}\r\n{arg}\r\n", arg.len())?;
        }
        self.stream.get_mut().write_all(&self.request)
    }

    /// Waits for the next reply.
    pub fn receive(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| bad("an empty line"))?;
        match kind {
            "+" => Ok(Reply::Simple(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            ":" => Ok(Reply::Integer(number(rest)?)),
            "$" => Ok(Reply::Bulk(self.bulk(number(rest)?)?)),
            "*" => Ok(Reply::Array(self.array(number(rest)?)?)),
            _ => Err(bad("an unknown type of reply")),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\r\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.len() - 2);
        String::from_utf8(line).map_err(|_| bad("a line that is not text"))
    }

    fn bulk(&mut self, len: i64) -> io::Result<Option<Vec<u8>>> {
        if len < 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; bounded(len)? + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(bytes.len() - 2);
        Ok(Some(bytes))
    }

    fn array(&mut self, len: i64) -> io::Result<Option<Vec<Reply>>> {
        if len < 0 {
            return Ok(None);
        }
        (0..bounded(len)?).map(|_| self.receive()).collect::<io::Result<_>>().map(Some)
    }
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| bad("a length or integer that is no number"))
}

fn bounded(len: i64) -> io::Result<usize> {
    if len > REPLY_LEN_MAX {
        return Err(bad("a reply of unreasonable length"));
    }
    usize::try_from(len).map_err(|_| bad("a negative length"))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
