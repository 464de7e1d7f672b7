//! CLIENT LIST and CLIENT INFO: one line per connection.
//!
//! The fields are Redis's, in its order. Those that count bytes of the query buffer are 0: that buffer is the
//! world's, and empty whenever a command runs.

use super::tracking::redirection;
use super::{SYNTAX, type_of, unknown_type};
use crate::errand::{Errand, Filter, Type};
use crate::node::Node;
use synod_data::number;
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::Space;
use synod_redis::{Session, Waits};
use synod_types::{ClientId, ReplySink};
use synod_wire::resp::Proto;

pub(super) fn info(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let text = own_line(node, client) + "\n";
    node.reply(client, |out| out.verbatim(&text));
    Flow::Next
}

/// The line of one connection.
pub(crate) fn own_line(node: &mut Node, client: ClientId) -> String {
    let mut text = String::new();
    let now_us = node.local.now().mono_us;
    let id = node.own_client_id(client);
    let laddr = node.local.config().info.client_addr.clone();
    if let Some(session) = node.clients.session(client) {
        line(session, id, &laddr, now_us, &mut text);
    }
    text.truncate(text.trim_end().len());
    text
}

pub(super) fn list(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let mut filter = Filter { asker: node.own_client_id(client), ..Filter::default() };
    match &args[2..] {
        [] => {}
        [word, kind] if word.eq_ignore_ascii_case(b"type") => match type_of(kind) {
            Some(of_type) => filter.of_type = Some(of_type),
            None => return node.refuse_request(client, &unknown_type(kind)),
        },
        [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            for id in ids {
                match number::parse_i64(id).and_then(|id| u64::try_from(id).ok()) {
                    Some(id) => filter.ids.push(id),
                    None => return node.refuse_request(client, "ERR Invalid client ID"),
                }
            }
        }
        _ => return node.refuse_request(client, SYNTAX),
    }
    node.ask_colleagues(client, Join::Text, &Errand::ListClients(filter))
}

/// The lines of this worker's connections that fit the filter, in the order of their ids.
pub(crate) fn lines(node: &Node, filter: &Filter) -> String {
    let laddr = node.local.config().info.client_addr.as_str();
    let mut found: Vec<(u64, &Session)> = node
        .clients
        .sessions()
        .iter()
        .map(|session| (node.client_id(session.number()), session))
        .filter(|(id, session)| fits(filter, *id, session, laddr))
        .collect();
    found.sort_by_key(|(id, _)| *id);
    let mut text = String::new();
    found.into_iter().for_each(|(id, s)| line(s, id, laddr, node.local.now().mono_us, &mut text));
    text
}

/// Whether a connection is among those asked for. One that is being closed is among none.
pub(super) fn fits(filter: &Filter, id: u64, session: &Session, laddr: &str) -> bool {
    !session.is_killed()
        && (filter.ids.is_empty() || filter.ids.contains(&id))
        && (filter.addr.is_empty() || filter.addr == session.addr().as_bytes())
        && (filter.laddr.is_empty() || filter.laddr == laddr.as_bytes())
        && (filter.user.is_empty() || filter.user == session.identity().name())
        && !(filter.skip_asker && filter.asker == id)
        && filter.of_type.is_none_or(|of_type| of_type == session_type(session))
}

fn session_type(session: &Session) -> Type {
    if session.subscriptions().is_empty() { Type::Normal } else { Type::Subscriber }
}

/// The letters of what a connection is and does, in Redis's order.
fn flags(session: &Session, waits: bool) -> String {
    if session.is_closing() {
        return "c".to_owned();
    }
    let tracking = session.tracking();
    let all = [
        ('O', session.is_monitor()),
        ('P', !session.subscriptions().is_empty()),
        ('x', session.multi().is_some()),
        ('b', waits),
        ('t', tracking.is_some()),
        ('R', tracking.is_some_and(|tracking| tracking.is_broken)),
        ('B', tracking.is_some_and(|tracking| tracking.broadcasts)),
        ('e', session.is_kept()),
    ];
    let letters: String = all.into_iter().filter(|(_, is)| *is).map(|(letter, _)| letter).collect();
    if letters.is_empty() { "N".to_owned() } else { letters }
}

fn line(session: &Session, id: u64, laddr: &str, now_us: u64, text: &mut String) {
    let seconds = |since_us: u64| now_us.saturating_sub(since_us) / 1_000_000;
    let queued = session.multi().map(|m| m.commands.as_slice());
    let multi = queued.map_or(-1, |commands| commands.len() as i64);
    let multi_mem: usize = queued.into_iter().flatten().flatten().map(Vec::len).sum();
    let waits = session.waits() == Some(Waits::Pause) || session.blocked().is_some();
    let flags = flags(session, waits);
    let redirect = redirection(session.tracking());
    let (size, used) = (session.out().capacity(), session.out().len());
    text.push_str(&format!(
        "id={id} addr={} laddr={laddr} fd=-1 name={} age={} idle={} flags={flags} db=0 sub={} psub={} ssub={} \
         multi={multi} qbuf=0 qbuf-free=0 argv-mem=0 multi-mem={multi_mem} rbs={size} rbp={size} obl={used} \
         oll=0 omem=0 tot-mem={} events=r cmd={} user={} redir={redirect} resp={} lib-name={} lib-ver={}\n",
        session.addr(),
        String::from_utf8_lossy(session.name()),
        seconds(session.opened_us()),
        seconds(session.active_us()),
        session.subscriptions().of(Space::Channel).len(),
        session.subscriptions().of(Space::Pattern).len(),
        session.subscriptions().of(Space::Shard).len(),
        size + multi_mem,
        session.last_command(),
        String::from_utf8_lossy(session.identity().name()),
        if session.proto() == Proto::Resp3 { 3 } else { 2 },
        String::from_utf8_lossy(session.library().0),
        String::from_utf8_lossy(session.library().1),
    ));
}
