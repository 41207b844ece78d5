//! Values of parameters.

use super::fault::BadParameter;
use super::numeric::Numeric;
use super::range::{self, Bound};
use super::times;
use super::types::ParameterValue;
use serde::de::IgnoredAny;
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, WrongType, to_sql_checked};
use uuid::Uuid;

type BoxError = Box<dyn Error + Sync + Send>;
type Written = Result<IsNull, BoxError>;

/// A value of a parameter, whose type the server has decided.
#[derive(Debug)]
pub(super) struct Parameter(pub(super) ParameterValue);

impl ToSql for Parameter {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Written {
        write(&self.0, ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSql for Numeric {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Written {
        self.write(out);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::NUMERIC
    }

    to_sql_checked!();
}

fn write(value: &ParameterValue, ty: &Type, out: &mut BytesMut) -> Written {
    use ParameterValue as P;
    match value {
        P::DbNull => Ok(IsNull::Yes),
        P::Boolean(value) => value.to_sql_checked(ty, out),
        P::Int8(value) => value.to_sql_checked(ty, out),
        P::Int16(value) => value.to_sql_checked(ty, out),
        P::Int32(value) => value.to_sql_checked(ty, out),
        P::Int64(value) => value.to_sql_checked(ty, out),
        P::Floating32(value) => value.to_sql_checked(ty, out),
        P::Floating64(value) => value.to_sql_checked(ty, out),
        P::Str(value) => value.to_sql_checked(ty, out),
        P::Binary(value) => value.to_sql_checked(ty, out),
        P::ArrayInt32(values) => values.to_sql_checked(ty, out),
        P::ArrayInt64(values) => values.to_sql_checked(ty, out),
        P::ArrayStr(values) => values.to_sql_checked(ty, out),
        P::ArrayDecimal(values) => {
            let values = values.iter().map(|value| value.as_deref().map(number).transpose());
            values.collect::<Result<Vec<_>, _>>()?.to_sql_checked(ty, out)
        }
        P::Decimal(value) => number(value)?.to_sql_checked(ty, out),
        other => write_bytes(other, ty, out).map(|()| IsNull::No),
    }
}

/// The types that only the interface has.
fn write_bytes(value: &ParameterValue, ty: &Type, out: &mut BytesMut) -> Result<(), BoxError> {
    use ParameterValue as P;
    match value {
        P::Date(date) => {
            check(ty, "date", &[Type::DATE])?;
            let days = times::days(*date).ok_or_else(|| bad("date", date))?;
            out.extend_from_slice(&days.to_be_bytes());
        }
        P::Time(time) => {
            check(ty, "time", &[Type::TIME])?;
            put(times::micros(*time).ok_or_else(|| bad("time", time))?, out);
        }
        P::Datetime(value) => {
            check(ty, "datetime", &[Type::TIMESTAMP, Type::TIMESTAMPTZ])?;
            put(times::timestamp(*value).ok_or_else(|| bad("datetime", value))?, out);
        }
        P::Timestamp(seconds) => {
            check(ty, "timestamp", &[Type::TIMESTAMPTZ, Type::TIMESTAMP])?;
            put(times::unix(*seconds).ok_or_else(|| bad("timestamp", seconds))?, out);
        }
        P::Uuid(text) => {
            check(ty, "uuid", &[Type::UUID])?;
            let uuid = Uuid::parse_str(text).map_err(|_| bad("UUID", text))?;
            out.extend_from_slice(uuid.as_bytes());
        }
        P::Jsonb(text) => {
            check(ty, "jsonb", &[Type::JSONB, Type::JSON])?;
            serde_json::from_slice::<IgnoredAny>(text)
                .map_err(|error| BadParameter(format!("invalid JSON: {error}")))?;
            if *ty == Type::JSONB {
                out.extend_from_slice(&[1]);
            }
            out.extend_from_slice(text);
        }
        P::RangeInt32(value) => {
            check(ty, "range-int32", &[Type::INT4_RANGE])?;
            range::write(value, out)?;
        }
        P::RangeInt64(value) => {
            check(ty, "range-int64", &[Type::INT8_RANGE])?;
            range::write(value, out)?;
        }
        P::RangeDecimal((lower, upper)) => {
            check(ty, "range-decimal", &[Type::NUM_RANGE])?;
            range::write(&(bound(lower.as_ref())?, bound(upper.as_ref())?), out)?;
        }
        P::Interval(interval) => {
            check(ty, "interval", &[Type::INTERVAL])?;
            put(interval.micros, out);
            out.extend_from_slice(&interval.days.to_be_bytes());
            out.extend_from_slice(&interval.months.to_be_bytes());
        }
        _ => return Err(WrongType::new::<Parameter>(ty.clone()).into()),
    }
    Ok(())
}

/// Whether the server's type is one of those that a type of the interface stands for.
fn check(ty: &Type, name: &str, types: &[Type]) -> Result<(), BoxError> {
    if types.contains(ty) {
        return Ok(());
    }
    Err(format!("cannot convert between the type `{name}` and the Postgres type `{ty}`").into())
}

fn put(number: i64, out: &mut BytesMut) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn number(text: &str) -> Result<Numeric, BadParameter> {
    Numeric::parse(text).ok_or_else(|| bad("decimal", text))
}

fn bound(
    bound: Option<&(String, super::types::RangeBoundKind)>,
) -> Result<Bound<Numeric>, BadParameter> {
    bound.map(|(text, kind)| Ok((number(text)?, *kind))).transpose()
}

fn bad(what: &str, value: impl std::fmt::Debug) -> BadParameter {
    BadParameter(format!("invalid {what}: {value:?}"))
}
