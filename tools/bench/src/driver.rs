//! The loop: every connection sends a batch, waits for all its answers, and sends the next.
//!
//! One thread and one readiness queue, so that the generator takes as little as it can of a machine
//! that it shares with the server, and so that it costs the same whatever server it measures.

use crate::cost::{Cost, Meter};
use crate::histogram::Histogram;
use crate::workload::{Request, Workload};
use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// How long the last batches may take after the measured time is over.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// A way to spell requests and to recognise replies.
pub trait Protocol {
    /// Appends a request.
    fn put(&self, request: Request, out: &mut Vec<u8>);
    /// The first reply in `input`, when it is whole.
    fn take(&self, input: &[u8]) -> Option<Reply>;
}

/// A whole reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its bytes.
    pub len: usize,
    /// What it says.
    pub outcome: Outcome,
}

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Good,
    /// Done, but there was no such key.
    Missing,
    /// An error.
    Refused,
}

/// When to measure. Without `measure` the loop ends when the workload does.
#[derive(Clone, Copy)]
pub struct Window {
    /// Time before measuring.
    pub warmup: Duration,
    /// Time that is measured.
    pub measure: Option<Duration>,
}

/// What one run measured.
pub struct Run {
    /// Time from sending a batch to its last answer, in nanoseconds.
    pub latency: Histogram,
    /// Requests that were done, those included that found no key.
    pub good: u64,
    /// Reads that found no key.
    pub missing: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// The first refusal.
    pub first_refusal: Option<String>,
    /// How long it took.
    pub time: Duration,
    /// What it cost, if that was asked for.
    pub cost: Option<Cost>,
}

impl Run {
    /// Nothing measured yet.
    pub fn new() -> Self {
        Self {
            latency: Histogram::new(),
            good: 0,
            missing: 0,
            refused: 0,
            first_refusal: None,
            time: Duration::ZERO,
            cost: None,
        }
    }

    fn clear(&mut self) {
        self.latency.clear();
        (self.good, self.missing) = (0, 0);
    }
}

struct Connection {
    socket: TcpStream,
    route: usize,
    out: Vec<u8>,
    /// How much of `out` was written; at most its length.
    sent: usize,
    input: Vec<u8>,
    /// Answers not seen yet of the batch under way.
    owed: usize,
    began: Instant,
}

/// Runs the loop over `connections`, given as address and route.
pub fn drive(
    connections: &[(SocketAddr, usize)],
    pipeline: usize,
    workload: &mut impl Workload,
    protocol: &impl Protocol,
    window: Window,
    meter: &mut Meter,
) -> Result<Run> {
    let mut poll = Poll::new()?;
    let mut open = Vec::with_capacity(connections.len());
    for (token, (addr, route)) in connections.iter().enumerate() {
        open.push(connect(&poll, Token(token), *addr, *route)?);
    }
    let mut run = Run::new();
    let mut busy = 0;
    for connection in &mut open {
        busy += usize::from(start_batch(connection, pipeline, workload, protocol)?);
    }
    let (mut began, mut warm) = (Instant::now(), window.warmup.is_zero());
    meter.begin();
    let mut events = Events::with_capacity(1024);
    let mut chunk = vec![0; READ_BYTES];
    while busy > 0 {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        let elapsed = began.elapsed();
        if !warm && elapsed >= window.warmup {
            (warm, began) = (true, Instant::now());
            run.clear();
            meter.begin();
        }
        let over = warm && window.measure.is_some_and(|time| began.elapsed() >= time);
        if over && run.time.is_zero() {
            run.time = began.elapsed();
            run.cost = meter.end();
            // What comes after the end still has to be read, but no longer counts.
            let (good, missing, latency) = (run.good, run.missing, run.latency.clone());
            finish(&mut poll, &mut events, &mut open, protocol, &mut run, &mut chunk)?;
            (run.good, run.missing, run.latency) = (good, missing, latency);
            return Ok(run);
        }
        for event in &events {
            let connection = &mut open[event.token().0];
            flush(connection)?;
            if receive(connection, protocol, &mut run, &mut chunk)?
                && !start_batch(connection, pipeline, workload, protocol)?
            {
                busy -= 1;
            }
        }
    }
    run.time = began.elapsed();
    run.cost = meter.end();
    Ok(run)
}

fn connect(poll: &Poll, token: Token, addr: SocketAddr, route: usize) -> Result<Connection> {
    let socket =
        std::net::TcpStream::connect(addr).with_context(|| format!("connect to {addr}"))?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    let mut socket = TcpStream::from_std(socket);
    poll.registry().register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(Connection {
        socket,
        route,
        out: Vec::new(),
        sent: 0,
        input: Vec::new(),
        owed: 0,
        began: Instant::now(),
    })
}

/// Sends the next batch; false when there is nothing left to ask.
fn start_batch(
    connection: &mut Connection,
    pipeline: usize,
    workload: &mut impl Workload,
    protocol: &impl Protocol,
) -> Result<bool> {
    connection.out.clear();
    connection.sent = 0;
    while connection.owed < pipeline {
        let Some(request) = workload.next(connection.route) else { break };
        protocol.put(request, &mut connection.out);
        connection.owed += 1;
    }
    connection.began = Instant::now();
    flush(connection)?;
    Ok(connection.owed > 0)
}

fn flush(connection: &mut Connection) -> Result<()> {
    while connection.sent < connection.out.len() {
        match connection.socket.write(&connection.out[connection.sent..]) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(count) => connection.sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("write"),
        }
    }
    Ok(())
}

/// Reads what is there; true when it completes the batch under way.
fn receive(
    connection: &mut Connection,
    protocol: &impl Protocol,
    run: &mut Run,
    chunk: &mut [u8],
) -> Result<bool> {
    if connection.owed == 0 {
        return Ok(false);
    }
    loop {
        match connection.socket.read(chunk) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(count) => {
                connection.input.extend_from_slice(&chunk[..count]);
                // A short read means the socket is empty: its next byte raises a new event.
                if count < chunk.len() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("read"),
        }
    }
    let mut at = 0;
    while connection.owed > 0 && at < connection.input.len() {
        let Some(reply) = protocol.take(&connection.input[at..]) else { break };
        match reply.outcome {
            Outcome::Good => run.good += 1,
            Outcome::Missing => (run.good, run.missing) = (run.good + 1, run.missing + 1),
            Outcome::Refused => refuse(run, &connection.input[at..at + reply.len]),
        }
        at += reply.len;
        connection.owed -= 1;
    }
    connection.input.drain(..at);
    if connection.owed > 0 {
        return Ok(false);
    }
    run.latency.record(connection.began.elapsed().as_nanos() as u64);
    Ok(true)
}

fn refuse(run: &mut Run, text: &[u8]) {
    run.refused += 1;
    run.first_refusal.get_or_insert_with(|| String::from_utf8_lossy(text).trim().to_owned());
}

/// Waits for the answers that are still owed, so that the server is idle when the next run starts.
fn finish(
    poll: &mut Poll,
    events: &mut Events,
    open: &mut [Connection],
    protocol: &impl Protocol,
    run: &mut Run,
    chunk: &mut [u8],
) -> Result<()> {
    let deadline = Instant::now() + LAST_ANSWERS;
    while open.iter().any(|connection| connection.owed > 0) {
        if Instant::now() >= deadline {
            bail!("answers are missing {} s after the end", LAST_ANSWERS.as_secs());
        }
        for connection in open.iter_mut() {
            flush(connection)?;
            receive(connection, protocol, run, chunk)?;
        }
        poll.poll(events, Some(Duration::from_millis(10)))?;
    }
    Ok(())
}
