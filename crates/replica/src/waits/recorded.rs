//! A reply kept for later: what a command wrote, in a form that any protocol can spell.

use synod_types::ReplySink;

/// One piece of a reply.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    NullArray,
    Array(usize),
    Map(usize),
    Set(usize),
    Double(f64),
    Boolean(bool),
    Verbatim(String),
}

/// A reply, piece by piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recorded {
    pieces: Vec<Piece>,
    resp3: bool,
    bytes: usize,
}

impl Recorded {
    /// An empty one, for a client that speaks RESP3 or not.
    pub fn new(resp3: bool) -> Self {
        Self { resp3, ..Self::default() }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is an error and nothing else.
    pub fn is_error(&self) -> bool {
        matches!(self.pieces[..], [Piece::Error(_)])
    }

    /// Writes the reply.
    pub fn replay(&self, out: &mut dyn ReplySink) {
        for piece in &self.pieces {
            match piece {
                Piece::Simple(text) => out.simple(text),
                Piece::Error(text) => out.error(text),
                Piece::Integer(n) => out.integer(*n),
                Piece::Bulk(bytes) => out.bulk(bytes),
                Piece::Null => out.null(),
                Piece::NullArray => out.null_array(),
                Piece::Array(len) => out.array(*len),
                Piece::Map(len) => out.map(*len),
                Piece::Set(len) => out.set(*len),
                Piece::Double(x) => out.double(*x),
                Piece::Boolean(b) => out.boolean(*b),
                Piece::Verbatim(text) => out.verbatim(text),
            }
        }
    }

    fn push(&mut self, piece: Piece, bytes: usize) {
        self.bytes += size_of::<Piece>() + bytes;
        self.pieces.push(piece);
    }
}

impl ReplySink for Recorded {
    fn simple(&mut self, text: &str) {
        self.push(Piece::Simple(text.to_owned()), text.len());
    }
    fn error(&mut self, text: &str) {
        self.push(Piece::Error(text.to_owned()), text.len());
    }
    fn integer(&mut self, n: i64) {
        self.push(Piece::Integer(n), 0);
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.push(Piece::Bulk(bytes.to_vec()), bytes.len());
    }
    fn null(&mut self) {
        self.push(Piece::Null, 0);
    }
    fn null_array(&mut self) {
        self.push(Piece::NullArray, 0);
    }
    fn array(&mut self, len: usize) {
        self.push(Piece::Array(len), 0);
    }
    fn map(&mut self, len: usize) {
        self.push(Piece::Map(len), 0);
    }
    fn set(&mut self, len: usize) {
        self.push(Piece::Set(len), 0);
    }
    fn double(&mut self, x: f64) {
        self.push(Piece::Double(x), 0);
    }
    fn boolean(&mut self, b: bool) {
        self.push(Piece::Boolean(b), 0);
    }
    fn verbatim(&mut self, text: &str) {
        self.push(Piece::Verbatim(text.to_owned()), text.len());
    }
    fn is_resp3(&self) -> bool {
        self.resp3
    }
}
