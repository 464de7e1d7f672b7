//! ACL: users, what they may do, and what was refused.

mod change;
mod describe;
mod directory;
mod log;

pub(crate) use change::set_password;
pub(crate) use directory::subcommands;

use super::subcommand::{self, Subcommand};
use crate::authority::{self, full_name};
use crate::node::Node;
use describe::Describer;
use synod_acl::Digest;
use synod_data::authority::{Denied, Rights};
use synod_data::{Categories, Flags, number};
use synod_redis::Flow;
use synod_types::{ClientId, ReplySink};

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
const PLAIN: Flags = ANYTIME.and(Flags::NOSCRIPT);
const OPERATOR: Flags = PLAIN.and(Flags::ADMIN);

#[rustfmt::skip] // one subcommand per line or two: this is a table
pub(super) const TABLE: &[Subcommand] = &[
    Subcommand::new("acl|cat", -2, PLAIN, cat)
        .about("6.0.0", "[<category>]", "All categories, or the commands of one."),
    Subcommand::new("acl|deluser", -3, OPERATOR, change::delete_users)
        .about("6.0.0", "<username> [<username> ...]", "Deletes users and closes their connections, on all nodes."),
    Subcommand::new("acl|dryrun", -4, OPERATOR, dry_run)
        .about("7.0.0", "<username> <command> [<arg> ...]", "Whether a user may run a command, without running it."),
    Subcommand::new("acl|genpass", -2, PLAIN, make_up_password)
        .about("6.0.0", "[<bits>]", "A password of 256 random bits, or of as many as are asked for."),
    Subcommand::new("acl|getuser", 3, OPERATOR, get_user)
        .about("6.0.0", "<username>", "What a user may do."),
    Subcommand::new("acl|list", 2, OPERATOR, list)
        .about("6.0.0", "", "All users, as lines of an access list."),
    Subcommand::new("acl|load", 2, OPERATOR, no_file)
        .about("6.0.0", "", "Answers an error: users are kept by the cluster and not in a file."),
    Subcommand::new("acl|log", -2, OPERATOR, log::log)
        .about("6.0.0", "[<count>|RESET]", "What this node refused its clients."),
    Subcommand::new("acl|save", 2, OPERATOR, no_file)
        .about("6.0.0", "", "Answers an error: users are kept by the cluster and not in a file."),
    Subcommand::new("acl|setuser", -3, OPERATOR, change::set_user)
        .about("6.0.0", "<username> <attribute> [<attribute> ...]", "Makes a user or changes it, on all nodes."),
    Subcommand::new("acl|users", 2, OPERATOR, names)
        .about("6.0.0", "", "The names of all users."),
    Subcommand::new("acl|whoami", 2, PLAIN, who_am_i)
        .about("6.0.0", "", "The user of this connection."),
    Subcommand::new("acl|help", 2, ANYTIME, help)
        .about("6.0.0", "", "Prints this help."),
];

pub(super) fn run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    subcommand::dispatch(node, client, "ACL", TABLE, args)
}

fn help(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    subcommand::help(node, client, "ACL", None, TABLE)
}

/// Redis's words for arguments that a subcommand does not take.
fn unknown(word: &[u8]) -> String {
    let word = String::from_utf8_lossy(&word[..word.len().min(128)]);
    format!("ERR unknown subcommand or wrong number of arguments for '{word}'. Try ACL HELP.")
}

fn who_am_i(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let name = node.clients.session(client).map(|session| session.identity().name().to_vec());
    node.reply(client, |out| out.bulk(&name.unwrap_or_default()));
    Flow::Next
}

fn names(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let users = node.authority.users().clone();
    node.reply(client, |out| {
        out.array(users.iter().len());
        users.iter().for_each(|(name, _)| out.bulk(name));
    });
    Flow::Next
}

fn list(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let users = node.authority.users().clone();
    let describer = Describer::new();
    node.reply(client, |out| {
        out.array(users.iter().len());
        for (name, user) in users.iter() {
            out.bulk(&[b"user ", name, b" ", &describer.line(user)].concat());
        }
    });
    Flow::Next
}

fn get_user(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let user = node.authority.users().get(args[2]).cloned();
    node.reply(client, |out| match user {
        Some(user) => Describer::new().write(&user, out),
        None => out.null(),
    });
    Flow::Next
}

