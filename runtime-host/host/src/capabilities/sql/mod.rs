//! What the drivers of database servers share: pools, sessions, rows, and the connections of guests.
//!
//! A [`Driver`] is one connection to a server. A guest's connection is a [session](session::Session): a task that
//! runs its statements one after the other, cancels a statement whose caller is gone, and
//! leaves the driver clean in its [pool](Pools). The drivers of servers do not read a response
//! correctly after a future of theirs was dropped; in a task of its own, none is.

mod connection;
mod pool;
mod rows;
mod session;
mod variants;

pub(super) use connection::Opening;
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use connection::SqlConnection;
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub use pool::Pools;
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub use rows::Answer;
pub(super) use rows::{Reply, Rows, row_bytes};
pub(super) use variants::{convert_row_set, convert_variants};

use super::connection_limits::{Connections, Counter};
use super::outbound_http::Outbound;
use super::{Grants, State, bindings};
use std::future::Future;

/// The size of an address, in bytes: it is kept with its pool.
const ADDRESS_MAX_BYTES: usize = 16 << 10;

/// What queries of one kind of database return.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub trait Results: Send + 'static {
    type Column: Send + 'static;
    type Row: Send + Sync + 'static;
    /// An error of the interface.
    type Fault: From<Refusal> + Send + 'static;
}

/// A connection to a server of one kind.
#[expect(unreachable_pub, reason = "it is the parameter of a type that generated code re-exports")]
pub trait Driver: Results + Sized {
    /// The scheme in `allowed_outbound_hosts`.
    const SCHEME: &'static str;
    /// The names of operations in spans: opening, executing, querying.
    const OPERATIONS: Operations;

    /// Where to connect, and how.
    type Address: Clone + Send + Sync + 'static;
    type Parameter: Send + 'static;
    /// Cancels the statement that is running.
    type Canceler: Canceler;

    /// The pools of a component.
    fn pools(grants: &Grants) -> &Pools<Self>;

    /// All hosts that a connection to this address may lead to, with their ports.
    fn hosts(address: &Self::Address) -> Result<Vec<(String, Option<u16>)>, Self::Fault>;

    /// What counts the connections of all components.
    fn counter(connections: &Connections) -> &Counter;

    /// Connects to hosts whose addresses may be reached.
    fn connect(
        address: &Self::Address,
        outbound: &Outbound,
    ) -> impl Future<Output = Result<Self, Self::Fault>> + Send;

    /// Whether the server still answers.
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    fn canceler(&self) -> Self::Canceler;

    /// Runs a statement to its end. Returns the number of changed rows.
    fn execute(
        &mut self,
        statement: Statement<Self>,
    ) -> impl Future<Output = Result<u64, Self::Fault>> + Send;

    /// Runs a statement to its end, also if its rows are no longer read.
    fn query(
        &mut self,
        statement: Statement<Self>,
        answer: Answer<Self>,
    ) -> impl Future<Output = ()> + Send;

    /// Undoes what the session has left: an open transaction, settings, locks. `false` if that is
    /// not possible.
    fn clean(&mut self) -> impl Future<Output = bool> + Send;

    /// Says goodbye to the server.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Cancels the statement of a connection, by another connection.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub trait Canceler: Send + Sync + 'static {
    fn cancel(&self) -> impl Future<Output = ()> + Send;
}

/// The names of operations in spans.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Operations {
    pub(super) open: &'static str,
    pub(super) execute: &'static str,
    pub(super) query: &'static str,
}

/// A statement with the values of its parameters.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Statement<D: Driver> {
    pub(super) text: String,
    pub(super) parameters: Vec<D::Parameter>,
}

/// Why something failed before or after the work of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no connection.
    Connection(String),
    /// The statement, or its result, has exceeded a limit.
    Query(String),
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Connection(text) | Refusal::Query(text) => text,
        }
    }
}

/// Refuses an address that is too long to be kept.
pub(super) fn check_length(address: &str) -> Result<(), Refusal> {
    if address.len() > ADDRESS_MAX_BYTES {
        let text = format!("the address has more than {ADDRESS_MAX_BYTES} bytes");
        return Err(Refusal::Connection(text));
    }
    Ok(())
}

/// The types that the older interfaces of all servers share have no functions.
impl bindings::fermyon::spin::rdbms_types::Host for State {}

/// An error with its causes, in one line.
pub(super) fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors already contain the text of their cause.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
