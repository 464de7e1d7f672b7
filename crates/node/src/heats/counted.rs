//! A reply that is counted on its way: how many bytes it takes in RESP2; of floating-point numbers it is reckoned how many.

use synod_types::ReplySink;

/// The type of a line and its end.
const LINE_BYTES: usize = 3;
/// About as long is a floating-point number.
const DOUBLE_BYTES: usize = 12;

/// See the file's page.
pub(crate) struct CountedReply<'a> {
    out: &'a mut dyn ReplySink,
    pub bytes: usize,
}

impl<'a> CountedReply<'a> {
    pub fn new(out: &'a mut dyn ReplySink) -> Self {
        Self { out, bytes: 0 }
    }

    fn count(&mut self, bytes: usize) -> &mut dyn ReplySink {
        self.bytes += bytes + LINE_BYTES;
        self.out
    }
}

/// How many decimal digits a length has.
fn digits(len: usize) -> usize {
    len.checked_ilog10().unwrap_or(0) as usize + 1
}

/// A string behind its length.
fn of_bulk(bytes: &[u8]) -> usize {
    digits(bytes.len()) + bytes.len() + 2
}

impl ReplySink for CountedReply<'_> {
    fn simple(&mut self, text: &str) {
        self.count(text.len()).simple(text);
    }
    fn error(&mut self, text: &str) {
        self.count(text.len()).error(text);
    }
    fn integer(&mut self, n: i64) {
        let len = digits(usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX));
        self.count(len + usize::from(n < 0)).integer(n);
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.count(of_bulk(bytes)).bulk(bytes);
    }
    fn null(&mut self) {
        self.count(2).null();
    }
    fn null_array(&mut self) {
        self.count(2).null_array();
    }
    fn array(&mut self, len: usize) {
        self.count(digits(len)).array(len);
    }
    fn map(&mut self, len: usize) {
        self.count(digits(2 * len)).map(len);
    }
    fn set(&mut self, len: usize) {
        self.count(digits(len)).set(len);
    }
    fn double(&mut self, x: f64) {
        self.count(DOUBLE_BYTES).double(x);
    }
    fn double_bulk(&mut self, x: f64) {
        self.count(DOUBLE_BYTES).double_bulk(x);
    }
    fn boolean(&mut self, b: bool) {
        self.count(1).boolean(b);
    }
    fn verbatim(&mut self, text: &str) {
        self.count(of_bulk(text.as_bytes())).verbatim(text);
    }
    fn verbatim_as(&mut self, format: &str, text: &[u8]) {
        self.count(of_bulk(text)).verbatim_as(format, text);
    }
    fn big_number(&mut self, digits: &str) {
        self.count(of_bulk(digits.as_bytes())).big_number(digits);
    }
    fn attribute(&mut self, len: usize) -> bool {
        self.out.attribute(len)
    }
    fn is_resp3(&self) -> bool {
        self.out.is_resp3()
    }
}
