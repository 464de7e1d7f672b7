//! SLOWLOG: the requests of this node's clients that took long.

use super::subcommand::{self, Subcommand};
use crate::colleagues::Errand;
use crate::gather::Join;
use crate::node::Node;
use crate::requests::Flow;
use crate::settings::Setting;
use crate::slowlog::Entry;
use synod_data::{Flags, number};
use synod_types::{ClientId, ReplySink};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
const OPERATOR: Flags = ANYTIME.and(Flags::ADMIN);
/// How many entries GET answers when nobody says.
const COUNT_DEFAULT: usize = 10;

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("slowlog|get", -2, OPERATOR, get)
        .about("2.2.12", "[<count>]", "The newest entries, 10 unless said otherwise; -1: all. Each is its number, time, microseconds, arguments, and the client's address and name."),
    Subcommand::new("slowlog|len", 2, OPERATOR, len)
        .about("2.2.12", "", "The number of entries."),
    Subcommand::new("slowlog|reset", 2, OPERATOR, reset)
        .about("2.2.12", "", "Forgets all entries."),
    Subcommand::new("slowlog|help", 2, ANYTIME, help)
        .about("6.2.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "SLOWLOG", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "SLOWLOG", None, TABLE)
}

fn get(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let kept = node.slowlog_len_max();
    let count = match &args[2..] {
        [] => COUNT_DEFAULT,
        [count] => match number::parse_i64(count) {
            Some(-1) => kept,
            Some(count) if count >= 0 => usize::try_from(count).unwrap_or(kept),
            _ => {
                let text = "ERR count should be greater than or equal to -1";
                return node.refuse_request(client, text);
            }
        },
        _ => {
            let text =
                "ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.";
            return node.refuse_request(client, text);
        }
    };
    let count = count.min(kept);
    node.ask_colleagues(client, Join::SlowLog(count), &Errand::SlowLog(count as u64))
}

fn len(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let max = node.slowlog_len_max();
    node.ask_colleagues(client, Join::SumUpTo(max as i64), &Errand::SlowLogLen)
}

fn reset(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    node.ask_colleagues(client, Join::AllOk, &Errand::SlowLogReset)
}

/// Writes the newest of what the workers told.
pub(crate) fn write(parts: &[Vec<u8>], count: usize, out: &mut dyn ReplySink) {
    let mut entries = Vec::new();
    for mut part in parts.iter().map(Vec::as_slice) {
        while let Some(entry) = Entry::decode(&mut part) {
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.at_s, entry.id)));
    entries.truncate(count);
    out.array(entries.len());
    for entry in &entries {
        out.array(6);
        [entry.id, entry.at_s, entry.took_us].into_iter().for_each(|n| out.integer(n as i64));
        let args = entry.args();
        out.array(args.len());
        args.iter().for_each(|arg| out.bulk(arg));
        out.bulk(&entry.addr);
        out.bulk(&entry.name);
    }
}

impl Node {
    fn slowlog_len_max(&self) -> usize {
        usize::try_from(self.settings.get(Setting::SlowlogMaxLen)).unwrap_or(0)
    }

    /// Has the slow log act on the settings.
    pub(crate) fn configure_slowlog(&mut self) {
        let threshold_us = self.settings.get(Setting::SlowlogSlowerThan);
        let len_max = self.slowlog_len_max();
        self.sessions.slow.configure(threshold_us, len_max);
    }
}
