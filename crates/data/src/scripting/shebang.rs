//! The first line of a script, `#!lua flags=...`: which engine it is for, and what it promises.

/// What a script or a function promises: bits, 1 shifted by the place of the name in [`Promises::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promises(pub u8);

impl Promises {
    /// All that Redis 7.0 knows. A node always serves (`allow-stale`), and keys of several slots are always allowed
    /// (`allow-cross-slot-keys`), so these two change nothing.
    pub const NAMES: [&str; 5] =
        ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];
    const NO_WRITES: u8 = 1;
    const ALLOW_OOM: u8 = 1 << 1;
    const NO_CLUSTER: u8 = 1 << 3;

    /// The promise with this name.
    fn of(name: &str) -> Option<u8> {
        Self::NAMES.iter().position(|known| *known == name).map(|bit| 1 << bit)
    }

    /// It writes nothing.
    #[must_use]
    pub const fn no_writes(self) -> bool {
        self.0 & Self::NO_WRITES != 0
    }

    /// It may run while memory is short. What writes nothing may.
    #[must_use]
    pub const fn allows_oom(self) -> bool {
        self.0 & (Self::ALLOW_OOM | Self::NO_WRITES) != 0
    }

    /// Why it may not run, if so; `read_only`: it was called by a command that only reads.
    ///
    /// # Errors
    /// In Redis's words.
    pub const fn check(self, read_only: bool) -> Result<(), &'static str> {
        if self.0 & Self::NO_CLUSTER != 0 {
            return Err("ERR Can not run script on cluster, 'no-cluster' flag is set.");
        }
        if read_only && !self.no_writes() {
            return Err("ERR Can not execute a script with write flag using *_ro command.");
        }
        Ok(())
    }

    /// The names of those that are made.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let made = move |(bit, _): &(usize, &&str)| self.0 >> bit & 1 == 1;
        Self::NAMES.iter().enumerate().filter(made).map(|(_, name)| *name)
    }
}

/// Splits a body into what its first line promises, if it has such a line, and its code. The line stays, empty, so that errors count
/// lines as the author does.
///
/// # Errors
/// In Redis's words: an engine, an option or a flag that there is not.
pub fn split(body: &[u8]) -> Result<(Option<Promises>, &[u8]), String> {
    if !body.starts_with(b"#!") {
        return Ok((None, body));
    }
    let end = body.iter().position(|b| *b == b'\n');
    let Some(end) = end else { return Err("ERR Invalid script shebang".to_owned()) };
    let line = String::from_utf8_lossy(&body[..end]);
    let mut words = line.split_ascii_whitespace();
    let engine = words.next().unwrap_or_default();
    if engine != "#!lua" {
        return Err(format!("ERR Unexpected engine in script shebang: {engine}"));
    }
    let mut promises = Promises::default();
    for word in words {
        let Some(list) = word.strip_prefix("flags=") else {
            return Err(format!("ERR Unknown lua shebang option: {word}"));
        };
        for flag in list.split(',').filter(|flag| !flag.is_empty()) {
            promises.0 |= Promises::of(flag)
                .ok_or_else(|| format!("ERR Unexpected flag in script shebang: {flag}"))?;
        }
    }
    Ok((Some(promises), &body[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_read_as_redis_reads_it() {
        assert_eq!(split(b"return 1"), Ok((None, &b"return 1"[..])));
        assert_eq!(split(b"#!lua\nreturn 1"), Ok((Some(Promises(0)), &b"\nreturn 1"[..])));
        let read = Some(Promises(0b11));
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

    #[test]
    fn what_is_promised_decides_what_may_run() {
        let of = |name: &str| Promises(Promises::of(name).unwrap());
        assert!(Promises::default().check(false).is_ok());
        assert!(Promises::default().check(true).is_err());
        assert!(of("no-writes").check(true).is_ok());
        assert!(of("no-cluster").check(false).is_err());
        assert!(of("no-writes").allows_oom() && of("allow-oom").allows_oom());
        assert!(!of("allow-stale").allows_oom() && !of("allow-oom").no_writes());
        assert_eq!(Promises(0b1010).names().collect::<Vec<_>>(), ["allow-oom", "no-cluster"]);
    }
}
