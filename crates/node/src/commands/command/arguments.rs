//! From a line of documented syntax to the `arguments` of COMMAND DOCS.
//!
//! ```text
//! name        an argument; `name:type` where the name does not tell its type
//! TOKEN       a word that is given as it stands; it belongs to the argument or `<...>` right behind it
//! [ ]         may be left out
//! < >         belongs together
//! a | b       one of them
//! ...         once or more; behind `]` the token is repeated too
//! ```

use super::describe::status_set;
use synod_types::ReplySink;

/// What an argument is, in the words of COMMAND DOCS.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// One argument of this type.
    Single(&'static str),
    /// The token alone.
    Token,
    OneOf(Vec<Argument>),
    Block(Vec<Argument>),
}

/// An argument, or several that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    name: String,
    kind: Kind,
    token: Option<&'static str>,
    optional: bool,
    multiple: bool,
    multiple_token: bool,
}

const TYPES: [&str; 6] = ["key", "string", "integer", "double", "pattern", "unix-time"];

/// The type of an argument that is not said to have another.
fn usual_type(name: &str) -> &'static str {
    match name {
        "key" | "source" | "destination" | "newkey" | "dst" | "src" => "key",
        "seconds" | "milliseconds" | "count" | "numkeys" | "cursor" | "increment" | "decrement"
        | "offset" | "index" | "rank" | "limit" | "weight" | "timeout" | "numreplicas" | "slot"
        | "client-id" | "len" | "num-matches" | "protover" | "destination-db" => "integer",
        "unix-time-seconds" | "unix-time-milliseconds" => "unix-time",
        "longitude" | "latitude" | "radius" | "score" => "double",
        "pattern" => "pattern",
        _ => "string",
    }
}

/// Parses a line. `None` when brackets do not match or something is missing.
pub(super) fn parse(line: &'static str) -> Option<Vec<Argument>> {
    let mut parser = Parser { rest: line };
    let arguments = parser.sequence()?;
    parser.next().is_none().then_some(arguments)
}

struct Parser {
    rest: &'static str,
}

impl Parser {
    /// The next bracket, bar, `...` or word, which stays in place.
    fn peek(&self) -> Option<&'static str> {
        let rest = self.rest.trim_start();
        let len = match rest.as_bytes().first()? {
            b'[' | b']' | b'<' | b'>' | b'|' => 1,
            _ if rest.starts_with("...") => 3,
            _ => {
                let word = rest.find([' ', '[', ']', '<', '>', '|']).unwrap_or(rest.len());
                rest[..word].find("...").unwrap_or(word)
            }
        };
        Some(&rest[..len])
    }

    fn next(&mut self) -> Option<&'static str> {
        let lexeme = self.peek()?;
        self.rest = &self.rest.trim_start()[lexeme.len()..];
        Some(lexeme)
    }

    fn accept(&mut self, lexeme: &str) -> bool {
        self.peek() == Some(lexeme) && self.next().is_some()
    }

    fn sequence(&mut self) -> Option<Vec<Argument>> {
        let mut arguments = Vec::new();
        while !matches!(self.peek(), None | Some("]" | ">" | "|")) {
            arguments.push(self.argument()?);
        }
        Some(arguments)
    }

    fn argument(&mut self) -> Option<Argument> {
        match self.next()? {
            "[" => {
                let mut argument = self.group("]")?;
                argument.optional = true;
                if self.accept("...") {
                    argument.multiple = true;
                    argument.multiple_token = argument.token.is_some();
                }
                Some(argument)
            }
            "<" => {
                let mut argument = self.group(">")?;
                argument.multiple = self.accept("...");
                Some(argument)
            }
            "]" | ">" | "|" | "..." => None,
            word if is_token(word) => self.token(word),
            word => {
                let (name, kind) = match word.rsplit_once(':') {
                    Some((name, kind)) => match TYPES.iter().find(|t| **t == kind) {
                        Some(kind) => (name, *kind),
                        None => (word, usual_type(word)),
                    },
                    None => (word, usual_type(word)),
                };
                let mut argument = Argument::new(name.to_owned(), Kind::Single(kind));
                argument.multiple = self.accept("...");
                Some(argument)
            }
        }
    }

    fn token(&mut self, token: &'static str) -> Option<Argument> {
        let mut argument = match self.peek() {
            Some("<") => self.argument()?,
            Some(next) if next.starts_with(|c: char| c.is_ascii_lowercase()) => self.argument()?,
            _ => Argument::new(token_name(token), Kind::Token),
        };
        argument.token = Some(token);
        Some(argument)
    }

    /// What stands between brackets: one argument, a block of several, or one of several.
    fn group(&mut self, end: &str) -> Option<Argument> {
        let mut choices = vec![block(self.sequence()?)?];
        while self.accept("|") {
            choices.push(block(self.sequence()?)?);
        }
        if !self.accept(end) {
            return None;
        }
        match choices.len() {
            1 => choices.pop(),
            _ => Some(Argument::new(joined(&choices), Kind::OneOf(choices))),
        }
    }
}

