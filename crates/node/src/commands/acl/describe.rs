//! Users in words: what ACL LIST and ACL GETUSER tell.
//!
//! Rules about commands are told in Redis's normal form: whole categories first, those that fit best, then the commands in
//! which the result still differs.

use super::directory::{self, Entry, Set};
use synod_acl::{KeyPattern, Selector, User};
use synod_data::Categories;
use synod_types::ReplySink;

/// What descriptions are made with: the table of commands, sorted once.
pub(super) struct Describer {
    entries: Vec<Entry>,
    /// By category: its name, what belongs to it, what a rule about it concerns.
    categories: Vec<(&'static str, Set, Set)>,
}

impl Describer {
    pub fn new() -> Self {
        let entries = directory::all();
        let sets = |(name, category)| {
            let (own, concerned) = directory::of_category(&entries, category);
            (name, own, concerned)
        };
        let categories = Categories::all().map(sets).collect();
        Self { entries, categories }
    }

    /// The rules about commands.
    pub fn commands(&self, selector: &Selector) -> String {
        let additive = !selector.all_commands();
        let mut text = if additive { "-@all".to_owned() } else { "+@all".to_owned() };
        if selector.commands().is_empty() {
            return text;
        }
        let (wanted, first_args) = directory::allowed(&self.entries, selector);
        let mut said = Set::of(&self.entries, |_| !additive);
        let (sign, mut left) = (if additive { '+' } else { '-' }, wanted.clone());
        let mut applied = vec![false; self.categories.len()];
        while let Some(best) = self.best(&left, &applied, additive) {
            let (name, _, concerned) = &self.categories[best];
            said.change(concerned, additive);
            left.change(concerned, !additive);
            applied[best] = true;
            text.push_str(&format!(" {sign}@{name}"));
        }
        for (at, entry) in self.entries.iter().enumerate() {
            let allow = wanted.has(at);
            if allow != said.has(at) {
                text.push_str(&format!(" {}{}", if allow { '+' } else { '-' }, entry.name));
                let parts = Set::of(&self.entries, |other| {
                    other.name == entry.name || other.command.name == entry.name
                });
                said.change(&parts, allow);
            }
            for (_, arg) in first_args.iter().filter(|(name, _)| !allow && *name == entry.name) {
                text.push_str(&format!(" +{}|{}", entry.name, String::from_utf8_lossy(arg)));
            }
        }
        text
    }

    /// The category that says most of what is left to say: with more right than wrong about it, and least wrong.
    fn best(&self, left: &Set, applied: &[bool], additive: bool) -> Option<usize> {
        let mut best: Option<(usize, u32, u32)> = None;
        for (at, (_, own, _)) in self.categories.iter().enumerate().filter(|(at, _)| !applied[*at])
        {
            let (on, off) = left.count(own);
            let (wrong, right) = if additive { (off, on) } else { (on, off) };
            let better = best
                .is_none_or(|(_, least, most)| wrong < least || (wrong == least && right > most));
            if right > wrong && better {
                best = Some((at, wrong, right));
            }
        }
        best.map(|(at, ..)| at)
    }

    /// A user as a line of an access list, without its name.
    pub fn line(&self, user: &User) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = flags(user).into_iter().map(|flag| flag.into()).collect();
        words.extend(user.passwords().iter().map(|digest| format!("#{digest}").into_bytes()));
        for (at, selector) in user.selectors().enumerate() {
            let described = self.selector(selector);
            words.push(match at {
                0 => described,
                _ => [b"(", described.as_slice(), b")"].concat(),
            });
        }
        words.join(&b' ')
    }

    fn selector(&self, selector: &Selector) -> Vec<u8> {
        let mut words = Vec::new();
        let (keys, channels) = (keys(selector), channels(selector));
        if !keys.is_empty() {
            words.push(keys);
        }
        if !selector.all_channels() {
            words.push(b"resetchannels".to_vec());
        }
        if !channels.is_empty() {
            words.push(channels);
        }
        words.push(self.commands(selector).into_bytes());
        words.join(&b' ')
    }

    /// A user as GETUSER tells of it.
    pub fn write(&self, user: &User, out: &mut dyn ReplySink) {
        let flags = flags(user);
        out.map(6);
        out.bulk(b"flags");
        out.set(flags.len());
        flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
        out.bulk(b"passwords");
        out.array(user.passwords().len());
        user.passwords().iter().for_each(|digest| out.bulk(digest.to_string().as_bytes()));
        let mut selectors = user.selectors();
        if let Some(root) = selectors.next() {
            self.write_selector(root, out);
        }
        out.bulk(b"selectors");
        let others: Vec<_> = selectors.collect();
        out.array(others.len());
        for selector in others {
            out.map(3);
            self.write_selector(selector, out);
        }
    }

    fn write_selector(&self, selector: &Selector, out: &mut dyn ReplySink) {
        out.bulk(b"commands");
        out.bulk(self.commands(selector).as_bytes());
        out.bulk(b"keys");
        out.bulk(&keys(selector));
        out.bulk(b"channels");
        out.bulk(&channels(selector));
    }
}

fn flags(user: &User) -> Vec<&'static str> {
    let mut flags = vec![if user.is_enabled() { "on" } else { "off" }];
    if user.needs_no_password() {
        flags.push("nopass");
    }
    match user.sanitize() {
        Some(true) => flags.push("sanitize-payload"),
        Some(false) => flags.push("skip-sanitize-payload"),
        None => {}
    }
    flags
}

fn keys(selector: &Selector) -> Vec<u8> {
    if selector.all_keys() {
        return b"~*".to_vec();
    }
    let word = |key: &KeyPattern| {
        let permissions: &[u8] = match (key.read, key.write) {
            (true, false) => b"%R~",
            (false, true) => b"%W~",
            _ => b"~",
        };
        [permissions, &key.pattern].concat()
    };
    selector.keys().iter().map(word).collect::<Vec<_>>().join(&b' ')
}

fn channels(selector: &Selector) -> Vec<u8> {
    if selector.all_channels() {
        return b"&*".to_vec();
    }
    let words = selector.channels().iter().map(|channel| [b"&", channel.as_slice()].concat());
    words.collect::<Vec<_>>().join(&b' ')
}
