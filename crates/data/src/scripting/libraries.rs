//! The libraries of functions: part of every partition's state, so that FCALL finds them wherever its keys are, and a
//! snapshot brings them along.
//!
//! A partition keeps each library's text and the names, descriptions and flags of its functions; nothing that Lua made
//! of it.

use super::Engine;
use super::shebang::Promises;
use crate::digest;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_types::limits;

/// A function of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Letters, digits and underscores; another case is the same name.
    pub name: String,
    /// What its author says of it.
    pub description: Option<Vec<u8>>,
    /// What it promised when it was registered.
    pub promises: Promises,
}

/// One library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    pub name: String,
    /// As it was loaded, first line included.
    pub text: Arc<[u8]>,
    /// At least one.
    pub functions: Vec<Function>,
}

impl Library {
    /// A library from its text, which the engine runs to see what it registers.
    ///
    /// # Errors
    /// Redis's words, without `ERR`.
    fn compile(engine: &Engine, name: String, text: &[u8]) -> Result<Self, String> {
        let functions = (engine.describe)(code_of(text))?;
        if functions.is_empty() {
            return Err("No functions registered".to_owned());
        }
        Ok(Self { name, text: text.into(), functions })
    }

    /// What counts towards the limit of all libraries.
    fn bytes(&self) -> usize {
        let description = |f: &Function| f.description.as_ref().map_or(0, Vec::len);
        self.text.len()
            + self.functions.iter().map(|f| f.name.len() + description(f)).sum::<usize>()
    }

    fn registers(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function.name.eq_ignore_ascii_case(name))
    }
}

/// The text behind the first line. The line's end stays, so that errors count lines as the author does.
pub(crate) fn code_of(text: &[u8]) -> &[u8] {
    text.iter().position(|b| *b == b'\n').map_or(&[], |end| &text[end..])
}

/// What RESTORE does where a library is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collision {
    /// Fails, and changes nothing.
    Refuse,
    /// Takes the new one.
    Replace,
}

/// The libraries of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Libraries {
    by_name: BTreeMap<String, Library>,
    /// Function names in lower case, each with its library's.
    by_function: BTreeMap<String, String>,
}

impl Libraries {
    /// In the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Library> {
        self.by_name.values()
    }

    /// How many functions there are.
    /// How many libraries and functions there are, and the bytes of the libraries.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.iter().len(), self.functions_len(), self.iter().map(Library::bytes).sum())
    }

    pub fn functions_len(&self) -> usize {
        self.by_function.len()
    }

    /// A function by its name in any case.
    pub fn function(&self, name: &[u8]) -> Option<(&Library, &Function)> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        let library = self.by_name.get(self.by_function.get(&name)?)?;
        let function = library.functions.iter().find(|f| f.name.eq_ignore_ascii_case(&name))?;
        Some((library, function))
    }

    /// Adds a library; its name.
    ///
    /// # Errors
    /// Redis's words, without `ERR`; nothing is changed then.
    pub fn load(
        &mut self,
        engine: &Engine,
        text: &[u8],
        collision: Collision,
    ) -> Result<String, String> {
        let name = super::library_header::name(text)?;
        if self.by_name.contains_key(&name) && collision == Collision::Refuse {
            return Err(format!("Library '{name}' already exists"));
        }
        let library = Library::compile(engine, name.clone(), text)?;
        self.check(std::slice::from_ref(&library))?;
        self.put(library);
        Ok(name)
    }

    /// Adds libraries, all or none.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn join(
        &mut self,
        engine: &Engine,
        texts: &[Vec<u8>],
        collision: Collision,
    ) -> Result<(), String> {
        let mut new: Vec<Library> = Vec::new();
        for text in texts {
            let name = super::library_header::name(text)?;
            if new.iter().any(|library| library.name == name) {
                return Err(format!("Library '{name}' already exists"));
            }
            new.push(Library::compile(engine, name, text)?);
        }
        let taken = new.iter().find(|library| self.by_name.contains_key(&library.name));
        if let Some(library) = taken.filter(|_| collision == Collision::Refuse) {
            return Err(format!("Library {} already exists", library.name));
        }
        self.check(&new)?;
        new.into_iter().for_each(|library| self.put(library));
        Ok(())
    }

    /// Whether these can stand beside those that stay.
    fn check(&self, new: &[Library]) -> Result<(), String> {
        let replaced = |library: &Library| new.iter().any(|other| other.name == library.name);
        let stay = || self.iter().filter(|library| !replaced(library));
        for (at, library) in new.iter().enumerate() {
            for function in &library.functions {
                let taken = stay().chain(&new[..at]).any(|other| other.registers(&function.name));
                if taken {
                    return Err(format!("Function {} already exists", function.name));
                }
            }
        }
        let bytes = stay().chain(new).map(Library::bytes).sum::<usize>();
        match bytes > limits::FUNCTIONS_BYTES_MAX {
            true => Err("The libraries take all the room that there is for functions".to_owned()),
            false => Ok(()),
        }
    }

    fn put(&mut self, library: Library) {
        self.remove(&library.name);
        for function in &library.functions {
            self.by_function.insert(function.name.to_ascii_lowercase(), library.name.clone());
        }
        self.by_name.insert(library.name.clone(), library);
    }

    /// Removes a library; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(library) = self.by_name.remove(name) else { return false };
        for function in &library.functions {
            self.by_function.remove(&function.name.to_ascii_lowercase());
        }
        true
    }

    /// Removes all of them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes those of a partition in that becomes part of this one, where they can stand beside those that are here.
    pub fn absorb(&mut self, other: Self) {
        for library in other.by_name.into_values() {
            let is_new = !self.by_name.contains_key(&library.name);
            if is_new && self.check(std::slice::from_ref(&library)).is_ok() {
                self.put(library);
            }
        }
    }

    /// Folds them into a hash of the keyspace.
    pub fn digest(&self, state: u64) -> u64 {
        self.iter().fold(state, |state, library| {
            digest::bytes(digest::bytes(state, library.name.as_bytes()), &library.text)
        })
    }

    /// Takes one back from a snapshot; `None` when it cannot be one of ours.
    pub fn restore(&mut self, library: Library) -> Option<()> {
        let is_new = !self.by_name.contains_key(&library.name) && !library.functions.is_empty();
        let named = library.functions.iter().all(|f| super::library_header::is_name(&f.name));
        let distinct = library.functions.iter().enumerate().all(|(at, function)| {
            !library.functions[..at].iter().any(|f| f.name.eq_ignore_ascii_case(&function.name))
        });
        let fits = self.check(std::slice::from_ref(&library)).is_ok();
        (is_new && named && distinct && fits && super::library_header::is_name(&library.name))
            .then(|| self.put(library))
    }
}
