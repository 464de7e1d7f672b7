//! One session with a ZooKeeper server, for many questions at a time.

use super::place::Place;
use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use synod_wire::jute::{Answer, Op, Request, granted_session, put_connect, take_reply_frame};

/// The timeout that the session asks for, and how long one answer may take. Both sides of a copy are asked in turn, so
/// neither is silent for longer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The xid of `auth`.
const AUTH_XID: i32 = -4;
/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// A session that is granted.
pub struct Session {
    stream: TcpStream,
    address: String,
    input: Vec<u8>,
    /// How much of the input has been taken, and how much of that, at its end, is the newest message.
    used: usize,
    payload: usize,
    output: Vec<u8>,
    /// The numbers of the questions that are not answered.
    asked: VecDeque<i32>,
    xid: i32,
}

impl Session {
    /// Opens a session with the first of the servers that grants one, with these identities (`SCHEME:CREDENTIALS`).
    pub fn open(place: &Place, identities: &[String]) -> Result<Self> {
        let mut last = None;
        for server in place.servers() {
            match Self::open_at(server, identities) {
                Ok(session) => return Ok(session),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("there is no server to ask")?)
    }

    fn open_at(server: &str, identities: &[String]) -> Result<Self> {
        let about = || format!("no session with {server}");
        let address = server.to_socket_addrs().with_context(about)?.next().with_context(about)?;
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).with_context(about)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut session = Self {
            stream,
            address: server.to_owned(),
            input: Vec::new(),
            used: 0,
            payload: 0,
            output: Vec::new(),
            asked: VecDeque::new(),
            xid: 0,
        };
        put_connect(&mut session.output, TIMEOUT.as_millis() as i32);
        let granted = session.receive().and_then(|payload| Ok(granted_session(payload)?));
        if granted.with_context(about)? == 0 {
            bail!("{server} grants no session");
        }
        for identity in identities {
            session.identify(identity)?;
        }
        Ok(session)
    }

    fn identify(&mut self, identity: &str) -> Result<()> {
        let (scheme, auth) = identity.split_once(':').unwrap_or((identity, ""));
        let op = Op::Auth { scheme, auth: auth.as_bytes() };
        Request { xid: AUTH_XID, op }.put(&mut self.output);
        self.asked.push_back(AUTH_XID);
        let code = self.answer()?.code;
        if code != 0 {
            bail!("{} does not accept the identity {scheme}:... ({code})", self.address);
        }
        Ok(())
    }

    /// Asks; the answer is taken later, in the order of the questions.
    pub fn ask(&mut self, op: Op<'_>) {
        self.xid += 1;
        self.asked.push_back(self.xid);
        Request { xid: self.xid, op }.put(&mut self.output);
    }

    /// The answer to the oldest question that has none.
    pub fn answer(&mut self) -> Result<Answer<'_>> {
        let about = format!("{} was lost", self.address);
        let xid = self.asked.pop_front().context("nothing was asked")?;
        loop {
            let answer = Answer::decode(self.receive().with_context(|| about.clone())?)?;
            if answer.is_event() {
                continue;
            }
            if answer.xid != xid {
                bail!("{about}: it answered {} instead of {xid}", answer.xid);
            }
            break;
        }
        Ok(Answer::decode(self.message())?)
    }

    /// Reads the next message.
    fn receive(&mut self) -> Result<&[u8]> {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        self.input.drain(..self.used);
        (self.used, self.payload) = (0, 0);
        loop {
            if let Some((payload, used)) = take_reply_frame(&self.input)? {
                (self.used, self.payload) = (used, payload.len());
                return Ok(self.message());
            }
            let before = self.input.len();
            self.input.resize(before + READ_BYTES, 0);
            let n = self.stream.read(&mut self.input[before..])?;
            self.input.truncate(before + n);
            if n == 0 {
                bail!("the connection was closed");
            }
        }
    }

    /// The message that was read last.
    fn message(&self) -> &[u8] {
        &self.input[self.used - self.payload..self.used]
    }

    /// Ends the session, unless it has ended by itself: nothing is lost by that.
    pub fn close(mut self) {
        self.ask(Op::Close);
        if let Err(error) = self.answer() {
            tracing::debug!("a session was not closed in good order: {error:#}");
        }
    }
}
