//! Libraries of functions: what a library registers, and a call of one of its functions.
//!
//! The text of a library runs in the state of every call, before the function does. So nothing outlives a call here
//! either: what a library keeps in its own variables begins anew each time.

use crate::answer::{self, error_text};
use crate::budget::Budget;
use crate::captured::Reply;
use crate::commands::Commands;
use crate::environment::{self, Environment, list};
use crate::run::{SPENT, message, reply};
use mlua::chunk::ChunkMode;
use mlua::{Function as LuaFunction, Lua, Table, Value};
use std::cell::RefCell;
use synod_data::scripting::{Function, FunctionCall, Promises, Reach};
use synod_data::{Context, Keyspace};
use synod_types::{Millis, ReplySink, Slot, limits};

/// What FUNCTION LOAD answers for a text that does not come to an end, or wants too much memory.
const UNENDING: &str = "Error registering functions: FUNCTION LOAD timeout";

/// Runs the code of a library and says what it registers.
///
/// # Errors
/// Why it cannot be loaded, in Redis's words, without `ERR`.
pub(crate) fn describe(code: &[u8]) -> Result<Vec<Function>, String> {
    // While it is loaded a library reaches no command, so an empty keyspace will do.
    let keyspace = Keyspace::new(Slot(0)..=Slot(0));
    let ctx = Context { now: Millis(0), seed: 0 };
    let commands = RefCell::new(Commands::new(Reach::Read(&keyspace), true, &ctx));
    registered(code, &commands).unwrap_or_else(|_| Err(UNENDING.to_owned()))
}

fn registered(
    code: &[u8],
    commands: &RefCell<Commands<'_>>,
) -> mlua::Result<Result<Vec<Function>, String>> {
    let lua = environment::new_state()?;
    let budget = Budget::new(limits::LIBRARY_INSTRUCTIONS_MAX);
    lua.scope(|scope| {
        let environment = environment::build(&lua, scope, commands, &budget, None, 0)?;
        budget.watch(&lua)?;
        Ok(match load(&lua, &environment, code)? {
            Err(text) => Err(text),
            Ok(entries) => {
                let functions: mlua::Result<Vec<Function>> =
                    entries.sequence_values::<Table>().map(|entry| function(&entry?)).collect();
                Ok(functions?)
            }
        })
    })
}

fn function(entry: &Table) -> mlua::Result<Function> {
    let description: Option<mlua::LuaString> = entry.raw_get("description")?;
    let set: Table = entry.raw_get("flags")?;
    let mut flags = 0;
    for bit in 0..Promises::NAMES.len() {
        flags |= u8::from(set.raw_get::<bool>(bit)?) << bit;
    }
    Ok(Function {
        name: entry.raw_get("name")?,
        description: description.map(|text| text.as_bytes().to_vec()),
        promises: Promises(flags),
    })
}

/// Runs the text of a library: the table of what it registered, or why it failed.
fn load(lua: &Lua, environment: &Environment, code: &[u8]) -> mlua::Result<Result<Table, String>> {
    let chunk = lua.load(code).set_mode(ChunkMode::Text).set_name("@user_function");
    let chunk = match chunk.into_function() {
        Ok(chunk) => chunk,
        Err(mlua::Error::SyntaxError { message, .. }) => {
            let message = error_text(&message);
            return Ok(Err(format!("Error compiling function: {message}")));
        }
        Err(spent) => return Err(spent),
    };
    let library = &environment.library;
    chunk.set_environment(library.raw_get("face")?)?;
    let (ok, value): (bool, Value) = environment.run.call(chunk)?;
    if !ok {
        let Value::Table(error) = value else { return Ok(Err(UNENDING.to_owned())) };
        return Ok(Err(format!("Error registering functions: {}", message(&error)?)));
    }
    library.raw_get::<LuaFunction>("open")?.call::<()>(())?;
    Ok(Ok(library.raw_get("registered")?))
}

/// Calls a function and answers; how many instructions it took.
pub(crate) fn call(
    called: &FunctionCall<'_>,
    reach: Reach<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> u64 {
    let budget = Budget::new(called.instructions);
    let commands = RefCell::new(Commands::new(reach, called.read_only, ctx).declaring(called.keys));
    let reply = evaluate(called, &commands, &budget);
    answer::write(&reply.unwrap_or_else(|_| Reply::Error(SPENT.to_owned())), out);
    budget.used(called.instructions)
}

fn evaluate(
    called: &FunctionCall<'_>,
    commands: &RefCell<Commands<'_>>,
    budget: &Budget,
) -> mlua::Result<Reply> {
    let lua = environment::new_state()?;
    lua.scope(|scope| {
        let seed = commands.borrow().seed();
        let environment = environment::build(&lua, scope, commands, budget, None, seed)?;
        budget.watch(&lua)?;
        let entries = match load(&lua, &environment, called.code)? {
            Ok(entries) => entries,
            Err(text) => return Ok(Reply::Error(format!("ERR {text}"))),
        };
        for entry in entries.sequence_values::<Table>() {
            let entry = entry?;
            if entry.raw_get::<String>("name")? == called.name {
                let callback: LuaFunction = entry.raw_get("callback")?;
                let (keys, argv) = (list(&lua, called.keys)?, list(&lua, called.argv)?);
                let outcome = environment.run.call((callback, keys, argv))?;
                return reply(outcome, called.name, commands);
            }
        }
        // The text registered it when it was loaded, and chance does not enter into that.
        Ok(Reply::Error("ERR Function not found".to_owned()))
    })
}
