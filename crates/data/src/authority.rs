//! What a user may do, compiled from its rules with this version's table of commands.
//!
//! The gate checks requests with it, and a script checks the commands that it calls: the operation carries what its user
//! may do ([`crate::op::Op::As`]), so every replica decides alike.

use crate::command::{Access, Categories, Command, Flags, KeyWords};
use crate::glob::Glob;
use crate::{Args, lookup};
use synod_acl::{CommandRule, KeyPattern, Selector, User};

/// What a request is refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The command or subcommand.
    Command,
    /// The key at this place of the arguments.
    Key(usize),
    /// The channel at this place.
    Channel(usize),
}

/// A command as rules speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The command.
    pub command: &'a Command,
    /// The subcommand's own name in lower case, for a command that has some.
    pub sub: Option<&'a str>,
    /// The categories of the subcommand; of the command where it has none.
    pub categories: Categories,
}

impl<'a> Named<'a> {
    /// A command without subcommands, or one of the keyspace's with them.
    #[must_use]
    pub fn of(command: &'a Command, args: &Args<'a>) -> Self {
        let has_subs = matches!(command.name, "memory" | "object" | "xgroup" | "xinfo");
        let sub = args.get(1).filter(|_| has_subs).and_then(|word| std::str::from_utf8(word).ok());
        Self { command, sub, categories: command.categories() }
    }
}

#[derive(Debug)]
enum Rule {
    Command { allow: bool, row: u16, sub: Option<String> },
    FirstArg { row: u16, arg: Vec<u8> },
    Category { allow: bool, categories: Categories },
}

impl Rule {
    /// `None` for what this version has no command or category for.
    fn compile(rule: &CommandRule) -> Option<Self> {
        Some(match rule {
            CommandRule::Command { allow, name } => {
                let (command, sub) = match name.split_once('|') {
                    Some((command, sub)) => (command, Some(sub.to_owned())),
                    None => (name.as_str(), None),
                };
                Self::Command { allow: *allow, row: lookup(command.as_bytes())?.row, sub }
            }
            CommandRule::FirstArg { command, arg } => {
                Self::FirstArg { row: lookup(command.as_bytes())?.row, arg: arg.clone() }
            }
            CommandRule::Category { allow, name } => {
                Self::Category { allow: *allow, categories: Categories::find(name)? }
            }
        })
    }

    /// Whether it allows the command or forbids it; `None` when it does not speak of it.
    fn decides(&self, named: &Named<'_>, args: &Args<'_>) -> Option<bool> {
        match self {
            Self::Command { allow, row, sub } => {
                let whole = sub.is_none();
                let speaks = *row == named.command.row
                    && (whole
                        || named.sub.is_some_and(|name| {
                            sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case(name))
                        }));
                speaks.then_some(*allow)
            }
            Self::FirstArg { row, arg } => {
                let speaks = *row == named.command.row
                    && args.get(1).is_some_and(|given| given.eq_ignore_ascii_case(arg));
                speaks.then_some(true)
            }
            Self::Category { allow, categories } => {
                // A rule about a command holds for its subcommands.
                let of = named.categories.and(named.command.categories());
                of.intersects(*categories).then_some(*allow)
            }
        }
    }
}

#[derive(Debug)]
struct Permission {
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Vec<u8>>,
    all_commands: bool,
    rules: Vec<Rule>,
}

/// What a user may do.
#[derive(Debug)]
pub struct Rights {
    permissions: Vec<Permission>,
    /// The user's rules, as they travel with an operation.
    encoded: Vec<u8>,
}

impl Rights {
    /// Those of a user.
    #[must_use]
    pub fn of(user: &User) -> Self {
        let mut encoded = Vec::new();
        user.permissions().encode(&mut encoded);
        Self { permissions: user.selectors().map(Permission::compile).collect(), encoded }
    }

