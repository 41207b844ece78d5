//! One statement on a connection, with its values.

use super::database::{ROWS_MAX_BYTES, Rows, Value};
use crate::capabilities::sql::{convert_variants, row_bytes};
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Batch, Connection, Row, Statement, params_from_iter};

/// Takes what a statement returns. The errors are texts for the guest, and end the statement.
pub(super) trait Sink {
    /// The statement has these columns. One that is read-only changes nothing.
    fn begin(&mut self, columns: Vec<String>, is_read_only: bool);
    fn row(&mut self, row: Vec<Value>) -> Result<(), String>;
}

/// Holds all rows of a statement.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) rows: Rows,
    bytes: usize,
}

impl Sink for Whole {
    fn begin(&mut self, columns: Vec<String>, _: bool) {
        self.rows.columns = columns;
    }

    fn row(&mut self, row: Vec<Value>) -> Result<(), String> {
        self.bytes += row_bytes(&row, Value::bytes);
        if self.bytes > ROWS_MAX_BYTES {
            return Err(format!("query result exceeds limit of {ROWS_MAX_BYTES} bytes"));
        }
        self.rows.rows.push(row);
        Ok(())
    }
}

/// Runs the first statement of a text. What follows it is ignored, as on stock Spin: an
/// application that passes two statements gets the result of the first one, and not an error.
pub(super) fn execute(
    connection: &Connection,
    text: &str,
    parameters: Vec<Value>,
    sink: &mut impl Sink,
) -> Result<(), String> {
    match connection.prepare_cached(text) {
        Ok(mut statement) => run(&mut statement, parameters, sink),
        // The library refuses a text with several statements, or with an error in a later one.
        Err(error) => match Batch::new(connection, text).next() {
            Ok(Some(mut first)) => run(&mut first, parameters, sink),
            Ok(None) | Err(_) => Err(error.to_string()),
        },
    }
}

fn run(
    statement: &mut Statement<'_>,
    parameters: Vec<Value>,
    sink: &mut impl Sink,
) -> Result<(), String> {
    let columns: Vec<_> = statement.column_names().map(ToOwned::to_owned).collect();
    let count = columns.len();
    sink.begin(columns, statement.readonly());
    let parameters = params_from_iter(parameters.into_iter().map(SqlValue::from));
    let mut found = statement.query(parameters).map_err(|error| error.to_string())?;
    while let Some(row) = found.next().map_err(|error| error.to_string())? {
        sink.row(values(row, count).map_err(|error| error.to_string())?)?;
    }
    Ok(())
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
        let run = |text: &str| {
            let mut found = Whole::default();
            execute(&connection, text, vec![], &mut found).map(|()| found.rows.rows)
        };
        let two = "create table t (a); insert into t values (1);";
        assert_eq!(run(two).unwrap(), Vec::<Vec<Value>>::new());
        assert_eq!(run("select count(*) from t; nonsense").unwrap(), [[Value::Integer(0)]]);
        assert_eq!(run("insert into t values (7); select 1").unwrap(), Vec::<Vec<Value>>::new());
        assert_eq!(run("select a from t; -- the end").unwrap(), [[Value::Integer(7)]]);
    }

    #[test]
    fn an_error_is_that_of_the_first_statement() {
        let connection = Connection::open_in_memory().unwrap();
        let text = "select * from absent; nonsense";
        let error = execute(&connection, text, vec![], &mut Whole::default()).unwrap_err();
        assert!(error.contains("no such table: absent"), "{error}");
    }
}
