//! A value with a time to live is there before it is over and gone afterwards; one without never vanishes.
//!
//! The time that counts is the stamp of the group's leader, which a client does not see. What is known of it is how
//! far it may be from the clock of the history ([`Clocks`]), so every rule speaks of the earliest and the latest
//! moment at which something may have happened:
//!
//! - a read that finds nothing needs a value that may have expired by then, or a time when there was none;
//! - a read that finds a value needs one that is not certainly replaced and not certainly over;
//! - while all clocks agree, what was seen gone stays gone.
//!
//! These are intervals, not a search: weaker than linearizability, sound under any clock. The intervals are those of
//! Jepsen's `checker/set-full`, with a deadline added.

use crate::Value;

/// How the stamps of the groups relate to the clock of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// How far a stamp may be behind, in microseconds.
    pub behind_us: u64,
    /// How far it may be ahead, in microseconds.
    pub ahead_us: u64,
    /// Whether all nodes had the same time throughout.
    pub agree: bool,
}

/// What was done to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Put a value there that nobody else writes, to live this many microseconds, or for ever.
    Put(Value, Option<u64>),
    /// Gave what is there this many microseconds from now on. Done without effect when nothing was there.
    Expire(u64),
    /// Took the time to live away. Done without effect when nothing was there or it had none.
    Persist,
    /// Looked, and saw this.
    Peek(Option<Value>),
}

/// One request that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it was called, in microseconds of the run's monotonic clock.
    pub call_us: u64,
    /// When it returned; `None` if its outcome is unknown. A peek of unknown outcome tells nothing and is passed over.
    pub return_us: Option<u64>,
    /// What it did.
    pub deed: Deed,
    /// Whether it had an effect; only what returned can say that it had none.
    pub effect: bool,
}

/// An answer that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Nothing was there, and nothing that may have been can have expired.
    #[error("key {key}: nothing is there at {call_us} us, and nothing can have expired")]
    Vanished {
        /// Which key.
        key: String,
        /// Which peek.
        call_us: u64,
    },
    /// The value was over, replaced, seen gone, or not written yet.
    #[error("key {key}: {value} is there at {call_us} us: {why}")]
    Undead {
        /// Which key.
        key: String,
        /// Which value.
        value: Value,
        /// Which peek.
        call_us: u64,
        /// Why it cannot be.
        why: &'static str,
    },
}

/// Judges all that was done to one key.
///
/// # Errors
/// The first answer that cannot be, in the order given.
pub fn check(key: &str, events: &[Event], clocks: Clocks) -> Result<(), Wrong> {
    let history = History { events, clocks };
    for peek in events {
        let (Deed::Peek(seen), Some(return_us)) = (peek.deed, peek.return_us) else { continue };
        let (key, call_us) = (key.to_owned(), peek.call_us);
        match seen {
            None if !history.may_be_empty(peek, return_us) => {
                return Err(Wrong::Vanished { key, call_us });
            }
            None => {}
            Some(value) => {
                if let Some(why) = history.objection(peek, return_us, value) {
                    return Err(Wrong::Undead { key, value, call_us, why });
                }
            }
        }
    }
    Ok(())
}

/// Whether `a` was over before `b` began.
fn before(a: &Event, b: &Event) -> bool {
    a.return_us.is_some_and(|at_us| at_us < b.call_us)
}

struct History<'a> {
    events: &'a [Event],
    clocks: Clocks,
}

