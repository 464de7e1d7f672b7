//! Scripts of requests and replies.
//!
//! ```text
//! world nodes=1 workers=1 partitions=4     first, if it is not this; turn=0: all operations are run beside the turns
//! # a comment
//! > SET key "a b"                    a request; its reply follows, CR LF written as a space
//! +OK
//! b> SET a 1 | GET a                 client b sends both at once; its replies follow, one per line
//! b> CLIENT INFO -> id name          only these fields of the `field=value` or `field:value` reply
//! connect b 2 1                      client b connects to worker 1 of node 2; else to worker 0 of node 1
//! hold / release                     the log is held back / goes on; who is answered then, is told
//! busy / idle                        operations that are run beside the turns do not end / end
//! pass 100                           milliseconds pass; the same
//! lose 1 2 / heal                    these nodes reach nobody / all reach each other again
//! mute 1                             consensus messages of node 1 are lost, until `heal`
//! deaf 1                             those to node 1 are lost, until `heal`
//! seal 1                             partition 1 is sealed, as before its slots change hands
//! full 1                             the disk of node 1 takes no more
//! slow 2 1                           requests from node 2 to node 1 are under way until ...
//! arrive                             ... the next of them arrives
//! ```
//! `(closed)` is the end of a connection.

use crate::world::{Size, World};
use std::fmt::Write;
use synod_types::{NodeId, PartitionId};
use synod_wire::resp::{Value, reply_len};

const SIZE: Size = Size { nodes: 1, workers: 1, partitions: 4 };

/// Runs a script and answers it with the replies as they are; `turn_length`: in a world where longer operations than
/// this are run beside the turns.
pub fn rewritten(script: &str, turn_length: usize) -> String {
    let line = script.lines().find_map(|line| line.strip_prefix("world ")).unwrap_or_default();
    let turn_length = number(line, "turn").map_or(turn_length, |n| n as usize);
    let mut world = World::with_turns_of(size(line), turn_length);
    let mut names: Vec<String> = Vec::new();
    // Clients of whom the script has said that they are closed.
    let mut ended: Vec<String> = Vec::new();
    let mut actual = String::new();
    for line in script.lines() {
        if line.is_empty() || line.starts_with('#') || line.starts_with("world ") {
            actual.push_str(line);
            actual.push('\n');
        } else if let Some((client, request)) = command(line) {
            actual.push_str(line);
            actual.push('\n');
            if !world.is_connected(client) {
                world.connect(client, 1, 0);
                names.push(client.to_owned());
            }
            let (requests, fields) = request.split_once(" -> ").unwrap_or((request, ""));
            world.send(client, requests.split(" | ").map(words));
            let told = replies(&mut world, client, fields);
            if told.ends_with("(closed)\n") {
                ended.push(client.to_owned());
            }
            actual.push_str(&told);
        } else if directive(line, &mut world, &mut names) {
            actual.push_str(line);
            actual.push('\n');
            for name in &names {
                if ended.contains(name) {
                    continue;
                }
                let told = replies(&mut world, name, "");
                if !told.is_empty() {
                    let _writing_to_a_string_succeeds = write!(actual, "{name}: {told}");
                }
                if told.ends_with("(closed)\n") {
                    ended.push(name.clone());
                }
            }
        }
    }
    actual
}

fn size(text: &str) -> Size {
    Size {
        nodes: number(text, "nodes").map_or(SIZE.nodes, u64::from),
        workers: number(text, "workers").map_or(SIZE.workers, |n| n as u16),
        partitions: number(text, "partitions").unwrap_or(SIZE.partitions),
    }
}

fn number(text: &str, name: &str) -> Option<u32> {
    let word = text.split(' ').find_map(|w| w.strip_prefix(name)?.strip_prefix('='));
    word.map(|n| n.parse().expect("a number"))
}

/// A line that sends: the client's name before the `>`, `a` when there is none.
fn command(line: &str) -> Option<(&str, &str)> {
    let (name, request) = line.split_once("> ")?;
    let is_name = name.len() <= 1 && name.bytes().all(|b| b.is_ascii_lowercase());
    is_name.then_some((if name.is_empty() { "a" } else { name }, request))
}

/// Does what a line asks for; `false` for the lines of a reply.
fn directive(line: &str, world: &mut World, names: &mut Vec<String>) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["hold"] => world.held = true,
        ["release"] => world.release(),
        ["busy"] => world.busy = true,
        ["idle"] => {
            world.busy = false;
            world.pass(0);
        }
        ["pass", ms] => world.pass(ms.parse().expect("milliseconds")),
        ["lose", ref nodes @ ..] => world.lost = nodes.iter().map(|n| node(n)).collect(),
        ["mute", ref nodes @ ..] => world.mute = nodes.iter().map(|n| node(n)).collect(),
        ["deaf", ref nodes @ ..] => world.deaf = nodes.iter().map(|n| node(n)).collect(),
        ["seal", partition] => world.seal(PartitionId(partition.parse().expect("a partition"))),
        ["full", at] => world.fill_disk(node(at)),
        ["heal"] => {
            world.lost.clear();
            world.deaf.clear();
            world.mute.clear();
            world.slow = None;
        }
        ["slow", from, to] => world.slow = Some((node(from), node(to))),
        ["arrive"] => world.arrive(),
        ["connect", name, at, worker] => {
            world.connect(name, node(at).0, worker.parse().expect("a worker"));
            names.push(name.to_owned());
        }
        _ => return false,
    }
    true
}

fn node(word: &str) -> NodeId {
    NodeId(word.parse().expect("a node"))
}

/// The replies that a client has received, one per line.
fn replies(world: &mut World, client: &str, fields: &str) -> String {
    let (bytes, closed) = world.receive(client);
    let mut rest = &bytes[..];
    let mut text = String::new();
    while !rest.is_empty() {
        let len = reply_len(rest).expect("a reply").expect("a whole reply");
        let (reply, after) = rest.split_at(len);
        rest = after;
        text.push_str(&match fields {
            "" => plain(reply),
            fields => picked(reply, fields),
        });
        text.push('\n');
    }
    if closed {
        text.push_str("(closed)\n");
    }
    text
}

fn plain(reply: &[u8]) -> String {
    let text = String::from_utf8_lossy(reply).replace("\r\n", " ").replace('\n', "\\n");
    text.trim_end().to_owned()
}

fn picked(reply: &[u8], fields: &str) -> String {
    let (value, _) = Value::decode(reply).expect("a reply").expect("a whole reply");
    let text = value.as_str().expect("a text").to_owned();
    let pairs = || text.split([' ', '\n', '\r']).filter_map(|word| word.split_once(['=', ':']));
    let found = fields.split(' ').flat_map(|field| {
        pairs()
            .filter(move |(name, _)| *name == field)
            .map(|(name, value)| format!("{name}={value}"))
    });
    found.collect::<Vec<_>>().join(" ")
}

/// Splits a line into words; one in double quotes may hold spaces, and `\n` for the end of a line.
fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.replace("\\n", "\n").into_bytes());
        rest = after.trim_start();
    }
    words
}
