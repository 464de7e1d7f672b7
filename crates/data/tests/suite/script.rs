//! A tiny interpreter for test scripts, and a sink that spells replies in one line.
//!
//! ```text
//! # a comment                    kept
//! now 5000                       sets the time, in milliseconds; it stands at 1000000 at first
//! seed 7                         sets the seed of the commands that follow
//! resp 3                         the client's protocol; it is 2 at first
//! > SET key "a\x00b c"           runs a command; the next line is its reply
//! OK
//! ```
//!
//! Replies: `OK` status, `3` integer, `"text"` bulk, `(nil)`, `(nil array)`, `[a, b]` array, `{k: v}`
//! map, `<a, b>` set, `2.5d` double, errors as they are.

use synod_data::{Context, Keyspace, lookup};
use synod_types::{Millis, ReplySink, SLOT_COUNT, Slot};

/// All slots.
pub fn whole() -> std::ops::RangeInclusive<Slot> {
    Slot(0)..=Slot(SLOT_COUNT - 1)
}

/// Spells one reply; aggregates still open are counted down.
#[derive(Default)]
pub struct TextSink {
    resp3: bool,
    text: String,
    /// What is still to come of each open aggregate, what it closes with, and whether it is a map.
    open: Vec<(usize, char, bool)>,
}

impl TextSink {
    pub fn into_text(self) -> String {
        assert!(self.open.is_empty(), "an aggregate is unfinished: {}", self.text);
        self.text
    }

    fn item(&mut self, text: &str) {
        self.text.push_str(text);
        self.close_full();
    }

    fn begin(&mut self, len: usize, brackets: (char, char), is_map: bool) {
        self.text.push(brackets.0);
        self.open.push((if is_map { 2 * len } else { len }, brackets.1, is_map));
        if len == 0 {
            self.open.pop();
            self.text.push(brackets.1);
            self.close_full();
        }
    }

    fn close_full(&mut self) {
        while let Some((left, close, is_map)) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                let key_done = *is_map && *left % 2 == 1;
                self.text.push_str(if key_done { ": " } else { ", " });
                return;
            }
            self.text.push(*close);
            self.open.pop();
        }
    }
}

impl ReplySink for TextSink {
    fn simple(&mut self, text: &str) {
        self.item(text);
    }
    fn error(&mut self, text: &str) {
        self.item(text);
    }
    fn integer(&mut self, n: i64) {
        self.item(&n.to_string());
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.item(&format!("\"{}\"", bytes.escape_ascii()));
    }
    fn null(&mut self) {
        self.item("(nil)");
    }
    fn null_array(&mut self) {
        self.item("(nil array)");
    }
    fn array(&mut self, len: usize) {
        self.begin(len, ('[', ']'), false);
    }
    fn map(&mut self, len: usize) {
        self.begin(len, ('{', '}'), true);
    }
    fn set(&mut self, len: usize) {
        self.begin(len, ('<', '>'), false);
    }
    fn double(&mut self, x: f64) {
        self.item(&format!("{x}d"));
    }
    fn double_bulk(&mut self, x: f64) {
        self.item(&format!("\"{x}\""));
    }
    fn boolean(&mut self, b: bool) {
        self.item(&b.to_string());
    }
    fn verbatim(&mut self, text: &str) {
        self.item(text);
    }
    fn is_resp3(&self) -> bool {
        self.resp3
    }
}

/// Runs one command as the node would: name, arity, handler.
pub fn run(keyspace: &mut Keyspace, args: &[&[u8]], ctx: &Context) -> String {
    run_into(TextSink::default(), keyspace, args, ctx)
}

fn run_into(mut out: TextSink, keyspace: &mut Keyspace, args: &[&[u8]], ctx: &Context) -> String {
    match lookup(args[0]) {
        None => out.error("ERR unknown command"),
        Some(command) if !command.check_arity(args.len()) => {
            out.error(&format!("ERR wrong number of arguments for '{}' command", command.name))
        }
        Some(command) => keyspace.execute_write(command, args, ctx, &mut out),
    }
    out.into_text()
}

/// A keyspace's snapshot, restored.
pub fn reborn(keyspace: &mut Keyspace) -> Keyspace {
    keyspace.snapshot_begin();
    let mut restorer = Keyspace::restore(keyspace.slots());
    while let Some(chunk) = keyspace.snapshot_next(1000) {
        restorer.chunk(&chunk).expect("own snapshot");
    }
    restorer.finish().expect("own snapshot")
}

/// Runs a script and answers it with the replies as they really are. `after` sees the keyspace after
/// every command and may put another in its place.
pub fn rewritten(script: &str, mut after: impl FnMut(&mut Keyspace)) -> String {
    let mut keyspace = Keyspace::new(whole());
    let mut ctx = Context { now: Millis(1_000_000), seed: 1 };
    let mut resp3 = false;
    let mut actual = String::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        actual.push_str(line);
        actual.push('\n');
        if let Some(ms) = line.strip_prefix("now ") {
            ctx.now = Millis(ms.parse().expect("a time"));
        } else if let Some(seed) = line.strip_prefix("seed ") {
            ctx.seed = seed.parse().expect("a seed");
        } else if let Some(protocol) = line.strip_prefix("resp ") {
            resp3 = protocol == "3";
        } else if let Some(command) = line.strip_prefix("> ") {
            let args = words(command);
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let out = TextSink { resp3, ..TextSink::default() };
            actual.push_str(&run_into(out, &mut keyspace, &args, &ctx));
            actual.push('\n');
            after(&mut keyspace);
            lines.next_if(|next| !next.starts_with("> "));
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "not a line of a script: {line}");
        }
    }
    actual
}

/// Splits a line into words; a word in double quotes knows `\"`, `\\` and `\xhh`.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim().as_bytes();
    while !rest.is_empty() {
        let (word, after) = if rest[0] == b'"' { quoted(&rest[1..]) } else { plain(rest) };
        words.push(word);
        rest = after.trim_ascii_start();
    }
    words
}

fn plain(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    (text[..end].to_vec(), &text[end..])
}

fn quoted(mut text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut word = Vec::new();
    loop {
        match text {
            [b'"', rest @ ..] => return (word, rest),
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("hex digits");
                word.push(u8::from_str_radix(digits, 16).expect("hex digits"));
                text = rest;
            }
            [b'\\', escaped, rest @ ..] => {
                word.push(*escaped);
                text = rest;
            }
            [byte, rest @ ..] => {
                word.push(*byte);
                text = rest;
            }
            [] => panic!("a quote is not closed"),
        }
    }
}
