//! The bytes of users and of their changes, in the log and in snapshots.
//!
//! ```text
//! users:     made | count | (name, user)*
//! user:      serial | flags u8 | passwords: count, digest* | selector | selectors: count, selector*
//! selector:  flags u8 | keys: count, (permissions u8, pattern)* | channels: count, pattern* | commands: count, rule*
//! change:    tag u8 | name, rules: count, rule*   or   names: count, name*
//! ```
//! Counts and lengths are varints. Decoding is for bytes from disks and peers: whatever they are, the answer is a sound
//! value or `None`.

use crate::change::Change;
use crate::password::Digest;
use crate::rule::{KeyPattern, Rule, SelectorRule};
use crate::selector::{CommandRule, Selector};
use crate::user::User;
use crate::users::{DEFAULT, Users};
use std::sync::Arc;
use synod_types::varint::{put, put_bytes, take, take_bytes};

const SET: u8 = 0;
const DELETE: u8 = 1;

const ENABLED: u8 = 1;
const NO_PASSWORD: u8 = 1 << 1;
const SANITIZE: u8 = 1 << 2;
const SANITIZE_SAID: u8 = 1 << 3;

const ALL_KEYS: u8 = 1;
const ALL_CHANNELS: u8 = 1 << 1;
const ALL_COMMANDS: u8 = 1 << 2;

fn when(condition: bool, bit: u8) -> u8 {
    if condition { bit } else { 0 }
}

fn take_u8(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}

/// So many things, each of at least one byte.
fn take_many<T>(bytes: &mut &[u8], mut one: impl FnMut(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = usize::try_from(take(bytes)?).ok().filter(|count| *count <= bytes.len())?;
    (0..count).map(|_| one(bytes)).collect()
}

fn put_many<T>(out: &mut Vec<u8>, all: &[T], one: impl Fn(&mut Vec<u8>, &T)) {
    put(out, all.len() as u64);
    all.iter().for_each(|it| one(out, it));
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    std::str::from_utf8(take_bytes(bytes)?).ok().map(str::to_owned)
}

fn take_vec(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    take_bytes(bytes).map(<[u8]>::to_vec)
}

impl Digest {
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Self(*digest))
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    /// Takes what [`Self::encode`] wrote off the front.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Self::take(bytes)
    }
}

impl KeyPattern {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(when(self.read, 1) | when(self.write, 2));
        put_bytes(out, &self.pattern);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let permissions = take_u8(bytes).filter(|bits| (1..=3).contains(bits))?;
        let (read, write) = (permissions & 1 != 0, permissions & 2 != 0);
        Some(Self { pattern: take_vec(bytes)?, read, write })
    }
}

impl CommandRule {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Command { allow, name } => {
                out.push(when(*allow, 1));
                put_bytes(out, name.as_bytes());
            }
            Self::Category { allow, name } => {
                out.push(2 | when(*allow, 1));
                put_bytes(out, name.as_bytes());
            }
            Self::FirstArg { command, arg } => {
                out.push(4);
                put_bytes(out, command.as_bytes());
                put_bytes(out, arg);
            }
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let tag = take_u8(bytes)?;
        Some(match tag {
            0 | 1 => Self::Command { allow: tag == 1, name: take_text(bytes)? },
            2 | 3 => Self::Category { allow: tag == 3, name: take_text(bytes)? },
            4 => Self::FirstArg { command: take_text(bytes)?, arg: take_vec(bytes)? },
            _ => return None,
        })
    }
}

impl Selector {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(
            when(self.all_keys, ALL_KEYS)
                | when(self.all_channels, ALL_CHANNELS)
                | when(self.all_commands, ALL_COMMANDS),
        );
        put_many(out, &self.keys, |out, key| key.put(out));
        put_many(out, &self.channels, |out, channel| put_bytes(out, channel));
        put_many(out, &self.commands, |out, rule| rule.put(out));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let flags = take_u8(bytes)?;
        Some(Self {
            all_keys: flags & ALL_KEYS != 0,
            all_channels: flags & ALL_CHANNELS != 0,
            all_commands: flags & ALL_COMMANDS != 0,
            keys: take_many(bytes, KeyPattern::take)?,
            channels: take_many(bytes, take_vec)?,
            commands: take_many(bytes, CommandRule::take)?,
        })
    }
}

