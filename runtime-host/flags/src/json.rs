//! Strict reading of JSON: with places, and without members that are given twice.

use crate::limits::{DOCUMENT_MAX_BYTES, PROBLEMS_MAX};
use crate::problem::{Problem, Problems};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct At<'a> {
    pub(crate) value: &'a Value,
    pub(crate) pointer: String,
}

/// The problems that were found.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Problem>);

/// Reads a text. It has at most [`DOCUMENT_MAX_BYTES`].
pub(crate) fn read(text: &[u8]) -> Result<Value, Problems> {
    let refuse = |message: String| Problems(vec![Problem { pointer: String::new(), message }]);
    if text.len() > DOCUMENT_MAX_BYTES {
        return Err(refuse(format!("has more than {DOCUMENT_MAX_BYTES} bytes")));
    }
    let Strict(value) =
        serde_json::from_slice(text).map_err(|error| refuse(format!("is not valid: {error}")))?;
    Ok(value)
}

impl Found {
    pub(crate) fn report(&mut self, pointer: &str, message: impl Into<String>) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(Problem { pointer: pointer.to_owned(), message: message.into() });
        }
    }

    /// The value if there are no problems.
    pub(crate) fn none_or<T>(self, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problems(self.0)),
        }
    }
}

impl<'a> At<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, pointer: String::new() }
    }

    /// A member or an item of this value.
    pub(crate) fn child(&self, name: &str, value: &'a Value) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { value, pointer: format!("{}/{name}", self.pointer) }
    }

    /// The members of an object that has only members with these names.
    pub(crate) fn object(
        &self,
        names: &[&str],
        found: &mut Found,
    ) -> Option<&'a Map<String, Value>> {
        let members = self.members(found)?;
        for (name, value) in members {
            if !names.contains(&name.as_str()) {
                let known = names.join("`, `");
                let message = format!("is not known here: there are `{known}`");
                found.report(&self.child(name, value).pointer, message);
            }
        }
        Some(members)
    }

    /// The members of an object.
    pub(crate) fn members(&self, found: &mut Found) -> Option<&'a Map<String, Value>> {
        let members = self.value.as_object();
        if members.is_none() {
            found.report(&self.pointer, "must be an object");
        }
        members
    }

    /// The items of an array.
    pub(crate) fn items(&self, max: usize, found: &mut Found) -> Option<&'a [Value]> {
        let Some(items) = self.value.as_array() else {
            found.report(&self.pointer, "must be an array");
            return None;
        };
        if items.len() > max {
            found.report(&self.pointer, format!("must have at most {max} entries"));
            return None;
        }
        Some(items)
    }

    /// A text of this length.
    pub(crate) fn text(&self, max_bytes: usize, found: &mut Found) -> Option<&'a str> {
        let Some(text) = self.value.as_str() else {
            found.report(&self.pointer, "must be a string");
            return None;
        };
        if text.len() > max_bytes {
            found.report(&self.pointer, format!("must have at most {max_bytes} bytes"));
            return None;
        }
        Some(text)
    }
}

/// A value without members that are given twice: one of them would have no effect.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number);
        number.map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if all.contains_key(&name) {
                let name = name.escape_debug();
                return Err(de::Error::custom(format!("`{name}` is given twice")));
            }
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}
