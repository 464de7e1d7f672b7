//! CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: what a connection keeps copies of.

use super::{NOT_AN_INTEGER, SYNTAX};
use crate::commands::connection::ok;
use crate::node::Node;
use synod_data::number;
use synod_redis::Flow;
use synod_redis::Kind;
use synod_redis::ReplyMode;
use synod_redis::Tracking;
use synod_types::{ClientId, ReplySink, limits};

const OTHER_BROADCAST: &str = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.";
const OTHER_OPTION: &str = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.";

pub(super) fn tracking(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let wanted = match parse(node, &args[3..]) {
        Ok(wanted) => wanted,
        Err(text) => return node.refuse_request(client, &text),
    };
    if args[2].eq_ignore_ascii_case(b"off") {
        node.end_tracking(client);
        return ok(node, client);
    }
    if !args[2].eq_ignore_ascii_case(b"on") {
        return node.refuse_request(client, SYNTAX);
    }
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let wanted = match joined(session.tracking(), wanted) {
        Ok(wanted) => wanted,
        Err(text) => return node.refuse_request(client, &text),
    };
    node.begin_tracking(client, wanted);
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let inside = session.reply_mode() == ReplyMode::Captured;
    if inside || !node.waits_for_changes() {
        return ok(node, client);
    }
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let seq = session.reserve_barrier(Kind::Read);
    node.answer_when_heard(client, seq);
    Flow::Next
}

/// Reads the options.
fn parse(node: &Node, mut options: &[&[u8]]) -> Result<Tracking, String> {
    let mut wanted = Tracking::default();
    while let Some((option, rest)) = options.split_first() {
        options = rest;
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        match options.split_first() {
            Some((value, rest)) if is("redirect") => {
                options = rest;
                if wanted.redirect.is_some() {
                    let text = "ERR A client can only redirect to a single other client";
                    return Err(text.to_owned());
                }
                wanted.redirect = Some(redirect(node, value)?);
            }
            Some((value, rest)) if is("prefix") => {
                options = rest;
                add_prefix(&mut wanted, value)?;
            }
            _ if is("bcast") => wanted.broadcasts = true,
            _ if is("optin") => wanted.opts_in = true,
            _ if is("optout") => wanted.opts_out = true,
            _ if is("noloop") => wanted.skips_own = true,
            _ => return Err(SYNTAX.to_owned()),
        }
    }
    Ok(wanted)
}

/// The id of the connection that is to be told. Of another worker's connections it is not known here whether they are
/// there; the first message that finds nobody tells.
fn redirect(node: &Node, value: &[u8]) -> Result<u64, String> {
    const NOBODY: &str = "ERR The client ID you want redirect to does not exist";
    let id = number::parse_i64(value).ok_or(NOT_AN_INTEGER)?;
    let id = u64::try_from(id).ok().filter(|id| *id > 0).ok_or(NOBODY)?;
    let is_here =
        (id - 1) % u64::from(node.local.config().workers) == u64::from(node.local.config().worker);
    match is_here && node.client_with(id).is_none() {
        true => Err(NOBODY.to_owned()),
        false => Ok(id),
    }
}

fn add_prefix(wanted: &mut Tracking, prefix: &[u8]) -> Result<(), String> {
    if wanted.prefixes.len() >= limits::TRACKED_PREFIXES_MAX {
        return Err("ERR too many prefixes".to_owned());
    }
    if let Some(other) = overlapping(wanted, prefix) {
        return Err(overlap(other, prefix, "another provided"));
    }
    wanted.prefixes.insert(prefix.to_vec());
    Ok(())
}

/// The prefix that is one of this or that this is one of.
fn overlapping<'a>(tracking: &'a Tracking, prefix: &[u8]) -> Option<&'a Vec<u8>> {
    tracking.prefixes.iter().find(|p| p.starts_with(prefix) || prefix.starts_with(p))
}

fn overlap(prefix: &[u8], other: &[u8], which: &str) -> String {
    format!(
        "ERR Prefix '{}' overlaps with {which} prefix '{}'. Prefixes for a single client must not overlap.",
        String::from_utf8_lossy(prefix),
        String::from_utf8_lossy(other)
    )
}

