//! Parameters and replies of `execute`, in the types that all versions share.

use tessera_redis::{FromRedisValue, ParsingError, Value};

/// An argument of a command.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::capabilities) enum Parameter {
    Int64(i64),
    Binary(Vec<u8>),
}

/// An element of a reply.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::capabilities) enum Reply {
    Nil,
    Status(String),
    Int64(i64),
    Binary(Vec<u8>),
}

/// The elements of a reply, without the structure of lists, as in stock Spin.
#[derive(Debug, Default, PartialEq)]
pub(in crate::capabilities) struct Elements(Vec<Reply>);

impl Elements {
    /// In the types of one version.
    pub(in crate::capabilities) fn converted<T: From<Reply>>(self) -> Vec<T> {
        self.0.into_iter().map(T::from).collect()
    }

    fn append(&mut self, value: Value) -> Result<(), ParsingError> {
        self.0.push(match value {
            Value::Nil => Reply::Nil,
            Value::Okay => Reply::Status("OK".to_owned()),
            Value::SimpleString(text) => Reply::Status(text),
            Value::Int(number) => Reply::Int64(number),
            Value::Boolean(boolean) => Reply::Int64(boolean.into()),
            Value::BulkString(bytes) | Value::BigNumber(bytes) => Reply::Binary(bytes),
            Value::Double(number) => Reply::Binary(number.to_string().into_bytes()),
            Value::Array(values) | Value::Set(values) => {
                return values.into_iter().try_for_each(|value| self.append(value));
            }
            _ => return Err("a reply of this type is not supported".to_owned().into()),
        });
        Ok(())
    }
}

impl FromRedisValue for Elements {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut elements = Self::default();
        elements.append(value)?;
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_flattened() {
        let text = |text: &str| Value::BulkString(text.into());
        let nested = Value::Array(vec![text("b"), Value::Nil, Value::Array(vec![Value::Int(7)])]);
        let value = Value::Array(vec![Value::Okay, nested, Value::Double(1.5)]);
        let expected = vec![
            Reply::Status("OK".into()),
            Reply::Binary(b"b".into()),
            Reply::Nil,
            Reply::Int64(7),
            Reply::Binary(b"1.5".into()),
        ];
        assert_eq!(Elements::from_redis_value(value), Ok(Elements(expected)));
        assert!(Elements::from_redis_value(Value::Map(vec![])).is_err());
    }
}
