//! Lua scripts over the keyspace: EVAL, FCALL and their relatives as a deterministic step of the state machine.
//!
//! A script runs when the entry that holds it is applied, on every replica alike. So it may depend on nothing but the
//! keyspace, its arguments and the entry's time and seed ([docs/decisions] has the reasons):
//!
//! ```text
//! entry: EVAL body keys args   ->   a new Lua state: libraries, redis.*, KEYS, ARGV     (environment.rs, prelude.lua)
//!                                   redis.call -> the handlers of `data`, at once       (commands.rs)
//!                                   what it returns -> a tree -> the reply              (answer.rs)
//!                                   the state is thrown away
//! ```
//!
//! A function's library is run anew, before the function itself, in the state of each call (functions.rs).
//!
//! - Every call has a Lua state of its own, so nothing that an earlier script did, and nothing that a restart has
//!   forgotten, can show.
//! - Time is the entry's stamp, chance comes from fixed seeds, addresses of objects are hidden, and a table whose keys
//!   are objects is not walked through, for its order is that of addresses.
//! - Instructions and bytes are counted, never time, and no `pcall` catches that a budget is spent (budget.rs).
//! - The interpreter's own code is C, behind `mlua`; there is none in this crate.

mod answer;
mod budget;
mod captured;
mod commands;
mod environment;
mod functions;
mod library;
mod number;
mod raised;
mod random;
mod run;
mod values;

use synod_data::scripting::Engine;

/// Lua, as a keyspace runs it.
pub static LUA: Engine = Engine {
    run: run::run,
    check: run::check,
    describe: functions::describe,
    call: functions::call,
};
