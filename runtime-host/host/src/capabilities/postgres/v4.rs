//! `spin:postgres@4.2.0`, which has each function also in an asynchronous form.

use super::ca_root::{CaRoot, ConnectionBuilder};
use super::fault::Fault;
use super::types::{self as version, Column, Error, ParameterValue, Row, RowSet};
use super::{Postgres, PostgresConnection};
use crate::capabilities::State;
use crate::capabilities::sql::{Driver as _, Opening, Refusal};
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

type Own = HasSelf<State>;
type Connection = Resource<PostgresConnection>;
type Builder = Resource<ConnectionBuilder>;
/// The columns, the rows, and whether all rows could be read.
type Streamed = (Vec<Column>, StreamReader<Row>, FutureReader<Result<(), Error>>);

impl State {
    fn builder(&mut self, builder: &Builder) -> Result<&mut ConnectionBuilder, Fault> {
        let builder = self.table.get_mut(builder);
        builder.map_err(|_| Refusal::Connection("no builder found".into()).into())
    }

    fn opening_built(&mut self, builder: &Builder) -> Result<Opening<Postgres>, Fault> {
        let builder = self.builder(builder)?;
        let (address, ca_root) = (builder.address.clone(), builder.ca_root.clone());
        self.opening_postgres(&address, ca_root)
    }
}

impl version::Host for State {}

impl version::HostConnectionBuilder for State {
    async fn new(&mut self, address: String) -> wasmtime::Result<Builder> {
        let Some(open) = self.guest.open_remotes.take() else {
            wasmtime::bail!("too many connection builders");
        };
        Ok(self.table.push(ConnectionBuilder { address, ca_root: None, _open: open })?)
    }

    async fn set_ca_root(
        &mut self,
        builder: Builder,
        certificate: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let ca_root = match CaRoot::parse(&certificate) {
            Ok(ca_root) => ca_root,
            Err(text) => return Ok(Err(Error::Other(format!("invalid root certificate: {text}")))),
        };
        let builder = self.builder(&builder).map_err(|fault| *fault);
        Ok(builder.map(|builder| builder.ca_root = Some(ca_root)))
    }

    async fn build(&mut self, builder: Builder) -> wasmtime::Result<Result<Connection, Error>> {
        let opening = self.opening_built(&builder);
        Ok(self.open_sql(opening).await?.map_err(|fault| *fault))
    }

    async fn drop(&mut self, builder: Builder) -> wasmtime::Result<()> {
        let _ = self.table.delete(builder);
        Ok(())
    }
}

impl version::HostConnection for State {
    async fn open(&mut self, address: String) -> wasmtime::Result<Result<Connection, Error>> {
        Ok(self.open_postgres(&address, None).await?.map_err(|fault| *fault))
    }

    async fn query(
        &mut self,
        connection: Connection,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<RowSet, Error>> {
        let rows = self.query_sql(&connection, statement, params).await;
        Ok(rows.map(|(columns, rows)| RowSet { columns, rows }).map_err(|fault| *fault))
    }

    async fn execute(
        &mut self,
        connection: Connection,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<u64, Error>> {
        Ok(self.execute_sql(&connection, statement, params).await.map_err(|fault| *fault))
    }

    async fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.close_sql(connection);
        Ok(())
    }
}

impl<T: Send> version::HostConnectionBuilderWithStore<T> for Own {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        builder: Builder,
    ) -> wasmtime::Result<Result<Connection, Error>> {
        let opening = accessor.with(|mut access| access.get().opening_built(&builder));
        open(accessor, opening).await
    }
}

impl<T: Send> version::HostConnectionWithStore<T> for Own {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> wasmtime::Result<Result<Connection, Error>> {
        let opening = accessor.with(|mut access| access.get().opening_postgres(&address, None));
        open(accessor, opening).await
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<Streamed, Error>> {
        let operation = Postgres::OPERATIONS.query;
        let begun = accessor
            .with(|mut access| access.get().begin_sql(&connection, operation, statement, params));
        let streamed = match begun {
            Ok(begun) => begun.query().await,
            Err(fault) => Err(fault),
        };
        let (columns, rows, outcome) = match streamed {
            Ok(streamed) => streamed,
            Err(fault) => return Ok(Err(*fault)),
        };
        let outcome = async { Ok::<_, wasmtime::Error>(outcome.await.map_err(|fault| *fault)) };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let outcome = FutureReader::new(&mut access, outcome)?;
            Ok(Ok((columns, rows, outcome)))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let operation = Postgres::OPERATIONS.execute;
        let begun = accessor
            .with(|mut access| access.get().begin_sql(&connection, operation, statement, params));
        Ok(match begun {
            Ok(begun) => begun.execute().await.map_err(|fault| *fault),
            Err(fault) => Err(*fault),
        })
    }
}

async fn open<T: Send>(
    accessor: &Accessor<T, Own>,
    opening: Result<Opening<Postgres>, Fault>,
) -> wasmtime::Result<Result<Connection, Error>> {
    let opened = match opening {
        Ok(opening) => opening.run().await,
        Err(fault) => Err(fault),
    };
    let held = accessor.with(|mut access| access.get().hold_sql(opened))?;
    Ok(held.map_err(|fault| *fault))
}
