//! Pages of which a part is written by a program: what stands between two marks is replaced.

use anyhow::{Context, Result};

/// The page with `text` between the marks of this name.
///
/// # Errors
/// The page does not have them.
pub fn insert(page: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let (head, rest) =
        page.split_once(&begin).with_context(|| format!("the page has no mark {begin}"))?;
    let (_, tail) = rest.split_once(&end).with_context(|| format!("the page has no mark {end}"))?;
    Ok(format!("{head}{begin}\n{text}{end}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        let new = insert(page, "x", "new\n").expect("the marks are there");
        assert_eq!(new, "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n");
        assert!(insert(page, "y", "").is_err());
    }
}
