//! Clients at the door: how many are let in per turn, and what is done when there are no descriptors left.

use super::Worker;
use crate::inbox::Mail;
use crate::tls::{Door, Stream};

/// Clients a worker accepts in one go before it looks at the others.
const ACCEPT_MAX: usize = 256;
/// The same where a handshake is to follow, which takes as long as a hundred requests.
const ACCEPT_TLS_MAX: usize = 8;
/// That connections cannot be accepted is told in the log this often, in microseconds.
const REFUSED_TOLD_EVERY_US: u64 = 10_000_000;

impl Worker {
    pub(super) fn accept_clients(&mut self) {
        self.accept_clients_at(self.tls_only);
        if self.tls_listener.is_some() {
            self.accept_clients_at(true);
        }
    }

    /// Accepts those with TLS, or those without.
    pub(super) fn accept_clients_at(&mut self, with_tls: bool) {
        for _ in 0..if with_tls { ACCEPT_TLS_MAX } else { ACCEPT_MAX } {
            let listener = match (&self.listeners, &self.tls_listener) {
                (_, Some(listener)) if with_tls => listener,
                (Some((listener, _)), _) => listener,
                (None, _) => return,
            };
            match listener.accept() {
                Ok((stream, addr)) => {
                    let stream = match &self.tls {
                        Some(tls) if with_tls => match tls.accept(stream, Door::Clients) {
                            Ok(stream) => stream,
                            Err(error) => {
                                tls.tell(Door::Clients, &addr.to_string(), &error);
                                continue;
                            }
                        },
                        _ => Stream::from(stream),
                    };
                    let to = self.next_worker % self.postboxes.len();
                    self.next_worker += 1;
                    if to == usize::from(self.worker) {
                        self.clients.open(stream, addr, self.core.node(), &self.poll);
                    } else {
                        self.postboxes[to].send(Mail::Client(stream, addr));
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                // It left before it was accepted; others stand behind it.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return self.accept_later(&error),
            }
        }
        self.accept_more = true;
    }

    /// Whoever waits to be accepted is not reported again. What was missing, most likely a descriptor, may come free.
    pub(super) fn accept_later(&mut self, error: &std::io::Error) {
        let now_us = self.clock.mono_us();
        self.accept_again = true;
        if self.refused_told_us.is_none_or(|told| now_us > told + REFUSED_TOLD_EVERY_US) {
            self.refused_told_us = Some(now_us);
            tracing::warn!(%error, "connections cannot be accepted for now");
        }
    }

    pub(super) fn accept_what_waits(&mut self) {
        if std::mem::take(&mut self.accept_again) {
            self.accept_peers();
            self.accept_clients();
        }
    }
}

/// Whether accepting failed for reasons of that one connection.
pub(crate) fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
