//! FUNCTION's subcommands, as every partition runs them on its libraries. The node checked the number of arguments.

use crate::glob::Glob;
use crate::scripting::{Collision, Function, Libraries, NO_ENGINE};
use crate::{Args, Keyspace, args, rdb};
use synod_types::ReplySink;

impl Keyspace {
    /// LOAD, DELETE, FLUSH or RESTORE with its arguments.
    pub(crate) fn change_functions(&mut self, args: &Args<'_>, out: &mut dyn ReplySink) {
        let [word, rest @ ..] = args else { return out.error("ERR malformed operation") };
        let changed = if args::is(word, "LOAD") {
            self.load_library(rest)
        } else if args::is(word, "DELETE") {
            self.delete_library(rest)
        } else if args::is(word, "FLUSH") {
            self.flush_libraries(rest)
        } else {
            self.restore_libraries(rest)
        };
        match changed {
            Ok(Some(name)) => out.bulk(name.as_bytes()),
            Ok(None) => out.simple("OK"),
            Err(text) => out.error(&text),
        }
    }

    /// LIST, DUMP or STATS with its arguments.
    pub(crate) fn read_functions(&self, args: &Args<'_>, out: &mut dyn ReplySink) {
        let [word, rest @ ..] = args else { return out.error("ERR malformed operation") };
        if args::is(word, "LIST") {
            self.list_libraries(rest, out);
        } else if args::is(word, "DUMP") {
            let texts = self.libraries.iter().map(|library| &*library.text);
            out.bulk(&rdb::dump_libraries(texts));
        } else {
            self.count_functions(out);
        }
    }

    /// `[REPLACE] code`
    fn load_library(&mut self, args: &Args<'_>) -> Result<Option<String>, String> {
        let engine = self.engine.ok_or(NO_ENGINE.0)?;
        let [options @ .., code] = args else {
            return Err("ERR Function code is missing".to_owned());
        };
        if let Some(option) = options.iter().find(|option| !args::is(option, "REPLACE")) {
            let option = String::from_utf8_lossy(option);
            return Err(format!("ERR Unknown option given: {option}"));
        }
        let collision = if options.is_empty() { Collision::Refuse } else { Collision::Replace };
        let name = self.libraries.load(engine, code, collision);
        name.map(Some).map_err(|text| format!("ERR {text}"))
    }

    fn delete_library(&mut self, args: &Args<'_>) -> Result<Option<String>, String> {
        let name = args.first().and_then(|name| std::str::from_utf8(name).ok());
        match name.is_some_and(|name| self.libraries.remove(name)) {
            true => Ok(None),
            false => Err("ERR Library not found".to_owned()),
        }
    }

    /// `[ASYNC | SYNC]`
    fn flush_libraries(&mut self, args: &Args<'_>) -> Result<Option<String>, String> {
        const ONLY: &str = "ERR FUNCTION FLUSH only supports SYNC|ASYNC option";
        match args {
            [] => {}
            [word] if args::is(word, "SYNC") || args::is(word, "ASYNC") => {}
            _ => return Err(ONLY.to_owned()),
        }
        self.libraries.clear();
        Ok(None)
    }

    /// `payload [FLUSH | APPEND | REPLACE]`
    fn restore_libraries(&mut self, args: &Args<'_>) -> Result<Option<String>, String> {
        const POLICY: &str =
            "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
        let engine = self.engine.ok_or(NO_ENGINE.0)?;
        let (payload, flush, collision) = match args {
            [payload] => (payload, false, Collision::Refuse),
            [payload, word] if args::is(word, "APPEND") => (payload, false, Collision::Refuse),
            [payload, word] if args::is(word, "REPLACE") => (payload, false, Collision::Replace),
            [payload, word] if args::is(word, "FLUSH") => (payload, true, Collision::Refuse),
            _ => return Err(POLICY.to_owned()),
        };
        let texts = rdb::restore_libraries(payload).map_err(|failure| failure.0.to_owned())?;
        let mut libraries = if flush { Libraries::default() } else { self.libraries.clone() };
        libraries.join(engine, &texts, collision).map_err(|text| format!("ERR {text}"))?;
        self.libraries = libraries;
        Ok(None)
    }

    /// `[LIBRARYNAME pattern] [WITHCODE]`
    fn list_libraries(&self, mut rest: &Args<'_>, out: &mut dyn ReplySink) {
        let (mut pattern, mut with_code) = (None, false);
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "WITHCODE") && !with_code {
                with_code = true;
            } else if args::is(word, "LIBRARYNAME") && pattern.is_none() {
                let [name, after @ ..] = rest else {
                    return out.error("ERR library name argument was not given");
                };
                (pattern, rest) = (Some(name.to_ascii_lowercase()), after);
            } else {
                let word = String::from_utf8_lossy(word).replace(['\r', '\n'], " ");
                return out.error(&format!("ERR Unknown argument {word}"));
            }
        }
        let matches = |name: &str| {
            let name = name.to_ascii_lowercase();
            pattern.as_ref().is_none_or(|pattern| Glob::new(pattern).matches(name.as_bytes()))
        };
        let found: Vec<_> =
            self.libraries.iter().filter(|library| matches(&library.name)).collect();
        out.array(found.len());
        for library in found {
            out.map(if with_code { 4 } else { 3 });
            out.bulk(b"library_name");
            out.bulk(library.name.as_bytes());
            out.bulk(b"engine");
            out.bulk(b"LUA");
            out.bulk(b"functions");
            out.array(library.functions.len());
            library.functions.iter().for_each(|function| list_function(function, out));
            if with_code {
                out.bulk(b"library_code");
                out.bulk(&library.text);
            }
        }
    }

    /// A function is one step of its partition: by the time that this is read, none is running.
    fn count_functions(&self, out: &mut dyn ReplySink) {
        out.map(2);
        out.bulk(b"running_script");
        out.null();
        out.bulk(b"engines");
        out.map(1);
        out.bulk(b"LUA");
        out.map(2);
        out.bulk(b"libraries_count");
        out.integer(self.libraries.iter().len() as i64);
        out.bulk(b"functions_count");
        out.integer(self.libraries.functions_len() as i64);
    }
}

fn list_function(function: &Function, out: &mut dyn ReplySink) {
    out.map(3);
    out.bulk(b"name");
    out.bulk(function.name.as_bytes());
    out.bulk(b"description");
    match &function.description {
        Some(text) => out.bulk(text),
        None => out.null(),
    }
    out.bulk(b"flags");
    out.set(function.promises.names().count());
    function.promises.names().for_each(|flag| out.simple(flag));
}
