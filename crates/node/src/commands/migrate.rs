//! MIGRATE host port <key | ""> database timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]

use crate::migrations::Migration;
use crate::node::Node;
use synod_data::number;
use synod_redis::{Flow, Kind, Waits};
use synod_types::{ClientId, RESERVED, is_coordinators};

const SYNTAX: &str = "ERR syntax error";
const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
const KEY_AND_KEYS: &str =
    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
/// What a timeout of 0 or less means, in milliseconds.
const TIMEOUT_MS: u64 = 1_000;

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    // What it is asked behind a write, it does behind that write.
    if !session.is_idle() {
        return session.wait_for(Waits::Idle);
    }
    let mut migration = match parse(args) {
        Ok(migration) => migration,
        Err(text) => return node.refuse_request(client, text),
    };
    if migration.keys.iter().any(|key| is_coordinators(key)) && !session.identity().coordinates() {
        return node.refuse_request(client, RESERVED);
    }
    migration.client = (client, session.reserve_barrier(Kind::Write));
    node.migrate(migration);
    Flow::Next
}

fn parse(args: &[&[u8]]) -> Result<Migration, &'static str> {
    let owned = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
    let (mut copies, mut replaces, mut login) = (false, false, Vec::new());
    let mut keys = owned(&args[3..4]);
    let mut rest = &args[6..];
    while let Some((word, behind)) = rest.split_first() {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        rest = behind;
        if is("COPY") {
            copies = true;
        } else if is("REPLACE") {
            replaces = true;
        } else if is("AUTH") || is("AUTH2") {
            let words = if is("AUTH") { 1 } else { 2 };
            let (secret, behind) = rest.split_at_checked(words).ok_or(SYNTAX)?;
            login = owned(secret);
            rest = behind;
        } else if is("KEYS") {
            if !args[3].is_empty() {
                return Err(KEY_AND_KEYS);
            }
            keys = owned(rest);
            break;
        } else {
            return Err(SYNTAX);
        }
    }
    let timeout = number::parse_i64(args[5]).ok_or(NOT_INTEGER)?;
    let database = number::parse_i64(args[4]).ok_or(NOT_INTEGER)?;
    let host = String::from_utf8_lossy(args[1]).into_owned();
    let port = std::str::from_utf8(args[2]).ok().and_then(|port| port.parse().ok());
    Ok(Migration {
        client: (ClientId(0), 0),
        // As Redis reads it: what is no number is port 0, where nobody listens.
        target: (host, port.unwrap_or(0)),
        database,
        keys,
        timeout_ms: u64::try_from(timeout).ok().filter(|ms| *ms > 0).unwrap_or(TIMEOUT_MS),
        copies,
        replaces,
        login,
    })
}
