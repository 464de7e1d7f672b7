//! What the keyspace knows of scripts: the bodies that EVALSHA finds, the libraries of functions, and by whom they are run.
//!
//! The language itself is not here. A replica gives its keyspace an [`Engine`], which runs a script against the
//! keyspace as part of the command that called it; without one, such commands are refused.

mod libraries;
mod library_header;
mod sha1;
pub mod shebang;
mod store;

use crate::error::Failure;
use crate::{Context, Keyspace};
pub use libraries::Function;
pub(crate) use libraries::{Collision, Libraries, Library, code_of};
pub use sha1::sha1_hex;
pub use shebang::Promises;
pub(crate) use store::Scripts;
use synod_types::ReplySink;

/// The answer of a keyspace that nobody gave an engine.
pub(crate) const NO_ENGINE: Failure = Failure("ERR There is nobody here to run scripts");
pub(crate) const NO_ROOM: &str =
    "ERR The loaded scripts take all the room that there is for scripts";

/// A script to be run.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Its text.
    pub body: &'a [u8],
    /// By what name errors speak of it: its digest.
    pub name: &'a str,
    /// What it finds in KEYS.
    pub keys: &'a [&'a [u8]],
    /// What it finds in ARGV.
    pub argv: &'a [&'a [u8]],
    /// How many instructions it may take.
    pub instructions: u64,
}

/// A function to be called.
#[derive(Clone, Copy, Debug)]
pub struct FunctionCall<'a> {
    /// What its library's text has behind the first line.
    pub code: &'a [u8],
    /// By what name it was registered.
    pub name: &'a str,
    /// Its first argument.
    pub keys: &'a [&'a [u8]],
    /// Its second argument.
    pub argv: &'a [&'a [u8]],
    /// Whether it promised to write nothing.
    pub read_only: bool,
    /// How many instructions it may take.
    pub instructions: u64,
}

/// The keyspace as a script may use it.
#[derive(Debug)]
pub enum Reach<'a> {
    /// Commands that write are refused.
    Read(&'a Keyspace),
    /// Any command runs.
    Write(&'a mut Keyspace),
}

/// A language. What it does may depend on nothing but its arguments: every replica runs the same script.
#[derive(Debug)]
pub struct Engine {
    /// Runs a script and answers; how many instructions it took, about.
    pub run: fn(&Call<'_>, Reach<'_>, &Context, &mut dyn ReplySink) -> u64,
    /// Whether a text is a script; why not, as an error for the client.
    pub check: fn(&[u8]) -> Result<(), String>,
    /// Runs the code of a library and says which functions it registers; why it cannot be loaded, without `ERR`.
    pub describe: fn(&[u8]) -> Result<Vec<Function>, String>,
    /// Calls a function and answers; how many instructions it took, about.
    pub call: fn(&FunctionCall<'_>, Reach<'_>, &Context, &mut dyn ReplySink) -> u64,
}

impl Keyspace {
    /// Lets scripts run.
    #[must_use]
    pub fn with_engine(mut self, engine: &'static Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Whether what this command runs may run while memory is short: it promised so, or it is not known here, and answers just that.
    #[must_use]
    pub fn script_allows_oom(&self, command: &str, args: &[&[u8]]) -> bool {
        let promised = |body: &[u8]| match shebang::split(body) {
            Ok((promises, _)) => promises.is_some_and(Promises::allows_oom),
            Err(_) => true,
        };
        let Some(name) = args.get(1) else { return true };
        match command {
            "eval" => promised(name),
            "evalsha" => self.scripts.find(name).is_none_or(|(_, body)| promised(&body)),
            _ => self.libraries.function(name).is_none_or(|(_, f)| f.promises.allows_oom()),
        }
    }

    /// Keeps a script until [`Self::forget_scripts`] and answers its digest, or why it is none.
    pub fn load_script(&mut self, body: &[u8], out: &mut dyn ReplySink) {
        let Some(engine) = self.engine else { return out.error(NO_ENGINE.0) };
        if let Err(text) = (engine.check)(body) {
            return out.error(&text);
        }
        match self.scripts.load(body) {
            Some(sha) => out.bulk(sha.as_bytes()),
            None => out.error(NO_ROOM),
        }
    }

    /// Remembers a script for a while, as if it had run here.
    pub(crate) fn pass_script(&mut self, body: &[u8]) {
        self.scripts.pass(&sha1_hex(body), body);
    }

    /// Forgets all scripts.
    pub fn forget_scripts(&mut self) {
        self.scripts.flush();
    }

    /// Answers for each digest whether EVALSHA would find it: 1 or 0.
    pub fn find_scripts(&self, digests: &[&[u8]], out: &mut dyn ReplySink) {
        out.array(digests.len());
        digests.iter().for_each(|sha| out.integer(i64::from(self.scripts.find(sha).is_some())));
    }
}
