//! `fermyon:spin/mysql` without a version: each statement has a connection of its own.

use super::bindings::fermyon::spin::mysql as version;
use crate::capabilities::State;
use crate::capabilities::mysql::convert;
use version::MysqlError;

convert!(super::bindings::fermyon::spin::rdbms_types);

impl From<newest::Error> for MysqlError {
    fn from(error: newest::Error) -> Self {
        match error {
            newest::Error::ConnectionFailed(text) => Self::ConnectionFailed(text),
            newest::Error::BadParameter(text) => Self::BadParameter(text),
            newest::Error::QueryFailed(text) => Self::QueryFailed(text),
            newest::Error::ValueConversionFailed(text) => Self::ValueConversionFailed(text),
            newest::Error::Other(text) => Self::OtherError(text),
        }
    }
}

impl version::Host for State {
    async fn query(
        &mut self,
        address: String,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<version::RowSet, MysqlError>> {
        let connection = match self.open_mysql(&address).await? {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error.into())),
        };
        let params = params.into_iter().map(Into::into).collect();
        let rows = self.query_sql(&connection, statement, params).await;
        self.close_sql(connection);
        Ok(rows.map(row_set).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        address: String,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<(), MysqlError>> {
        let connection = match self.open_mysql(&address).await? {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error.into())),
        };
        let params = params.into_iter().map(Into::into).collect();
        let done = self.execute_sql(&connection, statement, params).await;
        self.close_sql(connection);
        Ok(done.map(drop).map_err(Into::into))
    }
}