/// One argument stands for itself.
fn block(mut arguments: Vec<Argument>) -> Option<Argument> {
    match arguments.len() {
        0 | 1 => arguments.pop(),
        _ => Some(Argument::new(joined(&arguments), Kind::Block(arguments))),
    }
}

fn joined(arguments: &[Argument]) -> String {
    arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join("_")
}

fn is_token(word: &str) -> bool {
    !word.bytes().any(|b| b.is_ascii_lowercase())
}

fn token_name(token: &str) -> String {
    match token {
        "=" => "equal".to_owned(),
        "~" => "approximately".to_owned(),
        "*" => "auto_id".to_owned(),
        "$" => "new_id".to_owned(),
        _ => token.to_ascii_lowercase(),
    }
}

impl Argument {
    fn new(name: String, kind: Kind) -> Self {
        let (optional, multiple, multiple_token) = (false, false, false);
        Self { name, kind, token: None, optional, multiple, multiple_token }
    }

    fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Single(name) => name,
            Kind::Token => "pure-token",
            Kind::OneOf(_) => "oneof",
            Kind::Block(_) => "block",
        }
    }

    fn flags(&self) -> Vec<&'static str> {
        let all = [
            (self.optional, "optional"),
            (self.multiple, "multiple"),
            (self.multiple_token, "multiple_token"),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
    }
}

/// Writes arguments; keys are numbered from `key` on, in the order of the command's key specifications.
pub(super) fn write(arguments: &[Argument], key: &mut i64, out: &mut dyn ReplySink) {
    out.array(arguments.len());
    for argument in arguments {
        write_one(argument, key, out);
    }
}

