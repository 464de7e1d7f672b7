//! A list that only grows at its end and is read whole ("list-append").
//!
//! Source: the list-append workload of Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies
//! from Experimental Observations", VLDB 2020, section 4), here on one key.

use super::Model;
use crate::{Input, Output, Value};

/// Holds items in order, none at first.
#[derive(Clone, Copy, Debug)]
pub struct List;

impl Model for List {
    type State = Vec<Value>;

    fn initial() -> Self::State {
        Vec::new()
    }

    fn step(state: &Self::State, input: &Input, output: Option<&Output>) -> Option<Self::State> {
        match (input, output) {
            (Input::Items, None) => Some(state.clone()),
            (Input::Items, Some(Output::List(seen))) => (seen == state).then(|| state.clone()),
            (Input::Append(value), _) => {
                let len = i64::try_from(state.len()).ok()? + 1;
                if !matches!(output, None | Some(Output::Number(_)))
                    || matches!(output, Some(Output::Number(told)) if *told != len)
                {
                    return None;
                }
                let mut after = Vec::with_capacity(state.len() + 1);
                after.extend_from_slice(state);
                after.push(*value);
                Some(after)
            }
            _ => None,
        }
    }
}
