//! PING, ECHO, QUIT, RESET, HELLO, AUTH, SELECT.

use crate::node::Node;
use synod_acl::DEFAULT;
use synod_data::number;
use synod_redis::{Flow, REDIS_VERSION};
use synod_redis::{Reason, ReplyMode, Waits};
use synod_types::{ClientId, ReplySink};
use synod_wire::resp::Proto;

pub(crate) fn ok(node: &mut Node, client: ClientId) -> Flow {
    node.reply(client, |out| out.simple("OK"));
    Flow::Next
}

pub(super) fn ping(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    if args.len() > 2 {
        return node.refuse_request(client, &super::wrong_arity("ping"));
    }
    let listens = node.clients.session(client).is_some_and(|session| {
        session.proto() == Proto::Resp2 && !session.subscriptions().is_empty()
    });
    if listens {
        node.reply(client, |out| {
            out.array(2);
            out.bulk(b"pong");
            out.bulk(args.get(1).copied().unwrap_or_default());
        });
        return Flow::Next;
    }
    node.reply(client, |out| match args.get(1) {
        Some(text) => out.bulk(text),
        None => out.simple("PONG"),
    });
    Flow::Next
}

pub(super) fn echo(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    node.reply(client, |out| out.bulk(args[1]));
    Flow::Next
}

pub(super) fn quit(node: &mut Node, client: ClientId) -> Flow {
    node.reply(client, |out| out.simple("OK"));
    if let Some(session) = node.clients.session(client) {
        session.close_when_answered();
    }
    Flow::Closing
}

pub(super) fn reset(node: &mut Node, client: ClientId) -> Flow {
    if let Some(session) = node.clients.session(client) {
        if !session.is_idle() {
            return session.wait_for(Waits::Idle);
        }
        let _discarded = session.end_multi();
        session.set_fence(None);
        session.set_kept(false);
        session.end_watches();
        session.set_name(b"");
        session.set_reply_mode(ReplyMode::On);
        session.set_proto(Proto::Resp2);
        session.set_identity(node.authority.stranger());
    }
    node.clients.unsubscribe_all(client);
    node.end_tracking(client);
    node.end_monitor(client);
    node.reply(client, |out| out.simple("RESET"));
    Flow::Next
}

pub(super) fn auth(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let (user, password) = match &args[1..] {
        [_] if node.authority.default_needs_no_password() => {
            let text = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
            return node.refuse_request(client, text);
        }
        [password] => (DEFAULT, *password),
        [user, password] => (*user, *password),
        _ => return node.refuse_request(client, "ERR syntax error"),
    };
    match node.log_in(client, user, password, args[0]) {
        true => ok(node, client),
        false => node.refuse_request(client, WRONGPASS),
    }
}

impl Node {
    /// Lets a client be somebody, if it knows the password.
    fn log_in(&mut self, client: ClientId, user: &[u8], password: &[u8], word: &[u8]) -> bool {
        let Some(identity) = self.authority.login(user, password) else {
            let in_multi = self.clients.session(client).is_some_and(|s| s.multi().is_some());
            self.log_refusal(client, (Reason::Auth, in_multi), word, user);
            return false;
        };
        if let Some(session) = self.clients.session(client) {
            session.set_identity(identity);
        }
        true
    }
}

const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

pub(super) fn select(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match synod_data::args::database(args[1]) {
        Ok(0) => ok(node, client),
        Ok(_) => node.refuse_request(client, "ERR SELECT is not allowed in cluster mode"),
        Err(failure) => node.refuse_request(client, failure.0),
    }
}

/// MOVE, SWAPDB: there is one database.
pub(super) fn one_database(node: &mut Node, client: ClientId, name: &str) -> Flow {
    let name = name.to_ascii_uppercase();
    node.refuse_request(client, &format!("ERR {name} is not allowed in cluster mode"))
}

pub(super) fn time(node: &mut Node, client: ClientId) -> Flow {
    let wall_ms = node.local.now().wall.0;
    node.reply(client, |out| {
        out.array(2);
        out.bulk((wall_ms / 1000).to_string().as_bytes());
        out.bulk((wall_ms % 1000 * 1000).to_string().as_bytes());
    });
    Flow::Next
}

