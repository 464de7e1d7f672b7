//! Keyspace events: what happened to a key, for those who subscribed to hear of it.
//!
//! Commands say little of them themselves. What one did to each of its keys is seen from the key's version before and
//! after, and `words.rs` has the word for it; what happens without a command (a key's time passes, memory is short), or
//! without a change that WATCH sees (consumer groups), is noted where it happens. The events are no part of the state: a replica collects those that are wanted and its leader
//! publishes them.
//!
//! Source: Redis, "Keyspace notifications" and notify.c of 7.0.

pub(crate) mod words;

use std::cell::{Cell, RefCell};
use synod_types::limits;

/// A set of kinds of events, as `notify-keyspace-events` spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes(u16);

impl Classes {
    /// Events are published by key.
    pub const KEYSPACE: Self = Self(1);
    /// Events are published by event.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// Of keys whatever they hold.
    pub const GENERIC: Self = Self(1 << 2);
    /// Of strings.
    pub const STRING: Self = Self(1 << 3);
    /// Of lists.
    pub const LIST: Self = Self(1 << 4);
    /// Of sets.
    pub const SET: Self = Self(1 << 5);
    /// Of hashes.
    pub const HASH: Self = Self(1 << 6);
    /// Of sorted sets.
    pub const SORTED_SET: Self = Self(1 << 7);
    /// A key's time has passed.
    pub const EXPIRED: Self = Self(1 << 8);
    /// A key went because memory was short.
    pub const EVICTED: Self = Self(1 << 9);
    /// Of streams.
    pub const STREAM: Self = Self(1 << 10);
    /// A reading command did not find its key.
    pub const MISS: Self = Self(1 << 11);
    /// Of keys of modules, of which there are none.
    pub const MODULE: Self = Self(1 << 13);
    /// A key came to be.
    pub const NEW: Self = Self(1 << 14);

    /// The letters, in the order in which Redis writes them.
    const LETTERS: [(u8, Self); 14] = [
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::SORTED_SET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
        (b'n', Self::NEW),
        (b'K', Self::KEYSPACE),
        (b'E', Self::KEYEVENT),
        (b'm', Self::MISS),
    ];
    /// What the letter A stands for.
    const ALL: Self = Self(0x07fc | Self::MODULE.0);
    const CHANNELS: Self = Self(Self::KEYSPACE.0 | Self::KEYEVENT.0);

    /// Reads letters; `None` when one is none.
    #[must_use]
    pub fn parse(letters: &[u8]) -> Option<Self> {
        letters.iter().try_fold(Self::default(), |all, letter| {
            let one = Self::LETTERS.iter().find(|(l, _)| l == letter).map(|(_, class)| *class);
            let more = if *letter == b'A' { Some(Self::ALL) } else { one };
            more.map(|more| all.and(more))
        })
    }

    /// The letters, as Redis writes them.
    #[must_use]
    pub fn letters(self) -> String {
        let all = self.has(Self::ALL);
        let told = |class: Self| !all || !(Self::ALL.and(Self::NEW)).has(class);
        let letters = Self::LETTERS.iter().filter(|(_, class)| self.has(*class) && told(*class));
        let head = if all { "A" } else { "" };
        head.chars().chain(letters.map(|(letter, _)| char::from(*letter))).collect()
    }

    /// As a number that [`Self::from_bits`] reads.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The set with this number; bits without a meaning are dropped.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & (Self::ALL.0 | Self::CHANNELS.0 | Self::MISS.0 | Self::NEW.0))
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Without what nobody would hear: nothing, unless some channel and some class is named.
    #[must_use]
    pub const fn heard(self) -> Self {
        let channels = self.0 & Self::CHANNELS.0;
        let classes = self.0 & !Self::CHANNELS.0;
        if channels == 0 || classes == 0 { Self(0) } else { self }
    }
}

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its kind.
    pub class: Classes,
    /// The word for it.
    pub name: &'static str,
    /// The key.
    pub key: Vec<u8>,
}

/// The events of a keyspace that were not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    wanted: Classes,
    /// A reading command that misses its key adds to it, hence the cell.
    list: RefCell<Vec<Event>>,
    /// Whether a reading command runs: only of these it is told that they miss a key.
    reading: Cell<bool>,
}

impl Events {
    /// Which kinds are collected from now on.
    pub fn want(&mut self, classes: Classes) {
        self.wanted = classes;
    }

    /// Whether some were not taken yet.
    #[inline]
    pub fn are_there(&self) -> bool {
        self.are_wanted() && !self.list.borrow().is_empty()
    }

    /// Takes them, in order.
    #[inline]
    pub fn take(&mut self) -> Vec<Event> {
        if self.are_wanted() { self.list.take() } else { Vec::new() }
    }

    /// Whether anybody wants to hear anything.
    #[inline]
    pub fn are_wanted(&self) -> bool {
        self.wanted.0 != 0
    }

    /// Runs a reading command.
    #[inline]
    pub fn reading<R>(&self, run: impl FnOnce() -> R) -> R {
        if !self.wanted.has(Classes::MISS) {
            return run();
        }
        self.reading.set(true);
        let result = run();
        self.reading.set(false);
        result
    }

    /// A command did not find a key.
    #[inline]
    pub fn note_miss(&self, key: &[u8]) {
        if self.reading.get() {
            self.note(Classes::MISS, "keymiss", key);
        }
    }

    /// Something happened.
    #[inline]
    pub fn note(&self, class: Classes, name: &'static str, key: &[u8]) {
        if self.wanted.has(class) {
            let mut list = self.list.borrow_mut();
            if list.len() < limits::EVENTS_MAX {
                list.push(Event { class, name, key: key.to_vec() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_and_written_as_redis_does() {
        for (given, told) in [
            ("", ""),
            ("KEA", "AKE"),
            ("AKEm", "AKEm"),
            ("Kg$lshzxetd", "AK"),
            ("Elg", "glE"),
            ("KEn", "nKE"),
            ("xE", "xE"),
        ] {
            assert_eq!(
                Classes::parse(given.as_bytes()).map(Classes::letters).as_deref(),
                Some(told)
            );
        }
        assert_eq!(Classes::parse(b"KEAq"), None);
        for letters in ["K", "KE", "Ag", ""] {
            assert_eq!(Classes::parse(letters.as_bytes()).unwrap_or_default().heard().bits(), 0);
        }
        let all = Classes::parse(b"KEAmn").unwrap_or_default();
        assert_eq!(Classes::from_bits(all.bits()), all);
    }
}