    /// Their bytes, for an operation that acts for the user.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Reads them back; `None` when the bytes are something else.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let user = User::decode(&mut bytes)?;
        bytes.is_empty().then(|| Self::of(&user))
    }

    /// Whether some of the rules about commands allow this one, whatever its arguments are.
    #[must_use]
    pub fn allow_command(&self, named: &Named<'_>) -> bool {
        self.permissions.iter().any(|permission| permission.allows_command(named, &[]))
    }

    /// Whether a whole request is allowed by one of the user's permissions.
    ///
    /// # Errors
    /// What it is refused for: of what the permissions refuse, the last key or channel, and the command only where no
    /// permission has it. As in Redis.
    pub fn check(&self, named: &Named<'_>, args: &Args<'_>) -> Result<(), Denied> {
        let mut denied = Denied::Command;
        for permission in &self.permissions {
            match permission.check(named, args) {
                Ok(()) => return Ok(()),
                Err(why) => denied = denied.max(why),
            }
        }
        Err(denied)
    }

    /// SORT reads keys that its patterns name, which only a permission to read every key allows: why not.
    #[must_use]
    pub fn refuse_patterns(&self, named: &Named<'_>, args: &Args<'_>) -> Option<&'static str> {
        if !matches!(named.command.name, "sort" | "sort_ro") {
            return None;
        }
        let text = sort_patterns(args)?;
        let unlimited = |permission: &Permission| {
            permission.check(named, args).is_ok() && permission.reads_all_keys()
        };
        (!self.permissions.iter().any(unlimited)).then_some(text)
    }

    /// Whether a subscription is still allowed.
    #[must_use]
    pub fn allow_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        self.permissions.iter().any(|permission| permission.allows_channel(name, is_pattern))
    }
}

impl Permission {
    fn compile(selector: &Selector) -> Self {
        Self {
            all_keys: selector.all_keys(),
            keys: selector.keys().to_vec(),
            all_channels: selector.all_channels(),
            channels: selector.channels().to_vec(),
            all_commands: selector.all_commands(),
            rules: selector.commands().iter().filter_map(Rule::compile).collect(),
        }
    }

    fn allows_command(&self, named: &Named<'_>, args: &Args<'_>) -> bool {
        let decided = self.rules.iter().rev().find_map(|rule| rule.decides(named, args));
        decided.unwrap_or(self.all_commands)
    }

    fn check(&self, named: &Named<'_>, args: &Args<'_>) -> Result<(), Denied> {
        let command = named.command;
        if !command.flags.has(Flags::NO_AUTH) && !self.allows_command(named, args) {
            return Err(Denied::Command);
        }
        if !self.all_keys {
            for (nth, at) in command.key_positions(args).enumerate() {
                if !self.allows_key(args[at], access_of(command, args, nth)) {
                    return Err(Denied::Key(at));
                }
            }
        }
        if !self.all_channels {
            let (channels, are_patterns) = channels_of(command, args);
            for at in channels {
                if !self.allows_channel(args[at], are_patterns) {
                    return Err(Denied::Channel(at));
                }
            }
        }
        Ok(())
    }

    fn allows_key(&self, key: &[u8], (reads, writes): (bool, bool)) -> bool {
        self.keys.iter().any(|allowed| {
            (allowed.read || !reads)
                && (allowed.write || !writes)
                && Glob::new(&allowed.pattern).matches(key)
        })
    }

    fn reads_all_keys(&self) -> bool {
        self.all_keys || self.keys.iter().any(|key| key.read && key.pattern == b"*")
    }

    /// A pattern to listen to is allowed by its own words only: what it matches is known when it is published.
    fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        self.all_channels
            || self.channels.iter().any(|allowed| match is_pattern {
                true => allowed == name,
                false => Glob::new(allowed).matches(name),
            })
    }
}

/// Whether a command reads, and whether it changes, its `nth` key in this very call.
fn access_of(command: &Command, args: &Args<'_>, nth: usize) -> (bool, bool) {
    let access = match command.name {
        "set" if args.iter().skip(3).any(|word| word.eq_ignore_ascii_case(b"get")) => {
            Access::READ_UPDATE
        }
        "set" => Access::OVERWRITE,
        "bitfield" if only_reads_bits(args) => Access::READ,
        "bitfield" => Access::READ_UPDATE,
        _ if nth == 0 => command.first_access,
        _ => command.access,
    };
    (access.reads(), access.writes())
}

