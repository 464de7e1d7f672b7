//! Redis's glob patterns: `*`, `?`, `[a-z]`, `[^x]`, `\x`.
//!
//! Backtracking goes to the last star only, since a later star makes every earlier choice as good as
//! any other: pattern length times text length at worst, where the naive recursion is exponential.

/// A pattern, checked once for the frequent simple case.
#[derive(Clone, Copy, Debug)]
pub struct Glob<'p> {
    pattern: &'p [u8],
    matches_all: bool,
}

impl<'p> Glob<'p> {
    /// Any bytes are a pattern.
    #[must_use]
    pub fn new(pattern: &'p [u8]) -> Self {
        Self { pattern, matches_all: !pattern.is_empty() && pattern.iter().all(|b| *b == b'*') }
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.matches_all || matches(self.pattern, text)
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last star, and from which place of the text.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
        } else if p == pattern.len() && t == text.len() {
            return true;
        } else if let Some(byte) = text.get(t)
            && let Some(len) = match_one(&pattern[p..], *byte)
        {
            p += len;
            t += 1;
        } else if let Some((after_star, from)) = star
            && from < text.len()
        {
            star = Some((after_star, from + 1));
            (p, t) = (after_star, from + 1);
        } else {
            return false;
        }
    }
}

/// Matches one byte against the first item of the pattern; the length of the item when it matches.
fn match_one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (matched, len) = match_class(class, byte);
            matched.then_some(1 + len)
        }
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [literal, ..] => (*literal == byte).then_some(1),
    }
}

/// Matches a byte against what follows `[`; also the length up to and with the closing bracket. A
/// class that is never closed ends with the pattern, as in Redis.
fn match_class(class: &[u8], byte: u8) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut matched = false;
    loop {
        match &class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                matched |= *escaped == byte;
                at += 2;
            }
            [low, b'-', high, ..] => {
                matched |= (*low.min(high)..=*low.max(high)).contains(&byte);
                at += 3;
            }
            [one, ..] => {
                matched |= *one == byte;
                at += 1;
            }
        }
    }
    (matched != negated, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "abba", false),
            ("a*b?c*", "axxbyczz", true),
        ] {
            assert_eq!(
                Glob::new(pattern.as_bytes()).matches(text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!Glob::new(pattern.as_bytes()).matches("a".repeat(5000).as_bytes()));
    }
}
