//! SLOWLOG: the requests of this node's clients that took long.

use super::subcommand::{self, Subcommand};
use crate::errand::Errand;
use crate::node::Node;
use crate::settings::Setting;
use synod_data::{Flags, number};
use synod_redis::Flow;
use synod_redis::Join;
use synod_types::ClientId;

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

impl Node {
    fn slowlog_len_max(&self) -> usize {
        usize::try_from(self.settings.get(Setting::SlowlogMaxLen)).unwrap_or(0)
    }

    /// Has the slow log act on the settings.
    pub(crate) fn configure_slowlog(&mut self) {
        let threshold_us = self.settings.get(Setting::SlowlogSlowerThan);
        let len_max = self.slowlog_len_max();
        self.clients.sessions_mut().slow().configure(threshold_us, len_max);
    }
}
