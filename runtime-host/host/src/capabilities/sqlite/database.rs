//! A database and the connections of guests to it, wherever it is.

use super::local::{self, Local};
use super::server::{self, Server};
use super::streamed::{Streamed, Streams};
use crate::capabilities::outbound_http::Outbound;
use crate::telemetry::TraceContext;
use std::sync::Arc;
use tessera_resilience::Deadline;

/// What the rows of one statement may have together, in bytes: the host holds them for the guest.
pub(crate) const ROWS_MAX_BYTES: usize = 32 << 20;

/// A database, by its label in the runtime configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Database {
    Local(Arc<Local>),
    Server(Arc<Server>),
}

/// A value in a row, or of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::capabilities) enum Value {
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    Null,
}

/// What a statement returns.
#[derive(Debug, Default, PartialEq)]
pub(in crate::capabilities) struct Rows {
    pub(in crate::capabilities) columns: Vec<String>,
    pub(in crate::capabilities) rows: Vec<Vec<Value>>,
}

/// An open connection. Statements on it run one after the other.
#[derive(Clone)]
pub(super) enum Open {
    Local(local::Open),
    Server(Arc<server::Open>),
}

impl Database {
    /// Opens a connection. The error is text for the guest.
    pub(super) async fn open(&self, outbound: Arc<Outbound>) -> Result<Open, String> {
        match self {
            Self::Local(local) => local.clone().open().await.map(Open::Local),
            // It begins with the first statement.
            Self::Server(server) => {
                Ok(Open::Server(Arc::new(server::Open::new(server.clone(), outbound))))
            }
        }
    }
}

impl Open {
    /// Runs a statement to its end, or until the deadline or the future's end interrupts it.
    pub(super) async fn execute(
        &self,
        statement: String,
        parameters: Vec<Value>,
        deadline: Deadline,
        trace: &TraceContext,
    ) -> Result<Rows, String> {
        match self {
            Self::Local(local) => local.execute(statement, parameters, deadline).await,
            Self::Server(server) => {
                let work = server.execute(&statement, parameters, trace);
                let late = |_| "the deadline of the call has passed".to_owned();
                deadline.limit(work).await.map_err(late)?
            }
        }
    }

    /// Runs a statement until its first row, or its end. The guest reads the rows of a local
    /// database while it runs on.
    pub(super) async fn query(
        &self,
        statement: String,
        parameters: Vec<Value>,
        deadline: Deadline,
        trace: &TraceContext,
        streams: &Streams,
    ) -> Result<Streamed, String> {
        match self {
            Self::Local(local) => local.query(statement, parameters, deadline, streams).await,
            Self::Server(_) => {
                let rows = self.execute(statement, parameters, deadline, trace).await?;
                Ok(Streamed::whole(rows, Ok(())))
            }
        }
    }

    pub(super) async fn last_insert_rowid(&self) -> i64 {
        match self {
            Self::Local(local) => local.last_insert_rowid().await,
            Self::Server(server) => server.last_insert_rowid(),
        }
    }

    pub(super) async fn changes(&self) -> u64 {
        match self {
            Self::Local(local) => local.changes().await,
            Self::Server(server) => server.changes(),
        }
    }
}

impl Value {
    /// Its size, besides the fixed part.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
            Self::Integer(_) | Self::Real(_) | Self::Null => 0,
        }
    }
}
