//! A script from its text to its reply.

use crate::answer::{self, error_text, from_lua};
use crate::budget::Budget;
use crate::captured::Reply;
use crate::commands::Commands;
use crate::environment;
use mlua::{Function, Lua, Table, Value};
use std::cell::RefCell;
use synod_data::Context;
use synod_data::scripting::{Call, Reach, shebang};
use synod_types::ReplySink;

/// What a script answers that spent its budget. What it had done by then stays done, as with any error.
pub(crate) const SPENT: &str = "ERR The script was stopped: it used more than a script may";

/// Runs a script and answers; how many instructions it took.
pub(crate) fn run(
    script: &Call<'_>,
    reach: Reach<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> u64 {
    let budget = Budget::new(script.instructions);
    let reply = match admitted(script.body, matches!(reach, Reach::Read(_))) {
        Ok((read_only, code)) => {
            let commands =
                RefCell::new(Commands::new(reach, read_only, ctx).declaring(script.keys));
            evaluate(script, code, &commands, &budget)
                .unwrap_or_else(|_| Reply::Error(SPENT.to_owned()))
        }
        Err(text) => Reply::Error(text),
    };
    answer::write(&reply, out);
    budget.used(script.instructions)
}

/// Whether the script promised to write nothing, and its code.
fn admitted(body: &[u8], read_only: bool) -> Result<(bool, &[u8]), String> {
    let (promises, code) = shebang::split(body)?;
    if let Some(promises) = promises {
        promises.check(read_only)?;
    }
    Ok((promises.is_some_and(|promises| promises.no_writes()), code))
}

fn evaluate(
    script: &Call<'_>,
    code: &[u8],
    commands: &RefCell<Commands<'_>>,
    budget: &Budget,
) -> mlua::Result<Reply> {
    let lua = environment::new_state()?;
    lua.scope(|scope| {
        let environment = environment::build(
            &lua,
            scope,
            commands,
            budget,
            Some((script.keys, script.argv)),
            commands.borrow().seed(),
        )?;
        budget.watch(&lua)?;
        match compile(&lua, code) {
            Ok(chunk) => {
                chunk.set_environment(environment.globals.clone())?;
                let outcome = environment.run.call(chunk)?;
                reply(outcome, script.name, commands)
            }
            Err(text) => Ok(Reply::Error(text)),
        }
    })
}

/// Whether a body is a script.
///
/// # Errors
/// Why not, in Redis's words.
pub(crate) fn check(body: &[u8]) -> Result<(), String> {
    let (_, code) = shebang::split(body)?;
    let lua = environment::new_state().map_err(|_| SPENT.to_owned())?;
    compile(&lua, code).map(|_| ())
}

fn compile(lua: &Lua, code: &[u8]) -> Result<Function, String> {
    let chunk = lua.load(code).set_mode(mlua::chunk::ChunkMode::Text).set_name("@user_script");
    chunk.into_function().map_err(|error| match error {
        mlua::Error::SyntaxError { message, .. } => {
            format!("ERR Error compiling script (new function): {message}")
        }
        _ => SPENT.to_owned(),
    })
}

/// The reply of what ended, well or not, with its first value or its error; an error says where it happened.
pub(crate) fn reply(
    (ok, value): (bool, Value),
    name: &str,
    commands: &RefCell<Commands<'_>>,
) -> mlua::Result<Reply> {
    if ok {
        return from_lua(&value, commands.borrow().resp3);
    }
    let Value::Table(error) = value else { return Ok(Reply::Error(SPENT.to_owned())) };
    let mut text = message(&error)?;
    let (source, line): (Option<String>, Option<i64>) =
        (error.raw_get("source")?, error.raw_get("line")?);
    if let (Some(source), Some(line)) = (source, line) {
        text.push_str(&format!(" script: {name}, on {source}:{line}."));
    }
    Ok(Reply::Error(text))
}

/// What a traced error says.
pub(crate) fn message(error: &Table) -> mlua::Result<String> {
    Ok(match error.raw_get("err")? {
        Value::String(text) => error_text(&text.to_string_lossy()),
        _ => "ERR execution failure".to_owned(),
    })
}
