//! One statement on a connection, with its values.

use super::database::{ROWS_MAX_BYTES, Rows, Value};
use crate::capabilities::sql::convert_variants;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Batch, Connection, Row, Statement, params_from_iter};

/// Runs the first statement of a text. What follows it is ignored, as on stock Spin: an
/// application that passes two statements gets the result of the first one, and not an error.
pub(super) fn execute(
    connection: &Connection,
    text: &str,
    parameters: Vec<Value>,
) -> Result<Rows, String> {
    match connection.prepare_cached(text) {
        Ok(mut statement) => run(&mut statement, parameters),
        // The library refuses a text with several statements, or with an error in a later one.
        Err(error) => match Batch::new(connection, text).next() {
            Ok(Some(mut first)) => run(&mut first, parameters),
            Ok(None) | Err(_) => Err(error.to_string()),
        },
    }
}

fn run(statement: &mut Statement<'_>, parameters: Vec<Value>) -> Result<Rows, String> {
    let columns = statement.column_names().map(ToOwned::to_owned).collect();
    let parameters = params_from_iter(parameters.into_iter().map(SqlValue::from));
    let mut found = statement.query(parameters).map_err(|error| error.to_string())?;
    let mut rows = Rows { columns, rows: Vec::new() };
    let mut bytes = 0;
    while let Some(row) = found.next().map_err(|error| error.to_string())? {
        let row = values(row, rows.columns.len()).map_err(|error| error.to_string())?;
        bytes += row.iter().map(Value::bytes).sum::<usize>();
        if bytes > ROWS_MAX_BYTES {
            return Err(format!("query result exceeds limit of {ROWS_MAX_BYTES} bytes"));
        }
        rows.rows.push(row);
    }
    Ok(rows)
}

fn values(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Value>> {
    (0..columns).map(|column| Ok(Value::from(row.get_ref(column)?))).collect()
}

convert_variants! {
    Value => SqlValue { Integer(value), Real(value), Text(value), Blob(value), Null }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
            ValueRef::Null => Self::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_first_statement_is_ignored() {
        let connection = Connection::open_in_memory().unwrap();
        let run = |text: &str| execute(&connection, text, vec![]).map(|found| found.rows);
        let two = "create table t (a); insert into t values (1);";
        assert_eq!(run(two).unwrap(), Vec::<Vec<Value>>::new());
        assert_eq!(run("select count(*) from t; nonsense").unwrap(), [[Value::Integer(0)]]);
        assert_eq!(run("insert into t values (7); select 1").unwrap(), Vec::<Vec<Value>>::new());
        assert_eq!(run("select a from t; -- the end").unwrap(), [[Value::Integer(7)]]);
    }

    #[test]
    fn an_error_is_that_of_the_first_statement() {
        let connection = Connection::open_in_memory().unwrap();
        let error = execute(&connection, "select * from absent; nonsense", vec![]).unwrap_err();
        assert!(error.contains("no such table: absent"), "{error}");
    }
}
