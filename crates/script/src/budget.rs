//! What one call may use: instructions and bytes, counted in the interpreter, so that every replica stops at the same
//! place.
//!
//! The collector runs when a number of instructions has passed, not when memory is short: so whether an object is still
//! there does not depend on sizes. Between two of its runs a script may not allocate more than the budget of memory.

use mlua::{Error, HookTriggers, Lua, Result, VmState};
use std::cell::Cell;
use std::rc::Rc;
use synod_types::limits;

/// How often the interpreter counts, in instructions.
const PERIOD: u32 = 10_000;
/// How often the collector runs, in instructions.
const COLLECT_EVERY: u64 = 1_000_000;

/// What is left to one call.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: Rc<Cell<u64>>,
    until_collection: Rc<Cell<u64>>,
}

impl Budget {
    /// A budget of so many instructions.
    pub fn new(instructions: u64) -> Self {
        Self {
            left: Rc::new(Cell::new(instructions)),
            until_collection: Rc::new(Cell::new(COLLECT_EVERY)),
        }
    }

    /// How much of `whole`, which it was made with, is gone.
    pub fn used(&self, whole: u64) -> u64 {
        whole - self.left.get()
    }

    /// Whether it is spent.
    pub fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Takes work off that the interpreter does not count: one unit is about the time of an instruction.
    ///
    /// # Errors
    /// The budget is spent. What is raised then is a userdata, which no `pcall` of a script's keeps.
    pub fn charge(&self, units: u64) -> Result<()> {
        self.left.set(self.left.get().saturating_sub(units));
        match self.is_spent() {
            true => Err(Error::runtime("the script's budget of instructions is spent")),
            false => Ok(()),
        }
    }

    /// Lets the interpreter count in this state and in the coroutines that are made from now on.
    pub fn watch(&self, lua: &Lua) -> Result<()> {
        lua.gc_stop();
        let limit = lua.used_memory() + limits::SCRIPT_MEMORY_BYTES_MAX;
        lua.set_memory_limit(limit)?;
        self.arm(lua, PERIOD)
    }

    fn arm(&self, lua: &Lua, period: u32) -> Result<()> {
        let budget = self.clone();
        let triggers = HookTriggers::new().every_nth_instruction(period);
        lua.set_global_hook(triggers, move |lua, _| {
            if let Err(spent) = budget.charge(u64::from(period)) {
                // A handler that caught the error is stopped at its first instruction.
                if period > 1 {
                    budget.arm(lua, 1)?;
                }
                return Err(spent);
            }
            budget.maybe_collect(lua, u64::from(period))?;
            Ok(VmState::Continue)
        })
    }

    fn maybe_collect(&self, lua: &Lua, passed: u64) -> Result<()> {
        let left = self.until_collection.get().saturating_sub(passed);
        self.until_collection.set(if left == 0 { COLLECT_EVERY } else { left });
        if left == 0 {
            lua.gc_collect()?;
            lua.gc_stop(); // a collection on demand lets the collector run again
        }
        Ok(())
    }
}
