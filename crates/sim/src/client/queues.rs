//! Lists as queues: items are pushed, and taken by clients that wait for them.
//!
//! Most of those who wait have more patience than their command has time, so it is the cluster that has to end the wait; some
//! go away meanwhile. The judge knows what clients were told:
//!
//! | rule | what it says |
//! |---|---|
//! | queue items | only what was pushed is taken, and only once |
//! | queue order | nothing is taken while what was pushed before it stays |
//! | queue loss | what was pushed was taken, is still there, or may have gone to a client that never heard of it |
//! | queue time | a wait ends with its time, not before it, not without an item that was there, and in a healed cluster not after it |

use super::{Waiting, words};
use crate::world::World;
use std::collections::BTreeMap;
use synod_checker::Outcome;
use synod_wire::resp::Value;

/// How many queues there are.
const QUEUES: u64 = 3;
/// How many items one command pushes at most.
const PUSHED_MAX: u64 = 3;
/// How long a wait is, in milliseconds.
const WAIT_MS: (u64, u64) = (10, 6_000);
/// Clocks are off by so much at most, in parts of the time: waits may be that much shorter.
const DRIFT_ONE_IN: u64 = 1_000;
/// How much longer than its command waits a client does.
const PATIENCE_US: u64 = 12_000_000;
/// So long after everything is healed, a wait is ended in time.
const SETTLED_US: u64 = 10_000_000;

/// An item that a client tried to push.
#[derive(Clone, Debug)]
struct Item {
    queue: u64,
    call_us: u64,
    /// When it was acknowledged.
    pushed_us: Option<u64>,
    /// When who got it asked, and heard.
    taken_us: Option<(u64, u64)>,
}

/// What is asked of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// So many items from this one on are added at the end.
    Push { first: u64, count: u64 },
    /// The first is taken; as soon as there is one, for so long.
    Take { wait_us: Option<u64> },
    /// Everything in it.
    Look,
}

/// A question about a queue, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    queue: u64,
    deed: Deed,
    call_us: u64,
}

impl Asked {
    /// How long the command waits, if it does.
    pub fn wait_us(&self) -> Option<u64> {
        match self.deed {
            Deed::Take { wait_us } => wait_us,
            Deed::Push { .. } | Deed::Look => None,
        }
    }
}

/// A command that took nothing.
#[derive(Clone, Copy, Debug)]
struct Vain {
    queue: u64,
    call_us: u64,
    return_us: u64,
}

/// What is known of all queues.
#[derive(Default)]
pub(crate) struct Queues {
    items: BTreeMap<u64, Item>,
    /// How many commands that take something have no known end, by queue.
    open: BTreeMap<u64, usize>,
    vain: Vec<Vain>,
    /// What was left in the last phase.
    left: BTreeMap<u64, Vec<u64>>,
}

impl Queues {
    fn asked(&mut self, asked: Asked) {
        match asked.deed {
            Deed::Push { first, count } => {
                let (queue, call_us) = (asked.queue, asked.call_us);
                let item = Item { queue, call_us, pushed_us: None, taken_us: None };
                self.items.extend((first..first + count).map(|value| (value, item.clone())));
            }
            Deed::Take { .. } => *self.open.entry(asked.queue).or_default() += 1,
            Deed::Look => {}
        }
    }

    /// A command that takes something has ended.
    fn ended(&mut self, queue: u64) {
        if let Some(open) = self.open.get_mut(&queue) {
            *open -= 1;
        }
    }

    fn taken(&mut self, asked: &Asked, value: u64, now_us: u64) -> Result<(), String> {
        self.ended(asked.queue);
        match self.items.get_mut(&value) {
            Some(item) if item.queue == asked.queue && item.taken_us.is_none() => {
                item.taken_us = Some((asked.call_us, now_us));
                Ok(())
            }
            other => Err(format!("{value} of queue {} was taken: {other:?}", asked.queue)),
        }
    }

    /// How many items were taken.
    pub fn taken_len(&self) -> u64 {
        self.items.values().filter(|item| item.taken_us.is_some()).count() as u64
    }

    /// The first rule that what was answered breaks.
    pub fn judge(&self) -> Option<(&'static str, String)> {
        (0..QUEUES).find_map(|queue| self.judge_queue(queue))
    }

