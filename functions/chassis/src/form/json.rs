//! JSON without duplicate members.
//!
//! Parsers disagree on which of two duplicate members counts. A component that checks a body and
//! one that acts on it could then see different values, so a duplicate is an error at any depth.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Parses a JSON text. Invalid JSON and duplicate members are errors with line and column.
///
/// # Errors
/// What is wrong, and where.
pub fn from_slice(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Unique>(text).map(|unique| unique.0)
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Unique, E> {
        Ok(Unique(Value::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Unique, E> {
        Ok(Unique(Value::Number(value.into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Unique, E> {
        Ok(Unique(Value::Number(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Unique, E> {
        Ok(Unique(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Unique, E> {
        Ok(Unique(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Unique, E> {
        Ok(Unique(Value::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Unique(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom("duplicate member"));
            }
            let Unique(value) = access.next_value()?;
            members.insert(name, value);
        }
        Ok(Unique(Value::Object(members)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_accepts_what_serde_json_accepts() {
        for text in [
            "null",
            "[true, false, 0, -1, 18446744073709551615, 1.5e3, \"\\u00e4\", {}]",
            r#"{"a": {"b": [{"c": "d"}]}, "b": {"a": 1}}"#,
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(from_slice(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in ["", "{", "[1,]", "{} {}", "{\"a\" 1}", "NaN", "'a'"] {
            assert!(from_slice(text.as_bytes()).is_err(), "{text}");
        }
        assert!(from_slice("[".repeat(100_000).as_bytes()).is_err(), "nested without an end");
    }

    #[test]
    fn duplicate_members_are_errors_in_any_spelling() {
        for text in [
            r#"{"email": "a", "email": "a"}"#,
            r#"{"email": "a", "\u0065mail": "b"}"#,
            r#"{"a": [{"b": 1, "c": {"d": 1, "d": 2}}]}"#,
        ] {
            let error = from_slice(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("duplicate"), "{error}");
        }
    }
}