fn cat(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    match &args[2..] {
        [] => node.reply(client, |out| {
            out.array(Categories::all().len());
            Categories::all().for_each(|(name, _)| out.bulk(name.as_bytes()));
        }),
        [name] => {
            let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
            let Some(category) = Categories::find(&lower) else {
                let name = String::from_utf8_lossy(&name[..name.len().min(128)]);
                return node.refuse_request(client, &format!("ERR Unknown category '{name}'"));
            };
            let entries = directory::all();
            let found: Vec<&str> = entries
                .iter()
                .filter(|entry| entry.categories.intersects(category))
                .map(|entry| entry.name)
                .collect();
            node.reply(client, |out| {
                out.array(found.len());
                found.iter().for_each(|name| out.bulk(name.as_bytes()));
            });
        }
        _ => return node.refuse_request(client, &unknown(args[1])),
    }
    Flow::Next
}

fn no_file(node: &mut Node, client: ClientId, _args: &[&[u8]]) -> Flow {
    let text = "ERR This Redis instance is not configured to use an ACL file: every change of users is kept by the cluster when it is \
                answered. ACL LIST tells the lines of such a file, and ACL SETUSER takes each of them.";
    node.refuse_request(client, text)
}

/// Drawn from the secret of the process, by counting, so that what was drawn tells nothing of what will be.
fn make_up_password(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    const BITS_MAX: i64 = 4096;
    let bits = match &args[2..] {
        [] => 256,
        [bits] => match number::parse_i64(bits) {
            Some(bits) => bits,
            None => {
                return node.refuse_request(client, "ERR value is not an integer or out of range");
            }
        },
        _ => return node.refuse_request(client, &unknown(args[1])),
    };
    if !(1..=BITS_MAX).contains(&bits) {
        let text = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096";
        return node.refuse_request(client, text);
    }
    let digits = usize::try_from(bits).unwrap_or(0).div_ceil(4);
    let mut password = String::new();
    while password.len() < digits {
        node.authority.made_up += 1;
        let (secret, worker) =
            (node.local.config().secret, node.local.config().worker.to_le_bytes());
        let nth = node.authority.made_up.to_le_bytes();
        password.push_str(&Digest::of(&[&secret[..], &worker, &nth].concat()).to_string());
    }
    node.reply(client, |out| out.bulk(&password.as_bytes()[..digits]));
    Flow::Next
}

fn dry_run(node: &mut Node, client: ClientId, args: &[&[u8]]) -> Flow {
    let words = &args[3..];
    let Some(user) = node.authority.users().get(args[2]).cloned() else {
        let name = String::from_utf8_lossy(&args[2][..args[2].len().min(128)]);
        return node.refuse_request(client, &format!("ERR User '{name}' not found"));
    };
    let known = synod_data::lookup(words[0]);
    let sub_exists = |command: &synod_data::Command| {
        let table = subcommands(command.name);
        table.is_empty() || words.len() < 2 || subcommand::find(table, words[1]).is_some()
    };
    let Some(command) = known.filter(|command| sub_exists(command)) else {
        let name = String::from_utf8_lossy(&words[0][..words[0].len().min(128)]);
        return node.refuse_request(client, &format!("ERR Command '{name}' not found"));
    };
    let sub = words.get(1).and_then(|word| subcommand::find(subcommands(command.name), word));
    let fits = sub.map_or(command.check_arity(words.len()), |sub| sub.check_arity(words.len()));
    let name = sub.map_or(command.name, |sub| sub.name);
    if !fits {
        return node.refuse_request(client, &super::wrong_arity(name));
    }
    let rights = Rights::of(&user);
    let Err(refused) = authority::check(&rights, command, words) else {
        return super::connection::ok(node, client);
    };
    let object = |at: usize| String::from_utf8_lossy(words.get(at).copied().unwrap_or_default());
    let text = match refused.why {
        Denied::Command => {
            let named = authority::named(command, words);
            let name = named.map_or(refused.name, |named| full_name(&named));
            format!("This user has no permissions to run the '{name}' command")
        }
        Denied::Key(at) => {
            format!("This user has no permissions to access the '{}' key", object(at))
        }
        Denied::Channel(at) => {
            format!("This user has no permissions to access the '{}' channel", object(at))
        }
    };
    node.reply(client, |out| out.bulk(text.as_bytes()));
    Flow::Next
}
