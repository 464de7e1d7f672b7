//! A register that is read, written and swapped (compare-and-set).

use super::Model;
use crate::{Input, Output, Value};

/// Holds one value, or nothing at first.
#[derive(Clone, Copy, Debug)]
pub struct Register;

impl Model for Register {
    type State = Option<Value>;

    fn initial() -> Self::State {
        None
    }

    fn step(state: &Self::State, input: &Input, output: Option<&Output>) -> Option<Self::State> {
        match (input, output) {
            (Input::Read, None) => Some(*state),
            (Input::Read, Some(Output::Value(seen))) => (seen == state).then_some(*state),
            (Input::Write(value), None | Some(Output::Done)) => Some(Some(*value)),
            (Input::Swap { from, to }, None) => {
                Some(if from == state { Some(*to) } else { *state })
            }
            (Input::Swap { from, to }, Some(Output::Swapped(true))) => {
                (from == state).then_some(Some(*to))
            }
            (Input::Swap { from, .. }, Some(Output::Swapped(false))) => {
                (from != state).then_some(*state)
            }
            _ => None,
        }
    }
}
