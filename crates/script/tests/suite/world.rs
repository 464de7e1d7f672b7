//! A partition with scripts, and replies as short text.

use synod_data::{Context, Handler, Keyspace, lookup};
use synod_types::{Millis, SLOT_COUNT, Slot};
use synod_wire::resp::{Proto, RespWriter, Value};

pub struct World {
    pub keyspace: Keyspace,
    pub proto: Proto,
    pub ctx: Context,
}

impl World {
    pub fn new() -> Self {
        Self::with_slots(0, SLOT_COUNT - 1)
    }

    pub fn with_slots(first: u16, last: u16) -> Self {
        Self {
            keyspace: Keyspace::new(Slot(first)..=Slot(last)).with_engine(&synod_script::LUA),
            proto: Proto::Resp2,
            ctx: Context { now: Millis(1_700_000_000_123), seed: 7 },
        }
    }

    /// Runs a command of scripts; one that reads, as a read.
    pub fn run(&mut self, words: &[&[u8]]) -> Value {
        let mut reply = Vec::new();
        let mut out = RespWriter::new(&mut reply, self.proto);
        let command = lookup(words[0]).expect("a command");
        match command.handler {
            Handler::Read(_) => self.keyspace.execute_read(command, words, &self.ctx, &mut out),
            _ => self.keyspace.execute_write(command, words, &self.ctx, &mut out),
        }
        let (value, len) = Value::decode(&reply).expect("a reply").expect("a whole one");
        assert_eq!(len, reply.len(), "one reply: {}", reply.escape_ascii());
        value
    }

    /// EVAL without keys, its reply as text.
    pub fn eval(&mut self, body: &str) -> String {
        self.eval_with(body, &[], &[])
    }

    pub fn eval_with(&mut self, body: &str, keys: &[&str], argv: &[&str]) -> String {
        let count = keys.len().to_string();
        let mut words: Vec<&[u8]> = vec![b"EVAL", body.as_bytes(), count.as_bytes()];
        words.extend(keys.iter().chain(argv).map(|word| word.as_bytes()));
        text(&self.run(&words))
    }
}

/// A reply as short text: `+OK`, `-ERR ..`, `1`, `"bytes"`, `nil`, `[a, b]`, `{k: v}`, `~[a]`, `,1.5`, `#t`.
pub fn text(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(text).collect::<Vec<_>>().join(", ");
    match value {
        Value::Simple(text) => format!("+{text}"),
        Value::Error(text) => format!("-{text}"),
        Value::Integer(n) => n.to_string(),
        Value::Bulk(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        Value::Null => "nil".to_owned(),
        Value::Array(items) => format!("[{}]", list(items)),
        Value::Set(items) => format!("~[{}]", list(items)),
        Value::Push(items) => format!(">[{}]", list(items)),
        Value::Map(pairs) => {
            let pair = |(k, v): &(Value, Value)| format!("{}: {}", text(k), text(v));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::Double(x) => format!(",{x}"),
        Value::Boolean(b) => if *b { "#t" } else { "#f" }.to_owned(),
        Value::BigNumber(digits) => format!("({digits}"),
        Value::Verbatim(format, bytes) => format!("={format}:{}", bytes.escape_ascii()),
    }
}
