//! Values of parameters and in rows.

use super::types::{Column, DbDataType, DbValue, Error, ParameterValue};
use mysql_async::prelude::FromValue;
use mysql_async::{Row, Value, from_value_opt};

pub(super) fn parameter(value: ParameterValue) -> Value {
    match value {
        ParameterValue::Boolean(value) => value.into(),
        ParameterValue::Int8(value) => value.into(),
        ParameterValue::Int16(value) => value.into(),
        ParameterValue::Int32(value) => value.into(),
        ParameterValue::Int64(value) => value.into(),
        ParameterValue::Uint8(value) => value.into(),
        ParameterValue::Uint16(value) => value.into(),
        ParameterValue::Uint32(value) => value.into(),
        ParameterValue::Uint64(value) => value.into(),
        ParameterValue::Floating32(value) => value.into(),
        ParameterValue::Floating64(value) => value.into(),
        ParameterValue::Str(text) => text.into(),
        ParameterValue::Binary(bytes) => bytes.into(),
        ParameterValue::DbNull => Value::NULL,
    }
}

/// The values of a row.
pub(super) fn row(row: Row, columns: &[Column]) -> Result<Vec<DbValue>, Error> {
    let values = row.unwrap().into_iter();
    values.zip(columns).map(|(value, column)| read(value, column)).collect()
}

fn read(value: Value, column: &Column) -> Result<DbValue, Error> {
    if value == Value::NULL {
        return Ok(DbValue::DbNull);
    }
    Ok(match column.data_type {
        DbDataType::Boolean => DbValue::Boolean(convert(value, column)?),
        DbDataType::Int8 => DbValue::Int8(convert(value, column)?),
        DbDataType::Int16 => DbValue::Int16(convert(value, column)?),
        DbDataType::Int32 => DbValue::Int32(convert(value, column)?),
        DbDataType::Int64 => DbValue::Int64(convert(value, column)?),
        DbDataType::Uint8 => DbValue::Uint8(convert(value, column)?),
        DbDataType::Uint16 => DbValue::Uint16(convert(value, column)?),
        DbDataType::Uint32 => DbValue::Uint32(convert(value, column)?),
        DbDataType::Uint64 => DbValue::Uint64(convert(value, column)?),
        DbDataType::Floating32 => DbValue::Floating32(convert(value, column)?),
        DbDataType::Floating64 => DbValue::Floating64(convert(value, column)?),
        DbDataType::Str => DbValue::Str(convert(value, column)?),
        DbDataType::Binary => DbValue::Binary(convert(value, column)?),
        DbDataType::Other => {
            let text = format!(
                "the interface has no type for the column `{}`: select it as a text, \
                 for example by `CAST({0} AS CHAR)`",
                column.name
            );
            return Err(Error::ValueConversionFailed(text));
        }
    })
}

fn convert<T: FromValue>(value: Value, column: &Column) -> Result<T, Error> {
    from_value_opt(value).map_err(|error| {
        Error::ValueConversionFailed(format!("the column `{}`: {error}", column.name))
    })
}

/// The size of a value, besides its fixed part.
pub(super) fn bytes(value: &DbValue) -> usize {
    match value {
        DbValue::Str(text) => text.len(),
        DbValue::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}
