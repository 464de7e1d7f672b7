//! Requests that are too large, of every sort: each is refused, nothing of it is done, and nobody else notices.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::clients::{PATIENCE, told};
use super::{Kind, Nemesis};
use crate::resp::{Connection, Reply};
use crate::session::Session;

/// A request of so many parts, each of so many bytes: more than a node takes.
const PARTS: usize = 200;
const PART_BYTES: usize = 1_000_000;
/// How long it may take until somebody says whether something of it was done.
const TOLD: Duration = Duration::from_secs(30);

impl Nemesis<'_> {
    /// Sends one request that is much too large, and looks whether anything of it was done.
    pub(super) fn ask_too_much(&mut self, i: usize) -> Result<()> {
        let node = self.scene.cluster.node(i);
        self.lefts += 1;
        // Keys in all partitions, or in one.
        let tag = if self.dice.chance(50) { "{huge}" } else { "huge" };
        let keys: Vec<_> = (0..PARTS).map(|n| format!("{tag}:{}:{n}", self.lefts)).collect();
        let part = "h".repeat(PART_BYTES);
        let pairs = keys.iter().flat_map(|key| [key.as_str(), &part]);
        let Ok(mut connection) = Connection::open(node.client(), TOLD) else { return Ok(()) };
        self.scene.count(Kind::Huge);
        let (what, answer) = match self.dice.range(0, 3) {
            0 => ("SET", connection.call(&["SET", &keys[0], &part.repeat(PARTS)])),
            1 => {
                let request: Vec<_> = ["MSET"].into_iter().chain(pairs).collect();
                ("MSET", connection.call(&request))
            }
            _ => ("MULTI", transaction(&mut connection, &keys, &part)),
        };
        self.scene.write_down(format!("node {} is asked for a {what} of 200 MB", i + 1));
        node.check_alive()?;
        if let Ok(taken @ (Reply::Simple(_) | Reply::Array(Some(_)))) = &answer {
            bail!("a {what} of 200 MB was answered {}", told(taken));
        }
        self.nothing_is_there(i, what, &keys)
    }

    fn nothing_is_there(&mut self, i: usize, what: &str, keys: &[String]) -> Result<()> {
        let mut reader = Session::new(self.scene.nodes(), i, PATIENCE);
        let asked: Vec<_> = ["EXISTS"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let until = Instant::now() + TOLD;
        while Instant::now() < until {
            match reader.call(&asked) {
                Ok(Reply::Integer(0)) => return Ok(()),
                Ok(other) => bail!("of a {what} that was refused there is {}", told(&other)),
                // Somebody may be without a leader just now.
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        Ok(())
    }
}

/// The answer of EXEC, or the first trouble before it.
fn transaction(connection: &mut Connection, keys: &[String], part: &str) -> std::io::Result<Reply> {
    connection.call(&["MULTI"])?;
    for key in keys {
        connection.call(&["SET", key, part])?;
    }
    connection.call(&["EXEC"])
}
