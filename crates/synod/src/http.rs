//! The HTTP requests that this program makes of a node, on the operator's behalf.

use crate::{calls, client};
use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
/// A status of the largest possible cluster is well below this.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The body of the answer to `GET path`, which may also say that the node is not ready.
pub fn get(address: &str, path: &str) -> Result<Vec<u8>> {
    let (status, body) = ask(address, &format!("GET {path}"), "", "")?;
    match code(&status) {
        Some(200 | 503) => Ok(body),
        _ => bail!("the answer is `{status}`"),
    }
}

/// The status and the body of the answer to `GET path` or `POST path` with a JSON body, as the default user with its password.
pub fn json(address: &str, what: &str, body: &str) -> Result<(u16, Vec<u8>)> {
    let mut headers = String::new();
    if let Some(password) = client::password()? {
        headers.push_str(&format!("Authorization: {}\r\n", password.authorization()));
    }
    if !body.is_empty() {
        headers.push_str(&format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    let (status, answer) = ask(address, what, &headers, body)?;
    Ok((code(&status).with_context(|| format!("the answer is `{status}`"))?, answer))
}

fn code(status: &str) -> Option<u16> {
    status.split(' ').nth(1)?.parse().ok()
}

/// The first line and the body of the answer. Speaks HTTP/1.0, to which there are neither chunks nor a second answer on the same
/// connection.
fn ask(address: &str, what: &str, headers: &str, body: &str) -> Result<(String, Vec<u8>)> {
    let stream = connect(address)?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut stream = calls::talk(calls::to_http(), stream, host)?;
    // In one piece: a server that answers after the first would reset the connection over the rest.
    let request =
        format!("{what} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n{body}");
    stream.write_all(request.as_bytes()).context("no request could be sent")?;
    // A server of another protocol may say something and then wait: its first words tell.
    let mut answer = vec![0; b"HTTP/1.".len()];
    stream.read_exact(&mut answer).context(
        "no answer; does it speak TLS there (--tls-http), or does it ask for a certificate (--tls-cert-file)?",
    )?;
    if answer != b"HTTP/1." {
        bail!(
            "it does not speak HTTP; this is perhaps its port for clients or for peers, give the one of its --http"
        );
    }
    match stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer) {
        // With TLS an end without a farewell is an error; whether the answer is whole is said in its head.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
            return Err(error).context("no answer");
        }
        _ => {}
    }
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").context("the answer is no HTTP")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.lines().next().unwrap_or_default().to_owned();
    let mut body = answer.split_off(end + 4);
    match content_length(&head) {
        Some(length) if length > body.len() => bail!("the answer is cut short"),
        Some(length) => body.truncate(length),
        None => {}
    }
    Ok((status, body))
}

fn content_length(head: &str) -> Option<usize> {
    let (_, value) = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    value.trim().parse().ok()
}

/// An address that this name stands for.
pub fn resolve(address: &str) -> Result<SocketAddr> {
    address.to_socket_addrs()?.next().context("the name has no address")
}

fn connect(address: &str) -> Result<TcpStream> {
    let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(error).context("no connection"),
        None => bail!("the name has no address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answered(answer: &'static [u8]) -> Result<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let len = stream.read(&mut request).unwrap();
            assert!(request[..len].starts_with(b"GET /status HTTP/1.0\r\n"));
            stream.write_all(answer).unwrap();
        });
        let body = get(&address, "/status");
        server.join().unwrap();
        body
    }

    #[test]
    fn a_body_is_taken_whole_or_not_at_all() {
        let ok = answered(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\n\r\n{}");
        assert_eq!(ok.unwrap(), b"{}");
        assert_eq!(answered(b"HTTP/1.0 200 OK\r\n\r\nabc").unwrap(), b"abc");
        assert_eq!(answered(b"HTTP/1.0 503 Service Unavailable\r\n\r\nabc").unwrap(), b"abc");
        let other = answered(b"-ERR unknown command\r\n").unwrap_err().to_string();
        assert!(other.contains("does not speak HTTP"), "{other}");
        for wrong in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"[..],
            b"HTTP/1.1 404 Not Found\r\n\r\n",
            b"+PONG\r\n",
            b"",
        ] {
            assert!(answered(wrong).is_err(), "{wrong:?}");
        }
    }
}
