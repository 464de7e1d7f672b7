//! The search for an order: Wing and Gong's, with Lowe's memory of configurations.
//!
//! ```text
//!      time ->   |--a--|   |----c----|        events: a( b( a) c( b) c)
//!                   |----b----|
//! ```
//!
//! Calls and returns stand in a doubly linked list in order of time. Every call before the first return
//! may come next. Choosing one applies it to the state and lifts its call and return out of the list;
//! when the first event left is the return of an operation not chosen, the last choice was wrong and is
//! taken back. A pair (set of chosen operations, state) that was tried before is not tried again.
//!
//! Sources: Wing and Gong, "Testing and Verifying Concurrent Objects", JPDC 1993; Lowe, "Testing for
//! Linearizability", CCPE 2017. Two cuts of our own, both exact:
//! - a read that fits now may always go now: it changes nothing for the others, so its alternatives
//!   are never tried;
//! - operations of unknown outcome with equal input are alike, so they go in order of their call.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::model::Model;
use crate::{Input, Output};

/// One operation as the search sees it. Without an output its answer was not seen; without a return
/// it need not happen at all.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    pub input: &'a Input,
    pub output: Option<&'a Output>,
    pub call_us: u64,
    pub return_us: Option<u64>,
}

/// How a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    Illegal,
    OutOfSteps,
}

/// Looks for an order of `spans` that `M` allows; adds the steps it took to `steps`.
pub fn search<M: Model>(spans: &[Span<'_>], steps_max: u64, steps: &mut u64) -> Verdict {
    let mut search = Search::<M>::new(spans);
    let mut taken = 0;
    let verdict = loop {
        if search.returns_left == 0 {
            break Verdict::Linearizable;
        }
        if taken == steps_max {
            break Verdict::OutOfSteps;
        }
        taken += 1;
        if !search.step() {
            break Verdict::Illegal;
        }
    };
    *steps += taken;
    verdict
}

#[derive(Clone, Copy)]
enum Event {
    Call(usize),
    Return,
}

/// Marks the end of the list, and is the place before its first event.
const HEAD: usize = 0;

/// A choice that can be taken back.
struct Choice<S> {
    op: usize,
    before: S,
    /// Nothing else need be tried in its place.
    forced: bool,
}

struct Search<'a, M: Model> {
    spans: &'a [Span<'a>],
    /// `events[i]` stands at place `i + 1` of the list.
    events: Vec<Event>,
    next: Vec<usize>,
    prev: Vec<usize>,
    /// The places of each operation's call and return.
    places: Vec<(usize, Option<usize>)>,
    /// The operation of unknown outcome and equal input that was called just before.
    twin: Vec<Option<usize>>,
    chosen: Bits,
    choices: Vec<Choice<M::State>>,
    state: M::State,
    cursor: usize,
    /// How many operations that returned are not chosen yet.
    returns_left: usize,
    tried: HashTable<(Bits, M::State)>,
    hasher: FixedState,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(spans: &'a [Span<'a>]) -> Self {
        let (events, places) = timeline(spans);
        let end = events.len() + 1;
        Self {
            spans,
            next: (1..=end).map(|place| if place == end { HEAD } else { place }).collect(),
            prev: (0..end).map(|place| if place == HEAD { end - 1 } else { place - 1 }).collect(),
            events,
            places,
            twin: twins(spans),
            chosen: Bits::new(spans.len()),
            choices: Vec::new(),
            state: M::initial(),
            cursor: HEAD,
            returns_left: spans.iter().filter(|span| span.return_us.is_some()).count(),
            tried: HashTable::new(),
            hasher: FixedState::default(),
        }
    }

    /// Tries the event after the cursor; false when everything was tried.
    fn step(&mut self) -> bool {
        let place = self.next[self.cursor];
        if place == HEAD {
            return self.take_back();
        }
        match self.events[place - 1] {
            Event::Return => self.take_back(),
            Event::Call(op) => {
                if !self.choose(op) {
                    self.cursor = place;
                }
                true
            }
        }
    }

    /// Lets `op` happen now, unless the model, its twin or the memory is against it.
    fn choose(&mut self, op: usize) -> bool {
        if self.twin[op].is_some_and(|twin| !self.chosen.has(twin)) {
            return false;
        }
        let span = &self.spans[op];
        let Some(after) = M::step(&self.state, span.input, span.output) else { return false };
        self.chosen.flip(op);
        if !self.remember(&after) {
            self.chosen.flip(op);
            return false;
        }
        let forced = span.input.is_read() || span.output == Some(&Output::Swapped(false));
        let before = std::mem::replace(&mut self.state, after);
        self.choices.push(Choice { op, before, forced });
        self.lift(op);
        self.cursor = HEAD;
        true
    }

    /// Undoes the last choice that has alternatives and goes on behind it.
    fn take_back(&mut self) -> bool {
        while let Some(choice) = self.choices.pop() {
            self.state = choice.before;
            self.chosen.flip(choice.op);
            self.unlift(choice.op);
            self.cursor = self.places[choice.op].0;
            if !choice.forced {
                return true;
            }
        }
        false
    }

    /// False when this configuration was tried before.
    fn remember(&mut self, state: &M::State) -> bool {
        let hash = self.hasher.hash_one((&self.chosen, state));
        let known = |tried: &(Bits, M::State)| tried.0 == self.chosen && tried.1 == *state;
        if self.tried.find(hash, known).is_some() {
            return false;
        }
        let hasher = &self.hasher;
        self.tried.insert_unique(hash, (self.chosen.clone(), state.clone()), |tried| {
            hasher.hash_one((&tried.0, &tried.1))
        });
        true
    }

    fn lift(&mut self, op: usize) {
        let (call, ret) = self.places[op];
        self.unlink(call);
        if let Some(ret) = ret {
            self.unlink(ret);
            self.returns_left -= 1;
        }
    }

    /// The exact reverse of [`Self::lift`]: links are restored last to first.
    fn unlift(&mut self, op: usize) {
        let (call, ret) = self.places[op];
        if let Some(ret) = ret {
            self.relink(ret);
            self.returns_left += 1;
        }
        self.relink(call);
    }

    fn unlink(&mut self, place: usize) {
        let (prev, next) = (self.prev[place], self.next[place]);
        self.next[prev] = next;
        self.prev[next] = prev;
    }

    fn relink(&mut self, place: usize) {
        let (prev, next) = (self.prev[place], self.next[place]);
        self.next[prev] = place;
        self.prev[next] = place;
    }
}

