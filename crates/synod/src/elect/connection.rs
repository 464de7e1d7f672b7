//! One connection to a node, for one question at a time.

use crate::calls;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};
use synod_server::{Password, Talk};
use synod_wire::resp::Value;

/// How long a read blocks before it is looked whether this process is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// The longest answer that is taken.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What a node answers about a lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Number(i64),
    Null,
    /// Whatever it was, it is done.
    Done,
    Error(String),
}

impl Answer {
    /// Whether it says that the cluster cannot answer now, so that the question may be asked again. The lock that a
    /// question of unknown fate was granted ends with its lease.
    pub fn is_passing(&self) -> bool {
        let words = ["CLUSTERDOWN", "TRYAGAIN", "UNKNOWN", "MISCONF", "OOM"];
        match self {
            Self::Error(text) => words.iter().any(|word| text.starts_with(word)),
            _ => false,
        }
    }
}

pub struct Connection(Box<dyn Talk>);

impl Connection {
    pub fn open(address: &str, patience: Duration) -> io::Result<Self> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, patience.max(Duration::from_millis(1))) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(patience.max(LOOK)))?;
                    stream.set_write_timeout(Some(patience.max(LOOK)))?;
                    let socket = stream.try_clone()?;
                    let stream = calls::talk(calls::to_clients(), stream, host);
                    let stream = stream.map_err(|error| io::Error::other(format!("{error:#}")))?;
                    socket.set_read_timeout(Some(LOOK))?;
                    return Ok(Self(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks, and waits for the answer until a moment or until `stop` says so. After an error the connection is of no more
    /// use: the answer may still come.
    pub fn ask(
        &mut self,
        args: &[&str],
        until: Instant,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Answer> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n{arg}\r\n", arg.len()).as_bytes());
        }
        self.exchange(&request, until, stop)
    }

    /// Logs in, before anything else is asked.
    pub fn log_in(
        &mut self,
        password: &Password,
        until: Instant,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Answer> {
        self.exchange(password.request().as_bytes(), until, stop)
    }

    fn exchange(
        &mut self,
        request: &[u8],
        until: Instant,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Answer> {
        self.0.write_all(request)?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match Value::decode(&answer) {
                Ok(Some((value, _))) => return understood(value),
                Ok(None) if answer.len() < ANSWER_BYTES_MAX => {}
                _ => return Err(io::Error::from(ErrorKind::InvalidData)),
            }
            if stop() || Instant::now() >= until {
                return Err(io::Error::from(ErrorKind::TimedOut));
            }
            match self.0.read(&mut buffer) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof)),
                Ok(n) => answer.extend_from_slice(&buffer[..n]),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn understood(value: Value) -> io::Result<Answer> {
    match value {
        Value::Integer(n) => Ok(Answer::Number(n)),
        Value::Null => Ok(Answer::Null),
        Value::Simple(_) => Ok(Answer::Done),
        Value::Error(text) => Ok(Answer::Error(text)),
        _ => Err(io::Error::from(ErrorKind::InvalidData)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn answers_are_read_in_pieces_and_a_silent_node_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let node = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for piece in [":4", "1\r\n", "*-1\r\n", "-TRYAGAIN later\r\n"] {
                let mut request = [0; 128];
                if piece != "1\r\n" {
                    assert!(stream.read(&mut request).unwrap() > 0);
                }
                stream.write_all(piece.as_bytes()).unwrap();
            }
            stream
        });
        let mut connection = Connection::open(&address, Duration::from_secs(5)).unwrap();
        let mut ask = |stop: bool| {
            let until = Instant::now() + Duration::from_secs(30);
            connection.ask(&["LOCK", "RENEW", "l", "1", "9"], until, &|| stop)
        };
        assert_eq!(ask(false).unwrap(), Answer::Number(41));
        assert_eq!(ask(false).unwrap(), Answer::Null);
        let passing = ask(false).unwrap();
        assert!(passing.is_passing());
        assert!(!Answer::Error("FENCED".to_owned()).is_passing() && !Answer::Null.is_passing());
        let stream = node.join().unwrap();
        assert_eq!(ask(true).unwrap_err().kind(), ErrorKind::TimedOut, "it is told to stop");
        drop(stream);
    }
}
