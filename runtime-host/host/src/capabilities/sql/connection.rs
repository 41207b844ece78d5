//! Connections of guests, by all versions of all interfaces.

use super::pool::Pool;
use super::rows::Streamed;
use super::session::Session;
use super::{Driver, Refusal, Statement};
use crate::capabilities::State;
use crate::capabilities::connection_limits::Counted;
use crate::capabilities::handles::OpenHandle;
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::remote::{RemoteError, RemoteOperation, Target};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::Resource;

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct SqlConnection<D: Driver> {
    session: Arc<Session<D>>,
    _open: OpenHandle,
    _counted: Counted,
}

/// A connection that is about to be opened: what that needs of the instance, without holding it.
pub(in crate::capabilities) struct Opening<D: Driver> {
    pool: Arc<Pool<D>>,
    outbound: Arc<Outbound>,
    handle: OpenHandle,
    operation: RemoteOperation,
    runtime: Handle,
}

/// A statement that is about to run.
pub(in crate::capabilities) struct Begun<D: Driver> {
    session: Arc<Session<D>>,
    statement: Statement<D>,
    operation: RemoteOperation,
}

impl State {
    /// Begins to open a connection, if the manifest grants it. The key has everything that
    /// distinguishes addresses.
    pub(in crate::capabilities) fn opening_sql<D: Driver>(
        &self,
        key: String,
        address: &D::Address,
    ) -> Result<Opening<D>, D::Fault> {
        let refused = |text: String| D::Fault::from(Refusal::Connection(text));
        for (host, port) in D::hosts(address)? {
            let target = Target { scheme: D::SCHEME, host: &host, port };
            if !self.may_connect(target) {
                return Err(refused(format!("address {target} is not permitted")));
            }
        }
        let handle = self.guest.open_remotes.take();
        let handle = handle.ok_or_else(|| refused("too many connections".into()))?;
        let pool = D::pools(&self.guest.grants).of(key, address);
        let operation = self.remote_operation(D::OPERATIONS.open);
        let outbound = self.guest.grants.outbound.clone();
        Ok(Opening { pool, outbound, handle, operation, runtime: self.call.runtime.clone() })
    }

    /// Begins a statement on a connection.
    pub(in crate::capabilities) fn begin_sql<D: Driver>(
        &self,
        connection: &Resource<SqlConnection<D>>,
        operation: &'static str,
        text: String,
        parameters: Vec<D::Parameter>,
    ) -> Result<Begun<D>, D::Fault> {
        let connection = self.table.get(connection);
        let connection =
            connection.map_err(|_| Refusal::Connection("no connection found".into()))?;
        let operation = self.remote_operation(operation);
        let statement = Statement { text, parameters };
        Ok(Begun { session: connection.session.clone(), statement, operation })
    }

    /// Opens a connection and waits for it.
    pub(in crate::capabilities) async fn open_sql<D: Driver>(
        &mut self,
        opening: Result<Opening<D>, D::Fault>,
    ) -> wasmtime::Result<Result<Resource<SqlConnection<D>>, D::Fault>> {
        let opened = match opening {
            Ok(opening) => opening.run().await,
            Err(fault) => Err(fault),
        };
        self.hold_sql(opened)
    }

    /// A handle for an open connection.
    pub(in crate::capabilities) fn hold_sql<D: Driver>(
        &mut self,
        opened: Result<SqlConnection<D>, D::Fault>,
    ) -> wasmtime::Result<Result<Resource<SqlConnection<D>>, D::Fault>> {
        Ok(match opened {
            Ok(connection) => Ok(self.table.push(connection)?),
            Err(fault) => Err(fault),
        })
    }

    /// Runs a statement and waits for its end.
    pub(in crate::capabilities) async fn execute_sql<D: Driver>(
        &mut self,
        connection: &Resource<SqlConnection<D>>,
        text: String,
        parameters: Vec<D::Parameter>,
    ) -> Result<u64, D::Fault> {
        self.begin_sql(connection, D::OPERATIONS.execute, text, parameters)?.execute().await
    }

    /// Runs a query and waits for all its rows.
    pub(in crate::capabilities) async fn query_sql<D: Driver>(
        &mut self,
        connection: &Resource<SqlConnection<D>>,
        text: String,
        parameters: Vec<D::Parameter>,
    ) -> Result<(Vec<D::Column>, Vec<D::Row>), D::Fault> {
        self.begin_sql(connection, D::OPERATIONS.query, text, parameters)?.collect().await
    }

    /// Closes a connection. One that is not open is ignored.
    pub(in crate::capabilities) fn close_sql<D: Driver>(
        &mut self,
        connection: Resource<SqlConnection<D>>,
    ) {
        let _ = self.table.delete(connection);
    }
}

impl<D: Driver> Opening<D> {
    pub(in crate::capabilities) async fn run(self) -> Result<SqlConnection<D>, D::Fault> {
        let Self { pool, outbound, handle, operation, runtime } = self;
        let opened = operation.run(async {
            let counted = D::counter(outbound.connections()).count().await;
            // The connection stays on this runtime. The call may be in the background.
            let work = runtime.spawn(async move { pool.take(&outbound).await.map(Session::start) });
            let failed = |error| Refusal::Connection(super::text(&error));
            let session = AbortOnDropHandle::new(work).await.map_err(failed)??;
            Ok((session, counted))
        });
        let (session, counted) =
            opened.await.map_err(|error| fault::<D>(error, Refusal::Connection))?;
        Ok(SqlConnection { session: Arc::new(session), _open: handle, _counted: counted })
    }
}

impl<D: Driver> Begun<D> {
    pub(in crate::capabilities) async fn execute(self) -> Result<u64, D::Fault> {
        let done = self.operation.run(self.session.execute(self.statement)).await;
        done.map_err(|error| fault::<D>(error, Refusal::Query))
    }

    /// The columns, the rows as a stream, and whether all rows could be read. The session lives as
    /// long as the stream, also if the guest drops the connection.
    pub(in crate::capabilities) async fn query(
        self,
    ) -> Result<
        Streamed<D, Arc<Session<D>>, impl Future<Output = Result<(), D::Fault>> + Send + use<D>>,
        D::Fault,
    > {
        let Self { session, statement, operation } = self;
        let reply = operation.run(session.query(statement)).await;
        let reply = reply.map_err(|error| fault::<D>(error, Refusal::Query))?;
        Ok(reply.stream(session))
    }

    async fn collect(self) -> Result<(Vec<D::Column>, Vec<D::Row>), D::Fault> {
        let Self { session, statement, operation } = self;
        let work = async { session.query(statement).await?.collect().await };
        operation.run(work).await.map_err(|error| fault::<D>(error, Refusal::Query))
    }
}

fn fault<D: Driver>(
    error: RemoteError<D::Fault>,
    refusal: impl FnOnce(String) -> Refusal,
) -> D::Fault {
    match error {
        RemoteError::Failed(fault) => fault,
        RemoteError::DeadlineExceeded => {
            refusal(RemoteError::<String>::DeadlineExceeded.to_string()).into()
        }
    }
}