/// Whether a BITFIELD consists of GET alone.
fn only_reads_bits(args: &Args<'_>) -> bool {
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let left = args.len() - at - 1;
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        at += match () {
            () if is("get") && left >= 2 => 3,
            () if is("overflow") && left >= 1 => 2,
            () => return false,
        };
    }
    true
}

/// The places of channels to publish or listen to, and whether they are patterns. To stop listening is always allowed.
fn channels_of(command: &Command, args: &Args<'_>) -> (std::ops::Range<usize>, bool) {
    match command.name {
        "publish" | "spublish" => (1..args.len().min(2), false),
        "subscribe" | "ssubscribe" => (1..args.len(), false),
        "psubscribe" => (1..args.len(), true),
        _ => (0..0, false),
    }
}

/// What a SORT without permission to read every key is told, if it names other keys by a pattern.
fn sort_patterns(args: &Args<'_>) -> Option<&'static str> {
    const BY: &str = "ERR BY option of SORT denied due to insufficient ACL permissions.";
    const GET: &str = "ERR GET option of SORT denied due to insufficient ACL permissions.";
    let mut at = 2;
    while let Some(word) = args.get(at) {
        let left = args.len() - at - 1;
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        at += match () {
            () if is("by") && left >= 1 && args[at + 1].contains(&b'*') => return Some(BY),
            () if is("get") && left >= 1 => return Some(GET),
            () if is("by") || is("store") => 2,
            () if is("limit") => 3,
            () => 1,
        };
    }
    None
}

/// The command behind a FENCE, and its arguments; `None` for any other command.
#[must_use]
pub fn fenced<'a, 'b>(
    command: &Command,
    args: &'b [&'a [u8]],
) -> Option<(&'static Command, &'b [&'a [u8]])> {
    if !matches!(command.keys.words, KeyWords::Command(_)) {
        return None;
    }
    let inner = args.get(3..).filter(|inner| !inner.is_empty())?;
    Some((lookup(inner[0])?, inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_acl::{Change, Users, Vocabulary, Word, merge_selectors, parse};

    struct Table;

    impl Vocabulary for Table {
        fn word(&self, name: &str) -> Option<Word> {
            match name.split_once('|') {
                Some(("client" | "xinfo", _)) => Some(Word::Subcommand),
                Some(_) => None,
                None => lookup(name.as_bytes()).map(|command| match command.name {
                    "client" | "xinfo" => Word::Container,
                    _ => Word::Command,
                }),
            }
        }

        fn has_category(&self, name: &str) -> bool {
            Categories::find(name).is_some()
        }
    }

    fn rights(words: &str) -> Rights {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let merged = merge_selectors(&words).unwrap();
        let rules = merged.iter().filter_map(|word| parse(word, &Table).unwrap()).collect();
        let mut users = Users::default();
        users.apply(&Change::Set { name: b"u".to_vec(), rules }).unwrap();
        let rights = Rights::of(users.get(b"u").unwrap());
        let back = Rights::decode(rights.encoded()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{rights:?}"));
        rights
    }

    fn check(rights: &Rights, line: &str) -> Result<(), Denied> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = lookup(args[0]).unwrap();
        let mut named = Named::of(command, &args);
        if command.name == "client" {
            named.sub = args.get(1).map(|word| std::str::from_utf8(word).unwrap());
        }
        rights.check(&named, &args)
    }

    type Verdict = Result<(), Denied>;
    /// Rules, and what becomes of requests under them.
    type Case<'a> = (&'a str, &'a [(&'a str, Verdict)]);

    const COMMAND: Verdict = Err(Denied::Command);
    const fn key(at: usize) -> Verdict {
        Err(Denied::Key(at))
    }
    const fn channel(at: usize) -> Verdict {
        Err(Denied::Channel(at))
    }

    #[test]
    fn requests_are_judged_as_redis_judges_them() {
        let cases: &[Case<'_>] = &[
            ("-@all", &[("GET a", COMMAND), ("AUTH x", Ok(())), ("PING", COMMAND)]),
            ("+@all ~a*", &[("GET a1", Ok(())), ("GET b", key(1)), ("MGET a b c", key(2))]),
            ("+@read ~*", &[("GET a", Ok(())), ("SET a b", COMMAND), ("XINFO STREAM a", Ok(()))]),
            ("+@all -@write ~*", &[("GET a", Ok(())), ("SET a b", COMMAND)]),
            ("-@all +client|id", &[("CLIENT ID", Ok(())), ("CLIENT LIST", COMMAND)]),
            ("+@all -client|kill", &[("CLIENT KILL x", COMMAND), ("CLIENT ID", Ok(()))]),
            ("+@all -client +client|id", &[("CLIENT ID", Ok(())), ("CLIENT LIST", COMMAND)]),
            ("+client|id -client", &[("CLIENT ID", COMMAND)]),
            ("+select|0", &[("SELECT 0", Ok(())), ("SELECT 1", COMMAND)]),
            ("+select|0 -@connection", &[("SELECT 0", COMMAND)]),
            (
                "+@all %R~r* %W~w* %RW~rw*",
                &[
                    ("GET r", Ok(())),
                    ("SET r v", key(1)),
                    ("SET w v", Ok(())),
                    ("SET w v GET", key(1)),
                    ("SET w GET", Ok(())),
                    ("SET rw v GET", Ok(())),
                    ("GET w", key(1)),
                    ("COPY r w", Ok(())),
                    ("COPY w r", key(1)),
                    ("EXISTS w", Ok(())),
                    ("TYPE x", key(1)),
                    ("BITFIELD r GET u4 0", Ok(())),
                    ("BITFIELD r GET u4 0 SET u4 0 1", key(1)),
                    ("BITFIELD w SET u4 0 1", key(1)),
                    ("SORT r STORE w", Ok(())),
                    ("SORT r STORE r", key(3)),
                    ("EVAL x 1 rw", Ok(())),
                    ("EVAL x 1 r", key(3)),
                    ("EVAL x 0 r", Ok(())),
                    ("EVAL_RO x 1 r", Ok(())),
                    ("XINFO STREAM r", Ok(())),
                    ("XREAD STREAMS r w 0 0", key(3)),
                    ("ZUNIONSTORE w 1 r", Ok(())),
                    ("ZUNIONSTORE w 1 w", key(3)),
                ],
            ),
            (
                "+@all &a &b*",
                &[
                    ("PUBLISH a m", Ok(())),
                    ("PUBLISH c m", channel(1)),
                    ("SUBSCRIBE a b1 c", channel(3)),
                    ("PSUBSCRIBE b*", Ok(())),
                    ("PSUBSCRIBE b1", channel(1)),
                    ("SSUBSCRIBE b1", Ok(())),
                    ("UNSUBSCRIBE c", Ok(())),
                ],
            ),
            (
                "+mget ~key (+mget ~key ~other)",
                &[("GET key", COMMAND), ("MGET other more", key(2)), ("MGET key other", Ok(()))],
            ),
            (
                "-@all (%R~read* +@all) (%W~write* +@all)",
                &[("COPY read write", key(2)), ("LPUSH write 1", Ok(())), ("GET read", Ok(()))],
            ),
        ];
        for (rules, requests) in cases {
            let rights = rights(rules);
            for (line, verdict) in *requests {
                assert_eq!(check(&rights, line), *verdict, "{rules}: {line}");
            }
        }
    }

    #[test]
    fn sort_names_other_keys_only_for_who_may_read_all() {
        let refuses = |rules: &str, line: &str| {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let named = Named::of(lookup(args[0]).unwrap(), &args);
            rights(rules).refuse_patterns(&named, &args).is_some()
        };
        for rules in ["+sort ~l", "+sort ~l ~v*", "+sort ~l %W~*", "+sort ~l (+get ~*)"] {
            assert!(refuses(rules, "SORT l BY v*") && refuses(rules, "SORT l GET v*"), "{rules}");
            assert!(!refuses(rules, "SORT l BY nosort LIMIT 0 1"), "{rules}");
        }
        assert!(!refuses("+sort ~l %R~*", "SORT l BY v*"));
        assert!(!refuses("+sort ~*", "SORT l GET v*"));
    }
}
