//! `fermyon:spin/postgres@2.0.0`.

use super::PostgresConnection;
use super::fault::{Fault, query_text};
use super::rdbms_types::convert;
use crate::capabilities::State;
use crate::capabilities::bindings::fermyon::spin::postgres as version;
use wasmtime::component::Resource;

convert!(crate::capabilities::bindings::fermyon::spin::rdbms_types);

impl From<Fault> for version::Error {
    fn from(fault: Fault) -> Self {
        match *fault {
            newest::Error::ConnectionFailed(text) => Self::ConnectionFailed(text),
            newest::Error::BadParameter(text) => Self::BadParameter(text),
            newest::Error::QueryFailed(error) => Self::QueryFailed(query_text(error)),
            newest::Error::ValueConversionFailed(text) => Self::ValueConversionFailed(text),
            newest::Error::Other(text) => Self::Other(text),
        }
    }
}

impl version::Host for State {}

impl version::HostConnection for State {
    async fn open(
        &mut self,
        address: String,
    ) -> wasmtime::Result<Result<Resource<PostgresConnection>, version::Error>> {
        Ok(self.open_postgres(&address, None).await?.map_err(Into::into))
    }

    async fn query(
        &mut self,
        connection: Resource<PostgresConnection>,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<version::RowSet, version::Error>> {
        let params = match parameters(params) {
            Ok(params) => params,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let rows = self.query_sql(&connection, statement, params).await;
        Ok(rows.map(row_set).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: Resource<PostgresConnection>,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<u64, version::Error>> {
        let params = match parameters(params) {
            Ok(params) => params,
            Err(fault) => return Ok(Err(fault.into())),
        };
        Ok(self.execute_sql(&connection, statement, params).await.map_err(Into::into))
    }

    async fn drop(&mut self, connection: Resource<PostgresConnection>) -> wasmtime::Result<()> {
        self.close_sql(connection);
        Ok(())
    }
}
