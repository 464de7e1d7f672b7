//! The words of ACL SETUSER, as a client sends them.

use crate::password::Digest;
use crate::rule::{KeyPattern, Rule, SelectorRule, Why};

/// What a word of the table of commands is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A command without subcommands.
    Command,
    /// A command that has some.
    Container,
    /// `command|subcommand`.
    Subcommand,
}

/// The commands and categories that there are.
pub trait Vocabulary {
    /// What a name in lower case is, if anything; a subcommand's has a bar in it.
    fn word(&self, name: &str) -> Option<Word>;
    /// Whether there is such a category, in lower case and without its `@`.
    fn has_category(&self, name: &str) -> bool;
}

/// Which argument has a parenthesis that nothing closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub usize);

/// Puts arguments together that a client's shell took apart: `(+get` and `~a)` are one rule.
///
/// # Errors
/// A parenthesis stays open.
pub fn merge_selectors(args: &[&[u8]]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut merged: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (at, arg) in args.iter().enumerate() {
        let closes = arg.ends_with(b")");
        match &mut open {
            _ if arg.starts_with(b"(") && !closes => open = Some((at, arg.to_vec())),
            Some((_, text)) => {
                text.push(b' ');
                text.extend_from_slice(arg);
                if closes {
                    merged.extend(open.take().map(|(_, text)| text));
                }
            }
            None => merged.push(arg.to_vec()),
        }
    }
    open.map_or(Ok(merged), |(at, _)| Err(Fault(at)))
}

/// What a word means; an empty one means nothing.
///
/// # Errors
/// It is no rule, or speaks of a command that there is not.
pub fn parse(word: &[u8], vocabulary: &dyn Vocabulary) -> Result<Option<Rule>, Why> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let plain = [
        ("on", Rule::On),
        ("off", Rule::Off),
        ("skip-sanitize-payload", Rule::Sanitize(false)),
        ("sanitize-payload", Rule::Sanitize(true)),
        ("nopass", Rule::NoPass),
        ("resetpass", Rule::ResetPass),
        ("clearselectors", Rule::ClearSelectors),
        ("reset", Rule::Reset),
    ];
    if let Some((_, rule)) = plain.into_iter().find(|(name, _)| is(name)) {
        return Ok(Some(rule));
    }
    let hash = |text| Digest::parse(text).ok_or(Why::BadHash);
    Ok(Some(match word {
        [] => return Ok(None),
        [b'>', password @ ..] => Rule::AddPassword(Digest::of(password)),
        [b'<', password @ ..] => Rule::RemovePassword(Digest::of(password)),
        [b'#', text @ ..] => Rule::AddPassword(hash(text)?),
        [b'!', text @ ..] => Rule::RemovePassword(hash(text)?),
        [b'(', inner @ .., b')'] => {
            let words = inner.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            Rule::Selector(
                words.map(|word| selector_rule(word, vocabulary)).collect::<Result<_, _>>()?,
            )
        }
        word => Rule::Root(selector_rule(word, vocabulary)?),
    }))
}

fn selector_rule(word: &[u8], vocabulary: &dyn Vocabulary) -> Result<SelectorRule, Why> {
    let plain = [
        ("allkeys", SelectorRule::AllKeys),
        ("~*", SelectorRule::AllKeys),
        ("resetkeys", SelectorRule::ResetKeys),
        ("allchannels", SelectorRule::AllChannels),
        ("&*", SelectorRule::AllChannels),
        ("resetchannels", SelectorRule::ResetChannels),
        ("allcommands", SelectorRule::AllCommands),
        ("+@all", SelectorRule::AllCommands),
        ("nocommands", SelectorRule::NoCommands),
        ("-@all", SelectorRule::NoCommands),
    ];
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if let Some((_, rule)) = plain.into_iter().find(|(name, _)| is(name)) {
        return Ok(rule);
    }
    match word {
        [b'~', pattern @ ..] => key(pattern, true, true),
        [b'%', rest @ ..] => key_with_permissions(rest),
        [b'&', pattern @ ..] if has_spaces(pattern) => Err(Why::Syntax),
        [b'&', pattern @ ..] => Ok(SelectorRule::Channel(pattern.to_vec())),
        [sign @ (b'+' | b'-'), b'@', name @ ..] => {
            let name = lower(name)?;
            let known = vocabulary.has_category(&name);
            known
                .then_some(SelectorRule::Category { allow: *sign == b'+', name })
                .ok_or(Why::Unknown)
        }
        [b'+', name @ ..] => allowed(lower(name)?, name, vocabulary),
        [b'-', name @ ..] => {
            let name = lower(name)?;
            vocabulary.word(&name).ok_or(Why::Unknown)?;
            Ok(SelectorRule::Command { allow: false, name })
        }
        _ => Err(Why::Syntax),
    }
}

/// A command, a subcommand, or a command with a first argument.
fn allowed(name: String, spelled: &[u8], vocabulary: &dyn Vocabulary) -> Result<SelectorRule, Why> {
    let Some((command, arg)) = name.rsplit_once('|') else {
        vocabulary.word(&name).ok_or(Why::Unknown)?;
        return Ok(SelectorRule::Command { allow: true, name });
    };
    match vocabulary.word(command).ok_or(Why::Unknown)? {
        Word::Subcommand => Err(Why::FirstArgOfSubcommand),
        _ if arg.is_empty() => Err(Why::Syntax),
        Word::Container => {
            vocabulary.word(&name).ok_or(Why::Unknown)?;
            Ok(SelectorRule::Command { allow: true, name })
        }
        Word::Command => {
            let arg = spelled[command.len() + 1..].to_vec();
            Ok(SelectorRule::FirstArg { command: command.to_owned(), arg })
        }
    }
}

/// `R~pattern`, `W~pattern`, `RW~pattern`. Without a pattern it is the empty one, as in Redis.
fn key_with_permissions(rest: &[u8]) -> Result<SelectorRule, Why> {
    let (mut read, mut write) = (false, false);
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        at += 1;
        match byte.to_ascii_uppercase() {
            b'R' if !read => read = true,
            b'W' if !write => write = true,
            b'~' => break,
            _ => return Err(Why::Syntax),
        }
    }
    match read || write {
        true => key(&rest[at..], read, write),
        false => Err(Why::Syntax),
    }
}

fn key(pattern: &[u8], read: bool, write: bool) -> Result<SelectorRule, Why> {
    match has_spaces(pattern) {
        true => Err(Why::Syntax),
        false => Ok(SelectorRule::Key(KeyPattern { pattern: pattern.to_vec(), read, write })),
    }
}

/// A name in lower case. What is no text is no name of anything.
fn lower(name: &[u8]) -> Result<String, Why> {
    String::from_utf8(name.to_ascii_lowercase()).map_err(|_| Why::Unknown)
}

/// Whether something would fall apart, or end, in an access list.
pub(crate) fn has_spaces(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_whitespace() || matches!(*byte, 0 | 0x0b))
}

impl crate::Users {
    /// Whether a user may be called so: a name can stand in an access list.
    #[must_use]
    pub fn is_name(name: &[u8]) -> bool {
        !has_spaces(name)
    }
}
