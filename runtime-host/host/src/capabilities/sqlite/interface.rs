//! What all versions of the interface have in common.

use super::database::{Database, Open, Rows, Value};
use super::streamed::Streamed;
use crate::calls::Kind;
use crate::capabilities::handles::OpenHandle;
use crate::capabilities::{Grants, State};
use crate::telemetry::{Outcome, Span, SpanKind, TraceContext};
use std::sync::Arc;
use tessera_resilience::Deadline;
use wasmtime::component::Resource;

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct SqliteConnection {
    open: Open,
    _open: OpenHandle,
}

/// Why a function failed, in the words that all versions share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::capabilities) enum Fault {
    AccessDenied,
    InvalidConnection,
    Io(String),
}

/// A statement that is about to run: what it needs of the instance, without holding it.
pub(super) struct Statement {
    open: Open,
    deadline: Deadline,
    trace: TraceContext,
    span: Span,
    grants: Arc<Grants>,
}

impl State {
    /// The database with this label, if the manifest grants it.
    pub(super) fn database(&self, label: &str) -> Result<Database, Fault> {
        let database = self.guest.grants.databases.get(label).cloned();
        database.ok_or_else(|| {
            tracing::warn!(
                component = %self.component.id,
                "it may not open the database `{label}`: its `sqlite_databases` do not name it"
            );
            Fault::AccessDenied
        })
    }

    /// A handle for an open connection.
    pub(super) fn hold(
        &mut self,
        open: Open,
    ) -> wasmtime::Result<Result<Resource<SqliteConnection>, Fault>> {
        let Some(handle) = self.guest.open_databases.take() else {
            return Ok(Err(Fault::Io("too many connections opened".into())));
        };
        Ok(Ok(self.table.push(SqliteConnection { open, _open: handle })?))
    }

    /// The connection of a handle.
    pub(super) fn connection(&self, handle: &Resource<SqliteConnection>) -> Result<Open, Fault> {
        let connection = self.table.get(handle).map_err(|_| Fault::InvalidConnection)?;
        Ok(connection.open.clone())
    }

    /// Begins a statement on a connection.
    pub(super) fn statement(
        &self,
        handle: &Resource<SqliteConnection>,
    ) -> Result<Statement, Fault> {
        let open = self.connection(handle)?;
        let span = self.span(SpanKind::Store, "sqlite.execute");
        let trace = span.context.clone();
        let grants = self.guest.grants.clone();
        Ok(Statement { open, deadline: self.call.deadline, trace, span, grants })
    }

    /// Opens a connection to the database with this label.
    pub(in crate::capabilities) async fn open_sqlite(
        &mut self,
        label: &str,
    ) -> wasmtime::Result<Result<Resource<SqliteConnection>, Fault>> {
        let database = match self.database(label) {
            Ok(database) => database,
            Err(fault) => return Ok(Err(fault)),
        };
        match database.open(self.guest.grants.outbound.clone()).await {
            Ok(open) => self.hold(open),
            Err(text) => Ok(Err(Fault::Io(text))),
        }
    }

    /// Runs a statement on a connection.
    pub(in crate::capabilities) async fn execute_sqlite(
        &mut self,
        handle: &Resource<SqliteConnection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Rows, Fault> {
        self.statement(handle)?.run(statement, parameters).await
    }

    /// Closes a connection. One that is not open is ignored.
    pub(in crate::capabilities) fn close_sqlite(&mut self, handle: Resource<SqliteConnection>) {
        let _ = self.table.delete(handle);
    }
}

impl Statement {
    /// Runs it to its end.
    pub(super) async fn run(
        mut self,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<Rows, Fault> {
        let result = self.open.execute(statement, parameters, self.deadline, &self.trace).await;
        self.end(&result);
        result.map_err(Fault::Io)
    }

    /// Runs it until its first row, or its end.
    pub(super) async fn query(mut self, statement: String, parameters: Vec<Value>) -> Streamed {
        let Self { open, deadline, trace, grants, .. } = &self;
        let streams = &grants.servers.sqlite_streams;
        let result = open.query(statement, parameters, *deadline, trace, streams).await;
        self.end(&result);
        result.unwrap_or_else(|text| Streamed::whole(Rows::default(), Err(text)))
    }

    fn end<T>(&mut self, result: &Result<T, String>) {
        self.span.end(match result {
            Ok(_) => Outcome::Ok,
            Err(_) if self.deadline.remaining().is_zero() => Kind::DeadlineExceeded.outcome(),
            Err(_) => Outcome::Refused,
        });
    }
}

/// Conversions between the values and errors of one version of the interface and the host's.
macro_rules! convert {
    ($version:path) => {
        use $version as version;

        $crate::capabilities::sql::convert_variants! {
            version::Value => Value { Integer(value), Real(value), Text(value), Blob(value), Null }
        }
        $crate::capabilities::sql::convert_variants! {
            Value => version::Value { Integer(value), Real(value), Text(value), Blob(value), Null }
        }
        $crate::capabilities::sql::convert_variants! {
            Fault => version::Error { AccessDenied, InvalidConnection, Io(value) }
        }

        impl From<Rows> for version::QueryResult {
            fn from(rows: Rows) -> Self {
                let Rows { columns, rows } = rows;
                Self { columns, rows: rows.into_iter().map(Into::into).collect() }
            }
        }

        impl From<Vec<Value>> for version::RowResult {
            fn from(row: Vec<Value>) -> Self {
                Self { values: row.into_iter().map(Into::into).collect() }
            }
        }
    };
}
pub(in crate::capabilities) use convert;
