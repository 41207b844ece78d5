//! `spin:mysql@3.0.0`, whose functions are asynchronous.

use super::types::{self as version, Column, Error, ParameterValue, Row};
use super::{Mysql, MysqlConnection};
use crate::capabilities::State;
use crate::capabilities::sql::Driver as _;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

type Own = HasSelf<State>;
type Connection = Resource<MysqlConnection>;
/// The columns, the rows, and whether all rows could be read.
type Streamed = (Vec<Column>, StreamReader<Row>, FutureReader<Result<(), Error>>);

impl version::Host for State {}

impl version::HostConnection for State {
    async fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.close_sql(connection);
        Ok(())
    }
}

impl<T: Send> version::HostConnectionWithStore<T> for Own {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> wasmtime::Result<Result<Connection, Error>> {
        let opening = accessor.with(|mut access| access.get().opening_mysql(&address));
        let opened = match opening {
            Ok(opening) => opening.run().await,
            Err(error) => Err(error),
        };
        accessor.with(|mut access| access.get().hold_sql(opened))
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<Streamed, Error>> {
        let operation = Mysql::OPERATIONS.query;
        let begun = accessor
            .with(|mut access| access.get().begin_sql(&connection, operation, statement, params));
        let streamed = match begun {
            Ok(begun) => begun.query().await,
            Err(error) => Err(error),
        };
        let (columns, rows, outcome) = match streamed {
            Ok(streamed) => streamed,
            Err(error) => return Ok(Err(error)),
        };
        let outcome = async { Ok::<_, wasmtime::Error>(outcome.await) };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let outcome = FutureReader::new(&mut access, outcome)?;
            Ok(Ok((columns, rows, outcome)))
        })
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let operation = Mysql::OPERATIONS.execute;
        let begun = accessor
            .with(|mut access| access.get().begin_sql(&connection, operation, statement, params));
        Ok(match begun {
            Ok(begun) => begun.execute().await.map(drop),
            Err(error) => Err(error),
        })
    }
}
