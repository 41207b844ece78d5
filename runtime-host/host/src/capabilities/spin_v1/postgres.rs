//! `fermyon:spin/postgres` without a version: each statement has a connection of its own.

use super::bindings::fermyon::spin::postgres as version;
use crate::capabilities::State;
use crate::capabilities::postgres::{Fault, PostgresConnection, convert, query_text};
use version::PgError;
use wasmtime::component::Resource;

convert!(super::bindings::fermyon::spin::rdbms_types);

impl From<Fault> for PgError {
    fn from(fault: Fault) -> Self {
        match *fault {
            newest::Error::ConnectionFailed(text) => Self::ConnectionFailed(text),
            newest::Error::BadParameter(text) => Self::BadParameter(text),
            newest::Error::QueryFailed(error) => Self::QueryFailed(query_text(error)),
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
    ) -> wasmtime::Result<Result<version::RowSet, PgError>> {
        let (connection, params) = match self.opened(&address, params).await? {
            Ok(opened) => opened,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let rows = self.query_sql(&connection, statement, params).await;
        self.close_sql(connection);
        Ok(rows.map(row_set).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        address: String,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<u64, PgError>> {
        let (connection, params) = match self.opened(&address, params).await? {
            Ok(opened) => opened,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let changed = self.execute_sql(&connection, statement, params).await;
        self.close_sql(connection);
        Ok(changed.map_err(Into::into))
    }
}

type Opened = (Resource<PostgresConnection>, Vec<newest::ParameterValue>);

impl State {
    async fn opened(
        &mut self,
        address: &str,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<Opened, Fault>> {
        let params = match parameters(params) {
            Ok(params) => params,
            Err(fault) => return Ok(Err(fault)),
        };
        let opened = self.open_postgres_at(address).await?;
        Ok(opened.map(|connection| (connection, params)))
    }
}
