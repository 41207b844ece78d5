//! Errors of the interface, from those of the driver.

use super::types::Error;
use crate::capabilities::sql::Refusal;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Connection(text) => Self::ConnectionFailed(text),
            Refusal::Query(text) => Self::Other(text),
        }
    }
}

/// Why a statement failed, in the form that stock Spin gives to guests.
pub(super) fn of_statement(error: &mysql_async::Error) -> Error {
    Error::QueryFailed(format!("{error:?}"))
}

/// Why no more rows could be read.
pub(super) fn of_rows(error: &mysql_async::Error) -> Error {
    Error::Other(error.to_string())
}