/// Every write that was answered lies on a majority of its partition's nodes, and that is all that is known: the
/// others are not waited for.
pub(super) fn wait(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let refusal = match (number::parse_i64(args[1]), number::parse_i64(args[2])) {
        (None, _) => Some("ERR value is not an integer or out of range"),
        (_, None) => Some("ERR timeout is not an integer or out of range"),
        (_, Some(timeout)) if timeout < 0 => Some("ERR timeout is negative"),
        _ => None,
    };
    if let Some(refusal) = refusal {
        return node.refuse_request(client, refusal);
    }
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.is_writing() {
        return session.wait_for(Waits::Writes);
    }
    let copies =
        node.groups.map().partitions().values().map(|p| p.replicas.len()).min().unwrap_or(1);
    node.reply(client, |out| out.integer(copies as i64 / 2));
    Flow::Next
}

/// What HELLO asks for.
#[derive(Default)]
struct Hello<'a> {
    proto: Option<Proto>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn parse_hello<'a>(words: &[&'a [u8]]) -> Result<Hello<'a>, String> {
    let mut hello = Hello::default();
    let Some((version, mut rest)) = words.split_first() else { return Ok(hello) };
    hello.proto = match number::parse_i64(version) {
        Some(2) => Some(Proto::Resp2),
        Some(3) => Some(Proto::Resp3),
        Some(_) => return Err("NOPROTO unsupported protocol version".into()),
        None => return Err("ERR Protocol version is not an integer or out of range".into()),
    };
    while let Some((option, tail)) = rest.split_first() {
        rest = match tail {
            [user, password, tail @ ..] if option.eq_ignore_ascii_case(b"auth") => {
                hello.login = Some((user, password));
                tail
            }
            [name, tail @ ..] if option.eq_ignore_ascii_case(b"setname") => {
                if !is_plain(name) {
                    return Err(BAD_NAME.into());
                }
                hello.name = Some(name);
                tail
            }
            _ => {
                let option = String::from_utf8_lossy(&option[..option.len().min(64)]);
                return Err(format!("ERR Syntax error in HELLO option '{option}'"));
            }
        };
    }
    Ok(hello)
}

const NOT_YET: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";

pub(super) const BAD_NAME: &str =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// Whether a name can stand in CLIENT LIST.
pub(super) fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|b| (b'!'..=b'~').contains(b))
}

pub(super) fn hello(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let hello = match parse_hello(&args[1..]) {
        Ok(hello) => hello,
        Err(text) => return node.refuse_request(client, &text),
    };
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if !session.is_idle() && !session.is_inside_exec() {
        return session.wait_for(Waits::Idle);
    }
    if let Some((user, password)) = hello.login
        && !node.log_in(client, user, password, args[0])
    {
        return node.refuse_request(client, WRONGPASS);
    }
    let anybody = node.authority.admits_anybody();
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if !session.identity().is_authenticated() && !anybody {
        return node.refuse_request(client, NOT_YET);
    }
    let proto = hello.proto.unwrap_or(session.proto());
    session.set_proto(proto);
    if let Some(name) = hello.name {
        session.set_name(name);
    }
    let proto = if session.proto() == Proto::Resp3 { 3 } else { 2 };
    let id = node.own_client_id(client);
    node.reply(client, |out| {
        out.map(7);
        let text = [("server", "redis"), ("version", REDIS_VERSION)];
        for (key, value) in text {
            out.bulk(key.as_bytes());
            out.bulk(value.as_bytes());
        }
        out.bulk(b"proto");
        out.integer(proto);
        out.bulk(b"id");
        out.integer(id as i64);
        for (key, value) in [("mode", "cluster"), ("role", "master")] {
            out.bulk(key.as_bytes());
            out.bulk(value.as_bytes());
        }
        out.bulk(b"modules");
        out.array(0);
    });
    Flow::Next
}
