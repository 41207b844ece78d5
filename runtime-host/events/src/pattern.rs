//! Patterns of event types.

use std::fmt;

use crate::{Error, Result};

/// A type, or a prefix of types followed by `*`; `*` alone matches every type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
}

/// The maximum length of a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 256;

impl Pattern {
    /// Parses a pattern such as `com.shop.orders.order.*`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an empty or overlong text, a `*` that is not the last character, and
    /// white space or control characters.
    pub fn parse(text: &str) -> Result<Self> {
        let name = text.strip_suffix('*').unwrap_or(text);
        let odd = |c: char| c == '*' || c.is_whitespace() || c.is_control();
        let reason = match text {
            "" => "it is empty".to_owned(),
            _ if text.len() > PATTERN_BYTES_MAX => {
                format!("it is longer than {PATTERN_BYTES_MAX} bytes")
            }
            _ if name.contains('*') => "`*` may only be its last character".to_owned(),
            _ if name.contains(odd) => "it contains white space".to_owned(),
            _ => return Ok(Self { text: text.to_owned() }),
        };
        Err(Error::Invalid(format!("the type pattern `{text}` is malformed: {reason}")))
    }

    /// Whether a type matches.
    pub fn matches(&self, kind: &str) -> bool {
        match self.text.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => kind == self.text,
        }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn matches(pattern: &str, kind: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(kind)
    }

    #[test]
    fn a_pattern_is_a_type_or_a_prefix() {
        assert!(matches("com.shop.order.placed.v1", "com.shop.order.placed.v1"));
        assert!(!matches("com.shop.order.placed.v1", "com.shop.order.placed.v10"));
        assert!(!matches("com.shop.order.placed.v1", "com.shop.order.placed"));
        assert!(matches("com.shop.order.*", "com.shop.order.placed.v1"));
        assert!(!matches("com.shop.order.*", "com.shop.orders"));
        assert!(matches("com.shop.order*", "com.shop.order"));
        assert!(matches("*", "anything"));
        assert!(!matches("com.shop.[ab]", "com.shop.a"), "only `*` is special");
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in ["", "a*b", "**", "*.v1", "a b", "a\n*"] {
            assert!(Pattern::parse(text).is_err(), "`{text}`");
        }
        assert!(Pattern::parse(&"x".repeat(257)).is_err());
    }
}
