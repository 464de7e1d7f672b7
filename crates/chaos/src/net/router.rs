//! The process between the nodes: it carries packets from one TUN interface to another and treats them by
//! the policy of their link, with choices from the seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::packet;
use crate::dice::Dice;

/// Longer than any packet.
const PACKET_LEN_MAX: usize = 65_536;
/// What is under way at a time, in packets; more is dropped, as routers do.
const UNDER_WAY_MAX: usize = 20_000;
/// The streams of choices of links, counted up from here.
const LINK_STREAM: u64 = 1 << 32;

/// How the packets of one link are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What every packet waits.
    pub delay: Duration,
    /// How many of a hundred wait longer and are overtaken, and how much longer at most.
    pub late_percent: u64,
    /// The longest that a late packet waits on top.
    pub late: Duration,
    /// How many of a thousand packets get a bit flipped, half of them with a checksum that fits.
    pub corrupt_permille: u64,
}

/// What a router did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Packets between nodes.
    pub packets: u64,
    /// Of those, delayed.
    pub delayed: u64,
    /// Of those, made to be overtaken.
    pub late: u64,
    /// Of those, damaged, and the kernel can tell.
    pub corrupted: u64,
    /// Of those, damaged, and only the program can tell.
    pub corrupted_hidden: u64,
    /// Dropped because too much was under way.
    pub dropped: u64,
}

/// A packet on its way: when it is due, its number, whom it is for.
type Parcel = (Instant, u64, usize, Vec<u8>);

#[derive(Debug)]
struct Link {
    policy: Option<Policy>,
    dice: Dice,
}

#[derive(Debug)]
struct State {
    /// From each node to each, row by row.
    links: Vec<Link>,
    under_way: BinaryHeap<Reverse<Parcel>>,
    carried: Carried,
}

#[derive(Debug)]
struct Shared {
    tuns: Vec<File>,
    state: Mutex<State>,
    changed: Condvar,
}

/// A router at work; its threads end with the process.
#[derive(Debug)]
pub struct Router(Arc<Shared>);

impl Router {
    /// Starts carrying packets between the interfaces.
    pub fn start(tuns: Vec<File>, seed: u64) -> Result<Self> {
        let nodes = tuns.len();
        let link = |n: usize| Link { policy: None, dice: Dice::new(seed, LINK_STREAM + n as u64) };
        let state = State {
            links: (0..nodes * nodes).map(link).collect(),
            under_way: BinaryHeap::new(),
            carried: Carried::default(),
        };
        let shared = Arc::new(Shared { tuns, state: Mutex::new(state), changed: Condvar::new() });
        for node in 0..nodes {
            let shared = Arc::clone(&shared);
            thread(format!("from-{node}"), move || shared.take_from(node))?;
        }
        let postman = Arc::clone(&shared);
        thread("late".into(), move || postman.deliver())?;
        Ok(Self(shared))
    }

    /// Sets the policy of one link.
    pub fn treat(&self, from: usize, to: usize, policy: Option<Policy>) {
        let mut state = self.0.state();
        let place = from * self.0.tuns.len() + to;
        state.links[place].policy = policy;
    }

    /// What was done so far.
    pub fn carried(&self) -> Carried {
        self.0.state().carried
    }
}

fn thread(name: String, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let started = std::thread::Builder::new().name(name).spawn(run);
    started.map(drop).context("cannot start a thread of the router")
}

