//! CLIENT KILL, in its old form with an address and its new one with options.

use super::list::fits;
use super::{SYNTAX, type_of, unknown_type};
use crate::errand::{Errand, Filter};
use crate::node::Node;
use crate::settings::Setting;
use crate::turn::TICK_MS;
use synod_acl::Users;
use synod_data::number;
use synod_redis::Flow;
use synod_redis::Join;
use synod_redis::Session;
use synod_types::{ClientId, ReplySink};

/// Idle connections are looked for every second.
const IDLE_TICKS: u64 = 1000 / TICK_MS;

pub(super) fn kill(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let asker = node.own_client_id(client);
    if let [addr] = &args[2..] {
        let filter = Filter { addr: addr.to_vec(), asker, ..Filter::default() };
        return match addr.is_empty() {
            true => node.refuse_request(client, "ERR No such client"),
            false => node.ask_colleagues(client, Join::SomeKilled, &Errand::KillClients(filter)),
        };
    }
    match parse(&args[2..], asker, node.authority.users()) {
        Ok(Some(filter)) => node.ask_colleagues(client, Join::Sum, &Errand::KillClients(filter)),
        Ok(None) => {
            node.reply(client, |out| out.integer(0));
            Flow::Next
        }
        Err(text) => node.refuse_request(client, &text),
    }
}

/// Which connections the options mean; `None` when they can mean none.
fn parse(mut options: &[&[u8]], asker: u64, users: &Users) -> Result<Option<Filter>, String> {
    let mut filter = Filter { asker, skip_asker: true, ..Filter::default() };
    let mut none = false;
    while let Some((option, rest)) = options.split_first() {
        let (value, rest) = rest.split_first().ok_or(SYNTAX)?;
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        if is("id") {
            let id = number::parse_i64(value).and_then(|id| u64::try_from(id).ok());
            let id = id.filter(|id| *id > 0).ok_or("ERR client-id should be greater than 0")?;
            filter.ids = vec![id];
        } else if is("type") {
            filter.of_type = Some(type_of(value).ok_or_else(|| unknown_type(value))?);
        } else if is("addr") {
            none |= value.is_empty();
            filter.addr = value.to_vec();
        } else if is("laddr") {
            none |= value.is_empty();
            filter.laddr = value.to_vec();
        } else if is("user") {
            if users.get(value).is_none() {
                let user = String::from_utf8_lossy(&value[..value.len().min(128)]);
                return Err(format!("ERR No such user '{user}'"));
            }
            filter.user = value.to_vec();
        } else if is("skipme") {
            filter.skip_asker = match () {
                () if value.eq_ignore_ascii_case(b"yes") => true,
                () if value.eq_ignore_ascii_case(b"no") => false,
                () => return Err(SYNTAX.into()),
            };
        } else {
            return Err(SYNTAX.into());
        }
        options = rest;
    }
    Ok((!none).then_some(filter))
}

impl Node {
    /// Closes the connections of which nothing has been heard for longer than the setting `timeout`, unless they are
    /// still owed an answer or wait for their turn.
    pub(crate) fn close_idle_clients(&mut self) {
        let timeout_us = self.settings.get(Setting::Timeout).unsigned_abs() * 1_000_000;
        if timeout_us == 0 || !self.local.is_due(IDLE_TICKS) {
            return;
        }
        let now_us = self.local.now().mono_us;
        // A subscriber has nothing to send, however long it lives.
        let idle = |s: &Session| {
            let done = s.is_idle() && s.waits().is_none() && !s.is_closing() && s.out().is_empty();
            done && s.subscriptions().is_empty()
        };
        let sessions = self.clients.sessions_mut().iter_mut().filter(|session| idle(session));
        for session in sessions.filter(|s| now_us.saturating_sub(s.active_us()) > timeout_us) {
            session.kill(&mut self.output.ready);
        }
    }
}

/// Closes this worker's connections that fit, the asker's own only once it is answered; how many there were.
pub(crate) fn kill_matching(node: &mut Node, filter: &Filter) -> i64 {
    let laddr = node.local.config().info.client_addr.as_str();
    let found: Vec<(ClientId, bool)> = node
        .clients
        .sessions()
        .iter()
        .map(|session| (node.client_id(session.number()), session))
        .filter(|(id, session)| fits(filter, *id, session, laddr))
        .map(|(id, session)| (session.id(), id == filter.asker))
        .collect();
    for (client, is_asker) in &found {
        let Some(session) = node.clients.session(*client) else { continue };
        match is_asker {
            true => session.close_when_answered(),
            false => session.kill(&mut node.output.ready),
        }
    }
    found.len() as i64
}
