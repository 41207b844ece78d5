//! Values in rows.

use super::numeric::Numeric;
use super::range::{self, Bound};
use super::times;
use super::types::{Column, DbDataType, DbValue, Interval};
use std::error::Error;
use std::fmt;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

type BoxError = Box<dyn Error + Sync + Send>;

/// Any value.
struct Value(DbValue);

/// The server has sent a value that is not of its type, or that the interface can't express.
#[derive(Debug)]
pub(super) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the interface has no such value of this type")
    }
}

impl Error for Malformed {}

impl FromSql<'_> for Value {
    fn from_sql(ty: &Type, raw: &[u8]) -> Result<Self, BoxError> {
        read(ty, raw).map(Self)
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Self(DbValue::DbNull))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl FromSql<'_> for Numeric {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, BoxError> {
        Ok(Self::read(raw).ok_or(Malformed)?)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }
}

/// The columns of a result.
pub(super) fn columns(statement: &Statement) -> Vec<Column> {
    let columns = statement.columns().iter();
    let column = columns.map(|column| Column {
        name: column.name().to_owned(),
        data_type: data_type(column.type_()),
    });
    column.collect()
}

/// The values of a row.
pub(super) fn row(row: &Row) -> Result<Vec<DbValue>, tokio_postgres::Error> {
    (0..row.len()).map(|index| row.try_get(index).map(|Value(value)| value)).collect()
}

fn data_type(ty: &Type) -> DbDataType {
    match *ty {
        Type::BOOL => DbDataType::Boolean,
        Type::BYTEA => DbDataType::Binary,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DbDataType::Datetime,
        Type::DATE => DbDataType::Date,
        Type::TIME => DbDataType::Time,
        Type::UUID => DbDataType::Uuid,
        Type::JSONB => DbDataType::Jsonb,
        Type::NUMERIC => DbDataType::Decimal,
        Type::INT4_RANGE => DbDataType::RangeInt32,
        Type::INT8_RANGE => DbDataType::RangeInt64,
        Type::NUM_RANGE => DbDataType::RangeDecimal,
        Type::INT4_ARRAY => DbDataType::ArrayInt32,
        Type::INT8_ARRAY => DbDataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DbDataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbDataType::ArrayStr,
        Type::INTERVAL => DbDataType::Interval,
        _ => DbDataType::Other(ty.name().to_owned()),
    }
}

fn read(ty: &Type, raw: &[u8]) -> Result<DbValue, BoxError> {
    Ok(match data_type(ty) {
        DbDataType::Boolean => DbValue::Boolean(FromSql::from_sql(ty, raw)?),
        DbDataType::Binary => DbValue::Binary(raw.to_vec()),
        DbDataType::Floating32 => DbValue::Floating32(FromSql::from_sql(ty, raw)?),
        DbDataType::Floating64 => DbValue::Floating64(FromSql::from_sql(ty, raw)?),
        DbDataType::Int16 => DbValue::Int16(FromSql::from_sql(ty, raw)?),
        DbDataType::Int32 => DbValue::Int32(FromSql::from_sql(ty, raw)?),
        DbDataType::Int64 => DbValue::Int64(FromSql::from_sql(ty, raw)?),
        DbDataType::Str => DbValue::Str(FromSql::from_sql(ty, raw)?),
        DbDataType::Datetime => DbValue::Datetime(times::datetime(int8(raw)?).ok_or(Malformed)?),
        DbDataType::Date => DbValue::Date(times::date(int4(raw)?).ok_or(Malformed)?),
        DbDataType::Time => DbValue::Time(times::time(int8(raw)?).ok_or(Malformed)?),
        DbDataType::Uuid => DbValue::Uuid(Uuid::from_slice(raw)?.to_string()),
        DbDataType::Jsonb => DbValue::Jsonb(jsonb(raw)?.to_vec()),
        DbDataType::Decimal => DbValue::Decimal(Numeric::read(raw).ok_or(Malformed)?.to_string()),
        DbDataType::RangeInt32 => DbValue::RangeInt32(range::read(raw)?),
        DbDataType::RangeInt64 => DbValue::RangeInt64(range::read(raw)?),
        DbDataType::RangeDecimal => {
            let (lower, upper) = range::read::<Numeric>(raw)?;
            DbValue::RangeDecimal((decimal_bound(lower), decimal_bound(upper)))
        }
        DbDataType::ArrayInt32 => DbValue::ArrayInt32(FromSql::from_sql(ty, raw)?),
        DbDataType::ArrayInt64 => DbValue::ArrayInt64(FromSql::from_sql(ty, raw)?),
        DbDataType::ArrayDecimal => DbValue::ArrayDecimal(decimals(ty, raw)?),
        DbDataType::ArrayStr => DbValue::ArrayStr(FromSql::from_sql(ty, raw)?),
        DbDataType::Interval => DbValue::Interval(interval(raw)?),
        // No type of the server has the others.
        _ => DbValue::Unsupported(raw.to_vec()),
    })
}

fn int4(raw: &[u8]) -> Result<i32, BoxError> {
    FromSql::from_sql(&Type::INT4, raw)
}

fn int8(raw: &[u8]) -> Result<i64, BoxError> {
    FromSql::from_sql(&Type::INT8, raw)
}

/// The text follows the number of a format.
fn jsonb(raw: &[u8]) -> Result<&[u8], Malformed> {
    raw.strip_prefix(&[1]).ok_or(Malformed)
}

fn decimals(ty: &Type, raw: &[u8]) -> Result<Vec<Option<String>>, BoxError> {
    let numbers = Vec::<Option<Numeric>>::from_sql(ty, raw)?;
    Ok(numbers.into_iter().map(|number| number.map(|number| number.to_string())).collect())
}

fn decimal_bound(bound: Bound<Numeric>) -> Bound<String> {
    bound.map(|(number, kind)| (number.to_string(), kind))
}

fn interval(raw: &[u8]) -> Result<Interval, BoxError> {
    let (micros, rest) = raw.split_at_checked(8).ok_or(Malformed)?;
    let (days, months) = rest.split_at_checked(4).ok_or(Malformed)?;
    Ok(Interval { micros: int8(micros)?, days: int4(days)?, months: int4(months)? })
}

/// The size of a value, besides its fixed part.
pub(super) fn bytes(value: &DbValue) -> usize {
    let texts = |texts: &[Option<String>]| {
        let text =
            |text: &Option<String>| size_of::<String>() + text.as_ref().map_or(0, String::len);
        texts.iter().map(text).sum()
    };
    match value {
        DbValue::Str(text) | DbValue::Uuid(text) | DbValue::Decimal(text) => text.len(),
        DbValue::Binary(bytes) | DbValue::Jsonb(bytes) | DbValue::Unsupported(bytes) => bytes.len(),
        DbValue::ArrayInt32(all) => size_of_val(all.as_slice()),
        DbValue::ArrayInt64(all) => size_of_val(all.as_slice()),
        DbValue::ArrayDecimal(all) | DbValue::ArrayStr(all) => texts(all),
        DbValue::RangeDecimal((lower, upper)) => {
            let bound = |bound: &Bound<String>| bound.as_ref().map_or(0, |(text, _)| text.len());
            bound(lower) + bound(upper)
        }
        _ => 0,
    }
}
