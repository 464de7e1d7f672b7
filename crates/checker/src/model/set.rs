//! A set that only grows and is read whole ("set-full").
//!
//! Source: the set-full workload of Jepsen (jepsen.checker/set-full), here as a sequential model.

use std::collections::BTreeSet;

use super::Model;
use crate::{Input, Output, Value};

/// Holds members, none at first.
#[derive(Clone, Copy, Debug)]
pub struct Set;

impl Model for Set {
    type State = BTreeSet<Value>;

    fn initial() -> Self::State {
        BTreeSet::new()
    }

    fn step(state: &Self::State, input: &Input, output: Option<&Output>) -> Option<Self::State> {
        match (input, output) {
            (Input::Members, None) => Some(state.clone()),
            (Input::Members, Some(Output::Set(seen))) => (seen == state).then(|| state.clone()),
            (Input::Add(value), None | Some(Output::Done)) => {
                let mut after = state.clone();
                after.insert(*value);
                Some(after)
            }
            _ => None,
        }
    }
}