impl History<'_> {
    fn puts(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|e| matches!(e.deed, Deed::Put(..)))
    }

    /// Whether another value certainly took the place of this one before the peek.
    fn is_replaced(&self, put: &Event, peek: &Event) -> bool {
        self.puts().any(|other| before(put, other) && before(other, peek))
    }

    /// Whether a peek that returned at `return_us` may find nothing.
    fn may_be_empty(&self, peek: &Event, return_us: u64) -> bool {
        let none_yet = !self.puts().any(|put| before(put, peek));
        none_yet
            || self
                .puts()
                .filter(|put| put.call_us <= return_us && !self.is_replaced(put, peek))
                .any(|put| self.may_expire(put, peek, return_us))
    }

    /// Whether the time of this value may be over when the peek looks.
    fn may_expire(&self, put: &Event, peek: &Event, return_us: u64) -> bool {
        let latest_us = return_us + self.clocks.ahead_us;
        self.events.iter().any(|setter| {
            let ttl_us = match setter.deed {
                Deed::Put(_, Some(ttl_us)) if setter == put => ttl_us,
                Deed::Expire(ttl_us) if setter.effect && !before(setter, put) => ttl_us,
                _ => return false,
            };
            let earliest_us = (setter.call_us + ttl_us).saturating_sub(self.clocks.behind_us);
            earliest_us <= latest_us && !self.is_persisted(setter, peek)
        })
    }

    /// Whether the time to live that was set here was certainly taken away before the peek.
    fn is_persisted(&self, setter: &Event, peek: &Event) -> bool {
        let takes = |e: &&Event| e.deed == Deed::Persist && e.effect;
        self.events.iter().filter(takes).any(|e| before(setter, e) && before(e, peek))
    }

    /// Why the peek cannot have seen this value, if it cannot.
    fn objection(&self, peek: &Event, return_us: u64, value: Value) -> Option<&'static str> {
        let wrote = |e: &&Event| matches!(e.deed, Deed::Put(written, _) if written == value);
        let Some(put) = self.events.iter().find(wrote) else { return Some("nobody wrote it") };
        if put.call_us > return_us {
            return Some("it was written later");
        }
        if self.is_replaced(put, peek) {
            return Some("it was replaced");
        }
        if self.is_over(put, peek, return_us) {
            return Some("its time was over");
        }
        let gone = |e: &Event| e.deed == Deed::Peek(None) && before(put, e) && before(e, peek);
        (self.clocks.agree && self.events.iter().any(gone)).then_some("it had been seen gone")
    }

    /// Whether the time of this value is certainly over when the peek looks.
    fn is_over(&self, put: &Event, peek: &Event, return_us: u64) -> bool {
        let now_us = peek.call_us.saturating_sub(self.clocks.behind_us);
        let latest = |at: &Event, ttl_us: u64| {
            at.return_us.map_or(u64::MAX, |at_us| at_us + self.clocks.ahead_us + ttl_us)
        };
        let Deed::Put(_, Some(ttl_us)) = put.deed else { return false };
        latest(put, ttl_us) < now_us
            && self.events.iter().all(|e| {
                let prolongs = e.effect && !before(e, put) && e.call_us <= return_us;
                match e.deed {
                    Deed::Expire(ttl_us) if prolongs => latest(e, ttl_us) < now_us,
                    Deed::Persist => !prolongs,
                    _ => true,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Clocks = Clocks { behind_us: 0, ahead_us: 0, agree: true };

    /// `(call, return, deed)`; the deed had an effect.
    fn verdict(events: &[(u64, u64, Deed)], clocks: Clocks) -> Option<String> {
        let event = |&(call_us, return_us, deed): &(u64, u64, Deed)| {
            let return_us = (return_us > 0).then_some(return_us);
            Event { call_us, return_us, deed, effect: true }
        };
        let events: Vec<Event> = events.iter().map(event).collect();
        check("t", &events, clocks).err().map(|wrong| wrong.to_string())
    }

    fn wrong(events: &[(u64, u64, Deed)]) -> bool {
        verdict(events, EXACT).is_some()
    }

    use Deed::{Expire, Peek, Persist, Put};

    #[test]
    fn a_value_lives_as_long_as_it_was_given() {
        let put = (10, 20, Put(1, Some(100)));
        assert!(!wrong(&[(0, 5, Peek(None)), put]));
        assert!(wrong(&[put, (30, 40, Peek(None))]), "gone before the earliest end");
        assert!(!wrong(&[put, (105, 110, Peek(None))]), "gone at the earliest end");
        assert!(!wrong(&[put, (120, 125, Peek(Some(1)))]), "there at the latest end");
        assert!(wrong(&[put, (121, 125, Peek(Some(1)))]), "there after the latest end");
        assert!(wrong(&[put, (30, 40, Peek(Some(2)))]), "nobody wrote it");
        assert!(wrong(&[(30, 40, Peek(Some(1))), (41, 42, Put(1, None))]), "written later");
    }

    #[test]
    fn a_value_without_time_never_vanishes() {
        assert!(wrong(&[(0, 5, Put(1, None)), (9_000_000, 9_000_001, Peek(None))]));
        let replaced = [(0, 5, Put(1, Some(10))), (6, 7, Put(2, None)), (90, 91, Peek(None))];
        assert!(wrong(&replaced), "overwriting takes the time to live away");
        let beside = [(0, 5, Put(1, Some(10))), (3, 7, Put(2, None)), (90, 91, Peek(None))];
        assert!(!wrong(&beside), "the order of the two is not known");
        let unknown = [(0, 5, Put(1, None)), (6, 0, Put(2, Some(10))), (90, 91, Peek(None))];
        assert!(!wrong(&unknown), "the second may have come and gone");
    }

    #[test]
    fn a_replaced_value_does_not_return() {
        let puts = [(0, 5, Put(1, None)), (6, 7, Put(2, Some(10)))];
        assert!(wrong(&[puts[0], puts[1], (8, 9, Peek(Some(1)))]));
        assert!(wrong(&[puts[0], puts[1], (40, 41, Peek(Some(1)))]));
    }

    #[test]
    fn persist_and_expire_move_the_end() {
        let put = (0, 5, Put(1, Some(10)));
        assert!(!wrong(&[put, (6, 7, Persist), (90, 91, Peek(Some(1)))]));
        assert!(wrong(&[put, (6, 7, Persist), (90, 91, Peek(None))]));
        assert!(!wrong(&[put, (6, 7, Expire(100)), (90, 91, Peek(Some(1)))]));
        assert!(wrong(&[put, (6, 7, Expire(100)), (108, 109, Peek(Some(1)))]));
        assert!(!wrong(&[(0, 5, Put(1, None)), (6, 7, Expire(10)), (16, 17, Peek(None))]));
        assert!(wrong(&[(0, 5, Put(1, None)), (6, 7, Expire(10)), (14, 15, Peek(None))]));
    }

    #[test]
    fn what_clocks_do_not_tell_is_left_open() {
        let apart = Clocks { behind_us: 50, ahead_us: 50, agree: false };
        let put = (10, 20, Put(1, Some(100)));
        assert_eq!(verdict(&[put, (30, 40, Peek(None))], apart), None);
        assert!(verdict(&[put, (1, 9, Peek(None)), (240, 241, Peek(Some(1)))], apart).is_some());
        let back = [put, (111, 112, Peek(None)), (113, 114, Peek(Some(1)))];
        assert_eq!(verdict(&back, apart), None);
        assert!(verdict(&back, EXACT).unwrap().contains("seen gone"));
        let beside = [put, (109, 0, Persist), (111, 112, Peek(None)), (113, 114, Peek(Some(1)))];
        assert!(verdict(&beside, EXACT).unwrap().contains("seen gone"), "it came too late");
        let after = [put, (111, 112, Peek(None)), (113, 114, Persist), (115, 116, Peek(Some(1)))];
        assert!(verdict(&after, EXACT).unwrap().contains("seen gone"));
    }
}
