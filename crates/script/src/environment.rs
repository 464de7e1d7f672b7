//! The Lua state of one call: libraries, `redis`, KEYS and ARGV, and nothing that leads out of it.

use crate::answer::error_text;
use crate::budget::Budget;
use crate::captured::Reply;
use crate::commands::Commands;
use crate::library;
use crate::number::general;
use crate::raised;
use crate::random::Lrand48;
use crate::values::to_lua;
use mlua::{Function, Lua, LuaOptions, MultiValue, Result, Scope, StdLib, Table, Value};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use synod_data::scripting::{Promises, sha1_hex};
use synod_types::limits;

/// The part that is written in Lua.
const PRELUDE: &str = include_str!("prelude.lua");
/// What beginning a coroutine costs, in instructions: about what one may run before it is counted.
const COROUTINE_CHARGE: u64 = 10_000;
/// What a command costs, in instructions.
const COMMAND_CHARGE: u64 = 100;
/// The version of Redis whose scripts these are.
const REDIS_VERSION: &str = "7.0.15";
const REDIS_VERSION_NUM: i64 = 0x0007_000F;

/// What a script finds in KEYS and ARGV. A function is given them, and has no such globals.
pub(crate) type Arguments<'a> = (&'a [&'a [u8]], &'a [&'a [u8]]);

/// A state ready for one script.
pub(crate) struct Environment {
    /// The globals, as scripts see them.
    pub globals: Table,
    /// Runs a function and traces its errors to a line.
    pub run: Function,
    /// What a library of functions is loaded with.
    pub library: Table,
}

/// A state with the libraries that Redis's scripts have.
pub(crate) fn new_state() -> Result<Lua> {
    Lua::new_with(StdLib::STRING | StdLib::TABLE | StdLib::MATH, LuaOptions::new())
}

/// Builds the environment in a new state.
pub(crate) fn build<'scope, 'env>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    commands: &'scope RefCell<Commands<'_>>,
    budget: &Budget,
    arguments: Option<Arguments<'_>>,
    seed: u64,
) -> Result<Environment> {
    let native = lua.create_table()?;
    let redis = constants(lua)?;
    let charge = budget.clone();
    let call = scope.create_function(move |lua, values: MultiValue| {
        charge.charge(COMMAND_CHARGE)?;
        let mut commands = commands.borrow_mut();
        match commands.call(&values) {
            Reply::Error(text) => Err(raised::reply(text)),
            reply => to_lua(lua, reply, commands.resp3),
        }
    })?;
    redis.raw_set("call", call)?;
    let charge = budget.clone();
    let pcall = scope.create_function(move |lua, values: MultiValue| {
        charge.charge(COMMAND_CHARGE)?;
        let mut commands = commands.borrow_mut();
        let reply = commands.call(&values);
        to_lua(lua, reply, commands.resp3)
    })?;
    redis.raw_set("pcall", pcall)?;
    let setresp = scope.create_function(move |_, values: MultiValue| {
        let version = match values.front() {
            _ if values.len() != 1 => {
                return Err(raised::coded("redis.setresp() requires one argument."));
            }
            Some(Value::Integer(n)) => *n as f64,
            Some(Value::Number(x)) => *x,
            _ => 0.0,
        };
        if version != 2.0 && version != 3.0 {
            return Err(raised::coded("RESP version must be 2 or 3."));
        }
        commands.borrow_mut().resp3 = version == 3.0;
        Ok(())
    })?;
    redis.raw_set("setresp", setresp)?;
    let acl_check = scope.create_function(move |_, values: MultiValue| {
        const NONE: &str = "Please specify at least one argument for this redis lib call";
        const UNKNOWN: &str = "Invalid command passed to redis.acl_check_cmd()";
        match values.is_empty() {
            true => Err(raised::coded(NONE)),
            false => commands.borrow().may_run(&values).ok_or_else(|| raised::coded(UNKNOWN)),
        }
    })?;
    redis.raw_set("acl_check_cmd", acl_check)?;
    add_plain_functions(lua, &redis)?;
    native.raw_set("redis", redis)?;
    let libraries = lua.create_table()?;
    library::add_all(lua, &libraries)?;
    native.raw_set("flags", function_flags(lua)?)?;
    native.raw_set("null", Value::NULL)?;
    native.raw_set("libraries", libraries)?;
    add_inspection(lua, &native, budget)?;
    add_random(lua, &native, seed)?;
    add_unpack(lua, &native)?;
    let prelude = lua.load(PRELUDE).set_name("@synod").into_function()?;
    let (keys, argv) = match arguments {
        Some((keys, argv)) => (Some(list(lua, keys)?), Some(list(lua, argv)?)),
        None => (None, None),
    };
    let (globals, run, library) = prelude.call((native, keys, argv))?;
    Ok(Environment { globals, run, library })
}

/// A table of strings.
pub(crate) fn list(lua: &Lua, parts: &[&[u8]]) -> Result<Table> {
    let table = lua.create_table_with_capacity(parts.len(), 0)?;
    for (at, part) in parts.iter().enumerate() {
        table.raw_set(at + 1, lua.create_string(part)?)?;
    }
    Ok(table)
}

/// The functions of `redis` that need nothing but their arguments.
fn add_plain_functions(lua: &Lua, redis: &Table) -> Result<()> {
    let sha1hex = lua.create_function(|_, values: MultiValue| {
        let hex = match values.front() {
            _ if values.len() != 1 => return Err(raised::coded("wrong number of arguments")),
            Some(Value::String(text)) => sha1_hex(&text.as_bytes()),
            Some(Value::Integer(n)) => sha1_hex(n.to_string().as_bytes()),
            Some(Value::Number(x)) => sha1_hex(general(*x, 14).as_bytes()),
            _ => sha1_hex(b""),
        };
        Ok(hex)
    })?;
    redis.raw_set("sha1hex", sha1hex)?;
    let log = lua.create_function(|_, values: MultiValue| {
        const FEW: &str = "redis.log() requires two arguments or more.";
        let level = match values.front() {
            _ if values.len() < 2 => return Err(raised::coded(FEW)),
            Some(Value::Integer(n)) => *n as f64,
            Some(Value::Number(x)) => *x,
            _ => return Err(raised::coded("First argument must be a number (log level).")),
        };
        match (0.0..=3.0).contains(&level) {
            true => Ok(()),
            false => Err(raised::coded("Invalid debug level.")),
        }
    })?;
    redis.raw_set("log", log)?;
    let set_repl = lua.create_function(|_, values: MultiValue| {
        const ONE: &str = "redis.set_repl() requires two arguments.";
        const ALL: &str =
            "redis.set_repl() knows only redis.REPL_ALL here: every replica runs the script";
        const FLAGS: &str =
            "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        match values.front() {
            _ if values.len() != 1 => Err(raised::coded(ONE)),
            Some(Value::Integer(3)) => Ok(()),
            Some(Value::Integer(0..=2)) => Err(raised::coded(ALL)),
            _ => Err(raised::coded(FLAGS)),
        }
    })?;
    redis.raw_set("set_repl", set_repl)
}