fn write_one(argument: &Argument, key: &mut i64, out: &mut dyn ReplySink) {
    let is_key = argument.kind == Kind::Single("key");
    let parts = match &argument.kind {
        Kind::OneOf(parts) | Kind::Block(parts) => Some(parts),
        Kind::Single(_) | Kind::Token => None,
    };
    let flags = argument.flags();
    let optional = [is_key, argument.token.is_some(), !flags.is_empty(), parts.is_some()];
    out.map(2 + optional.into_iter().filter(|there| *there).count());
    for (name, text) in [("name", argument.name.as_str()), ("type", argument.kind_name())] {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if is_key {
        out.bulk(b"key_spec_index");
        out.integer(*key);
        *key += 1;
    }
    if let Some(token) = argument.token {
        out.bulk(b"token");
        out.bulk(token.as_bytes());
    }
    if !flags.is_empty() {
        out.bulk(b"flags");
        status_set(&flags, out);
    }
    if let Some(parts) = parts {
        out.bulk(b"arguments");
        write(parts, key, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax;
    use super::*;

    /// The arguments in a notation in which every decision of the parser can be seen.
    fn shown(arguments: &[Argument]) -> String {
        let one = |argument: &Argument| {
            let token = argument.token.map_or(String::new(), |token| format!("{token}="));
            let body = match &argument.kind {
                Kind::OneOf(parts) => format!("oneof({})", shown(parts)),
                Kind::Block(parts) => format!("block({})", shown(parts)),
                _ => format!("{}:{}", argument.name, argument.kind_name()),
            };
            let flags: String = argument.flags().iter().map(|flag| format!(" {flag}")).collect();
            format!("{token}{body}{flags}")
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_line_becomes_arguments() {
        let cases = [
            ("", ""),
            ("key [count]", "key:key, count:integer optional"),
            ("<field value>...", "block(field:string, value:string) multiple"),
            (
                "[NX | XX] [EX seconds | KEEPTTL]",
                "oneof(NX=nx:pure-token, XX=xx:pure-token) optional, oneof(EX=seconds:integer, KEEPTTL=keepttl:pure-token) optional",
            ),
            ("[LIMIT <offset count>]", "LIMIT=block(offset:integer, count:integer) optional"),
            ("[count [ANY]]", "block(count:integer, ANY=any:pure-token optional) optional"),
            ("[GET pattern]...", "GET=pattern:pattern optional multiple multiple_token"),
            ("[WEIGHTS weight...]", "WEIGHTS=weight:integer multiple optional"),
            ("min:double ip:port", "min:double, ip:port:string"),
            (
                "[= | ~] threshold",
                "oneof(==equal:pure-token, ~=approximately:pure-token) optional, threshold:string",
            ),
        ];
        for (line, arguments) in cases {
            let parsed = parse(line).map(|parsed| shown(&parsed));
            // The flags are told in one order whatever the line's.
            let wanted = arguments.replace("multiple optional", "optional multiple");
            assert_eq!(parsed.as_deref(), Some(wanted.as_str()), "{line}");
        }
    }

    #[test]
    fn what_does_not_match_is_refused() {
        for line in ["[key", "key]", "<a | >", "[]", "... key", "<a b]"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    /// How many words a call has at least, and whether it has never more.
    fn count(arguments: &[Argument]) -> (usize, bool) {
        arguments.iter().fold((0, true), |(sum, fixed), argument| {
            let (inner, inner_fixed) = match &argument.kind {
                Kind::Block(parts) => count(parts),
                Kind::OneOf(parts) => {
                    let counts = parts.iter().map(|part| count(std::slice::from_ref(part)));
                    counts.reduce(|a, b| (a.0.min(b.0), a.1 && b.1 && a.0 == b.0)).unwrap()
                }
                Kind::Single(_) => (1, true),
                Kind::Token => (0, true),
            };
            let words = inner + usize::from(argument.token.is_some());
            if argument.optional {
                (sum, false)
            } else {
                (sum + words, fixed && inner_fixed && !argument.multiple)
            }
        })
    }

    #[test]
    fn every_line_belongs_to_a_command_and_agrees_with_its_arity() {
        // CLIENT KILL takes one word or any number of pairs; the others may do without what their lines ask for, as far as their
        // arity tells.
        let other_arity = ["pfmerge", "geohash", "geopos", "client|kill", "hotkeys|start"];
        let mut differing = Vec::new();
        let commands = synod_data::commands().filter(|command| !command.syntax.is_empty());
        let lines = commands.map(|command| (command.name, command.syntax));
        for (name, line) in lines.chain(syntax::LINES.iter().copied()) {
            let entry = super::super::describe::Entry::find(name.as_bytes());
            let entry = entry.unwrap_or_else(|| panic!("{name} is no command"));
            let parsed = parse(line).unwrap_or_else(|| panic!("{name}: {line}"));
            let (least, fixed) = count(&parsed);
            let arity = entry.arity();
            let before = 1 + usize::from(name.contains('|'));
            let wanted = usize::from(arity.unsigned_abs()) - before;
            if (least, fixed) != (wanted, arity > 0) {
                differing.push(name);
            }
        }
        assert_eq!(differing, other_arity);
    }

    #[test]
    fn a_command_that_takes_arguments_has_a_line() {
        for command in synod_data::commands() {
            // What has subcommands is told by them.
            let told = [
                "acl", "client", "cluster", "command", "config", "debug", "function", "hotkeys",
                "latency", "lock", "memory", "module", "object", "pubsub", "script", "slowlog",
                "xgroup", "xinfo",
            ];
            // It takes any arguments and looks at none.
            let ignores = command.name == "quit";
            if command.arity != 1 && !ignores && !told.contains(&command.name) {
                assert!(!command.syntax.is_empty(), "{} has no line", command.name);
            }
        }
    }
}
