//! `spin:postgres@4.2.0`.

use super::{Step, Work, changed, column, error, fetch, parameters, rows, values};
use serde_json::Value;
use spin_sdk::pg::wit::postgres::Connection as Sync;
use spin_sdk::pg::{
    Certificate, Connection, Interval, OpenOptions, ParameterValue, RangeBoundKind,
};

parameters!(ParameterValue {
    "boolean" => Boolean, "int8" => Int8, "int16" => Int16, "int32" => Int32, "int64" => Int64,
    "floating32" => Floating32, "floating64" => Floating64, "str" => Str, "binary" => Binary,
    "date" => Date, "time" => Time, "datetime" => Datetime, "timestamp" => Timestamp,
    "uuid" => Uuid, "decimal" => Decimal, "array-int32" => ArrayInt32,
    "array-int64" => ArrayInt64, "array-decimal" => ArrayDecimal, "array-str" => ArrayStr,
});

fn other_parameter(name: &str, value: Value) -> ParameterValue {
    match name {
        "jsonb" => ParameterValue::Jsonb(value.as_str().unwrap().into()),
        "range-int32" => ParameterValue::RangeInt32(range(value)),
        "range-int64" => ParameterValue::RangeInt64(range(value)),
        "range-decimal" => ParameterValue::RangeDecimal(range(value)),
        "interval" => {
            let (micros, days, months) = serde_json::from_value(value).unwrap();
            ParameterValue::Interval(Interval { micros, days, months })
        }
        other => panic!("no type: {other}"),
    }
}

type Bound<T> = Option<(T, RangeBoundKind)>;

/// `[[1, true], null]`: from 1, inclusive.
fn range<T: serde::de::DeserializeOwned>(value: Value) -> (Bound<T>, Bound<T>) {
    let (lower, upper): (Option<(T, bool)>, Option<(T, bool)>) =
        serde_json::from_value(value).unwrap();
    let kind = |inclusive| {
        if inclusive { RangeBoundKind::Inclusive } else { RangeBoundKind::Exclusive }
    };
    let bound = |bound: Option<(T, bool)>| bound.map(|(value, inclusive)| (value, kind(inclusive)));
    (bound(lower), bound(upper))
}

pub(crate) async fn run(work: Work) -> Vec<Value> {
    let opened = match work.ca_root {
        None => Connection::open(work.address).await,
        Some(root) => {
            let options = OpenOptions { ca_root: Some(Certificate::Text(root)) };
            Connection::open_with_options(work.address, options).await
        }
    };
    let connection = match opened {
        Ok(connection) => connection,
        Err(refused) => return vec![error(refused)],
    };
    let mut done = Vec::new();
    for step in work.steps {
        done.push(one(&connection, step).await.unwrap_or_else(error));
    }
    done
}

async fn one(connection: &Connection, step: Step) -> Result<Value, spin_sdk::pg::Error> {
    let parameters = parameters(&step.parameters);
    if let Some(statement) = step.execute {
        return Ok(changed(connection.execute(statement, parameters).await?));
    }
    let mut result = connection.query(step.query.unwrap(), parameters).await?;
    let columns = result.columns().iter();
    let columns = columns.map(|column| super::column(&column.name, &column.data_type)).collect();
    let mut found = Vec::new();
    while found.len() < step.take.unwrap_or(usize::MAX) {
        let Some(row) = result.rows().next().await else { break };
        found.push(values(&row));
        if let (1, Some(url)) = (found.len(), &step.then) {
            fetch(url).await;
        }
    }
    // A stream that was not read to its end has no outcome yet.
    if step.take.is_none() {
        result.result().await?;
    }
    Ok(rows(columns, found))
}

pub(crate) fn run_sync(work: Work) -> Vec<Value> {
    let connection = match Sync::open(&work.address) {
        Ok(connection) => connection,
        Err(refused) => return vec![error(refused)],
    };
    let run = |step: Step| {
        let parameters = parameters(&step.parameters);
        if let Some(statement) = step.execute {
            return connection.execute(&statement, &parameters).map(changed);
        }
        let set = connection.query(&step.query.unwrap(), &parameters)?;
        let columns = set.columns.iter().map(|one| column(&one.name, &one.data_type)).collect();
        Ok(rows(columns, set.rows.iter().map(|row| values(row)).collect()))
    };
    work.steps.into_iter().map(|step| run(step).unwrap_or_else(error)).collect()
}
