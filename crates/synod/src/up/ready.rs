//! Whether a node answers and finds its cluster whole.

use crate::calls;
use crate::client::{PASSWORD, password};
use std::net::SocketAddr;
use std::time::Duration;
use synod_server::Talk;
use synod_wire::resp::{Value, write_request};

const TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// `Err` says, for the operator, what the node is not ready with.
pub fn probe(address: SocketAddr) -> Result<(), String> {
    let mut client = Client::connect(address).map_err(|_| "it does not listen yet".to_owned())?;
    let password = password().map_err(|error| error.to_string())?;
    if let Some(password) = password
        && let Value::Error(refused) = client.say(password.request().as_bytes())?
        && refused.starts_with("WRONGPASS")
    {
        return Err(format!("{PASSWORD} is not the password of its default user"));
    }
    match client.ask(&[b"PING"])? {
        Value::Simple(pong) if pong == "PONG" => {}
        Value::Error(refused) if refused.starts_with("NOAUTH") => {
            return Err(format!("it asks for the password of its default user: set {PASSWORD}"));
        }
        other => return Err(format!("it answers PING with {other:?}")),
    }
    match client.ask(&[b"CLUSTER", b"INFO"])? {
        Value::Bulk(info) if is_ok(&info) => Ok(()),
        Value::Bulk(_) => Err("its partitions have no leaders yet".into()),
        other => Err(format!("it answers CLUSTER INFO with {other:?}")),
    }
}

fn is_ok(info: &[u8]) -> bool {
    info.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == b"cluster_state:ok")
}

struct Client {
    stream: Box<dyn Talk>,
    received: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = calls::connect(&address, TIMEOUT)?;
        Ok(Self { stream, received: Vec::new() })
    }

    fn ask(&mut self, request: &[&[u8]]) -> Result<Value, String> {
        let mut bytes = Vec::new();
        write_request(&mut bytes, request);
        self.say(&bytes)
    }

    fn say(&mut self, bytes: &[u8]) -> Result<Value, String> {
        self.stream.write_all(bytes).map_err(|error| error.to_string())?;
        let mut chunk = [0; 4096];
        loop {
            let reply = Value::decode(&self.received).map_err(|error| error.to_string())?;
            if let Some((value, len)) = reply {
                self.received.drain(..len);
                return Ok(value);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err("it closed the connection".into()),
                Ok(n) => self.received.extend_from_slice(&chunk[..n]),
                Err(_) => return Err("it does not answer yet".into()),
            }
            if self.received.len() > ANSWER_BYTES_MAX {
                return Err("its answer is too long".into());
            }
        }
    }
}
