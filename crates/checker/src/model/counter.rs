//! A counter that tells the sum with every increment.

use super::Model;
use crate::{Input, Output};

/// Holds a sum, 0 at first.
#[derive(Clone, Copy, Debug)]
pub struct Counter;

impl Model for Counter {
    type State = i64;

    fn initial() -> Self::State {
        0
    }

    fn step(state: &Self::State, input: &Input, output: Option<&Output>) -> Option<Self::State> {
        let after = match input {
            Input::Count => *state,
            Input::Increment(by) => state.checked_add(*by)?,
            _ => return None,
        };
        match output {
            None => Some(after),
            Some(Output::Number(told)) => (*told == after).then_some(after),
            Some(_) => None,
        }
    }
}