/// What a function may promise, each with its bit.
fn function_flags(lua: &Lua) -> Result<Table> {
    let flags = lua.create_table()?;
    for (bit, name) in Promises::NAMES.iter().enumerate() {
        flags.raw_set(*name, bit)?;
    }
    Ok(flags)
}

fn constants(lua: &Lua) -> Result<Table> {
    let constants = lua.create_table()?;
    let numbers = [
        ("LOG_DEBUG", 0),
        ("LOG_VERBOSE", 1),
        ("LOG_NOTICE", 2),
        ("LOG_WARNING", 3),
        ("REPL_NONE", 0),
        ("REPL_AOF", 1),
        ("REPL_SLAVE", 2),
        ("REPL_REPLICA", 2),
        ("REPL_ALL", 3),
        ("REDIS_VERSION_NUM", REDIS_VERSION_NUM),
    ];
    for (name, value) in numbers {
        constants.raw_set(name, value)?;
    }
    constants.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    Ok(constants)
}

/// What the prelude itself needs to know.
fn add_inspection(lua: &Lua, native: &Table, budget: &Budget) -> Result<()> {
    native.raw_set("caught", lua.create_function(raised::caught)?)?;
    let position = lua.create_function(|lua, ()| {
        let mut level = 1;
        loop {
            let found = lua.inspect_stack(level, |debug| {
                let source = debug.source().source.map(|s| s.into_owned()).unwrap_or_default();
                (source, debug.current_line())
            });
            match found {
                Some((source, Some(line))) if source != "@synod" => {
                    return Ok((Some(source), Some(line)));
                }
                Some(_) => level += 1,
                None => return Ok((None, None)),
            }
        }
    })?;
    native.raw_set("position", position)?;
    let error = lua.create_function(|lua, text: mlua::LuaString| {
        let text = text.to_string_lossy();
        let plain = error_text(text.strip_prefix('-').unwrap_or(&text));
        let coded = plain.contains(' ');
        lua.create_string(if coded { plain } else { format!("ERR {plain}") })
    })?;
    native.raw_set("error_text", error)?;
    native.raw_set("COROUTINE", COROUTINE_CHARGE)?;
    let budget = budget.clone();
    let charge = lua.create_function(move |_, units: u64| budget.charge(units))?;
    native.raw_set("charge", charge)
}

/// `unpack`. Lua's own trusts the difference of its bounds, which may overflow (CVE-2025-46817).
fn add_unpack(lua: &Lua, native: &Table) -> Result<()> {
    library::add(lua, native, "unpack", |_, args| {
        let Some(Value::Table(table)) = args.get(0) else {
            return Err(args.expected(0, "table"));
        };
        let first = args.integer_or(1, 1)?;
        let last = match args.get(2) {
            None | Some(Value::Nil) => table.raw_len() as i64,
            Some(_) => args.integer(2)?,
        };
        if first > last {
            return Ok(MultiValue::new());
        }
        if last.abs_diff(first) >= limits::SCRIPT_VALUES_MAX as u64 {
            return Err("too many results to unpack".into());
        }
        let values: Result<Vec<Value>> =
            (first..=last).map(|at| table.raw_get(at as f64)).collect();
        Ok(MultiValue::from_vec(values?))
    })
}

/// `math.random` and `math.randomseed`. Each script draws from the seed of its entry.
fn add_random(lua: &Lua, native: &Table, seed: u64) -> Result<()> {
    let generator = Rc::new(Cell::new(Lrand48::seeded(seed as i32)));
    let drawing = generator.clone();
    library::add(lua, native, "random", move |_, args| {
        let mut state = drawing.get();
        let unit = state.unit();
        drawing.set(state);
        let (low, high) = match args.len() {
            0 => return Ok(unit),
            1 => (1, args.integer(0)?),
            2 => (args.integer(0)?, args.integer(1)?),
            _ => return Err("wrong number of arguments".into()),
        };
        if low > high {
            return Err(args.fault(args.len() - 1, "interval is empty"));
        }
        let width = high as f64 - low as f64 + 1.0;
        Ok((unit * width).floor() + low as f64)
    })?;
    library::add(lua, native, "randomseed", move |_, args| {
        generator.set(Lrand48::seeded(args.integer(0)? as i32));
        Ok(())
    })
}
