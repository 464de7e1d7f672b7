//! One client's conversation with the cluster: it sorts every ending into "answered", "refused" and
//! "nobody knows", and moves on to another node when one is gone.

use std::net::SocketAddr;
use std::time::Duration;

use crate::resp::{Connection, Reply};

/// How long an answer is waited for; longer than a failover, shorter than the longest pause.
pub const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_000);

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was certainly not carried out: there was no connection, or the server said so.
    Refused,
    /// It may have been carried out, or may still be: the connection was lost, the time was up, or the
    /// server said that it does not know.
    Unknown,
    /// The server answered with an error that nothing in this workload gives it a reason for.
    Strange(String),
}

/// A connection to one of the nodes at a time.
#[derive(Debug)]
pub struct Session {
    nodes: Vec<SocketAddr>,
    at: usize,
    connection: Option<Connection>,
    timeout: Duration,
}

impl Session {
    /// Begins at one of `nodes`; connects when it is first needed.
    pub fn new(nodes: Vec<SocketAddr>, at: usize, timeout: Duration) -> Self {
        Self { at: at % nodes.len(), nodes, connection: None, timeout }
    }

    /// Leaves for another node.
    pub fn move_on(&mut self) {
        self.at = (self.at + 1) % self.nodes.len();
        self.connection = None;
    }

    /// Makes sure that there is a connection, so that the time of the next call is that of its request.
    pub fn connect(&mut self) -> bool {
        if self.connection.is_none() {
            match Connection::open(self.nodes[self.at], self.timeout) {
                Ok(connection) => self.connection = Some(connection),
                Err(_) => self.move_on(),
            }
        }
        self.connection.is_some()
    }

    /// Sends one request.
    pub fn call(&mut self, args: &[&str]) -> Result<Reply, Trouble> {
        if !self.connect() {
            return Err(Trouble::Refused);
        }
        let Some(connection) = &mut self.connection else { return Err(Trouble::Refused) };
        match connection.call(args) {
            Ok(Reply::Error(text)) => {
                let trouble = sort(&text);
                // A half-queued transaction or an answer that comes late must not meet the next request.
                self.move_on();
                Err(trouble)
            }
            Ok(reply) => Ok(reply),
            Err(_) => {
                self.move_on();
                Err(Trouble::Unknown)
            }
        }
    }
}

/// What a client is told for whom a node has no descriptor.
const TOO_MANY: &str = "ERR max number of clients reached";

/// What an error reply says about the request.
fn sort(text: &str) -> Trouble {
    match text.split(' ').next().unwrap_or_default() {
        "CLUSTERDOWN" | "TRYAGAIN" | "LOADING" | "MASTERDOWN" | "READONLY" | "MISCONF" | "OOM"
        | "MOVED" | "ASK" | "EXECABORT" => Trouble::Refused,
        "UNKNOWN" => Trouble::Unknown,
        _ if text == TOO_MANY => Trouble::Refused,
        _ => Trouble::Strange(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_became_of_the_request() {
        assert_eq!(sort("CLUSTERDOWN no leader"), Trouble::Refused);
        assert_eq!(sort("TRYAGAIN"), Trouble::Refused);
        assert_eq!(sort("UNKNOWN the leader changed"), Trouble::Unknown);
        assert_eq!(sort(TOO_MANY), Trouble::Refused);
        assert_eq!(sort("OOM command not allowed"), Trouble::Refused);
        assert!(matches!(sort("ERR syntax error"), Trouble::Strange(_)));
        assert!(matches!(sort(""), Trouble::Strange(_)));
    }
}
