//! JSON being read, with the liberties and the errors of the library that Redis has.

use super::Fault;
use super::json::{Invalid, Settings};
use mlua::{Lua, Table, Value};

/// Never deeper than this, whatever a script sets: each level is a call here.
const NESTING_MAX: usize = 1000;

type Outcome<T> = std::result::Result<T, Fault>;

pub(super) struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    settings: Settings,
}

enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Bad(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Text(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Bad(why) => why,
        }
    }
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a [u8], settings: Settings) -> Self {
        Self { text, at: 0, depth: 0, settings }
    }

    /// The one value of the text.
    pub fn whole(&mut self, lua: &Lua) -> Outcome<Value> {
        if self.text.len() >= 2 && (self.text[0] == 0 || self.text[1] == 0) {
            return Err("JSON parser does not support UTF-16 or UTF-32".into());
        }
        let (place, token) = self.token();
        let value = self.value(lua, place, token)?;
        match self.token() {
            (_, Token::End) => Ok(value),
            (place, token) => Err(expected("the end", place, &token)),
        }
    }

    fn value(&mut self, lua: &Lua, place: usize, token: Token) -> Outcome<Value> {
        match token {
            Token::Text(bytes) => Ok(Value::String(lua.create_string(bytes)?)),
            Token::Number(x) => Ok(Value::Number(x)),
            Token::Boolean(b) => Ok(Value::Boolean(b)),
            Token::Null => Ok(Value::NULL),
            Token::ObjectBegin => self.nested(lua, Self::object),
            Token::ArrayBegin => self.nested(lua, Self::array),
            other => Err(expected("value", place, &other)),
        }
    }

    fn nested(
        &mut self,
        lua: &Lua,
        fill: fn(&mut Self, &Lua, &Table) -> Outcome<()>,
    ) -> Outcome<Value> {
        self.depth += 1;
        let max = usize::try_from(self.settings.decode_depth_max).unwrap_or(0).min(NESTING_MAX);
        if self.depth > max {
            let (depth, at) = (self.depth, self.at);
            let why = format!("Found too many nested data structures ({depth}) at character {at}");
            return Err(why.into());
        }
        let table = lua.create_table()?;
        fill(self, lua, &table)?;
        self.depth -= 1;
        Ok(Value::Table(table))
    }

    fn object(&mut self, lua: &Lua, table: &Table) -> Outcome<()> {
        let (mut place, mut token) = self.token();
        if matches!(token, Token::ObjectEnd) {
            return Ok(());
        }
        loop {
            let Token::Text(key) = token else {
                return Err(expected("object key string", place, &token));
            };
            match self.token() {
                (_, Token::Colon) => {}
                (place, token) => return Err(expected("colon", place, &token)),
            }
            let (value_place, value) = self.token();
            let value = self.value(lua, value_place, value)?;
            table.raw_set(lua.create_string(key)?, value)?;
            match self.token() {
                (_, Token::ObjectEnd) => return Ok(()),
                (_, Token::Comma) => (place, token) = self.token(),
                (place, token) => return Err(expected("comma or object end", place, &token)),
            }
        }
    }

    fn array(&mut self, lua: &Lua, table: &Table) -> Outcome<()> {
        let (mut place, mut token) = self.token();
        if matches!(token, Token::ArrayEnd) {
            return Ok(());
        }
        let mut len = 0;
        loop {
            len += 1;
            let value = self.value(lua, place, token)?;
            table.raw_set(len, value)?;
            match self.token() {
                (_, Token::ArrayEnd) => return Ok(()),
                (_, Token::Comma) => (place, token) = self.token(),
                (place, token) => return Err(expected("comma or array end", place, &token)),
            }
        }
    }

    /// The next token and where it begins.
    fn token(&mut self) -> (usize, Token) {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.text[self.at..].iter().take_while(blank).count();
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.first() else { return (start, Token::End) };
        let (len, token) = match first {
            b'{' => (1, Token::ObjectBegin),
            b'}' => (1, Token::ObjectEnd),
            b'[' => (1, Token::ArrayBegin),
            b']' => (1, Token::ArrayEnd),
            b',' => (1, Token::Comma),
            b':' => (1, Token::Colon),
            b'"' => return self.string(),
            _ if rest.starts_with(b"true") => (4, Token::Boolean(true)),
            _ if rest.starts_with(b"false") => (5, Token::Boolean(false)),
            _ if rest.starts_with(b"null") => (4, Token::Null),
            b'-' | b'+' | b'0'..=b'9' | b'i' | b'I' | b'n' | b'N' => number(rest, self.settings),
            _ => (0, Token::Bad("invalid token")),
        };
        self.at += len;
        (start, token)
    }

    fn string(&mut self) -> (usize, Token) {
        let start = self.at;
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            let place = self.at;
            let Some(byte) = self.text.get(place) else {
                return (place, Token::Bad("unexpected end of string"));
            };
            self.at += 1;
            match byte {
                b'"' => return (start, Token::Text(bytes)),
                b'\\' => {
                    if let Err(why) = self.escape(&mut bytes) {
                        return (place, Token::Bad(why));
                    }
                }
                other => bytes.push(*other),
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
        const UNKNOWN: &str = "invalid escape code";
        let letter = *self.text.get(self.at).ok_or(UNKNOWN)?;
        self.at += 1;
        bytes.push(match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'f' => 12,
            b'r' => 13,
            b'u' => return self.unicode(bytes),
            _ => return Err(UNKNOWN),
        });
        Ok(())
    }

    fn unicode(&mut self, bytes: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
        const INVALID: &str = "invalid unicode escape code";
        let mut code = self.four_digits().ok_or(INVALID)?;
        if (0xD800..0xDC00).contains(&code) {
            if !self.text[self.at..].starts_with(b"\\u") {
                return Err(INVALID);
            }
            self.at += 2;
            let low = self.four_digits().filter(|low| (0xDC00..0xE000).contains(low));
            code = 0x1_0000 + ((code - 0xD800) << 10) + (low.ok_or(INVALID)? - 0xDC00);
        }
        let character = char::from_u32(code).ok_or(INVALID)?;
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let digits = digits
            .iter()
            .try_fold(0, |sum, digit| Some(sum << 4 | (*digit as char).to_digit(16)?))?;
        self.at += 4;
        Some(digits)
    }
}

