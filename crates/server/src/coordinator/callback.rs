//! Calls of services: one POST on a connection of its own, of whose answer the status counts.

use crate::tls::{Trust, server_name};
use std::fmt;
use std::io::Error;
use std::time::Duration;
use synod_coordinator::{Target, bounds};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Why a call came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no TLS with the service, or its certificate is not one that this node believes. Nothing was asked.
    Distrust(String),
    /// There was no answer in time, or none in HTTP. It may have been asked.
    NoAnswer(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distrust(why) | Self::NoAnswer(why) => f.write_str(why),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::NoAnswer(error.to_string())
    }
}

/// Sends `body` and waits for the status of the answer. Redirections are not followed: where they lead, nobody allowed.
///
/// # Errors
/// There was no answer, and why.
pub async fn post(trust: &Trust, target: &Target, body: &str) -> Result<u16, Failure> {
    in_time(async {
        let mut stream = connect(trust, target).await?;
        Ok(converse(&mut *stream, target, body).await?)
    })
    .await
}

/// Whether a service that is to be called with TLS can be: one that is not there now may be later.
///
/// # Errors
/// Its certificate is not one that this node believes.
pub async fn check(trust: &Trust, target: &Target) -> Result<(), String> {
    match in_time(connect(trust, target)).await {
        Err(Failure::Distrust(why)) => Err(why),
        Ok(_) | Err(Failure::NoAnswer(_)) => Ok(()),
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let patience = Duration::from_millis(bounds::ATTEMPT_MS_MAX);
    let late = |_| Failure::NoAnswer(format!("no answer within {} ms", bounds::ATTEMPT_MS_MAX));
    tokio::time::timeout(patience, call).await.map_err(late)?
}

/// A connection, with TLS or without.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

async fn connect(trust: &Trust, target: &Target) -> Result<Box<dyn Socket>, Failure> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
    if !target.is_tls {
        return Ok(Box::new(stream));
    }
    let config = trust.verified().map_err(|why| Failure::Distrust(why.to_owned()))?;
    let name = server_name(&target.host).map_err(|error| Failure::Distrust(error.to_string()))?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if is_of_tls(&error) => {
            Err(Failure::Distrust(format!("TLS with {}: {error}", target.authority())))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether what failed is not the connection beneath.
fn is_of_tls(error: &Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

async fn converse(stream: &mut dyn Socket, target: &Target, body: &str) -> Result<u16, Error> {
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nUser-Agent: synod\r\n\
         Connection: close\r\n\r\n{body}",
        target.path,
        target.authority(),
        body.len(),
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    let mut buffer = [0; 2_048];
    loop {
        if let Some(at) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            match status(&head[..at]) {
                // What comes before the answer proper.
                Some(100..=199) => drop(head.drain(..at + 4)),
                Some(status) => return Ok(status),
                None => return Err(Error::other("the answer is not HTTP")),
            }
            continue;
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(Error::other("the head of the answer is too long"));
        }
        match stream.read(&mut buffer).await? {
            0 => return Err(Error::other("the connection was closed without an answer")),
            n => head.extend_from_slice(&buffer[..n]),
        }
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok().filter(|status| (100..1_000).contains(status))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;
    use std::io::{Read, Write};
    use std::sync::Arc;

    /// The answer of a server at this URL's port, which reads the request from what it makes of the connection.
    fn answered_by<S: Read + Write>(
        scheme: &str,
        trust: &Trust,
        answer: &'static [u8],
        accept: impl FnOnce(std::net::TcpStream) -> S + Send + 'static,
    ) -> Result<u16, Failure> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}/x", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = accept(listener.accept().unwrap().0);
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n{}") {
                match stream.read(&mut byte) {
                    Ok(1) => request.push(byte[0]),
                    _ => return None,
                }
            }
            stream.write_all(answer).unwrap();
            stream.flush().unwrap();
            Some(String::from_utf8(request).unwrap())
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(post(trust, &Target::parse(&url).unwrap(), "{}"));
        let asked = server.join().unwrap();
        match &status {
            Err(Failure::Distrust(_)) => assert_eq!(asked, None, "it was asked"),
            _ => {
                let request = asked.unwrap();
                assert!(request.starts_with("POST /x HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
                assert!(request.contains("\r\nContent-Length: 2\r\n"), "{request}");
            }
        }
        status
    }

    fn answered(answer: &'static [u8]) -> Result<u16, Failure> {
        answered_by("http", &Trust::new(None).unwrap(), answer, |stream| stream)
    }

    /// The same with TLS, by a server whose certificate names this.
    fn answered_with_tls(named: &str, is_believed: bool) -> Result<u16, Failure> {
        let key = rcgen::generate_simple_self_signed([named.to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed([named.to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.crt");
        std::fs::write(&ca, if is_believed { &key } else { &other }.cert.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![key.cert.der().clone()],
                PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        answered_by("https", &Trust::new(Some(&ca)).unwrap(), answer, |stream| {
            let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            rustls::StreamOwned::new(connection, stream)
        })
    }

    #[test]
    fn a_service_with_tls_is_asked_if_its_certificate_is_believed_and_names_it() {
        assert_eq!(answered_with_tls("127.0.0.1", true), Ok(204));
        for (named, is_believed, why) in [
            ("127.0.0.2", true, "not valid for name"),
            ("127.0.0.1", false, "invalid peer certificate"),
        ] {
            match answered_with_tls(named, is_believed) {
                Err(Failure::Distrust(told)) => assert!(told.contains(why), "{told}"),
                other => panic!("{other:?}"),
            }
        }
        let plain = answered_by("https", &Trust::new(None).unwrap(), b"", |mut stream| {
            let _may_be_gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            stream
        });
        assert!(matches!(plain, Err(Failure::Distrust(_))), "{plain:?}");
    }

    #[test]
    fn the_status_is_taken_and_what_is_no_answer_is_an_error() {
        assert_eq!(answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Ok(200));
        assert_eq!(
            answered(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\n\r\nno"),
            Ok(409)
        );
        for wrong in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"+PONG\r\n\r\n",
            b"HTTP/1.1 x\r\n\r\n",
            b"HTTP/1.1 99 x\r\n\r\n",
        ] {
            assert!(answered(wrong).is_err(), "{wrong:?}");
        }
    }
}