    fn judge_queue(&self, queue: u64) -> Option<(&'static str, String)> {
        let left = self.left.get(&queue)?;
        let of_queue = || self.items.iter().filter(move |(_, item)| item.queue == queue);
        let acknowledged: Vec<_> =
            of_queue().filter_map(|(value, item)| Some((*value, item, item.pushed_us?))).collect();
        for (value, item, pushed_us) in &acknowledged {
            // From when on it was certainly there no longer.
            let there_until = match item.taken_us {
                Some((call_us, _)) => call_us,
                None if left.contains(value) => u64::MAX,
                None => continue,
            };
            let overtook = |(_, later): &(&u64, &Item)| {
                later.call_us > *pushed_us
                    && later.taken_us.is_some_and(|(_, heard_us)| heard_us < there_until)
            };
            if let Some((later, taken)) = of_queue().find(overtook) {
                let detail = format!("{later} {taken:?} was taken before {value} {item:?}");
                return Some(("queue order", detail));
            }
            let beside = |vain: &&Vain| {
                vain.queue == queue && vain.call_us > *pushed_us && vain.return_us < there_until
            };
            if let Some(vain) = self.vain.iter().find(beside) {
                let detail = format!("{vain:?} took nothing beside {value} {item:?}");
                return Some(("queue time", detail));
            }
        }
        let gone = |value: &u64, item: &Item| item.taken_us.is_none() && !left.contains(value);
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|(value, item, _)| gone(value, item))
            .map(|(value, ..)| *value)
            .collect();
        let open = self.open.get(&queue).copied().unwrap_or_default();
        if lost.len() > open {
            let detail = format!("of queue {queue} {lost:?} are lost, and {open} fates unknown");
            return Some(("queue loss", detail));
        }
        let again = |value: &&u64| {
            self.items.get(value).is_none_or(|item| item.queue != queue || item.taken_us.is_some())
        };
        let wrong = left.iter().find(again)?;
        Some(("queue items", format!("{wrong} is in queue {queue}: {:?}", self.items.get(wrong))))
    }
}

impl World {
    pub(super) fn ask_queue(&mut self, at: usize) {
        let queue = self.random.below(QUEUES);
        match self.random.below(100) {
            0..45 => {
                for _ in 0..self.random.between(1, 2) {
                    let count = self.random.between(1, PUSHED_MAX);
                    let first = self.fresh();
                    (1..count).for_each(|_| _ = self.fresh());
                    self.ask_of_queue(at, queue, Deed::Push { first, count });
                }
            }
            45..60 => self.ask_of_queue(at, queue, Deed::Take { wait_us: None }),
            _ => {
                let wait_us = Some(self.random.skewed(WAIT_MS.0, WAIT_MS.1) * 1_000);
                self.ask_of_queue(at, queue, Deed::Take { wait_us });
            }
        }
    }

    fn ask_of_queue(&mut self, at: usize, queue: u64, deed: Deed) {
        let name = format!("q{queue}");
        let args = match deed {
            Deed::Push { first, count } => {
                let mut args = words(&["RPUSH", &name]);
                args.extend((first..first + count).map(|value| value.to_string().into_bytes()));
                args
            }
            Deed::Take { wait_us: None } => words(&["LPOP", &name]),
            Deed::Take { wait_us: Some(us) } => {
                words(&["BLPOP", &name, &format!("{}.{:03}", us / 1_000_000, us / 1_000 % 1_000)])
            }
            Deed::Look => words(&["LRANGE", &name, "0", "-1"]),
        };
        let asked = Asked { queue, deed, call_us: self.time };
        self.queues.asked(asked);
        self.request(at, args, Waiting::Queue(asked));
    }

    /// How long a client waits for what it has just asked.
    pub(super) fn patience_with_queue(&mut self, at: usize) -> Option<u64> {
        let (_, Waiting::Queue(asked)) = self.clients[at].waiting.back()? else { return None };
        let wait_us = asked.wait_us()?;
        match self.random.below(100) {
            0..15 => Some(self.random.between(1_000, wait_us)),
            _ => Some(wait_us + PATIENCE_US),
        }
    }

    /// A client lost patience, and in a healed cluster it may only do so while the time of its command is not over.
    pub(super) fn lost_patience_with_queue(&mut self, at: usize) {
        let Some((_, Waiting::Queue(asked))) = self.clients[at].waiting.front() else { return };
        let Some(wait_us) = asked.wait_us() else { return };
        let late = self.time > asked.call_us + wait_us + SETTLED_US;
        let settled = self.healed_us.is_some_and(|us| self.time > us + SETTLED_US);
        let client = &self.clients[at];
        let connected = client.node.is_some_and(|(node, _)| {
            let process = self.machines[node].process.as_ref();
            process.and_then(|p| p.sessions.get(&at)).is_some_and(|s| s.conn == client.conn)
        });
        if late && settled && connected {
            self.fail("queue time", format!("{asked:?} was not answered until {}", self.time));
        }
    }

    /// Looks at a queue on behalf of the last phase of a run; whether it was asked for.
    pub(crate) fn look_at_queue(&mut self, at: usize, queue: u64) -> bool {
        let connected = self.connect(at);
        if connected {
            self.ask_of_queue(at, queue, Deed::Look);
            self.expect_answer(at);
        }
        connected
    }

    pub(crate) fn was_queue_looked_at(&self, queue: u64) -> bool {
        self.queues.left.contains_key(&queue)
    }

    pub(crate) fn queues(&self) -> std::ops::Range<u64> {
        0..QUEUES
    }

