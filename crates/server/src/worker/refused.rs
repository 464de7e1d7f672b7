//! Connections beyond `maxclients`: told so, and closed once they had the time to read it.
//!
//! Closing at once would do when nothing has arrived from the client. If its first request has, the kernel answers the
//! close with a reset, and the client may never see why.

use crate::tls::Stream;
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

/// What they are told; Redis's words.
const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";
/// How many are kept to read it; the oldest goes first. Each holds a descriptor.
pub const REFUSED_MAX: usize = 16;
/// How long, in microseconds.
const KEPT_US: u64 = 1_000_000;

/// The refused connections, the oldest first.
#[derive(Default)]
pub struct Refused {
    kept: VecDeque<(u64, TcpStream)>,
}

impl Refused {
    /// Turns a connection away.
    pub fn refuse(&mut self, stream: Stream, now_us: u64) {
        // Behind TLS it would take a handshake to say it: as with Redis the connection just ends.
        let Stream::Bare(mut stream) = stream else { return };
        let told = stream.write(TOO_MANY).is_ok() && stream.shutdown(Shutdown::Write).is_ok();
        if told && is_open(&mut stream) {
            if self.kept.len() == REFUSED_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back((now_us, stream));
        }
    }

    /// Lets go of those that have read it or had their time.
    pub fn tend(&mut self, now_us: u64) {
        if !self.kept.is_empty() {
            self.kept.retain_mut(|(since, stream)| now_us < *since + KEPT_US && is_open(stream));
        }
    }
}

/// Takes what has arrived, unseen; false once the client has closed too.
fn is_open(stream: &mut TcpStream) -> bool {
    let mut unseen = [0; 4096];
    match stream.read(&mut unseen) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
