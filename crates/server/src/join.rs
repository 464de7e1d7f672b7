//! How a new node asks for its seat: it tells a member who it is, in the words of Redis's protocol, and is known to all once
//! the metadata group has taken that down.

use crate::config::{Join, Password};
use crate::tls::{Caller, Talk};
use anyhow::{Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use synod_ring::NodeInfo;
use synod_types::NodeId;

/// How long one member may take to answer.
const ANSWER: Duration = Duration::from_secs(12);
/// How long a connection to one may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a cluster that cannot decide is asked again.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);
/// No answer is longer.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Asks until a member says that the node is in.
///
/// # Errors
/// The cluster refuses, with its reason; or it could not decide for a while, or the node is told to stop. Asked again with
/// the same data directory the node gets the same seat.
pub fn ask(
    join: &Join,
    password: Option<&Password>,
    node: NodeId,
    info: &NodeInfo,
    stop: &AtomicBool,
) -> Result<()> {
    let request = request(join, node, info);
    let begun = Instant::now();
    let mut last = String::from("nobody was asked");
    while begun.elapsed() < PATIENCE && !stop.load(Ordering::Relaxed) {
        for member in &join.members {
            match say(*member, join.tls.as_ref(), password, &request) {
                Ok(answer) if answer == "+OK" => {
                    tracing::info!(cluster = %format!("{:016x}", join.cluster.0), %member, "joined the cluster");
                    return Ok(());
                }
                Ok(answer) if answer.starts_with("-NOAUTH") || answer.starts_with("-WRONGPASS") => {
                    bail!(
                        "the cluster asks for its password: start the node with the --requirepass of the others"
                    )
                }
                Ok(answer) => match answer.strip_prefix("-ERR ") {
                    Some(reason) => bail!("the cluster does not take this node in: {reason}"),
                    None => last = format!("{member} answers `{answer}`"),
                },
                Err(error) => last = format!("{member}: {error:#}"),
            }
        }
        std::thread::sleep(PAUSE);
    }
    bail!(
        "the cluster has not taken this node in ({last}): start it again once `synod status` shows leaders"
    )
}

fn request(join: &Join, node: NodeId, info: &NodeInfo) -> String {
    format!(
        "CLUSTER JOIN {:016x} {node} {:016x} {} {} {} {} {} {} {}\r\n",
        join.cluster.0,
        info.incarnation.0,
        info.peer_addr,
        info.client_addr,
        info.http_addr,
        info.version,
        info.workers,
        info.starts,
        info.process
    )
}

fn say(
    member: SocketAddr,
    tls: Option<&Caller>,
    password: Option<&Password>,
    request: &str,
) -> Result<String> {
    let stream = TcpStream::connect_timeout(&member, CONNECT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let mut stream: Box<dyn Talk> = match tls {
        Some(tls) => tls.call(stream, &member.ip().to_string())?,
        None => Box::new(stream),
    };
    stream.write_all(password.map(Password::request).unwrap_or_default().as_bytes())?;
    stream.write_all(request.as_bytes())?;
    let mut answers = BufReader::new(stream.take(ANSWER_BYTES_MAX));
    let mut answer = String::new();
    if password.is_some() {
        answers.read_line(&mut answer)?;
        // A cluster without a password says so; the node asks its own clients for one all the same.
        if answer.starts_with("-WRONGPASS") {
            return Ok(answer.trim_end().to_owned());
        }
        answer.clear();
    }
    answers.read_line(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::net::TcpListener;
    use std::thread;
    use synod_types::{ClusterId, Incarnation};

    /// Asks a member that answers one connection after the other with these words.
    fn answered(answers: &'static [&'static str]) -> (Result<()>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let join = Join {
            cluster: ClusterId(0xab),
            members: vec![listener.local_addr().unwrap()],
            roster: BTreeMap::new(),
            tls: None,
        };
        let member = thread::spawn(move || {
            let answer = |words: &&str| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut line = String::new();
                BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
                stream.write_all(words.as_bytes()).unwrap();
                line
            };
            answers.iter().map(answer).collect()
        });
        let info = NodeInfo {
            peer_addr: "10.0.0.4:1".into(),
            client_addr: "10.0.0.4:2".into(),
            http_addr: "10.0.0.4:3".into(),
            version: "0.1.0".into(),
            workers: 2,
            incarnation: Incarnation(9),
            starts: 1,
            process: 77,
        };
        let asked = ask(&join, None, NodeId(4), &info, &AtomicBool::new(false));
        (asked, member.join().unwrap())
    }

    #[test]
    fn it_asks_until_it_is_in_or_refused() {
        let words = "CLUSTER JOIN 00000000000000ab 4 0000000000000009 10.0.0.4:1 10.0.0.4:2 10.0.0.4:3 0.1.0 2 1 77\r\n";
        let (asked, heard) = answered(&["-CLUSTERDOWN no leader\r\n", "", "+OK\r\n"]);
        assert!(asked.is_ok());
        assert_eq!(heard, [words; 3]);
        let (asked, _) = answered(&["-ERR node 4 is a member already\r\n"]);
        assert!(asked.unwrap_err().to_string().contains("node 4 is a member already"));
        let (asked, _) = answered(&["-NOAUTH Authentication required.\r\n"]);
        assert!(asked.unwrap_err().to_string().contains("--requirepass"));
    }
}
