//! Errors of the interface, from those of the driver.

use super::types::{DbError, Error, QueryError};
use crate::capabilities::sql::Refusal;
use std::fmt;
use tokio_postgres::error::DbError as ServerError;

/// An error of the newest interface. It is large: it has all fields of the server's error.
pub(in crate::capabilities) type Fault = Box<Error>;

/// A parameter that has no value of its type.
#[derive(Debug)]
pub(super) struct BadParameter(pub(super) String);

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadParameter {}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(match refusal {
            Refusal::Connection(text) => Error::ConnectionFailed(text),
            Refusal::Query(text) => Error::QueryFailed(QueryError::Text(text)),
        })
    }
}

/// Why a statement failed.
pub(super) fn of_statement(error: &tokio_postgres::Error) -> Fault {
    let source = std::error::Error::source(error);
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<BadParameter>()) {
        return Fault::new(Error::BadParameter(bad.to_string()));
    }
    // The form that stock Spin gives to guests.
    let text = format!("{error:?}");
    Fault::new(Error::QueryFailed(match error.as_db_error() {
        Some(server) => QueryError::DbError(of_server(server, text)),
        None => QueryError::Text(text),
    }))
}

fn of_server(error: &ServerError, as_text: String) -> DbError {
    DbError {
        as_text,
        severity: error.severity().to_owned(),
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().map(ToOwned::to_owned),
        extras: extras(error),
    }
}

/// The fields that the interface does not have, by the names that stock Spin gives them.
fn extras(error: &ServerError) -> Vec<(String, String)> {
    let fields = [
        ("column", error.column()),
        ("constraint", error.constraint()),
        ("routine", error.routine()),
        ("hint", error.hint()),
        ("table", error.table()),
        ("datatype", error.datatype()),
        ("schema", error.schema()),
        ("file", error.file()),
        ("where_", error.where_()),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
    let line = error.line().map(|line| ("line", line.to_string()));
    fields.chain(line).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The error as text, for the interfaces that have no fields.
pub(in crate::capabilities) fn query_text(error: QueryError) -> String {
    match error {
        QueryError::Text(text) => text,
        QueryError::DbError(error) => error.as_text,
    }
}