impl Shared {
    /// Counts and choices are whole between any two packets, so a thread that failed left them usable.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_from(&self, from: usize) {
        let mut buffer = vec![0; PACKET_LEN_MAX];
        while let Ok(len) = (&self.tuns[from]).read(&mut buffer) {
            let packet = &mut buffer[..len];
            let Some(to) = self.addressee(packet).filter(|to| *to != from) else { continue };
            let mut state = self.state();
            match state.treat(from * self.tuns.len() + to, packet) {
                Duration::ZERO => {
                    drop(state);
                    self.hand_over(to, packet);
                }
                wait => {
                    state.post(Instant::now() + wait, to, packet);
                    self.changed.notify_one();
                }
            }
        }
    }

    fn addressee(&self, packet: &[u8]) -> Option<usize> {
        let address = packet::destination(packet)?;
        (0..self.tuns.len()).find(|node| super::peer_address(*node) == address)
    }

    /// What an interface does not take, because it is down or its queue is full, is lost on the way.
    fn hand_over(&self, to: usize, packet: &[u8]) {
        let _ = (&self.tuns[to]).write(packet);
    }

    /// Hands over what had to wait.
    fn deliver(&self) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let due = state.under_way.peek().map(|Reverse((due, ..))| *due);
            state = match due {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) if due > now => {
                    let wait = self.changed.wait_timeout(state, due - now);
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => {
                    let parcel = state.under_way.pop();
                    drop(state);
                    if let Some(Reverse((_, _, to, packet))) = parcel {
                        self.hand_over(to, &packet);
                    }
                    self.state()
                }
            };
        }
    }
}

impl State {
    /// Damages the packet if the dice say so; how long it has to wait.
    fn treat(&mut self, link: usize, packet: &mut [u8]) -> Duration {
        self.carried.packets += 1;
        let Link { policy: Some(policy), dice } = &mut self.links[link] else {
            return Duration::ZERO;
        };
        if dice.range(0, 1_000) < policy.corrupt_permille {
            let hidden = dice.chance(50);
            let count = u64::from(packet::corrupt(packet, hidden, dice));
            match hidden {
                true => self.carried.corrupted_hidden += count,
                false => self.carried.corrupted += count,
            }
        }
        let mut wait = policy.delay;
        self.carried.delayed += u64::from(!wait.is_zero());
        if dice.chance(policy.late_percent) {
            wait += Duration::from_micros(dice.range(1, policy.late.as_micros() as u64));
            self.carried.late += 1;
        }
        wait
    }

    fn post(&mut self, due: Instant, to: usize, packet: &[u8]) {
        if self.under_way.len() >= UNDER_WAY_MAX {
            self.carried.dropped += 1;
            return;
        }
        // The number keeps packets of one moment in their order.
        self.under_way.push(Reverse((due, self.carried.packets, to, packet.to_vec())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(policy: Option<Policy>) -> State {
        let link = Link { policy, dice: Dice::new(1, LINK_STREAM) };
        State { links: vec![link], under_way: BinaryHeap::new(), carried: Carried::default() }
    }

    #[test]
    fn without_a_policy_nothing_waits_and_nothing_changes() {
        let (mut state, mut packet) = (state(None), vec![0x45; 60]);
        assert_eq!(state.treat(0, &mut packet), Duration::ZERO);
        assert_eq!(packet, [0x45; 60]);
        assert_eq!(state.carried, Carried { packets: 1, ..Carried::default() });
    }

    #[test]
    fn late_packets_are_overtaken_and_the_rest_keep_their_order() {
        let delay = Duration::from_millis(5);
        let late = Duration::from_millis(20);
        let policy = Policy { delay, late_percent: 30, late, corrupt_permille: 0 };
        let mut state = state(Some(policy));
        let waits: Vec<_> = (0..1_000).map(|_| state.treat(0, &mut [0; 40])).collect();
        assert!(waits.iter().all(|wait| *wait >= delay && *wait < delay + late));
        let on_time = waits.iter().filter(|wait| **wait == delay).count() as u64;
        assert_eq!(on_time, 1_000 - state.carried.late);
        assert!((600..800).contains(&on_time), "{on_time}");
        let now = Instant::now();
        (0..3).for_each(|n| {
            state.carried.packets += 1;
            state.post(now, 0, &[n]);
        });
        let order: Vec<_> = std::iter::from_fn(|| state.under_way.pop()).collect();
        assert_eq!(order.iter().map(|parcel| parcel.0.3[0]).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let mut state = state(None);
        (0..=UNDER_WAY_MAX).for_each(|_| state.post(Instant::now(), 0, &[]));
        assert_eq!((state.under_way.len(), state.carried.dropped), (UNDER_WAY_MAX, 1));
    }
}
