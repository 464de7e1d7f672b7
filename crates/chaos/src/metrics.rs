//! What a node says of itself to monitors, as far as the run needs it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(3);
/// No page of metrics is longer, in bytes.
const PAGE_LEN_MAX: u64 = 4 << 20;

/// The page at this path.
pub fn page(http: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&http, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {http}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(PAGE_LEN_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(head.lines().next().unwrap_or_default().to_owned())),
    }
}

/// Every sample of a family: its labels and its value.
pub fn samples<'a>(page: &'a str, family: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
    page.lines().filter_map(move |line| {
        let (name, value) = line.rsplit_once(' ')?;
        let labels = name.strip_prefix(family)?;
        let whole = labels.is_empty() || labels.starts_with('{');
        Some((labels, value.parse().ok()?)).filter(|_| whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_told_from_another_that_begins_alike() {
        let page = "# HELP lag x\nlag{p=\"1\"} 7\nlag_max 9\nlag{p=\"2\"} 3\nfull 0\n";
        let found: Vec<_> = samples(page, "lag").collect();
        assert_eq!(found, [("{p=\"1\"}", 7), ("{p=\"2\"}", 3)]);
        assert_eq!(samples(page, "full").next(), Some(("", 0)));
        assert_eq!(samples(page, "none").next(), None);
    }
}
