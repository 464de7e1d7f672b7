//! Who may stay connected to the HTTP side: so many at a time, and nobody who says nothing.
//!
//! A connection that is opened and sends half a request, or none, holds a descriptor. Each read and each write has a
//! time within which it must get on, and beyond a number of connections the next one waits in the listener.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How many connections there are at a time.
pub const CONNECTIONS_MAX: usize = 32;
/// A connection on which nothing moves for so long is closed: one that was opened and asked for nothing, a request
/// that does not go on, an answer that nobody reads.
pub const SILENCE: Duration = Duration::from_secs(10);
/// The same while few seats are left: whoever waits outside, such as one that asks for the node's health, comes in soon.
const SILENCE_WHEN_SCARCE: Duration = Duration::from_millis(200);
/// Few seats.
const SEATS_FEW: usize = 8;
/// After the operating system refused a connection, as it does without descriptors, the next is tried this late.
const RETRY: Duration = Duration::from_millis(200);

/// A listener that keeps to the bounds above.
pub struct Door {
    listener: TcpListener,
    seats: Arc<Semaphore>,
}

impl Door {
    /// Nobody is connected yet.
    pub fn new(listener: TcpListener) -> Self {
        Self { listener, seats: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }
}

impl axum::serve::Listener for Door {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visitor, SocketAddr) {
        loop {
            // The semaphore is never closed; if it were, nobody would be let in.
            let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else {
                sleep(RETRY).await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, addr)) => {
                    let seats = Arc::clone(&self.seats);
                    let patience = Box::pin(sleep(silence(&seats)));
                    return (Visitor { stream, patience, seats, _seat: seat }, addr);
                }
                Err(error) => {
                    tracing::debug!(%error, "an HTTP connection could not be accepted");
                    sleep(RETRY).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How long a connection may say nothing, from now on.
fn silence(seats: &Semaphore) -> Duration {
    if seats.available_permits() < SEATS_FEW { SILENCE_WHEN_SCARCE } else { SILENCE }
}

/// A connection that ends when nothing moves on it.
pub struct Visitor {
    stream: TcpStream,
    patience: Pin<Box<Sleep>>,
    seats: Arc<Semaphore>,
    _seat: OwnedSemaphorePermit,
}

impl Visitor {
    /// Whatever moved gives it new patience; waiting too long is an error.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        moved: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            let silence = silence(&self.seats);
            self.patience.as_mut().reset(Instant::now() + silence);
            return moved;
        }
        match self.patience.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Visitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.judge(cx, moved)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