/// What is in force afterwards; prefixes come to those there are.
fn joined(before: Option<&Tracking>, mut wanted: Tracking) -> Result<Tracking, String> {
    if !wanted.broadcasts && !wanted.prefixes.is_empty() {
        return Err("ERR PREFIX option requires BCAST mode to be enabled".to_owned());
    }
    if before.is_some_and(|before| before.broadcasts != wanted.broadcasts) {
        return Err(OTHER_BROADCAST.to_owned());
    }
    if wanted.broadcasts && (wanted.opts_in || wanted.opts_out) {
        return Err("ERR OPTIN and OPTOUT are not compatible with BCAST".to_owned());
    }
    if wanted.opts_in && wanted.opts_out {
        return Err("ERR You can't specify both OPTIN mode and OPTOUT mode".to_owned());
    }
    let Some(before) = before else {
        if wanted.broadcasts && wanted.prefixes.is_empty() {
            wanted.prefixes.insert(Vec::new());
        }
        return Ok(wanted);
    };
    if (wanted.opts_in && before.opts_out) || (wanted.opts_out && before.opts_in) {
        return Err(OTHER_OPTION.to_owned());
    }
    for prefix in &wanted.prefixes {
        if let Some(other) = overlapping(before, prefix) {
            return Err(overlap(prefix, other, "an existing"));
        }
    }
    if wanted.broadcasts && wanted.prefixes.is_empty() {
        wanted.prefixes.insert(Vec::new());
    }
    wanted.prefixes.extend(before.prefixes.iter().cloned());
    (wanted.keeps, wanted.runs_scripts) = (before.keeps, before.runs_scripts);
    if wanted.prefixes.len() > limits::TRACKED_PREFIXES_MAX {
        return Err("ERR too many prefixes".to_owned());
    }
    Ok(wanted)
}

pub(super) fn caching(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let refusal = match session.tracking_mut() {
        None => Some(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ),
        Some(tracking) if args[2].eq_ignore_ascii_case(b"yes") => {
            tracking.caching |= tracking.opts_in;
            (!tracking.opts_in).then_some(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            )
        }
        Some(tracking) if args[2].eq_ignore_ascii_case(b"no") => {
            tracking.caching |= tracking.opts_out;
            (!tracking.opts_out).then_some(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            )
        }
        Some(_) => Some(SYNTAX),
    };
    match refusal {
        Some(text) => node.refuse_request(client, text),
        None => ok(node, client),
    }
}

pub(super) fn get_redir(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let redirect =
        node.clients.session(client).map_or(-1, |session| redirection(session.tracking()));
    node.reply(client, |out| out.integer(redirect));
    Flow::Next
}

/// The id of the connection that is told: 0, the client itself; -1, it tracks nothing.
pub(super) fn redirection(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |tracking| tracking.redirect.unwrap_or(0).cast_signed())
}

pub(super) fn info(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    let redirect = redirection(session.tracking());
    let (flags, prefixes) = match session.tracking() {
        None => (vec!["off"], Vec::new()),
        Some(tracking) => (flags(tracking), tracking.prefixes.iter().cloned().collect()),
    };
    node.reply(client, |out| {
        out.map(3);
        out.bulk(b"flags");
        out.set(flags.len());
        flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
        out.bulk(b"redirect");
        out.integer(redirect);
        out.bulk(b"prefixes");
        out.array(prefixes.len());
        prefixes.iter().for_each(|prefix: &Vec<u8>| out.bulk(prefix));
    });
    Flow::Next
}

fn flags(tracking: &Tracking) -> Vec<&'static str> {
    let all = [
        ("on", true),
        ("bcast", tracking.broadcasts),
        ("optin", tracking.opts_in),
        ("caching-yes", tracking.opts_in && tracking.caching),
        ("optout", tracking.opts_out),
        ("caching-no", tracking.opts_out && tracking.caching),
        ("noloop", tracking.skips_own),
        ("broken_redirect", tracking.is_broken),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(flag, _)| flag).collect()
}