impl User {
    /// Appends it. What it may do goes along with scripts that run for it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.serial);
        out.push(
            when(self.enabled, ENABLED)
                | when(self.no_password, NO_PASSWORD)
                | when(self.sanitize == Some(true), SANITIZE)
                | when(self.sanitize.is_some(), SANITIZE_SAID),
        );
        put_many(out, &self.passwords, |out, digest| digest.encode(out));
        self.root.put(out);
        put_many(out, &self.selectors, |out, selector| selector.put(out));
    }

    /// Takes what [`Self::encode`] wrote off the front.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let serial = take(bytes)?;
        let flags = take_u8(bytes)?;
        Some(Self {
            serial,
            enabled: flags & ENABLED != 0,
            no_password: flags & NO_PASSWORD != 0,
            sanitize: (flags & SANITIZE_SAID != 0).then_some(flags & SANITIZE != 0),
            passwords: take_many(bytes, Digest::take)?,
            root: Selector::take(bytes)?,
            selectors: take_many(bytes, Selector::take)?,
        })
    }

    /// What it may do and no more: neither passwords nor whether it may log in.
    #[must_use]
    pub fn permissions(&self) -> Self {
        let (root, selectors) = (self.root.clone(), self.selectors.clone());
        Self { root, selectors, ..Self::default() }
    }

    pub(crate) fn size(&self) -> usize {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes.len()
    }
}

impl Users {
    /// Appends them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.made);
        put(out, self.users.len() as u64);
        for (name, user) in &self.users {
            put_bytes(out, name);
            user.encode(out);
        }
    }

    /// Takes what [`Self::encode`] wrote off the front.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let made = take(bytes)?;
        let all =
            take_many(bytes, |bytes| Some((take_vec(bytes)?, Arc::new(User::decode(bytes)?))))?;
        let count = all.len();
        let users: std::collections::BTreeMap<_, _> = all.into_iter().collect();
        (users.len() == count && users.contains_key(DEFAULT)).then_some(Self { users, made })
    }
}

impl SelectorRule {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::AllKeys => out.push(0),
            Self::ResetKeys => out.push(1),
            Self::AllChannels => out.push(2),
            Self::ResetChannels => out.push(3),
            Self::AllCommands => out.push(4),
            Self::NoCommands => out.push(5),
            Self::Key(key) => {
                out.push(6);
                key.put(out);
            }
            Self::Channel(pattern) => {
                out.push(7);
                put_bytes(out, pattern);
            }
            Self::Command { allow, name } => {
                out.push(8);
                CommandRule::Command { allow: *allow, name: name.clone() }.put(out);
            }
            Self::Category { allow, name } => {
                out.push(8);
                CommandRule::Category { allow: *allow, name: name.clone() }.put(out);
            }
            Self::FirstArg { command, arg } => {
                out.push(8);
                CommandRule::FirstArg { command: command.clone(), arg: arg.clone() }.put(out);
            }
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(match take_u8(bytes)? {
            0 => Self::AllKeys,
            1 => Self::ResetKeys,
            2 => Self::AllChannels,
            3 => Self::ResetChannels,
            4 => Self::AllCommands,
            5 => Self::NoCommands,
            6 => Self::Key(KeyPattern::take(bytes)?),
            7 => Self::Channel(take_vec(bytes)?),
            8 => match CommandRule::take(bytes)? {
                CommandRule::Command { allow, name } => Self::Command { allow, name },
                CommandRule::Category { allow, name } => Self::Category { allow, name },
                CommandRule::FirstArg { command, arg } => Self::FirstArg { command, arg },
            },
            _ => return None,
        })
    }
}

impl Rule {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::On => out.push(0),
            Self::Off => out.push(1),
            Self::Sanitize(sanitize) => out.extend_from_slice(&[2, u8::from(*sanitize)]),
            Self::NoPass => out.push(3),
            Self::ResetPass => out.push(4),
            Self::AddPassword(digest) => {
                out.push(5);
                digest.encode(out);
            }
            Self::RemovePassword(digest) => {
                out.push(6);
                digest.encode(out);
            }
            Self::Selector(rules) => {
                out.push(7);
                put_many(out, rules, |out, rule| rule.put(out));
            }
            Self::ClearSelectors => out.push(8),
            Self::Reset => out.push(9),
            Self::Root(rule) => {
                out.push(10);
                rule.put(out);
            }
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(match take_u8(bytes)? {
            0 => Self::On,
            1 => Self::Off,
            2 => Self::Sanitize(take_u8(bytes)? == 1),
            3 => Self::NoPass,
            4 => Self::ResetPass,
            5 => Self::AddPassword(Digest::take(bytes)?),
            6 => Self::RemovePassword(Digest::take(bytes)?),
            7 => Self::Selector(take_many(bytes, SelectorRule::take)?),
            8 => Self::ClearSelectors,
            9 => Self::Reset,
            10 => Self::Root(SelectorRule::take(bytes)?),
            _ => return None,
        })
    }
}

impl Change {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Set { name, rules } => {
                out.push(SET);
                put_bytes(out, name);
                put_many(out, rules, |out, rule| rule.put(out));
            }
            Self::Delete(names) => {
                out.push(DELETE);
                put_many(out, names, |out, name| put_bytes(out, name));
            }
        }
    }

    /// Takes what [`Self::encode`] wrote off the front.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(match take_u8(bytes)? {
            SET => Self::Set { name: take_vec(bytes)?, rules: take_many(bytes, Rule::take)? },
            DELETE => Self::Delete(take_many(bytes, take_vec)?),
            _ => return None,
        })
    }
}
