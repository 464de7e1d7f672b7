//! What one correct, unreplicated server would answer: one model per kind of key.

mod counter;
mod list;
mod register;
mod set;

use std::fmt::Debug;
use std::hash::Hash;

pub use counter::Counter;
pub use list::List;
pub use register::Register;
pub use set::Set;

use crate::{Input, Output};

/// A sequential specification of one key.
pub trait Model {
    /// What the key holds.
    type State: Clone + Debug + Eq + Hash;

    /// What it holds before anything was done to it.
    fn initial() -> Self::State;

    /// The state after `input`, if a correct server in `state` may answer `output`; `None` if it may
    /// not. Without an output (nobody saw the answer) any answer will do. An input or output that
    /// belongs to another kind of key is never right.
    fn step(state: &Self::State, input: &Input, output: Option<&Output>) -> Option<Self::State>;
}
