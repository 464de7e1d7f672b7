//! Calls of services: one POST on a connection of its own, of whose answer the status counts.

use std::time::Duration;
use synod_coordinator::{Target, bounds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Sends `body` and waits for the status of the answer. Redirections are not followed: where they lead, nobody allowed.
///
/// # Errors
/// There was no answer in time, or none in HTTP.
pub async fn post(target: &Target, body: &str) -> Result<u16, String> {
    let patience = Duration::from_millis(bounds::ATTEMPT_MS_MAX);
    match tokio::time::timeout(patience, converse(target, body)).await {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} ms", bounds::ATTEMPT_MS_MAX)),
    }
}

async fn converse(target: &Target, body: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
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
                None => return Err(std::io::Error::other("the answer is not HTTP")),
            }
            continue;
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(std::io::Error::other("the head of the answer is too long"));
        }
        match stream.read(&mut buffer).await? {
            0 => return Err(std::io::Error::other("the connection was closed without an answer")),
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
    use std::io::{Read, Write};

    fn answered(answer: &'static [u8]) -> Result<u16, String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n{}") {
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer).unwrap();
            String::from_utf8(request).unwrap()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(post(&Target::parse(&url).unwrap(), "{}"));
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /x HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
        assert!(request.contains("\r\nContent-Length: 2\r\n"), "{request}");
        status
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
