//! The first line of a library, `#!lua name=...`: the engine it is for, and what it is called.

/// Whether this may be the name of a library or a function.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The name of a library from its text.
///
/// # Errors
/// Redis's words, without `ERR`.
pub(super) fn name(text: &[u8]) -> Result<String, String> {
    const INVALID: &str = "Invalid library metadata";
    const NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at least \
                        one character long";
    if !text.starts_with(b"#!") {
        return Err("Missing library metadata".to_owned());
    }
    let end = text.iter().position(|b| *b == b'\n').ok_or(INVALID)?;
    let words = words(&text[..end]).ok_or(INVALID)?;
    let (engine, options) = words.split_first().ok_or(INVALID)?;
    let name = name_option(options)?;
    if !is_name(&name) {
        return Err(NAME.to_owned());
    }
    let engine = String::from_utf8_lossy(&engine[2..]);
    match engine.eq_ignore_ascii_case("lua") {
        true => Ok(name),
        false => Err(format!("Engine '{engine}' not found")),
    }
}

fn name_option(options: &[Vec<u8>]) -> Result<String, String> {
    const TWICE: &str = "Invalid metadata value, name argument was given multiple times";
    let mut name = None;
    for option in options {
        let (word, value) = option.split_at(option.len().min("name=".len()));
        if !word.eq_ignore_ascii_case(b"name=") {
            let option = String::from_utf8_lossy(option);
            return Err(format!("Invalid metadata value given: {option}"));
        }
        if name.is_some() {
            return Err(TWICE.to_owned());
        }
        name = Some(String::from_utf8_lossy(value).into_owned());
    }
    name.ok_or_else(|| "Library name was not given".to_owned())
}

/// Splits a line as Redis's inline commands are: at white space, with quotes. `None` where quotes do not match.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.iter().copied().peekable();
    loop {
        while rest.next_if(u8::is_ascii_whitespace).is_some() {}
        if rest.peek().is_none() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(byte) = rest.next_if(|b| !b.is_ascii_whitespace()) {
            let quote @ (b'"' | b'\'') = byte else {
                word.push(byte);
                continue;
            };
            loop {
                match rest.next()? {
                    b'\\' if quote == b'"' => word.push(escaped(&mut rest)?),
                    b'\\' if rest.next_if_eq(&b'\'').is_some() => word.push(b'\''),
                    byte if byte == quote => break,
                    byte => word.push(byte),
                }
            }
            // A closing quote ends the word.
            if rest.peek().is_some_and(|b| !b.is_ascii_whitespace()) {
                return None;
            }
        }
        words.push(word);
    }
}

/// What stands behind a backslash in double quotes.
fn escaped(rest: &mut std::iter::Peekable<impl Iterator<Item = u8> + Clone>) -> Option<u8> {
    Some(match rest.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        b'x' => {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let mut ahead = rest.clone();
            match (digit(ahead.next()), digit(ahead.next())) {
                (Some(high), Some(low)) => {
                    *rest = ahead;
                    (high << 4 | low) as u8
                }
                _ => b'x',
            }
        }
        byte => byte,
    })
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_first_line_is_read_as_redis_reads_it() {
        for (line, want) in [
            ("#!lua name=a_1\n", Ok("a_1")),
            ("#!LUA   name=\"foo\"  \nreturn", Ok("foo")),
            ("#!lua NAME='foo'\n", Ok("foo")),
            ("#!lua name=\"\\x61b\"\n", Ok("ab")),
            ("return 1", Err("Missing library metadata")),
            ("#!lua name=a", Err("Invalid library metadata")),
            ("#!lua name=\"a\n", Err("Invalid library metadata")),
            ("#!lua name=\"a\"b\n", Err("Invalid library metadata")),
            ("#!lua\n", Err("Library name was not given")),
            ("#! name=a\n", Err("Engine '' not found")),
            ("#!js name=a\n", Err("Engine 'js' not found")),
            ("#!lua name=a foo=bar\n", Err("Invalid metadata value given: foo=bar")),
            (
                "#!lua name=a name=b\n",
                Err("Invalid metadata value, name argument was given multiple times"),
            ),
            (
                "#!lua name=a-b\n",
                Err(
                    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
                ),
            ),
        ] {
            assert_eq!(name(line.as_bytes()).as_deref().map_err(String::as_str), want, "{line:?}");
        }
    }
}
