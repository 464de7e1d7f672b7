//! LATENCY: what took long, and how long each command takes.

use super::subcommand::{self, Subcommand};
use crate::errand::Errand;
use crate::node::Node;
use crate::settings::Setting;
use synod_data::Flags;
use synod_redis::{Flow, Join, Kind, LatencyEvent, LatencyQuery, Waits};
use synod_replica::Origin;
use synod_types::ClientId;

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
const OPERATOR: Flags = ANYTIME.and(Flags::ADMIN).and(Flags::NOSCRIPT);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("latency|doctor", 2, OPERATOR, doctor)
        .about("2.8.13", "", "What to make of the requests that took long."),
    Subcommand::new("latency|graph", 3, OPERATOR, graph)
        .about("2.8.13", "<event>", "Draws the longest times of an event."),
    Subcommand::new("latency|histogram", -2, OPERATOR, histogram)
        .about("7.0.0", "[<command> ...]", "How many calls of each command took up to how many microseconds."),
    Subcommand::new("latency|history", 3, OPERATOR, history)
        .about("2.8.13", "<event>", "The longest time of an event in each second in which it took long, in milliseconds."),
    Subcommand::new("latency|latest", 2, OPERATOR, latest)
        .about("2.8.13", "", "The newest time of each event, and the longest."),
    Subcommand::new("latency|reset", -2, OPERATOR, reset)
        .about("2.8.13", "[<event> ...]", "Forgets the times of these events, of all without any."),
    Subcommand::new("latency|help", 2, ANYTIME, help)
        .about("2.8.13", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "LATENCY", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "LATENCY", None, TABLE)
}

fn doctor(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let threshold_ms = node.settings.get(Setting::LatencyMonitorThreshold);
    tell(node, client, LatencyQuery::Doctor(u64::try_from(threshold_ms).unwrap_or(0)))
}

fn graph(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let now_s = node.local.now().wall.0 / 1000;
    tell(node, client, LatencyQuery::Graph(args[2].to_vec(), now_s))
}

fn history(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    tell(node, client, LatencyQuery::History(args[2].to_vec()))
}

fn latest(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    tell(node, client, LatencyQuery::Latest)
}

fn tell(node: &mut Node, client: ClientId, query: LatencyQuery) -> Flow {
    ask(node, client, Join::Latency(query), &Errand::LatencyEvents)
}

fn reset(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let names = args[2..].iter().map(|name| name.to_vec()).collect();
    ask(node, client, Join::Sum, &Errand::LatencyReset(names))
}

fn histogram(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let names = args[2..].iter().map(|name| name.to_ascii_lowercase()).collect();
    let join = Join::LatencyHistogram(names, super::known_name);
    node.ask_colleagues(client, join, &Errand::Tally)
}

/// Asks worker 0, which keeps the events of the whole node.
fn ask(node: &mut Node, client: ClientId, join: Join, errand: &Errand) -> Flow {
    let Some(session) = node.clients.session(client) else { return Flow::Closing };
    if session.is_writing() {
        return session.wait_for(Waits::Writes);
    }
    let seq = session.reserve_barrier(Kind::Read);
    let gather = node.clients.gathers_mut().open(client, seq, join, 1);
    node.ask_colleague(0, Origin::Gather { gather, part: 0, resp3: false }, errand);
    Flow::Next
}

impl Node {
    /// The turn took so long: the longest of what was answered in it is told, if it is long.
    pub(crate) fn note_latency(&mut self, turn_us: u64) {
        let threshold_ms = self.settings.get(Setting::LatencyMonitorThreshold);
        let Some(threshold_us) = u64::try_from(threshold_ms).ok().filter(|ms| *ms > 0) else {
            return;
        };
        let threshold_us = threshold_us.saturating_mul(1000);
        let mut longest = [0; 2];
        for answer in self.clients.sessions_mut().answered().iter() {
            let us = if answer.us == 0 { turn_us } else { answer.us };
            let event = usize::from(answer.called.is_fast());
            longest[event] = us.max(longest[event]);
        }
        for (event, us) in longest.into_iter().enumerate().filter(|(_, us)| *us >= threshold_us) {
            let Some(event) = LatencyEvent::from_u8(event as u8) else { continue };
            self.ask_colleague(0, Origin::Internal, &Errand::LatencyNote(event, us / 1000));
        }
    }
}
