//! The tokens of Rust source text: identifiers and punctuation, without comments and literals.

/// A token and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    pub(crate) fn is_identifier(self) -> bool {
        self.text.starts_with(is_start)
    }
}

/// All tokens of a source text. `::` is one token, all other punctuation is split.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = match first {
            _ if first.is_whitespace() => (first.len_utf8(), false),
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            _ if rest.starts_with("/*") => (block_comment(rest), false),
            '\'' => (quote(rest), false),
            '"' => (string(rest), false),
            _ if first.is_ascii_digit() => (number(rest), false),
            _ if is_start(first) => match prefixed_string(rest) {
                Some(length) => (length, false),
                None => (identifier(rest), true),
            },
            _ if rest.starts_with("::") => (2, true),
            _ => (first.len_utf8(), true),
        };
        let (text, after) = rest.split_at(length);
        if is_token {
            tokens.push(Token { text: text.strip_prefix("r#").unwrap_or(text), line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_continuation(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn identifier(rest: &str) -> usize {
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    rest[raw..].find(|c| !is_continuation(c)).map_or(rest.len(), |length| raw + length)
}

/// `1_000`, `0xff`, `1.5`, but not the dots of `0..10`.
fn number(rest: &str) -> usize {
    let whole = identifier(rest);
    let fraction = rest[whole..]
        .strip_prefix('.')
        .filter(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    fraction.map_or(whole, |after| whole + 1 + identifier(after))
}

/// A block comment, which may contain others.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// A string literal that begins with its quote.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// A literal that begins with letters, such as `b"x"` or `r#"x"#`; `None` for an identifier.
fn prefixed_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| after.starts_with(['"', '#', '\'']))
    })?;
    let after = &rest[prefix.len()..];
    if !prefix.ends_with('r') {
        return match after.chars().next()? {
            '"' => Some(prefix.len() + string(after)),
            '\'' if prefix == "b" => Some(prefix.len() + quote(after)),
            _ => None,
        };
    }
    let hashes = after.find(|c: char| c != '#')?;
    let text = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = text.find(&end).map_or(text.len(), |at| at + end.len());
    Some(prefix.len() + hashes + 1 + length)
}

/// A character literal or a lifetime.
fn quote(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    let Some((_, first)) = characters.next() else { return rest.len() };
    if first == '\\' {
        // The escaped character may itself be a quote.
        let end = rest[1..].char_indices().skip(2).find(|(_, c)| *c == '\'');
        return end.map_or(rest.len(), |(at, _)| at + 2);
    }
    match characters.next() {
        Some((at, '\'')) => at + 1,
        _ => 1 + identifier(&rest[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_are_skipped() {
        let source = r##"
            // use a::b;
            /* use /* c::d */ e::f; */
            let x = "use g::h; \" i::j" + r#"k::l " m"# + b"n::o" + 'p' + '\'' + b'q' + 1.5;
        "##;
        assert_eq!(
            texts(source),
            ["let", "x", "=", "+", "+", "+", "+", "+", "+", ";"],
            "only the expression is left"
        );
    }

    #[test]
    fn lifetimes_are_not_characters_and_ranges_are_not_numbers() {
        assert_eq!(
            texts("fn f<'a>(x: &'a str) { 0..b::c() }"),
            [
                "fn", "f", "<", ">", "(", "x", ":", "&", "str", ")", "{", ".", ".", "b", "::", "c",
                "(", ")", "}"
            ]
        );
    }

    #[test]
    fn raw_identifiers_have_no_prefix_and_lines_are_counted() {
        let source = "r#type\n\"\n\n\"\nnext";
        let expected = [Token { text: "type", line: 1 }, Token { text: "next", line: 5 }];
        assert_eq!(tokens(source), expected);
    }
}