/// All events in order of time; at the same moment calls come first, since neither is known to be the
/// earlier one.
fn timeline(spans: &[Span<'_>]) -> (Vec<Event>, Vec<(usize, Option<usize>)>) {
    let mut order = Vec::with_capacity(2 * spans.len());
    for (op, span) in spans.iter().enumerate() {
        order.push((span.call_us, false, op));
        order.extend(span.return_us.map(|at_us| (at_us, true, op)));
    }
    order.sort_unstable();
    let mut places = vec![(HEAD, None); spans.len()];
    let mut events = Vec::with_capacity(order.len());
    for (i, (_, is_return, op)) in order.into_iter().enumerate() {
        if is_return {
            places[op].1 = Some(i + 1);
            events.push(Event::Return);
        } else {
            places[op].0 = i + 1;
            events.push(Event::Call(op));
        }
    }
    (events, places)
}

fn twins(spans: &[Span<'_>]) -> Vec<Option<usize>> {
    let mut open: Vec<usize> = (0..spans.len())
        .filter(|op| spans[*op].output.is_none() && spans[*op].return_us.is_none())
        .collect();
    open.sort_by_key(|op| spans[*op].call_us);
    let mut twin = vec![None; spans.len()];
    for (i, op) in open.iter().enumerate() {
        twin[*op] = open[..i].iter().rev().find(|t| spans[**t].input == spans[*op].input).copied();
    }
    twin
}

/// A set of operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bits(Box<[u64]>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)].into_boxed_slice())
    }

    fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 == 1
    }

    fn flip(&mut self, i: usize) {
        self.0[i / 64] ^= 1 << (i % 64);
    }
}
