//! Attributes and their values.

use super::protobuf::Message;
use serde_json::Value as Json;
use std::borrow::Cow;

/// A longer text is cut.
const TEXT_MAX_BYTES: usize = 4 * 1024;
/// Longer JSON is not parsed: it is a text, and is cut.
const JSON_MAX_BYTES: usize = 64 * 1024;
/// Values within values; deeper ones are left out.
const DEPTH_MAX: usize = 8;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Int(i64),
    Double(f64),
    Bool(bool),
}

/// An attribute of a span or of a line of the log.
pub(crate) type Attribute = (&'static str, Value);

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Value {
    /// About its size in a request.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => cut(text).len(),
            Self::Int(_) | Self::Double(_) => size_of::<u64>(),
            Self::Bool(_) => size_of::<bool>(),
        }
    }

    fn write(&self, message: &mut Message) {
        match self {
            Self::Text(text) => text_value(text, message),
            Self::Bool(value) => bool_value(*value, message),
            Self::Int(value) => message.int(3, *value),
            Self::Double(value) => message.double(4, *value),
        }
    }
}

fn text_value(text: &str, message: &mut Message) {
    message.member(1, cut(text).as_bytes());
}

/// In a choice of several, so it is written if it is false, too.
fn bool_value(value: bool, message: &mut Message) {
    message.int(2, value.into());
}

/// The beginning of a text, if it is too long.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX_BYTES)]
}

/// Writes an attribute as an element of a list.
pub(crate) fn attribute(message: &mut Message, field: u32, key: &str, value: &Value) {
    message.nested(field, |pair| {
        pair.text(1, cut(key));
        pair.nested(2, |any| value.write(any));
    });
}

/// Writes a text attribute as an element of a list.
pub(crate) fn text_attribute(message: &mut Message, field: u32, key: &str, text: &str) {
    message.nested(field, |pair| {
        pair.text(1, cut(key));
        pair.nested(2, |any| text_value(text, any));
    });
}

/// Writes an attribute whose value is JSON, as in `wasi:otel`. What is not JSON is a text.
pub(crate) fn json_attribute(message: &mut Message, field: u32, key: &str, json: &str) {
    message.nested(field, |pair| {
        pair.text(1, cut(key));
        pair.nested(2, |any| json_text(json, any));
    });
}

/// Writes a value that is JSON. What is not JSON, or too long, is a text.
pub(crate) fn json_text(json: &str, message: &mut Message) {
    let is_parsed = json.len() <= JSON_MAX_BYTES;
    match is_parsed.then(|| serde_json::from_str(json)) {
        Some(Ok(value)) => json_value(&value, message, 0),
        _ => text_value(json, message),
    }
}

fn json_value(value: &Json, message: &mut Message, depth: usize) {
    match value {
        Json::Null => {}
        Json::Bool(value) => bool_value(*value, message),
        Json::Number(number) => match number.as_i64() {
            Some(number) => message.int(3, number),
            None => message.double(4, number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => text_value(text, message),
        _ if depth == DEPTH_MAX => {}
        Json::Array(values) => message.nested(5, |list| {
            for value in values {
                list.nested(1, |any| json_value(value, any, depth + 1));
            }
        }),
        Json::Object(members) => message.nested(6, |list| {
            for (key, value) in members {
                list.nested(1, |pair| {
                    pair.text(1, cut(key));
                    pair.nested(2, |any| json_value(value, any, depth + 1));
                });
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::otlp::{Field, fields};

    #[test]
    fn json_that_is_too_long_is_a_text() {
        let json = format!("[{}1]", "1,".repeat(JSON_MAX_BYTES / 2));
        let message = Message::of(|message| json_text(&json, message));
        let found: Vec<_> = fields(message.as_bytes()).collect();
        assert_eq!(found, [(1, Field::Bytes(cut(&json).as_bytes()))]);
    }
}
