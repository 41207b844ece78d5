//! `spin:sqlite@3.1.0`, which has each function also in an asynchronous form.

use super::database::{Open, Rows, Value};
use super::interface::{Fault, SqliteConnection, convert};
use super::streamed::Streamed;
use crate::capabilities::State;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

convert!(crate::capabilities::bindings::spin::sqlite::sqlite);

type Own = HasSelf<State>;
type Connection = Resource<SqliteConnection>;
/// The names of the columns, the rows, and whether all rows could be read.
type Read =
    (Vec<String>, StreamReader<version::RowResult>, FutureReader<Result<(), version::Error>>);

/// The functions without a result for errors trap on a connection that is not open.
fn opened(open: Result<Open, Fault>) -> wasmtime::Result<Open> {
    open.map_err(|_| wasmtime::format_err!("the connection is not open"))
}

impl version::Host for State {}

impl version::HostConnection for State {
    async fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Connection, version::Error>> {
        Ok(self.open_sqlite(&database).await?.map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: Connection,
        statement: String,
        parameters: Vec<version::Value>,
    ) -> wasmtime::Result<Result<version::QueryResult, version::Error>> {
        let parameters = parameters.into_iter().map(Into::into).collect();
        let result = self.execute_sqlite(&connection, statement, parameters).await;
        Ok(result.map(Into::into).map_err(Into::into))
    }

    async fn last_insert_rowid(&mut self, connection: Connection) -> wasmtime::Result<i64> {
        Ok(opened(self.connection(&connection))?.last_insert_rowid().await)
    }

    async fn changes(&mut self, connection: Connection) -> wasmtime::Result<u64> {
        Ok(opened(self.connection(&connection))?.changes().await)
    }

    async fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.close_sqlite(connection);
        Ok(())
    }
}

impl<T: Send> version::HostConnectionWithStore<T> for Own {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Connection, version::Error>> {
        let granted: Result<_, Fault> = accessor.with(|mut access| {
            let state = access.get();
            Ok((state.database(&database)?, state.guest.grants.outbound.clone()))
        });
        let (database, outbound) = match granted {
            Ok(granted) => granted,
            Err(fault) => return Ok(Err(fault.into())),
        };
        match database.open(outbound).await {
            Ok(open) => {
                let held = accessor.with(|mut access| access.get().hold(open))?;
                Ok(held.map_err(Into::into))
            }
            Err(text) => Ok(Err(version::Error::Io(text))),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        statement: String,
        parameters: Vec<version::Value>,
    ) -> wasmtime::Result<Result<Read, version::Error>> {
        let begun = accessor.with(|mut access| access.get().statement(&connection));
        let begun = match begun {
            Ok(begun) => begun,
            Err(fault) => return Ok(Err(fault.into())),
        };
        let parameters = parameters.into_iter().map(Into::into).collect();
        let Streamed { reply, cancel } = begun.query(statement, parameters).await;
        let (columns, rows, outcome) = reply.stream(cancel);
        let outcome = async { Ok::<_, wasmtime::Error>(outcome.await.map_err(version::Error::Io)) };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let outcome = FutureReader::new(&mut access, outcome)?;
            Ok(Ok((columns, rows, outcome)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Connection,
    ) -> wasmtime::Result<i64> {
        let open = accessor.with(|mut access| access.get().connection(&connection));
        Ok(opened(open)?.last_insert_rowid().await)
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Connection,
    ) -> wasmtime::Result<u64> {
        let open = accessor.with(|mut access| access.get().connection(&connection));
        Ok(opened(open)?.changes().await)
    }
}
