//! Histories of a real server: one thing happens after the other, at known moments, while the clients that
//! asked overlap at random. Whatever is drawn here is linearizable by the way it came to be.

use fastrand::Rng;
use synod_checker::{Input, Kind, Operation, Outcome, Output};

/// Time between two things that happen, in microseconds.
const STEP_US: u64 = 100;

/// What kind of history is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What the key is.
    pub kind: Kind,
    /// How many operations there are.
    pub len: usize,
    /// How many steps an operation may begin before and end after the moment when it happens.
    pub overlap: u64,
    /// How many operations at most have an unknown outcome.
    pub unknown_max: usize,
    /// Values come from below this; a small number makes clients write the same value more than once.
    pub values: u64,
}

impl Shape {
    /// A few operations on few values: every corner is reached often.
    #[must_use]
    pub fn small(kind: Kind, random: &mut Rng) -> Self {
        Self { kind, len: random.usize(1..9), overlap: 4, unknown_max: 3, values: 4 }
    }

    /// As a workload makes them: longer, and most values written once.
    #[must_use]
    pub fn medium(kind: Kind, random: &mut Rng) -> Self {
        let len = random.usize(30..100);
        Self { kind, len, overlap: random.u64(1..5), unknown_max: 4, values: 100_000 }
    }
}

/// What the real server holds; it does not know the checkers' models.
#[derive(Default)]
struct Server {
    register: Option<u64>,
    sum: i64,
    items: Vec<u64>,
}

impl Server {
    fn serve(&mut self, input: &Input) -> Output {
        match *input {
            Input::Read => Output::Value(self.register),
            Input::Write(value) => {
                self.register = Some(value);
                Output::Done
            }
            Input::Swap { from, to } => {
                let fits = self.register == from;
                if fits {
                    self.register = Some(to);
                }
                Output::Swapped(fits)
            }
            Input::Count => Output::Number(self.sum),
            Input::Increment(by) => {
                self.sum += by;
                Output::Number(self.sum)
            }
            Input::Members => Output::Set(self.items.iter().copied().collect()),
            Input::Add(value) => {
                self.items.push(value);
                Output::Done
            }
            Input::Items => Output::List(self.items.clone()),
            Input::Append(value) => {
                self.items.push(value);
                Output::Number(self.items.len() as i64)
            }
        }
    }

    fn draw(&self, shape: &Shape, random: &mut Rng) -> Input {
        let value = random.u64(..shape.values);
        let roll = random.u32(..10);
        match shape.kind {
            Kind::Register if roll < 4 => Input::Read,
            Kind::Register if roll < 8 => Input::Write(value),
            // Half of the swaps start from what is there.
            Kind::Register if roll == 8 => Input::Swap { from: self.register, to: value },
            Kind::Register => Input::Swap { from: Some(random.u64(..shape.values)), to: value },
            Kind::Counter if roll < 4 => Input::Count,
            Kind::Counter => Input::Increment(1 + value as i64 % 3),
            Kind::Set if roll < 4 => Input::Members,
            Kind::Set => Input::Add(value),
            Kind::List if roll < 4 => Input::Items,
            Kind::List => Input::Append(value),
        }
    }
}

/// Draws a history of one key, in the order in which things happened.
#[must_use]
pub fn draw(shape: &Shape, random: &mut Rng) -> Vec<Operation> {
    let mut server = Server::default();
    let mut unknown_left = shape.unknown_max;
    let first_us = (shape.overlap + 1) * STEP_US;
    (0..shape.len)
        .map(|nth| {
            let input = server.draw(shape, random);
            let at_us = first_us + nth as u64 * STEP_US;
            let reach = || shape.overlap * STEP_US + 1;
            let call_us = at_us - random.u64(..reach());
            let return_us = at_us + random.u64(..reach());
            let outcome = match random.u32(..20) {
                0 => Outcome::Refused,
                1..4 if unknown_left > 0 => {
                    unknown_left -= 1;
                    if random.bool() {
                        server.serve(&input);
                    }
                    Outcome::Unknown
                }
                _ => Outcome::Returned { return_us, output: server.serve(&input) },
            };
            Operation { client: nth as u64, key: "k".into(), input, call_us, outcome }
        })
        .collect()
}
