//! Who may stay connected to the HTTP side: so many at a time, and nobody who says nothing.
//!
//! A connection that is opened and sends half a request, or none, holds a descriptor. Each read and each write has a
//! time within which it must get on, and beyond a number of connections the next one waits in the listener.

use crate::tls::{self, Tls};
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
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

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
    /// If it speaks TLS.
    tls: Option<Arc<Tls>>,
    seats: Arc<Semaphore>,
}

impl Door {
    /// Nobody is connected yet.
    pub fn new(listener: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { listener, tls, seats: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
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
                    let stream = match &self.tls {
                        None => Stream::Bare(stream),
                        Some(tls) => {
                            let accept = TlsAcceptor::from(tls.server()).accept(stream);
                            Stream::Beginning(Box::new(accept), Arc::clone(tls), addr)
                        }
                    };
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

/// A socket with or without TLS on it. The handshake is part of the first read, so nobody waits for another's.
enum Stream {
    Bare(TcpStream),
    Beginning(Box<Accept<TcpStream>>, Arc<Tls>, SocketAddr),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Gets on with the handshake; ready when there is none under way.
    fn begin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Beginning(accept, tls, from) = self else { return Poll::Ready(Ok(())) };
        match Pin::new(accept.as_mut()).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(stream)) => {
                *self = Self::Tls(Box::new(stream));
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                tls.tell(tls::Door::Http, &from.to_string(), &error);
                Poll::Ready(Err(error))
            }
        }
    }

    /// What is read and written, once the handshake is over.
    fn io(&mut self) -> Option<Pin<&mut dyn Io>> {
        match self {
            Self::Bare(stream) => Some(Pin::new(stream)),
            Self::Tls(stream) => Some(Pin::new(stream.as_mut())),
            Self::Beginning(..) => None,
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Runs `step` on what is read and written, behind the handshake.
macro_rules! behind_handshake {
    ($stream:expr, $cx:expr, |$io:ident| $step:expr) => {
        match $stream.begin($cx) {
            Poll::Ready(Ok(())) => match $stream.io() {
                Some($io) => $step,
                None => Poll::Pending,
            },
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    };
}

/// A connection that ends when nothing moves on it.
pub struct Visitor {
    stream: Stream,
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
        let moved = behind_handshake!(self.stream, cx, |io| io.poll_read(cx, buf));
        self.judge(cx, moved)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = behind_handshake!(self.stream, cx, |io| io.poll_write(cx, bytes));
        self.judge(cx, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        behind_handshake!(self.stream, cx, |io| io.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream.io() {
            Some(io) => io.poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
