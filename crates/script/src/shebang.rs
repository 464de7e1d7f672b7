//! The first line of a script, `#!lua flags=...`: which engine it is for, and what it promises.

/// What a script's flags say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// It writes nothing.
    pub no_writes: bool,
}

const KNOWN: [&str; 5] =
    ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

/// Splits a body into its flags and its code. The line stays, empty, so that errors count lines as the author does.
///
/// # Errors
/// In Redis's words: an engine, an option or a flag that there is not.
pub(crate) fn split(body: &[u8]) -> Result<(Flags, &[u8]), String> {
    if !body.starts_with(b"#!") {
        return Ok((Flags::default(), body));
    }
    let end = body.iter().position(|b| *b == b'\n');
    let Some(end) = end else { return Err("ERR Invalid script shebang".to_owned()) };
    let line = String::from_utf8_lossy(&body[..end]);
    let mut words = line.split_ascii_whitespace();
    let engine = words.next().unwrap_or_default();
    if engine != "#!lua" {
        return Err(format!("ERR Unexpected engine in script shebang: {engine}"));
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(list) = word.strip_prefix("flags=") else {
            return Err(format!("ERR Unknown lua shebang option: {word}"));
        };
        for flag in list.split(',').filter(|flag| !flag.is_empty()) {
            flags
                .set(flag)
                .ok_or_else(|| format!("ERR Unexpected flag in script shebang: {flag}"))?;
        }
    }
    Ok((flags, &body[end..]))
}

impl Flags {
    /// Sets a flag by its name; `None` when there is none of that name.
    pub fn set(&mut self, name: &str) -> Option<()> {
        self.no_writes |= name == "no-writes";
        KNOWN.contains(&name).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_read_as_redis_reads_it() {
        let none = Flags::default();
        assert_eq!(split(b"return 1"), Ok((none, &b"return 1"[..])));
        assert_eq!(split(b"#!lua\nreturn 1"), Ok((none, &b"\nreturn 1"[..])));
        let read = Flags { no_writes: true };
        assert_eq!(split(b"#!lua flags=no-writes,allow-oom\nx"), Ok((read, &b"\nx"[..])));
        let cases = [
            ("#!lua name=foo\n", "ERR Unknown lua shebang option: name=foo"),
            ("#!foo\n", "ERR Unexpected engine in script shebang: #!foo"),
            ("#!lua flags=bad\n", "ERR Unexpected flag in script shebang: bad"),
            ("#!lua", "ERR Invalid script shebang"),
        ];
        for (body, want) in cases {
            assert_eq!(split(body.as_bytes()), Err(want.to_owned()));
        }
    }
}