fn expected(what: &str, place: usize, token: &Token) -> Fault {
    let found = token.name();
    format!("Expected {what} but found {found} at character {}", place + 1).into()
}

/// A number as C's `strtod` reads it: hexadecimal, infinities and what is none included, if the settings take them.
fn number(rest: &[u8], settings: Settings) -> (usize, Token) {
    let invalid = || (0, Token::Bad("invalid number"));
    let signed = matches!(rest.first(), Some(b'-' | b'+'));
    let sign = if rest.first() == Some(&b'-') { -1.0 } else { 1.0 };
    let body = &rest[usize::from(signed)..];
    let word = |word: &str| {
        body.get(..word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()))
    };
    let special = [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)]
        .into_iter()
        .find(|(name, _)| word(name))
        .map(|(name, x)| (name.len(), x))
        .or_else(|| hexadecimal(body));
    if let Some((len, x)) = special {
        return match settings.decode_invalid {
            Invalid::Refused => invalid(),
            _ => (len + usize::from(signed), Token::Number(sign * x)),
        };
    }
    let digits = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(body);
    let mut len = whole;
    if body.get(len) == Some(&b'.') {
        len += 1 + digits(&body[len + 1..]);
    }
    if whole == 0 && len <= 1 {
        return match body.first() {
            Some(b'i' | b'I' | b'n' | b'N') if !signed => (0, Token::Bad("invalid token")),
            _ => invalid(),
        };
    }
    if matches!(body.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(body.get(len + 1), Some(b'-' | b'+')));
        let exponent = digits(body.get(len + 1 + sign..).unwrap_or_default());
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    let text = std::str::from_utf8(&body[..len]).unwrap_or_default();
    match text.parse::<f64>() {
        Ok(x) => (len + usize::from(signed), Token::Number(sign * x)),
        Err(_) => invalid(),
    }
}

fn hexadecimal(body: &[u8]) -> Option<(usize, f64)> {
    let digits = body.strip_prefix(b"0x").or_else(|| body.strip_prefix(b"0X"))?;
    let len = digits.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let value = digits[..len]
        .iter()
        .fold(0.0, |sum, b| sum * 16.0 + f64::from((*b as char).to_digit(16).unwrap_or(0)));
    (len > 0).then_some((len + 2, value))
}