    pub(super) fn queue_answered(&mut self, at: usize, asked: Asked, value: &Value) {
        let time = self.time;
        let queue = asked.queue;
        let wrong = match (asked.deed, value) {
            (deed, Value::Error(text)) => match super::replies::fate(text) {
                Some(Outcome::Unknown) => return,
                Some(_) => return self.queue_refused(queue, deed),
                None => Some(("replies", format!("{asked:?} was answered {text}"))),
            },
            (Deed::Push { first, count }, Value::Integer(_)) => {
                for (_, item) in self.queues.items.range_mut(first..first + count) {
                    item.pushed_us = Some(time);
                }
                None
            }
            (Deed::Take { wait_us }, Value::Null) => {
                self.queues.ended(queue);
                self.queues.vain.push(Vain { queue, call_us: asked.call_us, return_us: time });
                let wait_us = wait_us.unwrap_or_default();
                let early = time < asked.call_us + wait_us - wait_us / DRIFT_ONE_IN;
                early.then(|| ("queue time", format!("{asked:?} ended at {time}")))
            }
            (Deed::Look, Value::Array(items)) => {
                let left = items.iter().filter_map(super::single::number).collect();
                if self.quiet {
                    self.queues.left.insert(queue, left);
                }
                None
            }
            (Deed::Take { .. }, value) => {
                let item = match value {
                    Value::Array(parts) => parts.last().and_then(super::single::number),
                    value => super::single::number(value),
                };
                match item.map(|item| self.queues.taken(&asked, item, time)) {
                    Some(Ok(())) => None,
                    Some(Err(detail)) => Some(("queue items", detail)),
                    None => Some(("replies", format!("{asked:?} was answered {value:?}"))),
                }
            }
            (_, value) => Some(("replies", format!("{asked:?} was answered {value:?}"))),
        };
        self.clients[at].served += 1;
        if let Some((rule, detail)) = wrong {
            self.fail(rule, detail);
        }
    }

    /// Nothing came of it.
    fn queue_refused(&mut self, queue: u64, deed: Deed) {
        match deed {
            Deed::Push { first, count } => {
                (first..first + count).for_each(|value| _ = self.queues.items.remove(&value));
            }
            Deed::Take { .. } => self.queues.ended(queue),
            Deed::Look => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When its push was asked for and acknowledged, and when it was taken.
    type Times = (u64, Option<u64>, Option<(u64, u64)>);

    /// Items of queue 0.
    fn queues(items: &[Times], left: &[u64]) -> Queues {
        let item = |(call_us, pushed_us, taken_us): &Times| Item {
            queue: 0,
            call_us: *call_us,
            pushed_us: *pushed_us,
            taken_us: *taken_us,
        };
        Queues {
            items: (1..).zip(items.iter().map(item)).collect(),
            left: [(0, left.to_vec())].into(),
            ..Queues::default()
        }
    }

    fn rule(queues: &Queues) -> Option<&'static str> {
        queues.judge().map(|(rule, _)| rule)
    }

    #[test]
    fn each_rule_is_broken_by_what_it_forbids_and_by_nothing_else() {
        let first = (10, Some(20), Some((40, 50)));
        assert_eq!(rule(&queues(&[first, (25, Some(30), Some((41, 60)))], &[])), None);
        assert_eq!(
            rule(&queues(&[first, (25, Some(30), Some((30, 39)))], &[])),
            Some("queue order")
        );
        assert_eq!(rule(&queues(&[first, (15, Some(30), Some((30, 39)))], &[])), None);
        let stays = (10, Some(20), None);
        assert_eq!(
            rule(&queues(&[stays, (25, Some(30), Some((30, 39)))], &[1])),
            Some("queue order")
        );
        assert_eq!(rule(&queues(&[stays], &[1])), None);
        assert_eq!(rule(&queues(&[stays], &[])), Some("queue loss"));
        let mut open = queues(&[stays], &[]);
        open.open.insert(0, 1);
        assert_eq!(rule(&open), None);
        assert_eq!(rule(&queues(&[(10, None, None)], &[])), None);
        assert_eq!(rule(&queues(&[first], &[1])), Some("queue items"));
        assert_eq!(rule(&queues(&[], &[1])), Some("queue items"));
        let mut vain = queues(&[stays], &[1]);
        vain.vain.push(Vain { queue: 0, call_us: 15, return_us: 90 });
        assert_eq!(rule(&vain), None);
        vain.vain.push(Vain { queue: 0, call_us: 21, return_us: 90 });
        assert_eq!(rule(&vain), Some("queue time"));
    }

    #[test]
    fn an_item_is_taken_once_and_from_its_own_queue() {
        let mut queues = queues(&[(10, Some(20), None)], &[]);
        let take = |queue| Asked { queue, deed: Deed::Take { wait_us: None }, call_us: 30 };
        assert!(queues.taken(&take(1), 1, 40).is_err());
        assert!(queues.taken(&take(0), 2, 40).is_err());
        assert!(queues.taken(&take(0), 1, 40).is_ok());
        assert!(queues.taken(&take(0), 1, 50).is_err());
    }
}
