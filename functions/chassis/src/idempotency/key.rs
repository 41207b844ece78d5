//! The header `Idempotency-Key`.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::request::Parts;

/// The longest key, in characters.
pub const KEY_CHARS_MAX: usize = 255;
const HEADER: &str = "idempotency-key";

/// A key from the header; as an extractor, 400 when it is missing, malformed or sent twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Read a header's value: a structured-field string or a bare token.
    pub fn parse(value: &str) -> Result<IdempotencyKey, Problem> {
        let key = match value.trim().strip_prefix('"') {
            Some(rest) => quoted(rest),
            None => bare(value.trim()),
        };
        key.filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len())).map(IdempotencyKey).ok_or_else(
            || {
                Problem::bad_request(format!(
                    "Idempotency-Key must be a string of 1 to {KEY_CHARS_MAX} ASCII characters."
                ))
            },
        )
    }

    /// The key without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The inside of a structured-field string (RFC 9651, section 3.3.3) after its first quote.
fn quoted(rest: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(characters.next().filter(|next| matches!(next, '"' | '\\'))?),
            character if character == ' ' || character.is_ascii_graphic() => key.push(character),
            _ => return None,
        }
    }
}

fn bare(value: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
    value.bytes().all(plain).then(|| value.to_owned())
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<IdempotencyKey, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Err(Problem::bad_request("Send the header Idempotency-Key with a fresh key."));
        };
        if values.next().is_some() {
            return Err(Problem::bad_request("Send one Idempotency-Key, not several."));
        }
        IdempotencyKey::parse(value.to_str().unwrap_or("\u{fffd}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_spellings_are_one_key() {
        for (value, key) in [
            ("\"8e03978e\"", "8e03978e"),
            (" 8e03978e ", "8e03978e"),
            (r#""a \"b\" \\c""#, r#"a "b" \c"#),
        ] {
            assert_eq!(IdempotencyKey::parse(value).unwrap().as_str(), key);
        }
        assert!(IdempotencyKey::parse(&"k".repeat(255)).is_ok());
    }

    #[test]
    fn other_values_are_refused() {
        let long = "k".repeat(256);
        let values =
            ["", "\"\"", "\"open", "\"a\"b", "\"a\";p=1", "a b", "a,b", "clé", r#""a\n""#, &long];
        for value in values {
            assert_eq!(IdempotencyKey::parse(value).unwrap_err().status(), 400, "{value}");
        }
    }
}
