//! The reply of a command that a script called, kept as a tree until it becomes a Lua value.

use synod_types::ReplySink;
use synod_wire::resp::DoubleText;

/// One reply or one element of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Reply>),
    /// Keys and values in turn.
    Map(Vec<Reply>),
    Set(Vec<Reply>),
    Double(f64),
    Boolean(bool),
    BigNumber(String),
    /// Its format, three letters, and its text.
    Verbatim(String, Vec<u8>),
}

/// Collects one reply. In RESP2 aggregates and numbers arrive here as what RESP2 makes of them.
#[derive(Debug)]
pub(crate) struct Captured {
    resp3: bool,
    whole: Option<Reply>,
    /// Aggregates that are not complete, the outermost first, and how many elements each still lacks.
    open: Vec<(Reply, usize)>,
}

impl Captured {
    pub fn new(resp3: bool) -> Self {
        Self { resp3, whole: None, open: Vec::new() }
    }

    /// The reply; null for a command that gave none.
    pub fn into_reply(self) -> Reply {
        self.whole.unwrap_or(Reply::Null)
    }

    fn put(&mut self, reply: Reply) {
        let mut reply = reply;
        loop {
            let Some((parent, left)) = self.open.last_mut() else {
                self.whole.get_or_insert(reply);
                return;
            };
            match parent {
                Reply::Array(items) | Reply::Map(items) | Reply::Set(items) => items.push(reply),
                _ => return,
            }
            *left -= 1;
            if *left > 0 {
                return;
            }
            let Some((done, _)) = self.open.pop() else { return };
            reply = done;
        }
    }

    fn begin(&mut self, aggregate: Reply, len: usize) {
        match len {
            0 => self.put(aggregate),
            len => self.open.push((aggregate, len)),
        }
    }
}

impl ReplySink for Captured {
    fn simple(&mut self, text: &str) {
        self.put(Reply::Simple(text.to_owned()));
    }
    fn error(&mut self, text: &str) {
        self.put(Reply::Error(text.to_owned()));
    }
    fn integer(&mut self, n: i64) {
        self.put(Reply::Integer(n));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.put(Reply::Bulk(bytes.to_vec()));
    }
    fn null(&mut self) {
        self.put(Reply::Null);
    }
    fn null_array(&mut self) {
        self.put(Reply::Null);
    }
    fn array(&mut self, len: usize) {
        self.begin(Reply::Array(Vec::new()), len);
    }
    fn map(&mut self, len: usize) {
        match self.resp3 {
            true => self.begin(Reply::Map(Vec::new()), 2 * len),
            false => self.array(2 * len),
        }
    }
    fn set(&mut self, len: usize) {
        match self.resp3 {
            true => self.begin(Reply::Set(Vec::new()), len),
            false => self.array(len),
        }
    }
    fn double(&mut self, x: f64) {
        match self.resp3 {
            true => self.put(Reply::Double(x)),
            false => self.double_bulk(x),
        }
    }
    fn double_bulk(&mut self, x: f64) {
        self.bulk(DoubleText::new(x).as_bytes());
    }
    fn boolean(&mut self, b: bool) {
        match self.resp3 {
            true => self.put(Reply::Boolean(b)),
            false => self.integer(i64::from(b)),
        }
    }
    fn verbatim(&mut self, text: &str) {
        match self.resp3 {
            true => self.put(Reply::Verbatim("txt".to_owned(), text.into())),
            false => self.bulk(text.as_bytes()),
        }
    }
    fn big_number(&mut self, digits: &str) {
        match self.resp3 {
            true => self.put(Reply::BigNumber(digits.to_owned())),
            false => self.bulk(digits.as_bytes()),
        }
    }
    fn is_resp3(&self) -> bool {
        self.resp3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_aggregates_close_when_they_are_full() {
        let mut out = Captured::new(true);
        out.map(1);
        out.bulk(b"k");
        out.array(2);
        out.array(0);
        out.integer(7);
        let inner = Reply::Array(vec![Reply::Array(vec![]), Reply::Integer(7)]);
        assert_eq!(out.into_reply(), Reply::Map(vec![Reply::Bulk(b"k".to_vec()), inner]));
    }

    #[test]
    fn a_script_in_resp2_sees_what_resp2_makes_of_a_reply() {
        let mut out = Captured::new(false);
        out.map(1);
        out.boolean(true);
        out.double(1.5);
        let pairs = vec![Reply::Integer(1), Reply::Bulk(b"1.5".to_vec())];
        assert_eq!(out.into_reply(), Reply::Array(pairs));
    }
}
