//! `fermyon:spin/sqlite` without a version: connections are numbers.

use crate::capabilities::State;
use crate::capabilities::sqlite::{Fault, Rows, SqliteConnection, Value, convert};
use wasmtime::component::Resource;

convert!(super::bindings::fermyon::spin::sqlite);

impl version::Host for State {
    async fn open(&mut self, database: String) -> wasmtime::Result<Result<u32, version::Error>> {
        let opened = self.open_sqlite(&database).await?;
        Ok(opened.map(|connection| connection.rep()).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: u32,
        statement: String,
        parameters: Vec<version::Value>,
    ) -> wasmtime::Result<Result<version::QueryResult, version::Error>> {
        let connection = Resource::<SqliteConnection>::new_borrow(connection);
        let parameters = parameters.into_iter().map(Into::into).collect();
        let result = self.execute_sqlite(&connection, statement, parameters).await;
        Ok(result.map(Into::into).map_err(Into::into))
    }

    async fn close(&mut self, connection: u32) -> wasmtime::Result<()> {
        self.close_sqlite(Resource::new_own(connection));
        Ok(())
    }
}
