//! `fermyon:spin/mysql@2.0.0`.

use super::MysqlConnection;
use super::rdbms_types::convert;
use crate::capabilities::State;
use crate::capabilities::bindings::fermyon::spin::mysql as version;
use wasmtime::component::Resource;

convert!(crate::capabilities::bindings::fermyon::spin::rdbms_types);

impl From<newest::Error> for version::Error {
    fn from(error: newest::Error) -> Self {
        match error {
            newest::Error::ConnectionFailed(text) => Self::ConnectionFailed(text),
            newest::Error::BadParameter(text) => Self::BadParameter(text),
            newest::Error::QueryFailed(text) => Self::QueryFailed(text),
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
    ) -> wasmtime::Result<Result<Resource<MysqlConnection>, version::Error>> {
        Ok(self.open_mysql(&address).await?.map_err(Into::into))
    }

    async fn query(
        &mut self,
        connection: Resource<MysqlConnection>,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<version::RowSet, version::Error>> {
        let params = params.into_iter().map(Into::into).collect();
        let rows = self.query_sql(&connection, statement, params).await;
        Ok(rows.map(row_set).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: Resource<MysqlConnection>,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<(), version::Error>> {
        let params = params.into_iter().map(Into::into).collect();
        let done = self.execute_sql(&connection, statement, params).await;
        Ok(done.map(drop).map_err(Into::into))
    }

    async fn drop(&mut self, connection: Resource<MysqlConnection>) -> wasmtime::Result<()> {
        self.close_sql(connection);
        Ok(())
    }
}
