//! `fermyon:spin/sqlite@2.0.0`.

use super::database::{Rows, Value};
use super::interface::{Fault, SqliteConnection, convert};
use crate::capabilities::State;
use wasmtime::component::Resource;

convert!(crate::capabilities::bindings::fermyon::spin::sqlite);

impl version::Host for State {}

impl version::HostConnection for State {
    async fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Resource<SqliteConnection>, version::Error>> {
        Ok(self.open_sqlite(&database).await?.map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: Resource<SqliteConnection>,
        statement: String,
        parameters: Vec<version::Value>,
    ) -> wasmtime::Result<Result<version::QueryResult, version::Error>> {
        let parameters = parameters.into_iter().map(Into::into).collect();
        let result = self.execute_sqlite(&connection, statement, parameters).await;
        Ok(result.map(Into::into).map_err(Into::into))
    }

    async fn drop(&mut self, connection: Resource<SqliteConnection>) -> wasmtime::Result<()> {
        self.close_sqlite(connection);
        Ok(())
    }
}
